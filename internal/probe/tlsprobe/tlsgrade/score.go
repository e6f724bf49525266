package tlsgrade

// Score is the three categories of the guide, 0 to 100.
type Score struct {
	Protocol    int `json:"protocol"`
	KeyExchange int `json:"key_exchange"`
	Cipher      int `json:"cipher"`
}

// total weighs the categories (guide, "Methodology overview"); a zero in any is a zero in all.
func (s Score) total() float64 {
	if s.Protocol == 0 || s.KeyExchange == 0 || s.Cipher == 0 {
		return 0
	}
	return 0.3*float64(s.Protocol) + 0.3*float64(s.KeyExchange) + 0.4*float64(s.Cipher)
}

// letter is the best grade that the score leaves.
func (s Score) letter() string {
	for _, l := range []struct {
		least  float64
		letter string
	}{{80, "A"}, {65, "B"}, {50, "C"}, {35, "D"}, {20, "E"}} {
		if s.total() >= l.least {
			return l.letter
		}
	}
	return "F"
}

// score is the three categories (guide, "Protocol support", "Key exchange", "Cipher strength") of what was seen, with the reasons for
// points lost. What was not seen has caps of its own: a server that no cap makes F has 80 points at least.
func (j *judgement) score() Score {
	versions, suites := j.versions(), j.o.suites()
	s := Score{Protocol: (protocolPoints[versions[0]] + protocolPoints[versions[len(versions)-1]]) / 2, KeyExchange: j.exchangePoints()}
	strongest, weakest := 0, 100
	known := 0
	for _, suite := range suites {
		if !suite.Strange {
			known++
			strongest, weakest = max(strongest, cipherPoints(suite.Bits)), min(weakest, cipherPoints(suite.Bits))
		}
	}
	if known == 0 {
		j.perhaps("score", "F", "the score: no cipher suite was seen")
		return Score{}
	}
	s.Cipher = (strongest + weakest) / 2
	for _, category := range []struct {
		id, what, fix string
		points        int
	}{
		{"score-protocol", "the protocol score", "switch old versions off", s.Protocol},
		{"score-key-exchange", "the key-exchange score", "take a larger key or stronger ephemeral parameters", s.KeyExchange},
		{"score-cipher", "the cipher score", "switch weak suites off", s.Cipher},
	} {
		if category.points < 100 {
			j.because(category.id, "", category.fix, "%s is %d of 100", category.what, category.points)
		}
	}
	if letter := s.letter(); letter != "A" {
		j.because("score", letter, "see the categories", "a score of %.0f", s.total())
	}
	return s
}

var protocolPoints = map[Version]int{SSL2: 0, SSL3: 80, TLS10: 90, TLS11: 95, TLS12: 100, TLS13: 100}

func cipherPoints(bits int) int {
	switch {
	case bits == 0:
		return 0
	case bits < 128:
		return 20
	case bits < 256:
		return 80
	default:
		return 100
	}
}

// exchangePoints are those of the weakest key: a certificate's, or an ephemeral one.
func (j *judgement) exchangePoints() int {
	points := 100
	for _, chain := range j.o.Chains {
		if len(chain.Certificates) > 0 {
			if _, bits := keyBits(chain.Certificates[0]); bits > 0 {
				points = min(points, keyPoints(bits))
			}
		}
	}
	for _, s := range j.o.suites() {
		points = min(points, ephemeralPoints(s))
	}
	return points
}

func ephemeralPoints(s Suite) int {
	switch {
	case s.Anonymous:
		return 0
	case s.Export:
		return 40
	case s.Exchange.Bits == 0:
		return 100
	default:
		return keyPoints(s.strength())
	}
}

func keyPoints(bits int) int {
	switch {
	case bits < 512:
		return 20
	case bits < 1024:
		return 40
	case bits < 2048:
		return 80
	case bits < 4096:
		return 90
	default:
		return 100
	}
}
