package atol

import (
	"fmt"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
)

// text is a text, wrapped to the paper.
func text(s string) []paper.Line {
	var out []paper.Line
	for _, part := range paper.Wrap(s, widthDefault) {
		out = append(out, paper.Line{Kind: paper.Text, Text: part})
	}
	return out
}

func sides(left, right string) []paper.Line { return text(paper.Sides(widthDefault, left, right)) }

// print puts lines behind those that wait, and as many on paper as there is.
func (r *Register) print(lines ...paper.Line) {
	r.ram.Queue = append(r.ram.Queue, lines...)
	r.feed()
}

func (r *Register) feed() {
	for len(r.ram.Queue) > 0 && r.power && r.paper && !r.cover && !r.gone {
		if r.lineFault() {
			return
		}
		r.Roll.Print(r.ram.Queue[0])
		r.ram.Queue = r.ram.Queue[1:]
	}
}

// heading is what stands above every paper.
func (r *Register) heading(title string) []paper.Line {
	lines := text(paper.Middle(widthDefault, r.opt.Shop))
	lines = append(lines, sides("ИНН "+r.opt.INN, r.clock().Format("02.01.06 15:04"))...)
	return append(lines, paper.Line{Kind: paper.Bold, Text: title})
}

// document is what is printed of a signed one, from its totals on.
func (r *Register) document(d storage.Document) []paper.Line {
	var lines []paper.Line
	receipt := false
	switch d.Type {
	case storage.DocRegistration:
		lines = r.heading("ОТЧЕТ О РЕГИСТРАЦИИ")
	case storage.DocShiftOpen:
		lines = r.heading("ОТЧЕТ ОБ ОТКРЫТИИ СМЕНЫ")
	case storage.DocShiftClose:
		lines = r.heading("ОТЧЕТ О ЗАКРЫТИИ СМЕНЫ")
	case storage.DocReceipt, storage.DocCorrection:
		receipt = true
		lines = r.totals(d)
	}
	lines = append(lines, sides("КАССИР", d.Operator)...)
	lines = append(lines, sides(fmt.Sprintf("СМЕНА %d", d.Shift), "ФН "+r.FN.Serial())...)
	lines = append(lines, sides(fmt.Sprintf("ФД %d", d.FD), fmt.Sprintf("ФП %d", d.Sign))...)
	if receipt {
		lines = append(lines, paper.Line{Kind: paper.QR, Text: d.Fiscal(r.FN.Serial(), "").QR()})
	}
	return append(lines, paper.Line{Kind: paper.Cut})
}

func (r *Register) totals(d storage.Document) []paper.Line {
	var lines []paper.Line
	if d.Type == storage.DocCorrection {
		lines = append(lines, paper.Line{Kind: paper.Bold, Text: "КОРРЕКЦИЯ"})
	}
	lines = append(lines, paper.Line{Kind: paper.Bold, Text: paper.Sides(widthDefault/2, "ИТОГ", "="+d.Sum.String())})
	for _, p := range d.Payments {
		lines = append(lines, sides(p.Name, "="+p.Sum.String())...)
	}
	if d.Change > 0 {
		lines = append(lines, sides("СДАЧА", "="+d.Change.String())...)
	}
	return append(lines, sides("ЧЕК", fmt.Sprint(d.Receipt))...)
}

// turnover is the shift so far, as X and Z reports print it.
func (r *Register) turnover() []paper.Line {
	lines := r.heading("СМЕННЫЙ ОТЧЕТ")
	for i, name := range [4]string{"ПРИХОД", "ВОЗВРАТ ПРИХОДА", "РАСХОД", "ВОЗВРАТ РАСХОДА"} {
		lines = append(lines, sides(fmt.Sprintf("%s %d", name, r.ram.Counts[i]), "="+r.ram.Sums[i].String())...)
	}
	lines = append(lines, sides("ВНЕСЕНО", "="+r.ram.CashIn.String())...)
	lines = append(lines, sides("ВЫПЛАЧЕНО", "="+r.ram.CashOut.String())...)
	return append(lines, sides("НАЛИЧНЫХ В КАССЕ", "="+r.ram.Cash.String())...)
}
