package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/launch"
)

func TestAskLeavesAnswersAlone(t *testing.T) {
	a := launch.Answers{Project: "Shop", Owner: "ceo"}
	var out strings.Builder
	require.NoError(t, ask(strings.NewReader("shop-1\n\n  1.0  \n"), &out, questions(&a)))
	assert.Equal(t, launch.Answers{LaunchID: "shop-1", Project: "Shop", PreviousVersion: "1.0", Owner: "ceo"}, a)
	assert.Equal(t, 4, strings.Count(out.String(), "(empty if not known yet): "), "the answers end at the fourth question: %s", &out)
	assert.NotContains(t, out.String(), "Name of the project")
}

func TestAskSaysWhyItCannotRead(t *testing.T) {
	in, writer := io.Pipe()
	require.NoError(t, writer.CloseWithError(io.ErrUnexpectedEOF))
	assert.ErrorIs(t, ask(in, io.Discard, questions(&launch.Answers{})), io.ErrUnexpectedEOF)
}

// TestQuestionsCoverAllAnswers fails when an answer is added that nobody asks for.
func TestQuestionsCoverAllAnswers(t *testing.T) {
	var a launch.Answers
	for _, q := range questions(&a) {
		assert.Empty(t, *q.answer, "%s is asked for twice", q.flag)
		*q.answer = "x"
	}
	assert.Equal(t, launch.Answers{LaunchID: "x", Project: "x", Version: "x", PreviousVersion: "x", Domain: "x", LoadBalancer: "x", Date: "x", Time: "x", Timezone: "x", Owner: "x"}, a)
}
