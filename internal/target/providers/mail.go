package providers

import (
	"cmp"
	"context"
	"encoding/base64"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/mailprobe"
)

// MailTest is the message that is sent and read.
func (p *Providers) MailTest() mailprobe.Test {
	m := p.Launch.Mail.Test
	base, path := split(m.Send)
	inbox := p.API("the inbox", m.Inbox, launch.Secret{}, "mail.test.inbox_user")
	if !m.InboxUser.IsZero() {
		inbox.Scheme, inbox.Token = "Basic ", func(ctx context.Context) (string, error) {
			user, err := m.InboxUser.Reveal(ctx)
			return base64.StdEncoding.EncodeToString([]byte(user)), err
		}
	}
	return mailprobe.Test{Send: p.API("the application", base, m.Token, "mail.test.token"), Path: path, Body: m.Body, Inbox: inbox, Recipient: m.Recipient, Receiver: cmp.Or(string(m.Receiver), m.Inbox.Host()),
		Authserv: m.AuthservID, Domain: string(p.Launch.Mail.Domain), Envelope: string(p.Launch.Mail.ReturnPath), Within: m.Within.D(), DNS: p.Zone.MailDNS()}
}
