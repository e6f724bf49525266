package computeprobe

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

type platform struct {
	service Service
	err     error
}

func (p platform) Describe(context.Context) (Service, error) { return p.service, p.err }

const image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

var began = time.Date(2027, 1, 18, 9, 0, 0, 0, time.UTC)

// good is a service about which every claim holds.
func good() Service {
	return Service{Name: "web", Where: "here", Status: "RUNNING", Running: true, Last: Operation{ID: "1", Kind: "UPDATE_SERVICE", Status: "SUCCEEDED", Succeeded: true, Deployed: began},
		Image: image, Health: HealthCheck{"HTTP", "/api/health"}, Scale: Scale{1, 4}, Secrets: map[string]string{"JWT_SECRET": "arn:jwt-AbCdEf"},
		Variables: map[string]string{"NODE_ENV": "production", "NEXT_PUBLIC_TOKEN_NAME": "x"}, Domains: map[string]string{"example.com": "active"}, Tracing: true}
}

func TestClaims(t *testing.T) {
	claims := map[string]func(Platform) probe.Claim{
		"runs":       Runs,
		"health":     func(p Platform) probe.Claim { return HealthChecked(p, "/api/health") },
		"scale":      func(p Platform) probe.Claim { return ScalesBetween(p, 1, 4) },
		"autodeploy": AutoDeployOff,
		"image":      func(p Platform) probe.Claim { return RunsImage(p, image) },
		"no image":   func(p Platform) probe.Claim { return RunsImage(p, "") },
		"variable":   func(p Platform) probe.Claim { return HasVariable(p, "NODE_ENV", "production") },
		"absent":     func(p Platform) probe.Claim { return LacksVariable(p, "BANKID_MOCK") },
		"wired":      func(p Platform) probe.Claim { return Wired(p, []string{"JWT_SECRET"}) },
		"none wired": func(p Platform) probe.Claim { return Wired(p, nil) },
		"plain":      func(p Platform) probe.Claim { return NoSecretInPlain(p, map[string]string{"PUBLIC_TOKEN": ""}) },
		"domain":     func(p Platform) probe.Claim { return ServesDomain(p, "example.com") },
		"wired to": func(p Platform) probe.Claim {
			return WiredTo(p, "JWT_SECRET", func(context.Context) (string, error) { return "arn:jwt-AbCdEf", nil })
		},
		"wired to nobody knows": func(p Platform) probe.Claim {
			return WiredTo(p, "JWT_SECRET", func(context.Context) (string, error) { return "", errors.New("denied") })
		},
		"current": func(p Platform) probe.Claim {
			return ReadsCurrent(p, "JWT_SECRET", func(context.Context) (time.Time, error) { return began, nil })
		},
		"current nobody knows": func(p Platform) probe.Claim {
			return ReadsCurrent(p, "JWT_SECRET", func(context.Context) (time.Time, error) { return began, errors.New("denied") })
		},
	}
	for title, c := range map[string]struct {
		claim  string
		change func(*Service)
		class  string // empty: it holds
	}{
		"runs":                       {"runs", nil, ""},
		"under way":                  {"runs", func(s *Service) { s.Running, s.Status = false, "OPERATION_IN_PROGRESS" }, "compute.status"},
		"rolled back":                {"runs", func(s *Service) { s.Last.Succeeded, s.Last.Status = false, "ROLLBACK_SUCCEEDED" }, "compute.operation"},
		"no operation":               {"runs", func(s *Service) { s.Last = Operation{} }, "compute.operation"},
		"health":                     {"health", nil, ""},
		"health in small letters":    {"health", func(s *Service) { s.Health.Protocol = "http" }, ""},
		"health over TCP":            {"health", func(s *Service) { s.Health = HealthCheck{Protocol: "TCP"} }, "compute.health-check"},
		"health of the root":         {"health", func(s *Service) { s.Health.Path = "/" }, "compute.health-check"},
		"scale":                      {"scale", nil, ""},
		"no room":                    {"scale", func(s *Service) { s.Scale.Max = 3 }, "compute.scale"},
		"none left":                  {"scale", func(s *Service) { s.Scale.Min = 0 }, "compute.scale"},
		"by the pipeline":            {"autodeploy", nil, ""},
		"by itself":                  {"autodeploy", func(s *Service) { s.AutoDeploy = true }, "compute.auto-deploy"},
		"image":                      {"image", nil, ""},
		"image by tag":               {"image", func(s *Service) { s.Image = "repository/web:prod" }, "compute.image-by-tag"},
		"no image running":           {"image", func(s *Service) { s.Image = "" }, "compute.image-by-tag"},
		"another image":              {"image", func(s *Service) { s.Image = image[:len(image)-1] + "9" }, "compute.image"},
		"image nobody named":         {"no image", nil, "not-configured"},
		"variable":                   {"variable", nil, ""},
		"variable with space":        {"variable", func(s *Service) { s.Variables["NODE_ENV"] = "production " }, "compute.variable"},
		"variable missing":           {"variable", func(s *Service) { s.Variables = nil }, "compute.variable"},
		"variable as a secret":       {"variable", func(s *Service) { s.Variables, s.Secrets["NODE_ENV"] = nil, "arn" }, "compute.variable"},
		"absent":                     {"absent", nil, ""},
		"there with false":           {"absent", func(s *Service) { s.Variables["BANKID_MOCK"] = "false" }, "compute.variable"},
		"there and empty":            {"absent", func(s *Service) { s.Variables["BANKID_MOCK"] = "" }, "compute.variable"},
		"there as a secret":          {"absent", func(s *Service) { s.Secrets["BANKID_MOCK"] = "arn" }, "compute.variable"},
		"wired":                      {"wired", nil, ""},
		"written out":                {"wired", func(s *Service) { s.Variables["JWT_SECRET"] = "x" }, "secret.plain"},
		"not wired":                  {"wired", func(s *Service) { s.Secrets = nil }, "secret.unwired"},
		"nothing to wire":            {"none wired", nil, "not-configured"},
		"plain":                      {"plain", nil, ""},
		"a token nobody declared":    {"plain", func(s *Service) { s.Variables["SOME_TOKEN"] = "x" }, "secret.plain"},
		"a token that is public":     {"plain", func(s *Service) { s.Variables["PUBLIC_TOKEN"] = "x" }, ""},
		"domain":                     {"domain", nil, ""},
		"domain in capitals":         {"domain", func(s *Service) { s.Domains["example.com"] = "ACTIVE" }, ""},
		"domain not validated":       {"domain", func(s *Service) { s.Domains["example.com"] = "active, certificate validation PENDING_VALIDATION" }, "compute.domain"},
		"no domain":                  {"domain", func(s *Service) { s.Domains = nil }, "compute.domain"},
		"wired to ours":              {"wired to", nil, ""},
		"wired to a key of ours":     {"wired to", func(s *Service) { s.Secrets["JWT_SECRET"] += ":key::" }, ""},
		"wired to a longer name":     {"wired to", func(s *Service) { s.Secrets["JWT_SECRET"] += "2" }, "secret.unwired"},
		"wired to nothing":           {"wired to", func(s *Service) { s.Secrets = nil }, "secret.unwired"},
		"wired to what nobody knows": {"wired to nobody knows", nil, "error"},
		"current":                    {"current", nil, ""},
		"changed a second later":     {"current", func(s *Service) { s.Last.Deployed = began.Add(-time.Second) }, "secret.not-live"},
		"never deployed":             {"current", func(s *Service) { s.Last.Deployed = time.Time{} }, "secret.not-live"},
		"current nobody knows":       {"current nobody knows", nil, "error"},
	} {
		t.Run(title, func(t *testing.T) {
			s := good()
			if c.change != nil {
				c.change(&s)
			}
			got := probe.Run(t.Context(), title, claims[c.claim](platform{service: s}))
			assert.Equal(t, c.class, got.Class, got.Message())
			assert.Equal(t, c.class == "", got.Status == probe.Pass)
		})
	}
	for name, make := range claims {
		got := probe.Run(t.Context(), name, make(platform{err: errors.New("denied")}))
		assert.Equal(t, probe.Blocked, got.Status, "%s on a platform that nobody can read", name)
	}
}

func TestValuesOfVariablesAreNoEvidence(t *testing.T) {
	s := good()
	s.Variables["NODE_ENV"] = "a-planted-value-nobody-may-see"
	for name, claim := range map[string]probe.Claim{"wrong": HasVariable(platform{service: s}, "NODE_ENV", "production"), "there": LacksVariable(platform{service: s}, "NODE_ENV"), "runs": Runs(platform{service: s})} {
		got := probe.Run(t.Context(), name, claim)
		assert.NotContains(t, got.Message(), "planted")
		text, err := jsonOf(got)
		assert.NoError(t, err)
		assert.NotContains(t, text, "planted", name)
	}
}

func jsonOf(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
