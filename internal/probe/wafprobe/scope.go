package wafprobe

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// Request is what a visitor asks for.
type Request struct {
	Host string // "" where nobody knows by which name it arrives
	Path string
}

// truth is whether a request meets a statement, as far as that can be told from the statement.
type truth int

const (
	unsure truth = iota
	no
	yes
)

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	case unsure:
	}
	return unsure
}

// meets judges a statement that narrows a rule. What is not about the host or the path depends on who asks, by which method, and what else they
// send.
//
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-scope-down-statements.html
func (r Request) meets(s *types.Statement) truth {
	switch {
	case s == nil:
		return yes
	case s.AndStatement != nil:
		return r.all(s.AndStatement.Statements, yes)
	case s.OrStatement != nil: // unless it meets none of them
		return r.all(s.OrStatement.Statements, no).not()
	case s.NotStatement != nil:
		return r.meets(s.NotStatement.Statement).not()
	case s.IPSetReferenceStatement != nil:
		return no // a visitor is nobody whom somebody listed
	case s.ByteMatchStatement != nil:
		m := s.ByteMatchStatement
		text, known := r.read(m.FieldToMatch, m.TextTransformations)
		if !known {
			return unsure
		}
		return compare(text, string(m.SearchString), m.PositionalConstraint)
	case s.RegexMatchStatement != nil:
		m := s.RegexMatchStatement
		text, known := r.read(m.FieldToMatch, m.TextTransformations)
		pattern, err := regexp.Compile(aws.ToString(m.RegexString))
		if !known || err != nil {
			return unsure
		}
		return truthOf(pattern.MatchString(text))
	}
	return unsure
}

// all says whether each statement is as it is wanted.
func (r Request) all(statements []types.Statement, want truth) truth {
	all := yes
	for i := range statements {
		switch r.meets(&statements[i]) {
		case want:
		case unsure:
			all = unsure
		default:
			return no
		}
	}
	return all
}

// plain texts are the same after every transformation that decodes something or tidies it up.
var plain = regexp.MustCompile(`^[A-Za-z0-9./_-]*$`)

// harmless are those transformations.
var harmless = []types.TextTransformationType{types.TextTransformationTypeNone, types.TextTransformationTypeUrlDecode, types.TextTransformationTypeUrlDecodeUni, types.TextTransformationTypeHtmlEntityDecode,
	types.TextTransformationTypeNormalizePath, types.TextTransformationTypeNormalizePathWin, types.TextTransformationTypeCompressWhiteSpace, types.TextTransformationTypeRemoveNulls}

// read is the part of the request that a statement looks at, where it can be told.
func (r Request) read(field *types.FieldToMatch, transformations []types.TextTransformation) (text string, known bool) {
	switch {
	case field == nil:
		return "", false
	case field.UriPath != nil:
		text = r.Path
	case field.SingleHeader != nil && strings.EqualFold(aws.ToString(field.SingleHeader.Name), "host"):
		text = r.Host
	}
	if text == "" || !plain.MatchString(text) || strings.Contains(text, "//") || strings.Contains(text, "/.") {
		return "", false
	}
	for _, t := range transformations {
		switch {
		case t.Type == types.TextTransformationTypeLowercase:
			text = strings.ToLower(text)
		case !slices.Contains(harmless, t.Type):
			return "", false
		}
	}
	return text, true
}

func compare(text, with string, how types.PositionalConstraint) truth {
	switch how {
	case types.PositionalConstraintExactly:
		return truthOf(text == with)
	case types.PositionalConstraintStartsWith:
		return truthOf(strings.HasPrefix(text, with))
	case types.PositionalConstraintEndsWith:
		return truthOf(strings.HasSuffix(text, with))
	case types.PositionalConstraintContains:
		return truthOf(strings.Contains(text, with))
	case types.PositionalConstraintContainsWord:
		if !strings.Contains(text, with) {
			return no
		}
	}
	return unsure
}

func truthOf(is bool) truth {
	if is {
		return yes
	}
	return no
}

// narrow says whether a rule is by its nature for one thing alone: it counts requests, or watches a login or a registration.
func narrow(s *types.Statement) bool {
	if m := s.ManagedRuleGroupStatement; m != nil {
		return slices.ContainsFunc(m.ManagedRuleGroupConfigs, func(c types.ManagedRuleGroupConfig) bool {
			return c.AWSManagedRulesATPRuleSet != nil || c.AWSManagedRulesACFPRuleSet != nil
		})
	}
	return s.RateBasedStatement != nil
}

// within reads to which requests a rule is narrowed down, and whether some are among them.
func (r *Rule) within(s *types.Statement, requests []Request) {
	r.reaches = yes
	var down *types.Statement
	switch {
	case s == nil:
	case s.ManagedRuleGroupStatement != nil:
		down = s.ManagedRuleGroupStatement.ScopeDownStatement
	case s.RateBasedStatement != nil:
		down = s.RateBasedStatement.ScopeDownStatement
	}
	if down == nil {
		return
	}
	r.narrow = narrow(s)
	if len(requests) == 0 {
		requests = []Request{{}}
	}
	by := map[truth][]string{}
	for _, request := range requests {
		meets := request.meets(down)
		by[meets] = append(by[meets], request.Host+request.Path)
	}
	switch {
	case len(by[yes]) == len(requests):
		r.Scope = "narrowed down, and meant for all of the launch's paths"
	case len(by[yes]) > 0:
		r.Scope, r.reaches = "narrowed down, not for certain meant for "+strings.Join(slices.Concat(by[no], by[unsure]), ", "), unsure
	case len(by[unsure]) > 0:
		r.Scope, r.reaches = "narrowed down by what its statement alone does not tell", unsure
	default:
		r.Scope, r.reaches = "narrowed down, and not meant for "+strings.Join(by[no], ", "), no
	}
}
