package uplink_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

var (
	elsewhere = sale.FiscalKey{FN: "9999078900001234", FD: 17}
	nowhere   = sale.FiscalKey{FN: "9999078900001234", FD: 18}
)

// soldElsewhere is a sale of another till and the return of half of it.
func soldElsewhere(t testing.TB, of sale.OrgNo) (record []byte, returns [][]byte) {
	r := &sale.Record{
		Version: 1, Org: of, Store: 2, Till: 9, Epoch: 1, Seq: 4, ID: sale.ID{1}, Kind: sale.KindSale, At: 5, Quality: 1,
		Fiscal: &sale.Fiscal{Kind: sale.FiscalOwn, Key: elsewhere},
		Sale: &sale.Sale{
			Lines: []sale.SoldLine{{SKU: "1", Name: "Чай", Qty: 2000, Price: 5000, Gross: 10000, Net: 10000, VAT: 1, Subject: 1, Parts: []sale.Part{{Qty: 2000, Price: 5000, Sum: 10000}}}},
			Gross: 10000, Total: 10000, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 10000}},
		},
	}
	back := &sale.Record{
		Version: 1, Org: of, Store: 2, Till: 9, Epoch: 1, Seq: 5, ID: sale.ID{2}, Kind: sale.KindReturn, At: 6, Quality: 1,
		Return: &sale.Return{
			Of:    r.ID,
			Lines: []sale.ReturnedLine{{SKU: "1", Name: "Чай", Qty: 1000, Net: 5000, VAT: 1, Subject: 1, Parts: []sale.Part{{Qty: 1000, Price: 5000, Sum: 5000}}}},
			Total: 5000, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: 5000}},
		},
	}
	record, err := r.Bytes()
	require.NoError(t, err)
	b, err := back.Bytes()
	require.NoError(t, err)
	return record, [][]byte{b}
}

// knows makes the office answer for the sale with whatever the test makes of it.
func (o *office) knows(answer func(*wire.Find) *wire.Found) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = map[sale.FiscalKey]func(*wire.Find) *wire.Found{elsewhere: answer}
}

func (w *world) find(doc sale.FiscalKey) (sold *sale.Record, returns []*sale.Record, took time.Duration, err error) {
	began := time.Now()
	sold, returns, err = w.uplink.Find(context.Background(), doc)
	return sold, returns, time.Since(began), err
}

func TestFind(t *testing.T) {
	inWorld(t, 40, func(w *world) {
		record, returns := soldElsewhere(t, org)
		w.office.knows(func(q *wire.Find) *wire.Found { return wire.NewFound(q.Ref, record, returns) })
		w.start()
		w.until("online", func() bool { return w.uplink.State().Online })
		sold, back, took, err := w.find(elsewhere)
		require.NoError(t, err)
		require.Equal(t, elsewhere, sold.Fiscal.Key)
		require.Len(t, back, 1)
		require.Less(t, took, time.Second)
		_, _, _, err = w.find(nowhere)
		require.ErrorIs(t, err, uplink.ErrUnknownSale)
		require.True(t, w.uplink.State().Online)
		require.Equal(t, 2, w.office.finds)
	})
}

// Without a link nobody is waited for; with one, never for long.
func TestFindOffline(t *testing.T) {
	inWorld(t, 41, func(w *world) {
		w.office.busy = 1
		w.start()
		w.pass(time.Second)
		_, _, took, err := w.find(elsewhere)
		require.ErrorIs(t, err, uplink.ErrOffline)
		require.Zero(t, took, "at once")
		w.until("online", func() bool { return w.uplink.State().Online })

		w.office.knows(func(*wire.Find) *wire.Found { return nil }) // head office says nothing
		_, _, took, err = w.find(elsewhere)
		require.ErrorIs(t, err, uplink.ErrOffline)
		require.Equal(t, uplink.FindMax, took)

		w.office.mu.Lock()
		w.office.event = func(what string) bool { return what == "find" } // it hangs up instead
		w.office.mu.Unlock()
		_, _, took, err = w.find(elsewhere)
		require.ErrorIs(t, err, uplink.ErrOffline)
		require.Less(t, took, time.Second)
		w.office.mu.Lock()
		w.office.event = func(string) bool { return false }
		w.office.mu.Unlock()
		w.halt()
		_, _, took, err = w.find(elsewhere)
		require.ErrorIs(t, err, uplink.ErrOffline)
		require.Zero(t, took)
	})
}

// A head office of the first version, or one that has revoked the till, is not asked.
func TestFindIsNotAskedOfAll(t *testing.T) {
	for name, set := range map[string]func(o *office){
		"an old head office": func(o *office) { o.versionMax = 1 },
		"a revoked till":     func(o *office) { o.revoked = true },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 42, func(w *world) {
				set(w.office)
				w.start()
				w.until("online", func() bool { return w.uplink.State().Online })
				_, _, took, err := w.find(elsewhere)
				require.ErrorIs(t, err, uplink.ErrOffline)
				require.Zero(t, took)
				require.Zero(t, w.office.finds)
			})
		})
	}
}

// What does not fit the question is nobody's sale: it is refused, and the talk begins anew.
func TestFindRefusesHostileAnswers(t *testing.T) {
	for name, answer := range map[string]func(q *wire.Find, record []byte, returns [][]byte) *wire.Found{
		"rubbish": func(q *wire.Find, _ []byte, _ [][]byte) *wire.Found {
			return &wire.Found{Ref: q.Ref, Record: []byte{0xff}}
		},
		"a return for a sale": func(q *wire.Find, _ []byte, returns [][]byte) *wire.Found {
			return &wire.Found{Ref: q.Ref, Record: returns[0]}
		},
		"a sale for a return": func(q *wire.Find, record []byte, _ [][]byte) *wire.Found {
			return &wire.Found{Ref: q.Ref, Record: record, Returns: [][]byte{record}}
		},
		"another organisation's": func(q *wire.Find, _ []byte, _ [][]byte) *wire.Found {
			record, returns := soldElsewhere(t, org+1)
			return wire.NewFound(q.Ref, record, returns)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 43, func(w *world) {
				record, returns := soldElsewhere(t, org)
				w.office.knows(func(q *wire.Find) *wire.Found { return answer(q, record, returns) })
				w.start()
				w.until("online", func() bool { return w.uplink.State().Online })
				sold, _, _, err := w.find(elsewhere)
				require.ErrorIs(t, err, uplink.ErrOffline)
				require.ErrorIs(t, err, wire.ErrMessage)
				require.Nil(t, sold)
				w.until("refused", func() bool { return w.uplink.State().Code == uplink.CodeProtocol })
				w.office.knows(func(q *wire.Find) *wire.Found { return wire.NewFound(q.Ref, record, returns) })
				w.until("online again", func() bool { return w.uplink.State().Online })
				_, _, _, err = w.find(elsewhere)
				require.NoError(t, err)
			})
		})
	}
}

// One change that cannot be read is left out, told to IT, and keeps nothing else from coming.
func TestBadChangeIsSetAside(t *testing.T) {
	inWorld(t, 44, func(w *world) {
		bad := sale.Change{Kind: sale.ChangeStaff, Key: []byte{0, 0, 0, 1}, Body: []byte{0xff}}
		w.office.publish(bad, customer(t, 1, "Анна П."))
		w.start()
		w.until("applied", func() bool { return w.ledger.Applied() == 2 })
		_, err := w.ledger.Customer(1)
		require.NoError(t, err)
		require.Equal(t, 1, w.ledger.SetAside())
		require.Equal(t, uplink.CodeAside, w.uplink.State().Code)
		require.Contains(t, w.uplink.State().Text.RU, "отложила")
		w.net.Reset("till", "office")
		w.until("cut", func() bool { return !w.uplink.State().Online })
		w.until("online", func() bool { return w.uplink.State().Online })
		require.Equal(t, uplink.CodeAside, w.uplink.State().Code, "it is said until it is mended")
		body, err := sale.Encode(sale.Staff{No: 1, Name: "Вера"})
		require.NoError(t, err)
		bad.Body = body
		w.office.publish(bad)
		w.until("mended", func() bool { return w.uplink.State().Code == uplink.CodeNone })
	})
}
