package sumsubprobe

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// ClockWithin claims that the clock here is near Sumsub's, which refuses calls that are more than 60 s off with the same 401 as a
// wrong key. Its clock is in the Date header (RFC 9110 6.6.1) of every answer; an unsigned call gets one whatever the clocks say.
func ClockWithin(client *httpprobe.Client, base string, most time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: base, Source: "RFC 9110 6.6.1", Asked: []string{base}}
		const enough = 64 << 10 // bytes
		sent := time.Now()
		answer, err := client.Ask(ctx, base+"/resources/applicants/-/count", nil, enough)
		if err != nil {
			return evidence, &probe.Unknown{Class: "api.unreachable", Want: "an answer of Sumsub", Got: probe.Got(err, err.Error()), From: base, Fix: "see whether this machine reaches Sumsub"}
		}
		skew, err := ahead(answer, sent, time.Now(), base)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = map[string]string{"skew": skew.String()}
		if skew.Abs() < most {
			return evidence, nil
		}
		return evidence, &probe.Unmet{Class: "sumsub.clock", Want: "clocks less than " + most.String() + " apart", Got: skew.String() + " between here and Sumsub", From: base, Fix: "set this machine's clock by NTP"}
	}
}

// ahead is how far the clock here is ahead, at least: the answer was made between the two times, and its date is of whole seconds.
func ahead(answer *httpprobe.Answer, sent, got time.Time, from string) (time.Duration, error) {
	unknown := func(what string) error {
		return &probe.Unknown{Class: "api.malformed", Want: "a date of Sumsub's own", Got: what, From: from, Fix: "see what really answers there"}
	}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	date, err := http.ParseTime(answer.Header.Get("Date"))
	switch {
	case answer.Status >= 500 || answer.Status == http.StatusTooManyRequests:
		return 0, unknown(fmt.Sprintf("status %d", answer.Status))
	case kind != "application/json":
		return 0, unknown("an answer that is no JSON")
	case answer.Header.Get("Age") != "":
		return 0, unknown("an answer that a cache kept")
	case err != nil:
		return 0, unknown("an answer without a date")
	}
	return got.Add(-got.Sub(sent) / 2).Truncate(time.Second).Sub(date), nil
}
