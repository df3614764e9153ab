package ledger_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// model is the ledger as a person would keep it on paper: sums in maps, no files, no order of keys.
type model struct {
	balance  map[sale.CustomerNo]sale.Points // less what is owed
	left     map[sale.ID]sale.Points         // of leases that are held here and live
	owner    map[sale.ID]sale.CustomerNo
	tally    ledger.Tally
	records  uint64 // of this epoch
	acked    uint64
	sold     []*sale.Record
	back     map[sale.ID]sale.Qty
	numbers  map[sale.OperationNo]bool
	versions uint64
	lots     byte
}

// walker does random things to a ledger and the same to the model.
type walker struct {
	*shop
	m   model
	job *ledger.Job
	r   *rapid.T
}

// A plain-map model and the ledger, side by side through whatever a till may meet.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		sub, err := os.MkdirTemp(dir, "")
		require.NoError(r, err)
		w := &walker{shop: openShop(r, sub), r: r}
		w.m = model{
			balance: map[sale.CustomerNo]sale.Points{}, left: map[sale.ID]sale.Points{}, owner: map[sale.ID]sale.CustomerNo{},
			back: map[sale.ID]sale.Qty{}, numbers: map[sale.OperationNo]bool{}, records: 1,
		}
		defer func() {
			require.NoError(r, w.Close())
			require.NoError(r, os.RemoveAll(sub))
		}()
		for no := range sale.CustomerNo(3) {
			w.m.versions++
			require.NoError(r, w.Apply(w.m.versions, w.change(customerChange(sale.Customer{No: no + 1}))))
			w.m.balance[no+1] = 0
		}
		r.Repeat(map[string]func(*rapid.T){
			"sell": w.sellSome, "begin": w.beginSome, "finish": w.finish, "abandon": w.abandon, "book": w.book, "return": w.giveBack,
			"lease": w.lease, "recall": w.recall, "confirm": w.confirm, "epoch": w.epoch, "reopen": func(*rapid.T) { w.reopen() },
			"time": func(r *rapid.T) {
				w.clock.At = w.clock.At.Add(time.Duration(rapid.IntRange(-3600, 3600).Draw(r, "seconds")) * time.Second)
			},
			"": w.compare,
		})
		_, err = w.Check()
		require.NoError(r, err)
	})
}

func (w *walker) change(c sale.Change) []sale.Change {
	c.Version = w.m.versions
	return []sale.Change{c}
}

func (w *walker) someone(r *rapid.T) sale.CustomerNo {
	return sale.CustomerNo(rapid.Int64Range(0, 3).Draw(r, "customer"))
}

func (w *walker) some(r *rapid.T) sale.Record {
	lines := goods(sale.Money(rapid.IntRange(1, 50_000).Draw(r, "price")), sale.Money(rapid.IntRange(0, 9_000).Draw(r, "price")))
	lines[0].Qty = sale.Qty(rapid.IntRange(1, 4).Draw(r, "pieces")) * sale.Piece
	return w.draft(w.someone(r), sale.Points(rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 20_000)).Draw(r, "redeem")), lines)
}

func (w *walker) begin(d sale.Record) bool {
	j, err := w.Begin(ledger.Job{Draft: d})
	if w.job != nil {
		require.ErrorIs(w.r, err, ledger.ErrBusy)
		return false
	}
	require.NoError(w.r, err)
	w.job = j
	return true
}

func (w *walker) beginSome(r *rapid.T) { w.begin(w.some(r)) }

func (w *walker) finish(*rapid.T) {
	if w.job == nil {
		return
	}
	rec, err := w.Finish(w.job.Draft.ID, w.print(w.job, sale.DocSale))
	require.NoError(w.r, err)
	w.job = nil
	w.m.add(w.r, rec)
}

func (w *walker) sellSome(r *rapid.T) {
	if w.begin(w.some(r)) {
		w.finish(r)
	}
}

func (w *walker) abandon(*rapid.T) {
	if w.job == nil {
		return
	}
	require.NoError(w.r, w.Abandon(w.job.Draft.ID, "x", 0))
	w.job = nil
	w.m.records++
}

func (w *walker) book(r *rapid.T) {
	rec, err := w.Book(w.some(r), nil)
	require.NoError(w.r, err)
	w.m.add(w.r, rec)
}

func (w *walker) giveBack(r *rapid.T) {
	if len(w.m.sold) == 0 || w.job != nil {
		return
	}
	of := w.m.sold[rapid.IntRange(0, len(w.m.sold)-1).Draw(r, "of")]
	qty := sale.Qty(rapid.IntRange(1, 3).Draw(r, "pieces")) * sale.Piece
	d, err := w.draftReturn(of, 0, qty)
	if w.m.back[of.ID]+qty > of.Sale.Lines[0].Qty {
		require.Error(w.r, err, "more came back than was sold")
		return
	}
	require.NoError(w.r, err)
	w.m.back[of.ID] += qty
	w.begin(d)
	w.finish(r)
}

func (w *walker) lease(r *rapid.T) {
	if w.m.lots == 250 {
		return
	}
	no := sale.CustomerNo(rapid.Int64Range(1, 3).Draw(r, "customer"))
	amount := sale.Points(rapid.Int64Range(1, 9_000).Draw(r, "amount"))
	w.m.versions++
	w.m.lots++
	c := leaseChange(no, w.m.lots, amount, nil)
	require.NoError(w.r, w.Apply(w.m.versions, w.change(c)))
	w.m.left[sale.ID(c.Key)], w.m.owner[sale.ID(c.Key)] = amount, no
	if rapid.Bool().Draw(r, "twice") {
		require.NoError(w.r, w.Apply(w.m.versions, w.change(c)))
	}
}

// recall asks one of head office's leases back; while the begun job holds it that is for later.
func (w *walker) recall(r *rapid.T) {
	n := byte(rapid.IntRange(0, int(w.m.lots)).Draw(r, "lease"))
	id := sale.ID{0xbb, n}
	if _, here := w.m.left[id]; !here || (w.job != nil && len(w.job.Draft.Spends) > 0) {
		return
	}
	w.m.versions++
	require.NoError(w.r, w.Apply(w.m.versions, w.change(leaseChange(w.m.owner[id], n, 1, recall))))
	delete(w.m.left, id)
	w.m.records++
}

func (w *walker) confirm(r *rapid.T) {
	head := w.Head()
	seq := rapid.Uint64Range(0, head.Seq).Draw(r, "up to")
	hash, found, err := w.Find(head.Epoch, seq)
	require.NoError(w.r, err)
	require.True(w.r, found)
	require.NoError(w.r, w.Confirm(sale.Position{Epoch: head.Epoch, Seq: seq, Head: hash}))
	w.m.acked = max(w.m.acked, seq)
}

func (w *walker) epoch(r *rapid.T) {
	if w.job != nil || rapid.IntRange(0, 3).Draw(r, "luck") > 0 {
		return
	}
	require.NoError(w.r, w.OpenEpoch("restored", w.Head()))
	require.NoError(w.r, w.Confirm(sale.Position{Epoch: w.Head().Epoch}))
	w.m.records, w.m.acked = 1, 0
	clear(w.m.left)
}

// add is what a sale or a return does, told from its own lines rather than from its postings.
func (m *model) add(t require.TestingT, r *sale.Record) {
	m.records++
	var sum sale.Points
	for _, p := range r.Postings {
		sum += p.Amount
	}
	require.Zero(t, sum)
	for _, s := range r.Spends {
		m.left[s.Lease] -= s.Amount
		require.GreaterOrEqual(t, m.left[s.Lease], sale.Points(0), "spent more than was lent")
	}
	for _, l := range r.Leases {
		m.left[l.ID], m.owner[l.ID] = l.Amount(), l.Account.No
	}
	if s := r.Sale; s != nil {
		require.False(t, m.numbers[s.No])
		m.numbers[s.No] = true
		m.sold = append(m.sold, r)
		m.tally.Sales++
		m.tally.Sold += s.Total
		m.tally.Cash += s.Total
		m.tally.Earned += s.Earned
		m.tally.Redeemed += s.Redeemed
		if s.Customer != 0 {
			m.balance[s.Customer] += s.Earned - s.Redeemed
		}
		return
	}
	b := r.Return
	require.False(t, m.numbers[b.No])
	m.numbers[b.No] = true
	m.tally.Returns++
	m.tally.Refunded += b.Total
	m.tally.Cash -= b.Total
	m.tally.Earned -= b.Clawed
	m.tally.Redeemed -= b.Restored
	if b.Customer != 0 {
		m.balance[b.Customer] += b.Restored - b.Clawed
	}
}

func (w *walker) compare(*rapid.T) {
	lent := map[sale.CustomerNo]sale.Points{}
	for id, left := range w.m.left {
		lent[w.m.owner[id]] += left
	}
	if w.job != nil {
		for _, s := range w.job.Draft.Spends {
			lent[w.m.owner[s.Lease]] -= s.Amount
		}
	}
	for no, want := range w.m.balance {
		require.Equal(w.r, want, w.balance(no), "balance of %d", no)
		held, err := w.Held(no)
		require.NoError(w.r, err)
		var free sale.Points
		for _, h := range held {
			require.Positive(w.r, h.Free)
			free += h.Free
		}
		require.Equal(w.r, lent[no], free, "on lease for %d", no)
	}
	tally := w.Tally()
	tally.Last, tally.OpenDoc = sale.FiscalKey{}, 0
	require.Equal(w.r, w.m.tally, tally)
	require.Equal(w.r, w.m.records, w.Head().Seq)
	require.Equal(w.r, w.m.records-w.m.acked, w.Unsent())
	open, err := w.Unfinished()
	require.NoError(w.r, err)
	require.Equal(w.r, w.job, open)
	who, err := w.Who()
	require.NoError(w.r, err)
	require.Equal(w.r, ledgertest.Who, who)
}
