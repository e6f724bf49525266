package certlint

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

func TestOf(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.Names("shop.example"), tlstest.RSA(1024))
	require.NoError(t, err)
	lints := Of(cert.Certificate[0])
	i := slices.IndexFunc(lints, func(l Lint) bool { return l.Name == "e_rsa_mod_less_than_2048_bits" })
	require.GreaterOrEqual(t, i, 0, "%v", lints)
	assert.Equal(t, "error", lints[i].Status)

	broken := Of(cert.Certificate[0][:100])
	require.Len(t, broken, 1)
	assert.Equal(t, "unreadable", broken[0].Name)
}
