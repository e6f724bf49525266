package route53probe

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

func set(kind types.RRType, role types.ResourceRecordSetFailover, check, value string) types.ResourceRecordSet {
	s := types.ResourceRecordSet{Name: aws.String("example.com."), Type: kind, Failover: role, SetIdentifier: aws.String(strings.ToLower(string(role))), TTL: aws.Int64(60),
		ResourceRecords: []types.ResourceRecord{{Value: &value}}}
	if check != "" {
		s.HealthCheckId = &check
	}
	return s
}

func seen(statuses ...string) (all []types.HealthCheckObservation) {
	for _, s := range statuses {
		all = append(all, types.HealthCheckObservation{StatusReport: &types.StatusReport{Status: aws.String(s)}})
	}
	return all
}

// world refers to name servers, and knows where some are.
type world struct {
	to []string
	at map[string]string
}

func (w world) Delegated(context.Context) ([]string, string, error) {
	if w.to == nil {
		return nil, "", &probe.Unknown{Class: "timeout", Got: "no answer"}
	}
	return w.to, "the parent", nil
}

func (w world) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if w.at[name] == "" {
		return nil, &probe.Unmet{Class: "dns.no-address", Got: "no address of " + name}
	}
	return []netip.Addr{netip.MustParseAddr(w.at[name])}, nil
}

const success, failure = "Success: HTTP Status Code 200, OK", "Failure: Connection timed out."

// account has example.com with a pair of records for each family, and www without one.
func account() *awstest.Account {
	primary, secondary := types.ResourceRecordSetFailoverPrimary, types.ResourceRecordSetFailoverSecondary
	www := set(types.RRTypeA, "", "", "192.0.2.10")
	www.Name = aws.String("www.example.com.")
	return &awstest.Account{
		Zones: []*awstest.Zone{
			{HostedZone: types.HostedZone{Id: aws.String("/hostedzone/Z1"), Name: aws.String("example.com."), CallerReference: aws.String("1")}, Servers: []string{"ns-1.awsdns-01.org", "ns-2.awsdns-02.com"}, Records: []types.ResourceRecordSet{
				set(types.RRTypeA, primary, "c1", "192.0.2.1"), set(types.RRTypeA, secondary, "", "198.51.100.1"), set(types.RRTypeAaaa, primary, "c1", "2001:db8::1"), set(types.RRTypeAaaa, secondary, "", "2001:db8:1::1"), www}},
			{HostedZone: types.HostedZone{Id: aws.String("/hostedzone/Z2"), Name: aws.String("example.com."), Config: &types.HostedZoneConfig{PrivateZone: true}, CallerReference: aws.String("2")},
				Servers: []string{"ns-8.awsdns-08.org", "ns-9.awsdns-09.com"}},
		},
		HealthChecks: []*awstest.HealthCheck{{HealthCheck: types.HealthCheck{Id: aws.String("c1"), CallerReference: aws.String("1"), HealthCheckVersion: aws.Int64(1), HealthCheckConfig: &types.HealthCheckConfig{Type: types.HealthCheckTypeHttps,
			ResourcePath: aws.String("/api/health"), FullyQualifiedDomainName: aws.String("eu-west-1.example.com")}}, Seen: seen(success, success, failure)}},
	}
}

func TestFailsOver(t *testing.T) {
	twoZones := func(a *awstest.Account) { a.Zones[1].Config.PrivateZone = false }
	record := func(i int, change func(*types.ResourceRecordSet)) func(*awstest.Account) {
		return func(a *awstest.Account) { change(&a.Zones[0].Records[i]) }
	}
	config := func(change func(*types.HealthCheckConfig)) func(*awstest.Account) {
		return func(a *awstest.Account) { change(a.HealthChecks[0].HealthCheckConfig) }
	}
	for title, test := range map[string]struct {
		change func(*awstest.Account)
		want   probe.Status
		got    string
		to     []string // empty: the name servers of Z1
	}{
		"a pair": {func(*awstest.Account) {}, probe.Pass, "", nil},
		"an alias that is watched": {record(0, func(r *types.ResourceRecordSet) {
			r.HealthCheckId, r.TTL, r.ResourceRecords, r.AliasTarget = nil, nil, nil, &types.AliasTarget{DNSName: aws.String("lb.example."), HostedZoneId: aws.String("Z3"), EvaluateTargetHealth: true}
		}), probe.Pass, "", nil},
		"an alias that nobody watches": {record(0, func(r *types.ResourceRecordSet) {
			r.HealthCheckId, r.TTL, r.ResourceRecords, r.AliasTarget = nil, nil, nil, &types.AliasTarget{DNSName: aws.String("lb.example."), HostedZoneId: aws.String("Z3")}
		}), probe.Fail, "nobody watches", nil},
		"no secondary for IPv6":         {func(a *awstest.Account) { a.Zones[0].Records = append(a.Zones[0].Records[:3], a.Zones[0].Records[4]) }, probe.Fail, "AAAA", nil},
		"no failover":                   {record(1, func(r *types.ResourceRecordSet) { r.Failover = "" }), probe.Fail, "no pair", nil},
		"no record":                     {func(a *awstest.Account) { a.Zones[0].Records = nil }, probe.Fail, "no address record", nil},
		"a primary that nobody watches": {record(2, func(r *types.ResourceRecordSet) { r.HealthCheckId = nil }), probe.Fail, "nobody watches", nil},
		"a long TTL":                    {record(1, func(r *types.ResourceRecordSet) { r.TTL = aws.Int64(300) }), probe.Fail, "TTL of 300", nil},
		"the same place":                {record(1, func(r *types.ResourceRecordSet) { r.ResourceRecords[0].Value = aws.String("192.0.2.1") }), probe.Fail, "both lead to", nil},
		// The console writes "dualstack." before the name of a load balancer. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-failover-alias.html
		"the same load balancer": {func(a *awstest.Account) {
			for i, name := range []string{"lb.example.", "dualstack.LB.example."} {
				r := &a.Zones[0].Records[i]
				r.HealthCheckId, r.TTL, r.ResourceRecords, r.AliasTarget = nil, nil, nil, &types.AliasTarget{DNSName: aws.String(name), HostedZoneId: aws.String("Z3"), EvaluateTargetHealth: true}
			}
		}, probe.Fail, "both lead to", nil},
		// A record of the zone that has no health check counts as healthy. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-complex-configs.html
		"an alias to what nobody watches": {record(0, func(r *types.ResourceRecordSet) {
			r.HealthCheckId, r.TTL, r.ResourceRecords, r.AliasTarget = nil, nil, nil, &types.AliasTarget{DNSName: aws.String("www.example.com."), HostedZoneId: aws.String("Z1"), EvaluateTargetHealth: true}
		}), probe.Fail, "nobody watches", nil},
		"an alias to what is watched": {func(a *awstest.Account) {
			r := &a.Zones[0].Records[0]
			r.HealthCheckId, r.TTL, r.ResourceRecords, r.AliasTarget = nil, nil, nil, &types.AliasTarget{DNSName: aws.String("www.example.com."), HostedZoneId: aws.String("Z1"), EvaluateTargetHealth: true}
			a.Zones[0].Records[4].HealthCheckId = aws.String("c1")
		}, probe.Pass, "", nil},
		"an alias to what has a check that is off": {func(a *awstest.Account) {
			r := &a.Zones[0].Records[0]
			r.HealthCheckId, r.TTL, r.ResourceRecords, r.AliasTarget = nil, nil, nil, &types.AliasTarget{DNSName: aws.String("www.example.com."), HostedZoneId: aws.String("Z1"), EvaluateTargetHealth: true}
			a.Zones[0].Records[4].HealthCheckId = aws.String("c2")
			a.HealthChecks = append(a.HealthChecks, &awstest.HealthCheck{HealthCheck: types.HealthCheck{Id: aws.String("c2"), CallerReference: aws.String("2"), HealthCheckVersion: aws.Int64(1),
				HealthCheckConfig: &types.HealthCheckConfig{Type: types.HealthCheckTypeHttps, ResourcePath: aws.String("/api/health"), Disabled: aws.Bool(true)}}, Seen: seen(success)})
		}, probe.Fail, "switched off", nil},
		"a check of the name itself":   {config(func(c *types.HealthCheckConfig) { c.FullyQualifiedDomainName = aws.String("Example.com") }), probe.Fail, "moves with it", nil},
		"a check of the other place":   {config(func(c *types.HealthCheckConfig) { c.IPAddress = aws.String("198.51.100.1") }), probe.Fail, "198.51.100.1", nil},
		"a check of some other place":  {config(func(c *types.HealthCheckConfig) { c.IPAddress = aws.String("203.0.113.7") }), probe.Fail, "203.0.113.7", nil},
		"a check of the place by IPv4": {config(func(c *types.HealthCheckConfig) { c.IPAddress = aws.String("192.0.2.1") }), probe.Pass, "", nil},
		"no such check":                {func(a *awstest.Account) { a.HealthChecks = nil }, probe.Fail, "does not exist", nil},
		"a check that is off":          {config(func(c *types.HealthCheckConfig) { c.Disabled = aws.Bool(true) }), probe.Fail, "switched off", nil},
		"a check that is inverted":     {config(func(c *types.HealthCheckConfig) { c.Inverted = aws.Bool(true) }), probe.Fail, "inverted", nil},
		"a check of a connection":      {config(func(c *types.HealthCheckConfig) { c.Type, c.ResourcePath = types.HealthCheckTypeTcp, nil }), probe.Fail, "asks TCP", nil},
		"a check of something else":    {config(func(c *types.HealthCheckConfig) { c.ResourcePath = aws.String("/") }), probe.Fail, "asks HTTPS /", nil},
		"a check of an alarm":          {config(func(c *types.HealthCheckConfig) { c.Type = types.HealthCheckTypeCloudwatchMetric }), probe.Blocked, "CLOUDWATCH_METRIC", nil},
		"a check of checks":            {config(func(c *types.HealthCheckConfig) { c.Type = types.HealthCheckTypeCalculated }), probe.Blocked, "CALCULATED", nil},
		"too few checkers are satisfied": {func(a *awstest.Account) {
			a.HealthChecks[0].Seen = seen(success, failure, failure, failure, failure, failure)
		}, probe.Fail, "1 of 6", nil},
		"no checker says anything": {func(a *awstest.Account) { a.HealthChecks[0].Seen = nil }, probe.Blocked, "nothing yet", nil},
		"no zone":                  {func(a *awstest.Account) { a.Zones = a.Zones[1:] }, probe.Blocked, "[]", nil},

		"two zones, one is asked":           {twoZones, probe.Pass, "", nil},
		"two zones, the empty one is asked": {twoZones, probe.Fail, "no address record", []string{"ns-8.awsdns-08.org.", "ns-9.awsdns-09.com."}},
		"two zones, both are asked":         {twoZones, probe.Blocked, "[Z1, Z2], of which it is referred to [Z1, Z2]", []string{"ns-1.awsdns-01.org.", "ns-9.awsdns-09.com."}},
		"a zone that nobody asks":           {func(*awstest.Account) {}, probe.Blocked, "[Z1], of which it is referred to []", []string{"ns.elsewhere.example."}},
		"a second provider":                 {func(*awstest.Account) {}, probe.Blocked, "Z1, which ns.elsewhere.example is no name server of", []string{"ns-1.awsdns-01.org.", "ns-2.awsdns-02.com.", "ns.elsewhere.example."}},
		"names of one's own":                {func(*awstest.Account) {}, probe.Pass, "", []string{"ns1.example.com.", "NS2.example.com."}},
		"names of one's own, of another":    {twoZones, probe.Fail, "no address record", []string{"ns8.example.com."}},
		"a name server without an address":  {func(*awstest.Account) {}, probe.Fail, "no address of gone.example", []string{"ns-1.awsdns-01.org.", "gone.example."}},
		"nobody knows who is asked":         {func(*awstest.Account) {}, probe.Blocked, "no answer", []string{}},
	} {
		t.Run(title, func(t *testing.T) {
			a := account()
			test.change(a)
			server, err := awstest.Start(a)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, server.Close()) })
			server.Treat(awstest.Rules{PageSize: 1})
			for _, entry := range server.Env() {
				name, value, _ := strings.Cut(entry, "=")
				t.Setenv(name, value)
			}
			w := world{to: []string{"ns-2.awsdns-02.com.", "ns-1.awsdns-01.org."}, at: map[string]string{"ns-1.awsdns-01.org": "205.251.192.1", "ns-2.awsdns-02.com": "205.251.192.2", "ns-8.awsdns-08.org": "205.251.192.8",
				"ns-9.awsdns-09.com": "205.251.192.9", "ns1.example.com": "205.251.192.1", "ns2.example.com": "205.251.192.2", "ns8.example.com": "205.251.192.8", "ns.elsewhere.example": "192.0.2.53"}}
			if test.to != nil {
				w.to = test.to
			}
			if len(w.to) == 0 {
				w.to = nil
			}
			here := func() *Zone {
				return New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "example.com", w)
			}
			result := probe.Run(t.Context(), title, here().FailsOver("example.com", "/api/health"))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Got, test.got)
			server.Treat(awstest.Rules{Policy: &awstest.Policy{}})
			assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "denied", here().FailsOver("example.com", "/api/health")).Status)
		})
	}
}
