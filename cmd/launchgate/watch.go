package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/verdict"
)

func watchCommand(p *probing, f *zoneFlags) *cobra.Command {
	var interval, timeout time.Duration
	cmd := &cobra.Command{Use: "watch name", Short: "Show live who has a planned record's new answer, until everybody has", Args: cobra.ExactArgs(1),
		Long: "Asks the zone's servers and the resolvers again and again, and shows who has the new answer, who has the old one for how many seconds\n" +
			"more, and when the last of them will be done. On a terminal one table is redrawn; elsewhere each change is a line, and with --json\n" +
			"an object: at, name, who, region, status, got, eta; the object without who is about the whole.\n\n" +
			"Exits 0 once every server has the new answer and the resolvers have it as `probe dns` wants it (PRO-02), 2 at --timeout or when it\n" +
			"is interrupted before, 3 for wrong usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if interval < time.Second {
				return fmt.Errorf("--interval: want at least 1s, for the resolvers' sake; got %q", interval)
			}
			l, named, err := p.where.launchOf(f.given())
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			if !named {
				if err := fillZone(ctx, l, f, args[0]); err != nil {
					return err
				}
			}
			record, err := watched(p.where, l, args[0])
			if err != nil {
				return err
			}
			w := watcher{name: record.Name, interval: interval, view: viewFor(cmd.OutOrStdout(), p.asJSON, record.Name),
				look: func(ctx context.Context) dnsprobe.Propagation {
					t := target.New(l) // what an earlier round saw says nothing about this one
					return t.Zone.Propagation(ctx, record, before(t))
				}}
			return w.run(ctx)
		}}
	cmd.Flags().DurationVar(&interval, "interval", 5*time.Second, "between two looks; it is looked sooner when an old answer runs out")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "when to give up (default: never)")
	return cmd
}

// fillZone finds the zone that holds a name, and fills the launch with what the flags say about it.
func fillZone(ctx context.Context, l *launch.Launch, f *zoneFlags, text string) error {
	var name launch.Domain
	if err := read(&name, "probe dns watch", text, hostName); err != nil {
		return err
	}
	zone, err := target.New(l).Zone.ZoneOf(ctx, string(name))
	if err != nil {
		return exit{verdict.ExitNotMeasured, fmt.Errorf("probe dns watch: which zone holds %s: %w", name, err)}
	}
	l.DNS.Domain = launch.Domain(zone)
	return f.fill(l)
}

// watched is the planned record of a name.
func watched(w *where, l *launch.Launch, name string) (dnsprobe.Record, error) {
	t, err := w.targetsOf(l)
	if err != nil {
		return dnsprobe.Record{}, err
	}
	if len(l.DNS.Resolvers) == 0 {
		return dnsprobe.Record{}, errors.New("probe dns watch: want resolvers to watch; got none; add --resolver")
	}
	var known []string
	for _, r := range t.Records() {
		if strings.EqualFold(r.Name, strings.TrimSuffix(name, ".")) {
			return r, nil
		}
		known = append(known, r.Name)
	}
	return dnsprobe.Record{}, fmt.Errorf("probe dns watch: want a planned record; got %q, and there are %s; say with --record what it must answer", name, strings.Join(append(known, "no others"), ", "))
}

// watcher looks again and again at where a record stands.
type watcher struct {
	name     string
	interval time.Duration
	look     func(context.Context) dnsprobe.Propagation
	view     view
}

// run looks until the record has propagated. It ends at once when ctx does.
func (w watcher) run(ctx context.Context) error {
	for {
		p := w.look(ctx)
		if ctx.Err() != nil {
			break // a look that was cut off shows silence that is none
		}
		now := time.Now()
		s := summarise(w.name, p, now)
		if err := w.view.show(s, now); err != nil {
			return err
		}
		if s.done {
			return w.view.end(s.whole.Got)
		}
		if !w.rest(ctx, s, now) {
			break
		}
	}
	why := "interrupted before it had propagated"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		why = "not propagated within the time that --timeout gives"
	}
	return errors.Join(w.view.end(why), exit{code: verdict.ExitNotMeasured})
}

// rest waits for the interval, or until the next old answer has run out, and keeps the view going meanwhile. It returns
// false where ctx ends first.
func (w watcher) rest(ctx context.Context, s summary, since time.Time) bool {
	next := since.Add(w.interval)
	for _, r := range s.rows {
		if r.ETA != nil && r.ETA.Before(next) {
			next = *r.ETA
		}
	}
	timer := time.NewTimer(max(time.Until(next.Add(time.Second)), time.Second))
	defer timer.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case now := <-second.C:
			w.view.tick(s, now)
		case <-ctx.Done():
			return false
		}
	}
}

// change is what there is to say about one server or resolver, or about the whole.
type change struct {
	At     time.Time    `json:"at"`
	Name   string       `json:"name"`
	Who    string       `json:"who,omitempty"`
	Region string       `json:"region,omitempty"`
	Status probe.Status `json:"status"`
	Got    string       `json:"got"`
	ETA    *time.Time   `json:"eta"` // when the old answer has run out; null where there is none, or nobody can say
}

// summary is one look, row by row.
type summary struct {
	rows  []change
	whole change
	done  bool
}

// summarise says where everybody stands: the zone's servers first.
func summarise(name string, p dnsprobe.Propagation, now time.Time) summary {
	s := summary{whole: change{At: now.UTC(), Name: name, Status: probe.StatusOf(p.Err)}, done: p.Err == nil}
	for i, standing := range slices.Concat(p.Servers, p.Subnets, p.Vantages) {
		row := change{At: now.UTC(), Name: name, Who: standing.Who, Region: standing.Region, Status: standing.Status, Got: standing.Says}
		if standing.Status == probe.Blocked {
			row.Got = standing.Problem
		}
		if !standing.Until.IsZero() {
			until := standing.Until.UTC()
			row.ETA = &until
		}
		if i < len(p.Servers) && standing.Status != probe.Pass {
			s.done, s.whole.Status = false, probe.Fail
		}
		s.rows = append(s.rows, row)
	}
	s.whole.Got, s.whole.ETA = s.conclusion(p)
	return s
}

// conclusion is the one sentence about the whole, and when it will be done.
func (s summary) conclusion(p dnsprobe.Propagation) (string, *time.Time) {
	var unmet *probe.Unmet
	switch {
	case s.done && p.Unseen.GuaranteedAfter.After(s.whole.At):
		return "propagated; guaranteed after " + p.Unseen.GuaranteedAfter.UTC().Format(time.RFC3339), nil
	case s.done:
		return "propagated", nil
	case p.Err == nil:
		return "the resolvers have the new answer, and not every server of the zone has", nil
	case errors.As(p.Err, &unmet) && !unmet.Until.IsZero():
		until := unmet.Until.UTC()
		return "old answers run out until " + until.Format(time.RFC3339), &until
	case errors.As(p.Err, &unmet):
		return "no end in sight: " + unmet.Got + " from " + unmet.From + "; " + unmet.Fix, nil
	default:
		return p.Err.Error(), nil
	}
}
