// Package accessprobe claims that nobody outside of the account reaches anything in it, as IAM Access Analyzer sees it: resource
// policies, which a simulation of a role's permissions does not know.
package accessprobe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes. One action allows both versions of the list.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiamaccessanalyzer.html
var Needs = awsprobe.Needs{
	"AccessAnalyzer.ListAnalyzers":  {Action: "access-analyzer:ListAnalyzers", On: awsprobe.Everything},
	"AccessAnalyzer.ListFindingsV2": {Action: "access-analyzer:ListFindings", On: awsprobe.Analyzers},
}

// Analyzer looks for external access: into the account, or into its organization.
type Analyzer struct {
	Name     string    `json:"name"`
	Type     string    `json:"type"`
	Status   string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
	Analyzed time.Time `json:"last_analyzed,omitzero"` // when it last looked at something
	arn      string
}

// Finding is one thing that somebody outside reaches, or that could not be analyzed.
type Finding struct {
	ID       string `json:"id"`
	Resource string `json:"resource"`
	Status   string `json:"status"`
	Error    string `json:"error,omitempty"`
}

type seen struct {
	Analyzers []Analyzer `json:"analyzers"`
	Findings  []Finding  `json:"findings"`
}

// stale is how old the newest analysis may be: all resources are analyzed anew every day.
const stale = 72 * time.Hour

// NothingShared claims that an analyzer of external access is at work in the account's region, and that it has no finding about the
// account but archived ones about resources that somebody decided to share. An archived finding alone is no decision: a rule may have
// archived whatever was found, and what it archived stays so without it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-archive-rules.html
func NothingShared(account *awsprobe.Account, decided ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: account.ID, Source: "Access Analyzer ListAnalyzers, ListFindingsV2", Notes: []string{"an analyzer sees one region: this was " + account.Region}}
		cfg, who, err := account.Open(ctx, Needs)
		if err != nil {
			return evidence, err
		}
		from := "access-analyzer:ListFindingsV2 as " + who.String()
		evidence.Asked = []string{from}
		client := accessanalyzer.NewFromConfig(cfg)
		var s seen
		if s.Analyzers, err = analyzers(ctx, client, who); err != nil {
			return evidence, err
		}
		for _, a := range s.Analyzers {
			if a.Status != string(types.AnalyzerStatusActive) {
				continue
			}
			found, err := findings(ctx, client, account.ID, a, who)
			if err != nil {
				return evidence, err
			}
			s.Findings = append(s.Findings, found...)
		}
		evidence.Observed = s
		return evidence, shared(s, decided, time.Now(), from)
	}
}

func analyzers(ctx context.Context, client *accessanalyzer.Client, who awsprobe.Identity) ([]Analyzer, error) {
	var all []Analyzer
	pages := accessanalyzer.NewListAnalyzersPaginator(client, &accessanalyzer.ListAnalyzersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsprobe.Unreadable("access-analyzer:ListAnalyzers", "the access analyzers", who, err)
		}
		for _, a := range page.Analyzers {
			if a.Type != types.TypeAccount && a.Type != types.TypeOrganization { // unused and internal access are other questions
				continue
			}
			one := Analyzer{Name: aws.ToString(a.Name), Type: string(a.Type), Status: string(a.Status), Analyzed: aws.ToTime(a.LastResourceAnalyzedAt), arn: aws.ToString(a.Arn)}
			if a.StatusReason != nil {
				one.Reason = string(a.StatusReason.Code)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// findings are those about the account of access that there is: an organization's analyzer knows those of others too.
func findings(ctx context.Context, client *accessanalyzer.Client, account string, a Analyzer, who awsprobe.Identity) ([]Finding, error) {
	var all []Finding
	pages := accessanalyzer.NewListFindingsV2Paginator(client, &accessanalyzer.ListFindingsV2Input{AnalyzerArn: &a.arn,
		Filter: map[string]types.Criterion{"status": {Eq: []string{string(types.FindingStatusActive), string(types.FindingStatusArchived)}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsprobe.Unreadable("access-analyzer:ListFindings", "the findings of "+a.Name, who, err)
		}
		for _, f := range page.Findings {
			if owner := aws.ToString(f.ResourceOwnerAccount); f.Status != types.FindingStatusResolved && (owner == "" || owner == account) {
				all = append(all, Finding{ID: aws.ToString(f.Id), Resource: aws.ToString(f.Resource), Status: string(f.Status), Error: aws.ToString(f.Error)})
			}
		}
	}
	return all, nil
}

func shared(s seen, decided []string, now time.Time, from string) error {
	want := "no finding of external access, but archived ones of iam.shared"
	working := slices.DeleteFunc(slices.Clone(s.Analyzers), func(a Analyzer) bool { return a.Status != string(types.AnalyzerStatusActive) })
	open := slices.DeleteFunc(slices.Clone(s.Findings), func(f Finding) bool {
		return f.Status == string(types.FindingStatusArchived) && slices.Contains(decided, f.Resource)
	})
	reached := func(archived bool) (all []string) {
		for _, f := range open {
			if f.Error == "" && (f.Status == string(types.FindingStatusArchived)) == archived {
				all = append(all, f.Resource)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	active, archived := reached(false), reached(true)
	newest := slices.MaxFunc(append(working, Analyzer{}), func(a, b Analyzer) int { return a.Analyzed.Compare(b.Analyzed) })
	switch {
	case len(s.Analyzers) == 0:
		return &probe.Unmet{Class: "access.no-analyzer", Want: "an analyzer of external access", Got: "none", From: from, Fix: "create one for the account in IAM Access Analyzer"}
	case len(working) == 0:
		a := s.Analyzers[0]
		return &probe.Unmet{Class: "access.no-analyzer", Want: "an analyzer of external access that is ACTIVE", Got: fmt.Sprintf("%s: %s %s", a.Name, a.Status, a.Reason), From: from, Fix: "mend it, or wait until it is there"}
	case len(active) > 0:
		return &probe.Unmet{Class: "access.shared", Want: want, Got: fmt.Sprintf("%d resources, such as %s", len(active), active[0]), From: from,
			Fix: "close what is open; archive what somebody decided to share, and name it in iam.shared"}
	case len(archived) > 0:
		return &probe.Unmet{Class: "access.archived", Want: want, Got: fmt.Sprintf("archived ones of %d others, such as %s", len(archived), archived[0]), From: from,
			Fix: "close what is open, or name in iam.shared what somebody decided to share; see whether a rule archives whatever is found"}
	case len(open) > 0:
		return &probe.Unknown{Class: "access.unanalyzed", Want: want, Got: fmt.Sprintf("%s, which could not be analyzed: %s", open[0].Resource, open[0].Error), From: from, Fix: "let the analyzer's role read it"}
	case newest.Analyzed.IsZero():
		return &probe.Unknown{Class: "access.unanalyzed", Want: want, Got: "an analyzer that has not looked at anything yet", From: from, Fix: "wait until it has"}
	case now.Sub(newest.Analyzed) > stale:
		return &probe.Unknown{Class: "access.stale", Want: want, Got: "a newest analysis of " + newest.Analyzed.UTC().Format(time.RFC3339), From: from, Fix: "see why the analyzer has stopped"}
	}
	return nil
}
