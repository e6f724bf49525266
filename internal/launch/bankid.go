package launch

// BankID is the OpenID provider that people log in with.
type BankID struct {
	Issuer   URL      `yaml:"issuer" doc:"The production issuer, letter by letter, such as https://auth.bankid.no/auth/realms/prod. Absent: each of its gates needs a decision that declares it not applicable."`
	ClientID Secret   `yaml:"client_id" doc:"Id of the launch's client. It is no secret to those who log in, and yet a reference: it differs by environment."`
	Secret   Secret   `yaml:"client_secret" doc:"The client's secret."`
	Callback URL      `yaml:"callback" doc:"The redirect URI that is registered for the client, letter by letter."`
	Login    string   `yaml:"login" doc:"Path of the application, at dns.domain, that sends people to the provider, such as /api/auth/bankid. Absent: TMinus2/Integrations/ProdSmoke is BLOCKED."`
	Scopes   []string `yaml:"scopes" doc:"Scopes that the application asks for, beside openid."`
}
