package secretsprobe

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestSame(t *testing.T) {
	once := chance(32)
	mark := func(value string) []byte { return fingerprint(once, value) }
	assert.Nil(t, same([2][]byte{mark("planted key"), mark("planted key")}, "a.key"))
	unmet := same([2][]byte{mark("planted key"), mark("planted key ")}, "a.key")
	assert.Equal(t, "secret.other", class(unmet), "a space at the end makes another key")
	assert.NotContains(t, unmet.Error(), "planted")
	assert.NotEqual(t, mark("planted key"), fingerprint(chance(32), "planted key"), "a fingerprint tells nothing once its key is gone")
}

func TestNobodyCanCompareWithoutTheGatesKey(t *testing.T) {
	for name, theirs := range map[string]func(context.Context) (string, error){
		"none": nil, "unreadable": func(context.Context) (string, error) { return "", errors.New("no such variable") },
	} {
		result := probe.Run(t.Context(), name, new(Vault).Same("drop/key", "a.key", theirs))
		assert.Equal(t, probe.Blocked, result.Status, name)
		assert.Contains(t, result.Message(), "a.key", name)
	}
}
