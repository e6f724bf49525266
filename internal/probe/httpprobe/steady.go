package httpprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
)

// SteadilyWell claims that the application says that it is well each time that it is asked, at every address and in whatever
// version: one bad instance among good ones answers only some of the questions.
func SteadilyWell(c *Client, url string, want Health, times int) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: url, Source: fmt.Sprintf("%d requests to each address", times)}
		target, err := parse(url)
		if err != nil {
			return evidence, err
		}
		if want.StatusPath == "" || want.StatusOK == "" || times < 1 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the status that the health document must show, and how often", Got: "nothing"}
		}
		all, err := probe.EveryAddress(ctx, c.Resolver, target.Hostname(), func(ctx context.Context, ip netip.Addr) probe.AtAddress {
			at := netip.AddrPortFrom(ip, port(target))
			answers := make([]error, times)
			var group sync.WaitGroup
			for i := range answers {
				group.Go(func() {
					x := c.fetch(ctx, target, at, nil, MaxBody)
					if answers[i] = x.err; x.err == nil {
						_, answers[i] = judgeWell(x, want, fmt.Sprintf("200 with JSON %s=%q, %d times of %d", want.StatusPath, want.StatusOK, times, times))
					}
				})
			}
			group.Wait()
			return sum(at.String(), answers)
		})
		if err != nil {
			return evidence, err
		}
		return evidence, probe.Worst(&evidence, all)
	}
}

// NotServed claims that a path is not there: at every address it is answered with 404, 401, 403 or 410.
func NotServed(c *Client, url string) probe.Claim {
	return c.everywhere("RFC 9110 15.5", url, func(x *exchange) error {
		switch x.status {
		case http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden, http.StatusGone:
			return nil
		}
		return x.unmet("http.served", "404, 401, 403 or 410", fmt.Sprintf("%d %s", x.status, http.StatusText(x.status)), "take the route out of the production build")
	})
}

// sum is how many answers of an address were good, and the worst of the others.
func sum(address string, answers []error) probe.AtAddress {
	good := 0
	a := probe.AtAddress{Address: address}
	for _, err := range answers {
		switch {
		case err == nil:
			good++
		case a.Err == nil || probe.StatusOf(err) == probe.Fail && probe.StatusOf(a.Err) != probe.Fail:
			a.Err = err
		}
	}
	a.Seen = map[string]int{"asked": len(answers), "well": good}
	return a
}
