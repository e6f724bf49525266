package mailprobe

import (
	"context"
	"encoding/base64"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/mailtest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

func TestJudge(t *testing.T) {
	test := Test{Domain: "drop.example", Envelope: "bounce.drop.example", Receiver: "inbox.example", Authserv: "inbox.example"}
	for title, c := range map[string]struct {
		change func(*Arrival)
		want   probe.Status
		got    string
	}{
		"as it must be":        {func(*Arrival) {}, probe.Pass, ""},
		"a subdomain signs":    {func(a *Arrival) { a.DKIM[0].Domain = "mail.drop.example" }, probe.Pass, ""},
		"a subdomain, strict":  {func(a *Arrival) { a.DKIM[0].Domain, a.Strict = "mail.drop.example", true }, probe.Fail, "not aligned"},
		"another domain signs": {func(a *Arrival) { a.DKIM[0].Domain = "ses.example" }, probe.Fail, "not aligned"},
		"both sign":            {func(a *Arrival) { a.DKIM = append([]Signature{{Domain: "ses.example"}}, a.DKIM...) }, probe.Pass, ""},
		"ours is broken": {func(a *Arrival) {
			a.DKIM = []Signature{{Domain: "ses.example"}, {Domain: "drop.example", Problem: "body hash did not verify"}}
		}, probe.Fail, "body hash"},
		"nobody signs":                {func(a *Arrival) { a.DKIM = nil }, probe.Fail, "no signature"},
		"the key cannot be looked up": {func(a *Arrival) { a.DKIM[0].Problem, a.DKIM[0].Temporary = "no answer", true }, probe.Blocked, "no answer"},
		"SPF fails":                   {func(a *Arrival) { a.SPF = "fail" }, probe.Fail, "SPF fail"},
		"SPF is soft":                 {func(a *Arrival) { a.SPF = "softfail" }, probe.Fail, "SPF softfail"},
		"no SPF":                      {func(a *Arrival) { a.SPF = "none" }, probe.Fail, "SPF none"},
		"SPF is temporary":            {func(a *Arrival) { a.SPF = "temperror" }, probe.Blocked, "temperror"},
		"SPF was not asked":           {func(a *Arrival) { a.SPF = "" }, probe.Blocked, "SPF"},
		"another envelope":            {func(a *Arrival) { a.Envelope = "ses.example" }, probe.Fail, "envelope sender"},
		"no envelope":                 {func(a *Arrival) { a.Envelope = "" }, probe.Fail, "envelope sender"},
		"another From":                {func(a *Arrival) { a.From = []string{"drop.test"} }, probe.Fail, "From drop.test"},
		"two Froms":                   {func(a *Arrival) { a.From = append(a.From, "evil.example") }, probe.Fail, "From"},
		"another receiver":            {func(a *Arrival) { a.Hop.By = "relay.example" }, probe.Blocked, "relay.example"},
		"no hop":                      {func(a *Arrival) { a.Hop = Hop{} }, probe.Blocked, "nobody"},
		"another recipient":           {func(a *Arrival) { a.To = false }, probe.Blocked, "recipient"},
		"no DMARC":                    {func(a *Arrival) { a.DMARC = "none found" }, probe.Fail, "no DMARC"},
		"DMARC is unknown":            {func(a *Arrival) { a.DMARC = "unknown" }, probe.Blocked, "DMARC"},
		"the receiver says no":        {func(a *Arrival) { a.Results["dmarc"] = "fail" }, probe.Fail, "dmarc=fail"},
		"the receiver says nothing":   {func(a *Arrival) { a.Results = nil }, probe.Blocked, "no spf"},
		"nothing at all":              {func(a *Arrival) { *a = Arrival{} }, probe.Fail, "From nobody"},
	} {
		t.Run(title, func(t *testing.T) {
			a := Arrival{To: true, From: []string{"drop.example"}, Envelope: "bounce.drop.example", Hop: Hop{Address: "203.0.113.25", By: "inbox.example"}, SPF: "pass", DMARC: "reject",
				DKIM: []Signature{{Domain: "drop.example"}}, Results: map[string]string{"spf": "pass", "dkim": "pass", "dmarc": "pass"}}
			c.change(&a)
			err := judge(a, test)
			assert.Equal(t, c.want, probe.StatusOf(err), "%v", err)
			if c.got != "" {
				assert.ErrorContains(t, err, c.got)
			}
		})
	}
}

// records are what the DNS has; what is not there does not exist.
type records map[string]string

func (r records) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch text := r[strings.TrimSuffix(name, ".")]; text {
	case "":
		return nil, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	case "?":
		return nil, &net.DNSError{Err: "no answer", Name: name, IsTemporary: true}
	default:
		return []string{text}, nil
	}
}

func (r records) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (r records) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (r records) LookupAddr(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func TestAMessageThatArrives(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	address := netip.MustParseAddr("203.0.113.144")
	server := mailtest.New(t, mailtest.Config{Authority: authority, Host: "inbox.example", Address: address, SendToken: "may-send-mail", User: "reader:of-the-inbox", Domain: "drop.example", Envelope: "bounce.drop.example", From: netip.MustParseAddr("203.0.113.25")})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	key := strings.Split(mailtest.Record(), `"`)[1]
	name := mailtest.Selector + "._domainkey."
	for title, c := range map[string]struct {
		way      mailtest.Behaviour
		outage   servicetest.Trouble
		dns      map[string]string // beside what is right; "" takes away
		authserv string
		want     probe.Status
		got      string
	}{
		"as it must be":                 {authserv: "inbox.example", want: probe.Pass},
		"without the receiver's word":   {way: mailtest.Behaviour{Silent: true}, want: probe.Pass},
		"lost":                          {way: mailtest.Behaviour{Lose: true}, want: probe.Fail, got: "no message"},
		"unsigned":                      {way: mailtest.Behaviour{Unsigned: true}, want: probe.Fail, got: "no signature"},
		"broken on the way":             {way: mailtest.Behaviour{Tamper: true}, want: probe.Fail, got: "body hash"},
		"unaligned":                     {way: mailtest.Behaviour{Signer: "ses.test"}, want: probe.Fail, got: "not aligned"},
		"from elsewhere":                {way: mailtest.Behaviour{From: netip.MustParseAddr("203.0.113.26")}, want: probe.Fail, got: "SPF fail for 203.0.113.26"},
		"forged, and nobody signed":     {way: mailtest.Behaviour{Unsigned: true, Silent: true, Forged: true}, authserv: "inbox.example", want: probe.Fail, got: "no signature"},
		"forged, and the receiver mute": {way: mailtest.Behaviour{Silent: true, Forged: true}, authserv: "inbox.example", want: probe.Blocked, got: "no spf in the Authentication-Results"},
		"forged, and the receiver's no": {way: mailtest.Behaviour{Forged: true, Says: "fail"}, authserv: "inbox.example", want: probe.Fail, got: "inbox.example says spf=fail"},
		"another receiver's word":       {authserv: "mx.example", want: probe.Blocked, got: "no spf"},
		"no key":                        {dns: map[string]string{name + "drop.example": ""}, want: probe.Fail, got: "DKIM"},
		"no answer for the key":         {dns: map[string]string{name + "drop.example": "?"}, want: probe.Blocked, got: "DKIM"},
		"no answer for SPF":             {dns: map[string]string{"bounce.drop.example": "?"}, want: probe.Blocked, got: "SPF temperror"},
		"no DMARC":                      {dns: map[string]string{"_dmarc.drop.example": ""}, want: probe.Fail, got: "no DMARC"},
		"no answer for DMARC":           {dns: map[string]string{"_dmarc.drop.example": "?"}, want: probe.Blocked, got: "DMARC"},
		"down":                          {outage: servicetest.Down, want: probe.Blocked},
		"slow":                          {outage: servicetest.Slow, want: probe.Blocked},
		"a page":                        {outage: servicetest.HTML, want: probe.Blocked},
		"yesterday's":                   {outage: servicetest.Yesterday, want: probe.Blocked},
		"throttled":                     {outage: servicetest.Limited, want: probe.Blocked},
		"denied":                        {outage: servicetest.Denied, want: probe.Blocked},
	} {
		t.Run(title, func(t *testing.T) {
			server.Set(c.way)
			server.Fail(c.outage)
			dns := records{"bounce.drop.example": "v=spf1 ip4:203.0.113.25 -all", name + "drop.example": key, name + "ses.test": key, "_dmarc.drop.example": "v=DMARC1; p=reject"}
			for name, text := range c.dns {
				dns[name] = text
			}
			api := func(scheme, token string) *jsonapi.Service {
				s := &jsonapi.Service{Name: "mail", Base: "https://inbox.example", Network: network, Resolver: server, Scheme: scheme, Key: "mail.test", Token: func(context.Context) (string, error) { return token, nil }}
				if c.outage == servicetest.Slow {
					s.Patience = 50 * time.Millisecond
				}
				return s
			}
			result := probe.Run(t.Context(), title, Authenticated(Test{Send: api("", "may-send-mail"), Path: "/send", Body: `{"to":"{recipient}"}`, Inbox: api("Basic ", base64.StdEncoding.EncodeToString([]byte("reader:of-the-inbox"))),
				Recipient: "x+{nonce}@inbox.example", Receiver: "inbox.example", Authserv: c.authserv, Domain: "drop.example", Envelope: "bounce.drop.example", Within: time.Second, DNS: dns}))
			assert.Equal(t, c.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), c.got)
		})
	}
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "nothing", Authenticated(Test{Send: &jsonapi.Service{}, Inbox: &jsonapi.Service{}})).Status)
}
