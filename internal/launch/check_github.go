package launch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var repository = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)

// github judges what launch.yaml says about the repository. What is merely not said there blocks the gate that needs it.
func (c checker) github() {
	if name := c.GitHub.Repository; name != "" && !repository.MatchString(name) {
		c.bad("github.repository", "want owner/name; got %s", quote(name))
	}
	if c.GitHub.Repository != "" && c.GitHub.Token.IsZero() && !c.reported("github.token") {
		c.bad("github.token", "want a token, because github.repository is there; got none; anybody without one sees too little")
	}
	c.base("github.api", c.GitHub.API)
	c.once("ci.required", c.CI.Required)
	c.once("ci.statuses", c.CI.Statuses)
}

// base refuses an address with / at its end: paths, which begin with one, are appended to it.
func (c checker) base(key string, address URL) {
	if strings.HasSuffix(string(address), "/") {
		c.bad(key, "want an address without / at its end; got %s", quote(string(address)))
	}
}

// once refuses a list that names something twice.
func (c checker) once(key string, list []string) {
	for i, name := range list {
		if slices.Contains(list[:i], name) {
			c.bad(fmt.Sprintf("%s[%d]", key, i), "want each name once; got %s again", quote(name))
		}
	}
}
