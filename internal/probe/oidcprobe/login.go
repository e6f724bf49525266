package oidcprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/redact"
)

// Login is where the application says who logged in last, and what that must have been: docs/adr/0017.
type Login struct {
	API     *jsonapi.Service // the application
	Path    string           // of the document; empty: launch.yaml names none
	MinLOA  int              // the lowest level of assurance, 3 or 4
	Version string           // of the application that is launched
	Digest  string           // of its image, "sha256:…"; empty: launch.yaml names none
	MaxAge  time.Duration
	Now     func() time.Time // nil: the clock
}

// event is what decides of a log-in: claims of the ID token, as they were verified, and which application verified them.
type event struct {
	Kind     string    `json:"event"`
	At       time.Time `json:"at"`
	Issuer   string    `json:"iss"`
	Audience texts     `json:"aud"`
	ACR      string    `json:"acr"`
	AMR      texts     `json:"amr"`
	Version  string    `json:"version"`
	Image    string    `json:"image"`
}

// texts are one text or a list of them: OpenID Connect Core 2 has aud as either, and providers have amr as either.
type texts []string

func (t *texts) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// LoggedIn claims that a person has logged in with a real BankID, not long ago, to the application that is launched, as the application's
// own audit log has it: a token of this issuer, for this client, of the level that is wanted. A log-in that was mocked has the same page
// and the same event, and another issuer, acr or amr. A document with a national identity number in it is wrong whatever else it says.
func (p *Provider) LoggedIn(l Login) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: "bankid.login.url", Source: "docs/adr/0017; OpenID Connect Core 1.0, 2"}
		if l.Path == "" {
			return e, &probe.Unknown{Class: "not-configured", Want: "the application's document of its newest log-in",
				Got: "no bankid.login.url in launch.yaml", Fix: "let a person log in with a real BankID, and add it"}
		}
		if _, err := probe.Reveal(ctx, "bankid.login.token", l.API.Token); err != nil {
			return e, err
		}
		client, err := probe.Reveal(ctx, "bankid.client_id", p.client.ID)
		if err != nil {
			return e, err
		}
		answer, err := l.API.Do(ctx, jsonapi.Request{Path: l.Path})
		if answer != nil {
			e.Asked = []string{answer.From}
			if ids := nationalIDs(answer.Body); len(ids) > 0 {
				return e, exposed(ids, answer.From)
			}
		}
		if err == nil && answer.Status != http.StatusOK {
			err = answer.Unexpected()
		}
		if err != nil {
			return e, err
		}
		var said struct {
			Login json.RawMessage `json:"login"`
		}
		var ev event
		switch err := answer.Read(&said); {
		case err != nil:
			return e, err
		case said.Login == nil:
			return e, answer.Incomplete("login")
		case string(said.Login) == "null":
			return e, &probe.Unmet{Class: "oidc.login", Want: "a person who has logged in with a real BankID", Got: "nobody", From: answer.From,
				Fix: "log in to the application that is launched"}
		case json.Unmarshal(said.Login, &ev) != nil:
			return e, answer.Incomplete("a login of the shape that docs/adr/0017 describes") // the reason may repeat what stands there
		}
		now := time.Now
		if l.Now != nil {
			now = l.Now
		}
		e.Observed = map[string]any{"at": ev.At, "acr": short(ev.ACR), "amr": short(strings.Join(ev.AMR, " ")), "iss": short(ev.Issuer),
			"version": short(ev.Version), "image": short(ev.Image)}
		return e, judgeLogin(ev, l, p.issuer, client, now(), answer.From)
	}
}

// exposed keeps the numbers out of everything that this run still says.
func exposed(ids []string, from string) error {
	for _, id := range ids {
		_ = redact.Register("a national identity number", id) // it is long enough
	}
	return &probe.Unmet{Class: "oidc.national-id", Want: "a log-in without anything of a person",
		Got: "a national identity number, which is not repeated here", From: from,
		Fix: "take it out of the application's audit log, and out of whatever has read it"}
}

// short is a value for messages and evidence, where it is a plain one.
func short(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return fmt.Sprintf("%d bytes that are not repeated here", len(text))
}

var (
	plain = regexp.MustCompile(`^[A-Za-z0-9:/.;=_+ -]{0,120}$`)
	level = regexp.MustCompile(`^urn:bankid:([a-z]+);LOA=([0-9])$`)
)

// methods are the ways to log in that BankID names in acr, and in amr in capital letters:
// https://authjs.dev/reference/core/providers/bankid-no
var methods = []string{"bid", "bim", "bis"}

func judgeLogin(ev event, l Login, issuer, client string, now time.Time, from string) error {
	want := fmt.Sprintf("a log-in with a real BankID at level %d, to version %s, within the last %s", l.MinLOA, l.Version, l.MaxAge)
	unmet := func(class, got, fix string) error {
		return &probe.Unmet{Class: "oidc.login-" + class, Want: want, Got: got, From: from, Fix: fix}
	}
	const again = "log in again with a real BankID, to the application that is launched"
	if ev.Kind == "" || ev.At.IsZero() || ev.Issuer == "" || len(ev.Audience) == 0 || ev.ACR == "" || len(ev.AMR) == 0 || ev.Version == "" {
		return &probe.Unknown{Class: "oidc.login-incomplete", Want: want, Got: "a login without all of event, at, iss, aud, acr, amr and version",
			From: from, Fix: "have the application say them: docs/adr/0017"}
	}
	if err := judgeIssuer(issuer); err != nil {
		return err
	}
	acr := level.FindStringSubmatch(ev.ACR)
	switch {
	case ev.Kind != "auth_success":
		return unmet("event", "the event "+short(ev.Kind), again)
	case ev.Issuer != issuer:
		return unmet("issuer", "one by "+short(ev.Issuer), "use BankID's production realm, no mock and no realm for tests, and "+again)
	case !slices.Contains(ev.Audience, client) || len(ev.Audience) > 1:
		return unmet("client", "one of another client, or of more than one", "use bankid.client_id, and "+again)
	case acr == nil:
		return unmet("level", "the acr "+short(ev.ACR)+", which is none of BankID's", again)
	case !slices.Contains(methods, acr[1]):
		return &probe.Unknown{Class: "oidc.login-method", Want: want, Got: "the acr " + short(ev.ACR) + ", whose method nobody here knows",
			From: from, Fix: "see BankID's documentation, and teach the check"}
	case acr[2] < fmt.Sprint(l.MinLOA):
		return unmet("level", "one at level "+acr[2], "ask for "+fmt.Sprintf("level %d (acr_values), and ", l.MinLOA)+again)
	case !names(ev.AMR, acr[1]):
		return unmet("method", "the amr "+short(strings.Join(ev.AMR, " "))+" with the acr "+short(ev.ACR), again)
	case now.Sub(ev.At) > l.MaxAge:
		return unmet("old", "one of "+ev.At.UTC().Format(time.RFC3339), again)
	case ev.At.Sub(now) > 5*time.Minute:
		return unmet("old", "one of "+ev.At.UTC().Format(time.RFC3339)+", which is still to come", "see the application's clock, and "+again)
	case ev.Version != l.Version:
		return unmet("version", "one to version "+short(ev.Version), again)
	case ev.Image != "" && l.Digest != "" && ev.Image != l.Digest:
		return unmet("version", "one to the image "+short(ev.Image), again)
	}
	return nil
}

// names says whether amr has a method, alone or in a list with commas.
func names(amr texts, method string) bool {
	all := strings.FieldsFunc(strings.ToLower(strings.Join(amr, ",")), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(all, method)
}
