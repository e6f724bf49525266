// Package ssllabsprobe makes claims about the grade that the SSL Labs service gives a host name: version 4 of its API, as
// ssllabs-api-docs-v4.md (github.com/ssllabs/ssllabs-scan) describes it. It asks and waits; the service looks. It must
// import neither `testing` nor the gates.
package ssllabsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

// Patience is what a gate should grant: an assessment takes more than a minute for each address, and names are assessed one
// after the other. What takes longer goes on at the service, and the next run takes it from the cache.
const Patience = 8 * time.Minute

// Service is the SSL Labs service as one run uses it: one assessment at a time, at most one for each host, and no further
// request once the service has asked to be left alone.
type Service struct {
	web   *httpprobe.Client // the way there
	seen  *tlsprobe.Observer
	email string

	assessed probe.Memo[string, *assessment]
	turn     chan struct{} // holds one token; whoever took it may use what stands below
	info     *info         // as the run found the service
	began    time.Time     // when the last assessment was begun
	closed   error         // why nothing more is asked

	now  func() time.Time
	wait func(context.Context, time.Duration) error
}

// New prepares to ask the service in the name of a registered e-mail address, which no output shows. The observer says
// which certificates are served now.
func New(web *httpprobe.Client, seen *tlsprobe.Observer, email string) *Service {
	return &Service{web: web, seen: seen, email: email, turn: make(chan struct{}, 1), now: time.Now, wait: probe.Wait}
}

// GradeAtLeast claims that SSL Labs gives every address of a host the wanted grade, "A+" or "A", or a better one: in a
// report of the last 24 hours, by the criteria that the service has now, and about the certificate that the address sends
// now. An address without a grade is Unknown, whatever the others have, and so is whatever keeps the service from
// answering.
func GradeAtLeast(s *Service, host, want string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: host, Source: "SSL Labs API v4"}
		if _, known := grades[want]; !known {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a grade of SSL Labs", Got: fmt.Sprintf("%q", want)}
		}
		a, err := s.assessed.Do(ctx, host, bound(ctx), func(ctx context.Context) *assessment { return s.assess(ctx, host) })
		if err != nil {
			return evidence, err
		}
		evidence.Notes = a.notes()
		if a.err != nil {
			return evidence, a.err
		}
		return evidence, probe.Worst(&evidence, a.judge(want))
	}
}

// bound is the time for one observation: what the claim has, less a moment to say how far it came.
func bound(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline) - time.Second
	}
	return Patience
}

// assessment is what a run learned about one host.
type assessment struct {
	host    string
	leaves  []tlsprobe.Leaf // what each address sends now
	report  *report
	watched bool  // the report was made while this run waited for it
	err     error // why there is no report that counts: *probe.Unknown
}

// notes say where the report comes from.
func (a *assessment) notes() []string {
	notes := []string{"the whole report: https://www.ssllabs.com/ssltest/analyze.html?d=" + a.host}
	if r := a.report; r != nil {
		notes = append(notes, fmt.Sprintf("engine %s, criteria %s, tested at %s", r.EngineVersion, r.CriteriaVersion, stamp(r.TestTime)))
	}
	return notes
}

// stamp writes a time of the API, which is in milliseconds since 1970.
func stamp(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format(time.RFC3339)
}

// address reads "ip:port"; what is none is no endpoint's address either.
func address(leaf tlsprobe.Leaf) netip.Addr {
	at, err := netip.ParseAddrPort(leaf.Address)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
