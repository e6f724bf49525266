// Package ecrprobe claims things about the image that is launched: that it is in the registry under its digest and its tag, and was
// scanned; and reads which commit it was built from.
package ecrprobe

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"ECR.BatchGetImage":             {Action: "ecr:BatchGetImage", On: awsprobe.Repository},
	"ECR.DescribeImageScanFindings": {Action: "ecr:DescribeImageScanFindings", On: awsprobe.Repository},
	"ECR.DescribeRepositories":      {Action: "ecr:DescribeRepositories", On: awsprobe.Repository},
	"ECR.DescribeImages":            {Action: "ecr:DescribeImages", On: awsprobe.Repository},
	"ECR.GetDownloadUrlForLayer":    {Action: "ecr:GetDownloadUrlForLayer", On: awsprobe.Repository},
}

// Repository is one ECR repository.
type Repository struct {
	account *awsprobe.Account
	name    string
	tag     string
	seen    probe.Memo[string, described]
	built   probe.Memo[string, []Picture] // by digest
	scans   probe.Memo[string, []Scan]    // by digest
}

// New returns a repository that was not looked at yet, and the tag that production runs.
func New(account *awsprobe.Account, name, tag string) *Repository {
	return &Repository{account: account, name: name, tag: tag}
}

// State is what ECR says of a tag.
type State struct {
	Tag       string    `json:"tag"`
	Digest    string    `json:"digest"`
	Status    string    `json:"status"`
	Pushed    time.Time `json:"pushed"`
	Immutable bool      `json:"immutable"` // the tag cannot be moved
}

type described struct {
	state State
	from  string
}

func (r *Repository) observe(ctx context.Context) (described, error) {
	cfg, who, err := r.account.Open(ctx, Needs)
	d := described{from: "ecr:DescribeImages as " + who.String()}
	if err != nil {
		return d, err
	}
	client := ecr.NewFromConfig(cfg)
	repositories, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{r.name}})
	if err != nil || len(repositories.Repositories) == 0 {
		return d, r.refused("ecr:DescribeRepositories", "the repository "+r.name, who, err)
	}
	images, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &r.name, ImageIds: []types.ImageIdentifier{{ImageTag: &r.tag}}})
	if err != nil || len(images.ImageDetails) == 0 {
		return d, r.refused("ecr:DescribeImages", "an image tagged "+r.tag, who, err)
	}
	image := images.ImageDetails[0]
	d.state = State{Tag: r.tag, Digest: aws.ToString(image.ImageDigest), Status: string(image.ImageStatus), Pushed: aws.ToTime(image.ImagePushedAt),
		Immutable: immutable(repositories.Repositories[0], r.tag)}
	return d, nil
}

func (r *Repository) refused(action, want string, who awsprobe.Identity, err error) error {
	if err == nil || awsprobe.Missing(err) {
		return &probe.Unmet{Class: "ecr.missing", Want: want, Got: "none", From: action + " as " + who.String(), Fix: "push the image, or correct images.repository and images.tag"}
	}
	return awsprobe.Unreadable(action, want, who, err)
}

// named wants to know which repository it is.
func (r *Repository) named() error {
	if r.name == "" {
		return &probe.Unknown{Class: "not-configured", Want: "the image repository", Got: "no images.repository in launch.yaml", Fix: "add it"}
	}
	return nil
}

func (r *Repository) claim(judge func(State) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name + ":" + r.tag, Source: "ECR DescribeImages"}
		if err := r.named(); err != nil {
			return evidence, err
		}
		d, err := r.seen.Try(ctx, "the image "+evidence.Target, awsprobe.Patience, r.observe)
		evidence.Asked = []string{d.from}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = d.state
		if unmet := judge(d.state); unmet != nil {
			unmet.From = d.from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// TagIs claims that the production tag is the image of the launch, by its digest, and that it can be pulled.
func (r *Repository) TagIs(digest string) probe.Claim {
	return r.claim(func(s State) *probe.Unmet {
		switch {
		case digest == "" || s.Digest != digest:
			return &probe.Unmet{Class: "ecr.digest", Want: r.tag + " on " + digest, Got: s.Digest, Fix: "tag the image that was checked, or correct compute.image"}
		case s.Status != "" && s.Status != string(types.ImageStatusActive):
			return &probe.Unmet{Class: "ecr.status", Want: "an image that can be pulled", Got: "status " + s.Status, Fix: "restore it from the archive"}
		}
		return nil
	})
}

// TagStays claims that the production tag cannot be moved to another image.
func (r *Repository) TagStays() probe.Claim {
	return r.claim(func(s State) *probe.Unmet {
		if s.Immutable {
			return nil
		}
		return &probe.Unmet{Class: "ecr.mutable", Want: "an immutable tag", Got: "one that can be moved", Fix: "make the repository's tags immutable"}
	})
}

// immutable says whether a repository keeps a tag where it is, by its mode and the tags that are excluded from that
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html).
func immutable(in types.Repository, tag string) bool {
	stays := strings.HasPrefix(string(in.ImageTagMutability), "IMMUTABLE")
	if !strings.HasSuffix(string(in.ImageTagMutability), "_WITH_EXCLUSION") {
		return stays
	}
	excluded := slices.ContainsFunc(in.ImageTagMutabilityExclusionFilters, func(f types.ImageTagMutabilityExclusionFilter) bool {
		matches, err := path.Match(aws.ToString(f.Filter), tag) // a filter has no other wildcard than *
		return matches || err != nil && stays                   // what nobody can read may exclude it
	})
	return stays != excluded
}
