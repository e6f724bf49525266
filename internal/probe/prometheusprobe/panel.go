package prometheusprobe

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Panel is a panel of a dashboard.
type Panel struct {
	Name       string
	Query      string
	Production map[string]string // the labels that all series of production have
}

// Source is a selector of a panel's query, and when its series were measured last: the evidence.
type Source struct {
	Selector string    `json:"selector"`
	Newest   time.Time `json:"newest"`
}

// Shows claims that a panel's query has a result, that all series which it reads are production's by their labels, and that the newest
// sample of each of its selectors is younger than five minutes. The time of the result alone would tell nothing: that of an
// expression is always now, and `or vector(0)` shows something when nothing is measured.
func (s *Server) Shows(p Panel) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "panel " + p.Name, Source: "Prometheus /api/v1/query"}
		all, err := selectors(p.Query)
		if err != nil {
			return evidence, &probe.Unknown{Class: "panel.unreadable", Want: "a query of " + p.Name + " that names its series", Got: err.Error(), From: "dashboards in launch.yaml", Fix: "write the query as Prometheus evaluates it, without variables"}
		}
		result, from, err := s.query(ctx, p.Query)
		evidence.Asked = []string{from}
		if err != nil {
			return evidence, err
		}
		var sources []Source
		for _, selector := range all {
			newest, from, err := s.newest(ctx, selector, slices.Sorted(maps.Keys(p.Production))...)
			if err != nil {
				return evidence, err
			}
			source, err := s.judgeSource(p, selector, newest, from)
			if err != nil {
				return evidence, err
			}
			sources = append(sources, source)
		}
		evidence.Observed = sources
		if !slices.ContainsFunc(result, func(r series) bool { return !math.IsNaN(r.value) }) {
			return evidence, &probe.Unmet{Class: "panel.empty", Want: p.Name + " to show something", Got: "no value", From: from, Fix: "see whether the query is right"}
		}
		return evidence, nil
	}
}

func (s *Server) judgeSource(p Panel, selector string, newest []measured, from string) (Source, error) {
	source := Source{Selector: selector, Newest: latest(newest)}
	for _, m := range newest {
		for _, label := range slices.Sorted(maps.Keys(p.Production)) {
			if got := m.labels[label]; got != p.Production[label] {
				return source, &probe.Unmet{Class: "panel.elsewhere", Want: fmt.Sprintf("%s to show production: %s=%q of all series of %s", p.Name, label, p.Production[label], selector), Got: fmt.Sprintf("%q", got), From: from,
					Fix: "bind the panel to production"}
			}
		}
	}
	return source, s.young(source.Newest, selector, &probe.Unmet{Class: "panel.stale", Want: fmt.Sprintf("a sample of %s younger than %s, for %s to show", selector, Fresh, p.Name), Got: "none", From: from, Fix: "see why nothing is scraped, or whether the metric still exists"})
}

// Words of PromQL that are no names of series (https://prometheus.io/docs/prometheus/latest/querying/operators/). Behind those of
// labelled there is a list of labels, and before it those of aggregations may stand.
var (
	words        = []string{"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan"}
	labelled     = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	aggregations = []string{"sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"}
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"
	digits  = "0123456789"
	signs   = "+-*/%^=!<>~(),@"
	spaces  = " \t\r\n"
)

// selectors are the selectors of series in a PromQL query, without their ranges and offsets, each once. A query that reads nothing
// but the past shows nothing of now, however young the samples are by now.
func selectors(query string) ([]string, error) {
	var all []string
	present, after := 0, false // selectors of now; whether one of them has just been read
	for rest := strings.TrimLeft(query, spaces); rest != ""; rest = strings.TrimLeft(rest, spaces) {
		end, found, err := next(rest)
		if err != nil {
			return nil, err
		}
		token := rest[:end]
		rest = rest[end:]
		switch {
		case found != "":
			all = append(all, found)
			present, after = present+1, true
		case token[0] == '[' && !strings.Contains(token, ":"): // its range
		case strings.EqualFold(token, "offset") && after:
			present, after = present-1, false
		case strings.EqualFold(token, "offset"), token == "@":
			return nil, fmt.Errorf("%.60q, which reads another time than now", query)
		default:
			after = false
		}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("%.60q, which reads no series", query)
	case present == 0:
		return nil, fmt.Errorf("%.60q, which reads another time than now", query)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// next reads what a query begins with: how long it is, and the selector where it is one.
func next(query string) (end int, selector string, err error) {
	switch c := query[0]; {
	case c == '#':
		end := strings.IndexByte(query, '\n')
		if end < 0 {
			end = len(query)
		}
		return end, "", nil
	case strings.IndexByte("\"'`", c) >= 0:
		end, err := quoted(query)
		return end, "", err
	case c == '[':
		end, err := closing(query, ']')
		return end, "", err
	case c == '{':
		end, err := closing(query, '}')
		return end, query[:end], err
	case strings.IndexByte(digits+".", c) >= 0: // a number, or a duration
		return span(query, letters+digits+"."), "", nil
	case strings.IndexByte(letters, c) >= 0:
		return name(query)
	case strings.IndexByte(signs, c) >= 0:
		return 1, "", nil
	}
	return 0, "", fmt.Errorf("%.20q, which is no PromQL", query)
}

// name reads a word, which is a selector where it is neither a function nor a word of the language.
func name(query string) (int, string, error) {
	end := span(query, letters+digits)
	word, lower := query[:end], strings.ToLower(query[:end])
	behind := end + span(query[end:], spaces)
	follows := strings.ToLower(query[behind:][:span(query[behind:], letters)])
	switch {
	case slices.Contains(labelled, lower):
		if !strings.HasPrefix(query[behind:], "(") {
			return end, "", nil // group_left needs no list
		}
		length, err := closing(query[behind:], ')')
		return behind + length, "", err
	case strings.HasPrefix(query[behind:], "("), slices.Contains(words, lower), slices.Contains(aggregations, lower) && (follows == "by" || follows == "without"):
		return end, "", nil
	case strings.HasPrefix(query[behind:], "{"):
		length, err := closing(query[behind:], '}')
		return behind + length, word + query[behind:behind+length], err
	}
	return end, word, nil
}

// closing is where what a query begins with is closed, strings in it passed over.
func closing(query string, by byte) (int, error) {
	for i := 1; i < len(query); i++ {
		switch c := query[i]; {
		case c == by:
			return i + 1, nil
		case strings.IndexByte("\"'`", c) >= 0:
			length, err := quoted(query[i:])
			if err != nil {
				return 0, err
			}
			i += length - 1
		}
	}
	return 0, fmt.Errorf("%.20q, which is never closed", query)
}

// quoted is how long the string is that a query begins with.
func quoted(query string) (int, error) {
	for i := 1; i < len(query); i++ {
		switch {
		case query[i] == query[0]:
			return i + 1, nil
		case query[i] == '\\' && query[0] != '`':
			i++
		}
	}
	return 0, fmt.Errorf("%.20q, which is never closed", query)
}

// span is how many bytes of a set a text begins with.
func span(text, set string) int { return len(text) - len(strings.TrimLeft(text, set)) }
