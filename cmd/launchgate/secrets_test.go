package main

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/fixtures/webtest"
)

// planted is the value of chat.webhook: every usual encoding of it looks different. core is the part that no output may
// show even where the rest was cut off.
const (
	core    = "pl4ntedS3cret"
	planted = `https://chat.example/` + core + `?a="b c"&d=<e>\f+g/æ`
)

func forbidden() map[string]string {
	text, err := json.Marshal(planted)
	if err != nil {
		panic(err)
	}
	return map[string]string{
		"the core": core, "raw": planted, "query": url.QueryEscape(planted), "HTML": html.EscapeString(planted), "path": url.PathEscape(planted), "JSON": string(text[1 : len(text)-1]), "%q": strconv.Quote(planted),
		"base64": base64.StdEncoding.EncodeToString([]byte(planted)), "base64 url": base64.RawURLEncoding.EncodeToString([]byte(planted)),
		"base64 of the core": base64.RawStdEncoding.EncodeToString([]byte(planted[:36]))[:44], "hex": hex.EncodeToString([]byte(core)),
	}
}

// assertNoSecret looks for the planted value in outputs by their names. In all of them together it must have been replaced.
func assertNoSecret(t *testing.T, outputs map[string]string) {
	t.Helper()
	replaced := 0
	for name, text := range outputs {
		replaced += strings.Count(text, "redacted:SLACK_WEBHOOK_URL")
		for form, value := range forbidden() {
			if at := strings.Index(text, value); at >= 0 {
				t.Errorf("%s shows the secret (%s): …%.200s", name, form, text[max(0, at-100):])
			}
		}
	}
	assert.Positive(t, replaced, "the value surfaced nowhere: this test tests nothing")
}

// files are all files below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	}))
	return all
}

// everyOutput runs a page in every format and JUnit profile and gives all that came out, by name.
func everyOutput(t *testing.T, bin string, s *sandbox.Sandbox, selection string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for format, profile := range map[string]string{"human": "ci", "json": "strict", "github": "ci"} {
		reports := t.TempDir()
		env := append(s.Env(), "LAUNCH_REPORTS="+reports, "GITHUB_STEP_SUMMARY="+filepath.Join(reports, "summary.md"), "SLACK_WEBHOOK_URL="+planted)
		for _, args := range [][]string{
			{"run", selection, "--format", format, "--junit-profile", profile}, {"verdict", "--phase", selection, "--format", format, "--junit-profile", profile},
		} {
			said := commandIn(t, bin, root, env, args...)
			assert.NotZero(t, said.code, "%v: %s", args, said.stdout)
			all[fmt.Sprint(args, " stdout")], all[fmt.Sprint(args, " stderr")] = said.stdout, said.stderr
		}
		for name, text := range files(t, reports) {
			all[name] = text
		}
	}
	assert.Greater(t, len(all), 15)
	return all
}

// echo is a site that says the secret wherever a server can.
func echo(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.Names("getdrop.no", "*.getdrop.no"))
	require.NoError(t, err)
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Authorization", "Bearer "+planted)
		h.Set("Strict-Transport-Security", "max-age=soon; "+planted)
		h.Set("Set-Cookie", "session="+url.QueryEscape(planted))
		h.Set("Content-Type", "text/html; charset="+strconv.Quote(planted))
		if strings.HasPrefix(r.Host, "www.") {
			h.Set("Location", "https://elsewhere.example/?token="+url.QueryEscape(planted))
			w.WriteHeader(http.StatusFound)
		}
		fmt.Fprintf(w, "<p>it begins: %s</p><img src='http://cdn.example/%s'>", html.EscapeString(planted), url.PathEscape(planted))
	}))
	site.Config.ErrorLog = log.New(io.Discard, "", 0)                    // of the handshakes that the protocol floor tries
	site.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} // #nosec G402 -- the default is TLS 1.2
	site.StartTLS()
	t.Cleanup(site.Close)

	overlay := filepath.Join(s.Dir, "environments", "sandbox.yaml")
	text, err := os.ReadFile(overlay)
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, yaml.Unmarshal(text, &keys))
	connect := keys["network"].(map[string]any)["connect"].(map[string]any)
	for _, address := range webtest.Addresses {
		connect[net.JoinHostPort(address.String(), "443")] = site.Listener.Addr().String()
	}
	text, err = yaml.Marshal(keys)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "ca.pem"), authority.PEM(), 0o600))
}

func TestNoOutputShowsASecret(t *testing.T) {
	beside, err := bin()
	require.NoError(t, err)
	t.Run("in an answer", func(t *testing.T) {
		s := startSandbox(t, "")
		require.NoError(t, os.WriteFile(s.VersionFile, []byte(planted), 0o600))
		assertNoSecret(t, everyOutput(t, beside, s, "Smoke"))
	})
	t.Run("echoed by a server", func(t *testing.T) {
		s := startSandbox(t, "")
		echo(t, s)
		assertNoSecret(t, everyOutput(t, beside, s, "TMinus5"))
		assertNoSecret(t, everyOutput(t, beside, s, "Smoke"))
	})
	t.Run("on the command line", func(t *testing.T) {
		s := startSandbox(t, "")
		env := append(s.Env(), "SLACK_WEBHOOK_URL="+planted)
		all := map[string]string{}
		for _, format := range []string{"--json", "--json=false"} {
			for _, args := range [][]string{
				{"probe", "page", "https://getdrop.no/", planted}, {"probe", "redirect", "https://getdrop.no/?k=" + url.QueryEscape(planted)},
				{"probe", "health", "https://getdrop.no/api/health", planted}, {"probe", "dns", planted},
			} {
				said := command(t, root, env, append(args, format)...)
				assert.NotZero(t, said.code)
				all[fmt.Sprint(args[:2], format)] = said.stdout + said.stderr
			}
		}
		assertNoSecret(t, all)
	})
	t.Run("in a page that panics", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"launchgate", "test2json"} {
			require.NoError(t, os.Link(filepath.Join(beside, name), filepath.Join(dir, name)))
		}
		out, err := goTool("test", "-c", "-o", filepath.Join(dir, "TMinus5.test"), "./cmd/launchgate/testdata/leaky").CombinedOutput()
		require.NoError(t, err, "%s", out)
		outputs := everyOutput(t, dir, startSandbox(t, ""), "TMinus5")
		assertNoSecret(t, outputs)
		stream := ""
		for name, text := range outputs {
			if strings.HasSuffix(name, "stream/TMinus5.json") {
				stream = text
			}
		}
		for _, place := range []string{"to standard output: ‹redacted", "to standard error: ‹redacted", "in the page: ‹redacted"} {
			assert.Contains(t, stream, place)
		}
	})
}

// TestNoTokenOfAProviderInAnyOutput has every provider repeat in its answers what it was sent.
func TestNoTokenOfAProviderInAnyOutput(t *testing.T) {
	beside, err := bin()
	require.NoError(t, err)
	s := startSandbox(t, "")
	for _, service := range []*servicetest.Service{s.BetterStack.Service, s.Slack.Service, s.PagerDuty.Service} {
		service.Fail(servicetest.Echo)
	}
	reports := t.TempDir()
	env := append(s.Env(), "LAUNCH_REPORTS="+reports, "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/"+core+"-hook")
	for _, name := range []string{"BETTERSTACK_TOKEN", "SLACK_BOT_TOKEN", "PAGERDUTY_TOKEN", "PAGERDUTY_ROUTING_KEY"} {
		env = append(env, name+"="+core+"-"+name)
	}
	all := ""
	for _, page := range []string{"Plan", "TMinus1"} {
		said := commandIn(t, beside, root, env, "run", page)
		assert.NotZero(t, said.code)
		all += said.stdout + said.stderr
	}
	for _, text := range files(t, reports) {
		all += text
	}
	assert.NotContains(t, all, core)
	for _, name := range []string{"BETTERSTACK_TOKEN", "SLACK_BOT_TOKEN", "PAGERDUTY_TOKEN", "webhook"} {
		assert.Contains(t, all, "redacted:"+name, "it surfaced nowhere: this test tests nothing")
	}
}

// TestNoSecretOfTheVaultInAnyOutput plants one core in every secret of the account and in a plain variable, most of them in a form that
// turns its gate red, and looks for it in all that the page leaves and in what plain `go test -v` prints.
func TestNoSecretOfTheVaultInAnyOutput(t *testing.T) {
	s := startSandbox(t, "")
	s.AWS.Change(func(a *awstest.Account) {
		for i, secret := range a.Secrets {
			switch {
			case strings.Contains(secret.Name, "database"):
				secret.Value = strings.Replace(secret.Value, "drop_app:", "postgres:"+core, 1)
			case strings.Contains(secret.Name, "slack"):
				secret.Value = "https://chat.example/" + core
			case i%2 == 0:
				secret.Value += core + "\n"
			default:
				secret.Value = core
			}
		}
		a.Services[0].SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables["SOME_TOKEN"] = core
	})
	beside, err := bin()
	require.NoError(t, err)
	outputs := everyOutput(t, beside, s, "TMinus7")
	cmd := goTool("test", "-count=1", "-v", "./gates/tminus7")
	cmd.Env = append(append(os.Environ(), s.Env()...), "LAUNCH_REPORTS="+t.TempDir())
	text, err := cmd.CombinedOutput()
	require.Error(t, err)
	outputs["go test -v"] = string(text)
	seen := 0
	for name, text := range outputs {
		seen += strings.Count(text, "secret.")
		for form, value := range map[string]string{"raw": core, "base64": base64.RawStdEncoding.EncodeToString([]byte(core))[:16], "hex": hex.EncodeToString([]byte(core))} {
			if at := strings.Index(text, value); at >= 0 {
				t.Errorf("%s shows a secret of the vault (%s): …%.200s", name, form, text[max(0, at-100):])
			}
		}
	}
	assert.Positive(t, seen, "no gate said anything about a secret: this test tests nothing")
}

// TestNoSecretOfAProviderInAnyOutput plants one core in every credential for a provider and for the database. Each refuses it, some repeat it in their
// answer, and no output shows it: neither the command's, nor what plain `go test -v` prints.
func TestNoSecretOfAProviderInAnyOutput(t *testing.T) {
	s := startSandbox(t, "")
	for name, value := range map[string]string{
		"github.token": core, "flags.token": core, "flags-admin.token": core, "stripe.key": "rk_live_" + core, "send.token": core, "inbox.user": "launchgate:" + core,
		"bankid.id": core + "-client", "bankid.secret": core + "-secret", "sumsub.token": "prd:" + core, "sumsub.key": core + "-key", "smoke.session": "session=" + core,
		"bankid-login.token": core, "openbanking.token": core, "openbanking-sandbox.token": core, "openbanking.consent": core, "openbanking.account": core,
		"database/dsn": "postgres://launchgate:" + core + "@drop-db.c0example0.eu-west-1.rds.amazonaws.com:5432/postgres?sslmode=verify-full",
	} {
		require.FileExists(t, filepath.Join(s.Dir, name))
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir, name), []byte(value), 0o600))
	}
	beside, err := bin()
	require.NoError(t, err)
	outputs := everyOutput(t, beside, s, "TMinus2")
	for _, page := range []string{"plan", "tminus2"} {
		cmd := goTool("test", "-count=1", "-v", "./gates/"+page)
		cmd.Env = append(append(os.Environ(), s.Env()...), "LAUNCH_REPORTS="+t.TempDir())
		text, err := cmd.CombinedOutput()
		require.Error(t, err)
		outputs["go test -v "+page] = string(text)
	}
	refused := 0
	for name, text := range outputs {
		refused += strings.Count(text, "redacted:")
		for form, value := range map[string]string{"raw": core, "base64": base64.RawStdEncoding.EncodeToString([]byte("rk_live_" + core))[:24], "hex": hex.EncodeToString([]byte(core))} {
			if at := strings.Index(text, value); at >= 0 {
				t.Errorf("%s shows a credential (%s): …%.200s", name, form, text[max(0, at-100):])
			}
		}
	}
	assert.Positive(t, refused, "no provider repeated the credential: this test tests nothing")
}
