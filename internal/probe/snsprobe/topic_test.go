package snsprobe_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe/snsprobe"
)

func TestReaches(t *testing.T) {
	for name, test := range map[string]struct {
		topic   snsprobe.Topic
		reaches bool
		says    string
	}{
		"a person":             {snsprobe.Topic{Confirmed: map[string]int{"email": 1}, Unconfirmed: 3}, true, "on-call"},
		"a queue":              {snsprobe.Topic{Confirmed: map[string]int{"sqs": 1}}, true, "on-call"},
		"a pager and a stream": {snsprobe.Topic{Confirmed: map[string]int{"firehose": 1, "https": 1}}, true, "on-call"},
		"a stream":             {snsprobe.Topic{Confirmed: map[string]int{"firehose": 2}}, false, "on-call, which only keeps what it gets (firehose)"},
		"nobody":               {snsprobe.Topic{}, false, "on-call, to which nobody subscribed"},
		"nobody who said yes":  {snsprobe.Topic{Unconfirmed: 2}, false, "on-call, to which nobody has confirmed a subscription (2 not confirmed)"},
		"no topic":             {snsprobe.Topic{Missing: true}, false, "on-call, which is no topic"},
	} {
		t.Run(name, func(t *testing.T) {
			test.topic.ARN = "arn:aws:sns:eu-west-1:111122223333:on-call"
			assert.Equal(t, test.reaches, test.topic.Reaches())
			assert.Equal(t, test.says, test.topic.String())
		})
	}
}
