// Package launch reads launch.yaml: the one file that says everything the suite has to know about one launch. It holds
// facts, thresholds and owners, never a secret. It must not import probes, gates or `testing`.
package launch

import "time"

// Launch is one launch, read from launch.yaml and one environment's overlay. Every field that fills a placeholder of
// the runbook template names it in its `placeholder` tag.
type Launch struct {
	ID          string              `yaml:"launch" required:"true" doc:"Short id of this launch; LAUNCH_EXECUTE must repeat it before anything is changed."`
	Project     Project             `yaml:"project" required:"true"`
	Document    Document            `yaml:"document" required:"true"`
	Schedule    Schedule            `yaml:"schedule" required:"true"`
	People      map[PersonID]Person `yaml:"people" required:"true" doc:"Everybody the runbook names, by a short id."`
	Roles       Roles               `yaml:"roles" required:"true"`
	Sections    Sections            `yaml:"sections" doc:"Who owns which section of the runbook. Without an owner nobody can approve a section, and Plan/Roles/SectionOwners is red."`
	Links       Links               `yaml:"links" required:"true"`
	Network     Network             `yaml:"network"`
	DNS         DNS                 `yaml:"dns" required:"true"`
	TLS         TLS                 `yaml:"tls" required:"true"`
	Mail        Mail                `yaml:"mail"`
	Web         Web                 `yaml:"web" required:"true"`
	CDN         CDN                 `yaml:"cdn"`
	Health      Health              `yaml:"health" required:"true"`
	Deploy      Deploy              `yaml:"deploy" required:"true"`
	Rollback    Rollback            `yaml:"rollback" required:"true"`
	Chat        Chat                `yaml:"chat"`
	Sumsub      Sumsub              `yaml:"sumsub"`
	BankID      BankID              `yaml:"bankid"`
	OpenBanking OpenBanking         `yaml:"openbanking"`
	GitHub      GitHub              `yaml:"github"`
	CI          CI                  `yaml:"ci"`
	Flags       Flags               `yaml:"flags"`
	Payments    Payments            `yaml:"payments"`
	AWS         AWS                 `yaml:"aws"`
	Compute     Compute             `yaml:"compute"`
	Secrets     []RequiredSecret    `yaml:"secrets" doc:"Every secret the application needs."`
	Database    Database            `yaml:"database"`
	Drill       Drill               `yaml:"drill"`
	Migration   Migration           `yaml:"migration"`
	Images      Images              `yaml:"images"`
	Logs        Logs                `yaml:"logs"`
	Tracing     Tracing             `yaml:"tracing"`
	Alarms      []Alarm             `yaml:"alarms" doc:"Every CloudWatch alarm that must watch the launch."`
	IAM         IAM                 `yaml:"iam"`
	Budget      Budget              `yaml:"budget"`
	Infra       Infra               `yaml:"infra"`
	BetterStack BetterStack         `yaml:"betterstack"`
	StatusPage  StatusPage          `yaml:"status_page"`
	OnCall      OnCall              `yaml:"oncall"`
	Thresholds  Thresholds          `yaml:"thresholds" required:"true"`
	Staging     Baseline            `yaml:"staging_baseline" doc:"What staging measured, to compare production with."`
	Integration []string            `yaml:"integrations" placeholder:"INTEGRATION_1,INTEGRATION_2" doc:"Third parties whose live keys are checked, and that are tried through the application: BankID, Sumsub, Stripe. One by another name is BLOCKED."`
	Records     Records             `yaml:"records" doc:"Dates that people entered on the checklist."`

	// Environment is the overlay's name: LAUNCH_ENV. It is stamped on every result.
	Environment string `yaml:"-"`
	// SHA256 is the hash of the merged and expanded configuration in canonical form: the same facts give the same hash.
	SHA256 string `yaml:"-"`
	// Dir is the folder of launch.yaml; relative paths in it are relative to this folder.
	Dir string `yaml:"-"`
	// Decisions are the waivers, approvals and not-applicable declarations found in the `decisions` folder beside launch.yaml.
	Decisions []Decision `yaml:"-"`

	positions map[string]Position // where each key stands, "dns.low_ttl" → file and line
}

// Position is a place in a file that a person wrote.
type Position struct {
	File string
	Line int
}

// Project is what is launched.
type Project struct {
	Name    string `yaml:"name" required:"true" placeholder:"PROJECT_NAME"`
	Version string `yaml:"version" required:"true" placeholder:"VERSION" doc:"The version that is launched, as the health document reports it."`
}

// Document is the header of the runbook.
type Document struct {
	Date      Date       `yaml:"date" required:"true" placeholder:"DATE"`
	Author    PersonID   `yaml:"author" required:"true" placeholder:"AUTHOR"`
	Status    string     `yaml:"status" required:"true" enum:"Draft,In Review,Approved"`
	Reviewers []PersonID `yaml:"reviewers" required:"true" placeholder:"REVIEWERS"`
}

// Schedule is when the launch happens. Times are local to Timezone.
type Schedule struct {
	Date     Date     `yaml:"date" required:"true" placeholder:"LAUNCH_DATE"`
	Time     Clock    `yaml:"time" required:"true" placeholder:"LAUNCH_TIME"`
	Timezone Timezone `yaml:"timezone" required:"true" placeholder:"TIMEZONE" doc:"IANA name, such as Europe/Oslo."`
	Window   Window   `yaml:"window" required:"true"`
	Type     string   `yaml:"type" required:"true" placeholder:"TYPE" enum:"big-bang,soft-launch,canary,blue-green"`
	// Maintenance is what the status page announces.
	Maintenance Maintenance `yaml:"maintenance"`
}

// Window is the deployment window, on the launch date.
type Window struct {
	Start    Clock    `yaml:"start" required:"true" placeholder:"WINDOW_START"`
	End      Clock    `yaml:"end" required:"true" placeholder:"WINDOW_END"`
	Duration Duration `yaml:"duration" required:"true" placeholder:"WINDOW_DURATION" doc:"Must equal end - start; a window may pass midnight."`
}

// Maintenance is the window that the status page announces.
type Maintenance struct {
	Start Clock `yaml:"start" placeholder:"TIME"`
	End   Clock `yaml:"end" placeholder:"END_TIME"`
}

// PersonID is a key of `people`.
type PersonID string

// Person is somebody the runbook names.
type Person struct {
	Name  string `yaml:"name" required:"true"`
	Email string `yaml:"email" doc:"How the suite reaches this person."`
	Bot   bool   `yaml:"bot" doc:"An automation: may write, never approve."`
}

// Roles says who does what at launch.
type Roles struct {
	Owner             PersonID `yaml:"owner" required:"true" doc:"Go-live owner."`
	IC                PersonID `yaml:"ic" required:"true" placeholder:"IC" doc:"Incident commander."`
	ICBackup          PersonID `yaml:"ic_backup" required:"true" placeholder:"IC_BACKUP"`
	TechLead          PersonID `yaml:"tech_lead" required:"true" placeholder:"TECH_LEAD"`
	CommsLead         PersonID `yaml:"comms_lead" required:"true" placeholder:"COMMS_LEAD"`
	RollbackAuthority PersonID `yaml:"rollback_authority" required:"true" placeholder:"ROLLBACK_AUTHORITY"`
	Deploy            PersonID `yaml:"deploy" required:"true" placeholder:"DEPLOY_OWNER"`
	QA                PersonID `yaml:"qa" required:"true" placeholder:"QA_OWNER"`
	LegalSignoff      PersonID `yaml:"legal_signoff" required:"true" placeholder:"LEGAL_SIGNOFF"`
}

// Sections says who owns each section of the checklist.
type Sections struct {
	Infrastructure PersonID `yaml:"infrastructure" placeholder:"INFRA_OWNER"`
	DNS            PersonID `yaml:"dns" placeholder:"DNS_OWNER"`
	SSL            PersonID `yaml:"ssl" placeholder:"SSL_OWNER"`
	CDN            PersonID `yaml:"cdn" placeholder:"CDN_OWNER"`
	Database       PersonID `yaml:"database" placeholder:"DB_OWNER"`
	FeatureFlags   PersonID `yaml:"feature_flags" placeholder:"FF_OWNER"`
	Integrations   PersonID `yaml:"integrations" placeholder:"INTEGRATION_OWNER"`
	Monitoring     PersonID `yaml:"monitoring" placeholder:"MONITORING_OWNER"`
	Backups        PersonID `yaml:"backups" placeholder:"BACKUP_OWNER"`
	Legal          PersonID `yaml:"legal" placeholder:"LEGAL_OWNER"`
}

// Links are the pages that people open on launch day.
type Links struct {
	WarRoom    URL `yaml:"war_room" required:"true" placeholder:"WAR_ROOM_LINK"`
	StatusPage URL `yaml:"status_page" required:"true" placeholder:"STATUS_PAGE_URL"`
	Pipeline   URL `yaml:"pipeline" required:"true" placeholder:"PIPELINE_LINK"`
	SSLTest    URL `yaml:"ssl_test" placeholder:"SSL_TEST_LINK"`
}

// Network says how the suite reaches the environment. Refused in the environment named production.
type Network struct {
	Connect map[HostPort]HostPort `yaml:"connect" doc:"Send connections for one ip:port to another, as curl --connect-to. Where it is set, nothing else but loopback is reached."`
	Private []Prefix              `yaml:"private" doc:"Address ranges that are this environment's own although they are not public, such as 10.20.0.0/16."`
}

// DNS is the zone of the launch and how to look at it.
type DNS struct {
	Provider     string        `yaml:"provider" required:"true" placeholder:"DNS_PROVIDER"`
	Domain       Domain        `yaml:"domain" required:"true" placeholder:"DOMAIN"`
	LowTTL       Duration      `yaml:"low_ttl" required:"true" placeholder:"LOW_TTL" doc:"The longest TTL a launch record may carry."`
	NegativeTTL  Duration      `yaml:"negative_ttl" default:"15m" doc:"The longest a resolver may remember that a name does not exist; judged while a launch name does not exist yet."`
	RollbackFile string        `yaml:"rollback_file" required:"true" doc:"Zone file (RFC 1035 master format) with the records as they were before the change, committed beside launch.yaml."`
	Records      []Record      `yaml:"records" required:"true" doc:"Every name the launch depends on and what it must answer."`
	API          APIName       `yaml:"api"`
	WWW          WWWName       `yaml:"www" required:"true"`
	Failover     Failover      `yaml:"failover"`
	MX           []string      `yaml:"mx" doc:"The mail exchangers the zone must still name, as \"10 mail.example.com\"; absent: the zone must have none or the null MX."`
	Providers    int           `yaml:"providers" default:"1" doc:"Independent DNS providers that serve the zone; with more than one, serials are not compared."`
	Roots        []HostAddr    `yaml:"roots" doc:"Root servers as ip or ip:port; absent: the internet's. Refused in production."`
	Resolvers    []DNSResolver `yaml:"resolvers" required:"true" doc:"Recursive resolvers that must have the new answers."`
	Regions      int           `yaml:"regions" default:"4" doc:"How many different regions the resolvers must cover."`
	Repeat       Repeat        `yaml:"repeat" doc:"How often each authoritative server is asked again, to notice one slow node of an anycast address."`
	DNSSEC       DNSSEC        `yaml:"dnssec"`
	Globalping   Globalping    `yaml:"globalping"`
	TTLLog       string        `yaml:"ttl_log" default:"state/dns-ttl.jsonl" doc:"Where first sight of the low TTL, and of each server's new answer, is kept between runs."`
}

// Record is one name and what it must answer: addresses, or the name it leads to.
type Record struct {
	Name   Domain   `yaml:"name" required:"true"`
	A      []IP     `yaml:"a"`
	AAAA   []IP     `yaml:"aaaa"`
	Target Domain   `yaml:"target" doc:"The load balancer's name. The record is a CNAME to it, or an ALIAS whose addresses are among the target's."`
	Old    []string `yaml:"old" doc:"Answers from before the change; a resolver that still gives one is stale."`
	New    bool     `yaml:"new" doc:"The name is created by this launch; until then negative caching matters."`
}

// APIName is the API's host name, where it has one of its own.
type APIName struct {
	Enabled bool   `yaml:"enabled"`
	Name    Domain `yaml:"name" doc:"Default: api.<domain>."`
}

// WWWName says what www does.
type WWWName struct {
	Name Domain `yaml:"name" doc:"Default: www.<domain>."`
	Mode string `yaml:"mode" required:"true" enum:"redirect,serve"`
}

// Failover says whether DNS moves the launch to another place by itself.
type Failover struct {
	Enabled bool `yaml:"enabled"`
}

// DNSResolver is a recursive resolver and where it stands.
type DNSResolver struct {
	Address HostAddr `yaml:"address" required:"true"`
	Name    string   `yaml:"name" doc:"Such as \"Google\"."`
	Region  string   `yaml:"region" required:"true" doc:"Such as eu-north."`
	Subnet  Prefix   `yaml:"subnet" doc:"EDNS client subnet to send with each question."`
}

// DNSSEC says whether the zone is signed.
type DNSSEC struct {
	Signed      bool     `yaml:"signed" doc:"The zone is signed, and the parent vouches for it with DS records. Where it is false, a DS at the parent is an error."`
	TrustAnchor []DSData `yaml:"trust_anchor" doc:"DS data of the root zone, such as \"20326 8 2 E06D44B8…\"; absent: IANA's, or none where dns.roots is set. Refused in production."`
	Resign      Duration `yaml:"resign" doc:"How often the signatures are renewed, where they do not outlive the launch window as they stand."`
}

// Globalping says where in the world probes of globalping.io ask for the launch's names.
type Globalping struct {
	Locations []string `yaml:"locations" doc:"ISO 3166 codes of countries, or names of cities, such as NO or Singapore; absent: nobody is asked."`
	Probes    int      `yaml:"probes" default:"2" doc:"How many probes in each location."`
	Token     Secret   `yaml:"token" doc:"API token, as a secret: reference; absent: the limit for everybody."`
}

// Mail says who sends mail in the domain's name.
type Mail struct {
	Domain     Domain   `yaml:"domain" doc:"The domain in the From header. Default: dns.domain."`
	ReturnPath Domain   `yaml:"return_path" doc:"The domain of the envelope sender (MAIL FROM), whose SPF record counts. Default: mail.domain."`
	Selectors  []string `yaml:"selectors" doc:"DKIM selectors that mail is signed with; absent: no mail is sent."`
	Senders    []IP     `yaml:"senders" doc:"Addresses that mail is sent from; SPF must pass every one."`
	OwnSenders bool     `yaml:"own_senders" doc:"The sending addresses are your own, and so are their PTR records."`
	DMARC      string   `yaml:"dmarc" default:"quarantine" enum:"quarantine,reject" doc:"The weakest DMARC policy that will do."`
	Test       MailTest `yaml:"test"`
}

// Repeat is how often and over what time something is looked at again.
type Repeat struct {
	Times int      `yaml:"times" default:"3"`
	Over  Duration `yaml:"over" default:"10s"`
}

// TLS is what the certificates and the transport must be.
type TLS struct {
	Names            []Domain `yaml:"names" required:"true" doc:"Every name a certificate must be valid for; *.example.com asks for a wildcard."`
	MinDays          int      `yaml:"min_days" default:"90" doc:"Days a certificate must last beyond the launch."`
	MinDaysAutorenew int      `yaml:"min_days_autorenew" default:"30" doc:"The same where renewal is proven to be automatic."`
	Certificates     []ARN    `yaml:"certificates" doc:"ARNs of the launch's certificates in AWS Certificate Manager, but for that of a CloudFront distribution."`
	Renewal          string   `yaml:"renewal" default:"aws" enum:"aws,other" doc:"Who renews the certificates of a launch on AWS; other: TMinus7/AWS/CertificateRenews is not applicable."`
	AutoRenew        string   `yaml:"auto_renew" default:"no" enum:"no,observed" doc:"observed: renewal counts as proven when the served certificate has replaced an earlier one in good time."`
	CertLog          string   `yaml:"cert_log" default:"state/certificates.jsonl" doc:"Where certificates seen in earlier runs are kept."`
	CAFile           string   `yaml:"ca_file" doc:"PEM file of certificate authorities to trust instead of the system's. Refused in production."`
	MinVersion       string   `yaml:"min_version" default:"1.2" enum:"1.2,1.3"`
	CA               []Domain `yaml:"ca" doc:"The names under which the authority that issues the certificates looks itself up in CAA records, such as letsencrypt.org; one of them must be allowed."`
	ACMEAccount      string   `yaml:"acme_account" doc:"URL of the ACME account, where CAA restricts to one (RFC 8657 accounturi)."`
	Validation       string   `yaml:"validation" doc:"How the authority validates, such as dns-01, where CAA restricts that (RFC 8657 validationmethods)."`
	MinGrade         string   `yaml:"min_grade" default:"A" enum:"A+,A" doc:"The lowest SSL Labs grade that will do; A- is below A."`
	GradeSource      string   `yaml:"grade_source" default:"local" enum:"local,ssllabs" doc:"local: the suite grades by itself, also what is not public yet; ssllabs: the SSL Labs service does."`
	SSLLabsEmail     string   `yaml:"ssllabs_email" doc:"The address that is registered with the SSL Labs API (v4)."`
	Connections      int      `yaml:"connections" default:"8" doc:"Connections to one address that are open at a time while it is graded."`
	HSTSMinAge       Duration `yaml:"hsts_min_age" default:"17520h" doc:"Smallest max-age of Strict-Transport-Security; 17520h is two years, 63072000 s."`
}

// Web is what the site serves.
type Web struct {
	URL           URL      `yaml:"url" required:"true" doc:"The landing page, https://<domain>/ or below it."`
	Contains      string   `yaml:"contains" required:"true" doc:"A text that the landing page must show."`
	Pages         []string `yaml:"pages" doc:"More paths that are looked at for headers and mixed content."`
	Bundle        []Built  `yaml:"bundle" doc:"What was written into the scripts of the landing page when they were built."`
	Closed        []string `yaml:"closed" doc:"Paths that must not be there in production, such as /api/dev."`
	PlainHTTPPort int      `yaml:"plain_http_port" default:"80"`
}

// Built is one value in the scripts of the landing page.
type Built struct {
	Variable string `yaml:"variable" required:"true" doc:"The variable that the build wrote in; a key of compute.variables, which has its value."`
	Pattern  string `yaml:"pattern" required:"true" doc:"RE2 with one group: every match in the scripts must have the variable's value as group, and there must be one."`
}

// Health is the health document of the application.
type Health struct {
	Path        string `yaml:"path" required:"true"`
	StatusPath  string `yaml:"status_path" default:"data.status" doc:"Where in the JSON the status stands."`
	StatusOK    string `yaml:"status_ok" default:"ok"`
	VersionPath string `yaml:"version_path" default:"data.version" doc:"Where in the JSON the running version stands."`

	Checks []string `yaml:"checks" doc:"Where in the JSON the checks stand that must be there and pass, such as data.checks.db.status. What stands in checks beside the status must pass in any case."`
}

// Deploy is how a version is brought out, on any platform.
type Deploy struct {
	Command []string `yaml:"command" required:"true" doc:"Program and arguments, no shell. Gets LAUNCH_VERSION and LAUNCH_ID in its environment."`
	Timeout Duration `yaml:"timeout" default:"15m"`
}

// Rollback is how the previous version is brought back, and when.
type Rollback struct {
	Command         []string   `yaml:"command" required:"true" doc:"Program and arguments, no shell. Gets LAUNCH_VERSION (the previous version) and LAUNCH_ID in its environment. It must be safe to run twice."`
	PreviousVersion string     `yaml:"previous_version" required:"true" doc:"The version to go back to, as the health document reports it."`
	Timeout         Duration   `yaml:"timeout" default:"15m" doc:"Recovery time objective of the whole procedure."`
	ErrorRate       Percent    `yaml:"error_rate" required:"true" placeholder:"ROLLBACK_ERROR_RATE"`
	ErrorDuration   Duration   `yaml:"error_duration" required:"true" placeholder:"ROLLBACK_DURATION"`
	P99             Duration   `yaml:"p99" required:"true" placeholder:"ROLLBACK_P99"`
	P99Duration     Duration   `yaml:"p99_duration" required:"true" placeholder:"ROLLBACK_LATENCY_DURATION"`
	Notify          []PersonID `yaml:"notify"`
}

// Chat is where the launch is announced.
type Chat struct {
	Webhook   Secret   `yaml:"webhook" doc:"Slack incoming webhook, as a secret: reference."`
	Channel   string   `yaml:"channel" doc:"The channel that the webhook belongs to, such as #drop-ops."`
	ChannelID string   `yaml:"channel_id" doc:"Its id, such as C0123456789, to look for a test message there."`
	Token     Secret   `yaml:"token" doc:"Token of a bot in the channel with channels:read and channels:history, as a secret: reference; absent: a person confirms by a decision that the test message is there."`
	Within    Duration `yaml:"within" default:"30s" doc:"How soon a message shows in the channel."`
}

// Thresholds are the numbers that decide.
type Thresholds struct {
	ErrorRate      Percent  `yaml:"error_rate" required:"true" placeholder:"ERROR_THRESHOLD"`
	P99            Duration `yaml:"p99" required:"true" placeholder:"P99_THRESHOLD"`
	DBPool         Percent  `yaml:"db_pool" required:"true" placeholder:"DB_POOL"`
	CacheHit       Percent  `yaml:"cache_hit" required:"true" placeholder:"CACHE_HIT"`
	ReplicationLag Duration `yaml:"replication_lag" required:"true" placeholder:"REPLICATION_LAG"`
	BackupDays     int      `yaml:"backup_days" required:"true" placeholder:"BACKUP_DAYS"`
	MigrationTime  Duration `yaml:"migration_time" required:"true" placeholder:"MIGRATION_TIME"`
	Monitoring     Duration `yaml:"post_launch_monitoring" required:"true" placeholder:"POST_LAUNCH_MONITORING"`
}

// Baseline is what staging measured.
type Baseline struct {
	P95       Duration `yaml:"p95" placeholder:"STG_P95"`
	ErrorRate Percent  `yaml:"error_rate" placeholder:"STG_ERR"`
	RPS       float64  `yaml:"rps" placeholder:"STG_RPS"`
}

// Records are dates that people entered on the checklist.
type Records struct {
	BackupVerified Date    `yaml:"backup_verified" placeholder:"VERIFY_DATE"`
	StagingSmoke   Instant `yaml:"staging_smoke" placeholder:"TIMESTAMP"`
}

// Decision is what a person decided about a gate or a section: one YAML file in the `decisions` folder. A detached
// signature can stand beside it, so that signing does not change the format.
type Decision struct {
	Gate         string   `yaml:"gate" required:"true" doc:"Id of the gate, such as TMinus5/DNS/API, or of a section, such as TMinus5/DNS."`
	Decision     string   `yaml:"decision" required:"true" enum:"approve,reject,na,waive"`
	Person       PersonID `yaml:"person" required:"true" doc:"Who decides; never a bot."`
	Role         string   `yaml:"role" required:"true"`
	RequestedBy  PersonID `yaml:"requested_by" doc:"Who asked for a waiver; not who grants it."`
	Reason       string   `yaml:"reason" required:"true"`
	Compensating string   `yaml:"compensating_control" doc:"What makes the waiver bearable; mandatory for a waiver."`
	Evidence     string   `yaml:"evidence_sha256" doc:"Hash of what was looked at."`
	Signed       Instant  `yaml:"signed" required:"true"`
	Expires      Instant  `yaml:"expires" doc:"Mandatory for all but a rejection, and at most 30 days after the launch, so that nothing decided for one launch opens the next."`
	Environment  string   `yaml:"environment" required:"true" doc:"The environment the decision is about."`

	File   string `yaml:"-"`
	SHA256 string `yaml:"-"`
}

// At is the instant of the launch; the zero time where no launch.yaml says it.
func (l *Launch) At() time.Time {
	if l.Schedule.Date == (Date{}) {
		return time.Time{}
	}
	return l.Schedule.Date.At(l.Schedule.Time, l.Schedule.Timezone)
}
