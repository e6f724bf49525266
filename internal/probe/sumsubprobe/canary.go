package sumsubprobe

import (
	"context"
	"math"
	"time"

	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Canary is an applicant who is nobody, and the application's own document that says what became of the events about it.
type Canary struct {
	User    string           // its external id; empty: launch.yaml names none
	API     *jsonapi.Service // the application; without a Base launch.yaml names no document
	Path    string           // of the document
	Applied string           // dotted path: how many events were applied to the canary
	Event   string           // dotted path: the correlationId of the last one
	Within  time.Duration    // how soon the document shows an event
}

// state is what the document says.
type state struct {
	Applied int64
	Event   string
}

func (c Canary) look(ctx context.Context) (state, error) {
	var document any
	answer, err := c.API.Fetch(ctx, c.Path, &document)
	if err != nil {
		return state{}, err
	}
	applied, isNumber := httpprobe.At(document, c.Applied).(float64)
	if !isNumber || applied < 0 || applied != math.Trunc(applied) || applied > 1<<53 {
		return state{}, answer.Incomplete("a number of events at " + c.Applied)
	}
	event, isText := httpprobe.At(document, c.Event).(string)
	if !isText && applied > 0 {
		return state{}, answer.Incomplete("an event's correlationId at " + c.Event)
	}
	return state{Applied: int64(applied), Event: event}, nil
}
