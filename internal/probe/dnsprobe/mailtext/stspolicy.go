package mailtext

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// STSPolicy is the policy of MTA-STS, which a domain serves over HTTPS (RFC 8461 3.2).
type STSPolicy struct {
	Mode   string   `json:"mode"` // enforce, testing or none
	MX     []string `json:"mx"`   // names, or *. and a name
	MaxAge int      `json:"max_age"`
}

var (
	stsLine = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$`)
	stsMX   = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9]$`)
)

const longestSTS = 31557600 // seconds

// ParseSTSPolicy reads a policy. Of a field that stands there twice, other than mx, the first counts.
func ParseSTSPolicy(text string) (STSPolicy, error) {
	fields := map[string]string{}
	var p STSPolicy
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		m := stsLine.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
		switch {
		case m == nil:
			return p, fmt.Errorf("line %d, %.60q, is not a field and its value", i+1, line)
		case m[1] == "mx":
			if mx := strings.ToLower(m[2]); !stsMX.MatchString(mx) {
				return p, fmt.Errorf("mx: %.60q is no name", m[2])
			}
			p.MX = append(p.MX, strings.ToLower(m[2]))
		default:
			if _, twice := fields[m[1]]; !twice {
				fields[m[1]] = m[2]
			}
		}
	}
	var err error
	p.Mode = fields["mode"]
	p.MaxAge, err = strconv.Atoi(fields["max_age"])
	switch {
	case fields["version"] != "STSv1":
		return p, fmt.Errorf("version: %.60q is not STSv1", fields["version"])
	case !slices.Contains([]string{"enforce", "testing", "none"}, p.Mode):
		return p, fmt.Errorf("mode: %.60q is none of enforce, testing and none", p.Mode)
	case err != nil || p.MaxAge < 0 || p.MaxAge > longestSTS:
		return p, fmt.Errorf("max_age: %.60q is not 0 to %d seconds", fields["max_age"], longestSTS)
	case len(p.MX) == 0 && p.Mode != "none":
		return p, errors.New("no mx")
	}
	return p, nil
}

// Allows says whether senders may deliver to an exchanger. A *. stands for one label (RFC 8461 4.1).
func (p STSPolicy) Allows(exchanger string) bool {
	exchanger = strings.ToLower(strings.TrimSuffix(exchanger, "."))
	_, parent, _ := strings.Cut(exchanger, ".")
	return slices.Contains(p.MX, exchanger) || slices.Contains(p.MX, "*."+parent)
}
