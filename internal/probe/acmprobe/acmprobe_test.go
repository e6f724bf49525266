package acmprobe

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

const arn = "arn:aws:acm:us-east-1:" + awstest.ID + ":certificate/1"

func certificate() types.CertificateDetail {
	return types.CertificateDetail{CertificateArn: aws.String(arn), DomainName: aws.String("example.com"), Status: types.CertificateStatusIssued, Type: types.CertificateTypeAmazonIssued,
		RenewalEligibility: types.RenewalEligibilityEligible, InUseBy: []string{"a distribution"}, DomainValidationOptions: []types.DomainValidation{validation(types.DomainStatusSuccess)}}
}

func validation(status types.DomainStatus) types.DomainValidation {
	return types.DomainValidation{DomainName: aws.String("example.com"), ValidationMethod: types.ValidationMethodDns, ValidationStatus: status,
		ResourceRecord: &types.ResourceRecord{Name: aws.String("_1.example.com."), Type: types.RecordTypeCname, Value: aws.String("_1.acm-validations.aws.")}}
}

func TestRenews(t *testing.T) {
	points := func(target string, err error) CNAME {
		return func(_ context.Context, name string) (string, string, error) {
			if name != "_1.example.com." {
				return "", "ns1", nil
			}
			return target, "ns1", err
		}
	}
	stands := points("_1.ACM-validations.aws", nil)
	for name, test := range map[string]struct {
		change func(*types.CertificateDetail)
		dns    CNAME
		want   probe.Status
		got    string
	}{
		"it does":        {func(*types.CertificateDetail) {}, stands, probe.Pass, ""},
		"not issued yet": {func(c *types.CertificateDetail) { c.Status = types.CertificateStatusPendingValidation }, stands, probe.Fail, "PENDING"},
		"expired":        {func(c *types.CertificateDetail) { c.Status = types.CertificateStatusExpired }, stands, probe.Fail, "EXPIRED"},
		"imported":       {func(c *types.CertificateDetail) { c.Type = types.CertificateTypeImported }, stands, probe.Fail, "IMPORTED"},
		"used by nothing": {func(c *types.CertificateDetail) {
			c.RenewalEligibility, c.InUseBy = types.RenewalEligibilityIneligible, nil
		}, stands, probe.Fail, "0 resources"},
		"no word on eligibility": {func(c *types.CertificateDetail) { c.RenewalEligibility = "" }, stands, probe.Fail, "eligibility"},
		"by mail": {func(c *types.CertificateDetail) {
			c.DomainValidationOptions[0].ValidationMethod = types.ValidationMethodEmail
		}, stands, probe.Fail, "EMAIL"},
		"by HTTP": {func(c *types.CertificateDetail) {
			c.DomainValidationOptions[0].ValidationMethod = types.ValidationMethodHttp
		}, stands, probe.Fail, "HTTP"},
		"a name that failed": {func(c *types.CertificateDetail) {
			c.DomainValidationOptions[0].ValidationStatus = types.DomainStatusFailed
		}, stands, probe.Fail, "FAILED"},
		"no names":                  {func(c *types.CertificateDetail) { c.DomainValidationOptions = nil }, stands, probe.Blocked, "validated"},
		"a name without its record": {func(c *types.CertificateDetail) { c.DomainValidationOptions[0].ResourceRecord = nil }, stands, probe.Blocked, "record"},
		"renewed": {func(c *types.CertificateDetail) {
			c.RenewalSummary = &types.RenewalSummary{RenewalStatus: types.RenewalStatusSuccess}
		}, stands, probe.Pass, ""},
		"being renewed": {func(c *types.CertificateDetail) {
			c.RenewalSummary = &types.RenewalSummary{RenewalStatus: types.RenewalStatusPendingAutoRenewal}
		}, stands, probe.Pass, ""},
		"not renewed": {func(c *types.CertificateDetail) {
			c.RenewalSummary = &types.RenewalSummary{RenewalStatus: types.RenewalStatusFailed, RenewalStatusReason: types.FailureReasonCaaError}
		}, stands, probe.Fail, "CAA_ERROR"},
		"a name that fails in the renewal": {func(c *types.CertificateDetail) {
			c.RenewalSummary = &types.RenewalSummary{RenewalStatus: types.RenewalStatusPendingAutoRenewal, DomainValidationOptions: []types.DomainValidation{validation(types.DomainStatusPendingValidation)}}
		}, stands, probe.Fail, "PENDING_VALIDATION"},
		"the record is gone":         {func(*types.CertificateDetail) {}, points("", nil), probe.Fail, "no such record"},
		"the record leads elsewhere": {func(*types.CertificateDetail) {}, points("_2.acm-validations.aws.", nil), probe.Fail, "_2."},
		"the DNS is silent":          {func(*types.CertificateDetail) {}, points("", errors.New("silence")), probe.Blocked, "silence"},
		"another certificate":        {func(c *types.CertificateDetail) { c.CertificateArn = aws.String(arn + "2") }, stands, probe.Fail, "no such certificate"},
		"of another region": {func(c *types.CertificateDetail) {
			c.CertificateArn = aws.String("arn:aws:acm:eu-west-1:" + awstest.ID + ":certificate/1")
		}, stands, probe.Fail, "no such certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			c := certificate()
			test.change(&c)
			s := awstest.New(t, &awstest.Account{Certificates: []types.CertificateDetail{c}})
			account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
			find := func(context.Context) (string, error) { return arn, nil }
			result := probe.Run(t.Context(), name, Renews(account, find, test.dns))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), test.got)
			s.Treat(awstest.Rules{Policy: awstest.Allowing()})
			result = probe.Run(t.Context(), name, Renews(account, find, test.dns))
			assert.Equal(t, probe.Blocked, result.Status)
			assert.Contains(t, result.Message(), "allow acm:DescribeCertificate")
		})
	}
	none := Renews(awsprobe.New(awsprobe.Config{}), func(context.Context) (string, error) { return "", nil }, stands)
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", none).Status)
}
