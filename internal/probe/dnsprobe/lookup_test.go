package dnsprobe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What went over the wire comes out again, whatever the octets.
func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{`v=spf1 "-all"`, "a\\b", "\x00\xff;", `\010`, "\\", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = unescape(text) // it must not panic
		if len(text) > 255 {
			return
		}
		var escaped strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&escaped, `\%03d`, text[i])
		}
		wire := make([]byte, 600)
		sent := &dns.TXT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{escaped.String()}}
		end, err := dns.PackRR(sent, wire, 0, nil, false)
		require.NoError(t, err)
		got, _, err := dns.UnpackRR(wire[:end], 0)
		require.NoError(t, err)
		assert.Equal(t, text, unescape(strings.Join(got.(*dns.TXT).Txt, "")))
	})
}
