package cdnprobe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/globalping"
)

const (
	// enough are the samples that a percentile of a location needs.
	enough = 30
	// places are the probes that they must come from: one network is no country.
	places = 5
	// rounds are how often the same probes are asked for that, after the first time, which fills the caches near them.
	rounds = 4
)

// region is what was measured from one location.
type region struct {
	Location string    `json:"location"`
	Probes   int       `json:"probes"`
	Samples  []float64 `json:"samples_ms"` // sorted
	Failed   int       `json:"failed"`     // of the target's fault; they count as slower than any other
	Missing  int       `json:"missing"`    // of the probes' own fault
	P75      float64   `json:"p75_ms"`

	err error
}

// FastFrom claims that a URL begins to answer quickly in every location: at the 75th percentile of at least 30 samples, by
// probes of globalping.io in at least 5 places, the first byte is there within limit, the look-up of the name, the
// connection and TLS included. The first measurement fills the caches and does not count.
func FastFrom(client *globalping.Client, rawURL string, locations []string, limit time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: rawURL, Source: "globalping.io API v1; web.dev/articles/ttfb"}
		target, err := url.Parse(rawURL)
		if err != nil || len(locations) == 0 || target.Hostname() == "" {
			return e, &probe.Unknown{Class: "not-configured", Want: "locations to measure from", Got: "none", From: "cdn.perf.locations", Fix: "name countries or cities, such as NO"}
		}
		all := make([]region, len(locations))
		var each sync.WaitGroup
		for i, location := range locations {
			each.Go(func() { all[i] = measure(ctx, client, target, location) })
		}
		each.Wait()
		e.Observed = all
		errs := make([]error, 0, len(all))
		for i := range all {
			errs = append(errs, all[i].judge(limit))
		}
		_, worst := summary(errs)
		return e, worst
	}
}

// measure has the same probes get the URL, round by round, until there are enough samples.
func measure(ctx context.Context, client *globalping.Client, target *url.URL, location string) region {
	r := region{Location: location}
	q := globalping.Query{Name: target.Hostname(), Path: target.EscapedPath(), Location: location, Probes: enough}
	for round := 0; round <= rounds && len(r.Samples)+r.Failed < enough; round++ {
		id, err := client.Start(ctx, q)
		if err != nil {
			r.err = err
			return r
		}
		m, err := client.Await(ctx, id)
		if err != nil {
			r.err = err
			return r
		}
		q.Like = id
		if round == 0 {
			continue
		}
		r.add(m.Results)
	}
	slices.Sort(r.Samples)
	return r
}

// add counts what probes saw.
func (r *region) add(results []globalping.Result) {
	r.Probes = max(r.Probes, len(results))
	for _, result := range results {
		l, t := result.Lookup, result.Lookup.Timings
		switch {
		case l.Status == globalping.Failed && l.FailureSource == "target", l.Status == globalping.Finished && l.StatusCode != nil && *l.StatusCode != http.StatusOK:
			r.Failed++
		case l.Status != globalping.Finished || l.StatusCode == nil || t.DNS == nil || t.TCP == nil || t.TLS == nil || t.FirstByte == nil:
			r.Missing++
		default:
			r.Samples = append(r.Samples, *t.DNS+*t.TCP+*t.TLS+*t.FirstByte)
		}
	}
}

// judge judges the 75th percentile by nearest rank.
func (r *region) judge(limit time.Duration) error {
	from := fmt.Sprintf("%d globalping probes in %s", r.Probes, r.Location)
	want := fmt.Sprintf("the first byte within %s at the 75th percentile", limit)
	var unknown *probe.Unknown
	n := len(r.Samples) + r.Failed
	switch {
	case errors.As(r.err, &unknown):
		also := *unknown
		also.Want, also.Fix = want+" in "+r.Location, "try again later, correct cdn.perf.locations, or set dns.globalping.token"
		return &also
	case r.err != nil:
		return r.err
	case n < enough || r.Probes < places:
		return &probe.Unknown{Class: "perf.samples", Want: fmt.Sprintf("%d samples from %d probes", enough, places), Got: fmt.Sprintf("%d, and %d that say nothing", n, r.Missing), From: from,
			Fix: "name a larger location, such as the country or its neighbours"}
	}
	p75 := math.Inf(1)
	if rank := int(math.Ceil(0.75 * float64(n))); rank <= len(r.Samples) {
		p75, r.P75 = r.Samples[rank-1], r.Samples[rank-1]
	}
	got := fmt.Sprintf("%.0f ms", p75)
	switch {
	case math.IsInf(p75, 1):
		return &probe.Unmet{Class: "perf.failed", Want: want, Got: fmt.Sprintf("%d of %d requests that failed", r.Failed, n), From: from, Fix: "see what the CDN answers there"}
	case p75 > float64(limit)/float64(time.Millisecond):
		return &probe.Unmet{Class: "perf.slow", Want: want, Got: got, From: from, Fix: "see whether the CDN has a location near there, and keeps this path"}
	}
	return nil
}
