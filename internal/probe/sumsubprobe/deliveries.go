package sumsubprobe

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // only to see that the application refuses it
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"time"
)

// SHA256 is the one algorithm that an endpoint must take (https://docs.sumsub.com/docs/webhook-manager, "Verify webhook sender").
const SHA256 = "HMAC_SHA256_HEX"

// The deliveries, in the order in which they are made.
const (
	Valid      = "valid"
	Replay     = "replay"
	Altered    = "altered"
	Unsigned   = "unsigned"
	Downgraded = "downgraded"
	Afterwards = "valid again" // so that whatever was queued before is seen
)

// message is one request to the endpoint.
type message struct {
	how    string
	event  string // its correlationId
	body   []byte
	digest string // X-Payload-Digest; empty: none
	alg    string // X-Payload-Digest-Alg; empty: none
}

func (m message) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if m.digest != "" {
		h.Set("X-Payload-Digest", m.digest)
	}
	if m.alg != "" {
		h.Set("X-Payload-Digest-Alg", m.alg)
	}
	return h
}

// delivery is what is sent under one name: each message is another way to do the same.
type delivery struct {
	name     string
	messages []message
}

// deliveries are all that are made. Each message but the replay has an event of its own: what an endpoint wrongly believes is no replay to it.
func deliveries(secret, user string, now time.Time) []delivery {
	made := 0
	signed := func(how, answer string) message {
		made++
		m := message{how: how, event: "launchgate-" + rand.Text(), alg: SHA256}
		m.body = payload(m.event, user, answer, now.Add(time.Duration(made)*time.Millisecond))
		m.digest = digest(sha256.New, secret, m.body)
		return m
	}
	with := func(how string, change func(*message)) message {
		m := signed(how, "GREEN") // what somebody would forge
		change(&m)
		return m
	}
	valid := signed("as Sumsub signs", "RED")
	replay := valid
	replay.how = "the same again"
	weak := func(new func() hash.Hash, alg string) func(*message) {
		return func(m *message) { m.digest, m.alg = digest(new, secret, m.body), alg }
	}
	return []delivery{
		{Valid, []message{valid}},
		{Replay, []message{replay}},
		{Altered, []message{
			with("another body under the old digest", func(m *message) { m.digest = valid.digest }),
			with("the digest's last digit changed", func(m *message) { m.digest = m.digest[:len(m.digest)-1] + otherDigit(m.digest[len(m.digest)-1]) }),
			with("the digest cut to 8 digits", func(m *message) { m.digest = m.digest[:8] }),
		}},
		{Unsigned, []message{
			with("no headers", func(m *message) { m.digest, m.alg = "", "" }),
			with("no digest", func(m *message) { m.digest = "" }),
			with("no digest by NONE", func(m *message) { m.digest, m.alg = "", "NONE" }),
		}},
		{Downgraded, []message{
			with("HMAC_SHA1_HEX, correct", weak(sha1.New, "HMAC_SHA1_HEX")),
			with("SHA-1 without an algorithm", weak(sha1.New, "")),
			with("the unknown HMAC_MD5_HEX, correct", weak(md5.New, "HMAC_MD5_HEX")),
		}},
		{Afterwards, []message{signed("as Sumsub signs", "RED")}},
	}
}

func otherDigit(digit byte) string {
	if digit == '0' {
		return "1"
	}
	return "0"
}

func digest(algorithm func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// payload is an applicantReviewed event (https://docs.sumsub.com/docs/user-verification-webhooks) about the canary, which is nobody: of a
// level that no person is checked for. Sumsub's digest is of the bytes, and so these are bytes that no encoder would write again: spaces,
// escapes and an order of its own.
func payload(event, user, answer string, at time.Time) []byte {
	return fmt.Appendf(nil, "{\n  \"type\" : \"applicantReviewed\",\n\t\"reviewStatus\":\"completed\",  \"applicantId\" : \"launchgatecanary00000000\",\r\n"+
		"  \"inspectionId\" : \"launchgatecanary00000001\", \"applicantType\" : \"individual\",\n  \"correlationId\" : %s,\n  \"levelName\" : \"launchgate\\u002dcanary\",\n"+
		"  \"sandboxMode\" : false, \"externalUserId\" : %s,\n  \"reviewResult\" : { \"reviewAnswer\" : %s, \"moderationComment\" : \"prøve \\/ test\" },\n"+
		"  \"createdAtMs\" : %s, \"clientId\" : \"launchgate\" }", quoted(event), quoted(user), quoted(answer), quoted(at.UTC().Format("2006-01-02 15:04:05.000")))
}

func quoted(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text always encodes
	}
	return b
}
