package cloudfrontprobe

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

func distribution() types.Distribution {
	config := &types.DistributionConfig{Enabled: aws.Bool(true), Aliases: &types.Aliases{Items: []string{"example.com"}},
		Origins: &types.Origins{Items: []types.Origin{{Id: aws.String("a"), DomainName: aws.String(host), CustomOriginConfig: &types.CustomOriginConfig{HTTPSPort: aws.Int32(443), OriginProtocolPolicy: types.OriginProtocolPolicyHttpsOnly}},
			{Id: aws.String("b"), DomainName: aws.String("old.example.com"), CustomOriginConfig: &types.CustomOriginConfig{HTTPSPort: aws.Int32(443), OriginProtocolPolicy: types.OriginProtocolPolicyHttpsOnly}}}},
		DefaultCacheBehavior: &types.DefaultCacheBehavior{TargetOriginId: aws.String("a"), ViewerProtocolPolicy: types.ViewerProtocolPolicyHttpsOnly, CachePolicyId: aws.String("none"), OriginRequestPolicyId: aws.String("but-host")},
		CacheBehaviors: &types.CacheBehaviors{Items: []types.CacheBehavior{{PathPattern: aws.String("/old/*"), TargetOriginId: aws.String("a"), ViewerProtocolPolicy: types.ViewerProtocolPolicyHttpsOnly,
			ForwardedValues: &types.ForwardedValues{}, MinTTL: aws.Int64(0), DefaultTTL: aws.Int64(0), MaxTTL: aws.Int64(0)}}}}
	return types.Distribution{Id: aws.String("E1"), Status: aws.String("Deployed"), DistributionConfig: config}
}

func TestAgainstTheStandIn(t *testing.T) {
	hosts := func(context.Context) ([]string, error) { return []string{host}, nil }
	noOther := func(string) []string { return nil }
	headers := func(id string, behavior types.OriginRequestPolicyHeaderBehavior, names ...string) types.OriginRequestPolicy {
		return types.OriginRequestPolicy{Id: &id, OriginRequestPolicyConfig: &types.OriginRequestPolicyConfig{HeadersConfig: &types.OriginRequestPolicyHeadersConfig{HeaderBehavior: behavior, Headers: &types.Headers{Items: names}}}}
	}
	account := &awstest.Account{
		CachePolicies: []types.CachePolicy{{Id: aws.String("none"), CachePolicyConfig: &types.CachePolicyConfig{MinTTL: aws.Int64(0), DefaultTTL: aws.Int64(0), MaxTTL: aws.Int64(0)}},
			{Id: aws.String("defaults"), CachePolicyConfig: &types.CachePolicyConfig{MinTTL: aws.Int64(0)}},
			{Id: aws.String("key-host"), CachePolicyConfig: &types.CachePolicyConfig{MinTTL: aws.Int64(0), DefaultTTL: aws.Int64(0), MaxTTL: aws.Int64(1),
				ParametersInCacheKeyAndForwardedToOrigin: &types.ParametersInCacheKeyAndForwardedToOrigin{HeadersConfig: &types.CachePolicyHeadersConfig{HeaderBehavior: "whitelist", Headers: &types.Headers{Items: []string{"host"}}}}}}},
		OriginPolicies: []types.OriginRequestPolicy{headers("but-host", "allExcept", "Host"), headers("but-cookie", "allExcept", "Cookie"), headers("all", "allViewerAndWhitelistCloudFront"), headers("host", "whitelist", "Host"), headers("none", "none")},
	}
	s := awstest.New(t, account)
	claims := map[string]func(*Distribution) probe.Claim{
		"deployed": (*Distribution).Deployed, "alias": func(d *Distribution) probe.Claim { return d.AnswersFor(noOther, "example.com") },
		"origin": func(d *Distribution) probe.Claim { return d.FetchesFrom(hosts, "") }, "host": func(d *Distribution) probe.Claim { return d.KeepsHost(hosts) },
		"api": func(d *Distribution) probe.Claim { return d.Treats("/api/x", "never") }, "old": func(d *Distribution) probe.Claim { return d.Treats("/old/x", "private") },
	}
	behind := func(change func(*types.DefaultCacheBehavior)) func(*types.Distribution) {
		return func(d *types.Distribution) { change(d.DistributionConfig.DefaultCacheBehavior) }
	}
	policy := func(id string) func(*types.Distribution) {
		return behind(func(b *types.DefaultCacheBehavior) { b.OriginRequestPolicyId = &id })
	}
	for name, test := range map[string]struct {
		change func(*types.Distribution)
		fails  []string
	}{
		"right":                   {func(*types.Distribution) {}, nil},
		"not everywhere yet":      {func(d *types.Distribution) { d.Status = aws.String("InProgress") }, []string{"deployed"}},
		"a staging distribution":  {func(d *types.Distribution) { d.DistributionConfig.Staging = aws.Bool(true) }, []string{"deployed"}},
		"nothing said of enabled": {func(d *types.Distribution) { d.DistributionConfig.Enabled = nil }, []string{"deployed"}},
		"no aliases":              {func(d *types.Distribution) { d.DistributionConfig.Aliases = nil }, []string{"alias"}},
		"the other origin":        {behind(func(b *types.DefaultCacheBehavior) { b.TargetOriginId = aws.String("b") }), []string{"origin"}},
		"a folder of the origin":  {func(d *types.Distribution) { d.DistributionConfig.Origins.Items[0].OriginPath = aws.String("/staging") }, []string{"origin"}},
		"another port": {func(d *types.Distribution) {
			d.DistributionConfig.Origins.Items[0].CustomOriginConfig.HTTPSPort = aws.Int32(8443)
		}, []string{"origin"}},
		"all headers but cookies":    {policy("but-cookie"), []string{"host"}},
		"all headers":                {policy("all"), []string{"host"}},
		"the Host header":            {policy("host"), []string{"host"}},
		"no headers":                 {policy("none"), nil},
		"Host in the cache key":      {behind(func(b *types.DefaultCacheBehavior) { b.CachePolicyId = aws.String("key-host") }), []string{"host"}},
		"kept by a policy's default": {behind(func(b *types.DefaultCacheBehavior) { b.CachePolicyId = aws.String("defaults") }), []string{"api"}},
		"kept by default, as of old": {func(d *types.Distribution) { d.DistributionConfig.CacheBehaviors.Items[0].DefaultTTL = nil }, []string{"old"}}, //nolint:staticcheck // as above
		"all headers, as of old": {func(d *types.Distribution) {
			d.DistributionConfig.CacheBehaviors.Items[0].ForwardedValues.Headers = &types.Headers{Items: []string{"*"}} //nolint:staticcheck // as above
		}, []string{"host"}},
		"the second of a group": {func(d *types.Distribution) {
			d.DistributionConfig.OriginGroups = &types.OriginGroups{Items: []types.OriginGroup{{Id: aws.String("g"), Members: &types.OriginGroupMembers{Items: []types.OriginGroupMember{{OriginId: aws.String("a")}, {OriginId: aws.String("b")}}}}}}
			d.DistributionConfig.DefaultCacheBehavior.TargetOriginId = aws.String("g")
		}, []string{"origin"}},
		"another id": {func(d *types.Distribution) { d.Id = aws.String("E2") }, []string{"alias", "api", "deployed", "host", "old", "origin"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := distribution()
			test.change(&d)
			s.Change(func(a *awstest.Account) { a.Distributions = []types.Distribution{d} })
			looked := New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "E1")
			var fails []string
			for claim, of := range claims {
				result := probe.Run(t.Context(), claim, of(looked))
				if result.Status != probe.Pass {
					assert.Equal(t, probe.Fail, result.Status, result.Message())
					fails = append(fails, claim)
				}
			}
			assert.ElementsMatch(t, test.fails, fails)
		})
	}
	for _, policy := range []*awstest.Policy{{}, awstest.Allowing("cloudfront:GetDistribution")} {
		s.Change(func(a *awstest.Account) { a.Distributions = []types.Distribution{distribution()} })
		s.Treat(awstest.Rules{Policy: policy})
		looked := New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "E1")
		for claim, of := range claims {
			result := probe.Run(t.Context(), claim, of(looked))
			assert.Equal(t, probe.Blocked, result.Status, claim)
			assert.Contains(t, result.Message(), "allow cloudfront:Get")
		}
	}
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", New(awsprobe.New(awsprobe.Config{}), "").Deployed()).Status)
}
