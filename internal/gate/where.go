package gate

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode"
)

// commit is the suite's own commit, as CI names it or as git knows it; empty where neither does.
var commit = sync.OnceValue(func() string {
	if sha := os.Getenv("GITHUB_SHA"); sha != "" {
		return sha
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "" // a run outside a checkout is still a run; the verdict's subjects are config and catalogue
	}
	return strings.TrimSpace(string(out))
})

func tool() string {
	version := "launchgate devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = "launchgate " + info.Main.Version
	}
	return version + " " + runtime.Version()
}

func runner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	if run := os.Getenv("GITHUB_RUN_ID"); run != "" {
		host += " run " + run
	}
	return host
}

// oneLine keeps a text on one line and free of control characters: a line break in an attribute fails the test that
// sets it, and what a server sent must not steer a terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}
