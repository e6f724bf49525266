package tlsprobe

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// class is a kind of cipher suites that the grade asks about.
type class struct {
	question tlsgrade.Question
	has      func(tlswire.Suite) bool
}

// broken are the classes that no client should ever get. They are offered together, and told apart by what the server chooses.
var broken = []class{
	{tlsgrade.AskSuitesNULL, func(s tlswire.Suite) bool { return s.Bits == 0 }},
	{tlsgrade.AskSuitesAnonymous, func(s tlswire.Suite) bool { return s.Auth == "anon" }},
	{tlsgrade.AskSuitesExport, func(s tlswire.Suite) bool { return s.Export }},
	{tlsgrade.AskSuitesWeak, func(s tlswire.Suite) bool { return s.Bits < 112 }},
	{tlsgrade.AskSuitesRC4, tlswire.Suite.RC4},
}

func isBroken(s tlswire.Suite) bool {
	for _, c := range broken {
		if c.has(s) {
			return true
		}
	}
	return false
}

func sound(match func(tlswire.Suite) bool) func(tlswire.Suite) bool {
	return func(s tlswire.Suite) bool { return !isBroken(s) && match(s) }
}

// unwanted are those and the suites with small blocks, which are offered together with them.
var unwanted = append(broken[:len(broken):len(broken)], class{tlsgrade.AskSuites64, sound(any64)})

func isUnwanted(s tlswire.Suite) bool { return isBroken(s) || any64(s) }

func any64(s tlswire.Suite) bool { return s.BlockBits == 64 }

// rest are the further classes, each offered alone, with the question that it answers.
var rest = []class{
	{tlsgrade.AskSuites128, sound(func(s tlswire.Suite) bool { return !any64(s) && s.Bits < 256 })},
	{tlsgrade.AskSuites256, sound(func(s tlswire.Suite) bool { return s.Bits >= 256 })},
	{tlsgrade.AskSuitesAEAD, sound(func(s tlswire.Suite) bool { return s.AEAD })},
	{tlsgrade.AskSuitesDHE, func(s tlswire.Suite) bool { return s.Exchange == "DHE" && !s.Export }},
	{tlsgrade.AskSuitesStaticRSA, sound(func(s tlswire.Suite) bool { return !s.TLS13() && s.Exchange != "ECDHE" && s.Exchange != "DHE" })},
}

// usual are the suites that a version is asked for with, so that the hello stays short: those that were defined for it, and of TLS 1.2, where
// the classes cover all of them, those that servers have.
func usual(version uint16) func(tlswire.Suite) bool {
	if version < tlswire.TLS12 {
		return func(s tlswire.Suite) bool {
			return !s.AEAD && !strings.HasSuffix(s.Name, "_SHA256") && !strings.HasSuffix(s.Name, "_SHA384")
		}
	}
	rare := []string{"ARIA", "CAMELLIA", "CCM", "SEED", "IDEA", "_DSS", "_EXPORT", "FIPS", "CECPQ1", "ECDH_RSA", "ECDH_ECDSA", "TLS_DH_RSA"}
	return func(s tlswire.Suite) bool {
		return !slices.ContainsFunc(rare, func(part string) bool { return strings.Contains(s.Name, part) })
	}
}

// rareAsk offers an old version with the suites that versionAsk leaves out.
func rareAsk(version uint16) ask {
	has := usual(version)
	return classAsk(version, "suites of later versions", func(s tlswire.Suite) bool { return !has(s) })
}

// versionAsk asks for one version.
func versionAsk(version uint16) ask {
	if version == tlswire.SSL2 {
		return ask{what: "SSL 2.0", ssl2: true}
	}
	a := ask{what: versionName(version), hello: tlswire.Hello{Version: version, Suites: tlswire.Matching(usual(version)),
		Compression: version < tlswire.TLS13, Heartbeat: version < tlswire.TLS13, Status: true, ALPN: alpn}}
	if version == tlswire.TLS13 {
		a.hello.Suites, a.hello.ALPN = tlswire.Matching13(func(tlswire.Suite) bool { return true }), alpn
	}
	if version == tlswire.SSL3 {
		a.hello.Suites = append(a.hello.Suites, tlswire.RenegotiationSCSV)
	}
	return a
}

var alpn = []string{"h2", "http/1.1"}

// classAsk offers one class of suites in one version.
func classAsk(version uint16, what string, match func(tlswire.Suite) bool) ask {
	matching := tlswire.Matching
	if version == tlswire.TLS13 {
		matching = tlswire.Matching13
	}
	return ask{what: what + " in " + versionName(version), hello: tlswire.Hello{Version: version, Suites: matching(match), ALPN: alpn}}
}

// Groups by size, for ECDHE.
var (
	weakGroups   = groups(func(bits int) bool { return bits < 255 })
	middleGroups = groups(func(bits int) bool { return bits >= 255 && bits < 384 })
)

func groups(match func(bits int) bool) []uint16 {
	var list []uint16
	for _, id := range tlswire.AllGroups {
		if match(tlswire.GroupBits(id)) {
			list = append(list, id)
		}
	}
	return list
}

func curveAsk(version uint16, what string, list []uint16) ask {
	a := classAsk(version, what, func(s tlswire.Suite) bool { return version == tlswire.TLS13 || s.Exchange == "ECDHE" && !isBroken(s) })
	a.hello.Groups = list
	return a
}

// authAsk offers the suites of one kind of certificate.
func authAsk(version uint16, auth string) ask {
	return classAsk(version, auth+" certificates", func(s tlswire.Suite) bool { return s.Auth == auth && !isBroken(s) })
}

// kind is a kind of certificate, by the signature schemes of TLS 1.3 that it makes possible (RFC 8446 4.2.3, RFC 8734).
type kind struct {
	name    string
	schemes []uint16
}

// kinds are in two lists, each offered at once; what is behind the answer is asked by leaving it out.
var kinds = [][]kind{
	{{"RSA", []uint16{0x0804, 0x0805, 0x0806}}, {"RSA-PSS", []uint16{0x0809, 0x080a, 0x080b}}},
	{{"ECDSA P-256", []uint16{0x0403}}, {"ECDSA P-384", []uint16{0x0503}}, {"ECDSA P-521", []uint16{0x0603}}, {"Ed25519", []uint16{0x0807}}, {"Ed448", []uint16{0x0808}},
		{"ECDSA brainpool P-256", []uint16{0x081a}}, {"ECDSA brainpool P-384", []uint16{0x081b}}, {"ECDSA brainpool P-512", []uint16{0x081c}}},
}

// kindOf is the kind that a signature scheme belongs to, nil where there is none.
func kindOf(scheme uint16) *kind {
	for _, list := range kinds {
		for i := range list {
			if slices.Contains(list[i].schemes, scheme) {
				return &list[i]
			}
		}
	}
	return nil
}

// kindsAsk offers TLS 1.3 to some kinds of certificates only.
func kindsAsk(list []kind) ask {
	a := ask{certificate: true, hello: tlswire.Hello{Version: tlswire.TLS13, Suites: tlswire.Readable13, ALPN: alpn, Status: true}}
	var names []string
	for _, k := range list {
		names = append(names, k.name)
		a.hello.Signatures = append(a.hello.Signatures, k.schemes...)
	}
	a.what = "certificates of TLS 1.3 for " + strings.Join(names, ", ")
	return a
}

// fallbackAsk is a client that falls back without need (RFC 7507): a server that knows better declines.
func fallbackAsk(version uint16) ask {
	a := versionAsk(version)
	a.what = "a needless fallback to " + versionName(version)
	a.hello.Suites = append(a.hello.Suites, tlswire.FallbackSCSV)
	return a
}

// browsers are the reference clients of the rules about what is really negotiated: what they offer, in their order. They
// also stand for those with RC4 and 3DES. Firefox is not among them: it offers all that Chrome does, and what it has beside is as good.
var browsers = []struct {
	name   string
	hello  tlswire.Hello
	modern bool
}{
	{"Chrome", tlswire.Hello{Version: tlswire.TLS13, Older: true, ALPN: alpn, Groups: []uint16{29, 23, 24},
		Suites: []uint16{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035}}, true},
	{"Safari 10", tlswire.Hello{Version: tlswire.TLS12, ALPN: alpn, Groups: []uint16{23, 24, 25},
		Suites: []uint16{0xc02c, 0xc02b, 0xc024, 0xc023, 0xc00a, 0xc009, 0xc008, 0xc030, 0xc02f, 0xc028, 0xc027, 0xc014, 0xc013, 0xc012, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a, 0xc007, 0xc011, 0x0005, 0x0004}}, true},
	{"Internet Explorer 11", tlswire.Hello{Version: tlswire.TLS12, ALPN: alpn, Groups: []uint16{23, 24},
		Suites: []uint16{0xc028, 0xc027, 0xc014, 0xc013, 0x009f, 0x009e, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0xc02c, 0xc02b, 0xc024, 0xc023, 0xc00a, 0xc009, 0x006a, 0x0040, 0x0038, 0x0032, 0x000a, 0x0013}}, false},
}

func versionName(v uint16) string {
	switch v {
	case tlswire.SSL2:
		return "SSL 2.0"
	case tlswire.SSL3:
		return "SSL 3.0"
	default:
		return tls.VersionName(v)
	}
}

func suiteName(id uint16) string {
	if s, known := tlswire.Suites[id]; known {
		return s.Name
	}
	return fmt.Sprintf("suite 0x%04x", id)
}
