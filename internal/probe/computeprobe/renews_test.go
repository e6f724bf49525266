package computeprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestRenewsByItself(t *testing.T) {
	v := func(status string) []Validation {
		return []Validation{{Domain: "example.com", Name: "_1.example.com.", Value: "_1.acm-validations.aws.", Status: status}, {Domain: "other.com", Status: "FAILED"}}
	}
	for name, test := range map[string]struct {
		validations []Validation
		points      string
		want        probe.Status
	}{
		"validated, and still there":    {v("SUCCESS"), "_1.acm-validations.aws.", probe.Pass},
		"names and states have no case": {v("success"), "_1.ACM-validations.aws", probe.Pass},
		"waiting":                       {v("PENDING_VALIDATION"), "_1.acm-validations.aws.", probe.Fail},
		"gone":                          {v("SUCCESS"), "", probe.Fail},
		"elsewhere":                     {v("SUCCESS"), "_2.acm-validations.aws.", probe.Fail},
		"a record without a value":      {[]Validation{{Domain: "example.com", Name: "_1.example.com.", Status: "SUCCESS"}}, ".", probe.Fail},
		"no records":                    {nil, "", probe.Blocked},
		"those of another domain":       {v("SUCCESS")[1:], "", probe.Blocked},
	} {
		err := renews(Service{Validations: test.validations}, "example.com", map[string]string{"_1.example.com.": test.points})
		assert.Equal(t, test.want, probe.StatusOf(err), "%s: %v", name, err)
	}
}
