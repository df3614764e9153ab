package programme_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestRehearsalReplaysStoredReceipts(t *testing.T) {
	d := newDesk(t, 2)
	d.publish(t, func(*loyalty.Programme) {})
	for i, j := range d.tills {
		no := d.enrol(t, j, "Петрова Анна", "", "")
		for range 30 + i {
			sell(j, no, 2, 5_000) // 100 ₽
		}
		training := j.Plain(1)
		training.Sale.Customer, training.Sale.Training = no, true
		j.Add(training)
	}
	d.decide(t)
	draft := loyalty.Default()
	draft.Version = 2
	draft.Tiers[0].Earn = 1000
	steps := 0
	r, err := d.office.Rehearse(t.Context(), d.org, draft, 0, sale.At(d.now.AddDate(1, 0, 0)), func(done, all int64) {
		steps++
		require.LessOrEqual(t, done, all)
	})
	require.NoError(t, err)
	require.Positive(t, steps)
	require.Zero(t, r.Refused, r.Why)
	require.Equal(t, loyalty.RehearsalRow{
		Receipts: 61, Turnover: 61 * 10_000, After: loyalty.Costs{Earned: 61 * 10 * sale.Point},
	}, r.All(), "ten points for each 100 ₽; the receipts as made earned nothing; training is left out")

	before, err := d.Position(t.Context(), d.org, 0)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = d.office.Rehearse(ctx, d.org, draft, 0, sale.At(d.now.AddDate(1, 0, 0)), func(int64, int64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	after, err := d.Position(t.Context(), d.org, 0)
	require.NoError(t, err)
	require.Equal(t, before, after, "a rehearsal changes nothing")
	_, err = d.office.Rehearse(t.Context(), d.org, &loyalty.Programme{}, 0, 1, nil)
	require.ErrorIs(t, err, loyalty.ErrProgramme)
}

// A return by fiscal QR at another till, before its receipt has come: the points settle when both are there.
func TestPendingReturnIsSettled(t *testing.T) {
	d := newDesk(t, 2)
	d.publish(t, func(*loyalty.Programme) {})
	one, two := d.tills[0], d.tills[1]
	no := d.enrol(t, one, "Петрова Анна", "+79160000001", "")
	d.decide(t)
	sold := one.Earning(no, 2, 10*sale.Point) // not handed in yet
	l := sold.Sale.Lines[0]
	back := two.Returning(sold, 1)
	back.Return.Of, back.Return.OfNo, back.Return.Customer, back.Return.Pending, back.Return.QR = sale.ID{}, 0, 0, true, sold.Fiscal
	two.Add(back)
	d.decide(t)
	require.Zero(t, d.worth(t, no))
	one.Add(sold)
	d.decide(t)
	require.Equal(t, 10*sale.Point-l.Earned, d.worth(t, no), "the line's points are taken back, as a debt: the rest is at the till")
	pending, _, err := d.PendingReturns(t.Context(), d.org, nil, 10)
	require.NoError(t, err)
	require.Empty(t, pending)
	x, found, err := d.SaleNow(t.Context(), d.org, sold.ID)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, l.Net, x.Back)
}
