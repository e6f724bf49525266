package ecrprobe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// revisionLabel is where a build writes the commit that it was made from
// (https://specs.opencontainers.org/image-spec/annotations/#pre-defined-annotation-keys).
const revisionLabel = "org.opencontainers.image.revision"

// Bounds of what is read of one image: no image of an application has more.
const (
	mostPlatforms = 16
	mostConfig    = 4 << 20 // bytes
)

// manifestTypes are the kinds of manifests that can be read. ECR's reference names the single ones only; its clients ask for lists in the same way.
var manifestTypes = []string{
	"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
}

// manifest is an image of one platform, which has a config, or an index of several
// (https://specs.opencontainers.org/image-spec/manifest/, https://specs.opencontainers.org/image-spec/image-index/).
type manifest struct {
	Config    descriptor   `json:"config"`
	Manifests []descriptor `json:"manifests"`
}

type descriptor struct {
	Digest   string `json:"digest"`
	Platform struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// Picture is the image of one platform.
type Picture struct {
	Digest       string `json:"digest"`
	OS           string `json:"os"`
	Architecture string `json:"architecture"` // as Go names it
	Revision     string `json:"revision"`     // the label; "" where there is none

	Variables []string `json:"variables,omitempty"` // names of those that the image sets itself
}

// pictures are those of an image, one of each platform. Every content is hashed and compared with the digest that it was asked for, so that what is
// read is of this image.
func (r *Repository) pictures(ctx context.Context, digest string) ([]Picture, error) {
	if err := r.named(); err != nil {
		return nil, err
	}
	if digest == "" {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the image of the launch", Got: "no compute.image in launch.yaml", Fix: "add it, by its digest"}
	}
	return r.built.Try(ctx, "what is in the image "+digest, awsprobe.Patience, func(ctx context.Context) ([]Picture, error) {
		cfg, who, err := r.account.Open(ctx, Needs)
		if err != nil {
			return nil, err
		}
		reader := reader{r, ecr.NewFromConfig(cfg), who}
		images, err := reader.images(ctx, digest)
		if err != nil {
			return nil, err
		}
		var all []Picture
		for _, of := range slices.Sorted(maps.Keys(images)) {
			p, err := reader.picture(ctx, of, images[of].Config.Digest)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		return all, nil
	})
}

// Revision is the commit that an image was built from, by the label in its config. The images of all platforms must have the same one: which of them
// runs is the platform's choice.
func (r *Repository) Revision(ctx context.Context, digest string) (string, error) {
	all, err := r.pictures(ctx, digest)
	if err != nil {
		return "", err
	}
	return agreed(all, r.name+"@"+digest)
}

// agreed is the one revision that all platforms' images have.
func agreed(all []Picture, from string) (string, error) {
	var revisions []string
	for _, p := range all {
		if p.Revision == "" {
			return "", &probe.Unknown{Class: "ecr.unlabelled", Want: "the label " + revisionLabel + " in the image", Got: "none in that for " + p.platform(), From: from,
				Fix: "build with --label " + revisionLabel + "=<commit>, which docker/metadata-action gives, and launch that image"}
		}
		if !slices.Contains(revisions, p.Revision) {
			revisions = append(revisions, p.Revision)
		}
	}
	if len(revisions) != 1 {
		return "", &probe.Unmet{Class: "ecr.revision", Want: "images of all platforms from one commit", Got: strings.Join(revisions, ", "), From: from, Fix: "build all of them from one commit"}
	}
	return revisions[0], nil
}

func (p Picture) platform() string { return p.OS + "/" + p.Architecture }

// BuiltFor claims that an image has one for Linux on the processors of the service, such as amd64: another does not start.
func (r *Repository) BuiltFor(digest, architecture string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name + "@" + digest, Source: "OCI image configuration"}
		all, err := r.pictures(ctx, digest)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = all
		var platforms []string
		for _, p := range all {
			platforms = append(platforms, p.platform())
		}
		if !slices.Contains(platforms, "linux/"+architecture) {
			return evidence, &probe.Unmet{Class: "ecr.platform", Want: "an image for linux/" + architecture, Got: "one for " + strings.Join(platforms, ", "), From: evidence.Target, Fix: "build it with --platform linux/" + architecture}
		}
		return evidence, nil
	}
}

// SetsNone claims that an image sets no variable of a name itself, which the application has whatever the service's configuration says.
func (r *Repository) SetsNone(digest, name string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name + "@" + digest, Source: "OCI image configuration"}
		all, err := r.pictures(ctx, digest)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = all
		for _, p := range all {
			if slices.Contains(p.Variables, name) {
				return evidence, &probe.Unmet{Class: "ecr.variable", Want: "no variable " + name + " in the image", Got: "one in that for " + p.platform(), From: evidence.Target, Fix: "take it out of the Dockerfile, whatever its value, and build again"}
			}
		}
		return evidence, nil
	}
}

// reader reads contents of one repository.
type reader struct {
	*Repository
	client *ecr.Client
	who    awsprobe.Identity
}

// images are the manifests of an image, by digest: one, or those of an index's platforms. The attestations that BuildKit adds are no platform's
// (https://docs.docker.com/build/metadata/attestations/attestation-storage/).
func (r reader) images(ctx context.Context, digest string) (map[string]manifest, error) {
	top, err := r.manifests(ctx, digest)
	if err != nil || len(top[digest].Manifests) == 0 {
		return top, err
	}
	var digests []string
	for _, d := range top[digest].Manifests {
		if d.Platform.OS != "unknown" || d.Platform.Architecture != "unknown" {
			digests = append(digests, d.Digest)
		}
	}
	if len(digests) == 0 || len(digests) > mostPlatforms {
		return nil, r.unreadable(digest, fmt.Sprintf("an index of %d platforms", len(digests)))
	}
	return r.manifests(ctx, digests...)
}

// manifests reads manifests by their digests (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html).
func (r reader) manifests(ctx context.Context, digests ...string) (map[string]manifest, error) {
	in := &ecr.BatchGetImageInput{RepositoryName: &r.name, AcceptedMediaTypes: manifestTypes}
	for _, digest := range digests {
		in.ImageIds = append(in.ImageIds, types.ImageIdentifier{ImageDigest: aws.String(digest)})
	}
	out, err := r.client.BatchGetImage(ctx, in)
	if err != nil {
		return nil, r.refused("ecr:BatchGetImage", "the image "+digests[0], r.who, err)
	}
	if len(out.Failures) > 0 {
		f := out.Failures[0]
		if f.FailureCode == types.ImageFailureCodeImageNotFound {
			return nil, r.refused("ecr:BatchGetImage", "all manifests of the image "+digests[0], r.who, nil)
		}
		return nil, r.unreadable(digests[0], fmt.Sprintf("%s: %s", f.FailureCode, aws.ToString(f.FailureReason)))
	}
	text := map[string]string{}
	for _, image := range out.Images {
		if image.ImageId != nil {
			text[aws.ToString(image.ImageId.ImageDigest)] = aws.ToString(image.ImageManifest)
		}
	}
	all := map[string]manifest{}
	for _, digest := range digests {
		var m manifest
		if !is(digest, []byte(text[digest])) {
			return nil, r.unreadable(digest, "a manifest with another digest")
		}
		if err := json.Unmarshal([]byte(text[digest]), &m); err != nil {
			return nil, r.unreadable(digest, "a manifest that is no JSON")
		}
		all[digest] = m
	}
	return all, nil
}

// picture reads the config of an image (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html,
// https://specs.opencontainers.org/image-spec/config/).
func (r reader) picture(ctx context.Context, of, digest string) (Picture, error) {
	if digest == "" { // as in an index in an index, and in the oldest manifests
		return Picture{}, r.unreadable(r.name, "a manifest without a config")
	}
	out, err := r.client.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: &r.name, LayerDigest: &digest})
	if err != nil {
		return Picture{}, r.refused("ecr:GetDownloadUrlForLayer", "the config "+digest, r.who, err)
	}
	text, err := r.account.Download(ctx, aws.ToString(out.DownloadUrl), "the config "+digest, mostConfig)
	if err != nil {
		return Picture{}, err
	}
	if !is(digest, text) {
		return Picture{}, r.unreadable(digest, "a config with another digest")
	}
	var config struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Config       struct {
			Env    []string          `json:"Env"`
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return Picture{}, r.unreadable(digest, "a config that is no JSON")
	}
	p := Picture{Digest: of, OS: config.OS, Architecture: config.Architecture, Revision: strings.TrimSpace(config.Config.Labels[revisionLabel])}
	for _, entry := range config.Config.Env {
		name, _, _ := strings.Cut(entry, "=") // no value: it can be a secret
		p.Variables = append(p.Variables, name)
	}
	return p, nil
}

func (r reader) unreadable(what, got string) error {
	return &probe.Unknown{Class: "ecr.content", Want: "the content of " + what, Got: got, From: r.name + " as " + r.who.String(), Fix: "push the image again, and launch what was pushed"}
}

// is says whether a content has a digest.
func is(digest string, content []byte) bool {
	sum := sha256.Sum256(content)
	return digest == "sha256:"+hex.EncodeToString(sum[:])
}
