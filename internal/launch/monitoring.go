package launch

// BetterStack is the account that watches the launch from outside.
type BetterStack struct {
	Enabled  bool      `yaml:"enabled" default:"true" doc:"Better Stack watches the launch. Where it is false, each of its gates needs a decision that declares it not applicable."`
	Token    Secret    `yaml:"token" doc:"Uptime API token, as a secret: reference; it need not write."`
	Health   string    `yaml:"health" doc:"Name of the monitor that looks at the health document."`
	Landing  string    `yaml:"landing" doc:"Name of the monitor that looks at web.url."`
	Monitors []Monitor `yaml:"monitors" doc:"Further monitors."`
	Least    int       `yaml:"least" default:"3" doc:"How many monitors there must be, with those two."`
	Every    Duration  `yaml:"every" default:"60s" doc:"How often each looks, at least."`
	Regions  int       `yaml:"regions" default:"2" doc:"From how many regions each looks, at least."`
}

// Monitor is one monitor and what it looks at.
type Monitor struct {
	Name string `yaml:"name" required:"true"`
	URL  URL    `yaml:"url" required:"true"`
}

// The providers that status_page.provider and oncall.provider can name.
const (
	OnBetterStack = "betterstack"
	OnStatuspage  = "statuspage"
	OnPagerDuty   = "pagerduty"
)

// StatusPage is where the public sees how the launch is; its URL is links.status_page.
type StatusPage struct {
	Provider  string `yaml:"provider" default:"betterstack" enum:"betterstack,statuspage"`
	Resources int    `yaml:"resources" default:"3" doc:"How many resources the page shows, at least."`
	Page      string `yaml:"page" doc:"Statuspage: the page's id."`
	Token     Secret `yaml:"token" doc:"Statuspage: API key, as a secret: reference."`
}

// OnCall is where people are on call. They are known there by the e-mail that people has.
type OnCall struct {
	Provider   string   `yaml:"provider" default:"pagerduty" enum:"pagerduty,betterstack"`
	Token      Secret   `yaml:"token" doc:"REST API token, as a secret: reference; Better Stack's must be able to write."`
	RoutingKey Secret   `yaml:"routing_key" doc:"PagerDuty: routing key of an Events API v2 integration, as a secret: reference."`
	Schedule   string   `yaml:"schedule" doc:"Id of the schedule; Better Stack has one that is called default."`
	Policy     string   `yaml:"policy" doc:"Better Stack: id of the escalation policy that a test alert follows."`
	Tester     PersonID `yaml:"tester" doc:"Who lets the test alert be fired, and so must not be the one who takes it."`
	Within     Duration `yaml:"ack_within" default:"5m" doc:"How soon somebody takes the test alert."`
}

// Prometheus is the server that evaluates alert rules, or another that speaks its HTTP API.
type Prometheus struct {
	URL   URL         `yaml:"url" doc:"Where it answers, without /api/v1; absent: the launch has no Prometheus."`
	Token Secret      `yaml:"token" doc:"Bearer token that may read rules and query, as a secret: reference; absent: none is sent."`
	Rules []AlertRule `yaml:"rules" doc:"Every alert rule that must watch the launch."`
}

// AlertRule is one alert rule of Prometheus that must be loaded.
type AlertRule struct {
	Name     string            `yaml:"name" required:"true" doc:"Of the alert; no other rule may have it."`
	Severity string            `yaml:"severity" required:"true" doc:"What its label severity must be."`
	Route    map[string]string `yaml:"route" required:"true" doc:"Labels by which Alertmanager finds who is called, such as {team: on-call}."`
	Metric   string            `yaml:"metric" doc:"Selector of series that the rule measures, such as http_requests_total{environment=\"production\"}; it must have fresh samples."`
}

// watchSecrets are the secrets of those who watch the launch.
func (l *Launch) watchSecrets() []Secret {
	return []Secret{l.BetterStack.Token, l.StatusPage.Token, l.Chat.Token, l.OnCall.Token, l.OnCall.RoutingKey, l.Prometheus.Token, l.Tracing.Token}
}
