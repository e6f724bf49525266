package launch

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// OpenBanking is the provider through which the launch reads balances and makes payments, as NextGenPSD2 of the Berlin Group has it.
type OpenBanking struct {
	Enabled  bool                `yaml:"enabled" doc:"Accounts are read, and payments made, through open banking. Where it is false, each of its gates needs a decision that declares it not applicable."`
	Provider string              `yaml:"provider" doc:"Who the provider is. Absent: the gate is red until one is chosen."`
	Contract OpenBankingContract `yaml:"contract"`
	Base     URL                 `yaml:"base" doc:"Address of the provider's production API, up to /v1."`
	Token    Secret              `yaml:"token" doc:"The bearer token that the provider takes in production."`
	Consent  OpenBankingConsent  `yaml:"consent"`
	Sandbox  OpenBankingSandbox  `yaml:"sandbox"`
}

// OpenBankingContract is the signed contract with the provider.
type OpenBankingContract struct {
	File   string `yaml:"file" doc:"The signed contract, or its certificate of signature, beside launch.yaml."`
	SHA256 string `yaml:"sha256" doc:"Its SHA-256, 64 hex digits, as whoever signed has it."`
}

// OpenBankingConsent is what a person consented to, in production, with strong customer authentication.
type OpenBankingConsent struct {
	ID       Secret   `yaml:"id" doc:"Id of the consent, as a reference: with the token it opens an account."`
	Account  Secret   `yaml:"account" doc:"The account's resourceId, as a reference."`
	Currency string   `yaml:"currency" default:"NOK" doc:"ISO 4217 code of a balance that the account must have."`
	Beyond   Duration `yaml:"beyond" default:"30d" doc:"How long after the launch the consent must still hold."`
}

// OpenBankingSandbox is where the provider lets payments be tried.
type OpenBankingSandbox struct {
	Base     URL      `yaml:"base" doc:"Address of the provider's sandbox, up to /v1; never production's."`
	Token    Secret   `yaml:"token" doc:"The bearer token that the sandbox takes."`
	Product  string   `yaml:"product" doc:"The payment product, as the provider calls it, such as norwegian-domestic-credit-transfers."`
	Payment  string   `yaml:"payment" doc:"The payment that is tried, in JSON, with accounts of the sandbox."`
	Redirect URL      `yaml:"redirect" doc:"TPP-Redirect-URI, where the sandbox asks for one."`
	Within   Duration `yaml:"within" default:"30s" doc:"How soon the payment is settled; at most 8m."`
}

var (
	bankProduct = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)
	upperCode   = regexp.MustCompile(`^[A-Z]{3}$`)
)

// openBanking judges what launch.yaml says about open banking. What is merely not said there blocks the gate that needs it; that the
// sandbox is not production is for the gates to say.
func (c checker) openBanking() {
	o := c.OpenBanking
	for key, address := range map[string]URL{"base": o.Base, "sandbox.base": o.Sandbox.Base} {
		key = "openbanking." + key
		u, err := url.Parse(string(address))
		if address == "" || err != nil || c.reported(key) {
			continue
		}
		if strings.HasSuffix(u.Path, "/") || strings.HasSuffix(u.Path, "/v1") || u.RawQuery != "" {
			c.bad(key, "want an address without /v1, a query, or / at its end; got %s", quote(string(address)))
		}
	}
	if sum := o.Contract.SHA256; sum != "" && !sha256Hex.MatchString(sum) {
		c.bad("openbanking.contract.sha256", "want 64 hex digits, as sha256sum prints them; got %s", quote(sum))
	}
	if code := o.Consent.Currency; code != "" && !upperCode.MatchString(code) {
		c.bad("openbanking.consent.currency", "want three capital letters such as NOK; got %s", quote(code))
	}
	if p := o.Sandbox.Product; p != "" && !bankProduct.MatchString(p) {
		c.bad("openbanking.sandbox.product", "want the name of a payment product, such as norwegian-domestic-credit-transfers; got %s", quote(p))
	}
	var payment map[string]any
	if text := o.Sandbox.Payment; text != "" && json.Unmarshal([]byte(text), &payment) != nil {
		c.bad("openbanking.sandbox.payment", "want a JSON object; got something else, which is not repeated here")
	}
	if o.Sandbox.Within.D() > 8*time.Minute {
		c.bad("openbanking.sandbox.within", "want at most 8m; got %s", o.Sandbox.Within)
	}
}
