package procedure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

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
	answer, err := io.ReadAll(io.LimitReader(response.Body, 200))
	if err != nil {
		return chatUnknown(err.Error(), err)
	}
	if said := strings.TrimSpace(string(answer)); response.StatusCode != http.StatusOK || said != "ok" {
		return &probe.Unmet{Class: "chat.refused", Want: `200 and "ok"`, Got: fmt.Sprintf("%d and %q", response.StatusCode, said), From: "the chat's webhook",
			Fix: "tell the channel by hand, then see whether the webhook was revoked"}
	}
	return nil
}

func chatUnknown(got string, err error) error {
	return &probe.Unknown{Class: "chat.unreachable", Want: "the announcement taken", Got: got, From: "the chat's webhook",
		Fix: "tell the channel by hand", Err: err}
}
