package target

import (
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/openbankingprobe"
)

func (t *Targets) openBanking() *openbankingprobe.Provider {
	o := t.Launch.OpenBanking
	const name, trial = "the provider of open banking", "the sandbox of open banking"
	p := &openbankingprobe.Provider{
		Name:    o.Provider,
		Live:    t.API(name, o.Base, o.Token, "openbanking.token"),
		Anyone:  t.API(name, o.Base, launch.Secret{}, "openbanking.token"),
		Sandbox: t.API(trial, o.Sandbox.Base, o.Sandbox.Token, "openbanking.sandbox.token"),
		Consent: openbankingprobe.Consent{ID: o.Consent.ID.Revealer(), Account: o.Consent.Account.Revealer(), Currency: o.Consent.Currency,
			Until: t.Launch.At().Add(o.Consent.Beyond.D())},
		Payment: openbankingprobe.Payment{Product: o.Sandbox.Product, Body: o.Sandbox.Payment, Redirect: string(o.Sandbox.Redirect),
			Within: o.Sandbox.Within.D()},
	}
	if o.Contract.File != "" {
		p.Contract = openbankingprobe.Contract{File: t.Launch.Path(o.Contract.File), SHA256: o.Contract.SHA256}
	}
	return p
}
