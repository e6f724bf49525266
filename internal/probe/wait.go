package probe

import (
	"context"
	"time"
)

// Wait waits for a time; the error says why the context ended before.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Await looks again and again until something is found, for so long and a last time at the end of it: eight times in each
// slowest at first, once in the end. It is false where nothing was found in time.
func Await(ctx context.Context, within, slowest time.Duration, look func(context.Context) (bool, error)) (bool, error) {
	began := time.Now()
	for pause := slowest / 8; ; pause = min(2*pause, slowest) {
		left := within - time.Since(began)
		if found, err := look(ctx); found || err != nil || left <= 0 {
			return found, err
		}
		if err := Wait(ctx, min(pause, left)); err != nil {
			return false, &Unknown{Class: "timeout", Want: "something that shows within " + within.String(), Got: "no time left to wait for it", Err: err, Fix: "give it more time"}
		}
	}
}
