package launch

import (
	"regexp"
	"strings"
)

// Payments are how the launch takes money from cards.
type Payments struct {
	Enabled bool        `yaml:"enabled" doc:"Cards are charged. Where it is false, the gate needs a decision that declares it not applicable."`
	API     URL         `yaml:"api" default:"https://api.stripe.com" doc:"Stripe's API."`
	Key     Secret      `yaml:"key" doc:"Restricted key of live mode that may read charges and refunds."`
	Test    PaymentTest `yaml:"test"`
}

// PaymentTest is the payment that somebody made in production with a real card, and gave back.
type PaymentTest struct {
	Charge   string   `yaml:"charge" doc:"Id of the charge, such as ch_3P…."`
	Refund   string   `yaml:"refund" doc:"Id of the refund, such as re_3P…."`
	Amount   int      `yaml:"amount" default:"100" doc:"In the smallest unit of the currency: 100 is 1 NOK."`
	Currency string   `yaml:"currency" default:"nok" doc:"ISO 4217 code in small letters."`
	MaxAge   Duration `yaml:"max_age" default:"7d" doc:"How long ago it may be."`
}

var currency = regexp.MustCompile(`^[a-z]{3}$`)

// payments judges what launch.yaml says about payments. What is merely not said there blocks the gate that needs it.
func (c checker) payments() {
	p := c.Payments
	if !p.Enabled {
		return
	}
	c.base("payments.api", p.API)
	if id := p.Test.Charge; id != "" && !strings.HasPrefix(id, "ch_") && !strings.HasPrefix(id, "py_") {
		c.bad("payments.test.charge", "want the id of a charge, such as ch_3P…; got %s", quote(id))
	}
	if id := p.Test.Refund; id != "" && !strings.HasPrefix(id, "re_") && !strings.HasPrefix(id, "pyr_") {
		c.bad("payments.test.refund", "want the id of a refund, such as re_3P…; got %s", quote(id))
	}
	if code := p.Test.Currency; code != "" && !currency.MatchString(code) {
		c.bad("payments.test.currency", "want three small letters such as nok; got %s", quote(code))
	}
}
