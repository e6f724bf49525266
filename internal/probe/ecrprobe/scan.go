package ecrprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Scan is the scan of the image of one platform: what is in an index is scanned, and not the index itself.
type Scan struct {
	Platform string         `json:"platform"`
	Status   string         `json:"status"`   // "" where it was never scanned
	Findings map[string]int `json:"findings"` // by severity; nil without a result
}

// Scanned claims that a scan of the image of every platform has ended and found nothing critical.
func (r *Repository) Scanned(digest string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name + "@" + digest, Source: "ECR DescribeImageScanFindings"}
		pictures, err := r.pictures(ctx, digest)
		if err != nil {
			return evidence, err
		}
		all, err := r.scans.Try(ctx, "the scans of "+evidence.Target, awsprobe.Patience, func(ctx context.Context) ([]Scan, error) { return r.scan(ctx, pictures) })
		evidence.Observed = all
		if err != nil {
			return evidence, err
		}
		return evidence, scanned(all, evidence.Target)
	}
}

// scan reads the scans, of which ECR's new basic scanning says nothing in DescribeImages
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html).
func (r *Repository) scan(ctx context.Context, pictures []Picture) ([]Scan, error) {
	cfg, who, err := r.account.Open(ctx, Needs)
	if err != nil {
		return nil, err
	}
	client := ecr.NewFromConfig(cfg)
	var all []Scan
	for _, p := range pictures {
		out, err := client.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: &r.name, ImageId: &types.ImageIdentifier{ImageDigest: aws.String(p.Digest)}})
		var never *types.ScanNotFoundException
		switch {
		case errors.As(err, &never):
			all = append(all, Scan{Platform: p.platform()})
			continue
		case err != nil:
			return all, r.refused("ecr:DescribeImageScanFindings", "the image "+p.Digest, who, err)
		}
		s := Scan{Platform: p.platform()}
		if out.ImageScanStatus != nil {
			s.Status = string(out.ImageScanStatus.Status)
		}
		if out.ImageScanFindings != nil {
			s.Findings = map[string]int{}
			for severity, n := range out.ImageScanFindings.FindingSeverityCounts {
				s.Findings[severity] = int(n)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

func scanned(all []Scan, from string) error {
	want := "a scan that has ended, with no critical finding"
	for _, s := range all {
		switch critical := s.Findings["CRITICAL"]; {
		case s.Status == "":
			return &probe.Unmet{Class: "ecr.scan", Want: want, Got: "no scan of " + s.Platform, From: from, Fix: "turn scanning on push on and scan the image"}
		case !slices.Contains([]string{string(types.ScanStatusComplete), string(types.ScanStatusActive)}, s.Status):
			return &probe.Unmet{Class: "ecr.scan", Want: want, Got: s.Status + " of " + s.Platform, From: from, Fix: "turn scanning on push on and scan the image"}
		case s.Findings == nil:
			return &probe.Unmet{Class: "ecr.scan", Want: want, Got: "a scan of " + s.Platform + " without a result", From: from, Fix: "scan the image again"}
		case critical > 0:
			return &probe.Unmet{Class: "ecr.findings", Want: want, Got: fmt.Sprintf("%d critical in %s", critical, s.Platform), From: from, Fix: "mend the image, or have the risk accepted in writing"}
		}
	}
	return nil
}
