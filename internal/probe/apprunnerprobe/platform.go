// Package apprunnerprobe describes an App Runner service in the words of computeprobe. It judges nothing.
package apprunnerprobe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"AppRunner.DescribeService":                  {Action: "apprunner:DescribeService", On: awsprobe.Service},
	"AppRunner.ListOperations":                   {Action: "apprunner:ListOperations", On: awsprobe.Service},
	"AppRunner.DescribeCustomDomains":            {Action: "apprunner:DescribeCustomDomains", On: awsprobe.Service},
	"AppRunner.DescribeAutoScalingConfiguration": {Action: "apprunner:DescribeAutoScalingConfiguration", On: awsprobe.Scaling},
}

// Platform is one App Runner service.
type Platform struct {
	account *awsprobe.Account
	arn     string
	seen    probe.Memo[string, computeprobe.Service]
}

// New returns the platform of a service.
func New(account *awsprobe.Account, arn string) *Platform {
	return &Platform{account: account, arn: arn}
}

// Describe asks App Runner for the service, its operations, domains and scaling, once.
func (p *Platform) Describe(ctx context.Context) (computeprobe.Service, error) {
	if p.arn == "" {
		return computeprobe.Service{}, &probe.Unknown{Class: "not-configured", Want: "the service that runs the application", Got: "no compute.service in launch.yaml", Fix: "add its ARN"}
	}
	return p.seen.Try(ctx, "the service "+p.arn, awsprobe.Patience, p.observe)
}

type api interface {
	DescribeService(context.Context, *apprunner.DescribeServiceInput, ...func(*apprunner.Options)) (*apprunner.DescribeServiceOutput, error)
	DescribeAutoScalingConfiguration(context.Context, *apprunner.DescribeAutoScalingConfigurationInput, ...func(*apprunner.Options)) (*apprunner.DescribeAutoScalingConfigurationOutput, error)
	apprunner.ListOperationsAPIClient
	apprunner.DescribeCustomDomainsAPIClient
}

func (p *Platform) observe(ctx context.Context) (computeprobe.Service, error) {
	cfg, who, err := p.account.Open(ctx, Needs)
	if err != nil {
		return computeprobe.Service{}, err
	}
	var client api = apprunner.NewFromConfig(cfg)
	s, err := describe(ctx, client, p.arn, who)
	s.Where = "apprunner:DescribeService as " + who.String()
	return s, err
}

func describe(ctx context.Context, client api, arn string, who awsprobe.Identity) (computeprobe.Service, error) {
	unreadable := func(operation string, err error) error {
		if awsprobe.Missing(err) {
			return &probe.Unmet{Class: "compute.missing", Want: "the service " + arn, Got: "no such service", From: operation + " as " + who.String(),
				Fix: "create it, or correct compute.service"}
		}
		return awsprobe.Unreadable(operation, "the service "+arn, who, err)
	}
	out, err := client.DescribeService(ctx, &apprunner.DescribeServiceInput{ServiceArn: &arn})
	if err != nil {
		return computeprobe.Service{Name: arn}, unreadable("apprunner:DescribeService", err)
	}
	s := fromService(out.Service)
	if s.Last, err = operations(ctx, client, arn); err != nil {
		return s, unreadable("apprunner:ListOperations", err)
	}
	s.Domains = map[string]string{}
	domains := apprunner.NewDescribeCustomDomainsPaginator(client, &apprunner.DescribeCustomDomainsInput{ServiceArn: &arn})
	for domains.HasMorePages() {
		page, err := domains.NextPage(ctx)
		if err != nil {
			return s, unreadable("apprunner:DescribeCustomDomains", err)
		}
		for _, d := range page.CustomDomains {
			note(&s, d)
		}
	}
	if summary := out.Service.AutoScalingConfigurationSummary; summary != nil {
		scaling, err := client.DescribeAutoScalingConfiguration(ctx, &apprunner.DescribeAutoScalingConfigurationInput{AutoScalingConfigurationArn: summary.AutoScalingConfigurationArn})
		if err != nil {
			return s, unreadable("apprunner:DescribeAutoScalingConfiguration", err)
		}
		c := scaling.AutoScalingConfiguration
		s.Scale = computeprobe.Scale{Min: int(aws.ToInt32(c.MinSize)), Max: int(aws.ToInt32(c.MaxSize))}
	}
	return s, nil
}

// note writes down a domain's status; a certificate that is not validated keeps it from being served whatever the association says.
func note(s *computeprobe.Service, d types.CustomDomain) {
	status := string(d.Status)
	for _, r := range d.CertificateValidationRecords {
		s.Validations = append(s.Validations, computeprobe.Validation{Domain: aws.ToString(d.DomainName), Name: aws.ToString(r.Name), Value: aws.ToString(r.Value), Status: string(r.Status)})
	}
	for _, r := range d.CertificateValidationRecords {
		if !strings.EqualFold(string(r.Status), string(types.CertificateValidationRecordStatusSuccess)) {
			status = fmt.Sprintf("%s, certificate validation %s", status, r.Status)
			break
		}
	}
	s.Domains[aws.ToString(d.DomainName)] = status
	if aws.ToBool(d.EnableWWWSubdomain) {
		s.Domains["www."+aws.ToString(d.DomainName)] = status
	}
}

// operations are the newest operation and the newest deployment that succeeded. A pause and what ends it say nothing of what was deployed before: the
// operation is the newest deployment then, where that failed. App Runner gives the newest first
// (https://docs.aws.amazon.com/apprunner/latest/api/API_ListOperations.html).
func operations(ctx context.Context, client api, arn string) (computeprobe.Operation, error) {
	var last computeprobe.Operation
	judged := false
	pages := apprunner.NewListOperationsPaginator(client, &apprunner.ListOperationsInput{ServiceArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return last, err
		}
		for _, o := range page.OperationSummaryList {
			succeeded := o.Status == types.OperationStatusSucceeded
			if last.ID == "" || deploys[o.Type] && !judged && last.Succeeded && !succeeded {
				last = computeprobe.Operation{ID: aws.ToString(o.Id), Kind: string(o.Type), Status: string(o.Status), Succeeded: succeeded}
			}
			judged = judged || deploys[o.Type]
			if deploys[o.Type] && succeeded && last.Deployed.IsZero() {
				last.Deployed = aws.ToTime(o.StartedAt) // a secret that changed while it ran may have been read before
			}
		}
		if last.ID != "" && !last.Deployed.IsZero() {
			break // older ones say nothing new
		}
	}
	return last, nil
}

var deploys = map[types.OperationType]bool{types.OperationTypeCreateService: true, types.OperationTypeUpdateService: true, types.OperationTypeStartDeployment: true}

func fromService(in *types.Service) computeprobe.Service {
	s := computeprobe.Service{Name: aws.ToString(in.ServiceName), Status: string(in.Status), Running: in.Status == types.ServiceStatusRunning, Processors: "amd64", // there are no others
		Group: fmt.Sprintf("/aws/apprunner/%s/%s/application", aws.ToString(in.ServiceName), aws.ToString(in.ServiceId))}
	if url := aws.ToString(in.ServiceUrl); url != "" {
		s.Hosts = []string{url}
	}
	if h := in.HealthCheckConfiguration; h != nil {
		s.Health = computeprobe.HealthCheck{Protocol: string(h.Protocol), Path: aws.ToString(h.Path)}
	} else {
		s.Health = computeprobe.HealthCheck{Protocol: "TCP"} // the platform's default
	}
	s.Metric = computeprobe.Metric{Namespace: "AWS/AppRunner", Name: "ActiveInstances",
		Dimensions: map[string]string{"ServiceName": aws.ToString(in.ServiceName), "ServiceID": aws.ToString(in.ServiceId)}}
	s.Tracing = in.ObservabilityConfiguration != nil && in.ObservabilityConfiguration.ObservabilityEnabled
	source := in.SourceConfiguration
	if source == nil {
		return s
	}
	// Absent means the default, which is true for an image in ECR.
	s.AutoDeploy = source.AutoDeploymentsEnabled == nil || *source.AutoDeploymentsEnabled
	if image := source.ImageRepository; image != nil {
		s.Image = aws.ToString(image.ImageIdentifier)
		if c := image.ImageConfiguration; c != nil {
			s.Secrets, s.Variables = c.RuntimeEnvironmentSecrets, c.RuntimeEnvironmentVariables
		}
	}
	if code := source.CodeRepository; code != nil {
		switch c := code.CodeConfiguration; {
		case c != nil && c.ConfigurationSource == types.ConfigurationSourceApi && c.CodeConfigurationValues != nil:
			s.Secrets, s.Variables = c.CodeConfigurationValues.RuntimeEnvironmentSecrets, c.CodeConfigurationValues.RuntimeEnvironmentVariables
		default:
			s.Opaque = []string{"apprunner.yaml of the repository"}
		}
	}
	s.Names = slices.Sorted(maps.Keys(s.Variables))
	s.Image = strings.TrimSpace(s.Image)
	return s
}
