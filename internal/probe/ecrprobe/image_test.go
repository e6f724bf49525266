package ecrprobe

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestScanned(t *testing.T) {
	for title, c := range map[string]struct {
		scan  Scan
		class string
	}{
		"clean":              {Scan{Status: "COMPLETE", Findings: map[string]int{}}, ""},
		"high, not critical": {Scan{Status: "COMPLETE", Findings: map[string]int{"HIGH": 3}}, ""},
		"enhanced":           {Scan{Status: "ACTIVE", Findings: map[string]int{"LOW": 1}}, ""},
		"critical":           {Scan{Status: "COMPLETE", Findings: map[string]int{"CRITICAL": 1}}, "ecr.findings"},
		"never":              {Scan{}, "ecr.scan"},
		"under way":          {Scan{Status: "IN_PROGRESS", Findings: map[string]int{}}, "ecr.scan"},
		"failed":             {Scan{Status: "FAILED", Findings: map[string]int{}}, "ecr.scan"},
		"without a result":   {Scan{Status: "COMPLETE"}, "ecr.scan"},
		"expired":            {Scan{Status: "SCAN_ELIGIBILITY_EXPIRED", Findings: map[string]int{}}, "ecr.scan"},
	} {
		got := ""
		if err := scanned([]Scan{{Status: "COMPLETE", Findings: map[string]int{}}, c.scan}, "here"); err != nil {
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			got = unmet.Class
			assert.Equal(t, probe.Fail, probe.StatusOf(unmet))
			assert.NotEmpty(t, unmet.Fix, title)
		}
		assert.Equal(t, c.class, got, title)
	}
}

func TestImmutable(t *testing.T) {
	for mode, want := range map[types.ImageTagMutability][3]bool{ // without filters, with one of the tag, with one of others
		"MUTABLE": {false, false, false}, "IMMUTABLE": {true, true, true}, "IMMUTABLE_WITH_EXCLUSION": {true, false, true}, "MUTABLE_WITH_EXCLUSION": {false, true, false}, "": {false, false, false},
	} {
		for i, filter := range []string{"", "pro*", "dev*"} {
			in := types.Repository{ImageTagMutability: mode}
			if filter != "" {
				in.ImageTagMutabilityExclusionFilters = []types.ImageTagMutabilityExclusionFilter{{Filter: aws.String(filter), FilterType: "WILDCARD"}}
			}
			assert.Equal(t, want[i], immutable(in, "prod"), "%s %s", mode, filter)
		}
	}
	unread := types.Repository{ImageTagMutability: "IMMUTABLE_WITH_EXCLUSION", ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{{Filter: aws.String("[")}}}
	assert.False(t, immutable(unread, "prod"))
}
