package awsprobe_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

func account(id string, public bool) *awsprobe.Account {
	return awsprobe.New(awsprobe.Config{Network: &probe.Network{Connect: map[string]string{"192.0.2.1:443": "127.0.0.1:1"}}, ID: id, Region: awstest.Region, Public: public})
}

func blocked(t *testing.T, err error, class string, parts ...string) {
	t.Helper()
	var unknown *probe.Unknown
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, class, unknown.Class)
	for _, part := range parts {
		assert.Contains(t, err.Error(), part)
	}
}

func TestTheAccountIsTheLaunchs(t *testing.T) {
	s := awstest.New(t, &awstest.Account{})
	_, who, err := account(awstest.ID, false).Open(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, awsprobe.Identity{Account: awstest.ID, ARN: awstest.CallerARN, Region: awstest.Region, Endpoint: s.URL}, who)

	_, _, err = account("999999999999", false).Open(t.Context(), nil)
	blocked(t, err, "aws.account", "want credentials of account 999999999999; got those of "+awstest.CallerARN)
	_, _, err = account("", false).Open(t.Context(), nil)
	blocked(t, err, "not-configured", "aws.account")
}

func TestInProductionNothingButAWSIsAsked(t *testing.T) {
	s := awstest.New(t, &awstest.Account{})
	_, _, err := account(awstest.ID, true).Open(t.Context(), nil)
	blocked(t, err, "aws.endpoint", s.URL, "AWS_ENDPOINT_URL")
	assert.Empty(t, s.Calls(), "no call left the process")
}

func TestASealedRunStaysOnTheMachine(t *testing.T) {
	awstest.New(t, &awstest.Account{})
	t.Setenv("AWS_ENDPOINT_URL", "http://192.0.2.7:80")
	_, _, err := account(awstest.ID, false).Open(t.Context(), nil)
	blocked(t, err, "sealed")
}

func TestAProbeCallsOnlyWhatItDeclares(t *testing.T) {
	s := awstest.New(t, &awstest.Account{})
	cfg, _, err := account(awstest.ID, false).Open(t.Context(), awsprobe.Needs{"AppRunner.DescribeService": {}})
	require.NoError(t, err)
	before := len(s.Calls())
	_, err = sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	require.ErrorContains(t, err, "STS.GetCallerIdentity is not among the calls that this probe declares")
	assert.Len(t, s.Calls(), before)
}

func TestNoCredentials(t *testing.T) {
	awstest.New(t, &awstest.Account{})
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, _, err := account(awstest.ID, false).Open(t.Context(), nil)
	blocked(t, err, "aws.credentials", "log in")
}

func TestUnreadable(t *testing.T) {
	who := awsprobe.Identity{ARN: awstest.CallerARN, Region: awstest.Region}
	for code, class := range map[string]string{
		"AccessDenied": "aws.denied", "AccessDeniedException": "aws.denied", "UnauthorizedOperation": "aws.denied", "com.amazonaws.x#AccessDeniedException": "aws.denied",
		"ExpiredToken": "aws.credentials", "InvalidClientTokenId": "aws.credentials", "SignatureDoesNotMatch": "aws.credentials", "OptInRequired": "aws.credentials",
		"Throttling": "aws.throttled", "ThrottlingException": "aws.throttled", "RequestLimitExceeded": "aws.throttled",
		"InternalFailure": "aws.error", "ValidationException": "aws.error", "SomethingNew": "aws.error",
	} {
		err := awsprobe.Unreadable("rds:DescribeDBInstances", "the database", who, &smithy.GenericAPIError{Code: code, Message: "m"})
		blocked(t, err, class, "rds:DescribeDBInstances as "+awstest.CallerARN)
		assert.False(t, awsprobe.Missing(&smithy.GenericAPIError{Code: code}), code)
	}
	blocked(t, awsprobe.Unreadable("a:B", "w", who, errors.New("odd")), "aws.error", "odd")
	for _, code := range []string{"ResourceNotFoundException", "DBInstanceNotFound", "RepositoryNotFoundException", "NoSuchEntity", "x#ResourceNotFoundException"} {
		assert.True(t, awsprobe.Missing(&smithy.GenericAPIError{Code: code}), code)
	}
	assert.False(t, awsprobe.Missing(errors.New("NotFound")), "an error without an answer says nothing is missing")
}
