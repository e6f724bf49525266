package computeprobe

import (
	"context"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Validation is a record by which the platform finds out that a custom domain is still ours, before it renews the certificate.
type Validation struct {
	Domain string `json:"domain"` // that it is associated for
	Name   string `json:"name"`
	Value  string `json:"value"`
	Status string `json:"status"`
}

// Renews claims that the platform renews the certificate of a custom domain by itself: that it is validated, and that each record by
// which that was found out is still in the DNS. cname says where a name leads, "" for nowhere, and who said so.
func Renews(p Platform, domain string, cname func(context.Context, string) (target, from string, err error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence, err := ServesDomain(p, domain)(ctx)
		if err != nil {
			return evidence, err
		}
		s, err := p.Describe(ctx)
		if err != nil {
			return evidence, err
		}
		points := map[string]string{}
		for _, v := range s.Validations {
			if v.Domain != domain {
				continue
			}
			target, from, err := cname(ctx, v.Name)
			if err != nil {
				return evidence, err
			}
			points[v.Name] = target
			evidence.Asked = append(evidence.Asked, from)
		}
		evidence.Observed = map[string]any{"validations": s.Validations, "points_to": points}
		return evidence, renews(s, domain, points)
	}
}

func renews(s Service, domain string, points map[string]string) error {
	same := func(a, b string) bool {
		return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
	}
	checked := 0
	for _, v := range s.Validations {
		if v.Domain != domain {
			continue
		}
		checked++
		want, got := v.Name+" CNAME "+v.Value, points[v.Name]
		switch {
		case !strings.EqualFold(v.Status, "success"):
			return &probe.Unmet{Class: "compute.validation", Want: want + ", validated", Got: v.Status, From: s.Where, Fix: "put the record into the DNS"}
		case got == "":
			return &probe.Unmet{Class: "compute.validation", Want: want, Got: "no such record", From: "the DNS", Fix: "put the record back: without it the certificate is not renewed"}
		case v.Value == "" || !same(got, v.Value):
			return &probe.Unmet{Class: "compute.validation", Want: want, Got: got, From: "the DNS", Fix: "correct the record: without it the certificate is not renewed"}
		}
	}
	if checked == 0 {
		return &probe.Unknown{Class: "compute.validation", Want: "the validation records of " + domain, Got: "none", From: s.Where, Fix: "see the custom domain in the platform's console"}
	}
	return nil
}
