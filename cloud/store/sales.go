package store

import (
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// project turns one record into rows. Nothing here may fail: what could was looked for before.
func (b *booking) project(s *wire.Sealed) {
	r := s.Record
	b.projectFiscal(r)
	b.checkClock(r)
	switch r.Kind {
	case sale.KindSale:
		b.projectSale(r)
	case sale.KindReturn:
		b.projectReturn(r)
	case sale.KindShiftOpen:
		b.tables.shiftOpen.add(int64(b.org), int64(b.till), fnOf(r), int64(r.Shift), int64(r.Store), int64(r.Staff), int64(r.At))
	case sale.KindShiftClose:
		b.projectShift(r)
	case sale.KindCorrection:
		b.projectCorrection(r)
	case sale.KindCashIn, sale.KindCashOut:
		b.projectCash(r)
	case sale.KindEpoch:
		b.projectEpoch(r)
	case sale.KindEnrol:
		b.projectEnrolment(r)
	case sale.KindLookup:
		b.flagWatched(r, 0, []sale.Watched{*r.Lookup})
	case sale.KindMerge, sale.KindSplit, sale.KindSettle:
		b.events = append(b.events, r)
	}
	b.projectPoints(r)
	b.dueReward(r)
}

func fnOf(r *sale.Record) string {
	if r.Fiscal == nil {
		return ""
	}
	return text(r.Fiscal.Key.FN)
}

func docOf(r *sale.Record) (fn string, fd int64, settled int64) {
	if r.Fiscal == nil {
		return "", 0, 0
	}
	if r.Fiscal.Settled {
		settled = 1
	}
	return text(r.Fiscal.Key.FN), int64(r.Fiscal.Key.FD), settled
}

func (b *booking) projectFiscal(r *sale.Record) {
	f := r.Fiscal
	if f == nil || f.Key.FN == "" || f.Key.FD == 0 {
		return
	}
	fn, fd, settled := docOf(r)
	b.tables.docs.add(int64(b.org), fn, fd, r.ID[:], int64(b.till), int64(f.Kind), int64(f.Doc), int64(f.Sum), int64(f.Sign), int64(f.Shift),
		text(string(f.Stamp)), text(f.Register), settled, flagged(isRecovered(r)))
}

func (b *booking) projectSale(r *sale.Record) {
	s := r.Sale
	fn, fd, _ := docOf(r)
	org, id := int64(b.org), r.ID[:]
	b.tables.sales.add(org, id, int64(s.No), int64(r.Store), int64(b.till), int64(r.Epoch), int64(r.Seq), int64(r.At), int64(r.Shift), int64(r.Staff),
		int64(inAnalysis(s.Customer)), int64(s.Tier), int64(s.Programme), int64(s.Gross), int64(s.Discount), int64(s.Redeemed), int64(s.Total), int64(s.Earned),
		int64(s.Cash()), int64(len(s.Lines)), fn, fd, flagged(isRecovered(r)), int64(tendered(s.Tenders, sale.TenderAdvance)), int64(s.Reward), int64(s.FoundBy), flagged(s.Training))
	for i := range s.Lines {
		l := &s.Lines[i]
		b.tables.saleLines.add(org, id, int64(i), text(string(l.SKU)), text(l.Name), int64(l.Qty), int64(l.Price), int64(l.Gross), int64(l.Discount),
			int64(l.Redeemed), int64(l.Net), int64(l.Earned), int64(l.VAT))
	}
	b.projectTenders(id, s.Tenders)
	b.projectPromos(r)
	b.flagWatched(r, s.Customer, s.Watched)
	b.counts.sale(b, r, 1)
}

func tendered(tenders []sale.Tender, kind sale.TenderKind) (sum sale.Money) {
	for _, x := range tenders {
		if x.Kind == kind {
			sum += x.Amount
		}
	}
	return sum
}

// flagged is a truth as the tables hold it.
func flagged(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// isRecovered tells a sale or return that a till did not make but read back from the fiscal storage: it has
// the sum and the tax, and neither goods nor customer.
func isRecovered(r *sale.Record) bool {
	if r.Return != nil {
		return r.Return.Reason == recovered && r.Return.Of.IsZero() && !r.Return.Pending
	}
	return r.Sale != nil && len(r.Sale.Reasons) == 1 && r.Sale.Reasons[0].Rule == recovered
}

// recovered is the reason that a till gives in such a record.
const recovered = "recovered"

func (b *booking) projectTenders(record []byte, tenders []sale.Tender) {
	for i, t := range tenders {
		b.tables.tenders.add(int64(b.org), record, int64(i), int64(t.Kind), int64(t.Amount))
	}
}

func (b *booking) projectReturn(r *sale.Record) {
	t := r.Return
	fn, fd, _ := docOf(r)
	org, id := int64(b.org), r.ID[:]
	b.tables.returns.add(org, id, int64(t.No), t.Of[:], int64(t.OfNo), int64(r.Store), int64(b.till), int64(r.Epoch), int64(r.Seq), int64(r.At),
		int64(r.Shift), int64(r.Staff), int64(t.Customer), int64(t.Total), int64(t.Restored), int64(t.Clawed),
		int64(tendered(t.Tenders, sale.TenderCash)), text(t.Reason), fn, fd, int64(tendered(t.Tenders, sale.TenderAdvance)))
	for i := range t.Lines {
		l := &t.Lines[i]
		b.tables.returnLines.add(org, id, int64(i), int64(l.Line), text(string(l.SKU)), text(l.Name), int64(l.Qty), int64(l.Net), int64(l.Restored),
			int64(l.Clawed), int64(l.VAT))
	}
	b.projectTenders(id, t.Tenders)
	b.flagWatched(r, t.Customer, t.Watched)
	b.counts.giveBack(r, 1)
	if t.Pending {
		b.projectPending(r)
	}
}

// projectCorrection files a correction receipt. It moves no points and counts in no figure of sales.
func (b *booking) projectCorrection(r *sale.Record) {
	c := r.Correct
	fn, fd, _ := docOf(r)
	b.tables.corrections.add(int64(b.org), r.ID[:], int64(c.No), int64(r.Store), int64(b.till), int64(r.Epoch), int64(r.Seq), int64(r.At), int64(r.Shift),
		int64(r.Staff), int64(c.Of), int64(c.Day), flagged(c.Prescribed), text(c.Number), int64(c.Total), int64(tendered(c.Tenders, sale.TenderCash)), fn, fd)
	b.projectTenders(r.ID[:], c.Tenders)
}

func (b *booking) projectCash(r *sale.Record) {
	amount := r.Cash.Amount
	if r.Kind == sale.KindCashOut {
		amount = -amount
	}
	b.tables.cashMoves.add(int64(b.org), r.ID[:], int64(r.Store), int64(b.till), int64(r.At), int64(r.Shift), int64(r.Staff), int64(amount), text(r.Cash.Reason))
}

func (b *booking) projectShift(r *sale.Record) {
	c := r.Close
	st, has, inMoney := sale.StorageTotals{}, int64(0), sale.StorageTotals{}
	if c.Storage != nil {
		st, has = *c.Storage, 1
		inMoney = money(st, c)
	}
	b.tables.shiftClose.add(int64(b.org), int64(b.till), fnOf(r), int64(r.Shift), int64(r.Store), int64(r.Staff), int64(r.At),
		int64(c.Sales), int64(c.Returns), int64(c.Sold), int64(c.Refunded), int64(c.Cash), int64(c.Card), int64(c.Earned), int64(c.Redeemed), c.Head[:],
		has, int64(inMoney.Sales), int64(inMoney.Returns), int64(inMoney.Sold), int64(inMoney.Refunded),
		int64(c.Corrections), int64(c.Corrected), int64(st.Corrections), int64(st.Corrected), text(c.Swapped))
	if c.Swapped != "" {
		b.flag(flag{
			kind: FlagShift, till: b.till, record: r.ID, cause: "storage",
			ru: fmt.Sprintf("На кассе %d сменился фискальный накопитель: %s вместо %s. Смена %d закончена в журнале без Z-отчёта, подтвердил старший %d", b.till, c.Swapped, fnOf(r), r.Shift, c.By),
			en: fmt.Sprintf("The fiscal storage of till %d was changed: %s instead of %s. Shift %d ended in the journal without a Z report, confirmed by manager %d", b.till, c.Swapped, fnOf(r), r.Shift, c.By),
		})
	}
	if journal := c.Counted(); has == 1 && st != journal {
		b.flag(flag{
			kind: FlagShift, till: b.till, record: r.ID,
			ru: fmt.Sprintf("Смена %d кассы %d: в журнале %d чеков на %s и %d возвратов на %s, в фискальном накопителе %d на %s и %d на %s",
				r.Shift, b.till, c.Sales, journal.Sold, c.Returns, journal.Refunded, st.Sales, st.Sold, st.Returns, st.Refunded),
			en: fmt.Sprintf("Shift %d of till %d: the journal has %d sales of %s and %d returns of %s, the fiscal storage %d of %s and %d of %s",
				r.Shift, b.till, c.Sales, journal.Sold, c.Returns, journal.Refunded, st.Sales, st.Sold, st.Returns, st.Refunded),
		})
	}
}

// money is what the storage holds less what points paid as counter-provision: a shift's row stands beside sums
// of money. The flag names the storage's own sums, as its Z report has them.
func money(st sale.StorageTotals, c *sale.ShiftClose) sale.StorageTotals {
	st.Sold, st.Refunded = st.Sold-c.Counter, st.Refunded-c.CounterBack
	return st
}

func (b *booking) projectEpoch(r *sale.Record) {
	e := r.Start
	if e.Reason == "enrolled" {
		return
	}
	b.flag(flag{
		kind: FlagFork, till: b.till, record: r.ID,
		ru: fmt.Sprintf("Касса %d начала эпоху %d (%s) после записи %d/%d; последний документ: %s", b.till, r.Epoch, text(e.Reason), e.OldEpoch, e.OldSeq, e.Storage),
		en: fmt.Sprintf("Till %d began epoch %d (%s) after record %d/%d; last document: %s", b.till, r.Epoch, text(e.Reason), e.OldEpoch, e.OldSeq, e.Storage),
	})
}

func (b *booking) checkClock(r *sale.Record) {
	day := r.At.Time().Format("2006-01-02")
	if r.At.Sub(b.now) > clockAhead {
		b.flag(flag{
			kind: FlagClock, till: b.till, cause: "ahead " + day,
			ru: fmt.Sprintf("Часы кассы %d спешат: запись %d/%d от %s", b.till, r.Epoch, r.Seq, r.At.Time().Format("2006-01-02 15:04 UTC")),
			en: fmt.Sprintf("The clock of till %d is ahead: record %d/%d of %s", b.till, r.Epoch, r.Seq, r.At.Time().Format("2006-01-02 15:04 UTC")),
		})
	}
}
