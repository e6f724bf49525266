package secretsprobe

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func chance(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return raw
}

func class(u *probe.Unmet) string {
	if u == nil {
		return ""
	}
	return u.Class
}

func TestRandom(t *testing.T) {
	for range 2000 { // chance must never be called a pattern
		for _, value := range []string{base64.StdEncoding.EncodeToString(chance(48)), hex.EncodeToString(chance(32)), base64.RawURLEncoding.EncodeToString(chance(32))} {
			assert.Nil(t, random(value, 32), value)
		}
	}
	assert.Nil(t, random("tBdbrFc4kxVkoqX5oZ7zU2BeraNqrnBCMMVMHbWVEJU", 32), "chance can begin with tbd")
	for value, want := range map[string]string{
		"TBD-before-the-launch-of-the-application": "secret.placeholder",
		"xxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxx":  "secret.placeholder",
		"":                                    "secret.short",
		"short":                               "secret.short",
		strings.Repeat("a", 64):               "secret.placeholder",
		strings.Repeat("ab", 32):              "secret.weak",
		strings.Repeat("0123456789abcdef", 4): "secret.weak",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789":                       "secret.weak",
		"this-is-the-drop-production-jwt-secret-2027":                                          "secret.weak",
		"correct horse battery staple correct horse battery staple":                            "secret.weak",
		"changeme-changeme-changeme-changeme":                                                  "secret.placeholder",
		"{{JWT_SECRET}}xxxxxxxxxxxxxxxxxxxxxxxxxxx":                                            "secret.placeholder",
		base64.StdEncoding.EncodeToString([]byte("this-is-the-drop-production-jwt-secret-27")): "secret.weak",
		base64.StdEncoding.EncodeToString(chance(48)) + "\n":                                   "secret.space",
		" " + base64.StdEncoding.EncodeToString(chance(48)):                                    "secret.space",
		"supersecretjwtkeyforproduction2026x":                                                  "secret.weak",
		"MyDropPasswordIsVeryLongAndStillNotRandom":                                            "secret.weak",
		`{"JWT_SECRET":"hunter2-hunter4-hunter8-xyz"}`:                                         "secret.json", // the application would sign with the document
		hex.EncodeToString(make([]byte, 32)):                                                   "secret.placeholder",
		base64.StdEncoding.EncodeToString(make([]byte, 48)):                                    "secret.placeholder",
	} {
		assert.Equal(t, want, class(random(value, 32)), value)
	}
}

func TestLeadsTo(t *testing.T) {
	at := Endpoint{Host: "db.example.com", User: "postgres"}
	for value, want := range map[string]string{
		"postgresql://app:pw@db.example.com:5432/drop?sslmode=verify-full":              "",
		"postgres://app:pw@DB.example.com./drop?sslmode=require":                        "",
		"postgres://app:p%40w@db.example.com/drop?sslmode=verify-ca&application_name=x": "",
		"postgres://app:pw@db.example.com/drop":                                         "secret.tls",
		"postgres://app:pw@db.example.com/drop?sslmode=prefer":                          "secret.tls",
		"postgres://app:pw@db.example.com/drop?sslmode=disable":                         "secret.tls",
		"postgres://app:pw@db.example.com/drop?sslmode=disable&sslmode=require":         "secret.tls",
		"postgres://app:pw@db-staging.example.com/drop?sslmode=require":                 "secret.database",
		"postgres://app:pw@db.example.com.evil.example/drop?sslmode=require":            "secret.database",
		"postgres://app:pw@db.example.com:6432/drop?sslmode=require":                    "secret.database",
		"postgres://app:pw@db.example.com/drop?sslmode=require&host=elsewhere.example":  "secret.database",
		"postgres://app:pw@db.example.com/drop?sslmode=require&hostaddr=192.0.2.1":      "secret.database",
		// Parameters win over what stands before them: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
		"postgres://app:pw@db.example.com/drop?sslmode=require&user=postgres":     "secret.database",
		"postgres://app:pw@db.example.com/drop?sslmode=require&port=6432":         "secret.database",
		"postgres://app:pw@db.example.com/drop?sslmode=require&dbname=staging":    "secret.database",
		"postgres://app:pw@db.example.com/drop?sslmode=require&database=staging":  "secret.database",
		"postgres://app:pw@db.example.com/drop?sslmode=require&password=x":        "secret.database",
		"postgres://app:CHANGEME@db.example.com/drop?sslmode=require":             "secret.placeholder",
		"postgres://app:%3Cpassword%3E@db.example.com/drop?sslmode=require":       "secret.placeholder",
		"postgres://app:@db.example.com/drop?sslmode=require":                     "secret.form",
		"postgres://app:pw@db.example.com,elsewhere.example/drop?sslmode=require": "secret.database",
		"postgres://postgres:pw@db.example.com/drop?sslmode=require":              "secret.master",
		"postgres://Postgres:pw@db.example.com/drop?sslmode=require":              "secret.master",
		"postgres://app@db.example.com/drop?sslmode=require":                      "secret.form",
		"postgres://app:pw@db.example.com/?sslmode=require":                       "secret.form",
		"postgres://db.example.com/drop?sslmode=require":                          "secret.form",
		"mysql://app:pw@db.example.com/drop?sslmode=require":                      "secret.form",
		"host=db.example.com user=app password=pw dbname=drop sslmode=require":    "secret.form",
		"postgres://app:p w\x00@db.example.com/drop":                              "secret.form",
		"postgres://app:pw@db.example.com/drop?sslmode=require\n":                 "secret.space",
	} {
		got := leadsTo(value, at, 5432)
		assert.Equal(t, want, class(got), value)
		if got != nil {
			assert.NotContains(t, fmt.Sprint(got), "pw@", "no message repeats a value")
		}
	}
}

func TestLeadsToTheDatabaseThatTheGatesLookAt(t *testing.T) {
	at := Endpoint{Host: "db.example.com", Database: "drop"}
	assert.Nil(t, leadsTo("postgres://app:pw@db.example.com/drop?sslmode=require", at, 5432))
	assert.Equal(t, "secret.database", class(leadsTo("postgres://app:pw@db.example.com/drop_old?sslmode=require", at, 5432)))
}

func TestAValueIsNeverPrinted(t *testing.T) {
	s := secret{value: hold("planted-value")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		assert.NotContains(t, fmt.Sprintf(verb, s), "planted", verb)
		assert.NotContains(t, fmt.Sprintf(verb, map[string]secret{"x": s}), "planted", verb)
		assert.NotContains(t, fmt.Sprintf(verb, s), hex.EncodeToString([]byte("planted")), verb)
	}
}

func TestAnEmptyValueIsNoneThough(t *testing.T) {
	assert.Equal(t, "secret.short", class(whole("", 0)), "of a binary secret, or one of a byte")
}
