package launch

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// selector is a DKIM selector: labels of a name (RFC 6376 3.1).
var selector = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$`)

// exchanger is an MX record: a preference, and a name or the null MX's dot (RFC 7505).
var exchanger = regexp.MustCompile(`^[0-9]+ +(\.|([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]*[A-Za-z0-9]\.?)$`)

func (c checker) mail() {
	for key, domain := range map[string]Domain{"mail.domain": c.Mail.Domain, "mail.return_path": c.Mail.ReturnPath} {
		if domain.Wildcard() && c.read(key) {
			c.bad(key, "want a domain that mail can come from; got the wildcard %s", domain)
		}
	}
	for i, name := range c.Mail.Selectors {
		key := fmt.Sprintf("mail.selectors[%d]", i)
		switch {
		case strings.Contains(strings.ToLower(name), "_domainkey"):
			c.bad(key, "want the selector alone, such as s1; got %s; leave ._domainkey and the domain out", quote(name))
		case !selector.MatchString(name):
			c.bad(key, "want a DKIM selector in letters, digits, hyphens and dots, such as s1; got %s", quote(name))
		case slices.Contains(c.Mail.Selectors[:i], name):
			c.bad(key, "want each selector once; got %s again", quote(name))
		}
	}
	for i, ip := range c.Mail.Senders {
		if slices.Contains(c.Mail.Senders[:i], ip) && ip.IsValid() {
			c.bad(fmt.Sprintf("mail.senders[%d]", i), "want each address once; got %s again", ip)
		}
	}
	for i, mx := range c.DNS.MX {
		preference, _, _ := strings.Cut(mx, " ")
		if _, err := strconv.ParseUint(preference, 10, 16); err != nil || !exchanger.MatchString(mx) {
			c.bad(fmt.Sprintf("dns.mx[%d]", i), "want a preference up to 65535 and a name, as \"10 mail.example.com\"; got %s", quote(mx))
		}
	}
}
