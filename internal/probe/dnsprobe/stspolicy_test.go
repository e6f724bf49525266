package dnsprobe

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestServesTLSPolicy(t *testing.T) {
	const good = "version: STSv1\nmode: enforce\nmx: mail.cloud.example\nmax_age: 604800\n"
	w := newWorld(t, 2)
	for _, c := range []struct {
		name, kind, body string
		status           int
		err              error
		want             probe.Status
		says             string
	}{
		{"good", "text/plain; charset=utf-8", good, 200, nil, probe.Pass, ""},
		{"not there", "text/plain", good, 404, nil, probe.Fail, "status 404"},
		{"a redirect", "text/plain", good, 301, nil, probe.Fail, "status 301"},
		{"a page", "text/html", good, 200, nil, probe.Fail, "text/html"},
		{"no kind", "", good, 200, nil, probe.Fail, "Content-Type"},
		{"broken", "text/plain", "mode: enforce", 200, nil, probe.Fail, "STSv1"},
		{"none", "text/plain", "version: STSv1\nmode: none\nmax_age: 1", 200, nil, probe.Fail, "mode: none"},
		{"another exchanger", "text/plain", "version: STSv1\nmode: testing\nmx: *.other.example\nmax_age: 1", 200, nil, probe.Fail, "leaves out mail.cloud.example"},
		{"a wildcard", "text/plain", "version: STSv1\nmode: testing\nmx: *.cloud.example\nmax_age: 1", 200, nil, probe.Pass, ""},
		{"silence", "", "", 0, &probe.Unknown{Class: "timeout", Got: "nothing"}, probe.Blocked, "nothing"},
	} {
		fetch := func(_ context.Context, url string) (Page, error) {
			assert.Equal(t, "https://mta-sts.drop.example/.well-known/mta-sts.txt", url)
			return Page{Status: c.status, Header: http.Header{"Content-Type": {c.kind}}, Body: []byte(c.body)}, c.err
		}
		_, err := ServesTLSPolicy(w.zone(), fetch)(t.Context())
		t.Log(c.name)
		judged(t, err, c.want, c.says)
	}
	w.replaceEverywhere(t, `_mta-sts.drop.example. 60 TXT "other"`)
	_, err := ServesTLSPolicy(w.zone(), nil)(t.Context())
	judged(t, err, probe.NA, "no MTA-STS record")
}
