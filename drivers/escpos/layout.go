package escpos

import (
	"strings"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers"
)

// row is one line of paper: it fits the width.
type row struct {
	text   string
	bold   bool
	large  bool
	centre bool
}

// layOut breaks a line into rows. What stands at the right stays whole: it is a sum, on the last row where it
// fits and on one of its own where it does not.
func layOut(l drivers.SlipLine, e encoding, columns int) []row {
	if l.Large {
		columns /= 2
	}
	var rows []row
	for part := range strings.Lines(l.Text + "\n") {
		for _, text := range wrap(e.fit(part), columns) {
			rows = append(rows, row{text, l.Bold, l.Large, l.Centre})
		}
	}
	if right := strings.TrimSpace(e.fit(l.Right)); right != "" {
		rows = beside(rows, right, columns)
	}
	return rows
}

// beside sets a text at the right margin.
func beside(rows []row, right string, columns int) []row {
	rights := wrap(right, columns)
	last := &rows[len(rows)-1]
	gap := columns - utf8.RuneCountInString(last.text) - utf8.RuneCountInString(rights[0])
	if len(rights) == 1 && (gap >= 1 || last.text == "") {
		last.text, last.centre = last.text+strings.Repeat(" ", max(gap, 0))+right, false
		return rows
	}
	for _, r := range rights {
		pad := strings.Repeat(" ", columns-utf8.RuneCountInString(r))
		rows = append(rows, row{pad + r, last.bold, last.large, false})
	}
	return rows
}

// wrap breaks a text at blanks, and a word that is longer than a row where the row ends. A blank text is one
// empty row. Blanks at the beginning are kept: somebody has indented.
func wrap(s string, columns int) []string {
	rest := []rune(strings.TrimRight(s, " "))
	var rows []string
	for len(rest) > columns {
		at, next := columns, columns
		for i := columns; i > 0; i-- {
			if rest[i] == ' ' && strings.TrimSpace(string(rest[:i])) != "" {
				at, next = i, i+1
				break
			}
		}
		rows = append(rows, strings.TrimRight(string(rest[:at]), " "))
		rest = []rune(strings.TrimLeft(string(rest[next:]), " "))
	}
	return append(rows, string(rest))
}
