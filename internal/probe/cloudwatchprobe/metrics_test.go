package cloudwatchprobe

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

var began = time.Date(2027, 1, 11, 11, 0, 0, 0, time.UTC)

// minutes are values of minutes in a row.
func minutes(values ...float64) []Point {
	var points []Point
	for i, v := range values {
		points = append(points, Point{began.Add(time.Duration(i) * time.Minute), v})
	}
	return points
}

func steady(n int, value float64) []Point {
	values := make([]float64, n)
	for i := range values {
		values[i] = value
	}
	return minutes(values...)
}

func with(points []Point, at int, value float64) []Point {
	points[at].Value = value
	return points
}

func TestLag(t *testing.T) {
	for name, test := range map[string]struct {
		points []Point
		class  string
		got    string
	}{
		"small":               {steady(15, 0.4), "", ""},
		"none at all":         {steady(15, 0), "", ""},
		"just below":          {with(steady(15, 1), 7, 4.999), "", ""},
		"exactly the limit":   {with(steady(15, 1), 7, 5), "replica.lag", "5.0 s at 11:07:00"},
		"above once":          {with(steady(15, 1), 14, 6), "replica.lag", "6.0 s at 11:14:00"},
		"stopped in the end":  {with(steady(15, 1), 14, -1), "replica.stopped", "-1 at 11:14:00"},
		"not a number":        {with(steady(15, 1), 0, math.NaN()), "replica.lag", "NaN s"},
		"without end":         {with(steady(15, 1), 0, math.Inf(1)), "replica.lag", "+Inf s"},
		"one minute missing":  {steady(14, 0.4), "replica.missing", "no measurement in 1 of them"},
		"never measured":      {nil, "replica.missing", "no measurement in 15 of them"},
		"a minute told twice": {append(steady(14, 0.4), Point{began, 0.4}), "replica.missing", "no measurement in 1 of them"},
	} {
		t.Run(name, func(t *testing.T) {
			unmet := lag(test.points, 5*time.Second)
			if test.class == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Equal(t, test.class, unmet.Class)
			assert.Contains(t, unmet.Got, test.got)
		})
	}
}

func TestScaled(t *testing.T) {
	// low and high instances, minute by minute
	drill := func(before, up, after int, low, high float64) []Point {
		var values []float64
		for range before {
			values = append(values, low)
		}
		for range up {
			values = append(values, high)
		}
		for range after {
			values = append(values, low)
		}
		return minutes(values...)
	}
	for name, test := range map[string]struct {
		points []Point
		status probe.Status
		class  string
	}{
		"grew and shrank":         {drill(10, 10, 20, 1, 4), probe.Pass, ""},
		"exactly in time":         {drill(1, 31, 1, 1, 2), probe.Pass, ""},
		"a minute too late":       {drill(1, 32, 1, 1, 2), probe.Fail, "scale.down"},
		"never grew":              {drill(10, 0, 20, 1, 4), probe.Fail, "scale.up"},
		"never shrank":            {drill(10, 20, 0, 1, 4), probe.Fail, "scale.down"},
		"shrank and grew again":   {append(drill(5, 5, 5, 1, 4), Point{began.Add(20 * time.Minute), 2}), probe.Fail, "scale.down"},
		"no measurement":          {nil, probe.Blocked, "metric.missing"},
		"a peak that is no value": {drill(5, 5, 5, 1, math.NaN()), probe.Fail, "scale.up"},
	} {
		t.Run(name, func(t *testing.T) {
			err := scaled(test.points, Drill{Began: began, Min: 1, DownWithin: 30 * time.Minute})
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			var unmet *probe.Unmet
			var unknown *probe.Unknown
			switch {
			case errors.As(err, &unmet):
				assert.Equal(t, test.class, unmet.Class)
			case errors.As(err, &unknown):
				assert.Equal(t, test.class, unknown.Class)
			}
		})
	}
}
