package dnsprobe

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// Page is what an HTTPS server answers to one GET, no redirect followed.
type Page struct {
	Status int
	Header http.Header
	Body   []byte
}

// Fetch makes one GET over HTTPS, with a certificate that is valid for the name.
type Fetch func(ctx context.Context, url string) (Page, error)

// ServesTLSPolicy claims that a domain with an MTA-STS record serves its policy too, and that it is for the exchangers that the domain has: senders
// that know of one refuse to deliver to others (RFC 8461 3.2, 3.3, 4.1; MTS, a recommendation).
func ServesTLSPolicy(z *Zone, fetch Fetch) probe.Claim {
	domain := z.mail().Domain
	url := "https://mta-sts." + domain + "/.well-known/mta-sts.txt"
	return z.exchangers("MTS", "RFC 8461 3.2, 3.3", func(ctx context.Context, hosts []string, _ string) error {
		texts, _, err := z.texts(ctx, "_mta-sts."+domain)
		if err != nil && !noZone(err) {
			return err
		}
		if !slices.ContainsFunc(texts, mailtext.IsSTS) {
			return &probe.NotApplicable{Why: domain + " has no MTA-STS record"}
		}
		page, err := fetch(ctx, url)
		if err != nil {
			return err
		}
		return judgeTLSPolicy(url, page, hosts)
	})
}

func judgeTLSPolicy(url string, page Page, hosts []string) error {
	unmet := &probe.Unmet{Class: "mail.sts-policy", Want: "an MTA-STS policy for the domain's exchangers", From: url, Fix: "serve one as text/plain, without a redirect, and change the id in the TXT record (RFC 8461 3.2)"}
	kind, _, _ := mime.ParseMediaType(page.Header.Get("Content-Type"))
	policy, err := mailtext.ParseSTSPolicy(string(page.Body))
	switch {
	case page.Status != http.StatusOK:
		unmet.Got = fmt.Sprintf("status %d", page.Status)
	case kind != "text/plain":
		unmet.Got = fmt.Sprintf("Content-Type %q", page.Header.Get("Content-Type"))
	case err != nil:
		unmet.Got = err.Error()
	case policy.Mode == "none":
		unmet.Got = "mode: none, with which no sender asks for TLS"
	default:
		refused := slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return host == "." || policy.Allows(host) })
		if len(refused) == 0 {
			return nil
		}
		for i := range refused {
			refused[i] = plain(refused[i])
		}
		unmet.Got, unmet.Fix = "mx: "+strings.Join(policy.MX, ", ")+", which leaves out "+several(refused), "add the exchanger to the policy, and change the id in the TXT record"
	}
	return unmet
}
