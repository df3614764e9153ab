package pirit

import (
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// queue gives lines to the print head, which takes them until paper or power ends.
func (r *Register) queue(lines ...paper.Line) {
	r.ram.Queue = append(r.ram.Queue, lines...)
	r.feed()
}

// feed prints what waits.
func (r *Register) feed() {
	for len(r.ram.Queue) > 0 && r.paper && !r.cover && r.power && !r.gone {
		if r.lineFault() {
			return
		}
		r.Roll.Print(r.ram.Queue[0])
		r.ram.Queue = r.ram.Queue[1:]
	}
	if len(r.ram.Queue) == 0 {
		r.ram.Queue = nil
	}
}

// feedLine is the control byte LF.
func (r *Register) feedLine() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	if r.power {
		r.queue(paper.Line{Kind: paper.Text})
		r.Notify()
	}
}

// print queues texts, wrapped to the width of the paper.
func (r *Register) print(texts ...string) { r.queue(r.wrapped(texts...)...) }

func (r *Register) wrapped(texts ...string) []paper.Line {
	var lines []paper.Line
	for _, text := range texts {
		for _, part := range paper.Wrap(text, r.opt.Width) {
			lines = append(lines, paper.Line{Kind: paper.Text, Text: part})
		}
	}
	return lines
}

func (r *Register) sides(left, right string) string { return paper.Sides(r.opt.Width, left, right) }

func (r *Register) header(title, operator string) {
	for i := range shopRows {
		if line := r.settings[cell{setShop, i}]; line != "" {
			r.print(paper.Middle(r.opt.Width, line))
		}
	}
	r.print(r.sides("ИНН "+r.opt.INN, r.clock().Format("02.01.06 15:04")), title)
	if operator != "" {
		r.print(r.sides("КАССИР", operator))
	}
}

// Flags of 31h that leave the paper uncut.
const (
	noCutService = 1
	noCutReceipt = 5
)

// ending is what is printed once a document is signed.
func (r *Register) ending(d storage.Document, cut int) []paper.Line {
	if d.Type == storage.DocRegistration {
		return nil
	}
	var lines []paper.Line
	if d.Type == storage.DocReceipt || d.Type == storage.DocCorrection {
		lines = append(lines, r.totals(d)...)
	}
	lines = append(lines, r.wrapped(
		r.sides("СМЕНА "+string(number(d.Shift)), "ЧЕК "+string(number(d.Receipt))), r.sides("ФН", r.FN.Serial()),
		r.sides("ФД "+string(number(d.FD)), "ФП "+string(number(d.Sign))))...)
	if d.Type == storage.DocReceipt {
		lines = append(lines, paper.Line{Kind: paper.QR, Text: d.Fiscal(r.FN.Serial(), "").QR()})
	}
	if cut != noCutReceipt {
		lines = append(lines, paper.Line{Kind: paper.Cut})
	}
	return lines
}

func (r *Register) totals(d storage.Document) []paper.Line {
	lines := r.wrapped(r.sides("ИТОГ", "="+d.Sum.String()))
	for _, p := range d.Payments {
		lines = append(lines, r.wrapped(r.sides(p.Name, "="+p.Sum.String()))...)
	}
	if d.Change > 0 {
		lines = append(lines, r.wrapped(r.sides("СДАЧА", "="+d.Change.String()))...)
	}
	taxes := map[sale.VAT]sale.Money{}
	for _, l := range d.Lines {
		taxes[l.VAT] += l.VATSum
	}
	for _, rate := range r.opt.Rates {
		if sum, ok := taxes[rate.VAT]; ok {
			lines = append(lines, r.wrapped(r.sides(strings.TrimSpace("СУММА "+rate.Name), "="+sum.String()))...)
		}
	}
	return lines
}

func (r *Register) cut(request) ([][]byte, byte) {
	if code := r.ready(); code != 0 {
		return nil, code
	}
	if last, ok := r.Roll.Last(); !ok || last.Kind != paper.Cut { // a second cut finds no paper to cut
		r.queue(paper.Line{Kind: paper.Cut})
	}
	return nil, 0
}

// text is 40h, inside a service document.
func (r *Register) text(q request) ([][]byte, byte) {
	const max = 72
	d := r.ram.Doc
	switch {
	case d == nil:
		return r.impossible(whyNoDocument)
	case d.Type != typeService:
		return r.impossible(whyNotService)
	case len(q.field(0)) > max:
		return nil, errFormat
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	r.print(q.text(0))
	r.ram.save()
	return nil, 0
}

// barcode is 41h; only the QR code is drawn, the others are named.
func (r *Register) barcode(q request) ([][]byte, byte) {
	const kinds, qr = 10, 8
	kind, ok := q.number(3)
	switch {
	case r.ram.Doc == nil:
		return r.impossible(whyNoDocument)
	case !ok || kind >= kinds || len(q.field(4)) == 0:
		return nil, errFormat
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	line := paper.Line{Kind: paper.Picture, Text: q.text(4)}
	if kind == qr {
		line.Kind = paper.QR
	}
	r.queue(line)
	r.ram.save()
	return nil, 0
}

// requisite is 49h: lines of text inside a receipt or a cash movement.
func (r *Register) requisite(q request) ([][]byte, byte) {
	const first, rows, max = 2, 4, 72
	d := r.ram.Doc
	switch {
	case d == nil:
		return r.impossible(whyNoDocument)
	case d.Type == typeService:
		return r.impossible(whyNotReceipt)
	case len(q.field(first)) == 0:
		return nil, errFormat
	}
	for i := range rows {
		if len(q.field(first+i)) > max {
			return nil, errFormat
		}
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	for i := range rows {
		if line := q.text(first + i); line != "" {
			r.show(line)
		}
	}
	r.ram.save()
	return nil, 0
}

func (r *Register) printStored(q request) ([][]byte, byte) {
	fd, ok := q.number(0)
	d, found := r.FN.Find(uint32(fd))
	switch {
	case !ok:
		return nil, errFormat
	case !found:
		return nil, errNoData
	case r.ram.Doc != nil:
		return r.impossible(whyDocument)
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	r.header("КОПИЯ ДОКУМЕНТА", d.Operator)
	r.queue(r.ending(d, 0)...)
	r.ram.save()
	return nil, 0
}

func (r *Register) openDrawer(request) ([][]byte, byte) {
	r.drawer++
	return nil, 0
}

func (r *Register) drawerState(request) ([][]byte, byte) { return numbers(0), 0 }

func (r *Register) beep(request) ([][]byte, byte) { return nil, 0 }

func stamp(t time.Time) [][]byte { return [][]byte{frame.Date(t), frame.Clock(t)} }
