package dnsprobe

import (
	"context"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// PropagatedTo claims that a recursive resolver gives the new answer of a record (PRO-02 to PRO-05; RFC 8914, RFC 7871,
// RFC 8767). Otherwise it tells apart: stale, with the time when the cached RRset runs out in Until; not converging, because the TTL
// does not fall or the resolver serves something of its own; and no evidence, which is BLOCKED.
func PropagatedTo(z *Zone, record Record, resolver Resolver) probe.Claim {
	return z.claim("PRO-02", "RFC 8914, RFC 7871, RFC 8767", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		if err := record.check(); err != nil {
			return err
		}
		var want expected
		var first vantage
		var both sync.WaitGroup
		both.Go(func() { want = z.expect(ctx, record) })
		both.Go(func() { first = z.vantage(ctx, resolver, record.Name, 0) })
		both.Wait()
		judge := judgement{want: want, private: z.config.Private, apex: z.apex}
		stale, err := judge.first(first)
		evidence.Observed = []vantage{first}
		if stale == nil {
			return err
		}
		if err := wait(ctx, stale.untilSecondLook(z.again)); err != nil {
			return stale.unmet()
		}
		second := z.vantage(ctx, resolver, record.Name, 1)
		evidence.Observed = []vantage{first, second}
		return judge.second(*stale, second)
	})
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
