package sumsubprobe

import (
	"context"
	"crypto/hmac"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// mostListed is how many webhooks Sumsub lists: the oldest ones, whatever else there is.
const mostListed = 50

// known are the types of events that Sumsub sends (https://docs.sumsub.com/docs/user-verification-webhooks,
// https://github.com/SUMSUB/agent-skills, webhook-schema.md). It takes any other name too, and never sends it.
var known = []string{
	"applicantCreated", "applicantPrechecked", "applicantPending", "applicantReviewed", "applicantOnHold", "applicantActivated", "applicantDeactivated",
	"applicantReset", "applicantLevelChanged", "applicantTagsChanged", "applicantPersonalInfoChanged", "applicantDeleted", "applicantPersonalDataDeleted",
	"applicantActionPending", "applicantActionReviewed", "applicantActionOnHold", "applicantActionLevelChanged", "applicantWorkflowCompleted",
	"videoIdentStatusChanged", "videoIdentCompositionCompleted",
	"applicantKytTxnApproved", "applicantKytTxnRejected", "applicantKytTxnReviewed", "applicantKytTxnDeleted", "applicantKytTxnDataChanged",
	"applicantKytTxnAwaitingUser", "applicantKytOnHold", "kytCaseCreated", "kytCaseStatusChanged", "kytCaseReviewed",
	"amlCaseApproved", "amlCaseRejected", "amlCaseOnHold", "travelRuleAction", "kybCompanyActivity",
}

// Webhook is one subscription, without its secretKey and without what the target's query may carry.
type Webhook struct {
	ID         string   `json:"id"`
	Target     string   `json:"target"`
	Kind       string   `json:"targetType"` // http, email, slack or telegram; empty: http
	Types      []string `json:"types"`
	People     string   `json:"applicantType,omitempty"` // individual or company; empty: both
	SourceKeys []string `json:"sourceKeys,omitempty"`    // empty: whatever an applicant came by
	Algorithm  string   `json:"signatureAlgorithm,omitempty"`
	Disabled   bool     `json:"disabled"`
}

// barred is why a webhook does not deliver what it is subscribed to of every person; empty: it does.
func (w Webhook) barred() string {
	switch {
	case w.Disabled:
		return "switched off"
	case w.Kind != "" && w.Kind != "http":
		return "delivered by " + w.Kind
	case w.People != "" && w.People != "individual":
		return "restricted to applicants of type " + w.People
	case len(w.SourceKeys) > 0:
		return "restricted to some source keys"
	}
	return ""
}

// hook is a webhook with the secret that it signs with, which is for comparing only.
type hook struct {
	Webhook
	Secret string `json:"secretKey"`
}

// hooks are the webhooks of production, as far as Sumsub lists them.
func (a *Account) hooks(ctx context.Context) (hooks []hook, cut bool, answer *jsonapi.Answer, err error) {
	var found listed[hook]
	answer, err = a.get(ctx, "/resources/api/clientWebhooks", &found)
	switch {
	case err != nil:
		return nil, false, nil, err
	case answer.Status != http.StatusOK:
		return nil, false, nil, answer.Unexpected()
	case found.all().Items == nil:
		return nil, false, nil, answer.Incomplete("items")
	}
	hooks = found.all().Items
	for i := range hooks {
		hooks[i].Target = withoutQuery(hooks[i].Target)
	}
	return hooks, found.all().cut() || len(hooks) >= mostListed, answer, nil
}

// WebhooksLeadTo claims that webhooks which are switched on deliver events of all types, and of every person, to a URL.
func (a *Account) WebhooksLeadTo(target string, types []string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: target, Source: "Sumsub, client webhooks"}
		if len(types) == 0 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the types of events that the application waits for", Got: "no sumsub.webhook.types in launch.yaml", Fix: "add them, such as applicantReviewed"}
		}
		for _, kind := range types {
			if !slices.Contains(known, kind) {
				return evidence, &probe.Unknown{Class: "sumsub.type", Want: "types of events that Sumsub sends", Got: kind + ", which is none that is known here", From: "sumsub.webhook.types",
					Fix: "correct it: Sumsub subscribes to any name, and never sends what it does not have"}
			}
		}
		hooks, cut, answer, err := a.hooks(ctx)
		if err != nil {
			return evidence, err
		}
		all := []Webhook{}
		for _, h := range hooks {
			all = append(all, h.Webhook)
		}
		evidence.Asked, evidence.Observed = []string{answer.From}, all
		return evidence, delivered(all, cut, target, types, answer.From)
	}
}

// withoutQuery is a target as it may be shown and compared: it never shows what else stands in it, and is no other place.
func withoutQuery(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "‹no URL›"
	}
	shown := &url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host), Path: u.Path, RawPath: u.RawPath}
	if shown.Scheme == "https" {
		shown.Host = strings.TrimSuffix(shown.Host, ":443")
	}
	if u.User != nil {
		shown.User = url.User("credentials")
	}
	return shown.String()
}

// delivered judges the list. What is missing in a part of a list may be in the part that Sumsub does not show.
func delivered(hooks []Webhook, cut bool, target string, types []string, from string) error {
	var missing, elsewhere []string
	barred := map[string][]string{}
	for _, kind := range types {
		on := false
		for _, hook := range hooks {
			why := hook.barred()
			switch {
			case !slices.Contains(hook.Types, kind):
			case hook.Target == target && why != "":
				barred[why] = append(barred[why], kind)
			case hook.Target == target:
				on = true
			case !hook.Disabled:
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
	if cut {
		return unlisted(want, got, from)
	}
	for _, why := range slices.Sorted(maps.Keys(barred)) {
		got += "; it is " + why + " for " + strings.Join(barred[why], ", ")
	}
	if len(elsewhere) > 0 {
		slices.Sort(elsewhere)
		got += "; they go to " + strings.Join(slices.Compact(elsewhere), ", ")
	}
	return astray(want, got, from)
}

func unlisted(want, got, from string) error {
	return &probe.Unknown{Class: "sumsub.webhooks-cut", Want: want, Got: got + " among the oldest 50, and Sumsub lists no others", From: from, Fix: "delete webhooks that nobody needs, and run the gate again"}
}

func astray(want, got, from string) error {
	return &probe.Unmet{Class: "sumsub.webhook", Want: want, Got: got, From: from, Fix: "correct the webhook in Sumsub's dashboard, in production mode"}
}

// Signs claims that every webhook which delivers to a URL signs by HMAC-SHA-256 with a secret. Sumsub shows its secrets to whoever may
// manage the client's settings: they are compared here, and go nowhere else.
func (a *Account) Signs(target string, secret func(context.Context) (string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: target, Source: "Sumsub, client webhooks"}
		want, err := probe.Reveal(ctx, "sumsub.webhook.secret", secret)
		if err != nil {
			return evidence, err
		}
		hooks, cut, answer, err := a.hooks(ctx)
		if err != nil {
			return evidence, err
		}
		evidence.Asked = []string{answer.From}
		seen := []Webhook{}
		for _, h := range hooks {
			if h.Target != target || h.barred() != "" {
				continue
			}
			seen = append(seen, h.Webhook)
			if err := h.signs(want, answer.From); err != nil {
				return evidence, err
			}
		}
		evidence.Observed = seen
		switch {
		case len(seen) > 0:
			return evidence, nil
		case cut:
			return evidence, unlisted("a webhook that delivers to "+target, "none", answer.From)
		}
		return evidence, astray("a webhook that delivers to "+target, "none", answer.From)
	}
}

func (h hook) signs(secret, from string) error {
	want := "webhook " + h.ID + " signing by " + SHA256 + " with the secret of sumsub.webhook.secret"
	switch {
	case h.Secret == "" || h.Algorithm == "":
		return &probe.Unknown{Class: "sumsub.secret", Want: want, Got: "an answer without its secretKey or its signatureAlgorithm", From: from, Fix: "let the app token manage the client's settings"}
	case h.Algorithm != SHA256:
		return &probe.Unmet{Class: "sumsub.algorithm", Want: want, Got: fmt.Sprintf("%.30q", h.Algorithm), From: from, Fix: "choose SHA-256 as the webhook's signature algorithm"}
	case !hmac.Equal([]byte(h.Secret), []byte(secret)):
		return &probe.Unmet{Class: "sumsub.secret", Want: want, Got: "another secret", From: from, Fix: "give the application the secret of the webhook in production mode, and let launch.yaml refer to it"}
	}
	return nil
}
