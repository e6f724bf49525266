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
	panicked any
}

// Do returns the observation kept under key, and makes it first where nobody has. The observation has its own deadline,
// bound, so that an impatient claim does not spoil it for the others; each claim waits no longer than its own ctx.
func (m *Memo[K, T]) Do(ctx context.Context, key K, bound time.Duration, observe func(context.Context) T) (T, error) {
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
	return f.value, nil
}

func (f *flight[T]) run(ctx context.Context, bound time.Duration, observe func(context.Context) T) {
	defer close(f.done)
	defer func() { f.panicked = recover() }()
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	f.value = observe(ctx)
}
