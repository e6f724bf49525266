package launch

// BankID is the OpenID provider that people log in with.
type BankID struct {
	Issuer   URL      `yaml:"issuer" doc:"The production issuer, letter by letter, such as https://auth.bankid.no/auth/realms/prod. Absent: each of its gates needs a decision that declares it not applicable."`
	ClientID Secret   `yaml:"client_id" doc:"Id of the launch's client. It is no secret to those who log in, and yet a reference: it differs by environment."`
	Secret   Secret   `yaml:"client_secret" doc:"The client's secret."`
	Callback URL      `yaml:"callback" doc:"The redirect URI that is registered for the client, letter by letter."`
	Start    string   `yaml:"start" doc:"Path of the application, at dns.domain, that sends people to the provider, such as /api/auth/bankid. Absent: TMinus2/Integrations/ProdSmoke is BLOCKED."`
	Scopes   []string `yaml:"scopes" doc:"Scopes that the application asks for, beside openid."`

	MinLOA int         `yaml:"min_loa" default:"4" doc:"The lowest level of assurance that will do, 3 or 4: BankID's own, which acr carries as LOA=4."`
	Login  BankIDLogin `yaml:"login"`
}

// BankIDLogin is where the application says who logged in last: docs/adr/0017.
type BankIDLogin struct {
	URL    URL      `yaml:"url" doc:"The application's document of its newest log-in, at dns.domain or below it. Absent: the gate is BLOCKED."`
	Token  Secret   `yaml:"token" doc:"The bearer token that opens it."`
	MaxAge Duration `yaml:"max_age" default:"7d" doc:"How long ago the log-in may be."`
}
