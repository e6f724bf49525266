package paymentprobe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/stripetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

func TestLive(t *testing.T) {
	for key, want := range map[string]probe.Status{"rk_live_1234": probe.Pass, "sk_live_1234": probe.Pass, "sk_live_": probe.Fail, "rk_test_1234": probe.Fail, "pk_live_1234": probe.Fail, "1234": probe.Fail, "x sk_live_1": probe.Fail} {
		err := live(key)
		assert.Equal(t, want, probe.StatusOf(err), key)
		if err != nil {
			assert.NotContains(t, err.Error(), "1234")
		}
	}
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "none", Live(nil)).Status)
}

func TestRefunded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	of := func(n int64) *int64 { return &n }
	yes, no := true, false
	for title, test := range map[string]struct {
		change func(*Test)
		want   probe.Status
		got    string
	}{
		"as it must be":           {func(*Test) {}, probe.Pass, ""},
		"in capitals":             {func(t *Test) { t.Charge.Currency = "NOK" }, probe.Pass, ""},
		"test mode":               {func(t *Test) { t.Charge.Live = &no }, probe.Fail, "test mode"},
		"no mode":                 {func(t *Test) { t.Charge.Live = nil }, probe.Blocked, "leaves out"},
		"charge pending":          {func(t *Test) { t.Charge.Status = "pending" }, probe.Fail, "charge pending"},
		"not paid":                {func(t *Test) { t.Charge.Paid = false }, probe.Fail, "charge succeeded"},
		"not captured":            {func(t *Test) { t.Charge.Captured = false }, probe.Fail, "captured"},
		"captured in part":        {func(t *Test) { t.Charge.Took = of(50) }, probe.Fail, "50 captured"},
		"another amount":          {func(t *Test) { t.Charge.Amount = of(1) }, probe.Fail, "1 nok charged"},
		"another currency":        {func(t *Test) { t.Charge.Currency = "sek" }, probe.Fail, "sek"},
		"no card":                 {func(t *Test) { t.Charge.Method.Type = "klarna" }, probe.Fail, "without a card"},
		"by what, it doesn't say": {func(t *Test) { t.Charge.Method = nil }, probe.Fail, "without a card"},
		"disputed":                {func(t *Test) { t.Charge.Disputed = true }, probe.Fail, "disputed"},
		"refund pending":          {func(t *Test) { t.Refund.Status = "pending" }, probe.Fail, "refund pending"},
		"refund failed":           {func(t *Test) { t.Refund.Status = "failed" }, probe.Fail, "refund failed"},
		"refund requires action":  {func(t *Test) { t.Refund.Status = "requires_action" }, probe.Fail, "requires_action"},
		"refund without a status": {func(t *Test) { t.Refund.Status = "" }, probe.Blocked, ""},
		"refund of another":       {func(t *Test) { t.Refund.Charge = "ch_2" }, probe.Fail, "another charge"},
		"refunded in part":        {func(t *Test) { t.Refund.Amount, t.Charge.GaveBack, t.Charge.Refunded = of(50), of(50), false }, probe.Fail, "50 nok given back"},
		"the charge says no":      {func(t *Test) { t.Charge.Refunded, t.Charge.GaveBack = false, of(0) }, probe.Fail, "0 given back in all"},
		"old":                     {func(t *Test) { t.Charge.Created = of(now.AddDate(0, 0, -8).Unix()) }, probe.Fail, "charged at"},
		"from the future":         {func(t *Test) { t.Refund.Created = of(now.AddDate(0, 0, 1).Unix()) }, probe.Fail, "given back at"},
		"backwards":               {func(t *Test) { t.Refund.Created = of(now.Add(-48 * time.Hour).Unix()) }, probe.Fail, "before the charge"},
		"another charge":          {func(t *Test) { t.Charge.ID = "ch_2" }, probe.Blocked, ""},
		"nothing":                 {func(t *Test) { *t = Test{} }, probe.Blocked, ""},
	} {
		t.Run(title, func(t *testing.T) {
			created := now.Add(-24 * time.Hour).Unix()
			seen := Test{Charge{ID: "ch_1", Live: &yes, Status: "succeeded", Paid: true, Captured: true, Amount: of(100), Took: of(100), GaveBack: of(100), Refunded: true, Currency: "nok", Created: &created, Method: &method{"card"}},
				Refund{ID: "re_1", Status: "succeeded", Charge: "ch_1", Amount: of(100), Currency: "nok", Created: of(created + 60)}}
			test.change(&seen)
			err := refunded(seen, Payment{Charge: "ch_1", Refund: "re_1", Amount: 100, Currency: "nok", MaxAge: 7 * 24 * time.Hour}, now)
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
		})
	}
}

func TestAgainstTheStandIn(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	address := netip.MustParseAddr("203.0.113.143")
	server := stripetest.New(t, stripetest.Config{Authority: authority, Address: address, LiveKey: "rk_live_of_the_test", TestKey: "rk_test_of_the_test", Objects: stripetest.Paid("ch_1", "re_1", 100, "nok", time.Now().Add(-time.Hour))})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	status := func(key string, p Payment) probe.Result {
		api := &jsonapi.Service{Name: "Stripe", Base: "https://" + stripetest.Host, Network: network, Resolver: server, Header: Header(), Key: "payments.key", Token: func(context.Context) (string, error) { return key, nil }}
		return probe.Run(t.Context(), "payment", PaidAndRefunded(api, p))
	}
	paid := Payment{Charge: "ch_1", Refund: "re_1", Amount: 100, Currency: "nok", MaxAge: 24 * time.Hour}
	assert.Equal(t, probe.Pass, status("rk_live_of_the_test", paid).Status)
	assert.Equal(t, probe.Fail, status("rk_test_of_the_test", paid).Status)
	assert.Equal(t, probe.Blocked, status("rk_live_of_another", paid).Status)
	result := probe.Run(t.Context(), "", PaidAndRefunded(&jsonapi.Service{Name: "Stripe", Base: "https://" + stripetest.Host, Network: network, Resolver: server, Header: Header(), Token: func(context.Context) (string, error) { return "rk_live_of_the_test", nil }}, paid))
	assert.Equal(t, []string{"GET api.stripe.com/v1/charges/ch_1", "GET api.stripe.com/v1/refunds/re_1"}, result.Evidence.Asked, "always in this order")
	other := paid
	other.Refund = "re_2"
	assert.Equal(t, probe.Fail, status("rk_live_of_the_test", other).Status)
	other.Refund = "ch_1"
	assert.Equal(t, probe.Fail, status("rk_live_of_the_test", other).Status, "a charge is no refund")
	other.Refund = ""
	assert.Equal(t, probe.Blocked, status("rk_live_of_the_test", other).Status)
	server.Change("re_1", func(o map[string]any) { o["status"] = "pending" })
	assert.Equal(t, probe.Fail, status("rk_live_of_the_test", paid).Status)
	server.Change("re_1", func(o map[string]any) { delete(o, "status") })
	assert.Equal(t, probe.Blocked, status("rk_live_of_the_test", paid).Status)
}
