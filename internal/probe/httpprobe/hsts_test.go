package httpprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestJudgeHSTS(t *testing.T) {
	for title, c := range map[string]struct {
		values []string
		want   HSTS
		class  string // empty: green
	}{
		"as wanted":            {[]string{"max-age=63072000; includeSubDomains; preload"}, strict, ""},
		"more than wanted":     {[]string{"max-age=99999999; includeSubDomains; preload"}, HSTS{MaxAge: two}, ""},
		"a second short":       {[]string{"max-age=63071999; includeSubDomains; preload"}, strict, "hsts.short"},
		"without subdomains":   {[]string{"max-age=63072000; preload"}, strict, "hsts.subdomains"},
		"without preload":      {[]string{"max-age=63072000; includeSubDomains"}, strict, "hsts.preload"},
		"empty":                {[]string{""}, strict, "hsts.malformed"},
		"twice the same":       {[]string{"max-age=63072000; includeSubDomains; preload", "max-age=63072000; includeSubDomains; preload"}, strict, "hsts.duplicate"},
		"two in one, by comma": {[]string{"max-age=63072000; includeSubDomains; preload, max-age=0"}, strict, "hsts.malformed"},
		"none":                 {nil, HSTS{}, "hsts.missing"},
	} {
		t.Run(title, func(t *testing.T) {
			x := hop(t, "https://shop.example/", 200, "", "")
			x.header["Strict-Transport-Security"] = c.values
			err := judgeHSTS(x, c.want)
			if c.class == "" {
				require.NoError(t, err)
				return
			}
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, c.class, unmet.Class, err)
		})
	}
}
