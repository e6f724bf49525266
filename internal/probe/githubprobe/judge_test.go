package githubprobe

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func run(name, conclusion string, change ...func(*CheckRun)) CheckRun {
	r := CheckRun{ID: 1, Name: name, HeadSHA: "c", Status: "completed", Conclusion: conclusion, Started: time.Unix(1000, 0)}
	r.App.Slug = "github-actions"
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestPassed(t *testing.T) {
	at := func(seconds int64, id int64) func(*CheckRun) {
		return func(r *CheckRun) { r.Started, r.ID = time.Unix(seconds, 0), id }
	}
	for title, test := range map[string]struct {
		runs []CheckRun
		got  string // empty: green
	}{
		"both":                     {[]CheckRun{run("lint", "success"), run("tests", "success")}, ""},
		"one more, and it is red":  {[]CheckRun{run("lint", "success"), run("tests", "success"), run("stats", "failure")}, ""},
		"none":                     {nil, "lint: no run by github-actions, tests: no run by github-actions"},
		"skipped":                  {[]CheckRun{run("lint", "success"), run("tests", "skipped")}, "tests: skipped"},
		"neutral":                  {[]CheckRun{run("lint", "neutral"), run("tests", "success")}, "lint: neutral"},
		"both red":                 {[]CheckRun{run("lint", "failure"), run("tests", "timed_out")}, "lint: failure, tests: timed_out"},
		"of another commit":        {[]CheckRun{run("lint", "success"), run("tests", "success", func(r *CheckRun) { r.HeadSHA = "b" })}, "tests: no run"},
		"of another app":           {[]CheckRun{run("lint", "success"), run("tests", "success", func(r *CheckRun) { r.App.Slug = "bot" })}, "tests: no run"},
		"under way":                {[]CheckRun{run("lint", "success"), run("tests", "", func(r *CheckRun) { r.Status = "in_progress" })}, "tests: in_progress"},
		"success, but not ended":   {[]CheckRun{run("lint", "success"), run("tests", "success", func(r *CheckRun) { r.Status = "queued" })}, "tests: queued"},
		"no status at all":         {[]CheckRun{run("lint", "success"), run("tests", "success", func(r *CheckRun) { r.Status = "" })}, "tests: no status"},
		"red, then green":          {[]CheckRun{run("lint", "success"), run("tests", "success", at(2000, 2)), run("tests", "failure")}, ""},
		"green, then red":          {[]CheckRun{run("lint", "success"), run("tests", "success"), run("tests", "failure", at(2000, 2))}, "tests: failure"},
		"at the same time, by id":  {[]CheckRun{run("lint", "success"), run("tests", "failure", at(1000, 3)), run("tests", "success", at(1000, 2))}, "tests: failure"},
		"another name's beginning": {[]CheckRun{run("lint", "success"), run("tests (1)", "success")}, "tests: no run"},
	} {
		t.Run(title, func(t *testing.T) {
			err := passed(newestOf(test.runs, "c", "github-actions"), []string{"lint", "tests"}, "github-actions", "here")
			if test.got == "" {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, probe.Fail, probe.StatusOf(err))
			assert.ErrorContains(t, err, "got "+test.got)
		})
	}
}

func TestSucceeded(t *testing.T) {
	states := map[string]string{"a": "success", "b": "pending", "c": "failure"}
	assert.NoError(t, succeeded(states, []string{"a"}, "here"))
	assert.ErrorContains(t, succeeded(states, []string{"a", "b", "c", "d"}, "here"), "got b: pending, c: failure, d: no status from here")
}

func TestContained(t *testing.T) {
	for _, test := range []struct {
		status, base string
		want         probe.Status
	}{
		{"identical", "c", probe.Pass}, {"behind", "c", probe.Pass}, {"behind", "b", probe.Fail}, {"ahead", "b", probe.Fail}, {"diverged", "b", probe.Fail}, {"ahead", "c", probe.Fail}, {"identical", "", probe.Fail},
	} {
		c := comparison{Branch: "main", Status: test.status}
		c.MergeBase.SHA = test.base
		assert.Equal(t, test.want, probe.StatusOf(contained(c, "c", "here")), "%v", test)
	}
}

func TestApproved(t *testing.T) {
	by := func(login, state string, change ...func(*review)) review {
		r := review{User: &account{Login: login, Type: "User"}, State: state, Commit: "head", Association: "MEMBER"}
		for _, c := range change {
			c(&r)
		}
		return r
	}
	for title, test := range map[string]struct {
		reviews []review
		want    probe.Status
		got     string
	}{
		"approved":                  {[]review{by("grace", "APPROVED")}, probe.Pass, ""},
		"then commented":            {[]review{by("grace", "APPROVED"), by("grace", "COMMENTED")}, probe.Pass, ""},
		"changes, then approved":    {[]review{by("grace", "CHANGES_REQUESTED"), by("grace", "APPROVED")}, probe.Pass, ""},
		"approved, then changes":    {[]review{by("grace", "APPROVED"), by("grace", "CHANGES_REQUESTED")}, probe.Fail, "grace asks for changes"},
		"another asks for changes":  {[]review{by("grace", "APPROVED"), by("joan", "CHANGES_REQUESTED", func(r *review) { r.Commit = "old" })}, probe.Fail, "joan asks for changes"},
		"nobody":                    {nil, probe.Fail, "no review that decides"},
		"commented":                 {[]review{by("grace", "COMMENTED")}, probe.Fail, "no review that decides"},
		"pending":                   {[]review{by("grace", "PENDING")}, probe.Fail, "no review that decides"},
		"dismissed":                 {[]review{by("grace", "APPROVED"), by("grace", "DISMISSED")}, probe.Fail, "dismissed"},
		"stale":                     {[]review{by("grace", "APPROVED", func(r *review) { r.Commit = "old" })}, probe.Fail, "before the last push"},
		"stale, then another":       {[]review{by("grace", "APPROVED", func(r *review) { r.Commit = "old" }), by("joan", "APPROVED")}, probe.Pass, ""},
		"by the author":             {[]review{by("ada", "APPROVED")}, probe.Fail, "ada approved, who wrote some of it"},
		"by the committer":          {[]review{by("linus", "APPROVED")}, probe.Fail, "linus approved, who wrote some of it"},
		"by a bot":                  {[]review{by("reviewbot", "APPROVED", func(r *review) { r.User.Type = "Bot" })}, probe.Fail, "no person"},
		"by a stranger":             {[]review{by("grace", "APPROVED", func(r *review) { r.Association = "CONTRIBUTOR" })}, probe.Fail, "does not belong"},
		"by an account that's gone": {[]review{by("", "APPROVED", func(r *review) { r.User = nil })}, probe.Fail, "no review that decides"},
	} {
		t.Run(title, func(t *testing.T) {
			seen := Reviewed{Head: "head", Authors: []string{"ada", "linus"}, Reviews: test.reviews}
			err := approved(seen, "here")
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
			seen.Nobody = true
			if test.want == probe.Pass {
				assert.Equal(t, probe.Blocked, probe.StatusOf(approved(seen, "here")), "nobody can tell who wrote it")
			}
		})
	}
}

func TestGuarded(t *testing.T) {
	for title, test := range map[string]struct {
		change func(*Environment)
		got    string
	}{
		"as it must be":       {func(*Environment) {}, ""},
		"admins":              {func(e *Environment) { *e.AdminsBypass = true }, "administrators"},
		"self":                {func(e *Environment) { e.Rules[0].NotSelf = false }, "may approve it"},
		"no rule":             {func(e *Environment) { e.Rules = nil }, "nobody has to approve"},
		"a rule of nobody":    {func(e *Environment) { e.Rules[0].Reviewers = nil }, "nobody has to approve"},
		"no policy":           {func(e *Environment) { e.Policy, e.Refs = nil, nil }, "any branch"},
		"a policy of nothing": {func(e *Environment) { e.Refs = nil }, "no branch is named or protected"},
		"a pattern":           {func(e *Environment) { e.Refs = []string{"main", "release/*"} }, `"release/*" may be deployed`},
	} {
		t.Run(title, func(t *testing.T) {
			bypass := false
			e := Environment{AdminsBypass: &bypass, Refs: []string{"main"}}
			e.Rules = append(e.Rules, struct {
				Type      string `json:"type"`
				NotSelf   bool   `json:"prevent_self_review"`
				Reviewers []struct {
					Type string `json:"type"`
				} `json:"reviewers"`
			}{"required_reviewers", true, []struct {
				Type string `json:"type"`
			}{{"Team"}}})
			e.Policy = &struct {
				Protected bool `json:"protected_branches"`
				Custom    bool `json:"custom_branch_policies"`
			}{Custom: true}
			test.change(&e)
			err := guarded(e, []string{"main"}, "here")
			if test.got == "" {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, probe.Fail, probe.StatusOf(err))
			assert.ErrorContains(t, err, test.got)
		})
	}
}

func TestNextPage(t *testing.T) {
	for link, want := range map[string]string{
		"": "", `<https://a/x?page=2>; rel="next", <https://a/x?page=9>; rel="last"`: "https://a/x?page=2",
		`<https://a/x?page=1>; rel="prev", <https://a/x?page=3>; rel="next"`: "https://a/x?page=3", `<https://a/x?page=1>; rel="first"`: "",
	} {
		got, there := nextPage(link)
		assert.Equal(t, want, got)
		assert.Equal(t, want != "", there)
	}
	assert.True(t, sha.MatchString(strings.Repeat("0a", 20)))
	assert.False(t, sha.MatchString(strings.Repeat("0a", 20)+"\n"))
}
