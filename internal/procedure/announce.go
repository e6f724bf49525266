package procedure

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// ChatClient is an HTTP client for a chat outside the launch. It goes through the same network as the probes, so that a
// sealed environment announces nothing to the real world; there a chat must stand on a loopback address. It asks no name
// of a sealed environment's either.
func ChatClient(network *probe.Network) *http.Client {
	dial := func(ctx context.Context, transport, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err != nil && len(network.Connect) > 0 {
			return nil, fmt.Errorf("%s: %w", host, probe.ErrSealed)
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		var errs []error
		for _, ip := range ips {
			conn, err := network.DialContext(ctx, transport, net.JoinHostPort(ip.Unmap().String(), port))
			if err == nil {
				return conn, nil
			}
			errs = append(errs, err)
		}
		return nil, errors.Join(errs...)
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: network.Roots}, DisableKeepAlives: true}, // #nosec G402 -- the default is TLS 1.2
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Announce posts a text to a Slack incoming webhook, which answers 200 "ok" (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
// The webhook's address is a secret and stands in no error.
func Announce(ctx context.Context, client *http.Client, webhook, text string) error {
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(body))
	if err != nil {
		return chatUnknown("an address that is no URL", nil)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return chatUnknown(err.Error(), err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return chatUnknown(err.Error(), err)
	}
	if said := strings.TrimSpace(string(answer)); response.StatusCode != http.StatusOK || said != "ok" {
		return &probe.Unmet{Class: "chat.refused", Want: `200 and "ok"`, Got: fmt.Sprintf("%d and %.200q", response.StatusCode, redact.String(said)), From: "the chat's webhook",
			Fix: "tell the channel by hand, then see whether the webhook was revoked"}
	}
	return nil
}

func chatUnknown(got string, err error) error {
	return &probe.Unknown{Class: "chat.unreachable", Want: "the announcement taken", Got: got, From: "the chat's webhook",
		Fix: "tell the channel by hand", Err: err}
}
