// Package cloud turns what launch.yaml says about AWS into what probes look at. It is apart from package target because AWS's
// packages are slow to compile: only the pages that look at AWS wait for them. It decides nothing.
package cloud

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/apprunnerprobe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/backupprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudfrontprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudwatchprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/costprobe"
	"github.com/getdrop/launchgate/internal/probe/ec2probe"
	"github.com/getdrop/launchgate/internal/probe/ecrprobe"
	"github.com/getdrop/launchgate/internal/probe/ecsprobe"
	"github.com/getdrop/launchgate/internal/probe/elbprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/iamprobe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
	"github.com/getdrop/launchgate/internal/probe/quotasprobe"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
	"github.com/getdrop/launchgate/internal/probe/reachprobe"
	"github.com/getdrop/launchgate/internal/probe/route53probe"
	"github.com/getdrop/launchgate/internal/probe/secretsprobe"
	"github.com/getdrop/launchgate/internal/probe/xrayprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/database"
)

// Cloud is what the probes look at in the AWS account of one launch.
type Cloud struct {
	*target.Targets
	Account  *awsprobe.Account
	Platform computeprobe.Platform
	Vault    *secretsprobe.Vault
	Database *rdsprobe.Instance
	Backups  *backupprobe.Resource // of the database, beyond its own
	Images   *ecrprobe.Repository
	Alarms   *cloudwatchprobe.Alarms
	Metrics  *cloudwatchprobe.Metrics
	Logs     *logsprobe.Group
	Role     *iamprobe.Role
	Request  *xrayprobe.Request // one that asks to be traced
	Groups   *ec2probe.Groups
	Balanced *elbprobe.Groups
	Budget   *costprobe.Budget
	Zone53   *route53probe.Zone
	Front    *cloudfrontprobe.Distribution
	Quotas   *quotasprobe.Quotas
}

var known target.PerLaunch[Cloud]

// Of gives the cloud of a launch: always the same one.
func Of(l *launch.Launch) *Cloud { return known.Of(l, of) }

func of(l *launch.Launch) *Cloud {
	t := target.Of(l)
	account := awsprobe.New(awsprobe.Config{Network: t.Network, ID: l.AWS.Account, Region: l.AWS.Region, Public: l.Environment == "production"})
	c := &Cloud{Targets: t, Account: account,
		Database: rdsprobe.New(account, l.Database.Instance, l.Database.Replicas...),
		Images:   ecrprobe.New(account, l.Images.Repository, l.Images.Tag),
		Metrics:  cloudwatchprobe.NewMetrics(account),
		Logs:     logsprobe.New(account, l.Logs.Group),
		Groups:   ec2probe.New(account),
		Balanced: elbprobe.New(account),
		Budget:   costprobe.New(account, l.Budget.Name),
		Front:    cloudfrontprobe.New(account, l.CDN.ID),
	}
	c.Quotas = quotasprobe.New(account, c.Metrics)
	c.Zone53 = route53probe.New(account, string(l.DNS.Domain), t.Zone)
	if l.Compute.Provider == launch.ECS {
		c.Platform = ecsprobe.New(account, string(l.Compute.Service), c.Balanced)
	} else {
		c.Platform = apprunnerprobe.New(account, string(l.Compute.Service))
	}
	var ids []string
	for _, s := range l.Secrets {
		ids = append(ids, s.ID, s.Differs)
	}
	c.Backups = backupprobe.New(account, func(ctx context.Context) (backupprobe.Found, error) {
		s, err := c.Database.State(ctx, l.Database.Instance)
		return backupprobe.Found{ARN: s.ARN, Created: s.Created}, err
	})
	c.Request = xrayprobe.New(account, l.Tracing.Within.D(), c.Emit(l.Health.Path))
	c.Vault = secretsprobe.New(account, ids...)
	c.Alarms = cloudwatchprobe.NewAlarms(account, c.WantedAlarms())
	var asked []iamprobe.Permission
	for _, entry := range append(append([]string{}, l.IAM.Allow...), l.IAM.Deny...) {
		asked = append(asked, iamprobe.Parse(entry))
	}
	c.Role = iamprobe.New(account, string(l.IAM.Role), asked...)
	return c
}

// Revision is the commit that the image of the launch was built from.
func (c *Cloud) Revision(ctx context.Context) (string, error) {
	return c.Images.Revision(ctx, c.Launch.Compute.Image.Digest())
}

// ImageStarts claims that the image of the launch was built for the processors of the service.
func (c *Cloud) ImageStarts() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, err := c.Platform.Describe(ctx)
		if err != nil {
			return probe.Evidence{Target: s.Name}, err
		}
		return c.Images.BuiltFor(c.Launch.Compute.Image.Digest(), s.Processors)(ctx)
	}
}

// WellAtService claims that the health document, of whatever version, says that the application is well at the address that the platform
// gave the service, past DNS and CDN. One behind a load balancer has no such address, but for cdn.origin.url.
func (c *Cloud) WellAtService() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		hosts, err := c.ProductionHosts(ctx)
		switch {
		case err != nil:
			return probe.Evidence{}, err
		case len(hosts) == 0 && c.Launch.Compute.Provider == launch.ECS:
			return probe.Evidence{}, &probe.NotApplicable{Why: "the load balancer before the service answers for the launch's names only"}
		case len(hosts) == 0:
			return probe.Evidence{}, &probe.Unknown{Class: "not-configured", Want: "the address of the service", Got: "none that the platform names", Fix: "correct compute.service"}
		}
		return httpprobe.SteadilyWell(c.Web, target.HTTPS(launch.Domain(hosts[0]), c.Launch.Health.Path), c.Health(""), 3)(ctx)
	}
}

// Shared are the resources that others than the account may reach.
func (c *Cloud) Shared() []string { return launch.Texts(c.Launch.IAM.Shared) }

// WantedAlarms are the alarms that must watch the launch.
func (c *Cloud) WantedAlarms() []cloudwatchprobe.Alarm {
	var all []cloudwatchprobe.Alarm
	for _, a := range c.Launch.Alarms {
		all = append(all, cloudwatchprobe.Alarm{Name: a.Name, Missing: a.Missing})
	}
	return all
}

// Dashboards are the dashboards of CloudWatch that must show production.
func (c *Cloud) Dashboards() []cloudwatchprobe.Dashboard {
	var all []cloudwatchprobe.Dashboard
	for _, d := range c.Launch.Dashboards {
		if d.Query != "" {
			continue
		}
		all = append(all, cloudwatchprobe.Dashboard{Name: d.Name, Account: c.Launch.AWS.Account, Region: c.Launch.AWS.Region, Own: ownDimensions(c.Launch), Production: d.Production})
	}
	return all
}

// ownDimensions are the dimensions by which AWS names the launch's own resources in their metrics.
func ownDimensions(l *launch.Launch) map[string][]string {
	all := map[string][]string{"DBInstanceIdentifier": append([]string{l.Database.Instance}, l.Database.Replicas...), "LogGroupName": {l.Logs.Group, platformGroup(l.Compute.Service)}, "DistributionId": {l.CDN.ID}}
	if parts := strings.Split(l.Compute.Service.Resource(), "/"); len(parts) == 3 {
		first, second := "ServiceName", "ServiceID"
		if l.Compute.Provider == launch.ECS {
			first, second = "ClusterName", "ServiceName"
		}
		all[first], all[second] = parts[1:2], parts[2:]
	}
	for _, group := range l.Compute.Targets {
		all["TargetGroup"] = append(all["TargetGroup"], group.Resource())
	}
	for name, values := range all { // of what the launch does not have, nobody can tell whose it is
		all[name] = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	}
	return all
}

// Endpoint is where the database is, as a connection string must say.
func (c *Cloud) Endpoint(ctx context.Context) (secretsprobe.Endpoint, error) {
	s, err := c.Database.State(ctx, c.Launch.Database.Instance)
	at := secretsprobe.Endpoint{Host: s.Host, User: s.Master}
	if c.Launch.Database.SQL.Enabled && err == nil {
		at.Database = database.Name(ctx, c.Launch)
	}
	return at, err
}

// DatabaseHost is the database's endpoint, without its port.
func (c *Cloud) DatabaseHost(ctx context.Context) (string, error) {
	at, err := c.Endpoint(ctx)
	return at.Host, err
}

// Databases are the database and its read replicas: each has an endpoint and security groups of its own.
func (c *Cloud) Databases() []string {
	return append([]string{c.Launch.Database.Instance}, c.Launch.Database.Replicas...)
}

// DatabaseClosed claims that no security group of a database lets the internet in.
func (c *Cloud) DatabaseClosed(id string) probe.Claim {
	return c.Groups.Closed(func(ctx context.Context) (ec2probe.Guarded, error) {
		s, err := c.Database.State(ctx, id)
		return ec2probe.Guarded{Name: id, Port: s.Port, Groups: s.Groups}, err
	})
}

// DatabaseNotReached claims that a database takes no connection from the internet.
func (c *Cloud) DatabaseNotReached(id string) probe.Claim {
	from := reachprobe.Outside{Network: c.Network, Resolver: c.Zone, Vantage: c.Launch.Database.Vantage}
	return reachprobe.NotReached(from, func(ctx context.Context) (string, error) {
		s, err := c.Database.State(ctx, id)
		return reachprobe.Endpoint(s.Host, s.Port), err
	})
}

// TargetGroups are the load balancer's groups that are watched.
func (c *Cloud) TargetGroups() []string { return launch.Texts(c.Launch.Compute.Targets) }

// InItsTurn makes a claim about a target group, but for one that it is not the turn of.
func (c *Cloud) InItsTurn(group string, claim probe.Claim) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, err := c.Platform.Describe(ctx)
		switch {
		case err != nil:
			return probe.Evidence{Target: group}, err
		case s.Idle(group):
			return probe.Evidence{Target: group, Observed: s.Routing}, &probe.NotApplicable{Why: "production's requests are led to the other group of the service"}
		}
		return claim(ctx)
	}
}

// secret is the secret that reaches the application in a variable, or why it cannot be looked at.
func (c *Cloud) secret(variable string) (launch.RequiredSecret, error) {
	for _, s := range c.Launch.Secrets {
		if s.Variable == variable {
			return s, nil
		}
	}
	return launch.RequiredSecret{}, &probe.Unknown{Class: "not-configured", Want: "where the application has " + variable + " from", Got: "no such variable in secrets", From: "launch.yaml", Fix: "add it, with the secret's name"}
}

// HasKey claims that a key is in the secrets manager.
func (c *Cloud) HasKey(variable string) probe.Claim {
	s, err := c.secret(variable)
	if err != nil {
		return func(context.Context) (probe.Evidence, error) { return probe.Evidence{Target: variable}, err }
	}
	return c.Vault.IsThere(s.ID, s.MinLength)
}

// SameKey claims that a key in the secrets manager is the one that the gates have from a key of launch.yaml.
func (c *Cloud) SameKey(variable, key string, gates launch.Secret) probe.Claim {
	s, err := c.secret(variable)
	if err != nil {
		return func(context.Context) (probe.Evidence, error) { return probe.Evidence{Target: variable}, err }
	}
	return c.Vault.Same(s.ID, key, gates.Revealer())
}

// Key gives a key from the secrets manager to a probe that speaks with it.
func (c *Cloud) Key(variable string) func(context.Context) (string, error) {
	s, err := c.secret(variable)
	if err != nil {
		return func(context.Context) (string, error) { return "", err }
	}
	return c.Vault.Value(s.ID)
}

// SecretVariables are the variables that carry a secret.
func (c *Cloud) SecretVariables() []string {
	var all []string
	for _, s := range c.Launch.Secrets {
		all = append(all, s.Variable)
	}
	return all
}

// ScaledInDrill claims that the service grew and shrank in the load drill.
func (c *Cloud) ScaledInDrill() probe.Claim {
	scale := c.Launch.Compute.Scale
	return func(ctx context.Context) (probe.Evidence, error) {
		s, err := c.Platform.Describe(ctx)
		if err != nil {
			return probe.Evidence{Target: s.Name}, err
		}
		return c.Metrics.Scaled(s.Metric, cloudwatchprobe.Drill{Began: scale.Drill.Time, Min: scale.Min, DownWithin: scale.DownWithin.D()})(ctx)
	}
}

// BackedUpBefore claims that a snapshot of the release was made in the half hour before the migration begins.
func (c *Cloud) BackedUpBefore() probe.Claim { return c.Database.BackedUpBefore(Before(c.Launch)) }

// Before is that snapshot: what `launchgate backup` makes, and the gate asks for.
func Before(l *launch.Launch) rdsprobe.Before {
	return rdsprobe.Before{Prefix: snapshotPrefix(l), Release: l.Project.Version, Start: l.MigrationStart(), Within: 30 * time.Minute}
}

func snapshotPrefix(l *launch.Launch) string {
	return cmp.Or(l.Database.Prefix, l.Database.Instance+"-pre-launch-")
}
