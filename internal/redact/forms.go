package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// forms are the ways in which a value surfaces in output: itself, its lines, and each of these as the usual encoders write it.
func forms(value string) []string {
	var all []string
	add := func(text string) {
		if len(text) >= MinLength {
			all = append(all, text)
		}
	}
	for _, plain := range append([]string{value, strings.TrimSpace(value)}, strings.Split(value, "\n")...) {
		plain = strings.TrimSuffix(plain, "\r")
		if len(strings.TrimSpace(plain)) < MinLength {
			continue
		}
		for _, text := range []string{plain, strings.TrimSpace(plain)} {
			add(text)
			for _, encoded := range encodings(text) {
				add(encoded)
			}
			for _, once := range quotings(text) { // a server quotes what it echoes, and a message quotes the server
				for _, twice := range quotings(once) {
					add(twice)
				}
			}
		}
	}
	return all
}

func encodings(text string) []string {
	raw := []byte(text)
	encoded := []string{
		url.QueryEscape(text), url.PathEscape(text), strings.ReplaceAll(url.QueryEscape(text), "+", "%20"),
		(&url.URL{Path: "/" + text}).EscapedPath()[1:], url.UserPassword("", text).String()[1:],
		html.EscapeString(text), strings.ReplaceAll(html.EscapeString(text), "&#34;", "&quot;"),
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
	for shift := range 3 {
		encoded = append(encoded, within(base64.StdEncoding, raw, shift), within(base64.URLEncoding, raw, shift))
	}
	return append(encoded, quotings(text)...)
}

// quotings are a text as a string of Go and of JSON, without the quotes around it.
func quotings(text string) []string {
	quoted := []string{unquoted(strconv.Quote(text)), unquoted(strconv.QuoteToASCII(text))}
	for _, escape := range []bool{true, false} {
		var out strings.Builder
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(escape)
		if err := encoder.Encode(text); err == nil { // a string always encodes
			quoted = append(quoted, unquoted(strings.TrimSuffix(out.String(), "\n")))
		}
	}
	return quoted
}

// within is how base64 shows a value that stands inside something longer, such as user:value: the characters that depend
// on nothing but the value, when shift bytes (modulo 3) stand before it.
func within(encoding *base64.Encoding, raw []byte, shift int) string {
	text := encoding.EncodeToString(append(make([]byte, shift), raw...))
	return text[(shift*8+5)/6 : (shift+len(raw))*8/6]
}

func unquoted(s string) string { return s[1 : len(s)-1] }
