package rehearsal

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// lockNotAvailable is what a lock_timeout ends with.
const lockNotAvailable = "55P03"

// behind runs the migration on a copy while another session has a transaction open that wrote to every table, and again once
// that transaction has ended.
func (r *run) behind(ctx context.Context) error {
	if err := r.copyOf(ctx, startDB, behindDB); err != nil {
		return err
	}
	other, err := r.connect(ctx, behindDB)
	if err != nil {
		return err
	}
	defer func() { _ = other.Close(context.WithoutCancel(ctx)) }()
	start := r.rec.Step(record.Start)
	if _, err := other.Exec(ctx, "SET idle_in_transaction_session_timeout = 0; BEGIN"); err != nil {
		return err
	}
	for _, t := range start.Tables {
		if _, err := other.Exec(ctx, "LOCK TABLE "+t.Name+" IN ROW EXCLUSIVE MODE"); err != nil {
			return fmt.Errorf("an open transaction on %s: %w", t.Name, err)
		}
	}
	ended := make(chan error, 1)
	err = r.step(ctx, behindDB, record.Behind, "", func(ctx context.Context, dsn string) error {
		stop := make(chan struct{})
		go func() { ended <- r.commitLater(ctx, other, stop) }()
		err := r.runner.up(ctx, dsn)
		close(stop)
		if e := <-ended; e != nil {
			return e
		}
		return err
	})
	if err != nil {
		return err
	}
	if failure := r.rec.Step(record.Behind).Failure; failure != nil && failure.Code == lockNotAvailable {
		if err := r.runner.settle(ctx, r.dsn(behindDB)); err != nil {
			return err
		}
	}
	return r.step(ctx, behindDB, record.Released, record.Up, r.runner.up)
}

// commitLater ends the open transaction once a lock was waited for as long as the plan bears and half as long again, or once
// the migration has ended.
func (r *run) commitLater(ctx context.Context, other *pgx.Conn, stop <-chan struct{}) error {
	hold := r.LockWait + r.LockWait/2 + r.rec.Step(record.Up).Took
	timer := time.NewTimer(hold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stop:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	_, err := other.Exec(ctx, "COMMIT")
	return err
}
