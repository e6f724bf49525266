// Package awsprobe is how every AWS probe reaches an account: whose credentials it has, which calls it may make, and what an
// answer that is no answer means. It judges nothing of the account but that it is the right one, and must import no service
// package but STS, because each takes seconds to compile.
package awsprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/getdrop/launchgate/internal/probe"
)

// Config says which account is looked at.
type Config struct {
	Network *probe.Network
	ID      string // twelve digits: credentials of another account are refused
	Region  string
	Public  bool // only AWS's own endpoints are reached: a run that counts must not be shown another's answers
}

// Account is one AWS account in one region. Its observations are made once and shared by all claims.
type Account struct {
	Config
	session probe.Memo[string, session]
}

// Identity is who the credentials belong to, as STS says; part of the evidence of every claim about AWS.
type Identity struct {
	Account  string `json:"account"`
	ARN      string `json:"arn"`
	Region   string `json:"region"`
	Endpoint string `json:"endpoint,omitempty"` // where it is not AWS's own
}

type session struct {
	config   aws.Config
	identity Identity
}

// New returns an account that was not looked at yet.
func New(c Config) *Account { return &Account{Config: c} }

// Patience bounds one observation, throttling and its retries included.
const Patience = 20 * time.Second

// Open loads the credentials as every AWS tool does and asks STS whose they are. It fails, as Unknown, for another account.
func (a *Account) Open(ctx context.Context, needs Needs) (aws.Config, Identity, error) {
	if a.ID == "" {
		return aws.Config{}, Identity{}, &probe.Unknown{Class: "not-configured", Want: "the AWS account of the launch", Got: "no aws.account in launch.yaml",
			Fix: "add aws.account and aws.region"}
	}
	s, err := a.session.Try(ctx, "the caller's identity (sts:GetCallerIdentity)", Patience, a.open)
	if err != nil {
		return aws.Config{}, s.identity, err
	}
	cfg := s.config.Copy()
	cfg.APIOptions = append(cfg.APIOptions, needs.only)
	return cfg, s.identity, nil
}

func (a *Account) open(ctx context.Context) (s session, err error) {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(a.Region), config.WithHTTPClient(a.client()),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				// One call in five throttled still ends: 0.2^9. The token bucket would give up under that load, and the
				// number of calls is bounded by the claims.
				o.MaxAttempts, o.MaxBackoff, o.RateLimiter = 9, 2*time.Second, ratelimit.None
				o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(sealed)}, o.Retryables...)
			})
		}),
	}
	if s.config, err = config.LoadDefaultConfig(ctx, options...); err != nil {
		return s, &probe.Unknown{Class: "aws.credentials", Want: "the AWS configuration of this environment", Got: err.Error(), Err: err,
			Fix: "see AWS_PROFILE, ~/.aws/config and the AWS_ variables"}
	}
	if a.Public {
		s.config.APIOptions = append(s.config.APIOptions, onlyAWS)
	}
	if s.config.BaseEndpoint != nil {
		s.identity.Endpoint = *s.config.BaseEndpoint
	}
	cfg := s.config.Copy()
	cfg.APIOptions = append(cfg.APIOptions, Needs{"STS.GetCallerIdentity": {}}.only)
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return s, Unreadable("sts:GetCallerIdentity", "whose credentials these are", s.identity, err)
	}
	s.identity.Account, s.identity.ARN, s.identity.Region = aws.ToString(out.Account), aws.ToString(out.Arn), a.Region
	if s.identity.Account != a.ID {
		return s, &probe.Unknown{Class: "aws.account", Want: "credentials of account " + a.ID, Got: "those of " + s.identity.ARN,
			From: "sts:GetCallerIdentity", Fix: "take the credentials of the launch's account, or correct aws.account"}
	}
	return s, nil
}

// sealed says that an address which this environment may not reach will not be reached the next time either.
func sealed(err error) aws.Ternary {
	if errors.Is(err, probe.ErrSealed) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// client dials through the network that all probes share, so that a sealed run never leaves the machine.
func (a *Account) client() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			ips, err := net.DefaultResolver.LookupHost(ctx, host)
			if err != nil {
				return nil, err
			}
			var errs []error
			for _, ip := range ips {
				conn, err := a.Network.DialContext(ctx, network, net.JoinHostPort(ip, port))
				if err == nil {
					return conn, nil
				}
				errs = append(errs, err)
			}
			return nil, errors.Join(errs...)
		}
	})
}

// Download fetches what AWS keeps at an address that it has signed, such as a part of an image in a bucket: at most so many bytes. The bucket's host is one
// as customers have, so that the caller compares the content with its hash. Whoever has the address gets the content: it stands in no message.
func (a *Account) Download(ctx context.Context, address, what string, most int64) ([]byte, error) {
	unknown := func(class, got string, err error) error {
		return &probe.Unknown{Class: class, Want: what, Got: got, From: "the address that AWS gave", Fix: "see whether this machine reaches it", Err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	switch {
	case err != nil:
		return nil, unknown("aws.download", "no address", nil)
	case a.Public && request.URL.Scheme != "https":
		return nil, unknown("aws.endpoint", "an address without TLS at "+request.URL.Host, nil)
	}
	answer, err := a.client().Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) { // which says the address
			err = wrapped.Err
		}
		return nil, unknown("aws.download", err.Error(), err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	switch {
	case answer.StatusCode != http.StatusOK:
		return nil, unknown("aws.download", fmt.Sprintf("status %d", answer.StatusCode), nil)
	case err != nil:
		return nil, unknown("aws.download", "an answer that broke off", err)
	case int64(len(body)) > most:
		return nil, unknown("aws.download", fmt.Sprintf("more than %d bytes", most), nil)
	}
	return body, nil
}

// redirections lists the variables that send AWS calls somewhere else; they are refused in production.
func redirections() []string {
	var names []string
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_ENDPOINT_URL") && value != "" {
			names = append(names, name)
		}
	}
	return names
}

func (i Identity) String() string {
	if i.ARN == "" {
		return "unknown credentials"
	}
	return fmt.Sprintf("%s in %s", i.ARN, i.Region)
}
