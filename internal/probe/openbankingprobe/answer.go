package openbankingprobe

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"regexp"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// said is what an answer means, without anything of a person.
type said struct {
	Status  int    `json:"status"`
	Code    string `json:"code,omitempty"` // of its first message of category ERROR
	Request string `json:"x_request_id"`   // by which the provider finds the call
	from    string
}

func (s said) String() string {
	if s.Code == "" {
		return fmt.Sprintf("status %d", s.Status)
	}
	return fmt.Sprintf("status %d with %s", s.Status, s.Code)
}

// messages are what the framework has every error, and some answers that are none, carry.
type messages struct {
	Messages []struct {
		Category string `json:"category"`
		Code     string `json:"code"`
	} `json:"tppMessages"`
}

// shape is that of a message code. What has a digit is none: an answer may have an account number anywhere.
var shape = regexp.MustCompile(`^[A-Z][A-Z_]{2,39}$`)

// ask makes one call, whose answer is read into a value where it is a success. An error comes with what was said, where something was.
func ask(ctx context.Context, api *jsonapi.Service, r jsonapi.Request, into any) (said, error) {
	s := said{Request: uuid()}
	header := http.Header{"X-Request-ID": {s.Request}} // mandatory with every call, and unique
	maps.Copy(header, r.Header)
	r.Header = header
	if _, own := header["Authorization"]; api.Token == nil && api.Base != "" && !own {
		_, err := probe.Reveal(ctx, api.Key, nil)
		return s, err
	}
	answer, err := api.Do(ctx, r)
	if answer == nil {
		return s, err
	}
	s.Status, s.from = answer.Status, answer.From
	var m messages
	if answer.Read(&m) == nil {
		for _, message := range m.Messages {
			if message.Category == "ERROR" && s.Code == "" {
				s.Code = clean(shape, message.Code)
			}
		}
	}
	switch {
	case s.Code == "ACCESS_EXCEEDED":
		return s, &probe.Unknown{Class: "openbanking.exceeded", Want: "an answer of " + api.Name, Got: s.String(), From: s.from,
			Fix: "run the gate again tomorrow: the consent's reads of today are used up"}
	case jsonapi.Refused(err) && s.Code != "":
		return s, nil // it says why
	case err != nil:
		return s, err
	case s.Status >= 200 && s.Status < 300 && into != nil:
		return s, answer.Read(into)
	}
	return s, nil
}

// clean is a word of the provider's where it has its shape, and otherwise none of its.
func clean(shape *regexp.Regexp, word string) string {
	if shape.MatchString(word) {
		return word
	}
	return "an unreadable word"
}

const (
	newToken   = "see with the provider that the token is there, of this environment, and good until after the launch"
	newConsent = "let a person consent again, with strong customer authentication, and store the new ids"
	newPayment = "correct openbanking.sandbox.product and payment by the sandbox's documentation"
)

// codes are the message codes that tell something of the launch, and what to do then. No other code tells anything.
var codes = map[string]string{
	"TOKEN_UNKNOWN": newToken, "TOKEN_INVALID": newToken, "TOKEN_EXPIRED": newToken, "ROLE_INVALID": newToken,
	"CERTIFICATE_INVALID": newToken, "CERTIFICATE_EXPIRED": newToken, "CERTIFICATE_REVOKED": newToken, "CERTIFICATE_BLOCKED": newToken,
	"CERTIFICATE_MISSING": newToken,
	"CONSENT_UNKNOWN":     newConsent, "CONSENT_INVALID": newConsent, "CONSENT_EXPIRED": newConsent, "RESOURCE_UNKNOWN": newConsent,
	"RESOURCE_EXPIRED": newConsent, "RESOURCE_BLOCKED": newConsent,
	"PRODUCT_INVALID": newPayment, "PRODUCT_UNKNOWN": newPayment, "PAYMENT_FAILED": newPayment,
}

// wrong is why an answer that is no success is none: Unmet where its code tells something of the launch. A success with an error in it
// contradicts itself, and tells nothing.
func (s said) wrong(want string) error {
	fix, tells := codes[s.Code]
	if s.Status == http.StatusUnauthorized && !tells {
		fix, tells = newToken, true
	}
	if tells && s.Status >= 400 {
		return &probe.Unmet{Class: "openbanking.refused", Want: want, Got: s.String(), From: s.from, Fix: fix}
	}
	return &probe.Unknown{Class: "openbanking.answer", Want: want, Got: s.String(), From: s.from, Fix: "ask the provider what it means"}
}

// is says whether an answer has a status and no error in it.
func (s said) is(status int, want string) error {
	if s.Status == status && s.Code == "" {
		return nil
	}
	return s.wrong(want)
}

// uuid is a new random one (RFC 9562 5.4), as X-Request-ID must be.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
