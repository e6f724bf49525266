package workflows

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/fixtures/slacktest"
	"github.com/getdrop/launchgate/internal/launch"
)

const role = "arn:aws:iam::111122223333:role/launchgate"

// scene is a sandbox on its previous version, with a platform that brings versions out, and a chat.
type scene struct {
	box    *sandbox.Sandbox
	launch *launch.Launch
	role   string // the role on AWS that the repository names

	secrets map[string]string // of the repository; the webhook is that of the sandbox's Slack

	mu      sync.Mutex
	brought []string // versions, in the order in which the platform was told to bring them out
}

// newScene starts a sandbox. The platform calls arrive when it has brought a version out, and fails with its error.
func newScene(t *testing.T, fault string, arrive func(s *scene, version string) error) *scene {
	t.Helper()
	box, err := sandbox.Start(sandbox.Config{Dir: t.TempDir(), Base: filepath.Join(launch.Root(), "launch.yaml"), Fault: fault})
	require.NoError(t, err)
	box.Warm()
	t.Cleanup(func() { assert.NoError(t, box.Close()) })
	s := &scene{box: box, secrets: map[string]string{}}
	outside := http.NewServeMux()
	outside.HandleFunc("POST /bring/{version}", func(w http.ResponseWriter, r *http.Request) {
		version := r.PathValue("version")
		s.note(&s.brought, version)
		err := os.WriteFile(box.VersionFile, []byte(version), 0o600)
		if err == nil && arrive != nil {
			err = arrive(s, version)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	server := httptest.NewServer(outside)
	t.Cleanup(server.Close)
	s.role = role
	for _, variable := range box.Env() {
		if name, value, _ := strings.Cut(variable, "="); !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "LAUNCH_") {
			s.secrets[name] = value
		}
	}
	bring := []string{"sh", "-c", `curl --fail --silent --show-error --max-time 20 --request POST "` + server.URL + `/bring/$$LAUNCH_VERSION"`}
	s.overlay(t, func(o map[string]any) {
		o["deploy"] = map[string]any{"command": bring, "timeout": "30s"}
		o["rollback"] = map[string]any{"command": bring, "timeout": "30s"}
	})
	s.launch, err = launch.Load(s.config(), sandbox.Environment)
	require.NoError(t, err)
	return s
}

func (s *scene) note(list *[]string, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, text)
}

func (s *scene) config() string { return filepath.Join(s.box.Dir, "launch.yaml") }

// overlay changes what environments/sandbox.yaml says.
func (s *scene) overlay(t *testing.T, change func(map[string]any)) {
	t.Helper()
	file := filepath.Join(s.box.Dir, "environments", sandbox.Environment+".yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var o map[string]any
	require.NoError(t, yaml.Unmarshal(text, &o))
	change(o)
	text, err = yaml.Marshal(o)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

// served is the version that each public address serves now: the proof of every run.
func (s *scene) served(t *testing.T) []string {
	t.Helper()
	var versions []string
	for public, local := range s.box.Site.Connect() {
		if !strings.HasSuffix(public, ":443") {
			continue
		}
		host := string(s.launch.DNS.Domain)
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			Dial:              func(network, _ string) (net.Conn, error) { return net.Dial(network, local) },
			TLSClientConfig:   &tls.Config{ServerName: host, InsecureSkipVerify: true}, // #nosec G402 -- only its version matters here
			DisableKeepAlives: true,
		}}
		response, err := client.Get("https://" + host + s.launch.Health.Path)
		require.NoError(t, err)
		var document struct{ Data struct{ Version string } }
		err = json.NewDecoder(response.Body).Decode(&document)
		require.NoError(t, response.Body.Close())
		require.NoError(t, err)
		versions = append(versions, document.Data.Version)
	}
	require.Len(t, versions, 3, "addresses")
	return versions
}

// everywhere is one version at each of the site's addresses.
func everywhere(version string) []string { return []string{version, version, version} }

func (s *scene) inputs() map[string]string {
	return map[string]string{"environment": sandbox.Environment, "config": s.config(), "launch": s.launch.ID}
}

// announced is what was posted to the sandbox's Slack, but for the gates' own test messages.
func (s *scene) announced() (texts []string) {
	s.box.Slack.Change(func(state *slacktest.State) {
		for _, channel := range state.Channels {
			for _, message := range channel.Messages {
				if !strings.Contains(message.Text, "This is a test") {
					texts = append(texts, message.Text)
				}
			}
		}
	})
	return texts
}

// credentials is a file with what the job's environment holds once it has taken its role: the sandbox's AWS and a key for it.
func (s *scene) credentials(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(s.box.AWS.Env(), "\n")+"\n"), 0o600))
	return file
}

// curlHome has a curl that is no part of the suite reach the sandbox's Slack too.
func (s *scene) curlHome(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var slack string
	for _, local := range s.box.Slack.Connect() {
		slack = local
	}
	require.NotEmpty(t, slack)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".curlrc"), []byte("connect-to = hooks.slack.com:443:"+slack+"\ninsecure\n"), 0o600))
	return dir
}

func (s *scene) transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("brought out: %q", s.brought)
}
