package launch

import (
	"encoding/json"
	"strings"
	"time"
)

// flags judges what launch.yaml says about feature flags. What is merely not said there blocks the gate that needs it.
func (c checker) flags() {
	f, k := c.Flags, c.Flags.KillSwitch
	if f.Provider == OFREP && f.URL == "" && !c.reported("flags.url") {
		c.bad("flags.url", "want the address of the provider, because flags.provider is ofrep; got none")
	}
	if f.Provider == EnvironmentVars && c.Compute.Service == "" && !c.reported("compute.service") {
		c.bad("flags.provider", "want compute.service, whose variables are the flags; got none")
	}
	c.base("flags.url", f.URL)
	if f.KillWithin.D() > 5*time.Minute {
		c.bad("flags.kill_within", "want at most 5m; got %s; what takes longer is no switch", f.KillWithin)
	}
	c.once("flags.features", f.Features)
	if k.Flag == "" {
		return
	}
	for key, text := range map[string]string{"admin": string(k.Admin), "on": k.On, "off": k.Off, "page": string(k.Page), "shows_on": k.Shows, "shows_off": k.Hides} {
		if text == "" && !c.reported("flags.kill_switch."+key) {
			c.bad("flags.kill_switch."+key, "want it, because flags.kill_switch.flag is there; got none")
		}
	}
	for key, text := range map[string]string{"on": k.On, "off": k.Off} {
		if text != "" && !json.Valid([]byte(text)) {
			c.bad("flags.kill_switch."+key, "want JSON; got %s", quote(text))
		}
	}
	if k.On != "" && k.On == k.Off {
		c.bad("flags.kill_switch.off", "want another body than on; got the same")
	}
	if k.Shows != "" && k.Hides != "" && (strings.Contains(k.Shows, k.Hides) || strings.Contains(k.Hides, k.Shows)) {
		c.bad("flags.kill_switch.shows_off", "want texts of which neither is in the other; got %s and %s", quote(k.Shows), quote(k.Hides))
	}
	for key, u := range map[string]URL{"admin": k.Admin, "page": k.Page} {
		if host := u.Host(); host != "" && (host == string(c.DNS.Domain) || host == string(c.DNS.WWW.Name) || host == string(c.DNS.API.Name)) {
			c.bad("flags.kill_switch."+key, "want staging, because the drill turns a feature off; got production's %s", host)
		}
	}
}
