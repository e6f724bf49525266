package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe/certlint"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

func TestTheReportHasTheLintsOfEachCertificate(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.Names("shop.example"), tlstest.RSA(1024))
	require.NoError(t, err)
	chain := tlsprobe.GradedChain{Certificates: []tlsprobe.GradedCertificate{{SHA256: "leaf", DER: cert.Certificate[0]}, {SHA256: "intermediate", DER: cert.Certificate[1]}}}
	var out bytes.Buffer
	require.NoError(t, printReport(&out, gradeReport{Graded: tlsprobe.Graded{Certificates: []tlsprobe.GradedChain{chain}}}, true))
	var got struct{ Lints map[string][]certlint.Lint }
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got.Lints, 2)
	names := map[string]string{}
	for _, l := range got.Lints["leaf"] {
		names[l.Name] = l.Status
	}
	assert.Equal(t, "error", names["e_rsa_mod_less_than_2048_bits"], "%v", names)
}
