// Package watch turns what launch.yaml says about those who watch a launch into what probes look at: monitors, the status page,
// the chat and who is on call. It decides nothing.
package watch

import (
	"fmt"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/betterstackprobe"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/probe/slackprobe"
	"github.com/getdrop/launchgate/internal/probe/statuspageprobe"
	"github.com/getdrop/launchgate/internal/target"
)

// Watch is what the probes look at for one launch.
type Watch struct {
	*target.Targets
	Account *betterstackprobe.Account
	Page    statuspageprobe.Source
	Chat    slackprobe.Channel
	OnCall  oncallprobe.Provider
}

var known target.PerLaunch[Watch]

// Of gives those who watch a launch: always the same ones.
func Of(l *launch.Launch) *Watch { return known.Of(l, of) }

func of(l *launch.Launch) *Watch {
	t := target.Of(l)
	w := &Watch{Targets: t, Account: betterstackprobe.New(t.API("Better Stack", betterstackprobe.Base, l.BetterStack.Token, "betterstack.token"))}
	page := t.API("the status page", launch.URL(strings.TrimSuffix(string(l.Links.StatusPage), "/")), launch.Secret{}, "links.status_page")
	w.Page = betterstackprobe.NewPage(page)
	if l.StatusPage.Provider == launch.OnStatuspage {
		api := t.API("Statuspage", statuspageprobe.Base, l.StatusPage.Token, "status_page.token")
		api.Scheme = statuspageprobe.Scheme
		w.Page = statuspageprobe.NewAtlassian(page, api, l.StatusPage.Page)
	}
	c := l.Chat
	w.Chat = slackprobe.Channel{Name: c.Channel, ID: c.ChannelID, Webhook: c.Webhook.Revealer(), Within: c.Within.D(), Says: fmt.Sprintf("Launch %s in %s.", l.ID, l.Environment),
		At: t.Webhook, API: t.API("Slack", slackprobe.API, c.Token, "chat.token")}
	w.OnCall = onCall(t)
	return w
}

// Health is the monitor that looks at the health document.
func (w *Watch) Health() betterstackprobe.Wanted {
	return betterstackprobe.Wanted{Name: w.Launch.BetterStack.Health, URL: w.HealthURL()}
}

// Landing is the monitor that looks at the landing page.
func (w *Watch) Landing() betterstackprobe.Wanted {
	return betterstackprobe.Wanted{Name: w.Launch.BetterStack.Landing, URL: string(w.Launch.Web.URL)}
}

// Monitors are all monitors of the launch.
func (w *Watch) Monitors() []betterstackprobe.Wanted {
	all := []betterstackprobe.Wanted{w.Health(), w.Landing()}
	for _, m := range w.Launch.BetterStack.Monitors {
		all = append(all, betterstackprobe.Wanted{Name: m.Name, URL: string(m.URL)})
	}
	return all
}

// Often is how each monitor must look.
func (w *Watch) Often() betterstackprobe.Often {
	start, end := w.Launch.Window()
	return betterstackprobe.Often{Every: w.Launch.BetterStack.Every.D(), Regions: w.Launch.BetterStack.Regions, From: start, To: end}
}
