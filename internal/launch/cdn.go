package launch

// CloudFront is the provider of a CDN whose configuration is looked at.
const CloudFront = "cloudfront"

// CDN is the content delivery network in front of the site, or of its static files alone.
type CDN struct {
	Enabled   bool          `yaml:"enabled" doc:"There is a CDN. Where it is false, each of its gates needs a decision that declares it not applicable."`
	Provider  string        `yaml:"provider" default:"other" enum:"other,cloudfront" doc:"cloudfront: the distribution of id is looked at in aws.account too."`
	ID        string        `yaml:"id" doc:"Id of the CloudFront distribution, such as E2QWRUHEXAMPLE."`
	Host      Domain        `yaml:"host" doc:"The name that the CDN answers for. Default: dns.domain."`
	Origin    CDNOrigin     `yaml:"origin"`
	Behaviors []CDNBehavior `yaml:"behaviors" doc:"The specification: paths of the CDN, as one can ask for them, and what it may do with each."`
	Session   CDNSession    `yaml:"session"`
	Assets    CDNAssets     `yaml:"assets"`
	WAF       CDNWAF        `yaml:"waf"`
	Purge     CDNPurge      `yaml:"purge"`
	Perf      CDNPerf       `yaml:"perf"`
}

// CDNOrigin is the server that the CDN fetches from. Two servers with the same release answer the same, so only what the
// origin says about itself tells production from staging.
type CDNOrigin struct {
	Header string   `yaml:"header" doc:"Response header in which the origin names itself, such as X-Environment."`
	Value  string   `yaml:"value" doc:"What the production origin says in it, and no other server does."`
	URL    URL      `yaml:"url" doc:"The origin as it is reached without the CDN, to compare answers; absent: it lets nobody but the CDN in."`
	Also   []Domain `yaml:"also" doc:"Hosts of other origins that a CloudFront distribution may fetch from, such as a bucket of images."`
}

// CDNBehavior is one line of the CDN's specification.
type CDNBehavior struct {
	Path  string `yaml:"path" required:"true" doc:"A path that answers with 200, such as /api/health; no pattern."`
	Cache string `yaml:"cache" required:"true" enum:"static,never,private" doc:"static: kept by the CDN; never: fetched for each request; private: like never, and different for each person."`
}

// CDNSession is a test account, to see whether its pages reach anybody else.
type CDNSession struct {
	Header     string `yaml:"header" default:"Cookie" enum:"Cookie,Authorization"`
	Credential Secret `yaml:"credential" doc:"The header's value, as a secret: reference."`
	Sees       string `yaml:"sees" doc:"A text that this account sees on every private page, and nobody else does."`
}

// CDNAssets are the static files of the build.
type CDNAssets struct {
	Manifest       string   `yaml:"manifest" doc:"JSON file of the build with its fingerprinted files: path → SHA-256, a list of paths, or the manifest of Vite, webpack or Next.js."`
	Build          string   `yaml:"build" doc:"Folder of the build's files, for a manifest without SHA-256."`
	Base           string   `yaml:"base" default:"/" doc:"Where the manifest's paths begin on the CDN, such as /_next/."`
	Unhashed       []string `yaml:"unhashed" doc:"Static files without a fingerprint in their name, such as /favicon.ico."`
	HTML           []string `yaml:"html" doc:"HTML pages of the CDN. Default: web.url and web.pages, where cdn.host is dns.domain."`
	MaxAge         Duration `yaml:"max_age" default:"365d" doc:"Smallest max-age of a fingerprinted file; 365d is 31536000 s."`
	UnhashedMaxAge Duration `yaml:"unhashed_max_age" default:"1d" doc:"Longest time that a file without a fingerprint may be kept."`
}

// CDNWAF is where attacks are tried, and how they are refused.
type CDNWAF struct {
	Path     string   `yaml:"path" doc:"A path that answers with 200, whatever its query; attacks in the query are tried there. Absent: the gate is BLOCKED."`
	Resource ARN      `yaml:"resource" doc:"What must have a regional web ACL of AWS WAF too, such as compute.service or a load balancer: nobody goes around the CDN."`
	Counting []string `yaml:"counting" doc:"Names of rules of the web ACL that count and do not block, because somebody decided so."`
	Status   int      `yaml:"status" default:"403" doc:"The status with which the WAF refuses."`
}

// CDNPurge is how something is taken out of the CDN, tried with an object that is there for nothing else.
type CDNPurge struct {
	Path    string   `yaml:"path" doc:"The canary: an object that the CDN keeps longer than within, and that the origin writes anew at each request."`
	Command []string `yaml:"command" doc:"Program and arguments, no shell, that purges the canary. The gate runs it each time, without LAUNCH_EXECUTE: it must purge nothing else. Gets LAUNCH_VERSION and LAUNCH_ID in its environment."`
	Within  Duration `yaml:"within" default:"5m" doc:"How soon after the command was started new content must be there, at every address."`
}

// CDNPerf is how fast the CDN must be, and where. Probes of globalping.io measure it, with dns.globalping.token.
type CDNPerf struct {
	Locations []string `yaml:"locations" doc:"ISO 3166 codes of countries, or names of cities, that visitors come from, such as NO; absent: the gate is BLOCKED."`
	Path      string   `yaml:"path" doc:"What is asked for. Default: the first static behavior."`
	P75       Duration `yaml:"ttfb_p75" default:"800ms" doc:"The longest time to the first byte at the 75th percentile of each location, with the look-up of the name, the connection and TLS."`
}
