package computeprobe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Runs claims that the service runs and that the newest operation on it succeeded. RUNNING alone is no proof: a deployment that
// failed and was rolled back leaves the service running, on what it ran before.
func Runs(p Platform) probe.Claim { return claim(p, "platform's service status and operations", runs) }

func runs(s Service) error {
	want := "a service that runs, and whose newest operation succeeded"
	last := fmt.Sprintf("%s %s (%s)", cmp.Or(s.Last.Kind, "no operation at all"), s.Last.Status, s.Last.ID)
	switch {
	case !s.Running:
		return &probe.Unmet{Class: "compute.status", Want: want, Got: "status " + s.Status + ", newest operation " + last, From: s.Where,
			Fix: "wait for an operation under way to end; else see the service's event log"}
	case !s.Last.Succeeded:
		return &probe.Unmet{Class: "compute.operation", Want: want, Got: "status " + s.Status + ", but newest operation " + last, From: s.Where,
			Fix: "what was deployed last is not what runs; see the deployment log, mend it and deploy again"}
	}
	return nil
}

// HealthChecked claims that the platform asks the application itself, over HTTP at path: a connection that is accepted says
// nothing of the database behind it.
func HealthChecked(p Platform, path string) probe.Claim {
	return claim(p, "platform's health check configuration", func(s Service) error {
		if strings.EqualFold(s.Health.Protocol, "HTTP") && s.Health.Path == path {
			return nil
		}
		return &probe.Unmet{Class: "compute.health-check", Want: "a health check over HTTP at " + path,
			Got: strings.TrimSpace(s.Health.Protocol + " " + s.Health.Path), From: s.Where, Fix: "set the service's health check to HTTP and that path"}
	})
}

// ScalesBetween claims that the service keeps at least low instances and may grow to at least high.
func ScalesBetween(p Platform, low, high int) probe.Claim {
	return claim(p, "platform's scaling configuration", func(s Service) error {
		if s.Scale.Min >= low && s.Scale.Max >= high {
			return nil
		}
		return &probe.Unmet{Class: "compute.scale", Want: fmt.Sprintf("at least %d instances, and room for %d", low, high),
			Got: fmt.Sprintf("%d to %d", s.Scale.Min, s.Scale.Max), From: s.Where, Fix: "raise the sizes of the scaling configuration"}
	})
}

// AutoDeployOff claims that nothing is deployed by itself: a tag that is pushed would go around every gate.
func AutoDeployOff(p Platform) probe.Claim {
	return claim(p, "platform's deployment configuration", func(s Service) error {
		if !s.AutoDeploy {
			return nil
		}
		return &probe.Unmet{Class: "compute.auto-deploy", Want: "deployments by the pipeline only", Got: "automatic deployments", From: s.Where,
			Fix: "turn automatic deployments off"}
	})
}

// RunsImage claims that the service runs exactly this image, by its digest: a tag can move between a check and a deployment. It is the one in the
// service's configuration, which is not what runs where the newest deployment has failed or goes on.
func RunsImage(p Platform, image string) probe.Claim {
	return claim(p, "platform's image configuration", func(s Service) error {
		want := "the image " + image
		switch _, digest, pinned := strings.Cut(s.Image, "@sha256:"); {
		case image == "":
			return &probe.Unknown{Class: "not-configured", Want: "the image of the launch", Got: "no compute.image in launch.yaml", Fix: "add it, by its digest"}
		case !pinned || digest == "":
			return &probe.Unmet{Class: "compute.image-by-tag", Want: want, Got: s.Image + ", which is no digest", From: s.Where, Fix: "deploy the image by its digest"}
		case s.Image != image:
			return &probe.Unmet{Class: "compute.image", Want: want, Got: s.Image, From: s.Where, Fix: "deploy the image that was checked, or correct compute.image"}
		}
		return runs(s)
	})
}

// HasVariable claims that a plain environment variable has a value.
func HasVariable(p Platform, name, value string) probe.Claim {
	return claim(p, "platform's environment", func(s Service) error {
		got, there := s.Variables[name]
		_, secret := s.Secrets[name]
		want := name + "=" + value
		switch {
		case there && got == value:
			return nil
		case secret:
			return &probe.Unmet{Class: "compute.variable", Want: want, Got: "a secret of that name", From: s.Where, Fix: "make it a plain variable"}
		case !there:
			return &probe.Unmet{Class: "compute.variable", Want: want, Got: "no variable " + name, From: s.Where, Fix: "set it and deploy"}
		}
		return &probe.Unmet{Class: "compute.variable", Want: want, Got: fmt.Sprintf("another value (%d characters)", len(got)), From: s.Where, Fix: "set it and deploy"}
	})
}

// LacksVariable claims that a variable is not there at all, plain or secret: "false" is a text, and many programs take any text for yes.
func LacksVariable(p Platform, name string) probe.Claim {
	return claim(p, "platform's environment", func(s Service) error {
		_, plain := s.Variables[name]
		_, secret := s.Secrets[name]
		if !plain && !secret {
			return shown(s, "no variable "+name)
		}
		return &probe.Unmet{Class: "compute.variable", Want: "no variable " + name, Got: "one that is set", From: s.Where,
			Fix: "remove it, whatever its value, and deploy"}
	})
}

// Wired claims that every variable reaches the application as a secret, and not as plain text that whoever may look at the service reads.
func Wired(p Platform, variables []string) probe.Claim {
	return claim(p, "platform's environment", func(s Service) error {
		var plain, absent []string
		for _, v := range variables {
			_, isPlain := s.Variables[v]
			_, isSecret := s.Secrets[v]
			switch {
			case isPlain:
				plain = append(plain, v)
			case !isSecret:
				absent = append(absent, v)
			}
		}
		switch {
		case len(variables) == 0:
			return &probe.Unknown{Class: "not-configured", Want: "the secrets of the application", Got: "no secrets in launch.yaml", Fix: "list them"}
		case len(plain) > 0:
			return &probe.Unmet{Class: "secret.plain", Want: "every secret referred to, not written out", Got: "plain text for " + strings.Join(plain, ", "),
				From: s.Where, Fix: "move them to Secrets Manager, replace the values, which are public now, and deploy"}
		case len(absent) > 0:
			return &probe.Unmet{Class: "secret.unwired", Want: "every secret wired to the service", Got: "none for " + strings.Join(absent, ", "), From: s.Where,
				Fix: "refer to the secret in the service's configuration and deploy"}
		}
		return nil
	})
}

// NoSecretInPlain claims that no plain variable is named like a secret: what nobody listed as a secret can still be one.
func NoSecretInPlain(p Platform, known map[string]string) probe.Claim {
	return claim(p, "platform's environment", func(s Service) error {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
			if _, declared := known[name]; !declared && secretName(name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return shown(s, "no plain variable that is named like a secret")
		}
		return &probe.Unmet{Class: "secret.plain", Want: "no plain variable that is named like a secret", Got: strings.Join(names, ", "), From: s.Where,
			Fix: "make them secrets, or say in compute.variables what value is public"}
	})
}

// shown is an error where more variables come from somewhere that the platform does not show.
func shown(s Service, want string) error {
	if len(s.Opaque) == 0 {
		return nil
	}
	return &probe.Unknown{Class: "compute.opaque", Want: want, Got: "more variables in " + strings.Join(s.Opaque, ", ") + ", which nobody reads here", From: s.Where,
		Fix: "move the variables into the service's configuration"}
}

func secretName(name string) bool {
	if strings.HasPrefix(name, "NEXT_PUBLIC_") {
		return false
	}
	return slices.ContainsFunc([]string{"SECRET", "PASSWORD", "TOKEN", "PRIVATE_KEY", "API_KEY", "DATABASE_URL", "WEBHOOK"}, func(part string) bool {
		return strings.Contains(strings.ToUpper(name), part)
	})
}

// IsBalancedBy claims that the load balancer's groups that get the service's requests are among those that are watched: one that nobody
// names could be all unhealthy. And that production's requests are led to the service, and nowhere else.
func IsBalancedBy(p Platform, watched []string) probe.Claim {
	return claim(p, "platform's load balancers", func(s Service) error {
		for _, r := range s.Routing {
			others := slices.DeleteFunc(slices.Clone(r.To), func(group string) bool { return slices.Contains(r.Turns, group) })
			if len(r.To) == 0 || len(others) > 0 {
				return &probe.Unmet{Class: "compute.routing", Want: r.Rule + " to lead to " + strings.Join(r.Turns, " or "), Got: cmp.Or(strings.Join(others, ", "), "no target group"), From: s.Where,
					Fix: "have the rule forward to the group that the service's tasks are in, or correct the service's load balancer"}
			}
		}
		for _, group := range s.TargetGroups {
			if !slices.Contains(watched, group) {
				return &probe.Unmet{Class: "compute.target-group", Want: "every target group of the service in compute.target_groups", Got: group + " too", From: s.Where, Fix: "add it there"}
			}
		}
		return nil
	})
}

// Traces claims that the platform hands the application's traces on.
func Traces(p Platform) probe.Claim {
	return claim(p, "platform's observability configuration", func(s Service) error {
		if s.Tracing {
			return nil
		}
		return &probe.Unmet{Class: "compute.tracing", Want: "tracing on", Got: "off", From: s.Where, Fix: "give the service an observability configuration that traces"}
	})
}

// ServesDomain claims that the platform serves a domain of ours, certificate and all.
func ServesDomain(p Platform, domain string) probe.Claim {
	return claim(p, "platform's custom domains", func(s Service) error {
		status, there := s.Domains[domain]
		switch {
		case !there:
			return &probe.Unmet{Class: "compute.domain", Want: domain + " associated with the service", Got: "no such association", From: s.Where, Fix: "associate the domain"}
		case !strings.EqualFold(status, "active"): // lower case on the wire, upper case in the SDK
			return &probe.Unmet{Class: "compute.domain", Want: domain + " active", Got: status, From: s.Where, Fix: "add the validation records that the association asks for"}
		}
		return nil
	})
}

// ReadsCurrent claims that what changed at an instant, such as a secret, is what the application runs with: it reads its
// environment when it is deployed.
func ReadsCurrent(p Platform, what string, changed func(context.Context) (time.Time, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		at, err := changed(ctx)
		if err != nil {
			return probe.Evidence{Target: what}, err
		}
		return claim(p, "platform's deployments", func(s Service) error { return readsCurrent(s, what, at) })(ctx)
	}
}

func readsCurrent(s Service, what string, changed time.Time) error {
	if !s.Last.Deployed.IsZero() && !changed.After(s.Last.Deployed) {
		return nil
	}
	deployed := "never"
	if !s.Last.Deployed.IsZero() {
		deployed = s.Last.Deployed.UTC().Format(time.RFC3339)
	}
	return &probe.Unmet{Class: "secret.not-live", Want: what + " as the application has read it", Got: fmt.Sprintf("a value from %s and a last deployment that began %s",
		changed.UTC().Format(time.RFC3339), deployed), From: s.Where, Fix: "deploy again, so that the application reads the new value"}
}

// WiredTo claims that a variable carries exactly the secret with this ARN. What may follow the ARN selects a key or a version.
func WiredTo(p Platform, variable string, secret func(context.Context) (string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		arn, err := secret(ctx)
		if err != nil {
			return probe.Evidence{Target: variable}, err
		}
		return claim(p, "platform's environment", func(s Service) error {
			switch rest, ours := strings.CutPrefix(s.Secrets[variable], arn); {
			case s.Secrets[variable] == "":
				return &probe.Unmet{Class: "secret.unwired", Want: variable + " wired to " + arn, Got: "nothing", From: s.Where, Fix: "refer to the secret in the service's configuration and deploy"}
			case !ours || rest != "" && rest[0] != ':':
				return &probe.Unmet{Class: "secret.unwired", Want: variable + " wired to " + arn, Got: s.Secrets[variable], From: s.Where, Fix: "refer to this environment's secret and deploy"}
			}
			return nil
		})(ctx)
	}
}
