package agent

import (
	"context"
	"errors"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// job is a fiscal job: what will be journalled, and how the register is made to do it.
type job struct {
	draft  sale.Record
	sealed []byte
	// prepare may complete the draft from what the register says, before anything is on disk.
	prepare func(ctx context.Context, p drivers.Printer, snap drivers.Snapshot, draft *sale.Record) error
	do      func(ctx context.Context, p drivers.Printer, j *ledger.Job) (sale.Fiscal, error)
}

// start gives a job to the register's line. While the register is only being dialled, which takes most of a minute where
// it is looked for on every port, the page would say that it prints, and serve nobody.
func (t *Till) start(j job) error {
	switch {
	case t.noRegister():
		return t.bookPlain(j)
	case !t.desk.register.online:
		t.failed(refuse(*t.registerText(), errNoRegister))
		return nil
	}
	return t.queue(func(ctx context.Context, p drivers.Printer) error { return t.carryOut(ctx, p, j) })
}

// queue gives the register's line work that must not meet other work of the cashier's: from here to its
// end the page says that the register prints, and takes nothing else.
func (t *Till) queue(work func(ctx context.Context, p drivers.Printer) error) error {
	counted := func(ctx context.Context, p drivers.Printer) error {
		defer t.post(func() { t.desk.printing-- })
		return work(ctx, p)
	}
	select {
	case t.register.jobs <- counted:
		t.desk.printing++
		return nil
	default:
		return refuse(textBusy(), nil)
	}
}

// carryOut is the walk of every fiscal job, in the register's goroutine: look, Begin, print, Finish; and
// where the answer is lost, find out.
func (t *Till) carryOut(ctx context.Context, p drivers.Printer, j job) error {
	if p == nil {
		t.post(func() { t.failed(refuse(*t.registerText(), errNoRegister)) })
		return nil
	}
	begun, err := t.begin(ctx, p, j)
	if err != nil {
		t.post(func() { t.failed(err) })
		return linkOnly(err)
	}
	fiscal, err := j.do(ctx, p, begun)
	switch {
	case err == nil:
		t.finish(begun, fiscal)
		return nil
	case drivers.NotDone(err) || canary:
		// Cancel is best effort: a document left open is seen, and cancelled, before the next job.
		t.abandon(begun, err, p.Cancel(ctx))
		return linkOnly(err)
	}
	t.log.Warn("outcome unknown, asking the register", "job", begun.Draft.ID, "err", err)
	return t.resolve(ctx, p, begun)
}

// linkOnly keeps the errors after which the line dials anew; the rest is told to the cashier already.
func linkOnly(err error) error {
	if drivers.FailOf(err) == drivers.FailLink || drivers.FailOf(err) == drivers.FailProtocol {
		return err
	}
	return nil
}

func (t *Till) begin(ctx context.Context, p drivers.Printer, j job) (*ledger.Job, error) {
	if err := ready(ctx, p); err != nil {
		return nil, err
	}
	snap, err := p.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.checkMarks(ctx, p, j.draft.Sale); err != nil {
		return nil, err
	}
	head := t.ledger.Head()
	if err := t.checkStorage(ctx, p, snap); err != nil {
		return nil, err
	}
	if len(j.draft.Spends) > 0 && t.ledger.Head() != head {
		// Documents were found that the journal lacked: what they spent is not known here.
		return nil, refuse(textFoundDocuments(), nil)
	}
	begun := ledger.Job{
		Draft: j.draft, Before: sale.FiscalKey{FN: snap.FN, FD: snap.LastFD}, Stamp: sale.StampOf(snap.Clock), Sealed: j.sealed,
	}
	begun.Draft.Shift = snap.ShiftNo
	if j.prepare != nil {
		if err := j.prepare(ctx, p, snap, &begun.Draft); err != nil {
			return nil, err
		}
	}
	if cash, ok := p.(drivers.CashMover); ok && j.draft.Cash != nil {
		if begun.Drawer, err = cash.CashInDrawer(ctx); err != nil {
			return nil, err
		}
	}
	return t.ledger.Begin(begun)
}

// checkMarks sees to it that no code of another basket is left in the register, and that no piece is printed
// that was refused since the cashier took the money.
func (t *Till) checkMarks(ctx context.Context, p drivers.Printer, s *sale.Sale) error {
	if err := t.dropStaleMarks(ctx, p); err != nil {
		return err
	}
	var err error
	t.post(func() {
		if name, refused := t.holdsRefused(s); refused {
			err = refuse(t.textRefused(name), nil)
		}
	})
	return err
}

// ready lets a register that was stopped in mid-print, by a power cut or by the end of its paper, finish
// that first; it refuses everything else until then.
func ready(ctx context.Context, p drivers.Printer) error {
	s, err := p.Status(ctx)
	if err != nil || !s.Has(drivers.WaitsForResume) || s.Has(drivers.PaperOut) {
		return err
	}
	return p.Resume(ctx)
}

// checkStorage holds the register against the journal: the same fiscal storage within a shift, no
// document left open, and no document that the journal has not got.
func (t *Till) checkStorage(ctx context.Context, p drivers.Printer, snap drivers.Snapshot) error {
	tally := t.ledger.Tally()
	if snap.FN == "" {
		return refuse(textNoStorage(), nil)
	}
	if isSwapped(tally.Open, tally.Last.FN, snap) {
		return refuse(textStorageSwapped(tally.Last.FN, snap.FN), nil)
	}
	if t.onlyJournalled(snap) {
		return refuse(textShiftWithoutRegister(), nil)
	}
	if snap.Open {
		if err := p.Cancel(ctx); err != nil {
			return err
		}
	}
	if t.behind(snap) {
		if err := t.catchUp(ctx, p, snap); err != nil {
			return err
		}
	}
	t.post(func() { t.desk.compared = true }) // an archive that was silent when the register was dialled speaks now
	return nil
}

// finish journals what the register has done and shows it.
func (t *Till) finish(j *ledger.Job, fiscal sale.Fiscal) {
	r, err := t.ledger.Finish(j.Draft.ID, fiscal)
	if err != nil {
		// The receipt exists and the journal could not take it: Begin is on disk, so the next start asks
		// the register and finishes it.
		t.log.Error("journal a finished job", "job", j.Draft.ID, "err", err)
		t.post(func() { t.undecided(j) })
		return
	}
	t.log.Info("journalled", "kind", r.Kind.String(), "id", r.ID, "seq", r.Seq, "fd", fiscal.Key.FD, "total", j.Total())
	t.post(func() { t.finished(r) })
}

// abandon journals that nothing was printed, and why.
func (t *Till) abandon(j *ledger.Job, why, cancel error) {
	if err := t.ledger.Abandon(j.Draft.ID, shorten(errors.Join(why, cancel)), 0); err != nil {
		t.log.Error("journal an abandoned job", "job", j.Draft.ID, "err", err)
		t.post(func() { t.undecided(j) })
		return
	}
	t.post(func() { t.failed(why) })
}

// reasonBytesMax keeps a device's long complaint out of the record.
const reasonBytesMax = 200

func shorten(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	if len(s) > reasonBytesMax {
		s = s[:reasonBytesMax]
	}
	return toValid(s)
}

// failed returns the page to what it was, with the sentence.
func (t *Till) failed(err error) {
	t.desk.unknown, t.desk.sale.paying = nil, false // the payment window went when the printing began
	if drivers.FailOf(err) == drivers.FailMark {
		t.desk.sale.marks = nil // each is asked about anew, so that the refused one is named and leaves
	}
	var r *Refusal
	if !errors.As(inWords(err), &r) {
		return
	}
	t.dropNotices("job", aboutRegister)
	about := "job"
	switch drivers.FailOf(err) {
	case drivers.FailLink, drivers.FailPaper, drivers.FailCover:
		about = aboutRegister
	}
	t.notify("error", about, r.Text)
	if err := t.refresh(); err != nil {
		t.log.Error("reckon the basket anew", "err", err)
	}
}

// undecided shows that nobody knows whether the job was done. Only fiscal work stands still. A manager may
// have settled it while the register was being asked: then there is nothing left to decide.
func (t *Till) undecided(j *ledger.Job) {
	if left, err := t.ledger.Unfinished(); err == nil && left == nil {
		j = nil
	}
	t.desk.unknown = j
}

// aboutRegister marks the notices of jobs that the register was too ill for: they go when it is well again.
const aboutRegister = "register"

// finished shows what came out; what was said of the receipt and its customer has had its time.
func (t *Till) finished(r *sale.Record) {
	t.desk.unknown = nil
	if t.desk.sold != nil {
		t.desk.sold.take(r)
	}
	t.dropNotices("job", aboutRegister, "enrol", "customer", "redeem", "gift", "certificate")
	switch r.Kind {
	case sale.KindSale:
		t.desk.done = t.doneSale(r)
		t.desk.sale = open{}
	case sale.KindReturn:
		t.desk.done = t.doneReturn(r)
		t.desk.ret = nil
	case sale.KindCorrection:
		t.desk.done = &DoneView{
			Kind: r.Kind.String(), ID: r.ID, No: r.Correct.No.String(), Doc: docText(r.Fiscal), Total: r.Correct.Total,
		}
		t.desk.sale = open{}
	default:
		t.desk.done = nil
	}
}
