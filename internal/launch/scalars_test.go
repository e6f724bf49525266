package launch

import (
	"encoding"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScalars reads each text and writes it back: the canonical form, or empty where the text has to be refused.
func TestScalars(t *testing.T) {
	for zero, cases := range map[encoding.TextUnmarshaler]map[string]string{
		new(Duration): {"300s": "5m", "1h30m": "1h30m", "5d": "120h", "1w": "168h", "30min": "30m", "0.5s": "500ms", "1d12h": "36h", "10m1s": "10m1s",
			"": "", "5": "", "fast": "", "0s": "", "-5s": "", "1.5d": "", "1h 30m": "", "1e3s": "", "5D": "", "99999999d": "", "9999999999999h": ""},
		new(Offset): {"T-5d": "T-5d", "T-2h": "T-2h0m0s", "T+30min": "T+30m0s", "H+0:45": "T+45m0s", "H+26:05": "T+26h5m0s", "T-0": "T+0s", "T-1w": "T-7d",
			"5d": "", "T5d": "", "H+0:60": "", "H+45": "", "T-": "", "X-5d": ""},
		new(Date):  {"2027-01-19": "2027-01-19", "2027-1-19": "", "2027-02-29": "", "19.01.2027": "", "": ""},
		new(Clock): {"09:30": "09:30", "9:30": "", "24:00": "", "09:30:00": "", "": ""},
		new(Timezone): {"Europe/Oslo": "Europe/Oslo", "UTC": "UTC", "America/Argentina/Buenos_Aires": "America/Argentina/Buenos_Aires",
			"CET": "", "Local": "", "UTC+1": "", "Etc/GMT-1": "", "europe/oslo": "", "Europe/Atlantis": "", "../etc/passwd": "", "": ""},
		new(Instant): {"2027-01-19T10:00:00+01:00": "2027-01-19T09:00:00Z", "2027-01-19T10:00:00": "", "2027-01-19": "", "": ""},
		new(Percent): {"1": "1", "0.5%": "0.5", "100": "100", "0": "0", "100.1": "", "-1": "", "1e2": "", "NaN": "", "": "", "5 %": ""},
		new(IP):      {"192.0.2.1": "192.0.2.1", "2001:DB8::1": "2001:db8::1", "::ffff:192.0.2.1": "192.0.2.1", "fe80::1%eth0": "", "192.0.2.01": "", "": ""},
		new(Prefix):  {"192.0.2.0/24": "192.0.2.0/24", "192.0.2.1/24": "", "192.0.2.0": "", "": ""},
		new(Domain): {"Example.COM.": "example.com", "*.example.com": "*.example.com", "blåbær.no": "xn--blbr-roah.no", "localhost": "", "a b.com": "", "*.*.com": "",
			"192.0.2.1": "", "exa_mple.com": "", "-a.com": "", "": "", "a..com": "", "https://example.com": "", "example.com:443": ""},
		new(URL): {"https://example.com/a?b=c": "https://example.com/a?b=c", "http://example.com": "", "https://u:p@example.com": "", "https:///a": "", "example.com": "",
			"https://example.com/#a": "", "": ""},
		new(HostPort): {"192.0.2.1:443": "192.0.2.1:443", "[2001:DB8::1]:443": "[2001:db8::1]:443", "192.0.2.1": "", "example.com:443": "", "192.0.2.1:0": "", "192.0.2.1:70000": ""},
		new(HostAddr): {"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "[2001:db8::1]:53": "[2001:db8::1]:53", "192.0.2.1:53": "192.0.2.1:53", "dns.example.com": "", "": ""},
		new(DSData): {dsOf("20326 8 2", 64): dsOf("20326 8 2", 64), dsOf("65535 13 1", 40): dsOf("65535 13 1", 40), dsOf("1 13 4", 96): dsOf("1 13 4", 96), "1 13 1 AB" + strings.Repeat(" CD", 19): "1 13 1 AB" + strings.Repeat(" CD", 19),
			dsOf("65536 8 2", 64): "", dsOf("1 256 2", 64): "", dsOf("1 8 3", 64): "", dsOf("1 8 256", 64): "", dsOf("1 8 0", 64): "", dsOf("1 8 2", 62): "", dsOf("1 8 2", 66): "", dsOf("1 8 2", 40): "", dsOf("1 8 1", 64): "", dsOf("1 8 4", 64): "",
			dsOf("1 8 2", 63): "", "1 8 2": "", "": ""},
		new(PersonID): {"platform-lead": "platform-lead", "Platform": "", "a b": "", "": ""},
	} {
		typ := reflect.TypeOf(zero).Elem()
		for text, want := range cases {
			into := reflect.New(typ)
			err := into.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
			if want == "" {
				require.Error(t, err, "%s %q", typ.Name(), text)
				assert.True(t, into.Elem().IsZero(), "%s %q is refused and leaves nothing", typ.Name(), text)
				continue
			}
			if assert.NoError(t, err, "%s %q", typ.Name(), text) {
				assert.Equal(t, want, written(t, into.Elem()), "%s %q", typ.Name(), text)
			}
		}
	}
}

// dsOf is DS data with a digest of so many digits.
func dsOf(head string, digits int) string { return head + " " + strings.Repeat("A", digits) }

func written(t *testing.T, v reflect.Value) string {
	t.Helper()
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		require.NoError(t, err)
		return string(text)
	}
	return v.String()
}

func TestInstantOfOffset(t *testing.T) {
	l, err := with(t, "schedule: {date: 2027-03-30}") // the clocks go forward on the 28th
	require.NoError(t, err)
	for text, want := range map[string]string{
		"T-5d": "2027-03-25T10:00:00+01:00", "T-2h": "2027-03-30T08:00:00+02:00", "T+30min": "2027-03-30T10:30:00+02:00", "H+0:45": "2027-03-30T10:45:00+02:00",
	} {
		var offset Offset
		require.NoError(t, offset.UnmarshalText([]byte(text)))
		assert.Equal(t, want, l.Instant(offset).Format(time.RFC3339), text)
	}
	assert.Equal(t, "2027-03-25T10:00:00+01:00", l.Due(TMinus5).Format(time.RFC3339))
	assert.Equal(t, "2027-03-30T10:00:00+02:00", l.Due(TMinus0).Format(time.RFC3339))
	assert.True(t, l.Due(LaunchDay).IsZero())
}

func TestLocalTime(t *testing.T) {
	for zone, cases := range map[string]map[string]bool{
		"Europe/Oslo":         {"2027-03-28 01:59": true, "2027-03-28 02:00": false, "2027-03-28 02:59": false, "2027-03-28 03:00": true, "2027-10-31 01:59": true, "2027-10-31 02:00": false, "2027-10-31 02:59": false, "2027-10-31 03:00": true},
		"Australia/Lord_Howe": {"2027-04-04 01:29": true, "2027-04-04 01:30": false, "2027-04-04 01:59": false, "2027-04-04 02:00": true}, // half an hour
		"UTC":                 {"2027-03-28 02:30": true},
	} {
		var z Timezone
		require.NoError(t, z.UnmarshalText([]byte(zone)))
		for text, unique := range cases {
			var d Date
			var c Clock
			require.NoError(t, d.UnmarshalText([]byte(text[:10])))
			require.NoError(t, c.UnmarshalText([]byte(text[11:])))
			assert.Equal(t, unique, local(d, c, z) == nil, "%s %s", zone, text)
		}
	}
}

func TestAddrPort(t *testing.T) {
	assert.Equal(t, netip.MustParseAddrPort("192.0.2.1:53"), HostAddr("192.0.2.1").AddrPort(53))
	assert.Equal(t, netip.MustParseAddrPort("192.0.2.1:5353"), HostAddr("192.0.2.1:5353").AddrPort(53))
	assert.Equal(t, netip.MustParseAddrPort("[2001:db8::1]:53"), HostAddr("2001:db8::1").AddrPort(53))
	assert.False(t, HostAddr("nonsense").AddrPort(53).IsValid())
}

func TestCovers(t *testing.T) {
	assert.True(t, Domain("*.example.com").Covers("www.example.com"))
	assert.False(t, Domain("*.example.com").Covers("example.com"))
	assert.False(t, Domain("*.example.com").Covers("a.b.example.com"))
	assert.True(t, Domain("example.com").Covers("example.com"))
	assert.False(t, Domain("example.com").Covers("www.example.com"))
}
