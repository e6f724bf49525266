// Package computeprobe claims things about the service that runs the application, on whatever platform: a platform describes
// the service in the words here, and the judgement is the same for all. It must import no platform's SDK.
package computeprobe

import (
	"context"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Platform is where the service runs: App Runner, ECS. Describe observes everything that the claims need, once.
type Platform interface {
	Describe(ctx context.Context) (Service, error)
}

// Service is what the platform says about the running service. Values of plain variables are not part of any evidence: a secret
// that somebody put there by mistake would be shown.
type Service struct {
	Name       string            `json:"name"`
	Where      string            `json:"where"` // the call that said so, as whom
	Status     string            `json:"status"`
	Running    bool              `json:"running"` // the platform calls it up and at rest
	Last       Operation         `json:"last_operation"`
	Image      string            `json:"image"`       // as the platform has it configured
	Processors string            `json:"processors"`  // what it runs on, as Go names architectures
	AutoDeploy bool              `json:"auto_deploy"` // it deploys by itself what appears in the repository
	Health     HealthCheck       `json:"health_check"`
	Scale      Scale             `json:"scale"`
	Secrets    map[string]string `json:"secrets"`             // variable → ARN of the secret behind it
	Variables  map[string]string `json:"-"`                   // plain variables
	Names      []string          `json:"variables,omitempty"` // the names of the plain ones
	Domains    map[string]string `json:"domains,omitempty"`   // custom domain → its status
	Opaque     []string          `json:"opaque,omitempty"`    // sources of more variables that the platform does not show
	Tracing    bool              `json:"tracing"`

	Validations []Validation `json:"validations,omitempty"` // of the certificates of the custom domains

	Hosts []string `json:"hosts,omitempty"` // names that the platform gave it

	TargetGroups []string  `json:"target_groups,omitempty"` // ARNs of the load balancer's groups whose targets get its requests
	Routing      []Routing `json:"routing,omitempty"`

	Group  string `json:"log_group,omitempty"` // where the application's output arrives
	Metric Metric `json:"-"`                   // what counts the instances
}

// Routing is where production's requests are led, of a service that is in one or the other of some target groups by turns, as blue/green
// deployments have it.
type Routing struct {
	Rule  string   `json:"rule"`   // ARN of the listener, or of its rule
	Turns []string `json:"groups"` // ARNs of the groups
	To    []string `json:"to"`     // ARNs of those that it leads to
}

// Idle says whether a target group is one that it is not the turn of.
func (s Service) Idle(group string) bool {
	return slices.ContainsFunc(s.Routing, func(r Routing) bool { return slices.Contains(r.Turns, group) && !slices.Contains(r.To, group) })
}

// Operation is what was last done to the service.
type Operation struct {
	ID        string    `json:"id,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	Status    string    `json:"status,omitempty"`
	Succeeded bool      `json:"succeeded"`
	Deployed  time.Time `json:"deployed,omitzero"` // when the newest successful deployment, of any age, ended
}

// HealthCheck is how the platform finds out whether an instance works.
type HealthCheck struct {
	Protocol string `json:"protocol"`
	Path     string `json:"path,omitempty"`
}

// Scale is between how many instances the platform moves.
type Scale struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// claim makes a claim of a pure judgement of the service.
func claim(p Platform, source string, judge func(Service) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, err := p.Describe(ctx)
		evidence := probe.Evidence{Target: s.Name, Source: source, Observed: s}
		if err != nil {
			return evidence, err
		}
		evidence.Asked = []string{s.Where}
		return evidence, judge(s)
	}
}

// Metric is the CloudWatch metric that counts a service's instances.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
}
