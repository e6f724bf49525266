package launch

// The providers that flags.provider can name.
const (
	OFREP           = "ofrep"
	EnvironmentVars = "environment"
	NoFlags         = "none"
)

// Flags are the feature flags of the release.
type Flags struct {
	Provider   string            `yaml:"provider" default:"" enum:",ofrep,environment,none" doc:"ofrep: a service that speaks the OpenFeature remote evaluation protocol; environment: variables of compute.service; none: the launch has no flags, and each of the gates needs a decision that declares it not applicable."`
	URL        URL               `yaml:"url" doc:"Where the provider answers for production; the paths of OFREP follow."`
	Token      Secret            `yaml:"token" doc:"Bearer token that may evaluate flags."`
	Context    map[string]string `yaml:"context" doc:"Evaluation context. Default: {targetingKey: launchgate}."`
	Plan       string            `yaml:"plan" default:"flags-plan.yaml" doc:"The rollout plan, beside launch.yaml: every flag, its state at launch, owner, order, criteria and rollback."`
	Features   []string          `yaml:"features" doc:"What is new in the release, as the plan's features name it."`
	KillWithin Duration          `yaml:"kill_within" default:"60s" doc:"How soon a feature must be gone after its flag was turned off."`
	KillSwitch KillSwitch        `yaml:"kill_switch"`
}

// KillSwitch is the drill: a flag that is turned off and on again in staging.
type KillSwitch struct {
	Flag   string `yaml:"flag" doc:"The flag that is turned off and on again, in staging."`
	Admin  URL    `yaml:"admin" doc:"The call that sets the flag there; never production's."`
	Method string `yaml:"method" default:"PUT" enum:"PUT,POST,PATCH"`
	On     string `yaml:"on" doc:"JSON body that turns it on."`
	Off    string `yaml:"off" doc:"JSON body that turns it off."`
	Token  Secret `yaml:"token" doc:"Bearer token of that call."`
	Page   URL    `yaml:"page" doc:"A page of staging whose text depends on the flag."`
	Shows  string `yaml:"shows_on" doc:"Text that the page has while the feature is on, and only then."`
	Hides  string `yaml:"shows_off" doc:"Text that the page has while the feature is off, and only then."`
}
