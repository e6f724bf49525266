package cdnprobe

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// directives reads Cache-Control (RFC 9111 5.2): names in small letters, values without quotes. Of a directive that comes
// twice the first one counts.
func directives(header http.Header) map[string]string {
	all := map[string]string{}
	for _, line := range header.Values("Cache-Control") {
		for part := range splitUnquoted(line, ',') {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if _, twice := all[name]; name != "" && !twice {
				all[name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return all
}

func has(all map[string]string, name string) bool {
	_, ok := all[name]
	return ok
}

// seconds reads a directive in seconds; ok is false where it is not there or cannot be read.
func seconds(all map[string]string, name string) (time.Duration, bool) {
	n, err := strconv.ParseUint(all[name], 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n, math.MaxInt64/uint64(time.Second))) * time.Second, true
}

// longest is how long an answer may be kept by anybody, as far as it says: max-age and s-maxage, else Expires.
func longest(header http.Header) (time.Duration, string) {
	all, age, why := directives(header), time.Duration(0), ""
	if has(all, "no-store") {
		return 0, ""
	}
	for _, name := range []string{"max-age", "s-maxage"} {
		if n, ok := seconds(all, name); ok && n > age {
			age, why = n, name+"="+all[name]
		}
	}
	expires, err := http.ParseTime(header.Get("Expires"))
	if date, err2 := http.ParseTime(header.Get("Date")); !has(all, "max-age") && err == nil && err2 == nil && expires.Sub(date) > age {
		age, why = expires.Sub(date), "Expires: "+header.Get("Expires")
	}
	return age, why
}

func cacheControl(header http.Header) string {
	if values := header.Values("Cache-Control"); len(values) > 0 {
		return fmt.Sprintf("%q", strings.Join(values, ", "))
	}
	return "no Cache-Control"
}
