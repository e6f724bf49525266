package githubprobe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// account is somebody on GitHub; null where an e-mail address leads to nobody.
type account struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

// change is a commit of the list (https://docs.github.com/rest/commits/commits#list-commits).
type change struct {
	SHA       string     `json:"sha"`
	Author    *account   `json:"author"`
	Committer *account   `json:"committer"`
	Parents   []struct{} `json:"parents"`
	Commit    struct {
		Message string `json:"message"`
		Author  struct {
			Email string `json:"email"`
		} `json:"author"`
	} `json:"commit"`
}

// browser is who commits what was written or merged in the browser: GitHub itself.
const browser = "web-flow"

// pull is a pull request (https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit).
type pull struct {
	Number int        `json:"number"`
	Merged *time.Time `json:"merged_at"`
	User   *account   `json:"user"`
	Head   struct {
		SHA string `json:"sha"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

// review is one review (https://docs.github.com/rest/pulls/reviews). They come oldest first.
type review struct {
	User        *account `json:"user"`
	State       string   `json:"state"`
	Commit      string   `json:"commit_id"`
	Association string   `json:"author_association"`
}

// Reviewed is how a change came into the default branch: the evidence of MigrationReviewed.
type Reviewed struct {
	Commit  string   `json:"commit"`
	Number  int      `json:"pull_request"`
	Head    string   `json:"head"`
	Authors []string `json:"authors"` // of the pull request and of every commit in it
	Reviews []review `json:"reviews"`
	Nobody  bool     `json:"unknown_author"` // a commit's e-mail address leads to no account
	ByHand  bool     `json:"merged_by_hand"` // the last change is a merge that somebody made, with changes that are in no commit of the pull request
}

// MigrationReviewed claims that the last change of the migrations came in by a pull request that somebody approved who has not written
// any of it, in the state in which it was merged.
func (r *Repository) MigrationReviewed(revision Revision, dir string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name, Source: "GitHub, commits, pull requests and reviews"}
		if dir == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the folder of the migrations", Got: "no migration.dir in launch.yaml", Fix: "add it"}
		}
		commit, err := r.of(ctx, revision)
		if err != nil {
			return evidence, err
		}
		evidence.Target = r.name + "@" + commit + ", " + dir
		seen, err := r.reviewed(ctx, commit, dir)
		evidence.Observed, evidence.Asked = seen, []string{r.api.Base}
		if err != nil {
			return evidence, err
		}
		return evidence, approved(seen, fmt.Sprintf("pull request #%d of %s", seen.Number, r.name))
	}
}

// reviewed finds the last change of a folder and how it came in.
func (r *Repository) reviewed(ctx context.Context, commit, dir string) (Reviewed, error) {
	var changes []change
	answer, err := r.get(ctx, "/commits?"+url.Values{"sha": {commit}, "path": {dir}, "per_page": {"1"}}.Encode(), &changes)
	switch {
	case err != nil:
		return Reviewed{}, err
	case answer.Status != http.StatusOK:
		return Reviewed{}, r.unexpected(answer)
	case len(changes) == 0:
		return Reviewed{}, &probe.Unmet{Class: "migration.none", Want: "migrations in " + dir, Got: "no commit that touches it", From: answer.From, Fix: "correct migration.in_repository, or migration.dir where the path is the same"}
	}
	last := changes[0]
	seen := Reviewed{Commit: last.SHA}
	branch, err := r.defaultBranch(ctx)
	if err != nil {
		return seen, err
	}
	var pulls []pull
	if _, err := r.pages(ctx, "/commits/"+last.SHA+"/pulls?per_page=100", appendTo(&pulls)); err != nil {
		return seen, err
	}
	at := slices.IndexFunc(pulls, func(p pull) bool { return p.Merged != nil && p.Base.Ref == branch })
	if at < 0 {
		return seen, &probe.Unmet{Class: "migration.unreviewed", Want: "a merged pull request with the last change of " + dir, Got: "none with commit " + last.SHA, From: r.name,
			Fix: "have the change reviewed in a pull request, and protect " + branch}
	}
	seen.Number, seen.Head = pulls[at].Number, pulls[at].Head.SHA
	return seen, r.reviews(ctx, &seen, last, pulls[at])
}

// mostCommits is how many commits of a pull request GitHub lists, whatever is asked for
// (https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request).
const mostCommits = 250

// reviews reads who wrote a pull request and who reviewed it.
func (r *Repository) reviews(ctx context.Context, seen *Reviewed, last change, p pull) error {
	path := fmt.Sprintf("/pulls/%d", p.Number)
	var whole struct {
		Commits int `json:"commits"` // https://docs.github.com/rest/pulls/pulls#get-a-pull-request
	}
	answer, err := r.get(ctx, path, &whole)
	switch {
	case err != nil:
		return err
	case answer.Status != http.StatusOK:
		return r.unexpected(answer)
	case seen.Head == "":
		return answer.Incomplete("the head of the pull request")
	}
	var written []change
	if _, err := r.pages(ctx, path+"/commits?per_page=100", appendTo(&written)); err != nil {
		return err
	}
	if len(written) >= mostCommits || len(written) != whole.Commits {
		return &probe.Unknown{Class: "github.long", Want: fmt.Sprintf("the authors of all commits of pull request #%d", p.Number), Got: fmt.Sprintf("%d of %d commits, of which GitHub lists %d at most", len(written), whole.Commits, mostCommits),
			From: answer.From, Fix: "bring migrations in by a pull request of their own"}
	}
	seen.ByHand = len(last.Parents) > 1 && !last.by(browser) && !slices.ContainsFunc(written, func(c change) bool { return c.SHA == last.SHA })
	seen.wrote(p.User, append(written, last))
	_, err = r.pages(ctx, path+"/reviews?per_page=100", appendTo(&seen.Reviews))
	return err
}

// by says whether a commit was committed by somebody.
func (c change) by(login string) bool { return c.Committer != nil && c.Committer.Login == login }

// wrote gathers everybody who wrote some of the commits: who opened the pull request, authors, committers, and whom a commit names beside its author.
func (s *Reviewed) wrote(opener *account, written []change) {
	s.authors(opener)
	known := map[string]*account{} // by address
	for _, c := range written {
		s.authors(c.Author)
		if !c.by(browser) {
			s.authors(c.Committer)
		}
		known[strings.ToLower(c.Commit.Author.Email)] = c.Author
	}
	for _, c := range written {
		for _, trailer := range coAuthor.FindAllStringSubmatch(c.Commit.Message, -1) {
			address := strings.ToLower(trailer[1])
			if own := ownAddress.FindStringSubmatch(address); own != nil {
				s.authors(&account{Login: own[1]})
				continue
			}
			s.authors(known[address])
		}
	}
}

var (
	// coAuthor is the line of a message that names another author
	// (https://docs.github.com/pull-requests/committing-changes-to-your-project/creating-and-editing-commits/creating-a-commit-with-multiple-authors).
	coAuthor = regexp.MustCompile(`(?im)^co-authored-by:[^<\n]*<([^>\n]+)>`)
	// ownAddress is the one that GitHub gives to everybody
	// (https://docs.github.com/account-and-profile/reference/email-addresses-reference#your-noreply-email-address).
	ownAddress = regexp.MustCompile(`^(?:[0-9]+\+)?([^@+]+)@users\.noreply\.github\.com$`)
)

func (s *Reviewed) authors(a *account) {
	switch {
	case a == nil || a.Login == "":
		s.Nobody = true
	case !s.wroteSome(a.Login):
		s.Authors = append(s.Authors, a.Login)
	}
}

// wroteSome says whether somebody is among the authors. Capitals mean nothing in a login.
func (s *Reviewed) wroteSome(login string) bool {
	return slices.ContainsFunc(s.Authors, func(author string) bool { return strings.EqualFold(author, login) })
}

// appendTo reads pages that are lists.
func appendTo[T any](all *[]T) func(json.RawMessage) error {
	return func(page json.RawMessage) error {
		var found []T
		err := json.Unmarshal(page, &found)
		*all = append(*all, found...)
		return err
	}
}

// approved judges by the last decisive review of each reviewer: a comment decides nothing, a dismissal takes back what was said.
func approved(s Reviewed, from string) error {
	want := "an approval of " + s.Head + ", as it was merged, by somebody who wrote none of it"
	if s.ByHand {
		return &probe.Unmet{Class: "migration.unreviewed", Want: want, Got: "a merge, " + s.Commit + ", that was made by hand and changes the migrations once more", From: from, Fix: "merge in the browser, or have the merge reviewed"}
	}
	decided := map[string]review{}
	for _, rv := range s.Reviews {
		if rv.User != nil && slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}, rv.State) {
			decided[rv.User.Login] = rv
		}
	}
	var not []string
	good := false
	for login, rv := range decided {
		switch {
		case rv.State == "CHANGES_REQUESTED":
			return &probe.Unmet{Class: "migration.changes-requested", Want: want, Got: login + " asks for changes", From: from, Fix: "make the changes, and have them approved"}
		case rv.State == "DISMISSED":
			not = append(not, login+"'s review was dismissed")
		case s.wroteSome(login):
			not = append(not, login+" approved, who wrote some of it")
		case rv.User.Type != "User":
			not = append(not, login+" approved, which is no person")
		case !slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, rv.Association):
			not = append(not, login+" approved, who does not belong to the repository")
		case rv.Commit != s.Head:
			not = append(not, login+" approved "+rv.Commit+", before the last push")
		default:
			good = true
		}
	}
	switch {
	case good && s.Nobody:
		return &probe.Unknown{Class: "migration.author", Want: want, Got: "an author's e-mail address that leads to no account, so that nobody can tell who wrote it", From: from,
			Fix: "add the address to its author's account"}
	case good:
		return nil
	}
	slices.Sort(not)
	return &probe.Unmet{Class: "migration.unreviewed", Want: want, Got: cmp.Or(strings.Join(not, "; "), "no review that decides"), From: from,
		Fix: "have the migrations reviewed again, and let pushes dismiss approvals"}
}
