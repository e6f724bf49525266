package secretsprobe

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// seen is the evidence: nothing from which a value could be told.
type seen struct {
	ARN     string `json:"arn"`
	Length  int    `json:"length"`
	Changed string `json:"changed"`
}

// judged makes a claim of a pure judgement of a value.
func (v *Vault) judged(id string, judge func(value string) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, from, err := v.get(ctx, id)
		evidence := probe.Evidence{Target: id, Asked: []string{from}, Source: "AWS Secrets Manager"}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = seen{ARN: s.arn, Length: len(s.value()), Changed: s.changed.UTC().Format("2006-01-02T15:04:05Z")}
		if unmet := judge(s.value()); unmet != nil {
			unmet.From = from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// placeholders are what people write where a secret will be.
var placeholders = []string{"changeme", "change-me", "change_me", "placeholder", "todo", "tbd", "secret", "password", "example", "xxxx", "dummy", "replace", "your-", "your_", "insert", "<", "{{", "${"}

// IsThere claims that a secret exists, is current, is no placeholder, and has no space around it that a copy left behind.
func (v *Vault) IsThere(id string, minLength int) probe.Claim {
	return v.judged(id, func(value string) *probe.Unmet { return whole(value, minLength) })
}

func whole(value string, minLength int) *probe.Unmet {
	lower := strings.ToLower(value)
	switch {
	case value != strings.TrimSpace(value):
		return &probe.Unmet{Class: "secret.space", Want: "a value without white space around it", Got: "one that begins or ends with a space or a newline", Fix: "store it again with printf, not echo"}
	case len(value) < max(1, minLength):
		return &probe.Unmet{Class: "secret.short", Want: fmt.Sprintf("at least %d bytes", max(1, minLength)), Got: fmt.Sprintf("%d", len(value)), Fix: "store the real value"}
	case placeholder(lower):
		return &probe.Unmet{Class: "secret.placeholder", Want: "a real value", Got: "a placeholder", Fix: "store the real value"}
	}
	return nil
}

// placeholder says whether a value in small letters begins like one. Of short words a boundary is asked for: three letters are also how one
// random value in some ten thousand begins.
func placeholder(lower string) bool {
	if lower == "" || strings.Count(lower, lower[:1]) == len(lower) {
		return true
	}
	return slices.ContainsFunc(placeholders, func(p string) bool {
		rest, begins := strings.CutPrefix(lower, p)
		return begins && (len(p) > 4 || rest == "" || !wordy.MatchString(p) || !wordy.MatchString(rest[:1]))
	})
}

var wordy = regexp.MustCompile(`^[a-z0-9]+$`)

// IsRandom claims that a secret cannot be guessed: long enough, and with no more pattern than chance leaves.
func (v *Vault) IsRandom(id string, minLength int) probe.Claim {
	return v.judged(id, func(value string) *probe.Unmet { return random(value, minLength) })
}

// minEntropy is the least that a secret of chance has: the bits of a 128-bit key.
const minEntropy = 128

func random(value string, minLength int) *probe.Unmet {
	if unmet := whole(value, minLength); unmet != nil {
		return unmet
	}
	if strings.ContainsAny(value[:1], `{["`) && json.Valid([]byte(value)) {
		return &probe.Unmet{Class: "secret.json", Want: "the value alone", Got: "a JSON document, which the application would take for the value", Fix: "store the value as plain text"}
	}
	text := value
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if raw, err := decode(value); err == nil && printable(raw) {
			text = string(raw) // words in an encoding are words
			break
		}
	}
	if bits := entropy(text); bits < minEntropy {
		return &probe.Unmet{Class: "secret.weak", Want: fmt.Sprintf("a random value of at least %d bits", minEntropy), Got: fmt.Sprintf("%.0f bits by its characters", bits),
			Fix: "make one with openssl rand -base64 48"}
	}
	if repeats(text) || words.MatchString(text) {
		return &probe.Unmet{Class: "secret.weak", Want: "a random value", Got: "one with a pattern", Fix: "make one with openssl rand -base64 48"}
	}
	return nil
}

// words are what no random text has: nothing but lower-case words with separators, or one of the words that people put in. Of six letters, chance
// writes none of them in a million values.
var words = regexp.MustCompile(`^[a-z]{3,}([-_ .][a-z0-9]{2,}){2,}$|(?i)(^|[-_ .])(launch|drop|prod|jwt)([-_ .]|$)|(?i)(secret|password|passwort|production|staging|changeme|default)`)

func printable(raw []byte) bool {
	return len(raw) > 0 && !slices.ContainsFunc(raw, func(b byte) bool { return b < 0x20 || b > 0x7e })
}

// entropy is Shannon's, over the characters of a text: what it would be at most.
func entropy(text string) float64 {
	counts := map[rune]int{}
	total := 0
	for _, r := range text {
		counts[r]++
		total++
	}
	var bits float64
	for _, n := range counts {
		p := float64(n) / float64(total)
		bits -= float64(n) * math.Log2(p)
	}
	return bits
}

// repeats says whether a text is a shorter one again and again, or an alphabet in order.
func repeats(text string) bool {
	for period := 1; period <= len(text)/2; period++ {
		if strings.HasPrefix(text, text[period:]) {
			return true
		}
	}
	steps := map[int]int{}
	for i := 1; i < len(text); i++ {
		steps[int(text[i])-int(text[i-1])]++
	}
	return steps[1] > len(text)/2 || steps[-1] > len(text)/2 || steps[0] > len(text)/2
}

// Begins claims that a secret begins with a prefix by which its issuer tells production from test, such as "prd:".
func (v *Vault) Begins(id, prefix string) probe.Claim {
	return v.judged(id, func(value string) *probe.Unmet {
		if strings.HasPrefix(value, prefix) && len(value) > len(prefix) {
			return nil
		}
		return &probe.Unmet{Class: "secret.kind", Want: "a value that begins with " + prefix, Got: "one that does not", Fix: "store the production value; a test value reaches the test system of the provider"}
	})
}

var slackHook = regexp.MustCompile(`^https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}$`)

// IsSlackWebhook claims that a secret is the URL of a Slack incoming webhook.
func (v *Vault) IsSlackWebhook(id string) probe.Claim {
	return v.judged(id, func(value string) *probe.Unmet {
		if slackHook.MatchString(value) {
			return nil
		}
		return &probe.Unmet{Class: "secret.form", Want: "https://hooks.slack.com/services/T…/B…/…", Got: "something else", Fix: "copy the webhook's URL from the app's page"}
	})
}

// Differs claims that two environments do not share a secret.
func (v *Vault) Differs(id, other string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		theirs, _, err := v.get(ctx, other)
		if err != nil {
			return probe.Evidence{Target: other}, err
		}
		return v.judged(id, func(value string) *probe.Unmet {
			if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(value)), []byte(strings.TrimSpace(theirs.value()))) == 0 {
				return nil
			}
			return &probe.Unmet{Class: "secret.shared", Want: "a value of this environment's own", Got: "the same as " + other, Fix: "make a new one: whoever can sign there could sign here"}
		})(ctx)
	}
}

// Same claims that a secret is the very one that the gates are given, so that what they see with theirs is what the application sees. The
// values are compared by their fingerprints under a key that is gone when the claim ends; the evidence shows the beginning of those.
func (v *Vault) Same(id, key string, theirs func(context.Context) (string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		if theirs == nil {
			return probe.Evidence{Target: id}, &probe.Unknown{Class: "not-configured", Want: "the key that the gates use", Got: "no " + key + " in launch.yaml", Fix: "add it, as a reference"}
		}
		used, err := theirs(ctx)
		if err != nil {
			return probe.Evidence{Target: id}, &probe.Unknown{Class: "not-configured", Want: "the key that the gates use", Got: err.Error(), From: key, Fix: "see that the run has the secret", Err: err}
		}
		once := make([]byte, sha256.Size)
		_, _ = rand.Read(once) // never fails
		var marks [2][]byte
		evidence, err := v.judged(id, func(value string) *probe.Unmet {
			marks = [2][]byte{fingerprint(once, value), fingerprint(once, used)}
			return same(marks, key)
		})(ctx)
		if s, ok := evidence.Observed.(seen); ok {
			evidence.Observed = compared{seen: s, Fingerprint: hex.EncodeToString(marks[0][:4]), Gates: hex.EncodeToString(marks[1][:4])}
		}
		return evidence, err
	}
}

// compared is the evidence of a comparison.
type compared struct {
	seen
	Fingerprint string `json:"fingerprint"`
	Gates       string `json:"fingerprint_of_the_gates"`
}

func fingerprint(key []byte, value string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(value))
	return mac.Sum(nil)
}

func same(marks [2][]byte, key string) *probe.Unmet {
	if hmac.Equal(marks[0], marks[1]) {
		return nil
	}
	return &probe.Unmet{Class: "secret.other", Want: "the key that the gates use, " + key, Got: "another one", Fix: "store the key that was tried, or try the one that is stored: what the gates saw with theirs says nothing about it"}
}

// Endpoint is where a database is, as its provider says.
type Endpoint struct {
	Host, User string
	Database   string // on that server, which the gates look at; empty: none
}

// LeadsTo claims that a secret is a PostgreSQL connection string to this very database, over TLS, as another user than the master.
func (v *Vault) LeadsTo(id string, port int, database func(context.Context) (Endpoint, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		at, err := database(ctx)
		if err != nil {
			return probe.Evidence{Target: id}, err
		}
		return v.judged(id, func(value string) *probe.Unmet { return leadsTo(value, at, port) })(ctx)
	}
}

// overriding are the parameters that win over what stands before the question mark: for libpq, pgx and node-postgres.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
var overriding = []string{"host", "hostaddr", "port", "user", "password", "dbname", "database", "service"}

func leadsTo(text string, at Endpoint, port int) *probe.Unmet {
	want := fmt.Sprintf("postgres://…@%s:%d/… over TLS", at.Host, port)
	bad := func(class, got, fix string) *probe.Unmet {
		return &probe.Unmet{Class: class, Want: want, Got: got, Fix: fix}
	}
	if text != strings.TrimSpace(text) {
		return bad("secret.space", "one with white space around it", "store it again with printf, not echo")
	}
	u, err := url.Parse(text) // its error would repeat the text
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.User == nil {
		return bad("secret.form", "no PostgreSQL URL with a user", "write postgresql://user:password@host:port/database?sslmode=verify-full")
	}
	query := u.Query()
	host, actualPort := u.Hostname(), u.Port()
	if actualPort == "" {
		actualPort = "5432"
	}
	modes := append(slices.Clone(query["sslmode"]), query["ssl_mode"]...)
	password, _ := u.User.Password()
	switch {
	case slices.ContainsFunc(overriding, query.Has) || strings.Contains(u.Host, ","):
		return bad("secret.database", "one whose parameters say where it leads or as whom, or with several hosts", "name the one host, the port, the user and the database before the question mark")
	case !strings.EqualFold(strings.TrimSuffix(host, "."), at.Host) || actualPort != fmt.Sprint(port):
		return bad("secret.database", "another host or port", "take the endpoint of this environment's database")
	case at.Database != "" && strings.Trim(u.Path, "/") != at.Database:
		return bad("secret.database", "another database of that server than the one that the gates look at", "write its name into both, DATABASE_URL and database.sql.dsn")
	case len(modes) != 1 || !slices.Contains([]string{"require", "verify-ca", "verify-full"}, modes[0]):
		return bad("secret.tls", "sslmode "+strings.Join(modes, ", "), "set sslmode=verify-full")
	case password == "" || strings.Trim(u.Path, "/") == "":
		return bad("secret.form", "no password, or no database", "write user, password and database")
	case placeholder(strings.ToLower(password)):
		return bad("secret.placeholder", "a placeholder for its password", "store the real one")
	case at.User != "" && strings.EqualFold(u.User.Username(), at.User):
		return bad("secret.master", "the master user of the database", "make a user for the application with no more rights than it needs")
	}
	return nil
}
