package launch

import (
	"fmt"
	"regexp"
)

// monitoring judges what launch.yaml says about those who watch the launch.
func (c checker) monitoring() {
	for key, within := range map[string]Duration{"oncall.ack_within": c.OnCall.Within, "chat.within": c.Chat.Within, "tracing.within": c.Tracing.Within} {
		if within.D() > pageTime {
			c.bad(key, "want at most %s, because a page has ten minutes; got %s", Duration(pageTime), within)
		}
	}
	if b := c.BetterStack; b.Health != "" && b.Health == b.Landing {
		c.bad("betterstack.landing", "want another monitor for each; got %s twice", quote(b.Landing))
	}
	c.prometheus()
	c.dashboards()
	c.tracing()
}

func (c checker) tracing() {
	t := c.Tracing
	c.base("tracing.url", t.URL)
	if t.Provider == XRay || t.Provider == "" {
		return
	}
	for key, text := range map[string]string{"tracing.url": string(t.URL), "tracing.service": t.Service} {
		if text == "" && !c.reported(key) {
			c.bad(key, "want it, because tracing.provider is %s; got none", t.Provider)
		}
	}
}

func (c checker) dashboards() {
	seen := map[string]bool{}
	for i, d := range c.Dashboards {
		key := fmt.Sprintf("dashboards[%d]", i)
		if seen[d.Name] && d.Name != "" {
			c.bad(key+".name", "want each dashboard once; got %s again", quote(d.Name))
		}
		seen[d.Name] = true
		if d.Query == "" && c.AWS.Account == "" && !c.reported("aws.account") {
			c.bad(key+".query", "want a query, or aws.account for a dashboard of CloudWatch; got neither")
		}
		if d.Query != "" && c.Prometheus.URL == "" && !c.reported("prometheus.url") {
			c.bad(key+".query", "want prometheus.url, which the query is asked of; got none")
		}
		if d.Query != "" && len(d.Production) == 0 && !c.reported(key+".production") {
			c.bad(key+".production", "want the labels that only production has, such as {environment: production}; got none")
		}
	}
}

// seriesSelector is a PromQL selector of series, without a range and an offset: only of such a one timestamp() gives the time of a sample.
var seriesSelector = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([^{}"'` + "`" + `]|"([^"\\]|\\.)*")*\})?$`)

func (c checker) prometheus() {
	p := c.Prometheus
	c.base("prometheus.url", p.URL)
	if p.URL == "" && len(p.Rules) > 0 && !c.reported("prometheus.url") {
		c.bad("prometheus.url", "want the address of the server, because prometheus.rules is there; got none")
	}
	seen := map[string]bool{}
	for i, rule := range p.Rules {
		key := fmt.Sprintf("prometheus.rules[%d]", i)
		if seen[rule.Name] && rule.Name != "" {
			c.bad(key+".name", "want each rule once; got %s again", quote(rule.Name))
		}
		seen[rule.Name] = true
		if rule.Metric != "" && !seriesSelector.MatchString(rule.Metric) {
			c.bad(key+".metric", "want a selector such as up{job=\"web\"}, without a function, a range or an offset; got %s", quote(rule.Metric))
		}
	}
}
