package mailtext

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The grammar of names in SPF records (RFC 7208 7.1, 12).
var (
	macroExpand = regexp.MustCompile(`^%(?:[%_-]|\{([A-Za-z])([0-9]*)[rR]?[.\-+,/_=]*\})`)
	// topLabel is a name's last label: not of digits alone, with hyphens only inside.
	topLabel = regexp.MustCompile(`\.(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?$`)
)

// checkMacros reads a macro string, in which the letters may stand, and says whether a macro is its end.
func checkMacros(text, letters string) (atEnd bool, err error) {
	for text != "" {
		if atEnd = text[0] == '%'; !atEnd {
			if text[0] <= ' ' || text[0] > '~' {
				return false, fmt.Errorf("the character %q", text[0])
			}
			text = text[1:]
			continue
		}
		m := macroExpand.FindStringSubmatch(text)
		switch {
		case m == nil:
			return false, fmt.Errorf("%.20q is no macro", text)
		case m[1] == "": // %%, %_ or %-
		case !strings.Contains(letters, strings.ToLower(m[1])):
			return false, fmt.Errorf("the macro %s may not stand here, or does not exist", m[0])
		case m[2] != "" && strings.Trim(m[2], "0") == "":
			return false, fmt.Errorf("the macro %s keeps no part", m[0])
		}
		text = text[len(m[0]):]
	}
	return atEnd, nil
}

// checkDomain reads a domain-spec: a macro string that ends in a label that can be a top-level domain's, or in a macro. c, r and t may stand
// in explanations only (RFC 7208 7.2).
func checkDomain(domain string) error {
	macroAtEnd, err := checkMacros(domain, "slodiphv")
	switch {
	case err != nil:
	case domain == "":
		err = errors.New("nothing there")
	case !topLabel.MatchString(domain) && !macroAtEnd:
		err = errors.New("its last label is none of a domain's name")
	case !Macro(domain):
		err = checkLabels(domain)
	}
	if err != nil {
		return fmt.Errorf("%q is no domain: %w", domain, err)
	}
	return nil
}

// checkLabels refuses what cannot be asked for (RFC 1035 2.3.4).
func checkLabels(domain string) error {
	domain = strings.TrimSuffix(domain, ".")
	if len(domain) > 253 {
		return errors.New("it is longer than 253 characters")
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("the label %q has not 1 to 63 characters", label)
		}
	}
	return nil
}
