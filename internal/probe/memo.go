package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Memo makes each observation once, however many claims ask for it at the same time or later. The zero value is ready.
type Memo[K comparable, T any] struct {
	mu      sync.Mutex
	flights map[K]*flight[T]
}

type flight[T any] struct {
	done     chan struct{}
	value    T
	err      error // of an observation that can fail; see Try
	panicked any
}

// Do is Try for an observation that has its failures in itself: its error says only that the claim's own time is over.
func (m *Memo[K, T]) Do(ctx context.Context, key K, bound time.Duration, observe func(context.Context) T) (T, error) {
	return m.Try(ctx, key, bound, func(ctx context.Context) (T, error) { return observe(ctx), nil })
}

// Try returns the observation kept under key, and makes it first where nobody has. The observation has its own deadline,
// bound, so that an impatient claim does not spoil it for the others; each claim waits no longer than its own ctx. A failure is
// kept too, with as much as was seen.
func (m *Memo[K, T]) Try(ctx context.Context, key K, bound time.Duration, observe func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	f := m.flights[key]
	if f == nil {
		f = &flight[T]{done: make(chan struct{})}
		if m.flights == nil {
			m.flights = map[K]*flight[T]{}
		}
		m.flights[key] = f
		go f.run(context.WithoutCancel(ctx), bound, observe)
	}
	m.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		var none T
		return none, &Unknown{Class: "timeout", Want: fmt.Sprint(key), Got: "nothing within the claim's deadline", Err: context.Cause(ctx)}
	}
	if f.panicked != nil {
		panic(f.panicked) // in the claim's goroutine, where Run turns it into BLOCKED
	}
	return f.value, f.err
}

func (f *flight[T]) run(ctx context.Context, bound time.Duration, observe func(context.Context) (T, error)) {
	defer close(f.done)
	defer func() { f.panicked = recover() }()
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	f.value, f.err = observe(ctx)
}
