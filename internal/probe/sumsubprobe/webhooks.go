package sumsubprobe

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// mostListed is how many webhooks Sumsub lists: the oldest ones, whatever else there is.
const mostListed = 50

// Webhook is one subscription, without its secretKey and without what the target's query may carry.
type Webhook struct {
	ID       string   `json:"id"`
	Target   string   `json:"target"`
	Types    []string `json:"types"`
	Disabled bool     `json:"disabled"`
	Enabled  *bool    `json:"enabled,omitempty"`
}

func (w Webhook) off() bool { return w.Disabled || w.Enabled != nil && !*w.Enabled }

// WebhooksLeadTo claims that webhooks which are switched on deliver events of all types to a URL
// (https://skills.sh/sumsub/agent-skills/sumsub-manage-webhooks, which is Sumsub's own).
func (a *Account) WebhooksLeadTo(target string, types []string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: target, Source: "Sumsub, client webhooks"}
		if len(types) == 0 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the types of events that the application waits for", Got: "no sumsub.webhook.types in launch.yaml", Fix: "add them, such as applicantReviewed"}
		}
		var found struct {
			List *struct {
				Items []Webhook `json:"items"`
			} `json:"list"`
		}
		answer, err := a.get(ctx, "/resources/api/clientWebhooks", &found)
		switch {
		case err != nil:
			return evidence, err
		case answer.Status != http.StatusOK:
			return evidence, answer.Unexpected()
		case found.List == nil:
			return evidence, answer.Incomplete("list.items")
		}
		hooks := found.List.Items
		for i := range hooks {
			hooks[i].Target = withoutQuery(hooks[i].Target)
		}
		evidence.Asked, evidence.Observed = []string{answer.From}, hooks
		return evidence, delivered(hooks, target, types, answer.From)
	}
}

func withoutQuery(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "‹no URL›"
	}
	return (&url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host), Path: u.Path}).String()
}

// delivered judges the list. What is missing in a full list may be in the part that Sumsub does not show.
func delivered(hooks []Webhook, target string, types []string, from string) error {
	var missing, off, elsewhere []string
	for _, kind := range types {
		on := false
		for _, hook := range hooks {
			switch {
			case !slices.Contains(hook.Types, kind):
			case hook.Target == target && hook.off():
				off = append(off, kind)
			case hook.Target == target:
				on = true
			case !hook.off():
				elsewhere = append(elsewhere, hook.Target)
			}
		}
		if !on {
			missing = append(missing, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	want, got := "events delivered to "+target+": "+strings.Join(types, ", "), "none of "+strings.Join(missing, ", ")
	if len(hooks) >= mostListed {
		return &probe.Unknown{Class: "sumsub.webhooks-cut", Want: want, Got: got + " among the oldest 50, and Sumsub lists no others", From: from, Fix: "delete webhooks that nobody needs, and run the gate again"}
	}
	if len(off) > 0 {
		got += "; it is switched off for " + strings.Join(off, ", ")
	}
	if len(elsewhere) > 0 {
		slices.Sort(elsewhere)
		got += "; they go to " + strings.Join(slices.Compact(elsewhere), ", ")
	}
	return &probe.Unmet{Class: "sumsub.webhook", Want: want, Got: got, From: from, Fix: "correct the webhook in Sumsub's dashboard, in production mode"}
}
