package rdsprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestIsMajor(t *testing.T) {
	for engine, want := range map[string]probe.Status{"postgres 16.4": probe.Pass, "postgres 16": probe.Pass, "aurora-postgresql 16.2": probe.Pass, "postgres 15.14": probe.Fail,
		"postgres 1.6": probe.Fail, "postgres 160.1": probe.Fail, "mysql 16.4": probe.Fail, "postgres ": probe.Blocked, " ": probe.Blocked} {
		assert.Equal(t, want, probe.StatusOf(isMajor(engine, 16, "rds")), engine)
	}
}
