package shtrih

import (
	"encoding/binary"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// openShift is E0h, closeShift 41h; FF0B and FF43 do the same to the storage and answer its numbers.

func (r *Register) openShift(q request) ([]byte, byte) {
	_, fault := r.shiftDocument(q, storage.DocShiftOpen)
	return nil, fault
}

func (r *Register) zReport(q request) ([]byte, byte) {
	_, fault := r.shiftDocument(q, storage.DocShiftClose)
	return nil, fault
}

func (r *Register) fnOpenShift(q request) ([]byte, byte) { return r.fnShift(q, storage.DocShiftOpen) }

func (r *Register) fnCloseShift(q request) ([]byte, byte) { return r.fnShift(q, storage.DocShiftClose) }

func (r *Register) fnShift(q request, t storage.DocType) ([]byte, byte) {
	d, fault := r.shiftDocument(q, t)
	if fault != 0 {
		return nil, fault
	}
	out := binary.LittleEndian.AppendUint16(nil, uint16(d.Shift))
	out = binary.LittleEndian.AppendUint32(out, d.FD)
	return binary.LittleEndian.AppendUint32(out, d.Sign), 0
}

func (r *Register) beginOpenShift(request) ([]byte, byte) {
	return r.begin(storage.DocShiftOpen, curShiftOpen)
}

func (r *Register) beginCloseShift(request) ([]byte, byte) {
	return r.begin(storage.DocShiftClose, curShiftClose)
}

// begin announces a shift document, so that tags can be sent for it.
func (r *Register) begin(t storage.DocType, current uint8) ([]byte, byte) {
	if code := r.FN.Allows(t, r.clock()); code != storage.OK {
		return nil, byte(code)
	}
	r.ram.Tags = nil
	r.FN.Current, r.FN.Data = current, false
	r.ram.save()
	return nil, 0
}

func (r *Register) shiftDocument(q request, t storage.DocType) (storage.Document, byte) {
	d := storage.Document{Type: t, At: r.clock(), Tags: r.ram.Tags, Operator: r.operatorText(q.who, r.ram.Tags)}
	var report []paper.Line
	if t == storage.DocShiftClose {
		report = r.turnover()
	}
	d, code := r.FN.Sign(d, r.cutFault(q.code))
	if code != storage.OK {
		return d, byte(code)
	}
	r.book(d)
	r.header(shiftTitles[t])
	r.queue(report...)
	r.queue(r.ending(d)...)
	r.ram.save()
	return d, 0
}

var shiftTitles = map[storage.DocType]string{storage.DocShiftOpen: "ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ", storage.DocShiftClose: "ОТЧЕТ О ЗАКРЫТИИ СМЕНЫ"}

func (r *Register) xReport(request) ([]byte, byte) {
	r.ram.DocNo++
	r.header("СУТОЧНЫЙ ОТЧЕТ БЕЗ ГАШЕНИЯ")
	r.queue(append(r.turnover(), paper.Line{Kind: paper.Cut})...)
	r.ram.save()
	return nil, 0
}

// turnover is the shift so far, as X and Z reports print it.
func (r *Register) turnover() []paper.Line {
	lines := r.wrapped(r.sides("СМЕНА", decimal(r.FN.ShiftNo())))
	for op, name := range [4]string{"ПРИХОД", "ВОЗВРАТ ПРИХОДА", "РАСХОД", "ВОЗВРАТ РАСХОДА"} {
		if r.ram.Count[op] == 0 {
			continue
		}
		lines = append(lines, r.wrapped(r.sides(name, decimal(uint32(r.ram.Count[op]))))...)
		for group, sum := range r.ram.Turnover[op] {
			if sum > 0 {
				lines = append(lines, r.wrapped(r.sides(" "+groupNames[group], "="+sum.String()))...)
			}
		}
	}
	return append(lines, r.wrapped(
		r.sides("ВНЕСЕНО", "="+r.ram.CashIn.String()), r.sides("ВЫПЛАЧЕНО", "="+r.ram.CashOut.String()),
		r.sides("НАЛИЧНЫХ В КАССЕ", "="+r.ram.Cash.String()))...)
}

var groupNames = [4]string{"НАЛИЧНЫМИ", "БЕЗНАЛИЧНЫМИ", "ПРОЧИЕ БЕЗНАЛИЧНЫЕ", "АВАНС, КРЕДИТ, ИНОЕ"}

func (r *Register) cashIn(q request) ([]byte, byte) {
	sum := q.money(0)
	if sum <= 0 || r.ram.Cash+sum > sale.MoneyMax {
		return nil, errParameters
	}
	if r.cutHere(q.code, false) {
		return nil, byte(storage.Broken)
	}
	r.ram.Cash += sum
	r.ram.CashIn += sum
	return r.cashSlip(q, "ВНЕСЕНИЕ", sum)
}

func (r *Register) cashOut(q request) ([]byte, byte) {
	sum := q.money(0)
	switch {
	case sum <= 0:
		return nil, errParameters
	case sum > r.ram.Cash:
		return nil, errDrawer
	}
	if r.cutHere(q.code, false) {
		return nil, byte(storage.Broken)
	}
	r.ram.Cash -= sum
	r.ram.CashOut += sum
	return r.cashSlip(q, "ВЫПЛАТА", sum)
}

func (r *Register) cashSlip(q request, title string, sum sale.Money) ([]byte, byte) {
	r.ram.DocNo++
	r.ram.save()
	if r.cutHere(q.code, true) {
		return nil, 0
	}
	r.header(title)
	r.queue(append(r.wrapped(r.sides("СУММА", "="+sum.String())), paper.Line{Kind: paper.Cut})...)
	r.ram.save()
	return binary.LittleEndian.AppendUint16(nil, r.ram.DocNo), 0
}
