package dnsprobe

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
)

// GlueMatches claims that each name server inside the zone has glue, equal to its A and AAAA at every server of the zone
// (RFC 9471; DEL-04).
func GlueMatches(z *Zone) probe.Claim {
	return z.claim("DEL-04", "RFC 9471", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		d, err := z.delegation(ctx, nil)
		if err != nil {
			return err
		}
		inside := slices.DeleteFunc(slices.Clone(d.names), func(name string) bool { return !within(name, z.apex) })
		if len(inside) == 0 {
			return &probe.NotApplicable{Why: "no name server of " + plain(z.apex) + " is inside the zone, so none needs glue"}
		}
		both := make([][2]chain, len(inside))
		var all sync.WaitGroup
		for i, name := range inside {
			all.Go(func() { both[i] = z.followBoth(ctx, name) })
		}
		all.Wait()
		var errs []error
		observed := map[string]any{}
		for i, name := range inside {
			glue := addressTexts(d.glue[name])
			observed[plain(name)] = map[string]any{"glue": glue, "a": both[i][0].links[0].seen, "aaaa": both[i][1].links[0].seen}
			errs = append(errs, both[i][0].errs...)
			errs = append(errs, both[i][1].errs...)
			errs = append(errs, glueMatches(name, glue, both[i][0].links[0].seen, both[i][1].links[0].seen)...)
		}
		evidence.Observed = observed
		return worst(errs)
	})
}

// glueMatches compares the glue of one name with what each server says: v4 and v6 are the same servers' sightings.
func glueMatches(name string, glue []string, v4, v6 []sighting) []error {
	errs := append(failures(v4), failures(v6)...)
	own := map[server][]string{}
	for _, s := range slices.Concat(v4, v6) {
		if s.err == nil {
			own[s.server] = append(own[s.server], s.values...)
		}
	}
	for _, s := range slices.Concat(v4, v6) {
		if s.err != nil {
			delete(own, s.server) // half an answer is nothing to compare
		}
	}
	for _, s := range v4 {
		values, whole := own[s.server]
		switch values = sortedSet(values); {
		case !whole || slices.Equal(values, glue):
		case len(values) == 0:
			errs = append(errs, &probe.Unmet{Class: "dns.glue", Want: "the addresses of " + plain(name) + " in the zone, as its glue has them, " + orNone(glue), Got: "none", From: s.server.String(),
				Fix: "add them to the zone, or see why this server does not have them"})
		default:
			errs = append(errs, &probe.Unmet{Class: "dns.glue", Want: "glue for " + plain(name) + " equal to its addresses, " + orNone(values),
				Got: orNone(glue), From: "the parent, against " + s.server.String(), Fix: "have the registrar update the host's glue"})
		}
	}
	return errs
}

func orNone(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(values, ", ")
}
