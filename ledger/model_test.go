package ledger_test

import (
	"bytes"
	"os"
	"slices"
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

	purses  map[purseOf]sale.Points
	into    map[sale.CustomerNo]sale.CustomerNo // of those merged into another
	granted map[sale.ID]sale.LeaseChange        // every lease that head office knows, or will know
	closed  map[sale.ID]sale.Seen               // where each release stands in the journal
	spends  []spent
	anchor  sale.Seen // how far head office had read when it last told
	used    map[byte]bool
	cards   uint64 // enrolled here
}

// purseOf is one purse of one number.
type purseOf struct {
	no    sale.CustomerNo
	purse sale.PurseNo
}

// spent is what one record took out of one lease.
type spent struct {
	sale.Spend
	at sale.Seen
}

// codesOfModel are the single-use codes that head office has sent.
const codesOfModel = 12

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
			purses: map[purseOf]sale.Points{}, into: map[sale.CustomerNo]sale.CustomerNo{}, granted: map[sale.ID]sale.LeaseChange{},
			closed: map[sale.ID]sale.Seen{}, used: map[byte]bool{}, anchor: sale.Seen{Epoch: 1},
		}
		w.programme = club()
		defer func() {
			require.NoError(r, w.Close())
			require.NoError(r, os.RemoveAll(sub))
		}()
		for no := range sale.CustomerNo(3) {
			w.m.versions++
			require.NoError(r, w.Apply(w.m.versions, w.change(customerChange(sale.Customer{No: no + 1}))))
			w.m.balance[no+1] = 0
		}
		w.m.versions++
		require.NoError(r, w.Apply(w.m.versions, w.change(codesChange(7, free(codesOfModel, 0)))))
		r.Repeat(map[string]func(*rapid.T){
			"sell": w.sellSome, "begin": w.beginSome, "finish": w.finish, "abandon": w.abandon, "book": w.book, "return": w.giveBack,
			"lease": w.lease, "recall": w.recall, "confirm": w.confirm, "epoch": w.epoch, "word": w.word,
			"enrol": w.enrol, "merge": w.merge, "code": w.code, "reopen": func(*rapid.T) { w.reopen() },
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

// someone is nobody, or a customer who is still one of their own.
func (w *walker) someone(r *rapid.T) sale.CustomerNo {
	numbers := []sale.CustomerNo{0}
	for no := range w.m.balance {
		if w.m.into[no] == 0 {
			numbers = append(numbers, no)
		}
	}
	slices.Sort(numbers)
	return numbers[rapid.IntRange(0, len(numbers)-1).Draw(r, "customer")]
}

func (w *walker) some(r *rapid.T) sale.Record {
	lines := goods(sale.Money(rapid.IntRange(1, 50_000).Draw(r, "price")), sale.Money(rapid.IntRange(0, 9_000).Draw(r, "price")))
	lines[0].Qty = sale.Qty(rapid.IntRange(1, 4).Draw(r, "pieces")) * sale.Piece
	if cups := rapid.IntRange(0, 5).Draw(r, "cups"); cups > 0 {
		lines[0] = coffee(sale.Qty(cups))
	}
	return w.draft(w.someone(r), sale.Points(rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 20_000)).Draw(r, "redeem")), lines)
}

// code sells with a single-use code; one that is used or held here is refused and nothing has happened.
func (w *walker) code(r *rapid.T) {
	n := byte(rapid.IntRange(1, codesOfModel).Draw(r, "code"))
	use := sale.CodeUse{Campaign: 7, Key: code(n)}
	held := w.job != nil && slices.Contains(w.job.Draft.Sale.Codes, use)
	w.requireCode(use.Key, 7, 0, w.m.used[n] || held)
	d := w.some(r)
	d.Sale.Codes = []sale.CodeUse{use}
	if w.m.used[n] || held {
		_, err := w.Book(d, nil)
		require.ErrorIs(w.r, err, ledger.ErrCodeUsed)
		return
	}
	w.begin(d)
}

func (w *walker) enrol(*rapid.T) {
	if w.m.cards == 4 {
		return
	}
	w.m.cards++
	_, c, err := w.EnrolCustomer(newcomer(100 + w.m.cards))
	require.NoError(w.r, err)
	require.False(w.r, w.m.numbers[c.No])
	w.m.numbers[c.No] = true
	w.m.records++
	w.m.balance[c.No] = 0
	_, again, err := w.EnrolCustomer(newcomer(100 + w.m.cards))
	require.ErrorIs(w.r, err, ledger.ErrKnown)
	require.Equal(w.r, c, again)
}

// merge joins one of head office's customers to another; what they have is shown together.
func (w *walker) merge(r *rapid.T) {
	from, into := sale.CustomerNo(rapid.Int64Range(1, 3).Draw(r, "from")), sale.CustomerNo(rapid.Int64Range(1, 3).Draw(r, "into"))
	if w.job != nil || from == into || w.m.into[from] != 0 || w.m.into[into] != 0 || rapid.IntRange(0, 3).Draw(r, "luck") > 0 {
		return
	}
	for no, other := range w.m.into {
		if other == from {
			w.m.into[no] = into
		}
	}
	w.m.into[from] = into
	w.m.versions++
	require.NoError(w.r, w.Apply(w.m.versions, []sale.Change{
		w.change(customerChange(sale.Customer{No: into, Accounts: w.m.family(into)[1:]}))[0],
		w.change(sale.Change{Kind: sale.ChangeCustomer, Key: u64(uint64(from)), Gone: true})[0],
	}))
}

// family is a customer's numbers, their own first.
func (m *model) family(no sale.CustomerNo) []sale.CustomerNo {
	out := []sale.CustomerNo{no}
	for n := sale.CustomerNo(1); n <= 3; n++ {
		if m.into[n] == no {
			out = append(out, n)
		}
	}
	return out
}

func (w *walker) begin(d sale.Record) bool {
	head := w.Head()
	j, err := w.Begin(ledger.Job{Draft: d})
	require.Equal(w.r, head, w.Head())
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
	w.m.grant(w.r, c)
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
	w.m.closed[id] = sale.Seen{Epoch: w.Head().Epoch, Seq: w.Head().Seq}
}

func (m *model) grant(t require.TestingT, c sale.Change) {
	var word sale.LeaseChange
	require.NoError(t, sale.Decode(c.Body, &word))
	m.granted[word.Lease.ID] = word
}

// word is head office sending a lease again after a new epoch, with its count as of what it has read: of the
// new epoch, or, before it has, of the records that it had acknowledged.
func (w *walker) word(r *rapid.T) {
	var missing []sale.ID
	for id := range w.m.granted {
		at, closed := w.m.closed[id]
		unread := w.m.anchor.Epoch < at.Epoch || (w.m.anchor.Epoch == at.Epoch && w.m.anchor.Seq < at.Seq)
		if _, here := w.m.left[id]; !here && (!closed || unread) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 || w.job != nil {
		return
	}
	slices.SortFunc(missing, func(a, b sale.ID) int { return bytes.Compare(a[:], b[:]) })
	id := missing[rapid.IntRange(0, len(missing)-1).Draw(r, "lease")]
	word, head := w.m.granted[id], w.Head()
	word.Spent = nil
	from := max(1, w.m.anchor.Seq)
	counted := sale.Seen{Epoch: head.Epoch, Seq: rapid.Uint64Range(from, max(from, head.Seq)).Draw(r, "read")}
	word.Seen = counted
	if w.m.anchor.Epoch < head.Epoch && rapid.Bool().Draw(r, "before the tail") {
		counted = w.m.anchor
		word.Seen = sale.Seen{Epoch: head.Epoch - 1, Seq: 1 << 40} // of the disk before it was restored
	}
	left := word.Lease.Amount()
	for _, s := range w.m.spends {
		if s.Lease != id {
			continue
		}
		left -= s.Amount
		if s.at.Epoch < counted.Epoch || (s.at.Epoch == counted.Epoch && s.at.Seq <= counted.Seq) {
			word.Spent = addSpent(word.Spent, s.Spend)
		}
	}
	w.m.versions++
	require.NoError(w.r, w.Apply(w.m.versions, w.change(sale.Change{Kind: sale.ChangeLease, Key: id[:], Body: encoded(word)})))
	if _, closed := w.m.closed[id]; !closed { // what was handed back stays so, whatever head office has read
		w.m.left[id] = left
	}
}

func addSpent(to []sale.LotAmount, s sale.Spend) []sale.LotAmount {
	for i := range to {
		if to[i].Lot == s.Lot {
			to[i].Amount += s.Amount
			return to
		}
	}
	return append(to, sale.LotAmount{Lot: s.Lot, Amount: s.Amount})
}

func (w *walker) confirm(r *rapid.T) {
	head := w.Head()
	seq := rapid.Uint64Range(0, head.Seq).Draw(r, "up to")
	hash, found, err := w.Find(head.Epoch, seq)
	require.NoError(w.r, err)
	require.True(w.r, found)
	require.NoError(w.r, w.Confirm(sale.Position{Epoch: head.Epoch, Seq: seq, Head: hash}))
	w.m.acked = max(w.m.acked, seq)
	if seq >= w.m.anchor.Seq || head.Epoch > w.m.anchor.Epoch {
		w.m.anchor = sale.Seen{Epoch: head.Epoch, Seq: seq}
	}
}

func (w *walker) epoch(r *rapid.T) {
	if w.job != nil || rapid.IntRange(0, 3).Draw(r, "luck") > 0 {
		return
	}
	require.NoError(w.r, w.OpenEpoch("restored", w.Head()))
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
		m.spends = append(m.spends, spent{s, sale.Seen{Epoch: r.Epoch, Seq: r.Seq}})
		m.left[s.Lease] -= s.Amount
		require.GreaterOrEqual(t, m.left[s.Lease], sale.Points(0), "spent more than was lent")
	}
	for _, l := range r.Leases {
		m.left[l.ID], m.owner[l.ID] = l.Amount(), l.Account.No
		m.granted[l.ID] = sale.LeaseChange{Lease: l, Lots: r.Lots}
	}
	if s := r.Sale; s != nil {
		for _, c := range s.Codes {
			require.False(t, m.used[c.Key[1]], "a code taken twice")
			m.used[c.Key[1]] = true
		}
		for _, l := range s.Lines {
			m.purse(s.Customer, l.Extra, 1)
			m.purse(s.Customer, l.Paid, -1)
		}
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
	for _, l := range b.Lines {
		m.purse(b.Customer, l.Extra, -1)
		m.purse(b.Customer, l.Paid, 1)
	}
}

func (m *model) purse(no sale.CustomerNo, amounts []sale.PurseAmount, sign sale.Points) {
	for _, a := range amounts {
		m.purses[purseOf{no, a.Purse}] += sign * a.Amount
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
	for no := range w.m.balance {
		if w.m.into[no] != 0 {
			_, err := w.Customer(no)
			require.ErrorIs(w.r, err, ledger.ErrNotFound)
			continue
		}
		var want, leased, coffees, pharmacy sale.Points
		for _, n := range w.m.family(no) {
			want += w.m.balance[n]
			leased += lent[n]
			coffees += w.m.purses[purseOf{n, stamps}]
			pharmacy += w.m.purses[purseOf{n, partner}]
		}
		require.Equal(w.r, want, w.balance(no), "balance of %d", no)
		require.Equal(w.r, coffees, w.purse(no, stamps), "stamps of %d", no)
		require.Equal(w.r, pharmacy, w.purse(no, partner), "partner's points of %d", no)
		held, err := w.Held(no)
		require.NoError(w.r, err)
		var free sale.Points
		for _, h := range held {
			require.Positive(w.r, h.Free)
			free += h.Free
		}
		require.Equal(w.r, leased, free, "on lease for %d", no)
	}
	tally := w.Tally()
	tally.Last, tally.OpenDoc = sale.FiscalKey{}, 0
	require.Equal(w.r, w.m.tally, tally)
	require.Equal(w.r, w.m.records, w.Head().Seq)
	if w.Acked().Epoch == w.Head().Epoch {
		require.Equal(w.r, w.m.records-w.m.acked, w.Unsent())
	}
	open, err := w.Unfinished()
	require.NoError(w.r, err)
	require.Equal(w.r, w.job, open)
	who, err := w.Who()
	require.NoError(w.r, err)
	require.Equal(w.r, ledgertest.Who, who)
}
