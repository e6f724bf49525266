// Package githubprobe claims things about the repository that the application comes from: what CI said of the commit that is
// launched, where that commit stands, who reviewed the migrations, and what guards the way to production. It reads GitHub's REST
// API (https://docs.github.com/rest, version 2022-11-28).
package githubprobe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// patience bounds one observation, which is several requests.
const patience = 40 * time.Second

// Header is what GitHub asks its clients to send.
func Header() http.Header {
	return http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
}

// Repository is one repository.
type Repository struct {
	api  *jsonapi.Service
	name string

	checks  probe.Memo[string, []CheckRun]
	branch  probe.Memo[string, string]
	commits probe.Memo[string, bool]
}

// New returns a repository ("owner/name") that was not looked at yet.
func New(api *jsonapi.Service, name string) *Repository { return &Repository{api: api, name: name} }

// Revision tells the commit that is launched.
type Revision func(context.Context) (string, error)

var sha = regexp.MustCompile(`^[0-9a-f]{40}$`)

// of reads the revision, and wants it to be a commit of the repository that nobody can mistake for another.
func (r *Repository) of(ctx context.Context, revision Revision) (string, error) {
	if r.name == "" {
		return "", &probe.Unknown{Class: "not-configured", Want: "the application's repository", Got: "no github.repository in launch.yaml", Fix: "add it, as owner/name"}
	}
	commit, err := revision(ctx)
	if err != nil {
		return "", err
	}
	if !sha.MatchString(commit) {
		return "", &probe.Unknown{Class: "github.revision", Want: "the 40 hex digits of a commit", Got: strconv.Quote(commit), Fix: "label the image with the whole hash"}
	}
	there, err := r.commits.Try(ctx, "commit "+commit, patience, func(ctx context.Context) (bool, error) { return r.has(ctx, commit) })
	switch {
	case err != nil:
		return "", err
	case !there:
		return "", &probe.Unmet{Class: "github.commit", Want: "commit " + commit + " in " + r.name, Got: "no such commit", From: "GitHub", Fix: "build the image from what was pushed"}
	}
	return commit, nil
}

// has says whether a commit is there. GitHub answers 422 for one that is not; 404 is the repository's.
func (r *Repository) has(ctx context.Context, commit string) (bool, error) {
	var found struct{ SHA string }
	answer, err := r.get(ctx, "/commits/"+commit, &found)
	switch {
	case err != nil:
		return false, err
	case answer.Status == http.StatusUnprocessableEntity:
		return false, nil
	case answer.Status != http.StatusOK:
		return false, r.unexpected(answer)
	case found.SHA != commit:
		return false, answer.Incomplete("the commit that was asked for")
	}
	return true, nil
}

// defaultBranch is the branch that is released from.
func (r *Repository) defaultBranch(ctx context.Context) (string, error) {
	return r.branch.Try(ctx, "the default branch of "+r.name, patience, func(ctx context.Context) (string, error) {
		var found struct {
			Branch string `json:"default_branch"`
		}
		answer, err := r.get(ctx, "", &found)
		switch {
		case err != nil:
			return "", err
		case answer.Status != http.StatusOK:
			return "", r.unexpected(answer)
		case found.Branch == "":
			return "", answer.Incomplete("the default branch")
		}
		return found.Branch, nil
	})
}

func (r *Repository) get(ctx context.Context, path string, into any) (*jsonapi.Answer, error) {
	return r.api.Get(ctx, r.path(path), into)
}

func (r *Repository) path(path string) string {
	owner, name, _ := strings.Cut(r.name, "/")
	return "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + path
}

// unexpected explains 404 in particular: GitHub says it of what a token may not see, too.
func (r *Repository) unexpected(answer *jsonapi.Answer) error {
	if answer.Status == http.StatusNotFound {
		return &probe.Unknown{Class: "github.unseen", Want: "the repository " + r.name, Got: "status 404", From: answer.From,
			Fix: "correct github.repository, or let github.token read it"}
	}
	return answer.Unexpected()
}

// maxPages bounds a list: what is longer is read by nobody.
const maxPages = 20

// pages reads a list to its end, as the Link header leads (https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api).
// Where the service answered with another status, that answer comes with the error.
func (r *Repository) pages(ctx context.Context, path string, read func(json.RawMessage) error) (*jsonapi.Answer, error) {
	next := r.path(path)
	for range maxPages {
		var page json.RawMessage
		answer, err := r.api.Get(ctx, next, &page)
		if err != nil {
			return nil, err
		}
		if answer.Status != http.StatusOK {
			return answer, r.unexpected(answer)
		}
		if err := read(page); err != nil {
			return nil, answer.Incomplete("a list of the documented shape")
		}
		target, more := nextPage(answer.Header.Get("Link"))
		if !more {
			return answer, nil
		}
		path, ours := strings.CutPrefix(target, r.api.Base)
		if !ours || !strings.HasPrefix(path, "/") {
			return nil, answer.Incomplete("a next page at " + r.api.Base)
		}
		next = path
	}
	return nil, &probe.Unknown{Class: "github.long", Want: "a list that ends", Got: strconv.Itoa(maxPages) + " pages and more", From: r.api.Base + path}
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^,]*\brel="next"`)

func nextPage(link string) (string, bool) {
	found := nextLink.FindStringSubmatch(link)
	if found == nil {
		return "", false
	}
	return found[1], true
}
