package agent

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

func (t *Till) newRecord(kind sale.RecordKind) (sale.Record, error) {
	id, err := sale.NewID(t.now().Time(), t.random)
	return sale.Record{ID: id, Kind: kind, Staff: t.desk.cashier.No}, err
}

func (t *Till) openShift(Command) error {
	if t.ledger.Tally().Open {
		return refuse(textShiftIsOpen(), nil)
	}
	r, err := t.newRecord(sale.KindShiftOpen)
	if err != nil {
		return err
	}
	who := t.operator()
	return t.start(job{
		draft:   r,
		prepare: t.setRegisterClock,
		do: func(ctx context.Context, p drivers.Printer, _ *ledger.Job) (sale.Fiscal, error) {
			return p.OpenShift(ctx, who)
		},
	})
}

const (
	// registerDriftShown is what a fiscal storage bears between its clock and the register's (FFD: 5 minutes).
	registerDriftShown = 5 * time.Minute
	// registerDriftSet is set right by itself between shifts.
	registerDriftSet = time.Minute
)

// registerDrift is how far a register's wall clock is ahead of head office's time; zero while nobody but the
// register itself vouches for the time.
func (t *Till) registerDrift(wall time.Time) time.Duration {
	if wall.IsZero() { // it has no clock, or one without a date
		return 0
	}
	at, quality := t.ledger.Now()
	if quality == sale.TimeFrozen {
		return 0
	}
	return localTime(wall, t.shop.zone).Sub(at.Time())
}

// setRegisterClock sets a wrong clock right before the shift's first document, when alone it may be set. A
// register that will not is left as it is: its own refusal says what to do.
func (t *Till) setRegisterClock(ctx context.Context, p drivers.Printer, snap drivers.Snapshot, _ *sale.Record) error {
	setter, ok := p.(drivers.ClockSetter)
	var drift time.Duration
	var wall time.Time
	t.post(func() {
		if _, quality := t.ledger.Now(); quality == sale.TimeHeadOffice {
			drift, wall = t.registerDrift(snap.Clock), t.now().Time().In(t.shop.zone)
		}
	})
	if !ok || snap.Shift != drivers.ShiftClosed || drift.Abs() < registerDriftSet {
		return nil
	}
	t.log.Info("set the register's clock", "drift", drift)
	if err := setter.SetClock(ctx, wall); err != nil {
		t.log.Warn("the register's clock could not be set", "err", err)
		return linkOnly(err)
	}
	return nil
}

// noteDrift tells of a register's clock that its storage will not bear.
func (t *Till) noteDrift(snap drivers.Snapshot) {
	drift := t.registerDrift(snap.Clock)
	if drift.Abs() < registerDriftShown {
		t.dropNotices("clock")
		t.desk.saidOfClock = Text{}
		return
	}
	// The register is looked at every other second: what was said, and perhaps put away, is not said again.
	if text := textRegisterClock(drift); text != t.desk.saidOfClock {
		t.desk.saidOfClock = text
		t.notify("warning", "clock", text)
	}
}

func textRegisterClock(drift time.Duration) Text {
	d := duration(drift.Abs())
	if drift > 0 {
		return Text{
			RU: "Часы кассы спешат на " + d.RU + ": закройте смену и откройте новую, программа переведёт их сама. Не закрывается — позовите сервис",
			EN: "The register's clock is " + d.EN + " ahead: close the shift and open a new one, the program sets it. If it does not close, call service",
		}
	}
	return Text{
		RU: "Часы кассы отстают на " + d.RU + ": закройте смену и откройте новую, программа переведёт их сама. Не закрывается — позовите сервис",
		EN: "The register's clock is " + d.EN + " behind: close the shift and open a new one, the program sets it. If it does not close, call service",
	}
}

// closeShift prints the Z report. Before it the shift's receipts are read back from the fiscal
// storage, document by document, to stand beside the journal's own count. A basket may stay open: a shift
// that has run out must be closed before it can be paid.
func (t *Till) closeShift(Command) error {
	if !t.ledger.Tally().Open && !t.strangeShift() {
		return refuse(textShiftIsClosed(), nil)
	}
	r, err := t.newRecord(sale.KindShiftClose)
	if err != nil {
		return err
	}
	if t.desk.register.online && t.onlyJournalled(t.desk.register.snapshot) {
		return t.bookPlain(job{draft: r})
	}
	who := t.operator()
	return t.start(job{
		draft: r,
		prepare: func(ctx context.Context, p drivers.Printer, snap drivers.Snapshot, draft *sale.Record) error {
			storage, err := t.readShift(ctx, p, snap)
			if err != nil {
				return err
			}
			draft.Close = t.ledger.Tally().Close(t.ledger.Head().Head, storage)
			return nil
		},
		do: func(ctx context.Context, p drivers.Printer, _ *ledger.Job) (sale.Fiscal, error) {
			return p.CloseShift(ctx, who)
		},
	})
}

// strangeDocsMax is how far back a shift is looked for that the journal does not know: some minutes on a serial line.
// The whole life of a storage would take hours.
const strangeDocsMax = 500

// readShift adds up the open shift as the fiscal storage has it; nil where it cannot be read. The law ends a shift
// after 24 hours: figures to compare with must not keep it open. The error is the link's only.
func (t *Till) readShift(ctx context.Context, p drivers.Printer, snap drivers.Snapshot) (*sale.StorageTotals, error) {
	tally := t.ledger.Tally()
	from := tally.OpenDoc
	if !tally.Open && snap.LastFD > strangeDocsMax {
		from = max(from, snap.LastFD-strangeDocsMax)
	}
	docs, err := readDocuments(ctx, p, from, snap.LastFD)
	if err != nil {
		t.log.Warn("the shift cannot be read back from the fiscal storage, it is closed without comparing", "from", from, "to", snap.LastFD, "err", err)
		return nil, linkOnly(err)
	}
	begins := slices.ContainsFunc(docs, func(d drivers.Document) bool { return d.Fiscal.Doc == sale.DocShiftOpen })
	if !tally.Open && !begins && from > 0 {
		return nil, nil //nolint:nilnil // it began further back: a part of it is no figure
	}
	return storageTotals(docs), nil
}

// onlyJournalled tells a shift that began while this till had no register: the register that stands here since
// knows of none, so it can neither sell in it nor close it, and it ends as it began, in the journal.
func (t *Till) onlyJournalled(snap drivers.Snapshot) bool {
	if snap.Shift != drivers.ShiftClosed || !t.ledger.Tally().Open {
		return false
	}
	plain := false
	err := t.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		plain = r.Kind == sale.KindShiftOpen && r.Fiscal != nil && r.Fiscal.Kind == sale.FiscalNone
		return r.Kind != sale.KindShiftOpen
	})
	if err != nil {
		t.unread("look for the shift's opening", err)
	}
	return plain
}

func textShiftWithoutRegister() Text {
	return say("Смена начата ещё без кассы: закройте её и откройте новую, чек останется", "The shift began when there was no register here: close it and open a new one, the sale in hand stays")
}

// strangeShift tells a shift of the register that the journal knows nothing of: another program opened it, or
// this till is new. Only closing it leads on.
func (t *Till) strangeShift() bool {
	r := t.desk.register
	return r.online && !t.ledger.Tally().Open && (r.snapshot.Shift == drivers.ShiftOpen || r.snapshot.Shift == drivers.ShiftExpired)
}

// storageTotals adds up the receipts of the shift that is open; earlier ones may lie before it where the journal
// does not know its beginning.
func storageTotals(docs []drivers.Document) *sale.StorageTotals {
	s := new(sale.StorageTotals)
	for _, d := range docs {
		if of, corrects := d.Fiscal.Doc.Corrects(); corrects {
			s.Corrections++
			s.Corrected += (&sale.Correction{Of: of, Total: d.Fiscal.Sum}).Signed()
		}
		switch d.Fiscal.Doc {
		case sale.DocShiftOpen:
			*s = sale.StorageTotals{}
		case sale.DocSale:
			s.Sales++
			s.Sold += d.Fiscal.Sum
		case sale.DocSaleReturn:
			s.Returns++
			s.Refunded += d.Fiscal.Sum
		}
	}
	return s
}

func (t *Till) cashIn(c Command) error { return t.cashMove(c, sale.KindCashIn) }

func (t *Till) cashOut(c Command) error {
	if c.Amount > t.ledger.Tally().Cash {
		return refuse(textDrawerShort(t.ledger.Tally().Cash), nil)
	}
	return t.cashMove(c, sale.KindCashOut)
}

func (t *Till) cashMove(c Command, kind sale.RecordKind) error {
	if c.Amount <= 0 || c.Amount > sale.MoneyMax {
		return refuse(textAmount(), nil)
	}
	if !t.ledger.Tally().Open {
		return refuse(textShiftIsClosed(), nil)
	}
	r, err := t.newRecord(kind)
	if err != nil {
		return err
	}
	reason, err := reasonText(c.Reason)
	if err != nil {
		return err
	}
	r.Cash = &sale.CashMove{Amount: c.Amount, Reason: reason}
	who := t.operator()
	return t.start(job{draft: r, do: func(ctx context.Context, p drivers.Printer, _ *ledger.Job) (sale.Fiscal, error) {
		cash, ok := p.(drivers.CashMover)
		if !ok {
			return sale.Fiscal{}, notSupported("cash in and out")
		}
		move := cash.CashIn
		if kind == sale.KindCashOut {
			move = cash.CashOut
		}
		return sale.Fiscal{Kind: sale.FiscalOwn}, move(ctx, who, c.Amount)
	}})
}

// phoneDigitsMin is as many digits in a row as a phone without its code has; sums and receipts' numbers that a
// reason names have fewer.
const phoneDigitsMin = 7

// reasonText is a text that goes into a record, whose bytes can never be erased: what may be a phone is refused.
func reasonText(typed string) (string, error) {
	digits := 0
	for _, r := range typed {
		switch {
		case unicode.IsDigit(r):
			if digits++; digits >= phoneDigitsMin {
				return "", refuse(textPhoneInReason(), nil)
			}
		case !unicode.IsSpace(r) && !unicode.Is(unicode.Pd, r) && !strings.ContainsRune("()[]", r):
			digits = 0
		}
	}
	if len(typed) > sale.NameBytesMax {
		typed = typed[:sale.NameBytesMax]
	}
	return toValid(typed), nil
}

func notSupported(op string) error {
	return &drivers.Error{
		Op: op, Device: "register", Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone,
		Hint: drivers.Hint{RU: "Эта касса так не умеет", EN: "This register cannot do that"},
	}
}

// aside gives the register something to do that leaves no record: nothing fiscal happens.
func (t *Till) aside(do func(ctx context.Context, p drivers.Printer) error) error {
	if t.noRegister() {
		return refuse(textNoRegister(), nil)
	}
	job := func(ctx context.Context, p drivers.Printer) error {
		if p == nil {
			t.post(func() { t.failedAside(errNoRegister) })
			return nil
		}
		err := do(ctx, p)
		if err != nil {
			t.post(func() { t.failedAside(err) })
		}
		return linkOnly(err)
	}
	select {
	case t.register.jobs <- job:
		return nil
	default:
		return refuse(textBusy(), nil)
	}
}

func (t *Till) failedAside(err error) { _ = t.show(err) } // shown is all that can be done with it

func (t *Till) xReport(Command) error {
	who := t.operator()
	return t.aside(func(ctx context.Context, p drivers.Printer) error {
		if r, ok := p.(drivers.Reporter); ok {
			return r.XReport(ctx, who)
		}
		return notSupported("X report")
	})
}

func (t *Till) openDrawer(Command) error {
	if t.slips != nil && (t.noRegister() || (t.desk.register.online && !t.desk.register.can.drawer)) {
		return t.onPrinter(sale.ID{}, func(ctx context.Context, p drivers.SlipPrinter) error { return p.OpenDrawer(ctx) })
	}
	return t.aside(func(ctx context.Context, p drivers.Printer) error {
		if d, ok := p.(drivers.Drawer); ok {
			return d.OpenDrawer(ctx)
		}
		return notSupported("open the drawer")
	})
}

func (t *Till) resume(Command) error {
	return t.aside(func(ctx context.Context, p drivers.Printer) error { return p.Resume(ctx) })
}

// copyReceipt prints a copy that is not a fiscal document.
func (t *Till) copyReceipt(c Command) error {
	if c.ID.IsZero() && t.noRegister() {
		return refuse(textCopyWhich(), nil)
	}
	if c.ID.IsZero() {
		return t.aside(func(ctx context.Context, p drivers.Printer) error {
			if k, ok := p.(drivers.Copier); ok {
				return k.CopyLast(ctx)
			}
			return notSupported("copy of the last receipt")
		})
	}
	r, err := t.ledger.Record(c.ID)
	if err != nil {
		return refuse(textNoReceipt(), err)
	}
	lines, qr := t.copyLines(r)
	if t.slips != nil && (t.noRegister() || !t.desk.register.online || !t.desk.register.can.slips) {
		return t.onPrinter(r.ID, func(ctx context.Context, p drivers.SlipPrinter) error { return p.PrintSlip(ctx, asSlip(lines, qr)) })
	}
	return t.aside(func(ctx context.Context, p drivers.Printer) error {
		if s, ok := p.(drivers.Slips); ok {
			return s.Slip(ctx, lines, qr)
		}
		return notSupported("copy of a receipt")
	})
}

// sawRegister keeps the register's state; what it was stopped by is no news once it goes again.
func (t *Till) sawRegister(s registerState) {
	if t.desk.register.stopped() && !s.stopped() {
		t.dropNotices(aboutRegister)
	}
	t.desk.register = s
	if !s.online {
		t.desk.noMarks = Text{} // another one may come, or this one with new firmware
	}
	if s.online {
		t.noteSerial(s.identity.Serial)
		t.noteDrift(s.snapshot)
	}
}
