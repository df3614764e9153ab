package mercury

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
)

var cutLine = []paper.Line{{Kind: paper.Cut}}

// print gives lines to the print head, which takes them until paper or power ends.
func (r *Register) print(groups ...[]paper.Line) {
	r.ram.Queue = append(r.ram.Queue, slices.Concat(groups...)...)
	r.feed()
	r.ram.save()
}

// feed prints what waits; the rest follows by itself when there is paper again.
func (r *Register) feed() {
	for len(r.ram.Queue) > 0 && r.paper && r.power && !r.gone {
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

func (r *Register) header(title string) []paper.Line {
	var lines []paper.Line
	for _, text := range r.opt.Shop {
		lines = append(lines, r.wrapped(paper.Middle(r.opt.Width, text))...)
	}
	lines = append(lines, r.wrapped(r.sides("ИНН "+r.opt.INN, r.clock().Format("02.01.06 15:04")))...)
	return append(lines, paper.Line{Kind: paper.Bold, Text: title})
}

var docTitles = map[storage.DocType]string{
	storage.DocShiftOpen: "ОТЧЁТ ОБ ОТКРЫТИИ СМЕНЫ", storage.DocShiftClose: "ОТЧЁТ О ЗАКРЫТИИ СМЕНЫ",
	storage.DocReceipt: "КАССОВЫЙ ЧЕК", storage.DocCorrection: "КАССОВЫЙ ЧЕК КОРРЕКЦИИ", storage.DocRegistration: "ОТЧЁТ О РЕГИСТРАЦИИ",
}

var opNames = [4]string{"ПРИХОД", "ВОЗВРАТ ПРИХОДА", "РАСХОД", "ВОЗВРАТ РАСХОДА"}

// ending is a document's paper below its title; info is what stands under each position and is no requisite.
func (r *Register) ending(d storage.Document, info ...string) []paper.Line {
	var lines []paper.Line
	switch d.Type {
	case storage.DocReceipt, storage.DocCorrection:
		for i, l := range d.Lines {
			lines = append(lines, r.wrapped(l.Name, r.sides(l.Price.String()+" × "+quantity(l.Qty), "="+l.Sum.String()))...)
			if i < len(info) && info[i] != "" {
				lines = append(lines, r.wrapped("  "+info[i])...)
			}
		}
		lines = append(lines, r.wrapped(r.sides("ИТОГ", "="+d.Sum.String()))...)
		for _, p := range d.Payments {
			lines = append(lines, r.wrapped(r.sides(" "+p.Name, "="+p.Sum.String()))...)
		}
		if d.Change > 0 {
			lines = append(lines, r.wrapped(r.sides("СДАЧА", "="+d.Change.String()))...)
		}
	case storage.DocShiftOpen, storage.DocShiftClose, storage.DocRegistration:
		lines = r.wrapped(r.sides("СМЕНА", strconv.FormatUint(uint64(d.Shift), 10)))
	}
	lines = append(lines, r.wrapped(
		r.sides("КАССИР", d.Operator), r.sides("ФН", r.FN.Serial()), r.sides("ФД "+strconv.FormatUint(uint64(d.FD), 10), "ФП "+strconv.FormatUint(uint64(d.Sign), 10)))...)
	if d.Type == storage.DocReceipt || d.Type == storage.DocCorrection {
		lines = append(lines, paper.Line{Kind: paper.QR, Text: d.Fiscal(r.FN.Serial(), "").QR()})
	}
	return append(lines, paper.Line{Kind: paper.Cut})
}

// quantity writes millionths without trailing zeros.
func quantity(millionths int64) string {
	const million = 1_000_000
	s := strconv.FormatInt(millionths/million, 10)
	rest := millionths % million
	if rest == 0 {
		return s
	}
	digits := strconv.FormatInt(million+rest, 10)[1:]
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return s + "." + digits
}

func (r *Register) printText(raw []byte) (any, *refused) {
	req, fault := parse[frame.PrintText](raw)
	switch n := utf8.RuneCountInString(req.Text); {
	case fault != nil:
		return nil, fault
	case n == 0 || n > frame.TextMax:
		return nil, errParameter
	case r.check != nil:
		return nil, errCheckOpen
	case !r.paper:
		return nil, errPaper
	}
	r.print(r.wrapped(req.Text))
	return done, nil
}

func (r *Register) printBarCode(raw []byte) (any, *refused) {
	req, fault := parse[frame.PrintBarCode](raw)
	switch {
	case fault != nil:
		return nil, fault
	case req.Value == "" || utf8.RuneCountInString(req.Value) > frame.QRMax || req.Kind < 1 || req.Kind > frame.BarQR:
		return nil, errParameter
	case r.check != nil:
		return nil, errCheckOpen
	case !r.paper:
		return nil, errPaper
	}
	kind := paper.Text
	if req.Kind == frame.BarQR {
		kind = paper.QR
	}
	r.print([]paper.Line{{Kind: kind, Text: req.Value}})
	return done, nil
}

func (r *Register) printReport(raw []byte) (any, *refused) {
	req, fault := parse[frame.PrintReport](raw)
	switch {
	case fault != nil:
		return nil, fault
	case req.Report < 1 || req.Report > 5:
		return nil, errParameter
	case r.check != nil:
		return nil, errCheckOpen
	case !r.paper:
		return nil, errPaper
	}
	r.print(r.header("ОТЧЁТ ЗА СМЕНУ"), r.turnover(), cutLine)
	return done, nil
}

// turnover is the shift so far, as X and Z reports print it.
func (r *Register) turnover() []paper.Line {
	lines := r.wrapped(r.sides("СМЕНА", strconv.FormatUint(uint64(r.FN.ShiftNo()), 10)))
	for i, name := range opNames {
		if r.ram.Count[i] > 0 {
			lines = append(lines, r.wrapped(r.sides(name+" "+strconv.FormatInt(r.ram.Count[i], 10), "="+r.ram.Sum[i].String()))...)
		}
	}
	return append(lines, r.wrapped(r.sides("НАЛИЧНЫХ В КАССЕ", "="+r.ram.Cash.String()))...)
}

func (r *Register) printDoc(raw []byte) (any, *refused) {
	req, fault := parse[frame.PrintDoc](raw)
	if fault != nil {
		return nil, fault
	}
	d, ok := r.FN.Find(req.FD)
	switch {
	case !ok:
		return nil, errNoDocument
	case r.check != nil:
		return nil, errCheckOpen
	case !r.paper:
		return nil, errPaper
	}
	r.print(r.header("КОПИЯ"), r.ending(d))
	return done, nil
}
