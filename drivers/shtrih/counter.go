package shtrih

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The printer's other skills.
var (
	_ drivers.Printer     = (*Printer)(nil)
	_ drivers.CashMover   = (*Printer)(nil)
	_ drivers.Reporter    = (*Printer)(nil)
	_ drivers.Slips       = (*Printer)(nil)
	_ drivers.Copier      = (*Printer)(nil)
	_ drivers.Drawer      = (*Printer)(nil)
	_ drivers.ClockSetter = (*Printer)(nil)
)

const (
	// registerCash is the money register that holds what lies in the drawer.
	registerCash = 241
	// onReceipt prints on the receipt roll only.
	onReceipt = 2
	// lineBytes is the field of 17h in the vendor's text; models whose line is wider take as much as it holds.
	// widthMin and widthMax guard against a model that gives nonsense.
	lineBytes = 40
	widthMin  = 24
	widthMax  = 72
	// textLinesMax bounds one slip, a metre of paper.
	textLinesMax = 300
)

// Commands for two-dimensional codes: the data in blocks, then the print. Source: comments in the
// vendor's public driver.
const (
	cmdLoadBlock  frame.Cmd = 0xDD
	cmdPrintBlock frame.Cmd = 0xDE
	blockBytes              = 64
	blockType               = 0 // data of a code
	codeQR                  = 3
	qrMaskAuto              = 8
	qrDot                   = 4 // of 3 to 8 dots
	qrLevelM                = 1
	alignCentre             = 1
	// qrBytesMax is what a code of this dot size holds on 58 mm paper and a phone still reads.
	qrBytesMax = 512
)

// CashIn implements [drivers.CashMover].
func (p *Printer) CashIn(ctx context.Context, _ drivers.Operator, amount sale.Money) error {
	return p.report("put cash in", p.moveCash(ctx, frame.CmdCashIn, amount))
}

// CashOut implements [drivers.CashMover].
func (p *Printer) CashOut(ctx context.Context, _ drivers.Operator, amount sale.Money) error {
	return p.report("take cash out", p.moveCash(ctx, frame.CmdCashOut, amount))
}

func (p *Printer) moveCash(ctx context.Context, cmd frame.Cmd, amount sale.Money) error {
	params, err := frame.AppendMoney(nil, int64(amount))
	if err != nil || amount <= 0 {
		return drivers.BadReceipt("amount %s", amount)
	}
	if _, err := p.call(ctx, final, cmd, params...); err != nil {
		if _, err = p.fetch(ctx, cmd, err); err != nil {
			return p.midway(err)
		}
	}
	_ = p.printed(ctx) // the money is counted: paper is for Status to tell
	return nil
}

// midway makes a refusal unknown where paper or a part may have failed while the money was counted already. No
// archive tells of cash, and the till looks into the drawer's counter.
func (p *Printer) midway(refused error) error {
	switch drivers.FailOf(p.report("", refused)) {
	case drivers.FailPaper, drivers.FailCover, drivers.FailHardware:
		return outcome(refused, drivers.OutcomeUnknown)
	}
	return refused
}

// CashInDrawer implements [drivers.CashMover].
func (p *Printer) CashInDrawer(ctx context.Context) (sale.Money, error) {
	sum, err := p.cash(ctx)
	return sum, p.report("read cash in drawer", err)
}

func (p *Printer) cash(ctx context.Context) (sale.Money, error) {
	rest, err := p.call(ctx, reads, frame.CmdCashRegister, registerCash)
	if err == nil {
		err = need(frame.CmdCashRegister, rest, 7)
	}
	if err != nil {
		return 0, err
	}
	return sale.Money(frame.Uint(rest[1:7])), nil
}

// Slip implements [drivers.Slips].
func (p *Printer) Slip(ctx context.Context, lines []string, qr string) error {
	err := p.slip(ctx, lines, qr)
	if err == nil {
		err = p.printed(ctx)
	}
	return p.report("print slip", err)
}

func (p *Printer) slip(ctx context.Context, lines []string, qr string) error {
	if err := p.lines(ctx, lines); err != nil {
		return err
	}
	if qr != "" {
		if err := p.qr(ctx, qr); err != nil {
			return err
		}
	}
	return p.cut(ctx)
}

// lines prints text, wrapped to the paper.
func (p *Printer) lines(ctx context.Context, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	m, err := p.learn(ctx)
	if err != nil {
		return err
	}
	wrapped := wrap(lines, m.width)
	if len(wrapped) > textLinesMax {
		return drivers.BadReceipt("%d lines of text, at most %d", len(wrapped), textLinesMax)
	}
	for i, line := range wrapped {
		_, err := p.call(ctx, works, frame.CmdPrintLine, frame.AppendPadded([]byte{onReceipt}, line, max(m.width, lineBytes))...)
		if m.width > lineBytes && tooLong(err) {
			m.width = lineBytes // firmware that prints wide lines of its own, and takes none
			return p.lines(ctx, wrapped[i:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tooLong tells that the device wants a shorter field.
func tooLong(err error) bool {
	return codeIn(err) == codeLength || codeIn(err) == codeParameters
}

// wrap breaks lines at blanks so that none is longer than width.
func wrap(lines []string, width int) []string {
	var out []string
	for _, line := range lines {
		runes := []rune(strings.TrimRight(line, " \r\n"))
		for len(runes) > width {
			at := width
			for i := width; i > width/2; i-- {
				if runes[i] == ' ' {
					at = i
					break
				}
			}
			out = append(out, string(runes[:at]))
			runes = []rune(strings.TrimLeft(string(runes[at:]), " "))
		}
		out = append(out, string(runes))
	}
	return out
}

// qr prints a code; a model that cannot prints its text, which a person can at least type.
func (p *Printer) qr(ctx context.Context, text string) error {
	data := []byte(text)
	if len(data) > qrBytesMax {
		return drivers.BadReceipt("QR text of %d bytes, at most %d", len(data), qrBytesMax)
	}
	for block := 0; block*blockBytes < len(data); block++ {
		part := make([]byte, blockBytes)
		copy(part, data[block*blockBytes:])
		if _, err := p.call(ctx, works, cmdLoadBlock, append([]byte{blockType, byte(block)}, part...)...); err != nil {
			return p.qrText(ctx, text, err)
		}
	}
	_, err := p.call(ctx, works, cmdPrintBlock, codeQR, byte(len(data)), byte(len(data)>>8), 0, 0, qrMaskAuto, qrDot, 0, qrLevelM, alignCentre)
	return p.qrText(ctx, text, err)
}

func (p *Printer) qrText(ctx context.Context, text string, err error) error {
	if codeIn(err) == codeUnsupported {
		return p.lines(ctx, []string{text})
	}
	return err
}

func (p *Printer) cut(ctx context.Context) error {
	m, err := p.learn(ctx)
	if err != nil || p.opts.noCut || m.caps&capCutter == 0 {
		return err
	}
	_, err = p.call(ctx, works, frame.CmdCut, p.opts.cut)
	return err
}

// CopyLast implements [drivers.Copier].
func (p *Printer) CopyLast(ctx context.Context) error {
	_, err := p.call(ctx, works, frame.CmdCopyLast)
	if err == nil {
		err = p.printed(ctx)
	}
	return p.report("print copy", err)
}

// OpenDrawer implements [drivers.Drawer].
func (p *Printer) OpenDrawer(ctx context.Context) error {
	_, err := p.call(ctx, works, frame.CmdDrawer, p.opts.drawer)
	return p.report("open drawer", err)
}

// SetClock implements [drivers.ClockSetter]. The date goes first and is confirmed, as the device
// demands; the time follows, so that a stop between the two leaves a wrong hour and not a wrong day.
func (p *Printer) SetClock(ctx context.Context, wall time.Time) error {
	return p.report("set clock", p.setClock(ctx, wall))
}

func (p *Printer) setClock(ctx context.Context, wall time.Time) error {
	b, err := p.brief(ctx)
	if err != nil {
		return err
	}
	if mode := b.mode & modeMask; mode != modeClosed && mode != modeDate {
		return &drivers.Error{
			Fail: drivers.FailShiftOpen, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("mode %d", mode),
			Hint: drivers.Hint{RU: "Часы ставят только при закрытой смене. Снимите Z-отчёт.", EN: "The clock is set between shifts only. Print the Z report."},
		}
	}
	if _, err := p.adminCall(ctx, works, frame.CmdSetDate, frame.AppendDMY(nil, wall)...); err != nil {
		return err
	}
	if _, err := p.adminCall(ctx, works, frame.CmdConfirmDate, frame.AppendDMY(nil, wall)...); err != nil {
		return err
	}
	_, err = p.adminCall(ctx, works, frame.CmdSetTime, frame.AppendHMS(nil, wall)...)
	return err
}
