package httpprobe

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Health is what a health document must say. The paths are dotted keys from the document's root, such as "data.status".
type Health struct {
	StatusPath  string
	StatusOK    string
	VersionPath string
	Version     string
	Checks      []string // paths of checks that must be there, and pass: a text, true, an object with a status, or a list of them
}

// HealthIs claims that the health document is served fresh at every address: 200, JSON, no-store, not out of a cache,
// the status and the running version as wanted, and every entry of the `checks` object beside the status passing.
func HealthIs(c *Client, url string, want Health) probe.Claim {
	return c.everywhere("RFC 9111 5.1, 5.2.2.5", url, func(x *exchange) error { return judgeHealth(x, want) })
}

func judgeHealth(x *exchange, want Health) error {
	wanted := fmt.Sprintf("200 with JSON %s=%q and %s=%q", want.StatusPath, want.StatusOK, want.VersionPath, want.Version)
	if want.StatusPath == "" || want.StatusOK == "" || want.VersionPath == "" || want.Version == "" {
		return &probe.Unknown{Class: "not-configured", Want: "status and version that the health document must show", Got: wanted}
	}
	document, err := judgeWell(x, want, wanted)
	if err != nil {
		return err
	}
	version, ok := At(document, want.VersionPath).(string)
	if !ok {
		return x.unmet("health.shape", wanted, "JSON without text at "+want.VersionPath+": "+keys(document), "have the application report its version, or set health.version_path")
	}
	if version != want.Version {
		return x.unmet("health.version", wanted, fmt.Sprintf("version %q", version), "bring "+want.Version+" out to this address")
	}
	return nil
}

// judgeWell judges all of a health document but the version, and returns it.
func judgeWell(x *exchange, want Health, wanted string) (document any, err error) {
	document, problem := decode(x)
	if x.status != http.StatusOK {
		got := fmt.Sprintf("%d %s", x.status, http.StatusText(x.status))
		if status, ok := At(document, want.StatusPath).(string); ok {
			got += fmt.Sprintf(" with %s=%q", want.StatusPath, status)
		}
		return nil, x.unmet("http.status", wanted, got, "see the application's logs")
	}
	if problem != "" {
		return nil, x.unmet("health.shape", wanted, problem, "see whether this is the health document at all")
	}
	if err := judgeFresh(x); err != nil {
		return nil, err
	}
	status, ok := At(document, want.StatusPath).(string)
	if !ok {
		return nil, x.unmet("health.shape", wanted, "JSON without text at "+want.StatusPath+": "+keys(document), "set health.status_path to where the status stands")
	}
	if status != want.StatusOK {
		return nil, x.unmet("health.status", wanted, fmt.Sprintf("%s=%q", want.StatusPath, status), "see the application's logs")
	}
	for _, path := range want.Checks {
		check := At(document, path)
		if list, is := check.([]any); check == nil || is && len(list) == 0 {
			return nil, x.unmet("health.shape", wanted, "JSON without a check at "+path+": "+keys(document), "have the application check it, or correct health.checks")
		}
		if said := verdict(check, want.StatusOK); said != "" {
			return nil, x.unmet("health.check", "the check "+path+" to pass", fmt.Sprintf("%q while %s=%q", said, want.StatusPath, status), "mend what it checks")
		}
	}
	if check, said := failing(document, want); said != "" {
		return nil, x.unmet("health.check", "every check of the health document to pass", fmt.Sprintf("check %s=%q while %s=%q", check, said, want.StatusPath, status), "mend "+check)
	}
	return document, nil
}

// judgeFresh judges whether the answer was made now (RFC 9111).
func judgeFresh(x *exchange) error {
	const want, fix = "a health document that nobody caches (cache-control: no-store)", "send no-store, and keep the cache away from this path"
	if age := x.header.Values("Age"); len(age) > 0 {
		return x.unmet("http.cached", want, "one from a cache: Age "+strings.Join(age, ", ")+" s", fix)
	}
	for _, value := range x.header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-store") {
				return nil
			}
		}
	}
	return x.unmet("http.cacheable", want, fmt.Sprintf("cache-control %q", strings.Join(x.header.Values("Cache-Control"), ", ")), fix)
}

// decode reads the body as one JSON document, or says in words what it is instead.
func decode(x *exchange) (document any, problem string) {
	kind, _, err := mime.ParseMediaType(x.header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil, fmt.Sprintf("content type %q, beginning %q", x.header.Get("Content-Type"), beginning(x.body))
	}
	body, _, problem := x.text()
	if problem != "" {
		return nil, problem
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Sprintf("broken JSON: %v, beginning %q", err, beginning(body))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, "more than one JSON document"
	}
	if key, twice := probe.Twice(body); twice {
		return nil, fmt.Sprintf("JSON that says %q twice", key)
	}
	return document, ""
}

// At is the value at a dotted path of a document that was read from JSON, such as "data.status"; nil where there is none.
func At(document any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		object, ok := document.(map[string]any)
		if !ok {
			return nil
		}
		document = object[key]
	}
	return document
}

// failing is the first check beside the status that does not pass, and what it says.
func failing(document any, want Health) (check, said string) {
	path := "checks"
	if dot := strings.LastIndex(want.StatusPath, "."); dot >= 0 {
		path = want.StatusPath[:dot] + ".checks"
	}
	beside := At(document, path)
	checks, named := beside.(map[string]any)
	if beside != nil && !named {
		return path, verdict(beside, want.StatusOK)
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if said := verdict(checks[name], want.StatusOK); said != "" {
			return name, said
		}
	}
	return "", ""
}

// verdict is what a check that does not pass says of itself, empty where it passes. A check is a text, true or false, an
// object with a status, or a list of them (draft-inadarei-api-health-check).
func verdict(check any, statusOK string) string {
	switch c := check.(type) {
	case []any:
		for _, one := range c {
			if said := verdict(one, statusOK); said != "" {
				return said
			}
		}
		return ""
	case map[string]any:
		return verdict(fmt.Sprint(c["status"]), statusOK)
	}
	said := fmt.Sprint(check)
	for _, good := range []string{"pass", "ok", "up", "true", statusOK} {
		if strings.EqualFold(said, good) {
			return ""
		}
	}
	return cmp.Or(said, "nothing")
}

// keys describes the shape of a document by its outer keys.
func keys(document any) string {
	object, ok := document.(map[string]any)
	if !ok {
		return fmt.Sprintf("a %T", document)
	}
	list := slices.Sorted(maps.Keys(object))
	return fmt.Sprintf("its keys are %q", list[:min(len(list), 8)])
}

// beginning is how a body begins. Secrets go first: half of one would not be known any more.
func beginning(body []byte) string {
	body = redact.Bytes(body)
	text := strings.Join(strings.Fields(string(body[:min(len(body), 200)])), " ")
	return text[:min(len(text), 60)]
}
