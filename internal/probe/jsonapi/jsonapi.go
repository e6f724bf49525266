// Package jsonapi asks the JSON APIs of third parties, for probes: one request, one answer that is of today, or an honest
// *probe.Unknown. A service that is down, slow, throttled, behind a cache or replaced by somebody's HTML page has said nothing, so
// that no probe can read an empty answer out of it. It knows no API and judges nothing.
package jsonapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// The bounds of one request, where the service says no others.
const (
	Patience = 10 * time.Second
	// Age is how old an answer may be by its own Date and Age headers: what a cache kept from yesterday is not what is there now.
	Age = 5 * time.Minute

	maxBody = 4 << 20
	maxWait = 30 * time.Second // for a service that wants to be left alone; what takes longer is for the next run
	tries   = 3
)

// Service is one API. It is safe for concurrent use and must not be copied.
type Service struct {
	Name     string // for messages, such as GitHub
	Base     string // "https://host", with no / at its end
	Network  *probe.Network
	Resolver probe.Resolver // finds the service itself
	Header   http.Header    // sent with every request; no secret

	Token  func(context.Context) (string, error) // nil: none is sent
	Scheme string                                // all that stands before the token in Authorization; empty: "Bearer "
	Key    string                                // where launch.yaml refers to the token, for messages

	Patience time.Duration // for one request; 0 is the package's

	once sync.Once
	http *http.Client
}

// client reaches the service through the probes' network and follows no redirect: the token is for nobody else.
func (s *Service) client() *http.Client {
	s.once.Do(func() {
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.Network.DialName(ctx, s.Resolver, network, address)
		}
		transport := &http.Transport{DialContext: dial, IdleConnTimeout: time.Second, MaxConnsPerHost: 8, // an idle connection keeps one of the network's slots
			TLSClientConfig: &tls.Config{RootCAs: s.Network.Roots, MinVersion: tls.VersionTLS12}}
		s.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	})
	return s.http
}

// Request is one call. At most one of JSON and Form is there.
type Request struct {
	Method string // empty: GET
	Path   string // with its query
	JSON   any
	Form   map[string]string
	Header http.Header
	Kind   string // media type of the answer; empty: JSON; */*: any, for a caller that knows every word of it
	Absent bool   // a 404 may be plain text, or nothing; what it says is for the caller to judge

	Shown string // the path as messages have it, where it carries what nobody may read; empty: the path without its query
}

func (r Request) shown() string {
	path, _, _ := strings.Cut(r.Path, "?")
	return cmp.Or(r.Shown, path)
}

// Fetch is Get where nothing but a 200 tells anything.
func (s *Service) Fetch(ctx context.Context, path string, into any) (*Answer, error) {
	answer, err := s.Get(ctx, path, into)
	if err == nil && answer.Status != http.StatusOK {
		err = answer.Unexpected()
	}
	return answer, err
}

// Get is Do for a GET whose 200 is read into a value. Every other status is the answer's own affair, and into stays as it is.
func (s *Service) Get(ctx context.Context, path string, into any) (*Answer, error) {
	answer, err := s.Do(ctx, Request{Path: path})
	if err != nil || answer.Status != http.StatusOK {
		return answer, err
	}
	return answer, answer.Read(into)
}

// Do makes a call. Where the service says that it may be made again after a while, it is, as long as the deadline lets it. An
// error is a *probe.Unknown, with the answer where there was one; a status that has a meaning of its own in the API, such as 404, is an
// answer. What was Refused may say more than that the credential is not good.
func (s *Service) Do(ctx context.Context, r Request) (*Answer, error) {
	if s.Base == "" {
		return nil, s.unknown("not-configured", "the address of "+s.Name, "none in launch.yaml", "add it", nil)
	}
	for try := 1; ; try++ {
		answer, err := s.exchange(ctx, r)
		if err != nil {
			return nil, err
		}
		wait, limited := answer.limited()
		if !limited {
			return answer, answer.usable()
		}
		deadline, bounded := ctx.Deadline()
		if wait <= 0 || wait > maxWait || try == tries || bounded && time.Now().Add(wait).After(deadline) {
			return answer, answer.limit(wait)
		}
		if err := probe.Wait(ctx, wait); err != nil {
			return answer, answer.limit(wait)
		}
	}
}

// Unknown is why the service has told nothing that can be judged.
func (s *Service) unknown(class, want, got, fix string, err error) *probe.Unknown {
	return &probe.Unknown{Class: class, Want: want, Got: got, From: s.host(), Fix: fix, Err: err}
}

func (s *Service) host() string { return strings.TrimPrefix(s.Base, "https://") }
