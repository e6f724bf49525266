package accessprobe

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

func analyzer(name string, kind types.Type, status types.AnalyzerStatus, age time.Duration) types.AnalyzerSummary {
	return types.AnalyzerSummary{Arn: &name, Name: &name, Type: kind, Status: status, CreatedAt: aws.Time(time.Now()), LastResourceAnalyzedAt: aws.Time(time.Now().Add(-age))}
}

func TestNothingShared(t *testing.T) {
	const active = types.AnalyzerStatusActive
	found := func(status types.FindingStatus, owner, problem string) types.FindingSummaryV2 {
		f := types.FindingSummaryV2{Id: aws.String("1"), Status: status, Resource: aws.String("arn:aws:s3:::a"), ResourceOwnerAccount: &owner, ResourceType: types.ResourceTypeAwsS3Bucket}
		if problem != "" {
			f.Error = &problem
		}
		return f
	}
	by := func(resource, problem string) types.FindingSummaryV2 { // a rule
		f := found(types.FindingStatusArchived, awstest.ID, problem)
		f.Resource = &resource
		return f
	}
	one := []types.AnalyzerSummary{analyzer("a", types.TypeAccount, active, time.Hour)}
	neverRan := analyzer("a", types.TypeAccount, active, 0)
	neverRan.LastResourceAnalyzedAt = nil
	archived, open := found(types.FindingStatusArchived, awstest.ID, ""), found(types.FindingStatusActive, awstest.ID, "")
	for name, test := range map[string]struct {
		analyzers []types.AnalyzerSummary
		findings  []types.FindingSummaryV2
		want      probe.Status
		got       string
	}{
		"nothing found":                 {one, nil, probe.Pass, ""},
		"all decided on or mended":      {one, []types.FindingSummaryV2{archived, found(types.FindingStatusResolved, awstest.ID, "")}, probe.Pass, ""},
		"one, on the second page":       {one, []types.FindingSummaryV2{found(types.FindingStatusActive, awstest.ID, "ACCESS_DENIED"), open}, probe.Fail, "1 resources, such as arn:aws:s3:::a"},
		"decided on, and open again":    {one, []types.FindingSummaryV2{archived, open}, probe.Fail, "1 resources, such as arn:aws:s3:::a"},
		"archived by a rule":            {one, []types.FindingSummaryV2{archived, by("arn:aws:s3:::c", ""), by("arn:aws:s3:::b", ""), by("arn:aws:s3:::b", "")}, probe.Fail, "archived ones of 2 others, such as arn:aws:s3:::b"},
		"archived, and of nobody knows": {one, []types.FindingSummaryV2{by("arn:aws:s3:::b", "ACCESS_DENIED")}, probe.Blocked, "arn:aws:s3:::b, which could not be analyzed"},
		"archived, of another account":  {one, []types.FindingSummaryV2{found(types.FindingStatusArchived, "444455556666", "")}, probe.Pass, ""},
		"of another account":            {one, []types.FindingSummaryV2{found(types.FindingStatusActive, "444455556666", "")}, probe.Pass, ""},
		"one that nobody could look at": {one, []types.FindingSummaryV2{found(types.FindingStatusActive, awstest.ID, "ACCESS_DENIED")}, probe.Blocked, "ACCESS_DENIED"},
		"no analyzer":                   {nil, nil, probe.Fail, "none"},
		"one of another kind":           {[]types.AnalyzerSummary{analyzer("a", types.TypeAccountUnusedAccess, active, time.Hour)}, nil, probe.Fail, "none"},
		"the organization's":            {[]types.AnalyzerSummary{analyzer("a", types.TypeOrganization, active, time.Hour)}, nil, probe.Pass, ""},
		"disabled":                      {[]types.AnalyzerSummary{analyzer("a", types.TypeAccount, types.AnalyzerStatusDisabled, time.Hour)}, nil, probe.Fail, "DISABLED"},
		"being made":                    {[]types.AnalyzerSummary{analyzer("a", types.TypeAccount, types.AnalyzerStatusCreating, time.Hour)}, nil, probe.Fail, "CREATING"},
		"the second one works":          {[]types.AnalyzerSummary{analyzer("b", types.TypeAccount, types.AnalyzerStatusFailed, time.Hour), one[0]}, nil, probe.Pass, ""},
		"it has not looked yet":         {[]types.AnalyzerSummary{neverRan}, nil, probe.Blocked, "not looked"},
		"it has not looked for a week":  {[]types.AnalyzerSummary{analyzer("a", types.TypeAccount, active, 7*24*time.Hour)}, nil, probe.Blocked, "newest analysis"},
	} {
		t.Run(name, func(t *testing.T) {
			s := awstest.New(t, &awstest.Account{Analyzers: test.analyzers, AccessFindings: map[string][]types.FindingSummaryV2{"a": test.findings}})
			s.Treat(awstest.Rules{PageSize: 1})
			claim := NothingShared(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "arn:aws:s3:::a")
			result := probe.Run(t.Context(), name, claim)
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), test.got)
			for action, allowed := range map[string][]string{"access-analyzer:ListAnalyzers": nil, "access-analyzer:ListFindings": {"access-analyzer:ListAnalyzers"}} {
				if allowed != nil && test.want == probe.Fail {
					continue // it never comes so far
				}
				s.Treat(awstest.Rules{Policy: awstest.Allowing(allowed...)})
				result = probe.Run(t.Context(), name, claim)
				assert.Equal(t, probe.Blocked, result.Status)
				assert.Contains(t, result.Message(), "allow "+action)
			}
		})
	}
}
