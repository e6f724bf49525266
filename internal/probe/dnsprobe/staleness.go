package dnsprobe

import (
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// staleness is an old answer that may run out by itself, as far as the looks until now tell. Each of its RRsets has to
// go, so that the longest TTL counts. It is not the shortest of the chain, for a resolver can refetch a CNAME every minute
// and still have the old address behind it.
type staleness struct {
	want, says, who string
	last            stale // the one that runs out last, of all caches that were seen
	alone           bool  // all answers ran out at the same time: there is one cache behind the address
	rose            int   // how often a look found an old RRset that lasts longer than those before
}

// A TTL is in whole seconds, and so is what can be told from it.
const (
	rounding = time.Second
	enough   = perLook / 2 // answers, to tell whether there is one cache or more
)

// look judges what a resolver answers at one time. Either there is an end to it, err (nil: it has the new answer), or the
// old answer is in one of its caches.
func (j judgement) look(s samples) (*staleness, error) {
	var wrong, silence []error
	var old *staleness
	var first time.Time
	answered, stale := 0, 0
	for _, v := range s {
		links, err := j.sample(v)
		switch {
		case isUnmet(err):
			wrong = append(wrong, err)
			continue
		case err != nil:
			silence = append(silence, err)
			continue
		}
		answered++
		if len(links) == 0 {
			continue
		}
		stale++
		for _, l := range links {
			if old == nil || l.until.After(old.last.until) {
				old = &staleness{want: j.words(), says: v.say(), who: v.Resolver, last: l}
			}
		}
		if end := lastOf(links); first.IsZero() || end.Before(first) {
			first = end
		}
	}
	switch {
	case len(wrong) > 0:
		return nil, worst(wrong)
	case old != nil:
		old.alone = stale == answered && answered >= enough && old.last.until.Sub(first) <= 2*rounding
		return old, nil
	case answered == 0:
		return nil, worst(silence)
	default:
		return nil, nil
	}
}

func lastOf(links []stale) time.Time {
	last := links[0].until
	for _, l := range links {
		if l.until.After(last) {
			last = l.until
		}
	}
	return last
}

// again judges a further look, whether the old answer really runs out. It returns what there is to see for a look after that.
func (j judgement) again(s *staleness, next samples) (*staleness, error) {
	now, err := j.look(next)
	switch {
	case isUnmet(err):
		return nil, err
	case err != nil:
		return nil, s.unmet() // what was seen before stands
	case now == nil && !s.last.until.After(next.at().Add(rounding)):
		return nil, nil
	case now == nil:
		return nil, s.unmet() // another cache of the same resolver has the new answer, the first one still the old
	}
	elapsed := now.last.sent.Sub(s.last.at) // at least
	change := seconds(now.last.TTL) - seconds(s.last.TTL)
	if elapsed+change <= rounding {
		return nil, s.unmet()
	}
	now.rose, now.alone = s.rose+1, false
	// One cache has refilled itself with the old answer, or does not let its TTL fall. Where there are more of them, a look
	// may have missed one that lasts longer; that can be once, but not with each look.
	if s.alone || now.rose == 2 || change.Abs() <= rounding {
		return nil, &probe.Unmet{Class: "dns.not-converging", Want: s.want, From: s.who,
			Got: fmt.Sprintf("the old answer, %s, for %s, and %.0f s later for %d s", s.says, s.left(), elapsed.Seconds(), now.last.TTL),
			Fix: "ask the resolver's operator to flush the name: its TTL does not run out; it is pinned, refilled with old data or served stale"}
	}
	return now, nil
}

// untilNextLook is long enough to see the TTL fall, or a short one run out.
func (s *staleness) untilNextLook(atLeast time.Duration) time.Duration {
	const short = 10 * time.Second
	if ttl := seconds(s.last.TTL); ttl <= short {
		return max(atLeast, ttl+rounding)
	}
	return atLeast
}

func (s *staleness) unmet() *probe.Unmet {
	return &probe.Unmet{Class: "dns.stale", Want: s.want, Got: "the old answer, " + s.says, From: s.who + " for " + s.left(), Until: s.last.until,
		Fix: "wait for the cache to run out"}
}

// left is how long it lasts, and what of it.
func (s *staleness) left() string {
	return fmt.Sprintf("%d s more (%s %s)", s.last.TTL, plain(s.last.Name), s.last.Type)
}
