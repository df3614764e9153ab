package shtrih

import (
	"github.com/kopilka/kopilka/drivers/emulator/paper"
)

// queue gives lines to the print head, which takes them until paper or power ends.
func (r *Register) queue(lines ...paper.Line) {
	if r.quiet() {
		return
	}
	r.ram.Queue = append(r.ram.Queue, lines...)
	if r.power {
		r.feed()
	}
}

// quiet tells that the document in the making does not go on paper.
func (r *Register) quiet() bool {
	cell, _ := r.cell(cellKey{tableRegional, 1, fieldQuiet}) // a model without the field prints
	return len(cell) == 1 && cell[0] != 0 && r.FN.Current != curNone
}

// loud prints again after one document that was not to be printed.
func (r *Register) loud() {
	k := cellKey{tableRegional, 1, fieldQuiet}
	if cell, _ := r.cell(k); len(cell) == 1 && cell[0] == 1 { // see quiet
		r.setCell(k, []byte{0})
	}
}

// feed prints what waits. A line that paper or power failed stays in the queue for B0h.
func (r *Register) feed() {
	for len(r.ram.Queue) > 0 && r.paper && !r.cover && r.power && !r.gone {
		if r.lineFault() {
			return
		}
		r.Roll.Print(r.ram.Queue[0])
		r.ram.Queue = r.ram.Queue[1:]
		if now := r.opt.Now(); r.prints.Before(now) {
			r.prints = now
		}
		r.prints = r.prints.Add(r.opt.LineTime)
	}
	if len(r.ram.Queue) == 0 {
		r.ram.Queue = nil
	}
}

// print queues text, wrapped to the width of the paper.
func (r *Register) print(texts ...string) {
	r.queue(r.wrapped(texts...)...)
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

// sides sets one text to the left and one to the right of a line.
func (r *Register) sides(left, right string) string { return paper.Sides(r.opt.Width, left, right) }

func (r *Register) middle(text string) string { return paper.Middle(r.opt.Width, text) }
