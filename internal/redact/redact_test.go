package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forget empties the registry, which belongs to the process.
func forget(t *testing.T) {
	t.Helper()
	registered.Store(nil)
	count.Store(0)
	t.Cleanup(func() { registered.Store(nil); count.Store(0) })
}

const secret = `p@ss/w"ö<r>d+ 50%&`

func TestForms(t *testing.T) {
	forget(t)
	require.NoError(t, Register("TOKEN", " "+secret+"\n"))
	jsonText, err := json.Marshal(secret)
	require.NoError(t, err)
	request, err := http.NewRequest(http.MethodGet, "https://example.com", nil)
	require.NoError(t, err)
	request.SetBasicAuth("user", secret)
	for name, text := range map[string]string{
		"raw": secret, "html": html.EscapeString(secret), "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "json": string(jsonText), "%q": fmt.Sprintf("%q", secret), "%+q": fmt.Sprintf("%+q", secret), "%q twice": fmt.Sprintf("%q", fmt.Sprintf("%q", secret)),
		"hex": hex.EncodeToString([]byte(secret)), "%X": fmt.Sprintf("%X", secret),
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 url raw": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"untrimmed base64": base64.StdEncoding.EncodeToString([]byte(" " + secret + "\n")), "url": (&url.URL{Scheme: "https", Host: "h", Path: "/" + secret}).String(),
	} {
		got := String("before " + text + " after")
		assert.Contains(t, got, "‹redacted:TOKEN›", name)
		assert.NotContains(t, got, text, name)
		assert.Equal(t, []string{"TOKEN"}, Scan([]byte(text)), name)
	}
	for i := range 3 { // whatever stands before it
		header := base64.StdEncoding.EncodeToString([]byte("users"[:3+i] + ":" + secret + "tail"))
		assert.Contains(t, String(header), "‹redacted:TOKEN›", "base64 of user:value")
	}
	assert.Contains(t, String(request.Header.Get("Authorization")), "‹redacted:TOKEN›")
	assert.Positive(t, Count())
}

func TestLinesOfAKey(t *testing.T) {
	forget(t)
	require.NoError(t, Register("KEY", "-----BEGIN KEY-----\r\nMIIEpAIBAAKCAQEA7\r\nabc\r\n-----END KEY-----\n"))
	assert.Equal(t, "x ‹redacted:KEY› y", String("x MIIEpAIBAAKCAQEA7 y"))
	assert.Equal(t, "abc", String("abc"), "a line under 6 bytes is ordinary text")
}

func TestLongestFirst(t *testing.T) {
	forget(t)
	require.NoError(t, Register("SHORT", "abcdef"))
	require.NoError(t, Register("LONG", "abcdefghi"))
	assert.Equal(t, "‹redacted:LONG› ‹redacted:SHORT›", String("abcdefghi abcdef"))
	assert.Equal(t, []string{"LONG", "SHORT"}, Scan([]byte("abcdefghi")))
	assert.Equal(t, int64(2), Count())
}

func TestNothingRegistered(t *testing.T) {
	forget(t)
	text := []byte("anything")
	assert.Equal(t, "anything", String("anything"))
	assert.Same(t, &text[0], &Bytes(text)[0], "no copy")
	assert.Empty(t, Scan(text))
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = String("anything") }))
}

func TestShortIsRefused(t *testing.T) {
	forget(t)
	for _, value := range []string{"", "12345", "12345\n", "     \n\n   "} {
		require.Error(t, Register("PIN", value), "%q", value)
	}
	assert.Equal(t, "12345", String("12345"))
}

func TestWriter(t *testing.T) {
	forget(t)
	var out strings.Builder
	w := NewWriter(&out)
	write := func(text string) {
		n, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	write("free ")
	assert.Equal(t, "free ", out.String(), "nothing is held back while nothing is registered")
	require.NoError(t, Register("TOKEN", "s3cr3t-value"))
	write("a line\n")
	assert.Equal(t, "free a line\n", out.String(), "nor what cannot begin a secret")
	write("x s3cr3t")
	assert.Equal(t, "free a line\nx ", out.String())
	write("-value y s3c")
	require.NoError(t, w.Flush())
	assert.Equal(t, "free a line\nx ‹redacted:TOKEN› y s3c", out.String())
	require.NoError(t, w.Close())
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterReportsErrors(t *testing.T) {
	forget(t)
	_, err := NewWriter(failing{}).Write([]byte("text"))
	require.EqualError(t, err, "disk full")
}

// TestSplitProperty: random values, encoded in random ways, in random text, written in random pieces, never survive, and
// the text around them does.
func TestSplitProperty(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	letters := []rune("ab01+/=%\"\\ <&öÿ-_.\n")
	word := func(least, most int) string {
		runes := make([]rune, least+random.IntN(most-least))
		for i := range runes {
			runes[i] = letters[random.IntN(len(letters))]
		}
		return string(runes)
	}
	for round := range 100 {
		forget(t)
		values := map[string]string{}
		for i := range 1 + random.IntN(4) {
			name, value := fmt.Sprintf("S%d", i), "#"+word(8, 40)+"#"
			require.NoError(t, Register(name, value))
			values[name] = value
		}
		var text strings.Builder
		for range 20 {
			text.WriteString(word(0, 8))
			for _, value := range values {
				if random.IntN(2) == 0 {
					all := forms(value)
					text.WriteString(all[random.IntN(len(all))])
				}
			}
		}
		var out strings.Builder
		w := NewWriter(&out)
		for rest := text.String(); rest != ""; {
			n := 1 + random.IntN(min(len(rest), 30))
			_, err := w.Write([]byte(rest[:n]))
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, w.Close())
		require.Empty(t, Scan([]byte(out.String())), "seed %d round %d", seed, round)
		require.Equal(t, String(text.String()), out.String(), "seed %d round %d: pieces and the whole give the same", seed, round)
	}
}

func BenchmarkString(b *testing.B) {
	registered.Store(nil)
	for i := range 20 {
		if err := Register(fmt.Sprintf("S%d", i), fmt.Sprintf("value-number-%d-of-many", i)); err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() { registered.Store(nil) })
	text := strings.Repeat("a line of evidence as it is usually written\n", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_ = String(text)
	}
}
