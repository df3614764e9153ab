package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// clockSlack is how far back of the job's beginning a document's minute may lie: registers print minutes.
const clockSlack = time.Minute

// recover runs whenever the register has been dialled: it vouches for the time, decides a job that an
// earlier connection, or a power cut, left open, and books documents that the journal lacks.
func (t *Till) recover(ctx context.Context, p drivers.Printer) error {
	snap, err := p.Snapshot(ctx)
	if err != nil {
		return err
	}
	t.vouch(snap)
	compared, err := t.compare(ctx, p, snap)
	if err != nil || !compared {
		return err // what the archive holds is still not known
	}
	t.post(func() {
		t.desk.compared = true
		if err := t.refresh(); err != nil { // whoever was named meanwhile may spend now
			t.unread("reckon the basket anew", err)
		}
	})
	return nil
}

// compare decides what an earlier connection left open and books what the journal lacks. While a job stays undecided
// what came behind it cannot be told from it, and nothing is compared.
func (t *Till) compare(ctx context.Context, p drivers.Printer, snap drivers.Snapshot) (compared bool, err error) {
	j, err := t.ledger.Unfinished()
	if err == nil && j != nil {
		if err := t.resolve(ctx, p, j); err != nil {
			return false, err
		}
		j, err = t.ledger.Unfinished()
	}
	if err != nil {
		t.unread("read the unfinished job", err)
		return false, nil
	}
	if j != nil {
		return false, nil
	}
	if t.behind(snap) {
		return true, t.catchUp(ctx, p, snap)
	}
	return true, nil
}

// tend is what the register is asked between jobs.
func (t *Till) tend(ctx context.Context, p drivers.Printer) error {
	due := false
	t.post(func() { due = !t.desk.compared && t.desk.unknown == nil })
	if due {
		if err := t.recover(ctx, p); lostLink(err) {
			return err
		}
	}
	return t.tendMarks(ctx, p)
}

// behind tells whether the storage holds documents that the journal has not, as far as nobody has looked
// into them: corrections and reports that another program made are no records of ours, so the journal's
// last document alone would have them read again at every job.
func (t *Till) behind(snap drivers.Snapshot) bool {
	last := t.ledger.Tally().Last
	return last.FN != "" && last.FN == snap.FN && snap.LastFD > max(last.FD, t.readTo(snap.FN))
}

// readTo is the last document of a storage that was looked into since the start. It is the register's
// goroutine's own.
func (t *Till) readTo(fn string) uint32 {
	if t.examined.FN != fn {
		return 0
	}
	return t.examined.FD
}

// vouch lets the register's clock speak where head office has not, unless it lies behind what is
// journalled already.
func (t *Till) vouch(snap drivers.Snapshot) {
	wall, zone := snap.Clock, time.UTC
	t.post(func() { zone = t.shop.zone }) // the till's own, and this is the register's goroutine
	at := sale.At(time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone))
	if high, _ := t.ledger.Now(); at.Add(clockSlack) >= t.ledger.HighWater() {
		t.clock.Vouch(max(at, t.ledger.HighWater()))
	} else {
		t.log.Warn("the register's clock is behind the journal", "register", at.Time(), "journal", high.Time())
	}
}

// clockDoubt says why time is in doubt: nobody has vouched, or one witness alone has, for a leap.
func (t *Till) clockDoubt() Text {
	at, witness, alone := t.clock.Doubted()
	if !alone {
		return textClockDoubt()
	}
	ru, en := "Головной офис", "Head office"
	if witness == sale.TimeRegister {
		ru, en = "Касса", "The register"
	}
	day := at.Time().In(t.shop.zone).Format("02.01.2006 15:04")
	return Text{
		RU: ru + " показывает " + day + ", а часы этой машины другое, и подтвердить некому. Продавать можно, баллы ждут: пусть поддержка проверит время.",
		EN: en + " says it is " + day + ", this machine's clock says otherwise, and nobody can confirm it. Sales go on, points wait: ask support to check the time.",
	}
}

// verdict is what the register says became of a job.
type verdict uint8

const (
	verdictUnknown verdict = iota
	verdictDone
	verdictNotDone
)

// resolve finds out what became of a begun job and journals it. Where that is impossible the job stays
// begun, its holds stay, and the page says what to do. The error is the link's only.
func (t *Till) resolve(ctx context.Context, p drivers.Printer, j *ledger.Job) error {
	v, fiscal, err := t.judge(ctx, p, j)
	if err != nil {
		t.log.Warn("the register cannot tell yet", "job", j.Draft.ID, "err", err)
	}
	switch v {
	case verdictDone:
		fiscal.Settled = true
		t.finish(j, fiscal)
	case verdictNotDone:
		t.post(func() { t.keepBasket(j) })
		t.abandon(j, refuse(textNotPrinted(j.Total()), errors.New("the register holds no document of it")), nil)
	default:
		t.post(func() { t.undecided(j) })
	}
	return linkOnly(err)
}

// judge compares the register with what it was before the job. An open document is cancelled: what is
// not closed is not fiscal. Then every document since is read. One that fits, and no other, is ours;
// none is a no; anything else nobody can tell.
func (t *Till) judge(ctx context.Context, p drivers.Printer, j *ledger.Job) (verdict, sale.Fiscal, error) {
	snap, err := t.closedSnapshot(ctx, p)
	if err != nil {
		return verdictUnknown, sale.Fiscal{}, err
	}
	if snap.FN != j.Before.FN {
		return verdictUnknown, sale.Fiscal{}, fmt.Errorf("the fiscal storage is %s, the job began on %s", snap.FN, j.Before.FN)
	}
	if j.Draft.Cash != nil {
		return judgeCash(ctx, p, j, snap)
	}
	docs, err := p.Documents(ctx, j.Before.FD, snap.LastFD)
	if err != nil {
		return verdictUnknown, sale.Fiscal{}, err
	}
	all := uint32(len(docs)) == snap.LastFD-j.Before.FD
	docs, named := candidates(docs, j.Draft.ID.Key())
	switch {
	case len(docs) == 0 && all:
		return verdictNotDone, sale.Fiscal{}, nil
	case len(docs) == 1 && fits(docs[0].Fiscal, j):
		return verdictDone, docs[0].Fiscal, nil
	case named:
		return verdictUnknown, sale.Fiscal{}, fmt.Errorf("%d documents since FD %d bear the job's key, and none alone is like it", len(docs), j.Before.FD)
	}
	return verdictUnknown, sale.Fiscal{}, fmt.Errorf("%d documents since FD %d, none alone is the job's", len(docs), j.Before.FD)
}

// candidates are the documents that may be a job's. Where the archive tells by which key a document was made,
// that is exact: a document of the job's own key is it, whatever else was made meanwhile, and one of another
// key is not, however alike.
func candidates(docs []drivers.Document, key string) (may []drivers.Document, named bool) {
	for _, d := range docs {
		if d.Key == key {
			return slices.DeleteFunc(slices.Clone(docs), func(d drivers.Document) bool { return d.Key != key }), true
		}
	}
	return slices.DeleteFunc(slices.Clone(docs), func(d drivers.Document) bool { return d.Key != "" }), false
}

func (t *Till) closedSnapshot(ctx context.Context, p drivers.Printer) (drivers.Snapshot, error) {
	snap, err := p.Snapshot(ctx)
	if err != nil || !snap.Open {
		return snap, err
	}
	if err := p.Cancel(ctx); err != nil {
		return snap, err
	}
	if snap, err = p.Snapshot(ctx); err == nil && snap.Open {
		err = errors.New("the register keeps a document open")
	}
	return snap, err
}

// fits holds type, sum and time together, never the sum alone: two buyers in a row may pay the same.
func fits(f sale.Fiscal, j *ledger.Job) bool {
	if f.Doc != docOf(&j.Draft) {
		return false
	}
	if j.Draft.Sale != nil || j.Draft.Return != nil || j.Draft.Correct != nil {
		if f.Sum != j.Total() {
			return false
		}
	}
	made, errMade := f.Stamp.Time()
	begun, errBegun := j.Stamp.Time()
	return errMade == nil && errBegun == nil && !made.Before(begun.Add(-clockSlack))
}

func docOf(r *sale.Record) sale.DocKind {
	switch r.Kind {
	case sale.KindSale:
		return sale.DocSale
	case sale.KindReturn:
		return sale.DocSaleReturn
	case sale.KindShiftOpen:
		return sale.DocShiftOpen
	case sale.KindShiftClose:
		return sale.DocShiftClose
	case sale.KindCorrection:
		return r.Correct.Of.Correction()
	}
	return sale.DocOther
}

// judgeCash looks into the register's drawer: cash in and out leave no fiscal document.
func judgeCash(ctx context.Context, p drivers.Printer, j *ledger.Job, snap drivers.Snapshot) (verdict, sale.Fiscal, error) {
	cash, ok := p.(drivers.CashMover)
	if !ok {
		return verdictUnknown, sale.Fiscal{}, errors.New("this register does not tell what is in its drawer")
	}
	now, err := cash.CashInDrawer(ctx)
	if err != nil {
		return verdictUnknown, sale.Fiscal{}, err
	}
	moved := j.Draft.Cash.Amount
	if j.Draft.Kind == sale.KindCashOut {
		moved = -moved
	}
	switch now {
	case j.Drawer + moved:
		return verdictDone, sale.Fiscal{Kind: sale.FiscalOwn, Shift: snap.ShiftNo}, nil
	case j.Drawer:
		return verdictNotDone, sale.Fiscal{}, nil
	}
	return verdictUnknown, sale.Fiscal{}, fmt.Errorf("the drawer held %s and holds %s, the job moved %s", j.Drawer, now, moved)
}

// keepBasket parks the goods of a sale, or of a correction, that was not printed and is not on the page any
// more, so that the cashier need not scan them again. A turn of the till's.
func (t *Till) keepBasket(j *ledger.Job) {
	if (j.Draft.Sale == nil && j.Draft.Correct == nil) || len(t.desk.sale.basket.Lines) > 0 {
		return
	}
	b, ok := t.basketOf(&j.Draft)
	if !ok {
		return
	}
	id := sale.DeriveID(j.Draft.ID, "basket", 0)
	p := ledger.Parked{ID: id, Staff: j.Draft.Staff, Basket: b}
	p = withFraud(p, j.Draft.Sale)
	err := t.ledger.Park(p)
	if errors.Is(err, ledger.ErrBusy) { // no room among the parked: the goods lie where they lay
		err = t.layOut(p)
	}
	if err != nil {
		t.log.Error("keep the basket of an abandoned job", "err", err)
	}
}

// basketOf is what lay on the counter; ok is false where the catalogue has no such goods any more.
func (t *Till) basketOf(r *sale.Record) (b sale.Basket, ok bool) {
	add := func(l sale.Line, sku sale.SKU) bool {
		var err error
		if l.Product, err = t.ledger.Product(sku); err != nil {
			return false
		}
		b.Lines = append(b.Lines, l)
		return true
	}
	if r.Sale != nil {
		b.Customer = r.Sale.Customer
		for _, l := range r.Sale.Lines {
			if !add(sale.Line{Qty: l.Qty, Code: l.Code, Gift: l.Gift}, l.SKU) {
				return b, false
			}
			b.Lines[len(b.Lines)-1].Product.Price = l.Price // a label's, or what the buyer was told
		}
		return b, true
	}
	for _, l := range r.Correct.Lines {
		if !add(sale.Line{Qty: l.Part.Qty, Code: l.Code}, l.SKU) {
			return b, false
		}
	}
	return b, true
}

// withFraud keeps with a parked basket what the fraud rules know of its sale.
func withFraud(p ledger.Parked, s *sale.Sale) ledger.Parked {
	if s == nil {
		return p
	}
	p.FoundBy, p.Totalled = s.FoundBy, true
	for _, w := range s.Watched {
		switch w.Rule {
		case loyalty.WatchAfterTotal:
			p.Late = true
		case loyalty.WatchLookups:
			p.Lookups = uint32(w.Amount)
		}
	}
	return p
}

// catchUp books the documents that the storage holds and the journal lacks: the journal was restored
// from an older image, or another program has used the register. Points freeze until head office has
// spoken: what was spent in the lost records is not known here.
func (t *Till) catchUp(ctx context.Context, p drivers.Printer, snap drivers.Snapshot) error {
	from := max(t.ledger.Tally().Last.FD, t.readTo(snap.FN))
	docs, err := readDocuments(ctx, p, from, snap.LastFD)
	if err != nil {
		return err
	}
	settled, err := t.settledSince(t.ledger.Tally().Last)
	if err != nil {
		return err
	}
	if len(docs) > 0 {
		if err := t.ledger.SkipNumbers(); err != nil {
			return err
		}
	}
	found := 0
	for _, d := range docs {
		if i := sameDeed(settled, d.Fiscal); i >= 0 {
			settled = append(settled[:i], settled[i+1:]...)
			continue
		}
		if err := t.bookFound(d.Fiscal); err != nil {
			return err
		}
		found++
	}
	t.examined = sale.FiscalKey{FN: snap.FN, FD: snap.LastFD}
	if found == 0 {
		return nil
	}
	t.log.Warn("documents of the fiscal storage were not in the journal", "from", from, "to", snap.LastFD)
	t.post(func() {
		text := textJournalBehind(found)
		if !t.desk.network.Online {
			t.desk.frozen = &text
		}
		t.notify("warning", "behind", text)
	})
	return nil
}

// documentsStep is how many documents a register is asked for at a time; drivers refuse a few tens of thousands.
const documentsStep = 1000

// readDocuments reads documents of the storage behind after up to last, however many.
func readDocuments(ctx context.Context, p drivers.Printer, after, last uint32) (docs []drivers.Document, err error) {
	for after < last {
		to := last
		if last-after > documentsStep {
			to = after + documentsStep
		}
		some, err := p.Documents(ctx, after, to)
		if err != nil {
			return nil, err
		}
		docs, after = append(docs, some...), to
	}
	return docs, nil
}

// settledSince are the jobs that a manager has settled as done after a document: the register, silent then,
// may hold their documents, whose numbers the journal does not know.
func (t *Till) settledSince(last sale.FiscalKey) (out []*sale.Record, err error) {
	err = t.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		f := r.Fiscal
		if f != nil && f.Kind == sale.FiscalOwn && f.Settled && f.Key.FN == last.FN && f.Key.FD == 0 {
			out = append(out, r)
		}
		return f == nil || f.Key != last
	})
	slices.Reverse(out)
	return out, err
}

// sameDeed finds the settled job that a document is of, -1 where it is of none.
func sameDeed(settled []*sale.Record, f sale.Fiscal) int {
	return slices.IndexFunc(settled, func(r *sale.Record) bool { return r.Fiscal.Doc == f.Doc && r.Fiscal.Sum == f.Sum })
}

// foundUnsent counts the documents found in the storage that head office has not heard of: until it has,
// points stay frozen, over a restart too.
func (t *Till) foundUnsent() (n int, err error) {
	acked := t.ledger.Acked()
	err = t.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		if r.Epoch < acked.Epoch || (r.Epoch == acked.Epoch && r.Seq <= acked.Seq) {
			return false
		}
		if r.Fiscal != nil && r.ID == foundID(r.Fiscal.Key) {
			n++
		}
		return true
	})
	return n, err
}

// bookFound journals one document known from the fiscal storage alone. Its ID comes from the storage's
// serial and the document's number: head office, which may know the sale itself, recognises it.
func (t *Till) bookFound(f sale.Fiscal) error {
	f.Settled = true
	r := sale.Record{ID: foundID(f.Key), Fiscal: &f, Shift: f.Shift}
	tenders := []sale.Tender{{Kind: sale.TenderCash, Amount: f.Sum}}
	part := []sale.Part{{Qty: sale.Piece, Price: f.Sum, Sum: f.Sum}}
	reason := []sale.Reason{{Rule: "recovered", Detail: f.Key.String()}}
	const name = "Чек из фискального накопителя / receipt read back"
	switch f.Doc {
	case sale.DocSale:
		line := sale.SoldLine{Name: name, Qty: sale.Piece, Price: f.Sum, Gross: f.Sum, Net: f.Sum, VAT: sale.VATNone, Subject: sale.SubjectGoods, Parts: part}
		r.Kind, r.Sale = sale.KindSale, &sale.Sale{Lines: []sale.SoldLine{line}, Gross: f.Sum, Total: f.Sum, Tenders: tenders, Reasons: reason}
	case sale.DocSaleReturn:
		line := sale.ReturnedLine{Name: name, Qty: sale.Piece, Net: f.Sum, VAT: sale.VATNone, Subject: sale.SubjectGoods, Parts: part}
		r.Kind, r.Return = sale.KindReturn, &sale.Return{Lines: []sale.ReturnedLine{line}, Total: f.Sum, Tenders: tenders, Reason: "recovered"}
	case sale.DocSaleCorrection, sale.DocSaleReturnCorrection:
		of, _ := f.Doc.Corrects()
		line := sale.CorrectedLine{Name: name, Part: part[0], VAT: sale.VATNone, Subject: sale.SubjectGoods}
		r.Kind, r.Correct = sale.KindCorrection, &sale.Correction{Of: of, Day: dayOf(f.Stamp), Lines: []sale.CorrectedLine{line}, Total: f.Sum, Tenders: tenders, Reason: "recovered"}
	case sale.DocShiftOpen:
		r.Kind = sale.KindShiftOpen
	case sale.DocShiftClose:
		tally := t.ledger.Tally()
		r.Kind, r.Close = sale.KindShiftClose, tally.Close(t.ledger.Head().Head, nil)
	default:
		return nil
	}
	_, err := t.ledger.Book(r, nil)
	if errors.Is(err, ledger.ErrKnown) {
		return nil
	}
	return err
}

// dayOf is the day that a register's clock showed. The day that a correction was for is not in the archive's
// short answers; that of the document itself is the nearest.
func dayOf(s sale.Stamp) sale.Date {
	made, err := s.Time()
	if err != nil {
		made = time.Unix(0, 0).UTC()
	}
	return sale.DateOf(sale.At(made), time.UTC)
}

func foundID(k sale.FiscalKey) sale.ID {
	return sale.DeriveID(sale.ID{}, "storage/"+k.FN, int(k.FD))
}

// retry asks the register again what became of the job.
func (t *Till) retry(Command) error {
	if t.noRegister() { // its line has nobody who works: the page would wait for ever
		return refuse(textNoRegister(), nil)
	}
	if !t.desk.register.online { // it is asked anyway as soon as it has been dialled
		return refuse(*t.registerText(), errNoRegister)
	}
	return t.queue(func(ctx context.Context, p drivers.Printer) error {
		if p == nil {
			return nil // it stays undecided, and the page says why
		}
		j, err := t.ledger.Unfinished() // the register may have come back by itself and decided it meanwhile
		if err != nil || j == nil {
			return err
		}
		defer t.wakeRegister() // what came behind it may now be looked into
		return t.resolve(ctx, p, j)
	})
}

// settleByHand lets a manager decide what no machine can: the register is dead, or its storage gone.
func (t *Till) settleByHand(c Command) error {
	by, err := t.manager(c.PIN)
	if err != nil {
		return err
	}
	j := t.desk.unknown
	if c.ID != j.Draft.ID {
		return refuse(textNotNow(t.desk.stage), nil)
	}
	if !c.Yes {
		if err := t.ledger.Abandon(j.Draft.ID, "settled by a manager", by.No); err != nil {
			return err
		}
		t.wakeRegister()
		t.keepBasket(j)
		t.failed(refuse(textSettledNo(), nil))
		return nil
	}
	// The document's number is unknown to people; head office flags the record and matches it by FN.
	fiscal := sale.Fiscal{Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: j.Before.FN}, Doc: docOf(&j.Draft), Sum: j.Total(), Settled: true}
	r, err := t.ledger.Finish(j.Draft.ID, fiscal)
	if err != nil {
		return err
	}
	t.log.Warn("a manager settled a job as done", "job", j.Draft.ID, "manager", by.No)
	t.wakeRegister()
	t.finished(r)
	return nil
}

func toValid(s string) string { return strings.ToValidUTF8(s, "") }
