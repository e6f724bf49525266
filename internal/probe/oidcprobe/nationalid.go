package oidcprobe

import (
	"bytes"
	"encoding/json"
	"strings"
)

// nationalIDs are the Norwegian national identity numbers in a JSON document, D numbers among them: eleven digits, or six and five, of
// which the last two are the check digits of the others (https://www.skatteetaten.no/en/person/national-registry/identitetsnummer/).
func nationalIDs(document []byte) []string {
	found := numbersIn(string(document))
	decoder := json.NewDecoder(bytes.NewReader(document)) // whose texts may be written with escapes
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		if text, ok := token.(string); ok {
			found = append(found, numbersIn(text)...)
		}
	}
}

func numbersIn(text string) []string {
	digit := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9' }
	digits := func(i int) int {
		n := 0
		for digit(i + n) {
			n++
		}
		return n
	}
	var all []string
	for i := range text {
		if !digit(i) || digit(i-1) {
			continue
		}
		var number, written string
		switch n := digits(i); {
		case n == 11:
			number, written = text[i:i+11], text[i:i+11]
		case n == 6 && i+7 < len(text) && strings.IndexByte(" .-", text[i+6]) >= 0 && digits(i+7) == 5:
			number, written = text[i:i+6]+text[i+7:i+12], text[i:i+12]
		default:
			continue
		}
		if checked(number) {
			all = append(all, written)
		}
	}
	return all
}

// checked says whether the last two of eleven digits are the check digits of the others, modulo 11.
func checked(number string) bool {
	for _, weights := range []string{"3761894521", "54327654321"} {
		sum := 0
		for i, weight := range weights {
			sum += int(weight-'0') * int(number[i]-'0')
		}
		if sum%11 != 0 {
			return false
		}
	}
	return true
}
