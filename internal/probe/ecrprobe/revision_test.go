package ecrprobe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

var (
	launched = map[string]string{revisionLabel: strings.Repeat("c1", 20), "org.opencontainers.image.version": "1.0.0"}
	another  = map[string]string{revisionLabel: strings.Repeat("d4", 20)}
)

// TestTheRevisionIsThatOfTheImage: the commit is what the image says that the digest names, on every platform, and nothing else is taken for it.
func TestTheRevisionIsThatOfTheImage(t *testing.T) {
	amd64, arm64 := awstest.Build{Architecture: "amd64", Labels: launched}, awstest.Build{Architecture: "arm64", Labels: launched}
	for title, test := range map[string]struct {
		builds []awstest.Build
		change func(a *awstest.Account, digest string) string // and which digest is launched
		want   probe.Status
		says   string
	}{
		"one platform":                    {builds: []awstest.Build{amd64}},
		"two platforms":                   {builds: []awstest.Build{amd64, arm64}},
		"without an index":                {builds: []awstest.Build{amd64}, change: func(a *awstest.Account, _ string) string { return *a.Manifests[0].ImageId.ImageDigest }},
		"another commit for one platform": {builds: []awstest.Build{amd64, {Architecture: "arm64", Labels: another}}, want: probe.Fail, says: "images of all platforms from one commit"},
		"no label":                        {builds: []awstest.Build{{Architecture: "amd64"}}, want: probe.Blocked, says: "build with --label " + revisionLabel},
		"no label for one platform":       {builds: []awstest.Build{amd64, {Architecture: "arm64"}}, want: probe.Blocked, says: "build with --label " + revisionLabel},
		"not in the registry": {builds: []awstest.Build{amd64}, want: probe.Fail, says: "push the image",
			change: func(*awstest.Account, string) string { return "sha256:" + strings.Repeat("0", 64) }},
		"no image": {builds: []awstest.Build{amd64}, want: probe.Blocked, says: "no compute.image", change: func(*awstest.Account, string) string { return "" }},
		"in another repository": {builds: []awstest.Build{amd64}, want: probe.Fail, says: "push the image", change: func(a *awstest.Account, digest string) string {
			for i := range a.Manifests {
				a.Manifests[i].RepositoryName = aws.String("other")
			}
			return digest
		}},
		"an image of its platform is gone": {builds: []awstest.Build{amd64}, want: probe.Fail, says: "push the image", change: func(a *awstest.Account, digest string) string {
			a.Manifests = a.Manifests[1:]
			return digest
		}},
		"another index": {builds: []awstest.Build{{Architecture: "amd64", Labels: another}}, want: probe.Blocked, says: "a manifest with another digest", change: func(a *awstest.Account, digest string) string {
			a.Manifests = slices.DeleteFunc(a.Manifests, func(m types.Image) bool { return *m.ImageId.ImageDigest == digest })
			forged := a.Manifests[0]
			forged.ImageId = &types.ImageIdentifier{ImageDigest: &digest}
			a.Manifests = append(a.Manifests, forged)
			return digest
		}},
		"another config": {builds: []awstest.Build{amd64}, want: probe.Blocked, says: "a config with another digest", change: func(a *awstest.Account, digest string) string {
			for of, text := range a.Layers {
				a.Layers[of] = []byte(strings.ReplaceAll(string(text), launched[revisionLabel], another[revisionLabel]))
			}
			return digest
		}},
		"no config": {builds: []awstest.Build{amd64}, want: probe.Fail, says: "ecr:GetDownloadUrlForLayer", change: func(a *awstest.Account, digest string) string {
			a.Layers = nil
			return digest
		}},
		"a config without end": {builds: []awstest.Build{amd64}, want: probe.Blocked, says: "more than 4194304 bytes", change: func(a *awstest.Account, digest string) string {
			for of := range a.Layers {
				a.Layers[of] = make([]byte, mostConfig+1)
			}
			return digest
		}},
	} {
		t.Run(title, func(t *testing.T) {
			a := &awstest.Account{}
			digest := a.Push("web", test.builds...)
			if test.change != nil {
				digest = test.change(a, digest)
			}
			server := awstest.New(t, a)
			server.Treat(awstest.Rules{Policy: awstest.Allowing("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")})
			account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
			got, err := New(account, "web", "prod").Revision(t.Context(), digest)
			if test.want == "" {
				assert.NoError(t, err)
				assert.Equal(t, launched[revisionLabel], got)
				return
			}
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			assert.ErrorContains(t, err, test.says)
			assert.Empty(t, got)
		})
	}
}

// TestTheImageOfEachPlatformCounts: what is in an index is scanned and runs, and not the index.
func TestTheImageOfEachPlatformCounts(t *testing.T) {
	for title, test := range map[string]struct {
		change  func(map[string]*awstest.Scan, string) // of the image for ARM
		scanned probe.Status
	}{
		"both":              {func(map[string]*awstest.Scan, string) {}, probe.Pass},
		"one not scanned":   {func(all map[string]*awstest.Scan, arm string) { delete(all, arm) }, probe.Fail},
		"one under way":     {func(all map[string]*awstest.Scan, arm string) { all[arm].Status = types.ScanStatusInProgress }, probe.Fail},
		"one with critical": {func(all map[string]*awstest.Scan, arm string) { all[arm].Findings["CRITICAL"] = 1 }, probe.Fail},
	} {
		a := &awstest.Account{}
		a.Push("web", awstest.Build{Architecture: "arm64", Labels: another})
		arm := slices.Collect(maps.Keys(a.Scans))[0]
		digest := a.Push("web", awstest.Build{Architecture: "amd64", Labels: launched, Env: []string{"BANKID_MOCK=of-the-image"}}, awstest.Build{Architecture: "arm64", Labels: another})
		test.change(a.Scans, arm)
		awstest.New(t, a)
		r := New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "web", "prod")
		result := probe.Run(t.Context(), title, r.Scanned(digest))
		assert.Equal(t, test.scanned, result.Status, "%s: %s", title, result.Message())
		for name, want := range map[string]probe.Status{"BANKID_MOCK": probe.Fail, "BANKID": probe.Pass} {
			result := probe.Run(t.Context(), title, r.SetsNone(digest, name))
			assert.Equal(t, want, result.Status, "%s: %s", name, result.Message())
			assert.NotContains(t, fmt.Sprint(result), "of-the-image", "a value can be a secret")
		}
		for architecture, want := range map[string]probe.Status{"amd64": probe.Pass, "arm64": probe.Pass, "riscv64": probe.Fail} {
			result := probe.Run(t.Context(), title, r.BuiltFor(digest, architecture))
			assert.Equal(t, want, result.Status, "%s %s: %s", title, architecture, result.Message())
		}
	}
}

// TestTheAddressOfALayerIsNotSaid: whoever has it gets the content.
func TestTheAddressOfALayerIsNotSaid(t *testing.T) {
	server := awstest.New(t, &awstest.Account{})
	account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
	for title, address := range map[string]string{
		"refused":       server.URL + "/layers/sha256:0?X-Amz-Signature=of-somebody",
		"no answer":     "http://127.0.0.1:1/?X-Amz-Signature=of-somebody",
		"no address":    "http://[?X-Amz-Signature=of-somebody",
		"not over HTTP": "ftp://127.0.0.1/?X-Amz-Signature=of-somebody",
	} {
		_, err := account.Download(t.Context(), address, "the config", mostConfig)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), title)
		assert.NotContains(t, err.Error(), "of-somebody", title)
	}
	public := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region, Public: true})
	_, err := public.Download(t.Context(), server.URL+"/layers/x", "the config", mostConfig)
	assert.ErrorContains(t, err, "without TLS")
}
