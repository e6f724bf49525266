package rdsprobe

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

var now = time.Date(2027, 1, 18, 12, 0, 0, 0, time.UTC)

// ago are snapshots that are complete and so many hours old, the newest first.
func ago(hours ...float64) []Snapshot {
	var list []Snapshot
	for _, h := range hours {
		list = append(list, Snapshot{ID: fmt.Sprintf("rds:drop-db-%vh", h), Status: "available", Made: now.Add(-time.Duration(h * float64(time.Hour)))})
	}
	return list
}

func but(list []Snapshot, at int, status string) []Snapshot {
	list[at].Status = status
	return list
}

func TestYoungEnough(t *testing.T) {
	for name, test := range map[string]struct {
		list []Snapshot
		got  string // empty: young enough
	}{
		"five hours old":                    {ago(5, 29), ""},
		"exactly the limit":                 {ago(26), ""},
		"under way, the one before is good": {but(ago(0, 24), 0, "creating"), ""},
		"from the future, one before is":    {ago(-1, 24), ""}, // of a clock that is ahead: it does not count

		"a second too old":       {ago(26 + 1.0/3600), "the newest from 2027-01-17T09:59:59Z"},
		"none":                   {nil, "none available of 0"},
		"only one under way":     {but(ago(5), 0, "creating"), "none available of 1"},
		"only one that failed":   {but(ago(5), 0, "failed"), "none available of 1"},
		"newest one failed":      {but(ago(5, 29), 0, "failed"), "the newest from 2027-01-17T07:00:00Z"},
		"only from the future":   {ago(-1), "none available of 1"},
		"one without a time":     {[]Snapshot{{ID: "s", Status: "available"}}, "none available of 1"},
		"one that says nothing":  {[]Snapshot{{}}, "none available of 1"},
		"only of the last month": {ago(24 * 30), "the newest from"},
	} {
		t.Run(name, func(t *testing.T) {
			unmet := youngEnough(test.list, now, 26*time.Hour)
			if test.got == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Equal(t, "rds.backup", unmet.Class)
			assert.Contains(t, unmet.Got, test.got)
		})
	}
}

func TestDaily(t *testing.T) {
	for name, test := range map[string]struct {
		list []Snapshot
		got  string // empty: one on each of three days
	}{
		"one a day":                         {ago(5, 29, 53), ""},
		"more than asked":                   {ago(5, 29, 53, 77), ""},
		"today's is due, not late":          {ago(25, 49, 73), ""},
		"today's is exactly two hours late": {ago(26, 50, 74), ""},
		"one more, by hand of RDS":          {ago(3, 10, 34, 58), ""},
		"today's is under way":              {but(ago(0, 24, 48, 72), 0, "creating"), ""},
		"a clock that is ahead":             {ago(-0.1, 23.9, 47.9, 71.9), ""},

		"today's is late by more":     {ago(26.1, 50.1, 74.1), "none for day 1"},
		"yesterday's is missing":      {ago(5, 53), "none for day 2"},
		"yesterday's failed":          {but(ago(5, 29, 53), 1, "failed"), "none for day 2"},
		"the third is missing":        {ago(5, 29), "none for day 3"},
		"a late one is no two":        {ago(25, 49), "none for day 3"}, // each lies in the tolerance of the day after too
		"three in one day":            {ago(1, 2, 3), "none for day 2"},
		"today's hangs under way":     {but(ago(5, 29, 53, 77), 0, "creating"), "none for day 1"},
		"none":                        {nil, "none for day 1"},
		"without a time":              {[]Snapshot{{Status: "available"}, {Status: "available"}, {Status: "available"}}, "none for day 1"},
		"only from the future":        {ago(-5, -29, -53), "none for day 1"},
		"of an instance of last year": {ago(24*400, 24*401, 24*402), "none for day 1"},
	} {
		t.Run(name, func(t *testing.T) {
			unmet := daily(test.list, now, 3)
			if test.got == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Equal(t, "rds.schedule", unmet.Class)
			assert.Contains(t, unmet.Got, test.got)
		})
	}
}

func TestRestorable(t *testing.T) {
	for name, test := range map[string]struct {
		latest time.Time
		got    string
	}{
		"minutes ago":            {now.Add(-3 * time.Minute), ""},
		"exactly the limit":      {now.Add(-10 * time.Minute), ""},
		"a clock that is behind": {now.Add(5 * time.Minute), ""},

		"a second more":        {now.Add(-10*time.Minute - time.Second), "that of 2027-01-18T11:49:59Z"},
		"no time at all":       {time.Time{}, "that of never"},
		"from the future":      {now.Add(5*time.Minute + time.Second), "which is still to come"},
		"from another century": {now.AddDate(100, 0, 0), "which is still to come"},
	} {
		t.Run(name, func(t *testing.T) {
			unmet := restorable(test.latest, now, 10*time.Minute)
			if test.got == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Equal(t, "rds.restorable", unmet.Class)
			assert.Contains(t, unmet.Got, test.got)
		})
	}
}

// TestBefore judges lists of snapshots of drop-db, whose migration begins at now.
func TestBefore(t *testing.T) {
	b := Before{Prefix: "drop-db-pre-launch-", Release: "1.0.0", Start: now, Within: 30 * time.Minute}
	good := types.DBSnapshot{DBSnapshotIdentifier: aws.String("drop-db-pre-launch-1"), DbiResourceId: aws.String("db-A"), Status: aws.String("available"), PercentProgress: aws.Int32(100),
		SnapshotCreateTime: aws.Time(now.Add(-10 * time.Minute)), TagList: []types.Tag{{Key: aws.String(ReleaseTag), Value: aws.String("1.0.0")}}}
	for name, test := range map[string]struct {
		change func(*types.DBSnapshot)
		got    string
	}{
		"as it must be":      {func(*types.DBSnapshot) {}, ""},
		"at the start":       {func(s *types.DBSnapshot) { s.SnapshotCreateTime = &now }, ""},
		"just young enough":  {func(s *types.DBSnapshot) { s.SnapshotCreateTime = aws.Time(now.Add(-30 * time.Minute)) }, ""},
		"too old":            {func(s *types.DBSnapshot) { s.SnapshotCreateTime = aws.Time(now.Add(-30*time.Minute - time.Second)) }, "drop-db-pre-launch-1 of "},
		"a copy of an old":   {func(s *types.DBSnapshot) { s.OriginalSnapshotCreateTime = aws.Time(now.AddDate(0, 0, -9)) }, "drop-db-pre-launch-1 of "},
		"too late":           {func(s *types.DBSnapshot) { s.SnapshotCreateTime = aws.Time(now.Add(time.Second)) }, "when the migration might have begun"},
		"still creating":     {func(s *types.DBSnapshot) { s.Status, s.PercentProgress = aws.String("creating"), aws.Int32(40) }, "creating at 40 %"},
		"not begun":          {func(s *types.DBSnapshot) { s.SnapshotCreateTime, s.Status, s.PercentProgress = nil, nil, nil }, "at 0 %"},
		"available at 99 %":  {func(s *types.DBSnapshot) { s.PercentProgress = aws.Int32(99) }, "at 99 %"},
		"failed":             {func(s *types.DBSnapshot) { s.Status = aws.String("failed") }, "failed at 100 %"},
		"no tag":             {func(s *types.DBSnapshot) { s.TagList = nil }, `launchgate:release ""`},
		"another release":    {func(s *types.DBSnapshot) { s.TagList[0].Value = aws.String("0.9.0") }, `launchgate:release "0.9.0"`},
		"another instance":   {func(s *types.DBSnapshot) { s.DbiResourceId = aws.String("db-B") }, "of another instance"},
		"nobody's instance":  {func(s *types.DBSnapshot) { s.DbiResourceId = nil }, "of another instance"},
		"for something else": {func(s *types.DBSnapshot) { s.DBSnapshotIdentifier = aws.String("drop-db-by-hand") }, "none of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			s.TagList = slices.Clone(good.TagList)
			test.change(&s)
			unmet := b.judge(manual([]types.DBSnapshot{s}), "db-A", "drop-db")
			if test.got == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Contains(t, unmet.Got, test.got)
			assert.Nil(t, b.judge(manual([]types.DBSnapshot{s, good}), "db-A", "drop-db"), "one that is as it must be is enough")
		})
	}
	assert.Contains(t, b.judge(nil, "db-A", "drop-db").Error(), "none of 0; launchgate backup, or aws rds create-db-snapshot --db-instance-identifier drop-db --db-snapshot-identifier drop-db-pre-launch-$(date")
}

// describedAs is an instance that RDS said these states of.
func describedAs(states ...State) *Instance {
	i := New(nil, "drop-db")
	i.now = func() time.Time { return now }
	all := map[string]State{}
	for _, s := range states {
		all[s.ID] = s
	}
	_, err := i.seen.Try(context.Background(), "the databases", time.Second, func(context.Context) (described, error) { return described{all: all, from: "RDS"}, nil })
	if err != nil {
		panic(err)
	}
	return i
}

func TestReplicas(t *testing.T) {
	primary := State{ID: "drop-db", Status: "available", Replicas: []string{"drop-db-2", "drop-db-1"}}
	replica := State{ID: "drop-db-1", Status: "available", Replication: "replicating"}
	chain := describedAs(State{ID: "drop-db", Replicas: []string{"drop-db-1"}}, State{ID: "drop-db-1", Replicas: []string{"drop-db-6"}})
	i := describedAs(primary, replica, State{ID: "drop-db-2", Status: "rebooting", Replication: "replicating"},
		State{ID: "drop-db-3", Status: "available", Replication: "error replication slot is gone"}, State{ID: "drop-db-4", Status: "available"},
		fromInstance(&types.DBInstance{DBInstanceIdentifier: aws.String("drop-db-5"), DBInstanceStatus: aws.String("available"),
			StatusInfos: []types.DBInstanceStatusInfo{{StatusType: aws.String("read replication"), Status: aws.String("replicating"), Normal: aws.Bool(false)}}}))
	for name, test := range map[string]struct {
		claim probe.Claim
		class string
	}{
		"the replicas, in any order": {i.HasReplicas("drop-db-1", "drop-db-2"), ""},
		"one that nobody watches":    {i.HasReplicas("drop-db-1"), "replica.set"},
		"one that is not there":      {i.HasReplicas("drop-db-1", "drop-db-2", "drop-db-3"), "replica.set"},
		"none wanted":                {i.HasReplicas(), "replica.set"},
		"none wanted, none there":    {describedAs(State{ID: "drop-db"}).HasReplicas(), ""},
		"one wanted, none there":     {describedAs(State{ID: "drop-db"}).HasReplicas("drop-db-1"), "replica.set"},

		// A replica may have replicas of its own. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html
		"one behind a replica":           {chain.HasReplicas("drop-db-1"), "replica.set"},
		"one behind a replica, expected": {chain.HasReplicas("drop-db-1", "drop-db-6"), ""},

		"replicates":        {i.Replicates("drop-db-1"), ""},
		"is rebooted":       {i.Replicates("drop-db-2"), "replica.status"},
		"has an error":      {i.Replicates("drop-db-3"), "replica.stopped"},
		"is not normal":     {i.Replicates("drop-db-5"), "replica.stopped"},
		"is no replica":     {i.Replicates("drop-db-4"), "replica.stopped"},
		"is not there":      {i.Replicates("drop-db-9"), "rds.missing"},
		"primary is no one": {i.Replicates("drop-db"), "replica.stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.claim(t.Context())
			if test.class == "" {
				assert.NoError(t, err)
				return
			}
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, test.class, unmet.Class)
		})
	}
}

func TestClaimsOfTheInstance(t *testing.T) {
	good := State{ID: "drop-db", Status: "available", Encrypted: true, MultiAZ: true, RetentionDays: 30}
	for name, test := range map[string]struct {
		change func(*State)
		claim  func(*Instance) probe.Claim
		class  string
	}{
		"status":       {func(s *State) { s.Status = "backing-up" }, (*Instance).Available, "rds.status"},
		"pending":      {func(s *State) { s.Pending = []string{"pending class"} }, (*Instance).Available, "rds.pending"},
		"plain":        {func(s *State) { s.Encrypted = false }, (*Instance).Encrypted, "rds.encryption"},
		"one zone":     {func(s *State) { s.MultiAZ = false }, (*Instance).InTwoZones, "rds.zone"},
		"public":       {func(s *State) { s.Public = true }, func(i *Instance) probe.Claim { return i.NotPublic("drop-db") }, "rds.public"},
		"a day less":   {func(s *State) { s.RetentionDays = 29 }, func(i *Instance) probe.Claim { return i.KeptFor(30) }, "rds.retention"},
		"backups off":  {func(s *State) { s.RetentionDays = 0 }, func(i *Instance) probe.Claim { return i.KeptFor(1) }, "rds.retention"},
		"never backed": {func(*State) {}, func(i *Instance) probe.Claim { return i.RestorableTo(time.Hour) }, "rds.restorable"},
		"gone":         {func(s *State) { s.ID = "another" }, (*Instance).Encrypted, "rds.missing"},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "never backed" && test.class != "rds.status" && test.class != "rds.pending" { // the good ones of these ask an account, in TestInAnAccount
				_, err := test.claim(describedAs(good))(t.Context())
				require.NoError(t, err)
			}
			bad := good
			test.change(&bad)
			_, err := test.claim(describedAs(bad))(t.Context())
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, test.class, unmet.Class)
			assert.NotEmpty(t, unmet.Fix)
		})
	}
}

func TestFromInstance(t *testing.T) {
	s := fromInstance(&types.DBInstance{DBInstanceIdentifier: aws.String("drop-db"),
		PendingModifiedValues: &types.PendingModifiedValues{MasterUserPassword: aws.String("hunter2"), Iops: aws.Int32(1), MultiAZ: aws.Bool(true), Port: aws.Int32(1), DBInstanceClass: aws.String("x")},
		DBParameterGroups:     []types.DBParameterGroupStatus{{DBParameterGroupName: aws.String("a"), ParameterApplyStatus: aws.String("in-sync")}, {DBParameterGroupName: aws.String("b"), ParameterApplyStatus: aws.String("pending-reboot")}},
		StatusInfos:           []types.DBInstanceStatusInfo{{StatusType: aws.String("read replication"), Status: aws.String("error"), Message: aws.String("slot is gone"), Normal: aws.Bool(false)}}})
	assert.True(t, s.Public, "what is not said is not closed")
	assert.Equal(t, []string{"pending IOPS", "pending class", "pending multi-AZ", "pending password", "pending port", "parameter group b pending-reboot", "read replication: error slot is gone"}, s.Pending)
	assert.NotContains(t, fmt.Sprint(s), "hunter2")
	assert.Equal(t, "error slot is gone", s.Replication)
	assert.True(t, s.LatestRestorable.IsZero())
}

// Whatever RDS has pending is a change at the launch. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingModifiedValues.html
func TestWhateverIsPendingIsNamed(t *testing.T) {
	fields := reflect.TypeFor[types.PendingModifiedValues]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		if !field.IsExported() {
			continue
		}
		var pending types.PendingModifiedValues
		value := reflect.ValueOf(&pending).Elem().Field(i)
		switch field.Type.Kind() {
		case reflect.Pointer:
			value.Set(reflect.New(field.Type.Elem()))
		case reflect.Slice:
			value.Set(reflect.MakeSlice(field.Type, 1, 1))
		default:
			value.SetString("full")
		}
		assert.Len(t, fromInstance(&types.DBInstance{PendingModifiedValues: &pending}).Pending, 1, field.Name)
	}
	assert.Empty(t, fromInstance(&types.DBInstance{PendingModifiedValues: &types.PendingModifiedValues{ProcessorFeatures: []types.ProcessorFeature{}}}).Pending)
}
