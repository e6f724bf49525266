package logsprobe

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers is a CloudWatch that answers whatever it likes, a page for each message; an empty one is a page without an event.
type answers []string

func (a answers) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	at := len(aws.ToString(in.NextToken))
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	if a[at] != "" {
		out.Events = []types.FilteredLogEvent{{Message: &a[at]}, {}}
	}
	if at+1 < len(a) {
		out.NextToken = aws.String("xxxxxxxxxx"[:at+1])
	}
	return out, nil
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		pages answers
		found bool
	}{
		"on the first page":           {answers{"GET /?launchgate=NONCE"}, true},
		"behind empty pages":          {answers{"", "", "GET /?launchgate=NONCE"}, true},
		"behind another's":            {answers{"GET /?launchgate=OLDER", "NONCE"}, true},
		"only what was not asked for": {answers{"GET /?launchgate=OLDER", "nonce"}, false},
		"nothing":                     {answers{"", ""}, false},
	} {
		event, err := find(t.Context(), test.pages, "group", "NONCE", time.Now())
		require.NoError(t, err, name)
		assert.Equal(t, test.found, event != nil, name)
	}
}

func TestKept(t *testing.T) {
	assert.Nil(t, kept(aws.Int32(30), 30))
	assert.ErrorContains(t, kept(aws.Int32(29), 30), "got 29 days")
	assert.ErrorContains(t, kept(nil, 1), "without end")
}
