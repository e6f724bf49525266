package sumsubprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Check is the identity check that a person went through (https://docs.sumsub.com/reference/get-applicant-data).
type Check struct {
	Applicant string        // id
	Level     string        // empty: any
	TTL       time.Duration // how long ago it may be
}

// applicant is what is read of one. Everything else that Sumsub says is a person's, and is not read.
type applicant struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Review Review `json:"review"`
	Info   struct {
		Documents []struct {
			Kind string `json:"idDocType"`
		} `json:"idDocs"` // nil: Sumsub does not show them to the token
	} `json:"info"`
}

// identity are the documents that say who somebody is (https://docs.sumsub.com/reference/add-id-documents).
var identity = []string{"ID_CARD", "PASSPORT", "DRIVERS", "RESIDENCE_PERMIT"}

// Review is what decides of an applicant, and the evidence.
type Review struct {
	Status string `json:"reviewStatus"`
	Date   string `json:"reviewDate"`
	Level  string `json:"levelName"`
	Result struct {
		Answer string `json:"reviewAnswer"`
	} `json:"reviewResult"`
}

// Approved claims that the applicant is a person who was approved with a document of identity, and that this is not long ago. An
// applicant can be imported as approved without one (https://docs.sumsub.com/reference/import-applicants).
func (a *Account) Approved(check Check) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "applicant " + check.Applicant, Source: "Sumsub, applicant data"}
		if check.Applicant == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a person who was checked in production with a real document", Got: "no sumsub.kyc.applicant in launch.yaml", Fix: "go through the check in production, and add the applicant's id"}
		}
		var person applicant
		answer, err := a.get(ctx, "/resources/applicants/"+url.PathEscape(check.Applicant)+"/one", &person)
		switch {
		case err != nil:
			return evidence, err
		case answer.Status == http.StatusNotFound:
			return evidence, &probe.Unmet{Class: "sumsub.applicant", Want: "applicant " + check.Applicant, Got: "no such applicant in production", From: answer.From, Fix: "correct sumsub.kyc.applicant; one of the sandbox does not count"}
		case answer.Status != http.StatusOK:
			return evidence, answer.Unexpected()
		case person.ID != check.Applicant:
			return evidence, answer.Incomplete("the applicant that was asked for")
		}
		evidence.Asked, evidence.Observed = []string{answer.From}, person.Review
		return evidence, approved(person, check, a.now(), answer.From)
	}
}

func approved(a applicant, check Check, now time.Time, from string) error {
	r := a.Review
	want := "an applicant approved within the last " + check.TTL.String()
	if r.Status == "" {
		return &probe.Unknown{Class: "sumsub.incomplete", Want: want, Got: "an answer without a reviewStatus", From: from, Fix: "see whether the API has changed"}
	}
	unmet := &probe.Unmet{Class: "sumsub.review", Want: want, From: from, Fix: "finish the check, or go through it again in production with a real document"}
	switch {
	case r.Status != "completed":
		unmet.Got = "reviewStatus " + r.Status // the answer means nothing before
		return unmet
	case r.Result.Answer != "GREEN":
		unmet.Got = strings.TrimSpace("reviewAnswer " + r.Result.Answer)
		return unmet
	case check.Level != "" && r.Level != check.Level:
		unmet.Want, unmet.Got = want+" for level "+check.Level, "level "+r.Level
		return unmet
	}
	switch {
	case a.Type == "company":
		unmet.Want, unmet.Got = "a person", "a company"
		return unmet
	case a.Type != "individual":
		return &probe.Unknown{Class: "sumsub.incomplete", Want: want, Got: fmt.Sprintf("an applicant of type %.20q", a.Type), From: from, Fix: "see whether the API has changed"}
	case a.Info.Documents == nil:
		return &probe.Unknown{Class: "sumsub.incomplete", Want: want + " with a document of identity", Got: "no info.idDocs", From: from, Fix: "let the app token see applicants' personal data: nothing else of it is read"}
	}
	known := false
	for _, document := range a.Info.Documents {
		known = known || slices.Contains(identity, document.Kind)
	}
	if !known {
		unmet.Class, unmet.Want, unmet.Got = "sumsub.document", want+" with a document of identity", "one without"
		return unmet
	}
	at, ok := reviewed(r.Date)
	if !ok {
		return &probe.Unknown{Class: "sumsub.incomplete", Want: want, Got: "no date of the review that can be read", From: from, Fix: "see whether the API has changed"}
	}
	if age := now.Sub(at); age > check.TTL || age < -5*time.Minute {
		unmet.Class, unmet.Got = "sumsub.old", "one reviewed at "+at.UTC().Format(time.RFC3339)
		return unmet
	}
	return nil
}

// reviewed reads a date of Sumsub: GMT, where it does not say another zone.
func reviewed(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05-0700", "2006-01-02 15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
