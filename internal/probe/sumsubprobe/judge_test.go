package sumsubprobe

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// TestSignature has the value that `printf '%s' '1607551635POST/resources/accessTokens?userId=x{}' | openssl dgst -sha256 -hmac key` gives.
func TestSignature(t *testing.T) {
	assert.Equal(t, "ee9b95b995013713029544cb73335d4b38c5bd93ca5f33328a2cae0407356f89", Signature("key", "1607551635", "POST", "/resources/accessTokens?userId=x", []byte("{}")))
}

func TestProduction(t *testing.T) {
	for token, want := range map[string]probe.Status{"prd:1234567": probe.Pass, "sbx:1234567": probe.Fail, "prd:": probe.Fail, "1234567": probe.Fail, "xprd:1234567": probe.Fail, "": probe.Fail} {
		err := production(token)
		assert.Equal(t, want, probe.StatusOf(err), token)
		if err != nil {
			assert.NotContains(t, err.Error(), "1234567")
		}
	}
}

func TestWithoutQuery(t *testing.T) {
	for target, want := range map[string]string{
		"https://drop.example/api/kyc/webhook?token=x#y": "https://drop.example/api/kyc/webhook", "HTTPS://Drop.example:443/api": "https://drop.example/api", "https://drop.example:8443/api": "https://drop.example:8443/api",
		"https://drop.example./api": "https://drop.example./api", "https://user:x@drop.example/api": "https://credentials@drop.example/api", "https://drop.example@evil.example/api": "https://credentials@evil.example/api",
		"https://drop.example/api%2Fkyc": "https://drop.example/api%2Fkyc", "https://drop.example/x/../api": "https://drop.example/x/../api", "http://drop.example:443/api": "http://drop.example:443/api", ":": "‹no URL›",
	} {
		assert.Equal(t, want, withoutQuery(target), target)
	}
}

func TestDelivered(t *testing.T) {
	const target = "https://drop.example/api/kyc/webhook"
	full := func(hooks ...Webhook) []Webhook {
		for len(hooks) < mostListed {
			hooks = append(hooks, Webhook{Target: "https://other.example/", Types: []string{"a", "b"}})
		}
		return hooks
	}
	for title, test := range map[string]struct {
		hooks []Webhook
		want  probe.Status
		got   string
	}{
		"as it must be":      {[]Webhook{{Target: target, Types: []string{"a", "b", "c"}}}, probe.Pass, ""},
		"one for each type":  {[]Webhook{{Target: target, Types: []string{"a"}}, {Target: target, Types: []string{"b"}, Kind: "http", People: "individual"}}, probe.Pass, ""},
		"none":               {nil, probe.Fail, "none of a, b"},
		"one type":           {[]Webhook{{Target: target, Types: []string{"a"}}}, probe.Fail, "none of b"},
		"another host":       {[]Webhook{{Target: "https://evil.example/api/kyc/webhook", Types: []string{"a", "b"}}}, probe.Fail, "they go to https://evil.example"},
		"a longer host":      {[]Webhook{{Target: "https://drop.example.evil.example/api/kyc/webhook", Types: []string{"a", "b"}}}, probe.Fail, ""},
		"another path":       {[]Webhook{{Target: target + "/2", Types: []string{"a", "b"}}}, probe.Fail, ""},
		"plain HTTP":         {[]Webhook{{Target: "http://drop.example/api/kyc/webhook", Types: []string{"a", "b"}}}, probe.Fail, "http://drop"},
		"disabled":           {[]Webhook{{Target: target, Types: []string{"a", "b"}, Disabled: true}}, probe.Fail, "switched off for a, b"},
		"to a channel":       {[]Webhook{{Target: target, Types: []string{"a", "b"}, Kind: "slack"}}, probe.Fail, "delivered by slack for a, b"},
		"of companies":       {[]Webhook{{Target: target, Types: []string{"a", "b"}, People: "company"}}, probe.Fail, "applicants of type company for a, b"},
		"of some people":     {[]Webhook{{Target: target, Types: []string{"a", "b"}, SourceKeys: []string{"partner"}}}, probe.Fail, "some source keys for a, b"},
		"off, and another":   {[]Webhook{{Target: target, Types: []string{"a", "b"}, Disabled: true}, {Target: target, Types: []string{"b", "a"}}}, probe.Pass, ""},
		"a trailing dot":     {[]Webhook{{Target: "https://drop.example./api/kyc/webhook", Types: []string{"a", "b"}}}, probe.Fail, "they go to https://drop.example./"},
		"in a full list":     {full(Webhook{Target: target, Types: []string{"a", "b"}}), probe.Pass, ""},
		"not in a full list": {full(), probe.Blocked, "oldest 50"},
		"half in a full one": {full(Webhook{Target: target, Types: []string{"a"}}), probe.Blocked, "none of b among"},
	} {
		err := delivered(test.hooks, len(test.hooks) >= mostListed, target, []string{"a", "b"}, "Sumsub")
		assert.Equal(t, test.want, probe.StatusOf(err), title)
		if err != nil {
			assert.ErrorContains(t, err, test.got, title)
		}
	}
}

func TestApproved(t *testing.T) {
	now := time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)
	check := Check{Applicant: "x", Level: "basic", TTL: 14 * 24 * time.Hour}
	read := func(kind, documents, review string) applicant {
		var a applicant
		require.NoError(t, json.Unmarshal([]byte(`{"type":"`+kind+`","info":{`+documents+`},"review":`+review+`}`), &a))
		return a
	}
	const good, passport = `{"reviewStatus":"completed","reviewDate":"2027-01-08 12:00:00","levelName":"basic","reviewResult":{"reviewAnswer":"GREEN"}}`, `"idDocs":[{"idDocType":"SELFIE"},{"idDocType":"PASSPORT"}]`
	review := func(status, answer, date, level string) applicant {
		a := read("individual", passport, `{}`)
		a.Review = Review{Status: status, Date: date, Level: level}
		a.Review.Result.Answer = answer
		return a
	}
	for title, test := range map[string]struct {
		review applicant
		want   probe.Status
	}{
		"approved":             {review("completed", "GREEN", "2027-01-08 12:00:00", "basic"), probe.Pass},
		"approved, with zone":  {review("completed", "GREEN", "2027-01-08 12:00:00+0000", "basic"), probe.Pass},
		"rejected":             {review("completed", "RED", "2027-01-08 12:00:00", "basic"), probe.Fail},
		"no answer":            {review("completed", "", "2027-01-08 12:00:00", "basic"), probe.Fail},
		"green, but on hold":   {review("onHold", "GREEN", "2027-01-08 12:00:00", "basic"), probe.Fail},
		"green, but pending":   {review("pending", "GREEN", "2027-01-08 12:00:00", "basic"), probe.Fail},
		"of another level":     {review("completed", "GREEN", "2027-01-08 12:00:00", "other"), probe.Fail},
		"too old":              {review("completed", "GREEN", "2026-12-27 11:59:59", "basic"), probe.Fail},
		"just young enough":    {review("completed", "GREEN", "2026-12-27 12:00:00", "basic"), probe.Pass},
		"from the future":      {review("completed", "GREEN", "2027-01-11 12:00:00", "basic"), probe.Fail},
		"without a date":       {review("completed", "GREEN", "", "basic"), probe.Blocked},
		"of an unknown format": {review("completed", "GREEN", "yesterday", "basic"), probe.Blocked},
		"nothing":              {applicant{}, probe.Blocked},
		"a company":            {read("company", passport, good), probe.Fail},
		"of no type":           {read("", passport, good), probe.Blocked},
		"no document":          {read("individual", `"idDocs":[]`, good), probe.Fail},
		"a selfie alone":       {read("individual", `"idDocs":[{"idDocType":"SELFIE"}]`, good), probe.Fail},
		"documents not shown":  {read("individual", "", good), probe.Blocked},
		"rejected, once green": {read("individual", passport, `{"reviewStatus":"completed","reviewDate":"2027-01-08 12:00:00","levelName":"basic","reviewResult":{"reviewAnswer":"RED"},"previous":`+good+`}`), probe.Fail},
	} {
		assert.Equal(t, test.want, probe.StatusOf(approved(test.review, check, now, "Sumsub")), title)
	}
}

func TestAhead(t *testing.T) {
	at := time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)
	answer := func(status int, kind, date, age string) *httpprobe.Answer {
		h := http.Header{"Content-Type": {kind}, "Date": {date}}
		if age != "" {
			h.Set("Age", age)
		}
		return &httpprobe.Answer{Status: status, Header: h}
	}
	date := at.Format(http.TimeFormat)
	skew, err := ahead(answer(401, "application/json;charset=utf-8", date, ""), at.Add(9*time.Second), at.Add(11*time.Second), "")
	assert.NoError(t, err)
	assert.Equal(t, 10*time.Second, skew)
	for title, a := range map[string]*httpprobe.Answer{"down": answer(503, "application/json", date, ""), "limited": answer(429, "application/json", date, ""), "HTML": answer(200, "text/html", date, ""),
		"of a cache": answer(401, "application/json", date, "86400"), "no date": answer(401, "application/json", "", ""), "a date that is none": answer(401, "application/json", "today", "")} {
		_, err := ahead(a, at, at, "")
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), title)
	}
}
