package denial

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const zone = "drop.example."

// records reads hand-made NSEC records, and makes NSEC3 records of lines such as "nsec3 a.drop.example. A RRSIG": one that matches
// the name and covers nothing else, unless it says "covers", which makes one that is next to the name and covers nothing else.
func records(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var all []dns.RR
	for _, line := range lines {
		if words := strings.Fields(line); words[0] == "matches" || words[0] == "covers" || words[0] == "opts-out" {
			all = append(all, hashed(t, words))
			continue
		}
		rr, err := dns.NewRR(line)
		require.NoError(t, err, line)
		all = append(all, rr)
	}
	return all
}

func hashed(t *testing.T, words []string) dns.RR {
	t.Helper()
	hash := dns.HashName(words[1], dns.SHA1, 0, "")
	owner, flags := hash, "0"
	if words[0] == "opts-out" {
		flags = "1"
	}
	if words[0] != "matches" {
		owner = beside(hash, -1)
	}
	rr, err := dns.NewRR(owner + "." + zone + " 60 NSEC3 1 " + flags + " 0 - " + beside(hash, 1) + " " + strings.Join(words[2:], " "))
	require.NoError(t, err)
	return rr
}

// beside is the hash before or behind another one, as their order is that of their letters.
func beside(hash string, step int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
	text := []byte(hash)
	for i := len(text) - 1; i >= 0; i-- {
		at := strings.IndexByte(digits, text[i]) + step
		if at >= 0 && at < len(digits) {
			text[i] = digits[at]
			break
		}
		text[i] = digits[(at+len(digits))%len(digits)]
	}
	return string(text)
}

type proof struct {
	title   string
	records []string
	holds   bool
}

func judge(t *testing.T, proofs []proof, ask func(Proof) error) {
	t.Helper()
	for _, p := range proofs {
		t.Run(p.title, func(t *testing.T) {
			err := ask(Of(zone, records(t, p.records...)))
			if p.holds {
				assert.NoError(t, err)
			} else {
				assert.Error(t, err)
			}
		})
	}
}

func TestNoType(t *testing.T) {
	judge(t, []proof{
		{"nothing", nil, false},
		{"without the type", []string{"a.drop.example. NSEC b.drop.example. TXT RRSIG NSEC"}, true},
		{"with the type", []string{"a.drop.example. NSEC b.drop.example. A RRSIG NSEC"}, false},
		{"with a CNAME", []string{"a.drop.example. NSEC b.drop.example. CNAME RRSIG NSEC"}, false},
		{"of another name", []string{"b.drop.example. NSEC c.drop.example. TXT RRSIG NSEC"}, false},
		{"of another zone", []string{"a.drop.example.org. NSEC b.drop.example.org. TXT RRSIG NSEC"}, false},
		{"the parent's, at a cut", []string{"a.drop.example. NSEC b.drop.example. NS RRSIG NSEC"}, false},
		{"an empty non-terminal", []string{"drop.example. NSEC x.a.drop.example. SOA NS RRSIG NSEC"}, true},
		{"the name is covered, and no more", []string{"drop.example. NSEC b.drop.example. SOA NS RRSIG NSEC"}, false},
		{"the name is covered, and the wildcard is without the type", []string{"0.drop.example. NSEC b.drop.example. A RRSIG NSEC", "*.drop.example. NSEC 0.drop.example. TXT RRSIG NSEC"}, true},
		{"the wildcard is without the type, in one record", []string{"*.drop.example. NSEC b.drop.example. TXT RRSIG NSEC"}, true},
		{"the wildcard has the type", []string{"*.drop.example. NSEC b.drop.example. A RRSIG NSEC"}, false},
		{"the wildcard alone", []string{"*.drop.example. NSEC 0.drop.example. TXT RRSIG NSEC"}, false},
		{"signed while asked, without a name", []string{`a.drop.example. NSEC \000.a.drop.example. RRSIG NSEC TYPE128`}, true},
		{"NSEC3 without the type", []string{"matches a.drop.example. TXT RRSIG"}, true},
		{"NSEC3 with the type", []string{"matches a.drop.example. A RRSIG"}, false},
		{"NSEC3 with a CNAME", []string{"matches a.drop.example. CNAME RRSIG"}, false},
		{"NSEC3 that covers the name", []string{"covers a.drop.example. TXT"}, false},
		{"NSEC3 covers the name, below a closest encloser", []string{"covers a.drop.example. TXT", "matches drop.example. SOA NS"}, false},
		{"NSEC3 wildcard without the type", []string{"covers a.drop.example. TXT", "matches drop.example. SOA NS", "matches *.drop.example. TXT"}, true},
		{"NSEC3 wildcard with the type", []string{"covers a.drop.example. TXT", "matches drop.example. SOA NS", "matches *.drop.example. A"}, false},
		{"NSEC3 wildcard, without the closest encloser", []string{"covers a.drop.example. TXT", "matches *.drop.example. TXT"}, false},
	}, func(p Proof) error { return p.NoType("A.drop.example.", dns.TypeA) })
}

func TestNoName(t *testing.T) {
	judge(t, []proof{
		{"the name and the wildcard are covered", []string{"drop.example. NSEC 0.drop.example. SOA NS", "w.drop.example. NSEC y.drop.example. A"}, true},
		{"both by one record", []string{"drop.example. NSEC y.drop.example. SOA NS"}, true},
		{"both by the last one", []string{"drop.example. NSEC drop.example. SOA NS"}, true},
		{"the name alone is covered", []string{"w.drop.example. NSEC y.drop.example. A"}, false},
		{"the wildcard alone is covered", []string{"drop.example. NSEC 0.drop.example. SOA NS"}, false},
		{"the wildcard exists", []string{"*.drop.example. NSEC y.drop.example. A"}, false},
		{"the wildcard of another encloser is covered", []string{"b.x.drop.example. NSEC d.x.drop.example. A", "drop.example. NSEC 0.drop.example. SOA NS"}, false},
		{"there is a name below", []string{"drop.example. NSEC z.c.x.drop.example. SOA NS"}, false},
		{"the record of a cut above", []string{"drop.example. NSEC 0.drop.example. SOA NS", "x.drop.example. NSEC y.drop.example. NS"}, false},
		{"the record of a DNAME above", []string{"drop.example. NSEC 0.drop.example. SOA NS", "x.drop.example. NSEC y.drop.example. DNAME"}, false},
		{"NSEC3, all three", []string{"matches drop.example. SOA NS", "covers x.drop.example. A", "covers *.drop.example. A"}, true},
		{"NSEC3, a closer encloser", []string{"matches x.drop.example. A", "covers c.x.drop.example. A", "covers *.x.drop.example. A"}, true},
		{"NSEC3 without the closest encloser", []string{"covers x.drop.example. A", "covers *.drop.example. A"}, false},
		{"NSEC3 without the next closer name", []string{"matches drop.example. SOA NS", "covers *.drop.example. A"}, false},
		{"NSEC3 without the wildcard", []string{"matches drop.example. SOA NS", "covers x.drop.example. A"}, false},
		{"NSEC3, and the wildcard exists", []string{"matches drop.example. SOA NS", "covers x.drop.example. A", "matches *.drop.example. A"}, false},
		{"NSEC3, and the name exists", []string{"matches drop.example. SOA NS", "matches c.x.drop.example. A", "covers x.drop.example. A", "covers *.drop.example. A"}, false},
		{"NSEC3 of a cut above", []string{"matches x.drop.example. NS", "covers c.x.drop.example. A", "covers *.x.drop.example. A"}, false},
		{"NSEC3 with flags that nobody knows", []string{
			strings.Replace(records(t, "matches drop.example. SOA NS")[0].String(), "1 0 0 ", "1 2 0 ", 1), "covers x.drop.example. A", "covers *.drop.example. A"}, false},
	}, func(p Proof) error { return p.NoName("c.x.drop.example.") })
}

func TestNoDS(t *testing.T) {
	judge(t, []proof{
		{"a delegation without DS", []string{"a.drop.example. NSEC b.drop.example. NS RRSIG NSEC"}, true},
		{"with DS", []string{"a.drop.example. NSEC b.drop.example. NS DS RRSIG NSEC"}, false},
		{"the child's own", []string{"a.drop.example. NSEC b.drop.example. NS SOA RRSIG NSEC"}, false},
		{"no delegation", []string{"a.drop.example. NSEC b.drop.example. A RRSIG NSEC"}, false},
		{"covered", []string{"drop.example. NSEC b.drop.example. SOA NS"}, false},
		{"NSEC3 of a delegation without DS", []string{"matches a.drop.example. NS"}, true},
		{"NSEC3 with DS", []string{"matches a.drop.example. NS DS"}, false},
		{"NSEC3 of the child", []string{"matches a.drop.example. NS SOA"}, false},
		{"NSEC3 covers", []string{"matches drop.example. NS SOA", "covers a.drop.example. A"}, false},
		{"NSEC3 opts out", []string{"matches drop.example. NS SOA", "opts-out a.drop.example. A"}, true},
		{"NSEC3 opts out, without the closest encloser", []string{"opts-out a.drop.example. A"}, false},
	}, func(p Proof) error { return p.NoDS("a.drop.example.") })
}

func TestNoCloser(t *testing.T) {
	judge(t, []proof{
		{"nothing", nil, false},
		{"the name is covered", []string{"*.wild.drop.example. NSEC x.drop.example. A"}, true},
		{"the wildcard is there, and no more", []string{"*.wild.drop.example. NSEC 0.wild.drop.example. A"}, false},
		{"the name exists", []string{"b.a.wild.drop.example. NSEC x.drop.example. A"}, false},
		{"there is a closer name, whose wildcard would stand in", []string{"0.a.wild.drop.example. NSEC x.drop.example. A"}, false},
		{"NSEC3 covers the next closer name", []string{"covers a.wild.drop.example. A"}, true},
		{"NSEC3 matches the next closer name", []string{"matches a.wild.drop.example. A"}, false},
		{"NSEC3 covers the name only", []string{"covers b.a.wild.drop.example. A"}, false},
	}, func(p Proof) error { return p.NoCloser("b.a.wild.drop.example.", 3) })
}

func TestParametersOfNSEC3(t *testing.T) {
	proved := func(old, now string) error {
		all := records(t, "matches drop.example. SOA NS", "covers a.drop.example. TXT", "matches *.drop.example. TXT")
		rr, err := dns.NewRR(strings.Replace(all[0].String(), old, now, 1))
		require.NoError(t, err)
		all[0] = rr
		return Of(zone, all).NoType("a.drop.example.", dns.TypeA)
	}
	assert.NoError(t, proved("1 0 0 - ", "1 0 0 - "))
	assert.ErrorContains(t, proved("1 0 0 - ", "1 0 0 AB "), "different parameters")
	assert.ErrorIs(t, proved("1 0 0 - ", "1 0 51 - "), ErrUndecided)
	assert.ErrorIs(t, proved("1 0 0 - ", "1 0 2500 - "), ErrUndecided)
}

func TestPrecedes(t *testing.T) {
	// RFC 4034 6.1's own example.
	order := []string{"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	for i := range order {
		for j := range order {
			assert.Equal(t, i < j, precedes(order[i], order[j]), "%s %s", order[i], order[j])
		}
	}
}
