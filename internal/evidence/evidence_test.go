package evidence_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/evidence"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	reports := t.TempDir()
	g := &evidence.Gate{Gate: "TMinus5/DNS/LowTTL", Status: evidence.Fail, Message: "want 300 s; got 3600 s"}
	text, err := g.Encode()
	require.NoError(t, err)
	sum, err := evidence.Write(reports, g.Gate, text)
	require.NoError(t, err)
	assert.Equal(t, evidence.Sum(text), sum)

	read, sumRead, err := evidence.Read(reports, g.Gate)
	require.NoError(t, err)
	assert.Equal(t, sum, sumRead)
	assert.Equal(t, g.Message, read.Message)

	left, err := os.ReadDir(filepath.Dir(filepath.Join(reports, evidence.Path(g.Gate))))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing half-written stays behind")
}

func TestDamagedEvidenceIsNoEvidence(t *testing.T) {
	reports := t.TempDir()
	_, err := evidence.Write(reports, "TMinus5/DNS/LowTTL", []byte(`{"gate": "TMinus5/DNS/Low`))
	require.NoError(t, err)
	_, _, err = evidence.Read(reports, "TMinus5/DNS/LowTTL")
	require.ErrorContains(t, err, "want a gate's evidence")
	_, _, err = evidence.Read(reports, "TMinus5/DNS/Other")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOnlyThreeStatusesOpenAGate(t *testing.T) {
	for status, open := range map[evidence.Status]bool{evidence.Pass: true, evidence.Waived: true, evidence.NA: true,
		evidence.Fail: false, evidence.Blocked: false, "MISSING": false, "STALE": false, "": false, "pass": false} {
		assert.Equal(t, open, status.Open(), "%q", status)
	}
}
