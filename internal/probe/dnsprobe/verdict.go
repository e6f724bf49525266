package dnsprobe

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// worst joins what was found at many servers into the one line that a claim ends with: a failure before a blank,
// the servers that share it named together, and the number of further findings.
func worst(found []error) error {
	var unmets []*probe.Unmet
	var rest []error
	for _, err := range found {
		var unmet *probe.Unmet
		switch {
		case err == nil:
		case errors.As(err, &unmet):
			unmets = append(unmets, unmet)
		default:
			rest = append(rest, err)
		}
	}
	if len(unmets) > 0 {
		return joinUnmet(unmets, len(rest))
	}
	if len(rest) > 0 {
		return joinUnknown(rest)
	}
	return nil
}

func joinUnmet(all []*probe.Unmet, rest int) *probe.Unmet {
	joined := *all[0]
	var from []string
	endless := false
	for _, u := range all {
		if u.Want == joined.Want && u.Got == joined.Got {
			from = append(from, u.From)
		} else {
			rest++
		}
		switch {
		case u.Until.IsZero(): // what has no end makes the whole endless
			endless = true
		case u.Until.After(joined.Until):
			joined.Until = u.Until
		}
	}
	if endless {
		joined.Until = time.Time{}
	}
	joined.From = several(from)
	joined.Got = withOthers(joined.Got, rest)
	return &joined
}

func joinUnknown(all []error) error {
	var first *probe.Unknown
	if !errors.As(all[0], &first) {
		return all[0]
	}
	joined := *first
	var from []string
	rest := 0
	for _, err := range all {
		var u *probe.Unknown
		if errors.As(err, &u) && u.Class == joined.Class && u.Got == joined.Got {
			from = append(from, u.From)
		} else {
			rest++
		}
	}
	joined.From = several(from)
	joined.Got = withOthers(joined.Got, rest)
	return &joined
}

func several(names []string) string {
	const most = 4
	names = sortedSet(names)
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// withOthers says that there is more, once, however often findings were joined before.
func withOthers(got string, n int) string {
	const one, more = " (and 1 other finding, see the evidence)", " (and %d other findings, see the evidence)"
	switch joined := strings.HasSuffix(got, ", see the evidence)"); {
	case n == 0 || joined:
		return got
	case n == 1:
		return got + one
	default:
		return got + fmt.Sprintf(more, n)
	}
}

// isUnmet says whether an error is a measured failure, as against not knowing.
func isUnmet(err error) bool {
	var unmet *probe.Unmet
	return errors.As(err, &unmet)
}

// blame turns a server's silence into a failure of that server, for the claims that are about being answered at all.
// What is the fault of this machine or of its network stays unknown.
func blame(err error, class, want, fix string) error {
	var silence *probe.Unknown
	if !errors.As(err, &silence) {
		return err
	}
	switch silence.Class {
	case "timeout", "refused", "reset", "malformed", "dns.truncated":
		return &probe.Unmet{Class: class, Want: want, Got: silence.Got, From: silence.From, Fix: fix}
	default:
		return err
	}
}
