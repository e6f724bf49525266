package cdnprobe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Manifest says where the build lists its fingerprinted files.
type Manifest struct {
	File  string // JSON
	Build string // folder of the files, where the manifest has no SHA-256
	Base  string // where the manifest's paths begin on the CDN
}

// asset is one fingerprinted file and what must be in it.
type asset struct {
	path string // on the CDN
	sum  string // SHA-256 in hexadecimal
}

var hexSum = regexp.MustCompile(`^(?:sha256[:-])?([0-9a-f]{64})$`)

// assets reads the manifest. One without files, and a file that nobody knows the content of, is an error: neither proves
// anything.
func (m Manifest) assets() ([]asset, error) {
	unknown := func(got, fix string, err error) error {
		return &probe.Unknown{Class: "not-configured", Want: "the build's list of fingerprinted files", Got: got, From: "cdn.assets.manifest", Fix: fix, Err: err}
	}
	if m.File == "" {
		return nil, unknown("none", "name the manifest that the build writes", nil)
	}
	text, err := os.ReadFile(m.File)
	if err != nil {
		return nil, unknown(err.Error(), "have the build write it", err)
	}
	sums, err := parseManifest(text)
	if err != nil {
		return nil, unknown(err.Error(), "see docs/launch-yaml.md for the forms that are read", err)
	}
	if len(sums) == 0 {
		return nil, unknown("a manifest without files", "see docs/launch-yaml.md for the forms that are read", nil)
	}
	var all []asset
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		a := asset{path: m.onCDN(name), sum: sums[name]}
		if a.sum == "" {
			if a.sum, err = m.built(name); err != nil {
				return nil, unknown(fmt.Sprintf("no SHA-256 of %s: %v", name, err), "write SHA-256 into the manifest, or name the build's folder in cdn.assets.build", err)
			}
		}
		all = append(all, a)
	}
	return all, nil
}

func (m Manifest) onCDN(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return path.Join("/", m.Base, name)
}

// built is the SHA-256 of the build's own file.
func (m Manifest) built(name string) (string, error) {
	relative := filepath.FromSlash(strings.TrimPrefix(name, "/"))
	if m.Build == "" || !filepath.IsLocal(relative) {
		return "", fmt.Errorf("no cdn.assets.build")
	}
	text, err := os.ReadFile(filepath.Join(m.Build, relative))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// parseManifest finds the files of a manifest, with their SHA-256 where it is there: {"path": "<sha256>"}, ["path"],
// {"name": "path"} as webpack writes it, the chunks of Vite, and the lists of Next.js.
func parseManifest(text []byte) (map[string]string, error) {
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	found := map[string]string{}
	var bad error
	add := func(name, sum string) {
		if name == "" || strings.Contains(name, "://") || strings.ContainsAny(name, "?#") {
			bad = fmt.Errorf("%q, which is no path", name)
			return
		}
		found[name] = sum
	}
	switch top := document.(type) {
	case []any:
		list(top, add)
	case map[string]any:
		for key, value := range top {
			switch v := value.(type) {
			case string:
				if sum := hexSum.FindStringSubmatch(v); sum != nil {
					add(key, sum[1])
				} else {
					add(v, "")
				}
			case []any:
				list(v, add)
			case map[string]any:
				chunk(v, add)
			default:
				return nil, fmt.Errorf("%q with neither a path nor a SHA-256", key)
			}
		}
	default:
		return nil, fmt.Errorf("neither a list nor a map")
	}
	return found, bad
}

func list(values []any, add func(name, sum string)) {
	for _, value := range values {
		name, _ := value.(string) // anything else is no path, which add says
		add(name, "")
	}
}

// chunk reads the files of a chunk of Vite's manifest; its imports are names of other chunks. What Next.js has for each page
// are lists.
func chunk(v map[string]any, add func(name, sum string)) {
	if file, ok := v["file"].(string); ok {
		add(file, "")
		for _, key := range []string{"css", "assets"} {
			files, _ := v[key].([]any)
			list(files, add)
		}
		return
	}
	for _, value := range v {
		files, ok := value.([]any)
		if !ok {
			files = []any{nil}
		}
		list(files, add)
	}
}
