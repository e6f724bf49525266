package release

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/fixtures/webtest"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/procedure"
)

func TestMain(m *testing.M) {
	every = 5 * time.Millisecond
	os.Exit(m.Run())
}

// stage is a sandbox with a chat, and the launch that is about it.
type stage struct {
	*sandbox.Sandbox
	launch *launch.Launch
	chat   *httptest.Server

	mu   sync.Mutex
	said []string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	box, err := sandbox.Start(sandbox.Config{Dir: t.TempDir(), Base: filepath.Join(launch.Root(), "launch.yaml")})
	require.NoError(t, err)
	s := &stage{Sandbox: box}
	t.Cleanup(func() { assert.NoError(t, box.Close()) })
	s.chat = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		s.mu.Lock()
		s.said = append(s.said, string(body))
		s.mu.Unlock()
		_, err = io.WriteString(w, "ok")
		assert.NoError(t, err)
	}))
	t.Cleanup(s.chat.Close)
	t.Setenv("SLACK_WEBHOOK_URL", s.chat.URL+"/services/T/B/"+t.Name())
	s.launch, err = launch.Load(filepath.Join(box.Dir, "launch.yaml"), sandbox.Environment)
	require.NoError(t, err)
	s.launch.Deploy.Timeout, s.launch.Rollback.Timeout = launch.Duration(10*time.Second), launch.Duration(10*time.Second)
	return s
}

func (s *stage) rollback(t *testing.T) map[string]probe.Result {
	t.Helper()
	shared := &procedure.Shared{}
	build := func() (*procedure.Procedure, error) { return Rollback(s.launch, shared) }
	return walk(t, shared, build, "1_Announce", "3_Run", "4_ConfirmPrevious", "6_Smoke", "8_Notify")
}

func (s *stage) deploy(t *testing.T) map[string]probe.Result {
	t.Helper()
	return walk(t, &procedure.Shared{}, func() (*procedure.Procedure, error) { return Deploy(s.launch) }, "LatestImage", "Health")
}

func walk(t *testing.T, shared *procedure.Shared, build func() (*procedure.Procedure, error), names ...string) map[string]probe.Result {
	t.Helper()
	defer func() { assert.NoError(t, shared.Close()) }()
	results := map[string]probe.Result{}
	for _, name := range names {
		results[name] = probe.Run(t.Context(), name, shared.Step(name, build))
	}
	return results
}

func statuses(results map[string]probe.Result) map[string]probe.Status {
	list := map[string]probe.Status{}
	for name, r := range results {
		list[name] = r.Status
	}
	return list
}

func (s *stage) running(t *testing.T) string {
	t.Helper()
	version, err := s.Running()
	require.NoError(t, err)
	return version
}

func TestRollbackBringsThePreviousVersionBack(t *testing.T) {
	s := newStage(t)
	require.NoError(t, s.Deploy())
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	results := s.rollback(t)
	for name, r := range results {
		assert.Equal(t, probe.Pass, r.Status, "%s: %s", name, r.Message())
	}
	assert.Equal(t, s.launch.Rollback.PreviousVersion, s.running(t))
	require.Len(t, s.said, 2)
	assert.Contains(t, s.said[0], "Going back to the previous version 0.9.0 of Drop in sandbox")
	assert.Contains(t, s.said[1], "is back on version 0.9.0")

	require.NoError(t, s.Deploy())
	for name, r := range s.rollback(t) {
		assert.Equal(t, probe.Pass, r.Status, "again, %s: %s", name, r.Message())
	}
	assert.Equal(t, s.launch.Rollback.PreviousVersion, s.running(t))
}

func TestARollbackThatLeavesOneAddressBehindIsRed(t *testing.T) {
	s := newStage(t)
	require.NoError(t, s.Deploy())
	s.Site.Break(webtest.HealthVersion)
	s.launch.Rollback.Timeout = launch.Duration(2 * time.Second)
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	results := s.rollback(t)
	assert.Equal(t, map[string]probe.Status{"1_Announce": probe.Pass, "3_Run": probe.Fail, "4_ConfirmPrevious": probe.Blocked,
		"6_Smoke": probe.Blocked, "8_Notify": probe.Pass}, statuses(results))
	assert.Contains(t, results["3_Run"].Message(), webtest.Addresses[1].String())
	require.Len(t, s.said, 2)
	assert.Contains(t, s.said[1], "FAILED at 3_Run and needs a person now")

	require.NoError(t, s.Site.Mend())
	for name, r := range s.rollback(t) {
		assert.Equal(t, probe.Pass, r.Status, "once mended, %s: %s", name, r.Message())
	}
}

func TestABrokenChatStopsNoRollback(t *testing.T) {
	s := newStage(t)
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	for name, breakIt := range map[string]func(){
		"down":           s.chat.Close,
		"not configured": func() { s.launch.Chat.Webhook = launch.Secret{} },
	} {
		require.NoError(t, s.Deploy())
		breakIt()
		assert.Equal(t, map[string]probe.Status{"1_Announce": probe.Blocked, "3_Run": probe.Pass, "4_ConfirmPrevious": probe.Pass,
			"6_Smoke": probe.Pass, "8_Notify": probe.Blocked}, statuses(s.rollback(t)), name)
		assert.Equal(t, s.launch.Rollback.PreviousVersion, s.running(t), name)
	}
}

func TestAnUnfinishedRollbackOfEarlierDoesNotStandInTheWay(t *testing.T) {
	s := newStage(t)
	require.NoError(t, s.Deploy())
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	shared := &procedure.Shared{}
	walk(t, shared, func() (*procedure.Procedure, error) { return Rollback(s.launch, shared) }, "1_Announce", "3_Run") // and then it was killed
	require.Equal(t, s.launch.Rollback.PreviousVersion, s.running(t))

	require.NoError(t, s.Deploy())
	for name, r := range s.rollback(t) {
		assert.Equal(t, probe.Pass, r.Status, "%s: %s", name, r.Message())
	}
	assert.Equal(t, s.launch.Rollback.PreviousVersion, s.running(t), "the command was run again, because the version is not there")
}

func TestNothingChangesWithoutTheLaunchsID(t *testing.T) {
	s := newStage(t)
	require.NoError(t, s.Deploy())
	for typed, want := range map[string]string{"": "rehearsed", "another": "execute.refused"} {
		t.Setenv(procedure.ExecuteEnv, typed)
		for name, r := range s.rollback(t) {
			assert.Equal(t, probe.Blocked, r.Status, name)
			assert.Equal(t, want, r.Class, name)
		}
		assert.Equal(t, s.launch.Project.Version, s.running(t))
	}
	assert.Empty(t, s.said)
	assert.NoDirExists(t, filepath.Join(s.Dir, "state", "procedures"))
}

func TestARehearsalFindsWhatIsMissing(t *testing.T) {
	s := newStage(t)
	s.launch.Rollback.Command = []string{"./rollback.sh"}
	s.launch.Chat.Webhook = launch.Secret{}
	results := s.rollback(t)
	assert.Equal(t, "command.missing", results["3_Run"].Class)
	assert.Equal(t, probe.Fail, results["3_Run"].Status)
	assert.Equal(t, "not-configured", results["1_Announce"].Class)
	assert.Equal(t, "rehearsed", results["6_Smoke"].Class)
}

func TestDeploy(t *testing.T) {
	s := newStage(t)
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	for name, r := range s.deploy(t) {
		assert.Equal(t, probe.Pass, r.Status, "%s: %s", name, r.Message())
	}
	assert.Equal(t, s.launch.Project.Version, s.running(t))
}

func TestADeploymentThatDoesNotReachEveryAddressIsRed(t *testing.T) {
	s := newStage(t)
	s.Site.Break(webtest.HealthVersion)
	s.launch.Deploy.Timeout = launch.Duration(time.Second)
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	assert.Equal(t, map[string]probe.Status{"LatestImage": probe.Fail, "Health": probe.Blocked}, statuses(s.deploy(t)))

	results := s.deploy(t)
	assert.Equal(t, "needs-person", results["LatestImage"].Class, "nobody promised that the deploy command may be run twice")
}

// TestADeploymentThatHangsIsHarm: it was killed half-way. Only FAIL makes the pipeline roll back.
func TestADeploymentThatHangsIsHarm(t *testing.T) {
	s := newStage(t)
	s.launch.Deploy.Command = []string{"sleep", "300"}
	s.launch.Deploy.Timeout = launch.Duration(300 * time.Millisecond)
	t.Setenv(procedure.ExecuteEnv, s.launch.ID)
	result := s.deploy(t)["LatestImage"]
	assert.Equal(t, probe.Fail, result.Status, result.Message())
	assert.Equal(t, "command.timeout", result.Class)
}

func TestKeepsLooksAgainAndAgain(t *testing.T) {
	s := newStage(t)
	evidence, err := Previous(s.launch).Keeps(3, time.Millisecond)(t.Context())
	require.NoError(t, err)
	assert.Contains(t, evidence.Notes, "look 3 of 3")

	time.AfterFunc(50*time.Millisecond, func() { s.Site.Break(webtest.HealthVersion) })
	_, err = Previous(s.launch).Keeps(100000, time.Millisecond)(t.Context())
	assert.Equal(t, probe.Fail, probe.StatusOf(err), "one look that shows another version decides")
}

func TestJourneysNameTheStepThatFails(t *testing.T) {
	s := newStage(t)
	s.Site.Break(webtest.WWWServes)
	_, err := Previous(s.launch).Journeys(t.Context())
	require.Equal(t, probe.Fail, probe.StatusOf(err))
	assert.ErrorContains(t, err, "www leads to it")
}
