package main

import (
	"time"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/target"
)

// preload are the rules of the preload list for one domain, and those names below it that are known.
func preload(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
	var name launch.Domain
	if err := read(&name, "probe preload", args[0], "a host name such as example.com"); err != nil {
		return nil, err
	}
	domain := string(name)
	list := []dnsprobe.Named{
		{Name: "registered domain", Must: true, Claim: httpprobe.Registrable(domain)},
		{Name: "certificate", Must: true, Claim: tlsprobe.ValidFor(t.TLS, domain, time.Time{})},
		{Name: "header", Must: true, Claim: httpprobe.SendsPreloadHeader(t.Web, domain)},
		{Name: "plain HTTP", Must: true, Claim: httpprobe.PreloadableOverHTTP(t.Web, t.HTTP(name, "/"))},
		{Name: "redirects", Must: true, Claim: httpprobe.PreloadableRedirects(t.Web, domain)},
		{Name: "www", Must: true, Claim: httpprobe.ServesHTTPS(t.Web, "www."+domain)},
	}
	return list, nil
}
