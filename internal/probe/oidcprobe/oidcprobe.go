// Package oidcprobe claims things about an OpenID provider that people log in with, such as Norwegian BankID: what its discovery
// document and keys say, whether it knows the launch's client, and which callbacks it would send people back to. Nobody logs in. It
// must import neither `testing` nor the gates.
package oidcprobe

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// patience bounds one observation, which is several requests.
const patience = 25 * time.Second

const (
	discovery  = "OpenID Connect Discovery 1.0, 3 and 4"
	errorCodes = "RFC 6749 5.2"
	redirects  = "RFC 6749 3.1.2.4, RFC 9700 2.1"
)

// Client is what the launch has agreed on with the provider. ID and Secret are read when they are needed, and never kept.
type Client struct {
	ID, Secret func(context.Context) (string, error)
	Callback   string
	Scopes     []string
}

// Provider is one OpenID provider, as the launch's client sees it.
type Provider struct {
	issuer string
	client Client
	web    *httpprobe.Client
	api    func(base string) *jsonapi.Service
	random func() string // what nobody has ever issued

	documents probe.Memo[string, *document]
}

// New returns a provider that was not looked at yet. api gives the service at an origin; random a new word each time.
func New(issuer string, client Client, web *httpprobe.Client, api func(base string) *jsonapi.Service, random func() string) *Provider {
	return &Provider{issuer: issuer, client: client, web: web, api: api, random: random}
}

// document is what is used of the discovery document, by https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata.
type document struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Responses     []string `json:"response_types_supported"`
	Scopes        []string `json:"scopes_supported"`
	Grants        []string `json:"grant_types_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
}

// document fetches the discovery document, once for all claims.
func (p *Provider) document(ctx context.Context) (*document, error) {
	if p.issuer == "" {
		return nil, &probe.Unknown{Class: "not-configured", Want: "an OpenID provider", Got: "no bankid.issuer in launch.yaml", Fix: "add it"}
	}
	return p.documents.Try(ctx, "document", patience, func(ctx context.Context) (*document, error) {
		d := &document{}
		return d, p.read(ctx, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration", d)
	})
}

// read reads a JSON document.
func (p *Provider) read(ctx context.Context, address string, into any) error {
	service, path, err := p.service(address)
	if err != nil {
		return err
	}
	_, err = service.Fetch(ctx, path, into)
	return err
}

// service is what answers at an address, and what is asked of it.
func (p *Provider) service(address string) (*jsonapi.Service, string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, "", &probe.Unmet{Class: "oidc.discovery", Want: "an address with https", Got: address, From: p.issuer, Fix: "ask the provider"}
	}
	return p.api("https://" + u.Host), u.RequestURI(), nil
}

// keys are the provider's keys as they are on the wire.
func (p *Provider) keys(ctx context.Context, d *document) ([]json.RawMessage, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err := p.read(ctx, d.Keys, &set)
	return set.Keys, err
}
