package launch

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	awsAccount = regexp.MustCompile(`^[0-9]{12}$`)
	awsRegion  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	permission = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z]+ (\*|arn:\S+)$`)
	variable   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// cloud judges what launch.yaml says about AWS.
func (c checker) cloud() {
	a := c.AWS
	if a.Account == "" {
		if _, given := c.positions["aws"]; given || c.Compute.Service != "" || c.Database.Instance != "" || len(c.Secrets) > 0 {
			c.bad("aws.account", "want the account that everything runs in; got none; add its twelve digits, or leave out what is on AWS")
		}
		return
	}
	if !awsAccount.MatchString(a.Account) {
		c.bad("aws.account", "want twelve digits in quotes; got %s", quote(a.Account))
	}
	if !awsRegion.MatchString(a.Region) {
		c.bad("aws.region", "want a region such as eu-west-1; got %s", quote(a.Region))
	}
	c.here("compute.service", c.Compute.Service, c.Compute.Provider)
	if service := string(c.Compute.Service); c.Compute.Provider == ECS && service != "" && strings.Count(service, "/") != 2 {
		c.bad("compute.service", "want the service with its cluster, …:service/<cluster>/<service>; got %s", quote(service))
	}
	for i, group := range c.Compute.Targets {
		c.here(fmt.Sprintf("compute.target_groups[%d]", i), group, "elasticloadbalancing")
	}
	if role := c.IAM.Role; role != "" && (role.Service() != "iam" || role.Account() != a.Account) {
		c.bad("iam.role", "want the ARN of a role in account %s; got %s", a.Account, quote(string(role)))
	}
	for i, certificate := range c.TLS.Certificates {
		if certificate.Service() != "acm" || certificate.Account() != a.Account {
			c.bad(fmt.Sprintf("tls.certificates[%d]", i), "want the ARN of a certificate in ACM, in account %s; got %s", a.Account, quote(string(certificate)))
		}
	}
	if s := c.Compute.Scale; s.Max < s.Min || s.Min < 1 {
		c.bad("compute.scale", "want 1 ≤ min ≤ max; got min %d and max %d", s.Min, s.Max)
	}
	for i, entry := range c.IAM.Allow {
		c.permission(fmt.Sprintf("iam.allow[%d]", i), entry)
	}
	for i, entry := range c.IAM.Deny {
		c.permission(fmt.Sprintf("iam.deny[%d]", i), entry)
	}
	c.secrets()
	c.observability()
	c.alarms()
}

// here wants a resource of one service, in the launch's own account and region: everything else would be looked for in the wrong place.
func (c checker) here(key string, arn ARN, service string) {
	if arn == "" {
		return
	}
	if arn.Service() != service || arn.Account() != c.AWS.Account || arn.Region() != c.AWS.Region {
		c.bad(key, "want an ARN of %s in account %s and region %s; got %s", service, c.AWS.Account, c.AWS.Region, quote(string(arn)))
	}
}

func (c checker) permission(key, entry string) {
	if !permission.MatchString(entry) {
		c.bad(key, "want an action and the resource it is about, such as \"s3:GetObject arn:aws:s3:::bucket/*\"; got %s", quote(entry))
	}
}

func (c checker) secrets() {
	seen := map[string]bool{}
	for i, s := range c.Secrets {
		key := fmt.Sprintf("secrets[%d]", i)
		switch {
		case s.Variable != "" && !variable.MatchString(s.Variable):
			c.bad(key+".variable", "want the name of an environment variable; got %s", quote(s.Variable))
		case seen[s.Variable] && s.Variable != "":
			c.bad(key+".variable", "want each variable once; got %s again", s.Variable)
		}
		seen[s.Variable] = true
		if _, plain := c.Compute.Variables[s.Variable]; plain {
			c.bad("compute.variables."+s.Variable, "want it as a secret or as a plain variable; got both; keep it in secrets")
		}
		if s.Kind == "random" && s.MinLength < 32 && c.read(key+".min_length") {
			c.bad(key+".min_length", "want at least 32 bytes for a random secret; got %d", s.MinLength)
		}
		if s.Kind == "postgres" && c.Database.Instance == "" {
			c.bad(key+".kind", "want database.instance, which the connection string must lead to; got none")
		}
		if s.Differs == s.ID && s.ID != "" {
			c.bad(key+".differs_from", "want another environment's secret; got the same one")
		}
	}
}

// pageTime is the longest that a gate may wait for something to show: a page has ten minutes.
const pageTime = 8 * time.Minute

func (c checker) observability() {
	if within := c.Logs.Within; within.D() > pageTime {
		c.bad("logs.within", "want at most %s, because a page has ten minutes; got %s", Duration(pageTime), within)
	}
	if path := c.Logs.Nonce; path != "" && (!strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#")) {
		c.bad("logs.nonce_path", "want a path that begins with / and has no query; got %s", quote(path))
	}
}

func (c checker) alarms() {
	seen := map[string]bool{}
	for i, alarm := range c.Alarms {
		if seen[alarm.Name] {
			c.bad(fmt.Sprintf("alarms[%d].name", i), "want each alarm once; got %s again", quote(alarm.Name))
		}
		seen[alarm.Name] = true
		if strings.TrimSpace(alarm.Name) != alarm.Name {
			c.bad(fmt.Sprintf("alarms[%d].name", i), "want a name without space around it; got %s", quote(alarm.Name))
		}
	}
}
