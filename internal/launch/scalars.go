package launch

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// format says what a scalar type wants: in words for messages, and as a pattern for the schema.
type format struct{ want, pattern string }

// formats has every scalar type of launch.yaml.
var formats = map[reflect.Type]format{
	reflect.TypeFor[Duration](): {"a duration above zero such as 300s, 2h, 5d or 1h30m", `^([0-9]+(\.[0-9]+)?(ms|s|min|m|h)|[0-9]+[dw])+$`},
	reflect.TypeFor[Offset]():   {"an offset such as T-5d, T-2h, T+30min or H+0:45", `^([TH][+-].+)$`},
	reflect.TypeFor[Date]():     {"a date such as 2027-01-19", `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`},
	reflect.TypeFor[Clock]():    {"a time of day such as 09:30", `^([01][0-9]|2[0-3]):[0-5][0-9]$`},
	reflect.TypeFor[Timezone](): {"an IANA time zone such as Europe/Oslo", `^(UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]+)+)$`},
	reflect.TypeFor[Instant]():  {"a point in time with its offset such as 2027-01-19T10:00:00+01:00", `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`},
	reflect.TypeFor[Percent]():  {"a percentage from 0 to 100 such as 0.5", `^[0-9]+(\.[0-9]+)?%?$`},
	reflect.TypeFor[Domain]():   {"a host name such as example.com", `^(\*\.)?[^\s/:*]+\.[^\s/:*]+$`},
	reflect.TypeFor[URL]():      {"an address that begins with https://", `^https://[^\s/@]+(/\S*)?$`},
	reflect.TypeFor[HostPort](): {"an IP address and port such as 192.0.2.1:443 or [2001:db8::1]:443", `:[0-9]+$`},
	reflect.TypeFor[HostAddr](): {"an IP address with or without a port, such as 192.0.2.1 or [2001:db8::1]:5353", `^[0-9A-Fa-f.:\[\]]+$`},
	reflect.TypeFor[IP]():       {"an IP address such as 192.0.2.1 or 2001:db8::1", `^[0-9A-Fa-f.:]+$`},
	reflect.TypeFor[Prefix]():   {"an address range such as 192.0.2.0/24", `^[0-9A-Fa-f.:]+/[0-9]+$`},
	reflect.TypeFor[PersonID](): {"the id of a person, in small letters, digits and -", `^[a-z0-9][a-z0-9-]*$`},
	reflect.TypeFor[ARN]():      {"an ARN such as arn:aws:apprunner:eu-west-1:111122223333:service/web/8fe1e10304f84fd2b0df550fe98a71fa", `^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+$`},
	reflect.TypeFor[Image]():    {"an image by its digest such as 111122223333.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:<64 hex digits>", `^[^\s@]+@sha256:[0-9a-f]{64}$`},
	reflect.TypeFor[DSData]():   {"the data of a DS record such as 20326 8 2 E06D44B80B8F1D39…", `^[0-9]{1,5} [0-9]{1,3} [0-9]{1,3} ([0-9A-Fa-f]{2} ?)+$`},
	reflect.TypeFor[Secret]():   {"a reference such as secret:env:NAME or secret:file:path", `^secret:(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$`},
}

// matches says whether a text has the shape that its type asks for.
func matches[T any](text string) bool { return patterns[reflect.TypeFor[T]()].MatchString(text) }

var patterns = compiled()

func compiled() map[reflect.Type]*regexp.Regexp {
	all := map[reflect.Type]*regexp.Regexp{}
	for t, f := range formats {
		all[t] = regexp.MustCompile(f.pattern)
	}
	return all
}

// errShape says no more than that the text has not the shape its type asks for, which the message says anyway.
var errShape = errors.New("")

// errUser also keeps the text out of the message, because there is a password in it.
var errUser = errors.New("a user or password does not belong into an address")

// Duration is a span of time such as 300s, 2h, 5d or 1h30m.
type Duration time.Duration

// D is the duration as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String writes the same span always in the same way, such as 5m or 1h30m.
func (d Duration) String() string {
	text := d.D().String()
	for _, nothing := range []string{"0s", "0m"} {
		if short, ok := strings.CutSuffix(text, nothing); ok && strings.ContainsAny(short[max(0, len(short)-1):], "hm") {
			text = short
		}
	}
	return text
}

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration; a day has 24 hours and a week 7 days.
func (d *Duration) UnmarshalText(text []byte) error {
	days, rest, err := parseSpan(string(text))
	if err != nil {
		return err
	}
	span := time.Duration(days)*24*time.Hour + rest
	if span <= 0 {
		return errors.New("a limit of 0 would always hold, or never")
	}
	*d = Duration(span)
	return nil
}

var spanPart = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ms|s|min|m|h|d|w)`)

// maxSpan keeps sums far from overflow; nothing in a launch lasts a century.
const maxSpan = 100 * 365 * 24 * time.Hour

// parseSpan reads 1w2d3h4m5s. Days and weeks come apart from the rest, because a day of the calendar is not always 24 hours.
func parseSpan(text string) (days int, rest time.Duration, err error) {
	if !matches[Duration](text) {
		return 0, 0, errShape
	}
	for _, part := range spanPart.FindAllStringSubmatch(text, -1) {
		number, unit := part[1], part[2]
		switch unit {
		case "d", "w":
			n, err := strconv.Atoi(number)
			if err != nil || n > int(maxSpan/(24*time.Hour)) {
				return 0, 0, fmt.Errorf("%s%s is too long", number, unit)
			}
			if unit == "w" {
				n *= 7
			}
			days += n
		default:
			part, err := time.ParseDuration(number + strings.TrimSuffix(unit, "in"))
			if err != nil || part > maxSpan {
				return 0, 0, fmt.Errorf("%s%s is too long", number, unit)
			}
			rest += part
		}
		if days > int(maxSpan/(24*time.Hour)) || rest > maxSpan {
			return 0, 0, errors.New("that is more than a century")
		}
	}
	return days, rest, nil
}

// Percent is a number of hundredths, written 1 or 0.5 (with or without a percent sign).
type Percent float64

// MarshalText writes the number without a percent sign.
func (p Percent) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(p), 'f', -1, 64), nil
}

// UnmarshalText reads a percentage.
func (p *Percent) UnmarshalText(text []byte) error {
	if !matches[Percent](string(text)) {
		return errShape
	}
	number, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || number > 100 {
		return errors.New("that is more than 100")
	}
	*p = Percent(number)
	return nil
}

// digests are the octets of a DS record's digest by its type (RFC 3658, RFC 4509, RFC 6605).
var digests = map[string]int{"1": 20, "2": 32, "4": 48}

// DSData is the data of a DS record in presentation format: key tag, algorithm, digest type, digest (RFC 4034 5.3).
type DSData string

// UnmarshalText reads a DS record's data.
func (d *DSData) UnmarshalText(text []byte) error {
	if !matches[DSData](string(text)) {
		return errShape
	}
	fields := strings.Fields(string(text))
	if _, err := strconv.ParseUint(fields[0], 10, 16); err != nil {
		return fmt.Errorf("key tag %s is above 65535", fields[0])
	}
	if _, err := strconv.ParseUint(fields[1], 10, 8); err != nil {
		return fmt.Errorf("algorithm %s is above 255", fields[1])
	}
	octets, known := digests[strings.TrimLeft(fields[2], "0")]
	if !known {
		return fmt.Errorf("digest type %s is none of 1 (SHA-1), 2 (SHA-256) and 4 (SHA-384)", fields[2])
	}
	if digits := len(strings.Join(fields[3:], "")); digits != 2*octets {
		return fmt.Errorf("a digest of type %s has %d hexadecimal digits, and this one %d", fields[2], 2*octets, digits)
	}
	*d = DSData(text)
	return nil
}

// UnmarshalText reads a person's id.
func (p *PersonID) UnmarshalText(text []byte) error {
	if !matches[PersonID](string(text)) {
		return errShape
	}
	*p = PersonID(text)
	return nil
}

// Texts are the texts that a list of launch.yaml's own kinds holds.
func Texts[T ~string](list []T) []string {
	var all []string
	for _, text := range list {
		all = append(all, string(text))
	}
	return all
}
