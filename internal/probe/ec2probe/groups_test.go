package ec2probe_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/ec2probe"
)

func allow(group string, permissions ...awstest.IPPermission) awstest.SecurityGroup {
	return awstest.SecurityGroup{GroupID: group, GroupName: "a group & more", OwnerID: awstest.ID, VpcID: "vpc-1", IPPermissions: permissions}
}

func from(ranges ...string) awstest.IPPermission {
	p := awstest.IPPermission{IPProtocol: "tcp", FromPort: aws.Int32(5432), ToPort: aws.Int32(5432)}
	for _, r := range ranges {
		switch {
		case strings.HasPrefix(r, "sg-"):
			p.Groups = append(p.Groups, awstest.GroupPair{GroupID: r, UserID: awstest.ID})
		case strings.HasPrefix(r, "pl-"):
			p.PrefixListIDs = append(p.PrefixListIDs, awstest.PrefixListID{PrefixListID: r})
		case strings.Contains(r, ":"):
			p.IPv6Ranges = append(p.IPv6Ranges, awstest.IPv6Range{CidrIPv6: r})
		default:
			p.IPRanges = append(p.IPRanges, awstest.IPRange{CidrIP: r, Description: "<a range>"})
		}
	}
	return p
}

func TestClosedAgainstTheStandIn(t *testing.T) {
	for name, test := range map[string]struct {
		groups []awstest.SecurityGroup
		rules  awstest.Rules
		public bool
		status probe.Status
		got    string
	}{
		"closed":                     {[]awstest.SecurityGroup{allow("sg-1", from("sg-2", "10.0.0.0/16", "pl-1")), allow("sg-2")}, awstest.Rules{}, false, probe.Pass, ""},
		"closed, page by page":       {[]awstest.SecurityGroup{allow("sg-1", from("sg-2", "sg-3", "pl-1")), allow("sg-2"), allow("sg-3")}, awstest.Rules{PageSize: 1}, false, probe.Pass, ""},
		"open on page two":           {[]awstest.SecurityGroup{allow("sg-1", from("sg-2", "sg-3")), allow("sg-2"), allow("sg-3", from("::/0"))}, awstest.Rules{PageSize: 1}, false, probe.Fail, "::/0 in sg-3"},
		"open by page two of a list": {[]awstest.SecurityGroup{allow("sg-1", from("pl-2"))}, awstest.Rules{PageSize: 1}, false, probe.Fail, "0.0.0.0/0"},
		"no such group":              {nil, awstest.Rules{}, false, probe.Blocked, "security group sg-1"},
		"no such list":               {[]awstest.SecurityGroup{allow("sg-1", from("pl-9"))}, awstest.Rules{}, false, probe.Blocked, "prefix list pl-9"},
		"throttled":                  {[]awstest.SecurityGroup{allow("sg-1")}, awstest.Rules{Throttle: 0.5}, false, probe.Pass, ""},
		"denied":                     {[]awstest.SecurityGroup{allow("sg-1")}, awstest.Rules{Policy: &awstest.Policy{}}, false, probe.Blocked, "UnauthorizedOperation"},
		"another's endpoint":         {[]awstest.SecurityGroup{allow("sg-1")}, awstest.Rules{}, true, probe.Blocked, "not AWS"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := awstest.Start(&awstest.Account{SecurityGroups: test.groups, PrefixLists: map[string][]string{"pl-1": {"192.0.2.0/28", "198.51.100.0/28"}, "pl-2": {"192.0.2.0/28", "0.0.0.0/0"}}})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, server.Close()) })
			server.Treat(test.rules)
			for _, entry := range server.Env() {
				name, value, _ := strings.Cut(entry, "=")
				t.Setenv(name, value)
			}
			account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region, Public: test.public})
			claim := ec2probe.New(account).Closed(func(context.Context) (ec2probe.Guarded, error) {
				return ec2probe.Guarded{Name: "db", Port: 5432, Groups: []string{"sg-1"}}, nil
			})
			result := probe.Run(t.Context(), "closed", claim)
			assert.Equal(t, test.status, result.Status, result.Message())
			assert.Contains(t, result.Got+result.Want, test.got)
		})
	}
}
