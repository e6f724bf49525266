package launch

import "strings"

// bankid judges what launch.yaml says about the log-in. What is merely not said there blocks the gate that needs it.
func (c checker) bankid() {
	b := c.BankID
	if b.Issuer == "" {
		if b.Callback != "" || !b.ClientID.IsZero() || !b.Secret.IsZero() {
			c.bad("bankid.issuer", "want the issuer, because something else of bankid is there; got none")
		}
		return
	}
	for key, address := range map[string]URL{"bankid.issuer": b.Issuer, "bankid.callback": b.Callback} {
		if address != "" && !strings.HasPrefix(string(address), "https://") && !c.reported(key) {
			c.bad(key, "want an address with https; got %s", quote(string(address)))
		}
	}
	if b.Start != "" && !strings.HasPrefix(b.Start, "/") {
		c.bad("bankid.start", "want a path that begins with /; got %s", quote(b.Start))
	}
	c.once("bankid.scopes", b.Scopes)
	if b.MinLOA != 3 && b.MinLOA != 4 && c.read("bankid.min_loa") {
		c.bad("bankid.min_loa", "want 3 or 4, the levels that BankID has; got %d", b.MinLOA)
	}
	domain := string(c.DNS.Domain)
	if host := b.Login.URL.Host(); host != "" && domain != "" && host != domain && !strings.HasSuffix(host, "."+domain) {
		c.bad("bankid.login.url", "want the launched application's own host, %s or below it; got %s; another one tells of another application's log-ins", domain, quote(host))
	}
}
