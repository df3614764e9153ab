package mercury

import (
	"context"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// format12 is the FFD version that knows checks of marking codes.
	format12 = "1.2"
	// markSeconds is how long the service lets the marking system think; a public client's value.
	markSeconds = 30
	// markPause and markMax: the answer usually comes in three seconds.
	markPause = 200 * time.Millisecond
	markMax   = (markSeconds + 5) * time.Second
)

// markKey is what a code was checked for.
type markKey struct {
	raw     string
	planned int64
	unit    sale.Unit
	qty     sale.Qty // of what was weighed; a piece is one
}

func keyOf(q drivers.MarkQuery) markKey {
	return markKey{raw: q.Raw, planned: planned(q.Return, q.Unit), unit: q.Unit, qty: q.Amount()}
}

// markKey is how a position's code must have been checked.
func (d paper) markKey(l drivers.ReceiptLine) markKey {
	return keyOf(drivers.MarkQuery{Raw: l.Mark.Raw, Return: d.Doc == sale.DocSaleReturn, Unit: l.Unit, Qty: l.Part.Qty})
}

// planned is tag 2003.
func planned(back bool, unit sale.Unit) int64 {
	switch measured := unit != sale.UnitPiece; {
	case back && measured:
		return ffd.PlannedReturnedMeasured
	case back:
		return ffd.PlannedReturned
	case measured:
		return ffd.PlannedSoldMeasured
	}
	return ffd.PlannedSold
}

// CheckMark implements [drivers.MarkChecker].
func (p *Printer) CheckMark(ctx context.Context, q drivers.MarkQuery) (drivers.MarkVerdict, error) {
	const op = "check marking code"
	if q.Raw == "" || len(q.Raw) > sale.CodeBytesMax {
		return 0, p.report(op, early(drivers.FailRefused, "a marking code of %d bytes", len(q.Raw)))
	}
	info, err := ask[frame.CommonInfo](ctx, p, frame.CmdCommonInfo) // also proves the session
	if err == nil {
		p.info = info
		err = p.readyForMarks(ctx, info)
	}
	if err != nil {
		return 0, p.report(op, outcome(err, drivers.OutcomeNotDone))
	}
	verdict, err := p.judge(ctx, keyOf(q))
	return verdict, p.report(op, outcome(err, drivers.OutcomeNotDone))
}

// DropMarks implements [drivers.MarkChecker].
func (p *Printer) DropMarks(ctx context.Context) error {
	const op = "forget marking codes"
	if _, err := p.state(ctx); err != nil {
		return p.report(op, err)
	}
	return p.report(op, outcome(p.clearMarks(ctx), drivers.OutcomeNotDone))
}

// readyForMarks empties the storage's table the first time: an earlier run may have left codes there.
func (p *Printer) readyForMarks(ctx context.Context, info *frame.CommonInfo) error {
	if formats[info.FFD] != format12 {
		return early(drivers.FailConfig, "marking codes are checked from FFD 1.2 on, the register works by %q", info.FFD)
	}
	if p.marks != nil {
		return nil
	}
	if err := p.clearMarks(ctx); err != nil {
		return err
	}
	p.marks = map[markKey]drivers.MarkVerdict{}
	return nil
}

// clearMarks breaks off a check and empties the table. What a register of an older format refuses there it
// does not have.
func (p *Printer) clearMarks(ctx context.Context) error {
	p.marks = nil
	for _, cmd := range []frame.Command{frame.CmdAbortMark, frame.CmdClearMarks} {
		_, err := do[frame.Answer](ctx, p, works, frame.Plain{Head: p.head(cmd)}, cmd, waitWork)
		if err != nil && (codeIn(err) == "" || cmd == frame.CmdClearMarks && p.info != nil && formats[p.info.FFD] == format12) {
			return err // nothing to break off is no error
		}
	}
	return nil
}

// checkMarks checks what was not checked before, and refuses the receipt for the first code that may not be
// sold. Codes of no position are dropped with all others, since the storage would keep them.
func (p *Printer) checkMarks(ctx context.Context, d paper, info *frame.CommonInfo) error {
	need := map[markKey]bool{}
	for _, l := range d.Lines {
		if l.Mark != nil {
			need[d.markKey(l)] = true
		}
	}
	for key := range p.marks {
		if !need[key] {
			if err := p.clearMarks(ctx); err != nil {
				return err
			}
			break
		}
	}
	if len(need) == 0 {
		return nil
	}
	if err := p.readyForMarks(ctx, info); err != nil {
		return err
	}
	for i, l := range d.Lines {
		if l.Mark == nil {
			continue
		}
		if err := p.mustSell(ctx, d.markKey(l)); err != nil {
			p.tidy(ctx, err)
			return fmt.Errorf("position %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *Printer) mustSell(ctx context.Context, key markKey) error {
	if _, done := p.marks[key]; done {
		return nil
	}
	verdict, err := p.judge(ctx, key)
	if err == nil && verdict.Refused() {
		err = early(drivers.FailMark, "verdict %05b", verdict)
	}
	return err
}

// judge has one code checked, and accepts it for the receipt or rejects it.
func (p *Printer) judge(ctx context.Context, key markKey) (drivers.MarkVerdict, error) {
	begun, err := do[frame.MarkBegun](ctx, p, works, frame.CheckMark{
		Head: p.head(frame.CmdCheckMark), Code: []byte(key.raw), Planned: key.planned, Qty: int64(key.qty) * qtyFactor,
		Unit: int64(key.unit), Seconds: markSeconds,
	}, frame.CmdCheckMark, waitWork)
	if err != nil {
		return 0, err
	}
	verdict := alone(begun)
	if online, err := p.online(ctx); err != nil {
		return 0, err
	} else if online != nil {
		verdict = *online
	}
	cmd := frame.CmdAcceptMark
	if verdict.Refused() {
		cmd = frame.CmdRejectMark
	}
	kept, err := do[frame.MarkKept](ctx, p, works, frame.Plain{Head: p.head(cmd)}, cmd, waitWork)
	if err != nil || verdict.Refused() {
		return verdict, err
	}
	verdict |= drivers.MarkVerdict(kept.Verdict)
	p.marks[key] = verdict
	return verdict, nil
}

// alone is what the storage itself could say of a code.
func alone(begun *frame.MarkBegun) drivers.MarkVerdict {
	var v drivers.MarkVerdict
	if begun.Alone {
		v |= drivers.MarkCheckedAlone
	}
	if begun.FN != nil && begun.FN.Valid != nil {
		v |= drivers.MarkChecked
		if *begun.FN.Valid {
			v |= drivers.MarkValid
		}
	}
	return v
}

// online waits for the marking system; nil says that it was not heard.
func (p *Printer) online(ctx context.Context) (*drivers.MarkVerdict, error) {
	for began := time.Now(); time.Since(began) < markMax; {
		got, err := do[frame.MarkResult](ctx, p, reads, frame.Plain{Head: p.head(frame.CmdMarkResult)}, frame.CmdMarkResult, waitRead)
		if err != nil {
			return nil, err
		}
		if got.Done {
			if got.Online == nil || got.Online.Result != 0 || got.Online.Verdict == nil {
				return nil, nil
			}
			v := drivers.MarkVerdict(*got.Online.Verdict)
			return &v, nil
		}
		if err := pause(ctx, markPause); err != nil {
			return nil, linkFailure(ctx, frame.CmdMarkResult, reads, &linkError{err: err})
		}
	}
	return nil, nil
}
