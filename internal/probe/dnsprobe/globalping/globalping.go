// Package globalping asks probes of globalping.io, which stand in networks all over the world, to look up a name with their
// own resolvers, or to get a URL: https://globalping.io/docs/api.globalping.io (public/v1 in github.com/jsdelivr/globalping). It knows what the
// service says, not what that means for a launch. Every error is a *probe.Unknown: the service's silence is nobody's fault here.
package globalping

import (
	"context"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Base is where the service is.
const Base = "https://api.globalping.io"

// The service asks its clients to wait so long after each answer before they ask again (docs/CLIENT_GUIDELINES.md). It ends a
// measurement after 30 s by itself; what is missing long before that will not come.
const (
	pause    = 500 * time.Millisecond
	patience = 15 * time.Second
)

// Client asks the service.
type Client struct{ api *jsonapi.Service }

// New returns a client. The resolver finds the service itself; without a token it has the limit for everybody.
func New(network *probe.Network, resolver probe.Resolver, token func(context.Context) (string, error)) *Client {
	return &Client{&jsonapi.Service{Name: "Globalping", Base: Base, Network: network, Resolver: resolver, Token: token, Key: "dns.globalping.token"}}
}

// Query is what probes are to look up or to get, and which: so many in a location, or those of an earlier measurement.
type Query struct {
	Name     string
	Type     string // of a look-up, such as "AAAA"
	Path     string // of a GET over https, instead of a look-up
	Location string // ISO 3166-1 alpha-2 code of a country, or a name such as Singapore
	Probes   int
	Like     string // id of the measurement whose probes are asked again, in the same order
}

// Measurement is what the probes saw.
type Measurement struct {
	ID      string   `json:"id"`
	Status  string   `json:"status"` // in-progress, or anything else where it has ended
	Results []Result `json:"results"`

	Sent     time.Time `json:"-"` // the answers are from between then
	Received time.Time `json:"-"` // and then
}

// Result is one probe's.
type Result struct {
	Probe  Probe  `json:"probe"`
	Lookup Lookup `json:"result"`
}

// Probe is where a probe stands.
type Probe struct {
	Country string `json:"country"`
	City    string `json:"city"`
	ASN     int    `json:"asn"`
	Network string `json:"network"`
}

// The ways a look-up ends.
const (
	Finished   = "finished"
	Failed     = "failed" // FailureSource says whose fault it was
	InProgress = "in-progress"
)

// Lookup is what one probe's resolver, or the server it asked, answered.
type Lookup struct {
	Status        string   `json:"status"`
	FailureSource string   `json:"failureSource"` // target, resolver or internal
	StatusCode    *int     `json:"statusCode"`    // the DNS response code, or the status of HTTP
	Resolver      string   `json:"resolver"`      // its address, or "private"
	Answers       []Answer `json:"answers"`
	Timings       Timings  `json:"timings"` // of a GET
}

// Timings are how long each part of a GET took, one after the other, in milliseconds; nil where the probe does not say.
type Timings struct {
	DNS       *float64 `json:"dns"`
	TCP       *float64 `json:"tcp"`
	TLS       *float64 `json:"tls"`
	FirstByte *float64 `json:"firstByte"`
}

// Answer is one resource record.
type Answer struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	TTL   int64  `json:"ttl"`
	Value string `json:"value"`
}
