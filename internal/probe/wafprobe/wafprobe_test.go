package wafprobe

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

const xss = "CrossSiteScripting_QUERYARGUMENTS"

const (
	aclARN   = "arn:aws:wafv2:us-east-1:" + awstest.ID + ":global/webacl/web/1"
	groupARN = "arn:aws:wafv2:us-east-1:" + awstest.ID + ":global/rulegroup/own/1"
)

var (
	allow   = &types.RuleAction{Allow: &types.AllowAction{}}
	count   = &types.RuleAction{Count: &types.CountAction{}}
	block   = &types.RuleAction{Block: &types.BlockAction{}}
	counted = &types.OverrideAction{Count: &types.CountAction{}}
)

var all3 = awstest.ManagedRules["AWS/AWSManagedRulesCommonRuleSet"]

func managed(overrides ...types.RuleActionOverride) types.Rule {
	return vendors("AWS", "AWSManagedRulesCommonRuleSet", overrides...)
}

func vendors(vendor, group string, overrides ...types.RuleActionOverride) types.Rule {
	return types.Rule{Name: aws.String("common"), OverrideAction: &types.OverrideAction{None: &types.NoneAction{}},
		Statement: &types.Statement{ManagedRuleGroupStatement: &types.ManagedRuleGroupStatement{Name: &group, VendorName: &vendor, RuleActionOverrides: overrides}}}
}

func own(override *types.OverrideAction, overrides ...types.RuleActionOverride) types.Rule {
	return types.Rule{Name: aws.String("own"), OverrideAction: override, Statement: &types.Statement{RuleGroupReferenceStatement: &types.RuleGroupReferenceStatement{ARN: aws.String(groupARN), RuleActionOverrides: overrides}}}
}

// to has rules of a group do something else.
func to(action *types.RuleAction, names ...string) (all []types.RuleActionOverride) {
	for _, name := range names {
		all = append(all, types.RuleActionOverride{Name: &name, ActionToUse: action})
	}
	return all
}

func TestBlocks(t *testing.T) {
	excluded := managed()
	excluded.Statement.ManagedRuleGroupStatement.ExcludedRules = []types.ExcludedRule{{Name: aws.String("NoUserAgent_HEADER")}}
	counts := managed()
	counts.OverrideAction = counted
	scoped := func(down *types.Statement) types.Rule {
		rule := managed()
		rule.Statement.ManagedRuleGroupStatement.ScopeDownStatement = down
		return rule
	}
	limit := types.Rule{Name: aws.String("limit"), Action: block, Statement: &types.Statement{RateBasedStatement: &types.RateBasedStatement{ScopeDownStatement: path("/login", types.PositionalConstraintExactly)}}}
	login := scoped(path("/login", types.PositionalConstraintExactly))
	login.Statement.ManagedRuleGroupStatement.ManagedRuleGroupConfigs = []types.ManagedRuleGroupConfig{{AWSManagedRulesATPRuleSet: &types.AWSManagedRulesATPRuleSet{LoginPath: aws.String("/login")}}}
	geo := &types.Statement{GeoMatchStatement: &types.GeoMatchStatement{CountryCodes: []types.CountryCode{"NO"}}}
	for name, test := range map[string]struct {
		acl      types.WebACL
		inner    []types.Rule // of the group of our own
		counting []string
		want     probe.Status
		got      string
	}{
		"a managed group":                    {types.WebACL{Rules: []types.Rule{managed()}}, nil, nil, probe.Pass, ""},
		"a rule":                             {types.WebACL{Rules: []types.Rule{{Name: aws.String("r"), Action: block}}}, nil, nil, probe.Pass, ""},
		"nothing but the default":            {types.WebACL{DefaultAction: &types.DefaultAction{Block: &types.BlockAction{}}}, nil, nil, probe.Pass, ""},
		"no rules":                           {types.WebACL{DefaultAction: &types.DefaultAction{Allow: &types.AllowAction{}}}, nil, nil, probe.Fail, "0 rules"},
		"an allowing rule alone":             {types.WebACL{Rules: []types.Rule{{Name: aws.String("r"), Action: &types.RuleAction{Allow: &types.AllowAction{}}}}}, nil, nil, probe.Fail, "none of which refuses"},
		"a rule that counts":                 {types.WebACL{Rules: []types.Rule{managed(), {Name: aws.String("r"), Action: count}}}, nil, nil, probe.Fail, "r"},
		"one that may":                       {types.WebACL{Rules: []types.Rule{managed(), {Name: aws.String("r"), Action: count}}}, nil, []string{"r"}, probe.Pass, ""},
		"all may count, so nothing refuses":  {types.WebACL{Rules: []types.Rule{{Name: aws.String("r"), Action: count}}}, nil, []string{"r"}, probe.Fail, "none"},
		"a managed group that counts":        {types.WebACL{Rules: []types.Rule{counts}}, nil, nil, probe.Fail, "common"},
		"a managed rule that counts":         {types.WebACL{Rules: []types.Rule{managed(to(count, xss)...)}}, nil, nil, probe.Fail, "common/" + xss},
		"a managed rule that may":            {types.WebACL{Rules: []types.Rule{managed(to(count, xss)...)}}, nil, []string{"common/" + xss}, probe.Pass, ""},
		"a managed rule that blocks instead": {types.WebACL{Rules: []types.Rule{managed(to(block, xss)...)}}, nil, nil, probe.Pass, ""},
		"a managed rule that allows":         {types.WebACL{Rules: []types.Rule{managed(to(allow, xss)...)}}, nil, nil, probe.Fail, "common/" + xss},
		"all of them allow":                  {types.WebACL{Rules: []types.Rule{managed(to(allow, all3...)...)}}, nil, []string{"common"}, probe.Fail, "none of which refuses"},
		"all of them count, which they may":  {types.WebACL{Rules: []types.Rule{managed(to(count, all3...)...)}}, nil, []string{"common"}, probe.Fail, "none of which refuses"},
		"two of them count, which they may":  {types.WebACL{Rules: []types.Rule{managed(to(count, all3[:2]...)...)}}, nil, []string{"common"}, probe.Pass, ""},
		"an override of nothing":             {types.WebACL{Rules: []types.Rule{managed(to(count, "crossSiteScripting_QUERYARGUMENTS")...)}}, nil, nil, probe.Pass, ""},
		"a group that nobody knows":          {types.WebACL{Rules: []types.Rule{vendors("Nobody", "Else", to(count, "x")...)}}, nil, nil, probe.Blocked, "Else"},
		"a vendor's that counts by itself":   {types.WebACL{Rules: []types.Rule{vendors("Nobody", "Counting", to(block, "Blocks_That")...)}}, nil, nil, probe.Pass, ""},
		"our own, allowed":                   {types.WebACL{Rules: []types.Rule{own(nil, to(allow, "a")...)}}, []types.Rule{{Name: aws.String("a"), Action: block}}, []string{"own"}, probe.Fail, "none of which refuses"},
		"our own, allowed, which it may not": {types.WebACL{Rules: []types.Rule{managed(), own(nil, to(allow, "a")...)}}, []types.Rule{{Name: aws.String("a"), Action: block}}, nil, probe.Fail, "own/a"},
		"our own, counting, that blocks":     {types.WebACL{Rules: []types.Rule{own(nil, to(block, "a")...)}}, []types.Rule{{Name: aws.String("a"), Action: count}}, nil, probe.Pass, ""},
		"a rule that was excluded":           {types.WebACL{Rules: []types.Rule{excluded}}, nil, nil, probe.Fail, "NoUserAgent_HEADER"},
		"a group of our own":                 {types.WebACL{Rules: []types.Rule{own(nil)}}, []types.Rule{{Name: aws.String("a"), Action: block}}, nil, probe.Pass, ""},
		"an empty one":                       {types.WebACL{Rules: []types.Rule{own(nil)}}, nil, nil, probe.Fail, "none"},
		"one that counts inside":             {types.WebACL{Rules: []types.Rule{own(nil)}}, []types.Rule{{Name: aws.String("a"), Action: count}}, nil, probe.Fail, "own/a"},
		"one that counts as a whole":         {types.WebACL{Rules: []types.Rule{own(counted)}}, []types.Rule{{Name: aws.String("a"), Action: block}}, nil, probe.Fail, "own"},
		"for our host alone":                 {types.WebACL{Rules: []types.Rule{scoped(host("www.example.com"))}}, nil, nil, probe.Pass, ""},
		"for staging alone":                  {types.WebACL{Rules: []types.Rule{managed(), scoped(host("staging.example.com"))}}, nil, nil, probe.Fail, "common (narrowed down, and not meant for www.example.com/api/health, www.example.com/assets/app.css)"},
		"for staging alone, decided on":      {types.WebACL{Rules: []types.Rule{managed(), scoped(host("staging.example.com"))}}, nil, []string{"common"}, probe.Pass, ""},
		"all of it for staging, which may":   {types.WebACL{Rules: []types.Rule{scoped(host("staging.example.com"))}}, nil, []string{"common"}, probe.Fail, "none of which refuses"},
		"for what is not ours":               {types.WebACL{Rules: []types.Rule{scoped(not(path("/", types.PositionalConstraintStartsWith)))}}, nil, nil, probe.Fail, "none of the launch's requests"},
		"for some of our paths":              {types.WebACL{Rules: []types.Rule{scoped(path("/api/", types.PositionalConstraintStartsWith))}}, nil, nil, probe.Blocked, "narrowed down"},
		"for some, and for everybody":        {types.WebACL{Rules: []types.Rule{scoped(path("/api/", types.PositionalConstraintStartsWith)), {Name: aws.String("r"), Action: block}}}, nil, nil, probe.Pass, ""},
		"for the office alone":               {types.WebACL{Rules: []types.Rule{scoped(office)}}, nil, nil, probe.Fail, "not meant for"},
		"for all but the office":             {types.WebACL{Rules: []types.Rule{scoped(not(office))}}, nil, nil, probe.Pass, ""},
		"for a country":                      {types.WebACL{Rules: []types.Rule{scoped(geo)}}, nil, nil, probe.Blocked, "or by what nobody can tell here: common"},
		"for a country, and for everybody":   {types.WebACL{Rules: []types.Rule{scoped(geo), {Name: aws.String("r"), Action: block}}}, nil, nil, probe.Pass, ""},
		"a limit for the login":              {types.WebACL{Rules: []types.Rule{managed(), limit}}, nil, nil, probe.Pass, ""},
		"nothing but a limit elsewhere":      {types.WebACL{Rules: []types.Rule{limit}}, nil, nil, probe.Fail, "none of which refuses"},
		"a watch on the login":               {types.WebACL{Rules: []types.Rule{managed(), login}}, nil, nil, probe.Pass, ""},
		"nothing but that":                   {types.WebACL{Rules: []types.Rule{login}}, nil, nil, probe.Fail, "none of which refuses"},
		"Firewall Manager's, which counts": {types.WebACL{Rules: []types.Rule{managed()}, PreProcessFirewallManagerRuleGroups: []types.FirewallManagerRuleGroup{{Name: aws.String("central"), OverrideAction: counted,
			FirewallManagerStatement: &types.FirewallManagerStatement{ManagedRuleGroupStatement: &types.ManagedRuleGroupStatement{}}}}}, nil, nil, probe.Fail, "central"},
	} {
		t.Run(name, func(t *testing.T) {
			test.acl.ARN, test.acl.Name = aws.String(aclARN), aws.String("web")
			awstest.New(t, &awstest.Account{WebACLs: []types.WebACL{test.acl}, RuleGroups: []types.RuleGroup{{ARN: aws.String(groupARN), Rules: test.inner}}})
			result := probe.Run(t.Context(), name, claim(aclARN, test.counting...))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), test.got)
		})
	}
}

func claim(arn string, counting ...string) probe.Claim {
	account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
	return Blocks(account, Where{What: "the CDN", ACL: func(context.Context) (string, error) { return arn, nil },
		Requests: []Request{{"www.example.com", "/api/health"}, {"www.example.com", "/assets/app.css"}}}, counting...)
}

var office = &types.Statement{IPSetReferenceStatement: &types.IPSetReferenceStatement{ARN: aws.String("office")}}

func not(s *types.Statement) *types.Statement {
	return &types.Statement{NotStatement: &types.NotStatement{Statement: s}}
}

func match(field types.FieldToMatch, text string, how types.PositionalConstraint, transformations ...types.TextTransformationType) *types.Statement {
	m := &types.ByteMatchStatement{FieldToMatch: &field, SearchString: []byte(text), PositionalConstraint: how}
	for i, t := range transformations {
		m.TextTransformations = append(m.TextTransformations, types.TextTransformation{Priority: int32(i), Type: t})
	}
	return &types.Statement{ByteMatchStatement: m}
}

func path(text string, how types.PositionalConstraint) *types.Statement {
	return match(types.FieldToMatch{UriPath: &types.UriPath{}}, text, how, types.TextTransformationTypeNone)
}

func host(name string) *types.Statement {
	return match(types.FieldToMatch{SingleHeader: &types.SingleHeader{Name: aws.String("Host")}}, name, types.PositionalConstraintExactly, types.TextTransformationTypeLowercase)
}

func TestMeets(t *testing.T) {
	both := func(s ...types.Statement) *types.Statement {
		return &types.Statement{AndStatement: &types.AndStatement{Statements: s}}
	}
	either := func(s ...types.Statement) *types.Statement {
		return &types.Statement{OrStatement: &types.OrStatement{Statements: s}}
	}
	regex := func(text string) *types.Statement {
		return &types.Statement{RegexMatchStatement: &types.RegexMatchStatement{FieldToMatch: &types.FieldToMatch{UriPath: &types.UriPath{}}, RegexString: &text}}
	}
	of := func(text string, how types.PositionalConstraint, transformations ...types.TextTransformationType) *types.Statement {
		return match(types.FieldToMatch{UriPath: &types.UriPath{}}, text, how, transformations...)
	}
	ours, theirs, label := *host("www.example.com"), *host("staging.example.com"), types.Statement{LabelMatchStatement: &types.LabelMatchStatement{}}
	for name, test := range map[string]struct {
		statement *types.Statement
		want      truth
	}{
		"nothing":                       {nil, yes},
		"a label":                       {&label, unsure},
		"not a label":                   {not(&label), unsure},
		"ours and a label":              {both(ours, label), unsure},
		"theirs and a label":            {both(label, theirs), no},
		"ours or a label":               {either(label, ours), yes},
		"theirs or a label":             {either(theirs, label), unsure},
		"theirs or theirs":              {either(theirs, theirs), no},
		"neither theirs nor the office": {not(either(theirs, *office)), yes},
		"the whole path":                {path("/API/health", types.PositionalConstraintExactly), yes},
		"in small letters":              {of("/api/health", types.PositionalConstraintExactly, types.TextTransformationTypeUrlDecode, types.TextTransformationTypeLowercase), yes},
		"in its own case":               {path("/api/health", types.PositionalConstraintExactly), no},
		"the end":                       {path("health", types.PositionalConstraintEndsWith), yes},
		"inside":                        {path("PI/h", types.PositionalConstraintContains), yes},
		"a word":                        {path("health", types.PositionalConstraintContainsWord), unsure},
		"no such word":                  {path("login", types.PositionalConstraintContainsWord), no},
		"some hash of it":               {of("x", types.PositionalConstraintExactly, types.TextTransformationTypeMd5), unsure},
		"a way that is new":             {path("/", "LIKE"), unsure},
		"a pattern":                     {regex("^/(?i:api)/"), yes},
		"another pattern":               {regex("^/admin"), no},
		"a pattern that Go cannot read": {regex("^(?!/admin)"), unsure},
		"the method":                    {match(types.FieldToMatch{Method: &types.Method{}}, "GET", types.PositionalConstraintExactly), unsure},
		"the query":                     {match(types.FieldToMatch{QueryString: &types.QueryString{}}, "a", types.PositionalConstraintContains), unsure},
		"another header":                {match(types.FieldToMatch{SingleHeader: &types.SingleHeader{Name: aws.String("x-host")}}, "a", types.PositionalConstraintContains), unsure},
		"no field":                      {&types.Statement{ByteMatchStatement: &types.ByteMatchStatement{}}, unsure},
	} {
		assert.Equal(t, test.want, Request{"www.example.com", "/API/health"}.meets(test.statement), name)
	}
	assert.Equal(t, unsure, Request{"", "/x"}.meets(host("www.example.com")), "a host that nobody knows")
	for _, odd := range []string{"/a%20b", "/a//b", "/a/../b", "/a b"} {
		assert.Equal(t, unsure, Request{"", odd}.meets(path("/", types.PositionalConstraintStartsWith)), odd)
	}
}

func TestWhatIsNotThereBlocksNothing(t *testing.T) {
	s := awstest.New(t, &awstest.Account{WebACLs: []types.WebACL{{ARN: aws.String(aclARN), Name: aws.String("web"), Rules: []types.Rule{own(nil)}}}})
	for arn, want := range map[string]probe.Status{"": probe.Fail, aclARN + "2": probe.Fail, "473e64fd-f30b-4765-81a0-62ad96dd167a": probe.Blocked, aclARN: probe.Blocked} { // its group is gone
		result := probe.Run(t.Context(), arn, claim(arn))
		assert.Equal(t, want, result.Status, "%s: %s", arn, result.Message())
	}
	for action, allowed := range map[string][]string{"wafv2:GetWebACL": nil, "wafv2:GetRuleGroup": {"wafv2:GetWebACL"}} {
		s.Treat(awstest.Rules{Policy: awstest.Allowing(allowed...)})
		result := probe.Run(t.Context(), action, claim(aclARN))
		assert.Equal(t, probe.Blocked, result.Status)
		assert.Contains(t, result.Message(), "allow "+action)
	}
}

func TestBefore(t *testing.T) {
	service, acl := awstest.ARN("apprunner", "service/web/1"), awstest.ARN("wafv2", "regional/webacl/web/1")
	s := awstest.New(t, &awstest.Account{WebACLs: []types.WebACL{{ARN: &acl, Name: aws.String("web"), Rules: []types.Rule{managed()}}}, Protected: map[string]string{service: acl}})
	status := func() (probe.Status, string) {
		account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
		result := probe.Run(t.Context(), "", Blocks(account, Before(account, service)))
		return result.Status, result.Message()
	}
	got, message := status()
	assert.Equal(t, probe.Pass, got, message)
	s.Treat(awstest.Rules{Policy: awstest.Allowing("wafv2:GetWebACLForResource", "wafv2:GetWebACL")})
	got, message = status()
	assert.Equal(t, probe.Blocked, got, "the service is asked too: %s", message)
	s.Treat(awstest.Rules{})
	s.Change(func(a *awstest.Account) { a.Protected = nil })
	got, message = status()
	assert.Equal(t, probe.Fail, got, message)
}
