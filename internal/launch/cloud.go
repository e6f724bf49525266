package launch

// AWS is the account that everything runs in. What it is reached with (keys, a profile, a role) is the environment's, as for
// every AWS tool, and never stands in launch.yaml.
type AWS struct {
	Account string `yaml:"account" doc:"The twelve digits of the account; a run with credentials of another one is BLOCKED. Absent: the launch is not on AWS."`
	Region  string `yaml:"region" doc:"Such as eu-west-1."`

	Quotas []Quota `yaml:"quotas" doc:"Service quotas that must leave 30 % free, beside all of RDS's own."`
}

// Quota is one service quota, as Service Quotas names it.
type Quota struct {
	Service string `yaml:"service" required:"true" doc:"Service code, such as fargate."`
	Code    string `yaml:"code" required:"true" doc:"Quota code, such as L-3032A538."`
}

// The platforms that compute.provider can name.
const (
	AppRunner = "apprunner"
	ECS       = "ecs"
)

// Compute is the service that runs the application.
type Compute struct {
	Provider  string            `yaml:"provider" default:"apprunner" enum:"apprunner,ecs"`
	Service   ARN               `yaml:"service" doc:"ARN of the App Runner or ECS service."`
	Image     Image             `yaml:"image" doc:"The image that is launched, by its digest: <repository>@sha256:<64 hex digits>."`
	Variables map[string]string `yaml:"variables" doc:"Plain environment variables and the values they must have; never a secret."`
	Absent    []string          `yaml:"absent" doc:"Variables that must not be there at all, whatever their value, such as BANKID_MOCK."`
	Scale     Scale             `yaml:"scale"`
	Targets   []ARN             `yaml:"target_groups" doc:"ARNs of load balancer target groups; every target in them must be healthy."`
}

// Scale is between how many instances the service moves.
type Scale struct {
	Min        int      `yaml:"min" default:"1" doc:"Healthy instances when nothing happens; the configuration may not go below."`
	Max        int      `yaml:"max" default:"2" doc:"Instances the configuration must allow, at least."`
	DownWithin Duration `yaml:"down_within" default:"30m" doc:"How soon after the load drill the service is back at the smallest size."`
	Drill      Instant  `yaml:"drill" doc:"When the load drill began; the scaling that followed is read from the metrics."`
}

// RequiredSecret is one secret that the application needs, in AWS Secrets Manager.
type RequiredSecret struct {
	Variable  string `yaml:"variable" required:"true" doc:"The environment variable that carries it to the application."`
	ID        string `yaml:"id" required:"true" doc:"Name or ARN of the secret."`
	Kind      string `yaml:"kind" default:"text" enum:"text,random,postgres,slack-webhook" doc:"What it must look like: random is long and not guessable, postgres a connection string to database.instance over TLS."`
	MinLength int    `yaml:"min_length" default:"8" doc:"Bytes; for random at least 32."`
	Prefix    string `yaml:"prefix" doc:"What it must begin with, such as prd: for a production token."`
	Differs   string `yaml:"differs_from" doc:"Name or ARN of another environment's secret that it must differ from."`
}

// Database is the RDS instance, and the database in it.
type Database struct {
	Instance string   `yaml:"instance" doc:"Identifier of the RDS instance."`
	Port     int      `yaml:"port" default:"5432"`
	Replicas []string `yaml:"replicas" doc:"Identifiers of its read replicas; absent: it must have none."`
	Vantage  string   `yaml:"vantage" enum:"internet,vpc" doc:"Where the gates run: on a machine on the internet that may open connections to any port, or within the database's network, from where nobody can tell whether the internet reaches it. Absent: that gate is BLOCKED."`
	Prefix   string   `yaml:"snapshot_prefix" doc:"Of the snapshot that is made before the migration. Default: <instance>-pre-launch-."`
	SQL      SQL      `yaml:"sql"`
}

// Images is where the application's images are kept.
type Images struct {
	Repository string `yaml:"repository" doc:"Name of the ECR repository."`
	Tag        string `yaml:"tag" default:"prod" doc:"The tag that the image of compute.image must carry."`
}

// Logs is where the application's logs arrive.
type Logs struct {
	Group     string   `yaml:"group" doc:"CloudWatch log group of the application."`
	Within    Duration `yaml:"within" default:"2m" doc:"How soon a request must be seen there."`
	Retention int      `yaml:"retention_days" default:"30" doc:"The fewest days that logs are kept."`
	Nonce     string   `yaml:"nonce_path" default:"/api/health" doc:"Path that is asked for with a nonce in its query, which the application logs."`
}

// The stores that tracing.provider can name.
const (
	XRay   = "xray"
	Jaeger = "jaeger"
	Tempo  = "tempo"
)

// Tracing is where a request is seen in the traces, and how soon.
type Tracing struct {
	Provider string   `yaml:"provider" default:"xray" enum:"xray,jaeger,tempo" doc:"The store of the traces."`
	URL      URL      `yaml:"url" doc:"Jaeger and Tempo: where it answers queries, without /api/traces."`
	Token    Secret   `yaml:"token" doc:"Jaeger and Tempo: bearer token that may read traces, as a secret: reference; absent: none is sent."`
	Service  string   `yaml:"service" doc:"Jaeger and Tempo: the application's service.name."`
	Within   Duration `yaml:"within" default:"5m" doc:"How soon the store must have a request that asks to be traced."`
}

// Alarm is one CloudWatch alarm that must be deployed.
type Alarm struct {
	Name    string `yaml:"name" required:"true"`
	Missing string `yaml:"missing_data" default:"any" enum:"any,breaching,notBreaching,ignore,missing" doc:"How it must treat missing data; any: it does not matter."`
}

// Dashboard is one dashboard of CloudWatch, or one panel whose data are Prometheus's.
type Dashboard struct {
	Name       string            `yaml:"name" required:"true" doc:"Of the CloudWatch dashboard; of a panel, whatever it is called."`
	Query      string            `yaml:"query" doc:"The panel's PromQL query; absent: a CloudWatch dashboard, with all of its panels."`
	Production map[string]string `yaml:"production" doc:"What only production's series have: labels of Prometheus, or dimensions of CloudWatch beside the names of the launch's own resources in AWS's namespaces."`
}

// IAM is what the application's role may and may not do, and what others than the account may reach.
type IAM struct {
	Role  ARN      `yaml:"role" doc:"ARN of the role that the application runs with."`
	Allow []string `yaml:"allow" doc:"\"<action> <resource ARN>\": what it must be able to do, such as \"secretsmanager:GetSecretValue arn:aws:…\"."`
	Deny  []string `yaml:"deny" doc:"The same form: what it must not be able to do."`

	Shared []ARN `yaml:"shared" doc:"ARNs of resources that somebody decided to share with others than the account: only their findings may be archived in IAM Access Analyzer."`
}

// Budget is what the month may cost.
type Budget struct {
	Name string `yaml:"name" doc:"Name of the AWS budget."`
}

// Infra is where the infrastructure is written down.
type Infra struct {
	Dir string `yaml:"iac_dir" doc:"Folder with the Terraform configuration, initialised; a plan must find nothing to change."`
}
