package launch

import (
	"net/netip"
	"time"
)

// Duration is a span of time such as 300s, 2h, 5d or 1h30m.
type Duration time.Duration

// D is the duration as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// Date is a calendar day, written 2026-02-23.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// At is the instant of a clock time on that day in a zone.
func (d Date) At(c Clock, z Timezone) time.Time {
	location := z.Location
	if location == nil {
		location = time.UTC
	}
	return time.Date(d.Year, d.Month, d.Day, c.Hour, c.Minute, 0, 0, location)
}

// Clock is a time of day, written 10:00.
type Clock struct{ Hour, Minute int }

// Timezone is an IANA time zone, written Europe/Oslo.
type Timezone struct{ *time.Location }

// Instant is a point in time with its offset, written as RFC 3339.
type Instant struct{ time.Time }

// Percent is a number of hundredths, written 1 or 0.5 (with or without a percent sign).
type Percent float64

// Domain is a host name in lower case without the trailing dot, at most one leading "*." label.
type Domain string

// URL is an absolute https:// address.
type URL string

// HostPort is an IP address and port, written 192.0.2.1:443 or [2001:db8::1]:443.
type HostPort string

// HostAddr is an IP address with or without a port.
type HostAddr string

// IP is an IPv4 or IPv6 address.
type IP struct{ netip.Addr }

// Prefix is an address range, written 192.0.2.0/24.
type Prefix struct{ netip.Prefix }
