package hub_test

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// soldAt hands in a sale of one till with a return of it, and answers the sale.
func soldAt(t *testing.T, h *cloudtest.HeadOffice, e cloudtest.Enrolled) *sale.Record {
	t.Helper()
	j := journal(h, e)
	sold := j.Plain(2)
	j.Add(sold)
	j.Add(j.Returning(sold, 1))
	_, err := cloudtest.Drain(t.Context(), h.URL, e, j)
	require.NoError(t, err)
	return sold
}

func TestATillFindsWhatAnotherSold(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	seller, asker := h.Enrol(1), h.Enrol(1)
	sold := soldAt(t, h, seller)
	l := greet(t, h, asker, sale.Position{})
	for i, q := range []wire.Find{{Doc: sold.Fiscal.Key}, {ID: sold.ID}, {Doc: sold.Fiscal.Key, ID: sold.ID}, {Doc: sale.FiscalKey{FN: "9999078900009999", FD: 1}}} {
		q.Ref = uint32(i + 1)
		require.NoError(t, l.Say(&q))
		f, err := cloudtest.HearA[*wire.Found](l)
		require.NoError(t, err)
		got, returns, err := f.Open(&q)
		require.NoError(t, err)
		if i == 3 {
			require.Nil(t, got)
			continue
		}
		require.Equal(t, sold.ID, got.ID)
		require.Len(t, returns, 1)
	}
}

func TestARevokedTillFindsNothing(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	seller, thief := h.Enrol(1), h.Enrol(1)
	sold := soldAt(t, h, seller)
	require.NoError(t, h.Store.RevokeTill(t.Context(), h.Org, thief.Till, "boss"))
	l := greet(t, h, thief, sale.Position{})
	require.NoError(t, l.Say(&wire.Find{Ref: 1, Doc: sold.Fiscal.Key}))
	f, err := cloudtest.HearA[*wire.Found](l)
	require.NoError(t, err)
	require.Empty(t, f.Record)
}

// Whoever asks for receipt after receipt is no cashier.
func TestQuestionsAreBounded(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	ask := func() (answered int) {
		l := greet(t, h, e, sale.Position{})
		var err error
		for err == nil {
			if err = l.Say(&wire.Find{Ref: uint32(answered + 1), Doc: sale.FiscalKey{FN: "9999078900009999", FD: 1}}); err == nil {
				_, err = cloudtest.HearA[*wire.Found](l)
			}
			if err == nil {
				answered++
			}
		}
		var b *wire.Bye
		require.ErrorAs(t, err, &b)
		require.Equal(t, wire.ByeBusy, b.Code)
		return answered
	}
	first := ask()
	require.GreaterOrEqual(t, first, 20)
	require.Less(t, first, 30)
	require.Less(t, ask(), 10, "a stolen till that connects again has not twenty more")
}

// A certificate is leased to the till where it is shown, as any customer's points are.
func TestACertificateIsLeasedToTheTillThatAsks(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	_, err := h.Store.IssueCertificates(t.Context(), h.Org, "весна", 1, 300000, 0, "boss", rand.Reader)
	require.NoError(t, err)
	list, err := h.Store.Certificates(t.Context(), h.Org, "весна", 0, 1)
	require.NoError(t, err)
	l, err := cloudtest.Dial(t.Context(), h.URL, e, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() }) // ended by the test's end
	require.NoError(t, l.Greet(sale.Position{}, 0))
	require.NoError(t, l.Say(&wire.Ask{Customers: []sale.CustomerNo{list[0].No}}))
	for {
		d, err := cloudtest.HearA[*wire.Down](l)
		require.NoError(t, err)
		require.NoError(t, l.Say(&wire.DownAck{Version: d.To}))
		for _, c := range d.Changes {
			if c.Kind != sale.ChangeLease || c.Gone {
				continue
			}
			var x sale.LeaseChange
			require.NoError(t, sale.Decode(c.Body, &x))
			require.Equal(t, sale.CustomerAccount(list[0].No), x.Lease.Account)
			require.Equal(t, sale.Points(300000), x.Lease.Amount())
			require.Equal(t, e.Till, x.Lease.Holder.Till)
			return
		}
	}
}
