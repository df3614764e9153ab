package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestBeginAndFinish(t *testing.T) {
	s := newShop(t)
	d := s.draft(0, 0, goods(5450, 8990))
	next := s.NextNo()
	j, err := s.Begin(ledger.Job{Draft: d, Before: sale.FiscalKey{FN: storage, FD: 9}, Stamp: "20261102T1200", Drawer: 77, Sealed: []byte("sealed")})
	require.NoError(t, err)
	require.Equal(t, next, j.Draft.Sale.No)
	require.Equal(t, sale.Money(14440), j.Total())
	require.Equal(t, ledgertest.Start, j.Begun)
	s.reopen()
	open, err := s.Unfinished()
	require.NoError(t, err)
	require.Equal(t, j, open)
	f := s.print(open, sale.DocSale)
	f.Shift = 4
	r, err := s.Finish(d.ID, f)
	require.NoError(t, err)
	require.Equal(t, next, r.Sale.No)
	require.Equal(t, uint32(4), r.Shift)
	require.Equal(t, uint64(2), r.Seq)
	s.reopen()
	open, err = s.Unfinished()
	require.NoError(t, err)
	require.Nil(t, open)
	for name, find := range map[string]func() (*sale.Record, error){
		"ID":       func() (*sale.Record, error) { return s.Record(d.ID) },
		"number":   func() (*sale.Record, error) { return s.RecordByNo(next) },
		"document": func() (*sale.Record, error) { return s.RecordByDoc(f.Key) },
	} {
		got, err := find()
		require.NoError(t, err, name)
		require.Equal(t, r, got, name)
	}
	entries, err := s.Since(sale.Position{Epoch: 1, Seq: 1}, 10, 1<<20)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, []byte("sealed"), entries[0].Sealed)
	require.Equal(t, sale.HashOf(entries[0].Record), s.Head().Head)
}

func TestOneJobAtATime(t *testing.T) {
	s := newShop(t)
	first, second := s.draft(0, 0, goods(100)), s.draft(0, 0, goods(200))
	_, err := s.Begin(ledger.Job{Draft: first})
	require.NoError(t, err)
	no := s.NextNo()
	for _, d := range []sale.Record{first, second} {
		_, err = s.Begin(ledger.Job{Draft: d})
		require.ErrorIs(t, err, ledger.ErrBusy)
	}
	require.Equal(t, no, s.NextNo(), "a refused job takes no number")
	_, err = s.Finish(second.ID, sale.Fiscal{})
	require.ErrorIs(t, err, ledger.ErrNotBegun)
	require.ErrorIs(t, s.Abandon(second.ID, "x", 0), ledger.ErrNotBegun)
	require.NoError(t, s.Abandon(first.ID, "out of paper", 3))
	r, err := s.Record(first.ID)
	require.NoError(t, err)
	require.Equal(t, &sale.Abandon{What: sale.KindSale, Total: 100, Reason: "out of paper", By: 3}, r.Abandon)
	_, err = s.Begin(ledger.Job{Draft: second})
	require.NoError(t, err)
	_, err = s.Finish(second.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	_, err = s.Finish(second.ID, sale.Fiscal{})
	require.ErrorIs(t, err, ledger.ErrNotBegun)
}

func TestNothingTwice(t *testing.T) {
	s := newShop(t)
	r := s.sell(0, 0, 100)
	_, err := s.Begin(ledger.Job{Draft: *r})
	require.ErrorIs(t, err, ledger.ErrKnown)
	_, err = s.Book(*r, nil)
	require.ErrorIs(t, err, ledger.ErrKnown)
	// Another sale over the same fiscal document: the job stays open, for its document is another one.
	d := s.draft(0, 0, goods(100))
	_, err = s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	_, err = s.Finish(d.ID, *r.Fiscal)
	require.ErrorIs(t, err, ledger.ErrKnown)
	open, err := s.Unfinished()
	require.NoError(t, err)
	require.Equal(t, d.ID, open.Draft.ID)
	booked := s.draft(0, 0, goods(100))
	booked.Fiscal = r.Fiscal
	_, err = s.Book(booked, nil)
	require.ErrorIs(t, err, ledger.ErrKnown)
	require.NoError(t, s.Abandon(d.ID, "x", 0))
	require.Equal(t, []string{"epoch", "sale", "abandon"}, s.kinds())
}

func TestBook(t *testing.T) {
	s := newShop(t).withAnna(1000)
	d := s.draft(anna, 300, goods(10000))
	d.Fiscal = &sale.Fiscal{Kind: sale.FiscalForeign, Key: sale.FiscalKey{FN: storage, FD: 700}, Sum: 9700}
	r, err := s.Book(d, []byte("sealed"))
	require.NoError(t, err)
	require.NotZero(t, r.Sale.No)
	require.Equal(t, sale.Points(700+291), s.balance(anna))
	got, err := s.RecordByDoc(d.Fiscal.Key)
	require.NoError(t, err)
	require.Equal(t, r, got)
	require.Zero(t, s.Tally().Last, "another's storage is not ours")
}

// What a begun job holds back, no booking may spend.
func TestBookCannotSpendWhatIsHeldBack(t *testing.T) {
	s := newShop(t).withAnna(1000)
	d, other := s.draft(anna, 800, goods(10000)), s.draft(anna, 800, goods(10000))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	_, err = s.Book(other, nil)
	require.ErrorIs(t, err, ledger.ErrLease)
	_, err = s.Finish(d.ID, sale.Fiscal{Kind: sale.FiscalNone})
	require.NoError(t, err)
	require.Equal(t, sale.Points(200+276), s.spendable(anna))
}

func TestSpendsMustBeHeld(t *testing.T) {
	s := newShop(t).withAnna(1000)
	good := s.draft(anna, 600, goods(10000))
	for name, spoil := range map[string]func(r *sale.Record){
		"more than held":    func(r *sale.Record) { r.Spends[0].Amount = 1001 },
		"twice":             func(r *sale.Record) { r.Spends = append(r.Spends, r.Spends[0]) },
		"another lot":       func(r *sale.Record) { r.Spends[0].Lot[1]++ },
		"another lease":     func(r *sale.Record) { r.Spends[0].Lease[1]++ },
		"nothing":           func(r *sale.Record) { r.Spends[0].Amount = 0 },
		"less than nothing": func(r *sale.Record) { r.Spends[0].Amount = -5 },
	} {
		bad := good
		bad.Spends = append([]sale.Spend(nil), good.Spends...)
		spoil(&bad)
		_, err := s.Begin(ledger.Job{Draft: bad})
		require.ErrorIs(t, err, ledger.ErrLease, name)
	}
	s.run(good)
	require.Equal(t, sale.Points(400+282), s.balance(anna))
}

// A draft that cannot be journalled is refused while nothing is printed yet.
func TestBeginRefusesWhatFinishWould(t *testing.T) {
	s := newShop(t)
	for name, spoil := range map[string]func(r *sale.Record){
		"sums":     func(r *sale.Record) { r.Sale.Total++ },
		"postings": func(r *sale.Record) { r.Postings = []sale.Posting{{Amount: 1}} },
		"no ID":    func(r *sale.Record) { r.ID = sale.ID{} },
		"size": func(r *sale.Record) {
			r.Sale.Reasons = []sale.Reason{{Rule: "x", Detail: string(make([]byte, sale.RecordBytesMax))}}
		},
	} {
		d := s.draft(0, 0, goods(100))
		spoil(&d)
		_, err := s.Begin(ledger.Job{Draft: d})
		require.ErrorIs(t, err, sale.ErrRecord, name)
	}
	open, err := s.Unfinished()
	require.NoError(t, err)
	require.Nil(t, open)
}

func TestHoldsAreFreeAfterAbandon(t *testing.T) {
	s := newShop(t).withAnna(1000)
	d := s.draft(anna, 700, goods(10000))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	require.Equal(t, sale.Points(300), s.spendable(anna))
	require.Equal(t, sale.Points(1000), s.balance(anna))
	s.reopen()
	require.Equal(t, sale.Points(300), s.spendable(anna))
	require.NoError(t, s.Abandon(d.ID, "cancelled", 0))
	require.Equal(t, sale.Points(1000), s.spendable(anna))
}

func TestNumbersAreNeverGivenAgain(t *testing.T) {
	s := newShop(t)
	seen := map[sale.OperationNo]bool{}
	give := func() {
		d := s.draft(0, 0, goods(100))
		j, err := s.Begin(ledger.Job{Draft: d})
		require.NoError(t, err)
		require.False(t, seen[j.Draft.Sale.No], j.Draft.Sale.No)
		require.Equal(t, ledgertest.Who.Till, j.Draft.Sale.No.Till())
		seen[j.Draft.Sale.No] = true
		if len(seen)%3 == 0 {
			require.NoError(t, s.Abandon(d.ID, "x", 0))
			return
		}
		_, err = s.Finish(d.ID, s.print(j, sale.DocSale))
		require.NoError(t, err)
	}
	for range 4 {
		for range 4 {
			give()
		}
		s.reopen()
		require.NoError(t, s.OpenEpoch("restored", s.Head()))
		give()
	}
	require.Len(t, seen, 20)
}

// A disk restored from an image has forgotten numbers that stand on printed receipts.
func TestNumbersOfALostTail(t *testing.T) {
	for name, theirs := range map[string]sale.Position{
		"of the same epoch":      {Epoch: 1, Seq: 40},
		"of epochs never seen":   {Epoch: 3, Seq: 2},
		"of the enrolment alone": {Epoch: 1, Seq: 2, Head: sale.Hash{1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			used := s.NextNo().Counter() + uint32(theirs.Seq) // at most
			require.NoError(t, s.OpenEpoch("restored", theirs))
			require.GreaterOrEqual(t, s.NextNo().Counter(), used)
		})
	}
}

func TestReturnsInPieces(t *testing.T) {
	s := newShop(t).withAnna(1000)
	lines := goods(10000)
	lines[0].Qty = 3 * sale.Piece
	sold := s.run(s.draft(anna, 1000, lines))
	require.Equal(t, sale.Points(870), s.balance(anna)) // 3 % of 290.00
	var restored, clawed sale.Points
	var money sale.Money
	for range 3 {
		d, err := s.draftReturn(sold, 0, sale.Piece)
		require.NoError(t, err)
		r := s.run(d)
		restored, clawed, money = restored+r.Return.Restored, clawed+r.Return.Clawed, money+r.Return.Total
	}
	require.Equal(t, sold.Sale.Redeemed, restored)
	require.Equal(t, sold.Sale.Earned, clawed)
	require.Equal(t, sold.Sale.Total, money)
	require.Equal(t, sale.Points(1000), s.balance(anna))
	require.Equal(t, sale.Points(1000), s.spendable(anna))
	_, err := s.draftReturn(sold, 0, sale.Piece)
	require.Error(t, err)
	returns, err := s.Returns(sold.ID)
	require.NoError(t, err)
	require.Len(t, returns, 3)
	got := s.Tally()
	require.Equal(t, 3, got.Returns)
	require.Zero(t, got.Cash)
	require.Zero(t, got.Earned)
	require.Zero(t, got.Redeemed)
}

// Points earned, spent and then clawed back: what is missing is owed, and paid by the next accrual.
func TestDebt(t *testing.T) {
	s := newShop(t).withAnna(0)
	sold := s.sell(anna, 0, 100000)
	require.Equal(t, sale.Points(3000), s.spendable(anna))
	s.sell(anna, 3000, 10000) // earns 2.10
	d, err := s.draftReturn(sold, 0, sale.Piece)
	require.NoError(t, err)
	s.run(d)
	c, err := s.Customer(anna)
	require.NoError(t, err)
	require.Zero(t, c.Balance)
	require.Equal(t, sale.Points(3000-210), c.Debt)
	s.sell(anna, 0, 100000)
	c, err = s.Customer(anna)
	require.NoError(t, err)
	require.Zero(t, c.Debt)
	require.Equal(t, sale.Points(3000-2790), c.Balance)
	require.Equal(t, sale.Points(3000-2790), s.spendable(anna))
}

func TestShift(t *testing.T) {
	s := newShop(t)
	job := func(r sale.Record, doc sale.DocKind) *sale.Record {
		r.ID, r.Shift = s.id(), 5
		j, err := s.Begin(ledger.Job{Draft: r})
		require.NoError(t, err)
		f := s.print(j, doc)
		f.Shift = 5
		got, err := s.Finish(r.ID, f)
		require.NoError(t, err)
		return got
	}
	job(sale.Record{Kind: sale.KindShiftOpen}, sale.DocShiftOpen)
	require.True(t, s.Tally().Open)
	job(sale.Record{Kind: sale.KindCashIn, Cash: &sale.CashMove{Amount: 50000}}, 0)
	s.sell(0, 0, 10000)
	sold := s.sell(0, 0, 2500)
	d, err := s.draftReturn(sold, 0, sale.Piece)
	require.NoError(t, err)
	s.run(d)
	job(sale.Record{Kind: sale.KindCashOut, Cash: &sale.CashMove{Amount: 20000}}, 0)
	s.reopen()
	tally := s.Tally()
	require.Equal(t, ledger.Tally{
		Shift: 5, Open: true, Since: ledgertest.Start, Sales: 2, Returns: 1, Sold: 12500, Refunded: 2500, Cash: 40000,
		Last: sale.FiscalKey{FN: storage, FD: s.docs}, OpenDoc: 1, Epoch: 1, Seq: 2,
	}, tally)
	before := s.Head().Head
	closed := job(sale.Record{Kind: sale.KindShiftClose, Close: tally.Close(sale.Hash{}, nil)}, sale.DocShiftClose)
	require.Equal(t, before, closed.Close.Head)
	require.Equal(t, sale.Money(10000), closed.Close.Sold-closed.Close.Refunded)
	require.False(t, s.Tally().Open)
	job(sale.Record{Kind: sale.KindShiftOpen}, sale.DocShiftOpen)
	require.Equal(t, sale.Money(40000), s.Tally().Cash, "the drawer outlives the shift")
	for of, amount := range map[sale.DocKind]sale.Money{sale.DocSale: 9000, sale.DocSaleReturn: 2000} {
		line := sale.CorrectedLine{Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: amount, Sum: amount}, VAT: sale.VAT10, Subject: sale.SubjectGoods}
		got := job(sale.Record{Kind: sale.KindCorrection, Correct: &sale.Correction{
			Of: of, Day: 20261120, Lines: []sale.CorrectedLine{line}, Total: amount, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: amount}},
		}}, of.Correction())
		found, err := s.RecordByNo(got.Correct.No)
		require.NoError(t, err)
		require.Equal(t, got.ID, found.ID, "a correction has a number for people")
	}
	require.Equal(t, 2, s.Tally().Corrections)
	require.Equal(t, sale.Money(7000), s.Tally().Corrected)
	require.Equal(t, sale.Money(47000), s.Tally().Cash, "what came in without a receipt lies in the drawer")
	s.reopen()
	require.Zero(t, s.Tally().Sales)
}
