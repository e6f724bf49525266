package logsprobe_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
)

const (
	group = "/aws/apprunner/drop-web/8fe1/application"
	nonce = "K7QW2NONCE"
)

// inAccount starts a stand-in with three groups that begin alike, and gives the account as a probe sees it.
func inAccount(t *testing.T) (*awstest.Server, *awsprobe.Account) {
	t.Helper()
	s := awstest.New(t, &awstest.Account{LogGroups: []types.LogGroup{
		{LogGroupName: aws.String(group + "-of-another")}, {LogGroupName: aws.String(group), RetentionInDays: aws.Int32(30)}, {LogGroupName: aws.String("/aws/apprunner/drop-web/8fe1/service")},
	}})
	return s, awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
}

// logged puts an event into a group.
func logged(s *awstest.Server, group, message string, at time.Time) {
	s.Change(func(a *awstest.Account) {
		a.LogEvents = append(a.LogEvents, types.FilteredLogEvent{LogStreamName: aws.String(group + "/instance-1"), Message: aws.String(message),
			Timestamp: aws.Int64(at.UnixMilli()), EventId: aws.String("event-1")})
	})
}

func TestCaptures(t *testing.T) {
	for name, test := range map[string]struct {
		log    func(*awstest.Server)
		fails  error
		rules  awstest.Rules
		status probe.Status
		said   string
	}{
		"at once": {log: func(s *awstest.Server) { logged(s, group, "GET /api/health?launchgate="+nonce+" 200", time.Now()) }, status: probe.Pass},
		"a little later": {log: func(s *awstest.Server) {
			time.AfterFunc(400*time.Millisecond, func() { logged(s, group, nonce, time.Now()) })
		}, status: probe.Pass},
		"at the very end": {log: func(s *awstest.Server) {
			time.AfterFunc(950*time.Millisecond, func() { logged(s, group, nonce, time.Now()) })
		}, status: probe.Pass},
		"a clock behind": {log: func(s *awstest.Server) { logged(s, group, nonce, time.Now().Add(-4*time.Minute)) }, status: probe.Pass},
		"a clock ahead":  {log: func(s *awstest.Server) { logged(s, group, nonce, time.Now().Add(4*time.Minute)) }, status: probe.Pass},
		"among many pages": {log: func(s *awstest.Server) {
			logged(s, group, nonce+" first", time.Now())
			logged(s, group, nonce, time.Now())
		}, rules: awstest.Rules{PageSize: 1}, status: probe.Pass},

		"nothing": {log: func(*awstest.Server) {}, status: probe.Fail,
			said: "want the request " + nonce + " in " + group + " within 1s; got nothing, although the request was answered with 200 from logs:FilterLogEvents"},
		"another request":  {log: func(s *awstest.Server) { logged(s, group, "GET /api/health?launchgate=OLDER", time.Now()) }, status: probe.Fail, said: "got nothing"},
		"in the service's": {log: func(s *awstest.Server) { logged(s, "/aws/apprunner/drop-web/8fe1/service", nonce, time.Now()) }, status: probe.Fail, said: "got nothing"},
		"too late":         {log: func(s *awstest.Server) { time.AfterFunc(3*time.Second, func() { logged(s, group, nonce, time.Now()) }) }, status: probe.Fail, said: "got nothing"},
		"of an hour ago":   {log: func(s *awstest.Server) { logged(s, group, nonce, time.Now().Add(-time.Hour)) }, status: probe.Fail, said: "got nothing"},

		"no answer": {fails: &probe.Unmet{Class: "tls.expired", Got: "an expired certificate"}, status: probe.Blocked, said: "got an expired certificate; mend the application first"},
		"denied": {log: func(*awstest.Server) {}, rules: awstest.Rules{Policy: awstest.Allowing("logs:DescribeLogGroups")}, status: probe.Blocked,
			said: "allow logs:FilterLogEvents to " + awstest.CallerARN},
		"all denied": {log: func(*awstest.Server) {}, rules: awstest.Rules{Policy: awstest.Allowing()}, status: probe.Blocked, said: "allow logs:DescribeLogGroups to " + awstest.CallerARN},
	} {
		t.Run(name, func(t *testing.T) {
			s, account := inAccount(t)
			s.Treat(test.rules)
			_, err := logsprobe.New(account, group).Captures(nonce, time.Second, func(context.Context) (string, error) {
				if test.fails == nil {
					test.log(s)
				}
				return "200", test.fails
			})(t.Context())
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
		})
	}
}

func TestCapturesInAGroupThatIsMissing(t *testing.T) {
	_, account := inAccount(t)
	_, err := logsprobe.New(account, "/aws/apprunner/drop-web/8fe1").Captures(nonce, time.Second, func(context.Context) (string, error) {
		return "", errors.New("asked, although there is no group")
	})(t.Context())
	assert.Equal(t, probe.Fail, probe.StatusOf(err))
	assert.ErrorContains(t, err, "got none of that name")
}

func TestCapturesEndsWithItsContext(t *testing.T) {
	_, account := inAccount(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := logsprobe.New(account, group).Captures(nonce, time.Minute, func(context.Context) (string, error) { return "200", nil })(ctx)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
}

func TestGroup(t *testing.T) {
	for name, test := range map[string]struct {
		group  string
		claim  func(*logsprobe.Group) probe.Claim
		status probe.Status
		said   string
	}{
		"there":              {group, (*logsprobe.Group).Exists, probe.Pass, ""},
		"only the beginning": {"/aws/apprunner/drop-web/8fe1", (*logsprobe.Group).Exists, probe.Fail, "got none of that name"},
		"no name":            {"", (*logsprobe.Group).Exists, probe.Blocked, "no logs.group in launch.yaml"},
		"kept for 30 days":   {group, func(g *logsprobe.Group) probe.Claim { return g.Kept(30) }, probe.Pass, ""},
		"not for 31":         {group, func(g *logsprobe.Group) probe.Claim { return g.Kept(31) }, probe.Fail, "got 30 days"},
		"without end":        {group + "-of-another", func(g *logsprobe.Group) probe.Claim { return g.Kept(1) }, probe.Fail, "kept without end"},
	} {
		t.Run(name, func(t *testing.T) {
			s, account := inAccount(t)
			s.Treat(awstest.Rules{PageSize: 1})
			_, err := test.claim(logsprobe.New(account, test.group))(t.Context())
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
		})
	}
}
