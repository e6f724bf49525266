package mailtext

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIsSPF(t *testing.T) {
	for text, want := range map[string]bool{"v=spf1": true, "v=spf1 -all": true, "V=SPF1 -all": true, "v=spf10 -all": false, "v=spf1\t-all": false, " v=spf1": false, "": false, "v=spf1-all": false} {
		assert.Equal(t, want, IsSPF(text), text)
	}
}

func TestParseSPF(t *testing.T) {
	for text, want := range map[string]string{ // empty: good
		"v=spf1": "", "v=spf1 -all": "", "v=spf1 +mx a:colo.example.com/28 -all": "", "v=spf1 a/24//64 mx//64 ?all": "", "v=spf1 INCLUDE:example.org -ALL": "",
		"v=spf1 include:_spf.%{d} exists:%{ir}.%{v}._spf.%{d2} redirect=_spf.example.com": "", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all ": "",
		"v=spf1 moo=http://x.example/%{l} -all": "", "v=spf1 ptr ptr:example.org": "", "v=spf1 exp=explain._spf.%{d} -all": "", "v=spf1  mx  -all": "",
		"v=spf1 a:example.com./8": "", "v=spf1 a:%{d}": "", "v=spf1 ip4:1.2.3.4": "",
		"v=spf1 a:example.xn--zckzah": "", "v=spf1 a:foo:bar/baz.example.com": "", "v=spf1 a:example.1-2": "", "v=spf1 exists:%{i1r+-}.%{L}.x%%": "", "v=spf1 a:a.b3": "", "v=spf1 moo=%{c}%{r}%{t}": "",
		"v=spf1 exists:%{l10r-}.x.example.org.": "",

		"v=spf1 a:192.0.2.1": "is no domain", "v=spf1 a:abc.123": "is no domain", "v=spf1 mx:example.-com": "is no domain", "v=spf1 mx:example.com-": "is no domain", "v=spf1 a:example.c_m": "is no domain",
		"v=spf1 exists:%{d0}": "keeps no part", "v=spf1 exists:%{d00r}": "keeps no part", "v=spf1 exists:%{c}.example.com": "may not stand here", "v=spf1 include:%{R}": "may not stand here",
		"v=spf1 exp=%{t}.example.com": "may not stand here", "v=spf1 a:foo-bar": "is no domain", "v=spf1 a:example..com": "1 to 63", "v=spf1 exists:%(ir).sbl.example.com": "is no macro",
		"v=spf1 exists:%{ir": "is no macro", "v=spf1 exists:%%d}": "is no domain", "v=spf1 exists:%%{d}": "is no domain", "v=spf1 a:example.com/": "is no", "v=spf1 include:a@example.com}": "is no domain", "v=spf1 exists:x.%{ibr}": "is no macro",
		"v=spf1 a:" + strings.Repeat("x", 64) + ".example": "1 to 63", "v=spf1 a:" + strings.Repeat("abcdefghi.", 26) + "example": "longer than 253",

		"v=spf1 ipv4:192.0.2.1": "is no mechanism", "v=spf1 all:x": "takes no value", "v=spf1 ip4:192.0.2.256": "no address", "v=spf1 ip4:192.0.2.0/33": "no prefix length",
		"v=spf1 ip4:2001:db8::1": "no address", "v=spf1 ip6:192.0.2.1": "no address", "v=spf1 include": "is no domain", "v=spf1 include:": "is no domain", "v=spf1 include:localhost": "is no domain",
		"v=spf1 redirect=a.example redirect=b.example": "stands twice", "v=spf1 redirect=": "is no domain", "v=spf1 a/08": "no prefix length", "v=spf1 a//129": "no prefix length", "v=spf1 mx:": "is no domain",
		"v=spf1 exists:%{z}.example": "is no domain", "v=spf1 exists:%x.example": "is no domain", "v=spf1 -": "is no mechanism", "v=spf1 ++all": "is no mechanism", "v=spf1 ptr/24": "no prefix length",
		"v=spf1 foo=%{z}": "macro string", "v=spf1 ip4:": "no address", "v=spf1 ip4": "no address", "v=spf1 mx,a": "is no mechanism", "v=spf1 a:exa mple.com": "is no",
	} {
		_, err := ParseSPF(text)
		if want == "" {
			assert.NoError(t, err, text)
			continue
		}
		assert.ErrorContains(t, err, want, text)
	}
	spf, err := ParseSPF("v=spf1 ~a:host.example.com/24//64 -all redirect=x.example")
	require.NoError(t, err)
	assert.Equal(t, Mechanism{Qualifier: '~', Name: "a", Domain: "host.example.com", Prefix4: 24, Prefix6: 64}, spf.Terms[0])
	assert.Equal(t, byte('-'), spf.Terms[1].Qualifier)
	assert.Equal(t, "x.example", spf.Redirect)
	assert.True(t, spf.Terms[0].LooksUp())
	assert.False(t, spf.Terms[1].LooksUp())
}

func FuzzParseSPF(f *testing.F) {
	for _, seed := range []string{"v=spf1 +mx a:colo.example.com/28 -all", "v=spf1 a/24//64 ip4:192.0.2.0/24 ip6:::/0 exists:%{ir}.x.example redirect=a.b", "v=spf1 -", "v=spf1 ?ptr:a.b exp=%{d}.x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spf, err := ParseSPF(text)
		if err != nil {
			return
		}
		assert.True(t, IsSPF(text))
		assert.LessOrEqual(t, len(spf.Terms), len(strings.Fields(text)))
		for _, m := range spf.Terms {
			assert.Contains(t, []string{"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}, m.Name)
			assert.Equal(t, m.Name == "ip4" || m.Name == "ip6", m.Network.IsValid())
		}
	})
}
