package shtrih

import (
	"slices"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

// What FF69h is told to do with the code that was checked last.
const (
	markDrop   = 0
	markAccept = 1
	markClear  = 2 // with all the others; named by one source only
)

// noTransport is the storage's word for an operator of fiscal data that cannot be reached.
const noTransport = 0x11

// checkMark is FF61h: the storage looks at the code, then the marking system where it can be reached.
func (r *Register) checkMark(q request) ([]byte, byte) {
	status, mode, n, more := q.p[0], q.p[1], int(q.p[2]), int(q.p[3])
	if len(q.p) != 4+n+more || n == 0 || mode > 2 {
		return nil, errParameters
	}
	measured := status == ffd.PlannedSoldMeasured || status == ffd.PlannedReturnedMeasured
	if measured && more == 0 {
		return nil, byte(storage.MarkMissing)
	}
	var qty sale.Qty
	if measured {
		tags, fault := parseTags(q.p[4+n:])
		if fault != 0 {
			return nil, fault
		}
		if qty, fault = askedQty(tags); fault != 0 {
			return nil, fault
		}
	}
	raw := string(q.p[4 : 4+n])
	r.FN.KeepMark(raw, false) // a code that is asked for again is looked at anew
	returned := status == ffd.PlannedReturned || status == ffd.PlannedReturnedMeasured
	verdict, code := r.FN.CheckMark(raw, returned, qty)
	if code != storage.OK {
		return nil, byte(code)
	}
	r.mark = raw
	local := verdict & (storage.VerdictChecked | storage.VerdictValid)
	const symbol = 5 // a GS1 data matrix, by the last digit of tag 1305
	if verdict&storage.VerdictStateKnown == 0 {
		return []byte{local, 0, symbol, 1, noTransport}, 0
	}
	return []byte{local, 0, symbol, 2, 0, verdict}, 0
}

// askedQty is tag 1023 of measured goods, which the storage wants.
func askedQty(tags []storage.Tag) (sale.Qty, byte) {
	const places = 3 // as thousandths are written; a storage reads any
	i := slices.IndexFunc(tags, func(t storage.Tag) bool { return t.Tag == ffd.TagQty })
	if i < 0 {
		return 0, byte(storage.MarkMissing)
	}
	v, decimals, err := ffd.ReadFVLN(tags[i].Value)
	if err != nil || decimals != places || v == 0 {
		return 0, byte(storage.Parameter)
	}
	return sale.Qty(v), 0
}

// acceptMark is FF69h: the code that was checked last goes with the next receipt, or is dropped.
func (r *Register) acceptMark(q request) ([]byte, byte) {
	switch q.p[0] {
	case markClear:
		r.FN.ClearMarks()
		r.mark = ""
		return nil, 0
	case markAccept, markDrop:
	default:
		return nil, errParameters
	}
	if r.mark == "" {
		return nil, byte(storage.MarkOrder)
	}
	code := r.FN.KeepMark(r.mark, q.p[0] == markAccept)
	verdict, _ := r.FN.KeptMark(r.mark) // none for a code that was dropped
	r.mark = ""
	if code != storage.OK {
		return nil, byte(code)
	}
	return []byte{verdict}, 0
}

// bindMark is FF67h: the last position is the piece with this code.
func (r *Register) bindMark(q request) ([]byte, byte) {
	n := int(q.p[0])
	if n == 0 || len(q.p) < 1+n || len(q.p) > 2+n {
		return nil, errParameters
	}
	lines := r.ram.Receipt.Lines
	if len(lines) == 0 || lines[len(lines)-1].Mark != "" {
		return nil, byte(storage.MarkOrder)
	}
	raw := string(q.p[1 : 1+n])
	verdict, ok := r.FN.KeptMark(raw)
	if !ok {
		return nil, byte(storage.MarkUnknown)
	}
	last := &lines[len(lines)-1]
	last.Mark, last.Verdict = raw, verdict
	r.ram.save()
	return []byte{0x44, 0x4D, 0}, 0 // the type of code as tag 1162 writes it, data matrix
}

// markStatus is FF70h: how the storage's work with codes stands.
func (r *Register) markStatus(request) ([]byte, byte) {
	return []byte{flag(r.mark != ""), 0, 0, byte(r.FN.Marks()), 0, 0, 0, 0}, 0
}
