package mailtext

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSTSPolicy(t *testing.T) {
	got, err := ParseSTSPolicy("version: STSv1\r\nmode: enforce\r\nmx: Mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\nlater: x\r\n")
	require.NoError(t, err)
	assert.Equal(t, STSPolicy{Mode: "enforce", MX: []string{"mail.example.com", "*.example.net"}, MaxAge: 604800}, got)
	for name, want := range map[string]bool{"mail.example.com.": true, "MX.example.net": true, "a.b.example.net": false, "example.net": false, "example.com": false} {
		assert.Equal(t, want, got.Allows(name), name)
	}
	_, err = ParseSTSPolicy("version:STSv1\nmode:none\nmax_age:0")
	require.NoError(t, err)
	for text, want := range map[string]string{
		"": "not a field", "<html>": "not a field", "version: STSv2\nmode: enforce\nmx: a.b\nmax_age: 1": "is not STSv1", "version: STSv1\nmode: report\nmx: a.b\nmax_age: 1": "none of",
		"version: STSv1\nmode: testing\nmax_age: 1": "no mx", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 31557601": "is not 0 to", "version: STSv1\nmode: enforce\nmx: a.b": "is not 0 to",
		"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1": "is no name", "mode: enforce\nmx: a.b\nmax_age: 1": "is not STSv1", "version: STSv1\n\nmode: none\nmax_age: 1": "not a field",
	} {
		_, err := ParseSTSPolicy(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func FuzzSTSPolicy(f *testing.F) {
	f.Add("version: STSv1\nmode: enforce\nmx: *.example.net\nmax_age: 604800\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSTSPolicy(text)
		if err != nil {
			return
		}
		assert.Contains(t, []string{"enforce", "testing", "none"}, p.Mode)
		assert.True(t, p.Mode == "none" || len(p.MX) > 0)
		assert.False(t, p.Allows(""))
	})
}
