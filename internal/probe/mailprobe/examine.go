package mailprobe

import (
	"bytes"
	"context"
	"net"
	"net/mail"
	"regexp"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-msgauth/dmarc"
)

// Arrival is what arrived, and what we found out about it: the evidence.
type Arrival struct {
	To       bool              `json:"to_our_recipient"`
	From     []string          `json:"from"` // domains of the From headers
	Envelope string            `json:"envelope_domain"`
	Hop      Hop               `json:"hop"`
	SPF      string            `json:"spf"`
	SPFWhy   string            `json:"spf_why,omitempty"`
	DKIM     []Signature       `json:"dkim"`
	DKIMErr  string            `json:"dkim_error,omitempty"`
	DMARC    string            `json:"dmarc"` // the record's policy, "none found", or "unknown"
	Strict   bool              `json:"strict_alignment"`
	Results  map[string]string `json:"authentication_results"` // of the receiver: method → result
	Ignored  int               `json:"ignored_results"`        // Authentication-Results that anybody can have written
}

// Hop is the last one, as the receiving server wrote it down.
type Hop struct {
	Address string `json:"address"`
	Hello   string `json:"hello"`
	By      string `json:"by"`
}

// Signature is one DKIM signature as we verified it.
type Signature struct {
	Domain    string `json:"domain"`
	Problem   string `json:"problem,omitempty"`
	Temporary bool   `json:"temporary,omitempty"`
}

// received is the trace of a hop: from, the address literal in its comment, by (RFC 5321 4.4).
var received = regexp.MustCompile(`(?s)^\s*from\s+(\S+).*?\[(?:IPv6:)?([0-9A-Fa-f.:]+)\].*?\bby\s+(\S+)`)

// examine verifies a message. Only what stands above the receiver's own Received was written by the receiver.
func (t Test) examine(ctx context.Context, raw []byte, returnPath, recipient string) Arrival {
	a := Arrival{Results: map[string]string{}, Envelope: domainOf(returnPath)}
	hops := 0
	for _, f := range headers(raw) {
		switch strings.ToLower(f[0]) {
		case "received":
			if hops++; hops == 1 {
				if m := received.FindStringSubmatch(f[1]); m != nil {
					a.Hop = Hop{Hello: m[1], Address: m[2], By: strings.TrimSuffix(m[3], ";")}
				}
			}
		case "from":
			a.From = append(a.From, fromDomains(f[1])...)
		case "to":
			a.To = a.To || strings.Contains(f[1], recipient)
		case "authentication-results":
			id, results, err := authres.Parse(f[1])
			if hops > 0 || t.Authserv == "" || !strings.EqualFold(id, t.Authserv) || err != nil {
				a.Ignored++
				continue
			}
			for _, r := range results {
				a.note(r)
			}
		}
	}
	if ip := net.ParseIP(a.Hop.Address); ip != nil && a.Envelope != "" {
		result, why := spf.CheckHostWithSender(ip, a.Hop.Hello, strings.Trim(returnPath, "<>"), spf.WithContext(ctx), spf.WithResolver(t.DNS))
		a.SPF = string(result)
		if why != nil {
			a.SPFWhy = why.Error()
		}
	}
	look := func(name string) ([]string, error) { return t.DNS.LookupTXT(ctx, name) }
	verified, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: look, MaxVerifications: 10})
	if err != nil {
		a.DKIMErr = err.Error()
	}
	for _, v := range verified {
		s := Signature{Domain: strings.ToLower(v.Domain)}
		if v.Err != nil {
			s.Problem, s.Temporary = v.Err.Error(), dkim.IsTempFail(v.Err)
		}
		a.DKIM = append(a.DKIM, s)
	}
	a.DMARC, a.Strict = policy(t.Domain, look)
	return a
}

// note keeps the better of two results of a method: one signature that passes is enough.
func (a *Arrival) note(r authres.Result) {
	method, value := "", authres.ResultValue("")
	switch r := r.(type) {
	case *authres.SPFResult:
		method, value = "spf", r.Value
	case *authres.DKIMResult:
		method, value = "dkim", r.Value
	case *authres.DMARCResult:
		method, value = "dmarc", r.Value
	default:
		return
	}
	if a.Results[method] != "pass" {
		a.Results[method] = string(value)
	}
}

// policy is what the domain's DMARC record asks for (RFC 7489 6.6.3).
func policy(domain string, look func(string) ([]string, error)) (string, bool) {
	for _, name := range []string{domain, organizational(domain)} {
		r, err := dmarc.LookupWithOptions(name, &dmarc.LookupOptions{LookupTXT: look})
		switch {
		case err == nil:
			return string(r.Policy), r.DKIMAlignment == dmarc.AlignmentStrict
		case dmarc.IsTempFail(err):
			return "unknown", false
		}
	}
	return "none found", false
}

// headers are the fields in their order, unfolded.
func headers(raw []byte) [][2]string {
	var all [][2]string
	for _, line := range strings.Split(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n") {
		if line == "" {
			break
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded && len(all) > 0 {
			all[len(all)-1][1] += line
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		all = append(all, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return all
}

func fromDomains(value string) []string {
	list, err := mail.ParseAddressList(value)
	if err != nil {
		return []string{"unreadable"}
	}
	var all []string
	for _, address := range list {
		all = append(all, domainOf(address.Address))
	}
	return all
}

func domainOf(address string) string {
	address = strings.Trim(address, "<> ")
	return strings.ToLower(address[strings.LastIndex(address, "@")+1:])
}
