package apprunnerprobe

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

func TestFromService(t *testing.T) {
	image := func(automatic *bool) *types.SourceConfiguration {
		return &types.SourceConfiguration{AutoDeploymentsEnabled: automatic, ImageRepository: &types.ImageRepository{ImageIdentifier: aws.String(" repo@sha256:1 "),
			ImageConfiguration: &types.ImageConfiguration{RuntimeEnvironmentVariables: map[string]string{"B": "2", "A": "1"}, RuntimeEnvironmentSecrets: map[string]string{"S": "arn"}}}}
	}
	for name, test := range map[string]struct {
		in   types.Service
		read func(computeprobe.Service) any
		want any
	}{
		"it runs":                                 {types.Service{Status: types.ServiceStatusRunning}, func(s computeprobe.Service) any { return s.Running }, true},
		"an operation is under way":               {types.Service{Status: types.ServiceStatusOperationInProgress}, func(s computeprobe.Service) any { return s.Running }, false},
		"it is paused":                            {types.Service{Status: types.ServiceStatusPaused}, func(s computeprobe.Service) any { return s.Running }, false},
		"no word on its status":                   {types.Service{}, func(s computeprobe.Service) any { return s.Running }, false},
		"a health check is TCP by default":        {types.Service{}, func(s computeprobe.Service) any { return s.Health }, computeprobe.HealthCheck{Protocol: "TCP"}},
		"a health check over HTTP":                {types.Service{HealthCheckConfiguration: &types.HealthCheckConfiguration{Protocol: types.HealthCheckProtocolHttp, Path: aws.String("/up")}}, func(s computeprobe.Service) any { return s.Health }, computeprobe.HealthCheck{Protocol: "HTTP", Path: "/up"}},
		"deployments are automatic if unsaid":     {types.Service{SourceConfiguration: image(nil)}, func(s computeprobe.Service) any { return s.AutoDeploy }, true},
		"deployments are automatic":               {types.Service{SourceConfiguration: image(aws.Bool(true))}, func(s computeprobe.Service) any { return s.AutoDeploy }, true},
		"deployments are the pipeline's":          {types.Service{SourceConfiguration: image(aws.Bool(false))}, func(s computeprobe.Service) any { return s.AutoDeploy }, false},
		"the image":                               {types.Service{SourceConfiguration: image(nil)}, func(s computeprobe.Service) any { return s.Image }, "repo@sha256:1"},
		"source code and no image":                {types.Service{SourceConfiguration: &types.SourceConfiguration{CodeRepository: &types.CodeRepository{}}}, func(s computeprobe.Service) any { return s.Image }, ""},
		"variables that App Runner does not show": {types.Service{SourceConfiguration: &types.SourceConfiguration{CodeRepository: &types.CodeRepository{CodeConfiguration: &types.CodeConfiguration{ConfigurationSource: types.ConfigurationSourceRepository}}}}, func(s computeprobe.Service) any { return s.Opaque }, []string{"apprunner.yaml of the repository"}},
		"variables of source code": {types.Service{SourceConfiguration: &types.SourceConfiguration{CodeRepository: &types.CodeRepository{CodeConfiguration: &types.CodeConfiguration{ConfigurationSource: types.ConfigurationSourceApi,
			CodeConfigurationValues: &types.CodeConfigurationValues{RuntimeEnvironmentVariables: map[string]string{"BANKID_MOCK": "1"}}}}}}, func(s computeprobe.Service) any { return s.Names }, []string{"BANKID_MOCK"}},
		"names, and no values": {types.Service{SourceConfiguration: image(nil)}, func(s computeprobe.Service) any { return s.Names }, []string{"A", "B"}},
		"secrets":              {types.Service{SourceConfiguration: image(nil)}, func(s computeprobe.Service) any { return s.Secrets }, map[string]string{"S": "arn"}},
		"its log group":        {types.Service{ServiceName: aws.String("web"), ServiceId: aws.String("1")}, func(s computeprobe.Service) any { return s.Group }, "/aws/apprunner/web/1/application"},
		"its host":             {types.Service{ServiceUrl: aws.String("a.awsapprunner.com")}, func(s computeprobe.Service) any { return s.Hosts }, []string{"a.awsapprunner.com"}},
		"traces":               {types.Service{ObservabilityConfiguration: &types.ServiceObservabilityConfiguration{ObservabilityEnabled: true}}, func(s computeprobe.Service) any { return s.Tracing }, true},
		"traces that are off":  {types.Service{ObservabilityConfiguration: &types.ServiceObservabilityConfiguration{}}, func(s computeprobe.Service) any { return s.Tracing }, false},
	} {
		assert.Equal(t, test.want, test.read(fromService(&test.in)), name)
	}
}

func TestNote(t *testing.T) {
	record := func(status types.CertificateValidationRecordStatus) types.CertificateValidationRecord {
		return types.CertificateValidationRecord{Name: aws.String("_1.example.com."), Value: aws.String("_1.acm."), Status: status}
	}
	for name, test := range map[string]struct {
		in     types.CustomDomain
		status map[string]string
	}{
		"validated":                    {types.CustomDomain{Status: "active", CertificateValidationRecords: []types.CertificateValidationRecord{record("SUCCESS")}}, map[string]string{"example.com": "active"}},
		"in small letters":             {types.CustomDomain{Status: "active", CertificateValidationRecords: []types.CertificateValidationRecord{record("success")}}, map[string]string{"example.com": "active"}},
		"active, and one record waits": {types.CustomDomain{Status: "active", CertificateValidationRecords: []types.CertificateValidationRecord{record("SUCCESS"), record("PENDING_VALIDATION")}}, map[string]string{"example.com": "active, certificate validation PENDING_VALIDATION"}},
		"with www":                     {types.CustomDomain{Status: "creating", EnableWWWSubdomain: aws.Bool(true)}, map[string]string{"example.com": "creating", "www.example.com": "creating"}},
	} {
		s := computeprobe.Service{Domains: map[string]string{}}
		test.in.DomainName = aws.String("example.com")
		note(&s, test.in)
		assert.Equal(t, test.status, s.Domains, name)
		assert.Len(t, s.Validations, len(test.in.CertificateValidationRecords), name)
		for _, v := range s.Validations {
			assert.Equal(t, "example.com", v.Domain, name)
		}
	}
}

// fake answers as App Runner does, one operation a page.
type fake struct {
	api
	operations []types.OperationSummary
	err        error
	pages      int
}

func (f *fake) ListOperations(_ context.Context, in *apprunner.ListOperationsInput, _ ...func(*apprunner.Options)) (*apprunner.ListOperationsOutput, error) {
	f.pages++
	at, _ := strconv.Atoi(aws.ToString(in.NextToken)) // the first page has no token
	if f.err != nil || at >= len(f.operations) {
		return &apprunner.ListOperationsOutput{}, f.err
	}
	out := &apprunner.ListOperationsOutput{OperationSummaryList: f.operations[at : at+1]}
	if at+1 < len(f.operations) {
		out.NextToken = aws.String(strconv.Itoa(at + 1))
	}
	return out, nil
}

func (f *fake) DescribeService(context.Context, *apprunner.DescribeServiceInput, ...func(*apprunner.Options)) (*apprunner.DescribeServiceOutput, error) {
	return nil, f.err
}

func TestOperations(t *testing.T) {
	day := func(n int) *time.Time { return aws.Time(time.Date(2027, 1, n, 0, 0, 0, 0, time.UTC)) }
	one := func(id string, kind types.OperationType, status types.OperationStatus, n int) types.OperationSummary {
		return types.OperationSummary{Id: &id, Type: kind, Status: status, StartedAt: day(n)}
	}
	const deploy, update, pause, resume = types.OperationTypeStartDeployment, types.OperationTypeUpdateService, types.OperationTypePauseService, types.OperationTypeResumeService
	for name, test := range map[string]struct {
		newestFirst []types.OperationSummary
		want        computeprobe.Operation
		pages       int
	}{
		"none": {nil, computeprobe.Operation{}, 1},
		"a deployment": {[]types.OperationSummary{one("2", deploy, "SUCCEEDED", 2), one("1", update, "SUCCEEDED", 1)},
			computeprobe.Operation{ID: "2", Kind: "START_DEPLOYMENT", Status: "SUCCEEDED", Succeeded: true, Deployed: *day(2)}, 1},
		"rolled back: what runs is older": {[]types.OperationSummary{one("2", update, "ROLLBACK_SUCCEEDED", 2), one("1", update, "SUCCEEDED", 1)},
			computeprobe.Operation{ID: "2", Kind: "UPDATE_SERVICE", Status: "ROLLBACK_SUCCEEDED", Deployed: *day(1)}, 2},
		"a pause deploys nothing": {[]types.OperationSummary{one("2", pause, "SUCCEEDED", 2), one("1", update, "SUCCEEDED", 1)},
			computeprobe.Operation{ID: "2", Kind: "PAUSE_SERVICE", Status: "SUCCEEDED", Succeeded: true, Deployed: *day(1)}, 2},
		"a rest does not make a rollback good": {[]types.OperationSummary{one("4", resume, "SUCCEEDED", 4), one("3", pause, "SUCCEEDED", 3), one("2", update, "ROLLBACK_SUCCEEDED", 2), one("1", update, "SUCCEEDED", 1)},
			computeprobe.Operation{ID: "2", Kind: "UPDATE_SERVICE", Status: "ROLLBACK_SUCCEEDED", Deployed: *day(1)}, 4},
		"nor a rollback before it bad": {[]types.OperationSummary{one("4", resume, "SUCCEEDED", 4), one("2", update, "SUCCEEDED", 2), one("1", update, "ROLLBACK_SUCCEEDED", 1)},
			computeprobe.Operation{ID: "4", Kind: "RESUME_SERVICE", Status: "SUCCEEDED", Succeeded: true, Deployed: *day(2)}, 2},
		"a rest that failed": {[]types.OperationSummary{one("4", resume, "FAILED", 4), one("2", update, "ROLLBACK_SUCCEEDED", 2)}, computeprobe.Operation{ID: "4", Kind: "RESUME_SERVICE", Status: "FAILED"}, 2},
		"under way":          {[]types.OperationSummary{one("1", deploy, "IN_PROGRESS", 1)}, computeprobe.Operation{ID: "1", Kind: "START_DEPLOYMENT", Status: "IN_PROGRESS"}, 1},
	} {
		f := &fake{operations: test.newestFirst}
		got, err := operations(t.Context(), f, "arn")
		require.NoError(t, err, name)
		assert.Equal(t, test.want, got, name)
		assert.Equal(t, test.pages, f.pages, name)
	}
	_, err := operations(t.Context(), &fake{err: errors.New("silence")}, "arn")
	assert.ErrorContains(t, err, "silence")
}

func TestDescribeTellsGoneFromUnreadable(t *testing.T) {
	for code, want := range map[string]probe.Status{"ResourceNotFoundException": probe.Fail, "AccessDeniedException": probe.Blocked, "ThrottlingException": probe.Blocked, "InternalServiceErrorException": probe.Blocked} {
		_, err := describe(t.Context(), &fake{err: &smithy.GenericAPIError{Code: code}}, "arn", awsprobe.Identity{})
		assert.Equal(t, want, probe.StatusOf(err), "%s: %v", code, err)
	}
}
