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
	if b.Login != "" && !strings.HasPrefix(b.Login, "/") {
		c.bad("bankid.login", "want a path that begins with /; got %s", quote(b.Login))
	}
	c.once("bankid.scopes", b.Scopes)
}
