package githubprobe

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/githubtest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

var (
	launched  = strings.Repeat("c1", 20)
	migrating = strings.Repeat("a3", 20)
	address   = netip.MustParseAddr("203.0.113.140")
)

func is(commit string) Revision { return func(context.Context) (string, error) { return commit, nil } }

// world starts GitHub with a repository that is as it must be, and more check runs than fit on a page.
func world(t *testing.T) (*githubtest.Server, *Repository) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	repo := githubtest.Repository{Name: "getdrop/drop", Branch: "main", Protected: []string{"main"},
		Commits: []githubtest.Commit{{SHA: launched, Author: "ada", Committer: "web-flow", Paths: []string{"db/migrations/2.sql"}}, {SHA: migrating, Author: "ada", Committer: "web-flow"}},
		Pulls: []githubtest.Pull{{Number: 1, Author: "ada", Head: "head", In: []string{launched}, Commits: []githubtest.Commit{{SHA: "head", Author: "ada", Committer: "ada"}},
			Reviews: []githubtest.Review{{User: "grace", State: "APPROVED", Commit: "head"}}}},
		Environments: map[string]githubtest.Environment{"production": {Reviewers: 1, PreventSelfReview: true, ProtectedBranches: true}},
		Statuses:     []githubtest.Status{{SHA: launched, Context: "cla", State: "success"}},
	}
	for i := range 120 {
		repo.Runs = append(repo.Runs, githubtest.Run{ID: int64(i), SHA: launched, Name: fmt.Sprint("shard ", i), App: "github-actions", Conclusion: "success", Started: time.Unix(int64(i), 0)})
	}
	server := githubtest.New(t, githubtest.Config{Authority: authority, Address: address, Token: "token-of-github", Repository: repo})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	api := &jsonapi.Service{Name: "GitHub", Base: "https://" + githubtest.Host, Network: network, Resolver: server, Header: Header(), Key: "github.token",
		Token: func(context.Context) (string, error) { return "token-of-github", nil }}
	return server, New(api, "getdrop/drop")
}

func claims(r *Repository, commit string) map[string]probe.Claim {
	return map[string]probe.Claim{
		"checks": r.ChecksPassed(is(commit), []string{"shard 0", "shard 119"}, "github-actions"), "statuses": r.StatusesPassed(is(commit), []string{"cla"}),
		"branch": r.OnDefaultBranch(is(commit)), "review": r.MigrationReviewed(is(commit), "db/migrations"), "environment": r.EnvironmentGuarded("production", nil),
	}
}

func TestAgainstTheStandIn(t *testing.T) {
	for title, test := range map[string]struct {
		commit string
		change func(*githubtest.Repository)
		red    map[string]probe.Status
	}{
		"as it must be":          {launched, func(*githubtest.Repository) {}, nil},
		"red on the second page": {launched, func(r *githubtest.Repository) { r.Runs[119].Conclusion = "failure" }, map[string]probe.Status{"checks": probe.Fail}},
		"another commit":         {migrating, func(*githubtest.Repository) {}, map[string]probe.Status{"checks": probe.Fail, "statuses": probe.Fail, "review": probe.Fail}},
		"no such commit":         {strings.Repeat("0", 40), func(*githubtest.Repository) {}, map[string]probe.Status{"checks": probe.Fail, "statuses": probe.Fail, "branch": probe.Fail, "review": probe.Fail}},
		"a short hash":           {launched[:7], func(*githubtest.Repository) {}, map[string]probe.Status{"checks": probe.Blocked, "statuses": probe.Blocked, "branch": probe.Blocked, "review": probe.Blocked}},
		"elsewhere":              {launched, func(r *githubtest.Repository) { r.Commits[0].Elsewhere = true }, map[string]probe.Status{"branch": probe.Fail}},
		"not merged":             {launched, func(r *githubtest.Repository) { r.Pulls[0].Open = true }, map[string]probe.Status{"review": probe.Fail}},
		"nobody's":               {launched, func(r *githubtest.Repository) { r.Pulls[0].Commits[0].Author = "" }, map[string]probe.Status{"review": probe.Blocked}},
		"the last of a long one": {launched, func(r *githubtest.Repository) { r.Pulls[0].Commits = many(250, "grace") }, map[string]probe.Status{"review": probe.Blocked}},
		"a long one":             {launched, func(r *githubtest.Repository) { r.Pulls[0].Commits = many(248, "ada") }, nil},
		"a co-author": {launched, func(r *githubtest.Repository) {
			r.Pulls[0].Commits[0].Message = "co-authored-by: Grace <42+Grace@users.noreply.github.com>"
		}, map[string]probe.Status{"review": probe.Fail}},
		"a co-author by address": {launched, func(r *githubtest.Repository) {
			r.Pulls[0].Commits = []githubtest.Commit{{SHA: "head", Author: "ada", Committer: "ada", Message: "Co-authored-by: J <Joan@example.com>\nCo-authored-by: L <linus@example.com>"},
				{SHA: "b", Author: "joan", Committer: "joan", Email: "joan@example.com"}, {SHA: "c", Author: "linus", Committer: "linus", Email: "linus@example.com"}}
		}, nil},
		"a co-author unknown": {launched, func(r *githubtest.Repository) {
			r.Pulls[0].Commits[0].Message = "Co-authored-by: Grace <grace@example.com>"
		}, map[string]probe.Status{"review": probe.Blocked}},
		"merged by hand":    {launched, func(r *githubtest.Repository) { r.Commits[0].Merge, r.Commits[0].Committer = true, "ada" }, map[string]probe.Status{"review": probe.Fail}},
		"merged in browser": {launched, func(r *githubtest.Repository) { r.Commits[0].Merge = true }, nil},
		"no head":           {launched, func(r *githubtest.Repository) { r.Pulls[0].Head, r.Pulls[0].Reviews[0].Commit = "", "" }, map[string]probe.Status{"review": probe.Blocked}},
		"another workflow's": {launched, func(r *githubtest.Repository) {
			r.Runs = append(r.Runs, githubtest.Run{ID: 1, Suite: 7, SHA: launched, Name: "shard 119", App: "github-actions", Conclusion: "failure", Started: time.Unix(1, 0)})
		}, map[string]probe.Status{"checks": probe.Fail}},
		"another workflow's too": {launched, func(r *githubtest.Repository) {
			r.Runs = append(r.Runs, githubtest.Run{ID: 1, Suite: 7, SHA: launched, Name: "shard 119", App: "github-actions", Conclusion: "success", Started: time.Unix(1, 0)})
		}, nil},
		"queued again": {launched, func(r *githubtest.Repository) {
			r.Runs = append(r.Runs, githubtest.Run{ID: 1, SHA: launched, Name: "shard 119", App: "github-actions", Status: "queued"})
		}, map[string]probe.Status{"checks": probe.Fail}},
		"a tag like the branch": {launched, func(r *githubtest.Repository) {
			r.Environments["production"] = githubtest.Environment{Reviewers: 1, PreventSelfReview: true, Policies: []string{"main"}, Tags: []string{"main"}}
		}, map[string]probe.Status{"environment": probe.Fail}},
		"no environment": {launched, func(r *githubtest.Repository) { r.Environments = nil }, map[string]probe.Status{"environment": probe.Fail}},
		"unprotected":    {launched, func(r *githubtest.Repository) { r.Protected = nil }, map[string]probe.Status{"environment": probe.Fail}},
		"renamed":        {launched, func(r *githubtest.Repository) { r.Name = "getdrop/web" }, map[string]probe.Status{"checks": probe.Blocked, "statuses": probe.Blocked, "branch": probe.Blocked, "review": probe.Blocked, "environment": probe.Blocked}},
	} {
		t.Run(title, func(t *testing.T) {
			server, r := world(t)
			server.Change(test.change)
			for name, claim := range claims(r, test.commit) {
				want, red := test.red[name]
				if !red {
					want = probe.Pass
				}
				result := probe.Run(t.Context(), name, claim)
				assert.Equal(t, want, result.Status, "%s: %s", name, result.Message())
			}
		})
	}
}

// many are commits of ada's and one of somebody's, which is the last.
func many(n int, last string) []githubtest.Commit {
	var all []githubtest.Commit
	for i := range n {
		all = append(all, githubtest.Commit{SHA: fmt.Sprint(i), Author: "ada", Committer: "ada"})
	}
	return append(all, githubtest.Commit{SHA: "head", Author: last, Committer: last})
}

func TestASecondaryLimitIsWaitedFor(t *testing.T) {
	server, r := world(t)
	server.Throttle(1)
	result := probe.Run(t.Context(), "branch", r.OnDefaultBranch(is(launched)))
	assert.Equal(t, probe.Pass, result.Status, result.Message())

}
