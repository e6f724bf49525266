package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIntegrations(t *testing.T) {
	l := &Launch{Integration: []string{"BankID", " sumsub", "Open banking", "BANKID"}}
	assert.Equal(t, []string{"bankid", "sumsub", "open banking"}, l.Integrations())
	l.Payments.Enabled = true
	assert.Equal(t, []string{"bankid", "sumsub", "open banking", "stripe"}, l.Integrations(), "whoever charges cards has a key for that")
	l.Integration = []string{"Stripe"}
	assert.Equal(t, []string{"stripe"}, l.Integrations())
}
