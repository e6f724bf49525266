package launch

import "encoding/json"

// MailTest is a real message that the application sends, and the inbox where it arrives.
type MailTest struct {
	Send       URL      `yaml:"send" doc:"The application's own way to send a message: it is posted to."`
	Body       string   `yaml:"body" doc:"JSON that is posted; {recipient} stands for the address."`
	Token      Secret   `yaml:"token" doc:"Bearer token of that call."`
	Inbox      URL      `yaml:"inbox" doc:"An inbox with the API of Mailpit, which receives mail from the internet; the paths follow."`
	InboxUser  Secret   `yaml:"inbox_user" doc:"Its user, as name:password."`
	Recipient  string   `yaml:"recipient" doc:"Address in that inbox with {nonce} in it, such as launchgate+{nonce}@inbox.example.com."`
	Receiver   Domain   `yaml:"receiver" doc:"Host name of the receiving server, as it writes itself into Received. Default: the inbox's."`
	AuthservID string   `yaml:"authserv_id" doc:"Under which the receiver writes Authentication-Results above its Received. Absent: it writes none that count."`
	Within     Duration `yaml:"within" default:"2m" doc:"How soon the message must be there."`
}

// mailTest judges what launch.yaml says about the test message. What is merely not said there blocks the gate.
func (c checker) mailTest() {
	m := c.Mail.Test
	if m.Body != "" && !json.Valid([]byte(m.Body)) {
		c.bad("mail.test.body", "want JSON; got %s", quote(m.Body))
	}
	if m.Within.D() > pageTime {
		c.bad("mail.test.within", "want at most %s, because a page has ten minutes; got %s", Duration(pageTime), m.Within)
	}
}
