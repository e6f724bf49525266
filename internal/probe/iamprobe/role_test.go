package iamprobe_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/iamprobe"
)

func TestRole(t *testing.T) {
	read, remove := iamprobe.Parse("s3:GetObject arn:aws:s3:::a/*"), iamprobe.Parse("s3:DeleteObject arn:aws:s3:::a/*")
	s := awstest.New(t, &awstest.Account{MayDo: func(action, resource string) bool { return action == read.Action && resource == read.Resource }})
	role := func(asked ...iamprobe.Permission) *iamprobe.Role {
		account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
		return iamprobe.New(account, "arn:aws:iam::"+awstest.ID+":role/web", asked...)
	}
	status := func(claim probe.Claim) probe.Status {
		_, err := claim(t.Context())
		return probe.StatusOf(err)
	}
	both := role(read, remove)
	assert.Equal(t, probe.Pass, status(both.May(read)))
	assert.Equal(t, probe.Fail, status(both.MayNot(read)))
	assert.Equal(t, probe.Fail, status(both.May(remove)))
	assert.Equal(t, probe.Pass, status(both.MayNot(remove)))
	simulated := 0
	for _, call := range s.Calls() {
		if call == "iam:SimulatePrincipalPolicy" {
			simulated++
		}
	}
	assert.Equal(t, 1, simulated, "both actions on one resource are one call")
	assert.Equal(t, probe.Blocked, status(role(read).MayNot(remove)), "what was not simulated is not denied")

	s.Treat(awstest.Rules{PageSize: 1})
	paged := role(read, remove)
	assert.Equal(t, probe.Pass, status(paged.May(read)))
	assert.Equal(t, probe.Pass, status(paged.MayNot(remove)))
	s.Treat(awstest.Rules{Policy: awstest.Allowing()})
	assert.Equal(t, probe.Blocked, status(role(read, remove).MayNot(remove)), "a caller that may not ask learns nothing")
}

// A statement with a condition on a key that the simulation was not given does not match: what it allows is said to be denied, and what it
// denies may be said to be allowed. https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResourceSpecificResult.html (MissingContextValues)
func TestADecisionByAConditionThatWasNotGivenIsNone(t *testing.T) {
	read, remove := iamprobe.Parse("s3:GetObject arn:aws:s3:eu-west-1::a/*"), iamprobe.Parse("s3:DeleteObject arn:aws:s3:eu-west-1::a/*")
	create := iamprobe.Parse("iam:CreateUser *")
	for name, test := range map[string]struct {
		keys []string
		want probe.Status
	}{
		"none":                        {nil, probe.Pass},
		"the network that calls":      {[]string{"aws:SourceVpc"}, probe.Blocked},
		"TLS, which every call has":   {[]string{"aws:SecureTransport"}, probe.Pass},
		"one that is known, and more": {[]string{"aws:SecureTransport", "aws:PrincipalTag/team"}, probe.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			awstest.New(t, &awstest.Account{MayDo: func(action, _ string) bool { return action == read.Action }, Conditions: func(string) []string { return append([]string{}, test.keys...) }})
			account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
			role := iamprobe.New(account, "arn:aws:iam::"+awstest.ID+":role/web", read, remove, create)
			for _, claim := range []probe.Claim{role.May(read), role.MayNot(remove), role.MayNot(create)} {
				_, err := claim(t.Context())
				assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			}
		})
	}
}
