package providers

import (
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/openbankingprobe"
)

func (p *Providers) openBanking() *openbankingprobe.Provider {
	o := p.Launch.OpenBanking
	const name, trial = "the provider of open banking", "the sandbox of open banking"
	provider := &openbankingprobe.Provider{
		Name:    o.Provider,
		Live:    p.API(name, o.Base, o.Token, "openbanking.token"),
		Anyone:  p.API(name, o.Base, launch.Secret{}, "openbanking.token"),
		Sandbox: p.API(trial, o.Sandbox.Base, o.Sandbox.Token, "openbanking.sandbox.token"),
		Consent: openbankingprobe.Consent{ID: o.Consent.ID.Revealer(), Account: o.Consent.Account.Revealer(), Currency: o.Consent.Currency,
			Until: p.Launch.At().Add(o.Consent.Beyond.D())},
		Payment: openbankingprobe.Payment{Product: o.Sandbox.Product, Body: o.Sandbox.Payment, Redirect: string(o.Sandbox.Redirect),
			Within: o.Sandbox.Within.D()},
	}
	if o.Contract.File != "" {
		provider.Contract = openbankingprobe.Contract{File: p.Launch.Path(o.Contract.File), SHA256: o.Contract.SHA256}
	}
	return provider
}
