package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// OpenSlips dials the receipt printer without a fiscal storage anew.
type OpenSlips func(ctx context.Context) (drivers.SlipPrinter, error)

// slipsMax is how many slips may wait for the printer. More would come out of one that has stood for hours.
const slipsMax = 4

// slipState is the receipt printer as last seen.
type slipState struct {
	online bool
	status drivers.Status
	err    error
	failed bool // online is not known: the printer tells nothing, and the last print failed
}

// slipLine owns the receipt printer, as registerLine owns the register. A slip is nothing that must come out
// exactly once: one that failed is shown, and asked for again by hand.
type slipLine struct {
	open  OpenSlips
	jobs  chan func(ctx context.Context, p drivers.SlipPrinter) error
	seen  func(slipState)
	state slipState
	last  error // why the last print failed, nil where it did not
}

// run serves until ctx ends.
func (s *slipLine) run(ctx context.Context) {
	for ctx.Err() == nil {
		p, err := s.open(ctx)
		if err == nil {
			err = s.serve(ctx, p)
			_ = p.Close() // it has failed already, or is being left
		}
		if ctx.Err() != nil {
			return
		}
		s.state = slipState{status: s.state.status, err: err, failed: s.state.failed}
		s.seen(s.state)
		s.wait(ctx)
	}
}

func (s *slipLine) serve(ctx context.Context, p drivers.SlipPrinter) error {
	poll := time.NewTicker(registerPoll)
	defer poll.Stop()
	err := s.look(ctx, p)
	for !lostLink(err) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case job := <-s.jobs:
			err = s.printed(job(ctx, p))
		case <-poll.C:
			err = s.look(ctx, p)
		}
	}
	return err
}

func (s *slipLine) look(ctx context.Context, p drivers.SlipPrinter) error {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	status, err := p.Status(ctx)
	if err != nil {
		return err
	}
	if tellsNothing(status) && s.last != nil {
		s.state = slipState{err: s.last, failed: true}
	} else {
		s.state, s.last = slipState{online: true, status: status}, nil
	}
	s.seen(s.state)
	return nil
}

// tellsNothing tells the status of a printer that has none to tell: one that was asked has words for its mode.
// That it is there again only a print shows.
func tellsNothing(s drivers.Status) bool { return s == drivers.Status{} }

// printed keeps how a print ended, and hands on the errors after which the line dials anew.
func (s *slipLine) printed(err error) error {
	s.last = err
	if err == nil && s.state.failed {
		s.state = slipState{online: true}
		s.seen(s.state)
	}
	return linkOnly(err)
}

// wait pauses before dialling again; a slip that comes meanwhile is told so at once.
func (s *slipLine) wait(ctx context.Context) {
	timer := time.NewTimer(registerRetry)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case job := <-s.jobs:
			s.last = job(ctx, nil) // it says itself that there is no printer
		}
	}
}

// errNoPrinter is given to a slip that no printer could take.
var errNoPrinter = &drivers.Error{
	Op: "reach", Device: "printer", Fail: drivers.FailLink, Outcome: drivers.OutcomeNotDone,
	Hint: drivers.Hint{RU: "Принтер не отвечает: проверьте питание и кабель, затем напечатайте ещё раз", EN: "The printer does not answer: check its power and cable, then print again"},
}

// onPrinter gives the receipt printer something to do; whether it can is shown, and stops nothing. The paper of
// a sale or return is known by its id; zero is work for which there is no copy.
func (t *Till) onPrinter(of sale.ID, do func(ctx context.Context, p drivers.SlipPrinter) error) error {
	job := func(ctx context.Context, p drivers.SlipPrinter) error {
		err := error(errNoPrinter)
		if p != nil {
			err = do(ctx, p)
		}
		t.post(func() { t.endedSlip(of, err) })
		return err
	}
	select {
	case t.slips.jobs <- job:
		return nil
	default:
		return refuse(textBusy(), nil)
	}
}

// aboutPrinter are the notices that a printer at work again makes untrue.
const aboutPrinter = "printer"

// aboutSlip is the notice of paper that a customer has not got: true until its copy is out.
func aboutSlip(of sale.ID) string { return "slip " + of.String() }

// endedSlip tells the cashier, and the log, of paper that has not come out.
func (t *Till) endedSlip(of sale.ID, err error) {
	if err == nil {
		t.dropNotices(aboutSlip(of))
		return
	}
	t.log.Warn("a slip has not come out", "of", of, "err", err)
	hint := slipHint(err)
	if of.IsZero() {
		t.notify("warning", aboutPrinter, hint)
		return
	}
	t.notify("warning", aboutSlip(of), textNoSlip(t.slipName(of), hint))
}

// slipName is what the cashier finds the operation by.
func (t *Till) slipName(of sale.ID) string {
	r, err := t.ledger.Record(of)
	switch {
	case err != nil:
		t.log.Error("read the operation of a slip", "of", of, "err", err)
	case r.Sale != nil:
		return r.Sale.No.String()
	case r.Return != nil:
		return r.Return.No.String()
	}
	return of.String()
}

func slipHint(err error) Text {
	if hint := drivers.HintOf(err); hint.EN != "" {
		return hint
	}
	return errNoPrinter.Hint
}

// sentence ends a hint that more follows.
func sentence(hint string) string { return strings.TrimSuffix(hint, ".") + "." }

func textNoSlip(no string, hint Text) Text {
	return Text{
		RU: "Бумажный чек " + no + " не вышел или вышел не весь. " + sentence(hint.RU) + " Затем найдите операцию и напечатайте копию чека: сама она не выйдет",
		EN: "The slip of " + no + " has not come out, or not all of it. " + sentence(hint.EN) + " Then find it and print a copy of the receipt: it does not come by itself",
	}
}

// sawPrinter keeps the printer's state.
func (t *Till) sawPrinter(s slipState) {
	if s.online && !t.desk.printer.online {
		t.dropNotices(aboutPrinter)
	}
	t.desk.printer = s
}

// printerView is the receipt printer, where there is one.
func (t *Till) printerView() *DeviceView {
	if t.slips == nil {
		return nil
	}
	v := &DeviceView{Name: "printer", Online: t.desk.printer.online, Text: printerText(t.desk.printer)}
	return v
}

func printerText(s slipState) *Text {
	said := conditionText(s.status)
	switch {
	case s.online:
		return said
	case s.err == nil:
		text := say("Принтер подключается", "Connecting to the printer")
		return &text
	}
	text := slipHint(s.err)
	if s.failed {
		text = Text{RU: "Последняя печать не удалась. " + text.RU, EN: "The last print failed. " + text.EN}
	}
	if said != nil {
		// A printer that stands still keeps our questions with what it has to print, and falls silent when it can
		// keep no more: after a night without paper, say.
		text = Text{RU: sentence(said.RU) + " " + text.RU, EN: sentence(said.EN) + " " + text.EN}
	}
	return &text
}

// conditionText is what is wrong with a printer by its own words; nil: nothing is.
func conditionText(s drivers.Status) *Text {
	for _, x := range []struct {
		is     drivers.Condition
		ru, en string
	}{
		{drivers.Fault, "Неисправность принтера: позовите поддержку", "The printer has a fault: call support"},
		{drivers.CoverOpen, "Крышка принтера открыта: закройте её", "The printer's cover is open: close it"},
		{drivers.PaperOut, "В принтере кончилась бумага: вставьте рулон", "The printer is out of paper: put a roll in"},
		{drivers.PaperNear, "В принтере кончается бумага", "The printer's paper is running out"},
	} {
		if s.Has(x.is) {
			return &Text{RU: x.ru, EN: x.en}
		}
	}
	return nil
}

// plainSlip is the paper of a sale or return for which this till makes no fiscal receipt. It says so first.
func (t *Till) plainSlip(r *sale.Record, footer []string) drivers.Slip {
	at := r.At.Time().In(t.shop.zone).Format("02.01.2006 15:04")
	s := drivers.Slip{Lines: []drivers.SlipLine{
		{Text: t.shop.settings.StoreName, Centre: true},
		{Text: t.say("НЕ ФИСКАЛЬНЫЙ ЧЕК", "NOT A FISCAL RECEIPT"), Bold: true, Centre: true},
	}}
	add := func(text, right string) { s.Lines = append(s.Lines, drivers.SlipLine{Text: text, Right: right}) }
	goods := func(name string, parts []sale.Part) {
		add(name, "")
		for _, p := range parts {
			add("  "+p.Qty.String()+" x "+p.Price.String(), p.Sum.String())
		}
	}
	var total sale.Money
	var tenders []sale.Tender
	switch {
	case r.Sale != nil:
		add(fmt.Sprintf(t.say("Продажа %s", "Sale %s"), r.Sale.No), at)
		for _, l := range r.Sale.Lines {
			goods(l.Name, l.Printed())
		}
		total, tenders = r.Sale.FiscalTotal(), r.Sale.FiscalTenders()
	case r.Return != nil:
		add(fmt.Sprintf(t.say("Возврат %s", "Return %s"), r.Return.No), at)
		for _, l := range r.Return.Lines {
			goods(l.Name, l.Printed())
		}
		total, tenders = r.Return.FiscalTotal(), r.Return.FiscalTenders()
	}
	s.Lines = append(s.Lines, drivers.SlipLine{Text: t.say("ИТОГО", "TOTAL"), Right: total.String(), Bold: true, Large: true})
	for _, x := range tenders {
		add(t.tenderName(x.Kind), x.Amount.String())
	}
	if r.Sale != nil && r.Sale.Change() > 0 {
		add(t.say("Сдача", "Change"), r.Sale.Change().String())
	}
	for _, line := range footer {
		add(line, "")
	}
	return s
}

func (t *Till) tenderName(kind sale.TenderKind) string {
	switch kind {
	case sale.TenderCash:
		return t.say("Наличными", "Cash")
	case sale.TenderAdvance:
		return t.say("Сертификатом", "Certificate")
	case sale.TenderCounter:
		return t.say("Баллами", "Points")
	}
	return t.say("Безналичными", "Card")
}

// asSlip is text as a slip.
func asSlip(lines []string, qr string) drivers.Slip {
	s := drivers.Slip{QR: qr}
	for _, l := range lines {
		s.Lines = append(s.Lines, drivers.SlipLine{Text: l})
	}
	return s
}

// noRegister tells a till whose fiscal receipts another program makes, or nobody: its sales are booked without.
func (t *Till) noRegister() bool { return t.register.open == nil }

// bookPlain journals at once what no register has to do, then prints a plain slip where there is a printer.
func (t *Till) bookPlain(j job) error {
	r := j.draft
	tally := t.ledger.Tally()
	r.Shift = tally.Shift
	switch r.Kind {
	case sale.KindCorrection:
		return refuse(textNoRegister(), nil)
	case sale.KindShiftOpen:
		r.Shift++
	case sale.KindShiftClose:
		r.Close = tally.Close(t.ledger.Head().Head, nil)
	}
	r.Fiscal = &sale.Fiscal{Kind: sale.FiscalNone, Doc: docOf(&r), Sum: (&ledger.Job{Draft: r}).Total(), Stamp: sale.StampOf(t.now().Time().In(t.shop.zone))}
	var footer []string
	if r.Sale != nil {
		footer = t.footer(r.Sale)
	}
	booked, err := t.ledger.Book(r, j.sealed)
	if err != nil {
		return err
	}
	t.log.Info("journalled", "kind", booked.Kind.String(), "id", booked.ID, "seq", booked.Seq)
	t.finished(booked)
	return t.paperOf(booked, footer)
}

// paperOf prints what a customer takes home, and opens the drawer for cash.
func (t *Till) paperOf(r *sale.Record, footer []string) error {
	if t.slips == nil || (r.Sale == nil && r.Return == nil) {
		return nil
	}
	slip := t.plainSlip(r, footer)
	cash := r.Return != nil && tendered(r.Return.Tenders, sale.TenderCash) > 0 || r.Sale != nil && r.Sale.Cash() > 0
	err := t.onPrinter(r.ID, func(ctx context.Context, p drivers.SlipPrinter) error {
		if cash {
			if err := p.OpenDrawer(ctx); err != nil {
				return err
			}
		}
		return p.PrintSlip(ctx, slip)
	})
	if err != nil { // it is sold all the same: the slip can be had as a copy
		t.endedSlip(r.ID, err)
	}
	return nil
}

func textNoRegister() Text {
	return say("На этой кассе фискальные документы делает другая программа", "Another program makes the fiscal documents of this till")
}
