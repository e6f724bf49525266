package betterstackprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

const healthURL = "https://getdrop.no/api/health"

var now = time.Date(2027, 1, 18, 12, 0, 0, 0, time.UTC)

// good is a monitor as it must be, with one change.
func good(changes ...func(*Monitor)) Monitor {
	yes, no, checked, days := true, false, now.Add(-20*time.Second), 14
	m := Monitor{ID: "1", URL: healthURL, Name: "Health", Type: "keyword", Keyword: "ok", LastChecked: &checked, Status: "up", Paused: &no, Policy: "7", Frequency: 30, VerifiesTheCA: &yes,
		Regions: []string{"us", "eu"}, SSLDays: &days, DomainDays: &days}
	for _, change := range changes {
		change(&m)
	}
	return m
}

func at(t time.Time) func(*Monitor) { return func(m *Monitor) { m.LastChecked = &t } }

func TestWatches(t *testing.T) {
	yes, no := true, false
	for name, test := range map[string]struct {
		monitor Monitor
		want    probe.Status
	}{
		"good":                     {good(), probe.Pass},
		"asks for a status":        {good(func(m *Monitor) { m.Type, m.Keyword, m.StatusCodes = "expected_status_code", "", []int{200} }), probe.Pass},
		"asks for 2xx":             {good(func(m *Monitor) { m.Type = "status" }), probe.Pass},
		"another URL":              {good(func(m *Monitor) { m.URL = "https://x.awsapprunner.com/api/health" }), probe.Fail},
		"the same with a query":    {good(func(m *Monitor) { m.URL += "?x" }), probe.Fail},
		"plain HTTP":               {good(func(m *Monitor) { m.URL = "http://getdrop.no/api/health" }), probe.Fail},
		"paused":                   {good(func(m *Monitor) { m.Paused = &yes }), probe.Fail},
		"paused, says its status":  {good(func(m *Monitor) { m.Status = "paused" }), probe.Fail},
		"paused at a time":         {good(func(m *Monitor) { m.PausedAt = &now }), probe.Fail},
		"paused or not":            {good(func(m *Monitor) { m.Paused = nil }), probe.Blocked},
		"down":                     {good(func(m *Monitor) { m.Status = "down" }), probe.Fail},
		"maintenance":              {good(func(m *Monitor) { m.Status = "maintenance" }), probe.Fail},
		"validating":               {good(func(m *Monitor) { m.Status = "validating" }), probe.Blocked},
		"pending":                  {good(func(m *Monitor) { m.Status = "pending" }), probe.Blocked},
		"no status":                {good(func(m *Monitor) { m.Status = "" }), probe.Blocked},
		"a status of tomorrow":     {good(func(m *Monitor) { m.Status = "UP" }), probe.Blocked},
		"never checked":            {good(func(m *Monitor) { m.LastChecked = nil }), probe.Blocked},
		"checked 90 s ago":         {good(at(now.Add(-90 * time.Second))), probe.Pass},
		"checked 91 s ago":         {good(at(now.Add(-91 * time.Second))), probe.Fail},
		"checked yesterday":        {good(at(now.Add(-24 * time.Hour))), probe.Fail},
		"checked in the future":    {good(at(now.Add(time.Minute))), probe.Blocked},
		"no frequency":             {good(func(m *Monitor) { m.Frequency = 0 }), probe.Blocked},
		"pings":                    {good(func(m *Monitor) { m.Type = "ping" }), probe.Fail},
		"a keyword's absence":      {good(func(m *Monitor) { m.Type = "keyword_absence" }), probe.Fail},
		"an empty keyword":         {good(func(m *Monitor) { m.Keyword = "" }), probe.Fail},
		"no codes":                 {good(func(m *Monitor) { m.Type = "expected_status_code" }), probe.Fail},
		"an error is welcome":      {good(func(m *Monitor) { m.Type, m.StatusCodes = "expected_status_code", []int{200, 503} }), probe.Fail},
		"any certificate will do":  {good(func(m *Monitor) { m.VerifiesTheCA = &no }), probe.Fail},
		"verifies it or not":       {good(func(m *Monitor) { m.VerifiesTheCA = nil }), probe.Blocked},
		"no policy":                {good(func(m *Monitor) { m.Policy = "" }), probe.Fail},
		"nothing but zero values ": {Monitor{}, probe.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			err := watches(test.monitor, healthURL, now)
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
		})
	}
	assert.Equal(t, probe.Blocked, probe.StatusOf(watches(good(), "", now)))
	assert.NoError(t, watches(good(func(m *Monitor) { m.URL = "https://getdrop.no" }), "https://getdrop.no/", now))
}

func TestLooks(t *testing.T) {
	window := time.Date(2027, 1, 19, 8, 0, 0, 0, time.UTC) // a Tuesday
	often := Often{Every: time.Minute, Regions: 2, From: window, To: window.Add(4 * time.Hour)}
	maintained := func(from, to, zone string, days ...string) Monitor {
		return good(func(m *Monitor) { m.MaintainFrom, m.MaintainTo, m.MaintainZone, m.MaintainDays = from, to, zone, days })
	}
	for name, test := range map[string]struct {
		monitor Monitor
		want    probe.Status
	}{
		"good":                           {good(), probe.Pass},
		"every minute":                   {good(func(m *Monitor) { m.Frequency = 60 }), probe.Pass},
		"every three":                    {good(func(m *Monitor) { m.Frequency = 180 }), probe.Fail},
		"one region":                     {good(func(m *Monitor) { m.Regions = []string{"eu"} }), probe.Fail},
		"one region twice":               {good(func(m *Monitor) { m.Regions = []string{"eu", "eu"} }), probe.Fail},
		"no regions":                     {good(func(m *Monitor) { m.Regions = nil }), probe.Fail},
		"paused":                         {good(func(m *Monitor) { m.Status = "paused" }), probe.Fail},
		"elsewhere":                      {good(func(m *Monitor) { m.URL = "https://example.com/" }), probe.Fail},
		"on a day of another spelling":   {maintained("09:00:00", "09:30:00", "UTC", "Tuesday"), probe.Blocked},
		"at night":                       {maintained("01:00:00", "03:00:00", "UTC"), probe.Pass},
		"in the window":                  {maintained("09:00:00", "09:30:00", "UTC"), probe.Fail},
		"in the window, elsewhere":       {maintained("10:00:00", "10:30:00", "Berlin"), probe.Fail},
		"not in the window, by the zone": {maintained("08:00:00", "08:59:00", "Berlin"), probe.Pass},
		"on another day":                 {maintained("09:00:00", "09:30:00", "UTC", "sat", "sun"), probe.Pass},
		"on that day":                    {maintained("09:00:00", "09:30:00", "UTC", "tue"), probe.Fail},
		"over midnight":                  {maintained("22:00:00", "09:00:00", "UTC", "mon"), probe.Fail},
		"ends as the window begins":      {maintained("07:00:00", "08:00:00", "UTC"), probe.Pass},
		"now":                            {maintained("11:59:00", "12:01:00", "UTC", "mon"), probe.Fail},
		"all day":                        {maintained("00:00:00", "00:00:00", "UTC"), probe.Fail},
		"in a zone of Rails":             {maintained("01:00:00", "03:00:00", "Eastern Time (US & Canada)"), probe.Blocked},
		"without a zone":                 {maintained("01:00:00", "03:00:00", ""), probe.Blocked},
		"half of one":                    {maintained("01:00:00", "", "UTC"), probe.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			err := looks(test.monitor, healthURL, often, now)
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
		})
	}
	spring := time.Date(2027, 3, 28, 7, 0, 0, 0, time.UTC) // 09:00 in Oslo, where the clocks went from 2 to 3
	summer := Often{Every: time.Minute, Regions: 2, From: spring, To: spring.Add(time.Hour)}
	for clock, want := range map[[2]string]probe.Status{{"09:00", "10:00"}: probe.Fail, {"08:00", "09:00"}: probe.Pass, {"10:00", "11:00"}: probe.Fail, {"10:01", "11:00"}: probe.Pass, {"22:00", "09:30"}: probe.Fail} {
		err := looks(maintained(clock[0], clock[1], "Oslo"), healthURL, summer, now)
		assert.Equal(t, want, probe.StatusOf(err), "%s %v", clock, err)
	}
}

func TestWarns(t *testing.T) {
	none := 0
	assert.NoError(t, warns(good()))
	assert.ErrorContains(t, warns(good(func(m *Monitor) { m.DomainDays = &none })), "before the domain ends")
	for range 20 {
		assert.ErrorContains(t, warns(good(func(m *Monitor) { m.SSLDays, m.DomainDays = nil, nil })), "before the certificate ends", "the first of both, always")
	}
}

func TestAtLeast(t *testing.T) {
	named := func(names ...string) (all []Wanted) {
		for _, name := range names {
			all = append(all, Wanted{Name: name})
		}
		return all
	}
	for want, all := range map[probe.Status][]Wanted{probe.Pass: named("a", "b", "c"), probe.Fail: named("a", "b", "b", "")} {
		assert.Equal(t, want, probe.Run(t.Context(), "", AtLeast(3, all)).Status)
	}
	assert.Equal(t, probe.Fail, probe.Run(t.Context(), "", AtLeast(0, nil)).Status, "nothing is never enough")
}
