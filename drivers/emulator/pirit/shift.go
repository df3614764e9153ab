package pirit

import (
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

// driftMax is how far host and register may be apart for 10h to set the clock by itself.
const driftMax = 8 * time.Minute

// start is 10h.
func (r *Register) start(q request) ([][]byte, byte) {
	at, err := frame.Time(q.field(0), q.field(1))
	if err != nil {
		return nil, errFormat
	}
	if day(at).Before(day(r.FN.Last().At)) {
		return nil, errEarlier
	}
	r.started = true
	diff := at.Sub(r.clock().Truncate(time.Second))
	if diff.Abs() > driftMax {
		return nil, errDrift
	}
	if diff != 0 {
		r.jump(diff)
	}
	return nil, 0
}

func (r *Register) readClock(request) ([][]byte, byte) { return stamp(r.clock()), 0 }

// writeClock is 14h. A leap of more than a day has to be given twice.
func (r *Register) writeClock(q request) ([][]byte, byte) {
	at, err := frame.Time(q.field(0), q.field(1))
	given := string(q.field(0)) + string(q.field(1))
	again := r.asked == given
	r.asked = ""
	switch {
	case err != nil:
		return nil, errFormat
	case r.FN.ShiftOpen():
		return nil, errShift
	case day(at).Before(day(r.FN.Last().At)):
		return nil, errEarlier
	case at.Sub(r.clock()) > 24*time.Hour && !again:
		r.asked = given
		return nil, errDay
	}
	r.jump(at.Sub(r.clock()))
	return nil, 0
}

func (r *Register) openShift(q request) ([][]byte, byte) {
	if r.FN.ShiftOpen() {
		return nil, errShift
	}
	return r.shiftDocument(q, storage.DocShiftOpen)
}

// zReport is 21h. Where the storage has closed the shift and the report did not come out, it only prints.
func (r *Register) zReport(q request) ([][]byte, byte) {
	if r.ram.ZHalf && !r.FN.ShiftOpen() {
		if code := r.ready(); code != 0 {
			return nil, code
		}
		r.ram.ZHalf = false
		r.ram.save()
		return nil, 0
	}
	if !r.FN.ShiftOpen() {
		return r.impossible(whyShift)
	}
	return r.shiftDocument(q, storage.DocShiftClose)
}

func (r *Register) shiftDocument(q request, form storage.DocType) ([][]byte, byte) {
	inn, name := frame.ReadOperator(q.field(0))
	switch {
	case r.ram.Doc != nil:
		return r.impossible(whyDocument)
	case name == "":
		return r.impossible(whyNoName)
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	d := storage.Document{Type: form, At: r.clock(), Operator: name}
	if inn != "" {
		d.Tags = []storage.Tag{{Tag: ffd.TagCashierINN, Value: []byte(inn)}}
	}
	report := r.turnover()
	d, code := r.FN.Sign(d, r.cutAt(q.cmd))
	if code != storage.OK {
		return nil, fnCode(code)
	}
	r.book(d)
	if form == storage.DocShiftClose {
		r.header("ОТЧЕТ О ЗАКРЫТИИ СМЕНЫ", name)
		r.queue(report...)
	} else {
		r.header("ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ", name)
	}
	r.queue(r.ending(d, 0)...)
	if len(r.ram.Queue) > 0 {
		r.ram.save()
		return nil, r.ready()
	}
	r.ram.ZHalf = false
	r.ram.save()
	return nil, 0
}

func (r *Register) xReport(q request) ([][]byte, byte) {
	_, name := frame.ReadOperator(q.field(0))
	switch {
	case r.ram.Doc != nil:
		return r.impossible(whyDocument)
	case name == "":
		return r.impossible(whyNoName)
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	r.ram.DocNo++
	r.header("ОТЧЕТ БЕЗ ГАШЕНИЯ", name)
	r.queue(append(r.turnover(), paper.Line{Kind: paper.Cut})...)
	r.ram.save()
	return nil, 0
}

// turnover is the shift so far, as X and Z reports print it.
func (r *Register) turnover() []paper.Line {
	lines := r.wrapped(r.sides("СМЕНА", string(number(r.FN.ShiftNo()))))
	for op, name := range [4]string{"ПРИХОД", "ВОЗВРАТ ПРИХОДА", "РАСХОД", "ВОЗВРАТ РАСХОДА"} {
		if n := r.ram.Count[op]; n > 0 {
			lines = append(lines, r.wrapped(r.sides(name+" "+string(number(n)), "="+r.ram.Turnover[op].String()))...)
		}
	}
	return append(lines, r.wrapped(
		r.sides("ВНЕСЕНО", "="+r.ram.CashIn.String()), r.sides("ИЗЪЯТО", "="+r.ram.CashOut.String()),
		r.sides("НАЛИЧНЫХ В КАССЕ", "="+r.ram.Cash.String()))...)
}
