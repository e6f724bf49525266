package launch

import "time"

// Phase is one page of the runbook.
type Phase string

// The phases, in the order in which a launch goes through them.
const (
	Plan       Phase = "Plan"
	TMinus7    Phase = "TMinus7"
	TMinus5    Phase = "TMinus5"
	TMinus3    Phase = "TMinus3"
	TMinus2    Phase = "TMinus2"
	TMinus1    Phase = "TMinus1"
	TMinus0    Phase = "TMinus0"
	LaunchDay  Phase = "LaunchDay"
	Smoke      Phase = "Smoke"
	PostLaunch Phase = "PostLaunch"
	RollBack   Phase = "Rollback"
)

// Phases lists all phases in order.
var Phases = []Phase{Plan, TMinus7, TMinus5, TMinus3, TMinus2, TMinus1, TMinus0, LaunchDay, Smoke, PostLaunch, RollBack}

// Before says how long before the launch a phase is due, and whether the phase only makes sense before the launch.
func (p Phase) Before() (lead time.Duration, preLaunch bool) {
	const day = 24 * time.Hour
	switch p {
	case Plan, TMinus7:
		return 7 * day, true
	case TMinus5:
		return 5 * day, true
	case TMinus3:
		return 3 * day, true
	case TMinus2:
		return 2 * day, true
	case TMinus1:
		return day, true
	case TMinus0:
		return 0, true
	case LaunchDay, Smoke, PostLaunch, RollBack:
		return 0, false
	default:
		return 0, false
	}
}

// Due is when the phase has to be done, or the zero time where it is not bound to a date. Days go by the calendar, as in
// the offset T-5d.
func (l *Launch) Due(p Phase) time.Time {
	lead, preLaunch := p.Before()
	if !preLaunch {
		return time.Time{}
	}
	return l.Instant(Offset{Days: -int(lead / (24 * time.Hour))})
}

// Role is the owner of a section: a key of `sections` or `roles` in launch.yaml.
type Role string

// The roles that own a section of the runbook.
const (
	RoleInfrastructure Role = "infrastructure"
	RoleMonitoring     Role = "monitoring"
	RoleBackups        Role = "backups"
	RoleDNS            Role = "dns"
	RoleSSL            Role = "ssl"
	RoleTechLead       Role = "tech_lead"
	RoleQA             Role = "qa"
	RoleDeploy         Role = "deploy"
	RoleCDN            Role = "cdn"
	RoleDatabase       Role = "database"
	RoleFeatureFlags   Role = "feature_flags"
	RoleIntegrations   Role = "integrations"
)
