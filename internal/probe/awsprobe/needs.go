package awsprobe

import (
	"context"
	"fmt"
	"regexp"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Needs declares the API operations that a probe may call, "<service id>.<operation>" → what IAM must allow for it. It is
// what `launchgate iam-policy` prints, and no probe can call what it does not declare.
type Needs map[string]Permission

// Permission is what IAM must allow for one API operation.
type Permission struct {
	Action string // as IAM spells it, such as "logs:DescribeLogGroups"; empty: nobody needs permission for it
	On     Kind   // the resources it can be restricted to

	Also   string // a second action that the operation needs, on each thing it touches
	AlsoOn Kind
}

// Kind is the kind of resource that a permission is about.
type Kind string

// The kinds of resources. Everything stands for actions that IAM cannot restrict to a resource.
const (
	Everything     Kind = "*"
	Service        Kind = "the compute service"
	Secrets        Kind = "the launch's secrets" //nolint:gosec // a kind, and no credential
	Databases      Kind = "the databases"
	RecoveryPoints Kind = "the recovery points"
	Repository     Kind = "the image repository"
	LogGroup       Kind = "the log group"
	Scaling        Kind = "the scaling configurations"
	Role           Kind = "the role of the application"
	TheBudget      Kind = "the budget"
	Drills         Kind = "the drills' instances"
	DrillSources   Kind = "what drills restore"
	TheDatabase    Kind = "the launch's database"
	Backups        Kind = "the snapshots before the migration"

	TheDistribution Kind = "the distribution"
	CDNPolicies     Kind = "the policies of the distribution"
	WebACLs         Kind = "the web ACLs of CloudFront"
	RegionalWebACLs Kind = "the web ACLs of the region"
	Certificates    Kind = "the certificates"
	Analyzers       Kind = "the access analyzers"
	Dashboards      Kind = "the dashboards"
	MuteRules       Kind = "the mute rules of the alarms"
	Topics          Kind = "the topics of the alarms"
)

// DrillPrefix begins the identifier of every instance that a drill creates, to which its role is narrowed.
const DrillPrefix = "launchgate-drill-"

// only refuses a call that was not declared, before it leaves the machine.
func (n Needs) only(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Declared", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		call := awsmiddleware.GetServiceID(ctx) + "." + awsmiddleware.GetOperationName(ctx)
		if _, declared := n[call]; !declared {
			return middleware.InitializeOutput{}, middleware.Metadata{}, fmt.Errorf("%s is not among the calls that this probe declares", call)
		}
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
}

// awsHost are the endpoints of services, of a region or of none, and those of a service in a VPC. Customers' own hosts have more before
// amazonaws.com, or another word where the region is.
var awsHost = regexp.MustCompile(`^(api\.ecr|[a-z0-9-]+|vpce-[a-z0-9-]+\.[a-z0-9-]+(\.[a-z]{2}(-[a-z]+)+-[0-9]+)?\.vpce)(\.[a-z]{2}(-[a-z]+)+(-[0-9]+)?|\.global)?\.(amazonaws\.com(\.cn)?|api\.aws|aws\.dev)(:443)?$`)

// onlyAWS refuses to send a call anywhere but to AWS's own endpoints over TLS, whatever redirects it: AWS_ENDPOINT_URL and its
// kin, or endpoint_url in the shared configuration.
func onlyAWS(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("OnlyAWS", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok || request.URL.Scheme != "https" || !awsHost.MatchString(request.URL.Host) {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, &overridden{request}
		}
		return next.HandleFinalize(ctx, in)
	}), middleware.After)
}

type overridden struct{ request *smithyhttp.Request }

func (o *overridden) Error() string {
	return fmt.Sprintf("a call that would go to %s://%s, which is not AWS", o.request.URL.Scheme, o.request.URL.Host)
}
