package launch

// monitoring judges what launch.yaml says about those who watch the launch.
func (c checker) monitoring() {
	for key, within := range map[string]Duration{"oncall.ack_within": c.OnCall.Within, "chat.within": c.Chat.Within} {
		if within.D() > pageTime {
			c.bad(key, "want at most %s, because a page has ten minutes; got %s", Duration(pageTime), within)
		}
	}
	if b := c.BetterStack; b.Health != "" && b.Health == b.Landing {
		c.bad("betterstack.landing", "want another monitor for each; got %s twice", quote(b.Landing))
	}
}
