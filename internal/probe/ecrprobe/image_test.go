package ecrprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestScanned(t *testing.T) {
	for title, c := range map[string]struct {
		state State
		class string
	}{
		"clean":              {State{Scan: "COMPLETE", Findings: map[string]int{}}, ""},
		"high, not critical": {State{Scan: "COMPLETE", Findings: map[string]int{"HIGH": 3}}, ""},
		"enhanced":           {State{Scan: "ACTIVE", Findings: map[string]int{"LOW": 1}}, ""},
		"critical":           {State{Scan: "COMPLETE", Findings: map[string]int{"CRITICAL": 1}}, "ecr.findings"},
		"never":              {State{}, "ecr.scan"},
		"under way":          {State{Scan: "IN_PROGRESS", Findings: map[string]int{}}, "ecr.scan"},
		"failed":             {State{Scan: "FAILED", Findings: map[string]int{}}, "ecr.scan"},
		"without a result":   {State{Scan: "COMPLETE"}, "ecr.scan"},
		"expired":            {State{Scan: "SCAN_ELIGIBILITY_EXPIRED", Findings: map[string]int{}}, "ecr.scan"},
	} {
		got := ""
		if unmet := scanned(c.state); unmet != nil {
			got = unmet.Class
			assert.Equal(t, probe.Fail, probe.StatusOf(unmet))
			assert.NotEmpty(t, unmet.Fix, title)
		}
		assert.Equal(t, c.class, got, title)
	}
}
