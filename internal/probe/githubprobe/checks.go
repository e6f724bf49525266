package githubprobe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// CheckRun is one run of a check (https://docs.github.com/rest/checks/runs).
type CheckRun struct {
	ID         int64     `json:"id"`
	Name       string    `json:"name"`
	HeadSHA    string    `json:"head_sha"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	Started    time.Time `json:"started_at"`
	URL        string    `json:"html_url"`
	App        struct {
		Slug string `json:"slug"`
	} `json:"app"`
	Suite struct {
		ID int64 `json:"id"`
	} `json:"check_suite"`
}

// ChecksPassed claims that every required check succeeded on exactly the commit that is launched: the newest run of each name in each suite, by
// the app that runs CI. Two workflows may have jobs of one name, in a suite each, and a run again stays in its suite. Only success is success:
// GitHub shows a skipped or a neutral check green too.
func (r *Repository) ChecksPassed(revision Revision, required []string, app string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name, Source: "GitHub, check runs for a Git reference"}
		if len(required) == 0 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the checks that must pass", Got: "no ci.required in launch.yaml", Fix: "name them as GitHub shows them"}
		}
		commit, err := r.of(ctx, revision)
		if err != nil {
			return evidence, err
		}
		evidence.Target = r.name + "@" + commit
		runs, err := r.checks.Try(ctx, "check runs of "+commit, patience, func(ctx context.Context) ([]CheckRun, error) { return r.checkRuns(ctx, commit) })
		if err != nil {
			return evidence, err
		}
		newest := newestOf(runs, commit, app)
		evidence.Observed = newest
		evidence.Asked = []string{r.api.Base}
		return evidence, passed(newest, required, app, "the check runs of "+r.name+"@"+commit)
	}
}

func (r *Repository) checkRuns(ctx context.Context, commit string) ([]CheckRun, error) {
	var all []CheckRun
	total := 0
	answer, err := r.pages(ctx, "/commits/"+commit+"/check-runs?filter=latest&per_page=100", func(page json.RawMessage) error {
		var found struct {
			Total *int       `json:"total_count"`
			Runs  []CheckRun `json:"check_runs"`
		}
		if err := json.Unmarshal(page, &found); err != nil || found.Total == nil {
			return cmp.Or(err, errShape)
		}
		total = *found.Total
		all = append(all, found.Runs...)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(all) < total:
		return nil, answer.Incomplete(fmt.Sprintf("all check runs: %d of %d", len(all), total))
	}
	return all, nil
}

// newestOf are the newest runs of each name, one of each suite, of one commit and one app.
func newestOf(runs []CheckRun, commit, app string) map[string][]CheckRun {
	newest := map[string][]CheckRun{}
	for _, run := range runs {
		if run.HeadSHA != commit || run.App.Slug != app {
			continue
		}
		of := newest[run.Name]
		if at := slices.IndexFunc(of, func(other CheckRun) bool { return other.Suite.ID == run.Suite.ID }); at < 0 {
			newest[run.Name] = append(of, run)
		} else if newer(run, of[at]) {
			of[at] = run
		}
	}
	return newest
}

// newer says whether a run began after another. One that is queued has not begun: nothing is newer.
func newer(a, b CheckRun) bool {
	if a.Started.IsZero() != b.Started.IsZero() {
		return a.Started.IsZero()
	}
	return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) > 0
}

// passed judges them all, so that one message names everything that is red.
func passed(newest map[string][]CheckRun, required []string, app, from string) error {
	var red []string
	for _, name := range required {
		if len(newest[name]) == 0 {
			red = append(red, name+": no run by "+app)
		}
		for _, run := range newest[name] {
			switch {
			case run.Status != "completed":
				red = append(red, name+": "+cmp.Or(run.Status, "no status"))
			case run.Conclusion != "success":
				red = append(red, name+": "+cmp.Or(run.Conclusion, "no conclusion"))
			}
		}
	}
	if len(red) == 0 {
		return nil
	}
	slices.Sort(red)
	return &probe.Unmet{Class: "ci.check", Want: fmt.Sprintf("success of %d checks", len(required)), Got: strings.Join(red, ", "), From: from,
		Fix: "mend what is red on the default branch and launch that commit, or run the checks that did not run"}
}

// StatusesPassed claims that every required commit status, which other CI systems set, is a success on the commit that is
// launched (https://docs.github.com/rest/commits/statuses).
func (r *Repository) StatusesPassed(revision Revision, required []string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name, Source: "GitHub, combined status for a Git reference"}
		commit, err := r.of(ctx, revision)
		if err != nil {
			return evidence, err
		}
		states, err := r.statuses(ctx, commit)
		if err != nil {
			return evidence, err
		}
		evidence.Target, evidence.Observed = r.name+"@"+commit, states
		return evidence, succeeded(states, required, "the commit statuses of "+evidence.Target)
	}
}

// statuses are the newest state of each context.
func (r *Repository) statuses(ctx context.Context, commit string) (map[string]string, error) {
	states := map[string]string{}
	_, err := r.pages(ctx, "/commits/"+commit+"/status?per_page=100", func(page json.RawMessage) error {
		var found struct {
			SHA      string `json:"sha"`
			Statuses []struct {
				Context string `json:"context"`
				State   string `json:"state"`
			} `json:"statuses"`
		}
		if err := json.Unmarshal(page, &found); err != nil || found.SHA != commit {
			return cmp.Or(err, errShape)
		}
		for _, s := range found.Statuses {
			if _, there := states[s.Context]; !there { // the newest comes first
				states[s.Context] = s.State
			}
		}
		return nil
	})
	return states, err
}

func succeeded(states map[string]string, required []string, from string) error {
	var red []string
	for _, context := range required {
		if state := states[context]; state != "success" {
			red = append(red, context+": "+cmp.Or(state, "no status"))
		}
	}
	if len(red) == 0 {
		return nil
	}
	return &probe.Unmet{Class: "ci.status", Want: fmt.Sprintf("success of %d commit statuses", len(required)), Got: strings.Join(red, ", "), From: from,
		Fix: "mend what is red and launch that commit"}
}
