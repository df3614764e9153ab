package shtrih

import (
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

var titles = [4]string{"ПРИХОД", "РАСХОД", "ВОЗВРАТ ПРИХОДА", "ВОЗВРАТ РАСХОДА"}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// header prints what stands above every paper: the shop's lines, the title, the time.
func (r *Register) header(title string) {
	for row := uint16(1); row <= headerRows; row++ {
		if text := r.cellText(cellKey{tableHeader, row, 1}); text != "" {
			r.print(r.middle(text))
		}
	}
	r.print(r.sides("ИНН "+r.opt.INN, r.clock().Format("02.01.06 15:04")))
	r.queue(paper.Line{Kind: paper.Bold, Text: title})
}

// printLine prints a position; a name that begins with two slashes is for the storage only.
func (r *Register) printLine(l storage.Line) {
	if !strings.HasPrefix(l.Name, "//") {
		r.print(l.Name)
	}
	r.print(r.sides("  "+quantity(l.Qty)+" x "+l.Price.String(), "="+l.Sum.String()))
}

// quantity writes millionths with no more places than they need.
func quantity(q int64) string {
	s := strconv.FormatInt(q/1_000_000, 10)
	if rest := q % 1_000_000; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatInt(1_000_000+rest, 10)[1:], "0")
	}
	return s
}

// ending is what is printed once a document is signed.
func (r *Register) ending(d storage.Document) []paper.Line {
	var lines []paper.Line
	switch d.Type {
	case storage.DocRegistration:
		return nil
	case storage.DocReceipt, storage.DocCorrection:
		lines = r.totals(d)
	case storage.DocShiftOpen, storage.DocShiftClose:
		lines = r.wrapped(r.sides("СМЕНА", decimal(d.Shift)))
	}
	lines = append(lines, r.wrapped(
		r.sides("КАССИР", d.Operator), r.sides("ФН", r.FN.Serial()),
		r.sides("ФД "+decimal(d.FD), "ФП "+decimal(d.Sign)))...)
	if d.Type == storage.DocReceipt || d.Type == storage.DocCorrection {
		lines = append(lines, paper.Line{Kind: paper.QR, Text: d.Fiscal(r.FN.Serial(), "").QR()})
	}
	return append(lines, paper.Line{Kind: paper.Cut})
}

func (r *Register) totals(d storage.Document) []paper.Line {
	lines := []paper.Line{{Kind: paper.Bold, Text: paper.Sides(r.opt.Width/2, "ИТОГ", "="+d.Sum.String())}}
	for _, p := range d.Payments {
		lines = append(lines, r.wrapped(r.sides(p.Name, "="+p.Sum.String()))...)
	}
	if d.Change > 0 {
		lines = append(lines, r.wrapped(r.sides("СДАЧА", "="+d.Change.String()))...)
	}
	var taxes [vatRows]sale.Money
	var used [vatRows]bool
	for _, l := range d.Lines {
		row := vatRowOf(l.VAT)
		taxes[row] += l.VATSum
		used[row] = true
	}
	for row, sum := range taxes {
		if used[row] {
			lines = append(lines, r.wrapped(r.sides(r.cellText(cellKey{tableVAT, uint16(row + 1), 2}), "="+sum.String()))...)
		}
	}
	for _, t := range d.Tags {
		if t.Tag == 1008 {
			lines = append(lines, r.wrapped(r.sides("ЭЛ. АДР. ПОКУПАТЕЛЯ", t.Text()))...)
		}
	}
	return append(lines, r.wrapped(r.sides("СМЕНА "+decimal(d.Shift), "ЧЕК "+decimal(d.Receipt)))...)
}

// receiptTape is a bit of the flags of 12h, 17h and 2Fh: print on the receipt, not on the journal.
const receiptTape = 1 << 1

func (r *Register) printText(q request) ([]byte, byte) {
	return r.printed(paper.Text, q.p[0], q.p[1:])
}

func (r *Register) printBold(q request) ([]byte, byte) {
	return r.printed(paper.Bold, q.p[0], q.p[1:])
}

func (r *Register) printFont(q request) ([]byte, byte) {
	const wide = 2
	if q.p[1] == wide {
		return r.printed(paper.Bold, q.p[0], q.p[2:])
	}
	return r.printed(paper.Text, q.p[0], q.p[2:])
}

func (r *Register) printed(kind paper.Kind, flags byte, text []byte) ([]byte, byte) {
	if len(text) > r.opt.LineBytes {
		return nil, errLength
	}
	if flags&receiptTape == 0 {
		return nil, 0
	}
	width := r.opt.Width
	if kind == paper.Bold {
		width /= 2
	}
	for _, part := range paper.Wrap(strings.TrimRight(charset.From1251(text), " "), width) {
		r.queue(paper.Line{Kind: kind, Text: part})
	}
	r.ram.save()
	return nil, 0
}

func (r *Register) cut(q request) ([]byte, byte) {
	if q.p[0] > 1 {
		return nil, errParameters
	}
	if last, ok := r.Roll.Last(); !ok || last.Kind != paper.Cut { // a second cut finds no paper to cut
		r.queue(paper.Line{Kind: paper.Cut})
	}
	r.ram.save()
	return nil, 0
}

func (r *Register) openDrawer(request) ([]byte, byte) {
	r.drawer++
	return nil, 0
}

func (r *Register) feedLines(q request) ([]byte, byte) {
	const most = 20 // more than a hand's width of white paper is a host's mistake
	for range min(int(q.p[1]), most) {
		r.queue(paper.Line{Kind: paper.Text})
	}
	r.ram.save()
	return nil, 0
}

// resume is B0h: print what paper or power kept. Nothing to print is no error.
func (r *Register) resume(request) ([]byte, byte) {
	r.feed()
	r.ram.save()
	return nil, 0
}

// copyLast prints the last receipt or shift document again: 8Ch.
func (r *Register) copyLast(request) ([]byte, byte) {
	d := r.FN.Last()
	if d.Type == storage.DocRegistration {
		return nil, errNoRepeat
	}
	r.header("ПОВТОР ДОКУМЕНТА")
	for _, l := range d.Lines {
		r.printLine(l)
	}
	r.queue(r.ending(d)...)
	r.ram.save()
	return nil, 0
}

// Data for pictures and codes is loaded in blocks (DDh) and printed as one (DEh).
const (
	blockBytes = 64
	blocksMax  = 128
	codeQR     = 3
	codeQRNew  = 131 // the same, drawn by the printer's own firmware
)

func (r *Register) loadBlock(q request) ([]byte, byte) {
	if q.p[0] != 0 || int(q.p[1]) >= blocksMax {
		return nil, errParameters
	}
	if r.blocks == nil {
		r.blocks = map[byte][blockBytes]byte{}
	}
	var block [blockBytes]byte
	copy(block[:], q.p[2:])
	r.blocks[q.p[1]] = block
	return nil, 0
}

func (r *Register) printBarcode(q request) ([]byte, byte) {
	kind, size, block := q.p[0], int(q.uint(1, 2)), q.p[3]
	if kind != codeQR && kind != codeQRNew || size == 0 || size > blockBytes*(blocksMax-int(block)) {
		return nil, errParameters
	}
	var data []byte
	for len(data) < size {
		b, ok := r.blocks[block]
		if !ok {
			return nil, errParameters
		}
		data, block = append(data, b[:]...), block+1
	}
	r.queue(paper.Line{Kind: paper.QR, Text: charset.From1251(data[:size])})
	r.ram.save()
	return nil, 0
}
