package cloudwatchprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWithin is about a window from 08:00 to 12:00 UTC of a Tuesday, which is from 09:00 to 13:00 in Oslo.
func TestWithin(t *testing.T) {
	from := time.Date(2027, 1, 19, 8, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, test := range map[string]struct {
		schedule schedule
		mutes    string // since when; empty: not at all
		unread   string
	}{
		"in it":                  {schedule{expression: "at(2027-01-19T09:00)", lasts: "PT1M"}, "2027-01-19T09:00:00Z", ""},
		"until it begins":        {schedule{expression: "at(2027-01-19T07:00)", lasts: "PT1H"}, "", ""},
		"a minute into it":       {schedule{expression: "at(2027-01-19T07:00)", lasts: "PT1H1M"}, "2027-01-19T07:00:00Z", ""},
		"its last minute":        {schedule{expression: "at(2027-01-19T11:59)", lasts: "PT1H"}, "2027-01-19T11:59:00Z", ""},
		"when it is over":        {schedule{expression: "at(2027-01-19T12:00)", lasts: "PT1H"}, "", ""},
		"in Oslo":                {schedule{expression: "at(2027-01-19T12:59)", lasts: "PT1H", zone: "Europe/Oslo"}, "2027-01-19T11:59:00Z", ""},
		"over in Oslo":           {schedule{expression: "at(2027-01-19T13:00)", lasts: "PT1H", zone: "Europe/Oslo"}, "", ""},
		"a week that began":      {schedule{expression: "cron(0 18 * * FRI)", lasts: "P4D"}, "2027-01-15T18:00:00Z", ""},
		"a weekend":              {schedule{expression: "cron(0 18 * * FRI)", lasts: "P2DT12H"}, "", ""},
		"every night":            {schedule{expression: "cron(0 2 * * *)", lasts: "PT2H"}, "", ""},
		"twice a day":            {schedule{expression: "cron(15,45 2,10 * JAN-FEB *)", lasts: "PT1M"}, "2027-01-19T10:15:00Z", ""},
		"in another month":       {schedule{expression: "cron(15 10 * feb *)", lasts: "PT1M"}, "", ""},
		"that day of the month":  {schedule{expression: "cron(0 9 15-20 1 *)", lasts: "PT1M"}, "2027-01-19T09:00:00Z", ""},
		"either kind of day":     {schedule{expression: "cron(0 9 1 * TUE)", lasts: "PT1M"}, "2027-01-19T09:00:00Z", ""},
		"neither kind of day":    {schedule{expression: "cron(0 9 1 * WED)", lasts: "PT1M"}, "", ""},
		"expired before":         {schedule{expression: "cron(0 9 * * *)", lasts: "PT1H", expires: from}, "", ""},
		"expires while it mutes": {schedule{expression: "cron(0 7 * * *)", lasts: "PT3H", expires: from.Add(time.Hour)}, "2027-01-19T07:00:00Z", ""},
		"begins after":           {schedule{expression: "cron(0 9 * * *)", lasts: "PT1H", starts: from.Add(day)}, "", ""},

		"no schedule":                {schedule{}, "", `the duration ""`},
		"no duration":                {schedule{expression: "at(2027-01-19T09:00)", lasts: "PT0H"}, "", `the duration "PT0H"`},
		"weeks":                      {schedule{expression: "at(2027-01-19T09:00)", lasts: "P1W"}, "", `the duration "P1W"`},
		"no zone":                    {schedule{expression: "at(2027-01-19T09:00)", lasts: "PT1H", zone: "Oslo"}, "", `the time zone "Oslo"`},
		"a rate":                     {schedule{expression: "rate(1 hour)", lasts: "PT1H"}, "", `the schedule "rate(1 hour)"`},
		"not closed":                 {schedule{expression: "cron(0 9 * * *", lasts: "PT1H"}, "", "the schedule"},
		"no time":                    {schedule{expression: "at(tomorrow)", lasts: "PT1H"}, "", "the schedule"},
		"six fields":                 {schedule{expression: "cron(0 9 * * * *)", lasts: "PT1H"}, "", "the schedule"},
		"a step":                     {schedule{expression: "cron(0/5 9 * * *)", lasts: "PT1H"}, "", "the schedule"},
		"an hour that is none":       {schedule{expression: "cron(0 24 * * *)", lasts: "PT1H"}, "", "the schedule"},
		"backwards":                  {schedule{expression: "cron(0 9-7 * * *)", lasts: "PT1H"}, "", "the schedule"},
		"which day a number means":   {schedule{expression: "cron(0 9 * * 2)", lasts: "PT1H"}, "", "the schedule"},
		"longer than anybody counts": {schedule{expression: "cron(0 9 * * *)", lasts: "P999D"}, "", "the duration"},
	} {
		t.Run(name, func(t *testing.T) {
			mutes, since, err := test.schedule.within(from, from.Add(4*time.Hour))
			if test.unread != "" {
				require.ErrorContains(t, err, test.unread)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.mutes != "", mutes)
			if mutes {
				assert.Equal(t, test.mutes, since.Format(time.RFC3339))
			}
		})
	}
}
