// Package acmprobe claims that AWS Certificate Manager renews a certificate by itself. What is served, and until when it is
// valid, is for tlsprobe.
package acmprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{"ACM.DescribeCertificate": {Action: "acm:DescribeCertificate", On: awsprobe.Certificates}}

// CNAME says where a name leads, and who said so; "" where there is no such record.
type CNAME func(ctx context.Context, name string) (target, from string, err error)

// Certificate is a certificate in ACM.
type Certificate struct {
	ARN         string       `json:"arn"`
	Domain      string       `json:"domain"`
	Status      string       `json:"status"`
	Type        string       `json:"type"`
	Eligibility string       `json:"renewal_eligibility"`
	InUse       int          `json:"in_use_by"`
	NotAfter    time.Time    `json:"not_after,omitzero"`
	Renewal     string       `json:"renewal,omitempty"` // how the newest renewal goes or went
	Reason      string       `json:"reason,omitempty"`
	Validations []Validation `json:"validations"`
	From        string       `json:"-"`
}

// Validation is how ACM finds out that a name is still ours.
type Validation struct {
	Domain string `json:"domain"`
	Method string `json:"method"`
	Status string `json:"status"`
	Name   string `json:"name,omitempty"`
	Value  string `json:"value,omitempty"`
	Points string `json:"points_to,omitempty"` // where Name leads now
}

// Renews claims that a certificate is issued and that its renewal needs nobody: Amazon issued it, something uses it, and for each of
// its names the record by which ACM validates it is still in the DNS. find gives its ARN.
// https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
func Renews(account *awsprobe.Account, find func(context.Context) (string, error), lookUp CNAME) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "ACM DescribeCertificate, RFC 1034 3.6.2"}
		arn, err := find(ctx)
		if err != nil {
			return evidence, err
		}
		evidence.Target = arn
		if arn == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the certificates of the launch", Got: "no tls.certificates in launch.yaml", Fix: "add their ARNs, or tls.renewal: other"}
		}
		c, err := observe(ctx, account, arn)
		evidence.Asked = []string{c.From}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = c
		if err := renews(c); err != nil {
			return evidence, err
		}
		for i, v := range c.Validations {
			points, from, err := lookUp(ctx, v.Name)
			if err != nil {
				return evidence, err
			}
			c.Validations[i].Points = points
			evidence.Asked = append(evidence.Asked, from)
			if err := stands(c.Validations[i], from); err != nil {
				return evidence, err
			}
		}
		return evidence, nil
	}
}

func observe(ctx context.Context, account *awsprobe.Account, arn string) (Certificate, error) {
	cfg, who, err := account.Open(ctx, Needs)
	c := Certificate{ARN: arn, From: "acm:DescribeCertificate as " + who.String()}
	if err != nil {
		return c, err
	}
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		cfg.Region = parts[3] // CloudFront's are in us-east-1
	}
	out, err := acm.NewFromConfig(cfg).DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	switch {
	case awsprobe.Missing(err):
		return c, &probe.Unmet{Class: "acm.missing", Want: "the certificate " + arn, Got: "no such certificate", From: c.From, Fix: "correct its ARN"}
	case err != nil:
		return c, awsprobe.Unreadable("acm:DescribeCertificate", "the certificate "+arn, who, err)
	case out.Certificate == nil:
		return c, &probe.Unknown{Class: "aws.error", Want: "the certificate " + arn, Got: "an empty answer", From: c.From, Fix: "ask again"}
	}
	in := out.Certificate
	c.Domain, c.Status, c.Type, c.Eligibility = aws.ToString(in.DomainName), string(in.Status), string(in.Type), string(in.RenewalEligibility)
	c.InUse, c.NotAfter = len(in.InUseBy), aws.ToTime(in.NotAfter)
	if r := in.RenewalSummary; r != nil {
		c.Renewal, c.Reason = string(r.RenewalStatus), string(r.RenewalStatusReason)
		c.add(r.DomainValidationOptions)
	}
	c.add(in.DomainValidationOptions)
	return c, nil
}

// add takes the validation of each name once: that of a renewal under way before that of the issue.
func (c *Certificate) add(options []types.DomainValidation) {
	for _, o := range options {
		v := Validation{Domain: aws.ToString(o.DomainName), Method: string(o.ValidationMethod), Status: string(o.ValidationStatus)}
		if o.ResourceRecord != nil {
			v.Name, v.Value = aws.ToString(o.ResourceRecord.Name), aws.ToString(o.ResourceRecord.Value)
		}
		if !slices.ContainsFunc(c.Validations, func(known Validation) bool { return known.Domain == v.Domain }) {
			c.Validations = append(c.Validations, v)
		}
	}
}

func renews(c Certificate) error {
	want := "a certificate of " + c.Domain + " that renews by itself"
	unmet := func(class, got, fix string) error {
		return &probe.Unmet{Class: class, Want: want, Got: got, From: c.From, Fix: fix}
	}
	switch {
	case c.Status != "ISSUED":
		return unmet("acm.status", "status "+c.Status, "see the certificate in ACM, and request another one where it is lost")
	case c.Type != "AMAZON_ISSUED":
		return unmet("acm.type", "type "+c.Type+", which ACM does not renew by itself", "request one from ACM, or renew it by hand and say tls.renewal: other")
	case c.Renewal == "FAILED" || c.Renewal == "PENDING_VALIDATION":
		return unmet("acm.renewal", strings.TrimSpace("a renewal that is "+c.Renewal+" "+c.Reason), "put the validation records into the DNS")
	case c.Eligibility != "ELIGIBLE":
		return unmet("acm.ineligible", fmt.Sprintf("renewal eligibility %q, in use by %d resources", c.Eligibility, c.InUse), "have the CDN or load balancer use it: ACM renews what is in use")
	case len(c.Validations) == 0:
		return &probe.Unknown{Class: "acm.validation", Want: want, Got: "no word on how its names are validated", From: c.From, Fix: "see the certificate in ACM"}
	}
	for _, v := range c.Validations {
		switch {
		case v.Method != "DNS":
			return unmet("acm.method", v.Domain+" validated by "+v.Method+", which asks a person at each renewal", "request a certificate that is validated by DNS")
		case v.Status != "SUCCESS":
			return unmet("acm.validation", "the validation of "+v.Domain+" is "+v.Status, "put its record into the DNS: "+v.Name+" CNAME "+v.Value)
		case v.Name == "" || v.Value == "":
			return &probe.Unknown{Class: "acm.validation", Want: "the validation record of " + v.Domain, Got: "none", From: c.From, Fix: "see the certificate in ACM"}
		}
	}
	return nil
}

// stands judges that a validation record leads where ACM looks for it.
func stands(v Validation, from string) error {
	same := func(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }
	if v.Points != "" && same(v.Points) == same(v.Value) {
		return nil
	}
	got := "no such record"
	if v.Points != "" {
		got = v.Points
	}
	return &probe.Unmet{Class: "acm.record", Want: v.Name + " CNAME " + v.Value, Got: got, From: from, Fix: "put the record back: without it the certificate of " + v.Domain + " is not renewed"}
}
