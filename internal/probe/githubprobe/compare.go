package githubprobe

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/getdrop/launchgate/internal/probe"
)

var errShape = errors.New("another shape than the documented one")

// comparison is how a commit stands to a branch (https://docs.github.com/rest/commits/commits#compare-two-commits).
type comparison struct {
	Branch    string `json:"branch"`
	Status    string `json:"status"` // of the commit: identical, behind, ahead or diverged
	MergeBase struct {
		SHA string `json:"sha"`
	} `json:"merge_base_commit"`
}

// OnDefaultBranch claims that the commit that is launched is part of the default branch: an image that was built from a laptop or
// from somebody's branch is of a commit that is not. A commit of a fork can be looked up in the repository, and is not in the branch either.
func (r *Repository) OnDefaultBranch(revision Revision) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name, Source: "GitHub, compare two commits"}
		commit, err := r.of(ctx, revision)
		if err != nil {
			return evidence, err
		}
		branch, err := r.defaultBranch(ctx)
		if err != nil {
			return evidence, err
		}
		evidence.Target = r.name + "@" + commit
		var c comparison
		answer, err := r.get(ctx, "/compare/"+url.PathEscape(branch)+"..."+commit+"?per_page=1", &c)
		switch {
		case err != nil:
			return evidence, err
		case answer.Status != http.StatusOK:
			return evidence, r.unexpected(answer)
		case c.Status == "":
			return evidence, answer.Incomplete("the status of the comparison")
		}
		c.Branch = branch
		evidence.Observed, evidence.Asked = c, []string{answer.From}
		return evidence, contained(c, commit, answer.From)
	}
}

func contained(c comparison, commit, from string) error {
	if (c.Status == "identical" || c.Status == "behind") && c.MergeBase.SHA == commit {
		return nil
	}
	return &probe.Unmet{Class: "github.branch", Want: "commit " + commit + " in " + c.Branch, Got: "one that is " + c.Status + ", with " + c.MergeBase.SHA + " in common", From: from,
		Fix: "build the image from " + c.Branch + ", through the pipeline"}
}
