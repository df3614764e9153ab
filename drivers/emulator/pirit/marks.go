package pirit

import (
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// marking is 79h.
func (r *Register) marking(q request) ([][]byte, byte) {
	if r.opt.OldFormat {
		return nil, errMarkMode
	}
	n, ok := q.number(0)
	if !ok {
		return nil, errFormat
	}
	switch n {
	case 0:
		const waits, passed = 1, 2
		state := waits
		if r.mark != "" {
			state = passed
		}
		return numbers(0, state, 0, 0, r.FN.Marks(), 0, 0), 0
	case 1:
		return r.checkMark(q)
	case 2:
		return r.keepMark(q)
	case 3:
		r.FN.ClearMarks()
		r.mark = ""
		return numbers(3), 0
	case 15:
		return r.bindMark(q)
	}
	return nil, errFormat
}

// checkMark is 79/1: the storage, then the marking system where it can be reached.
func (r *Register) checkMark(q request) ([][]byte, byte) {
	const codeMax = 128
	raw := frame.Unescape(q.field(1))
	planned, ok := q.number(3)
	qty, okQty := millionths(q.field(4))
	if !ok || !okQty || qty == 0 || raw == "" || len(raw) > codeMax {
		return nil, errFormat
	}
	if r.mark != "" {
		return nil, fnCode(storage.MarkOrder)
	}
	back := planned == ffd.PlannedReturned || planned == ffd.PlannedReturnedMeasured
	verdict, code := r.FN.CheckMark(raw, back, sale.Qty(qty/1000))
	if code != storage.OK {
		return nil, fnCode(code)
	}
	r.mark = raw
	out := numbers(1, int(verdict), 0)
	if verdict&storage.VerdictStateKnown == 0 {
		return append(out, nil, nil, nil), 0
	}
	return append(out, numbers(int(verdict), 0, 1)...), 0
}

// keepMark is 79/2: accept the code that was checked last, or drop it.
func (r *Register) keepMark(q request) ([][]byte, byte) {
	keep, ok := q.number(1)
	if !ok || keep > 1 {
		return nil, errFormat
	}
	raw := r.mark
	r.mark = ""
	if code := r.FN.KeepMark(raw, keep == 1); code != storage.OK {
		return nil, fnCode(code)
	}
	verdict, _ := r.FN.KeptMark(raw)
	return numbers(2, int(verdict)), 0
}

// bindMark is 79/15: the next position is the piece with this code.
func (r *Register) bindMark(q request) ([][]byte, byte) {
	if code := r.adds(stateOpen); code != 0 {
		return nil, code
	}
	raw := frame.Unescape(q.field(1))
	given, ok := q.number(4)
	verdict, kept := r.FN.KeptMark(raw)
	switch {
	case !kept:
		return nil, fnCode(storage.MarkUnknown)
	case !ok || given != int(verdict):
		return nil, errFormat
	}
	r.ram.Doc.Mark, r.ram.Doc.Verdict = raw, verdict
	r.ram.save()
	return numbers(15), 0
}
