package escpos

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"

	"github.com/kopilka/kopilka/drivers/escpos/command"
)

// ItemKind is what stands on the paper.
type ItemKind uint8

// The kinds.
const (
	Text ItemKind = iota
	Picture
	QR // drawn by the printer itself; Text is what it says
	Cut
)

// Item is a line, a picture or a cut. Text is aligned already: what a person sees, trailing blanks dropped.
type Item struct {
	Kind    ItemKind
	Text    string
	Bold    bool // every character is
	Wide    int  // how much wider and higher than plain its first character is; zero: a blank line
	High    int
	Align   command.Align
	Bitmap  command.Bitmap
	Partial bool // of a cut
}

// item makes a line of the cells.
func (h *head) item(columns int) Item {
	if len(h.cells) == 0 {
		return Item{Kind: Text}
	}
	first := h.cells[0]
	it := Item{Kind: Text, Bold: true, Wide: first.wide, High: first.high}
	var text strings.Builder
	for _, c := range h.cells {
		it.Bold = it.Bold && (c.bold || c.char == ' ')
		text.WriteRune(c.char)
	}
	free := columns - h.width()
	if h.align == command.Centre {
		free /= 2
	}
	if h.align == command.Left {
		free = 0
	}
	it.Text = strings.TrimRight(strings.Repeat(" ", free/first.wide)+text.String(), " ")
	if it.Text == "" {
		return Item{Kind: Text}
	}
	return it
}

// String is the item as a line of a test.
func (i Item) String() string {
	switch i.Kind {
	case Picture:
		return fmt.Sprintf("[picture %d×%d]", i.Bitmap.Width, i.Bitmap.Height)
	case QR:
		return fmt.Sprintf("[qr %s]", i.Text)
	case Cut:
		if i.Partial {
			return "[partial cut]"
		}
		return "[cut]"
	}
	marks := ""
	if i.Bold && i.Text != "" {
		marks += "*"
	}
	if i.Wide > 1 || i.High > 1 {
		marks += fmt.Sprintf("%d×%d ", i.Wide, i.High)
	}
	return marks + i.Text
}

// Lines is paper as text, a line an item.
func Lines(paper []Item) []string {
	out := make([]string, 0, len(paper))
	for _, i := range paper {
		out = append(out, i.String())
	}
	return out
}

// margin is white paper around what is drawn.
const margin = 32

// Draw is paper as a picture: text is bars of ink where it stands, pictures are as they are.
func Draw(paper []Item, dots int) *image.Gray {
	height := 2 * margin
	for _, i := range paper {
		height += i.height()
	}
	out := image.NewGray(image.Rect(0, 0, dots+2*margin, height))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	y := margin
	for _, i := range paper {
		i.draw(out, y, dots)
		y += i.height()
	}
	return out
}

func (i Item) height() int {
	switch i.Kind {
	case Picture, QR:
		return i.Bitmap.Height
	case Text:
		return dotsLine * max(i.High, 1)
	}
	return dotsLine
}

func (i Item) draw(on *image.Gray, y, dots int) {
	switch i.Kind {
	case Picture, QR:
		x := margin + max(0, dots-i.Bitmap.Width)*int(i.Align)/2
		draw.Draw(on, image.Rect(x, y, x+i.Bitmap.Width, y+i.Bitmap.Height), i.Bitmap.Image(), image.Point{}, draw.Src)
	case Text:
		const cell, ink = 12, 8
		for n, c := range []rune(i.Text) {
			if c != ' ' {
				left := margin + n*cell*max(i.Wide, 1)
				draw.Draw(on, image.Rect(left, y+8, left+ink*max(i.Wide, 1), y+16*max(i.High, 1)), image.NewUniform(color.Gray{Y: 96}), image.Point{}, draw.Src)
			}
		}
	}
}
