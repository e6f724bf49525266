package httpprobe_test

import (
	"context"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/fixtures/webtest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

func ExampleSendsHSTS() {
	authority, err := tlstest.NewAuthority()
	if err != nil {
		panic(err)
	}
	site, err := webtest.Start(webtest.Config{Domain: "getdrop.example", Authority: authority})
	if err != nil {
		panic(err)
	}
	defer site.Close()
	site.Break(webtest.HSTSShort)

	client := &httpprobe.Client{Network: &probe.Network{Connect: site.Connect(), Roots: authority.Pool()}, Resolver: site}
	twoYears := httpprobe.HSTS{MaxAge: 2 * 365 * 24 * time.Hour, IncludeSubDomains: true, Preload: true}
	result := probe.Run(context.Background(), "HSTS", httpprobe.SendsHSTS(client, "https://getdrop.example/", twoYears))
	fmt.Println(result.Status, result.Class)
	fmt.Println(result.Message())
	// Output:
	// FAIL hsts.short
	// want one header Strict-Transport-Security: max-age=63072000; includeSubDomains; preload; got max-age=86400 ("max-age=86400; includeSubDomains; preload") from https://getdrop.example/ at 203.0.113.80:443 (3 of 3 addresses are red); raise max-age
}
