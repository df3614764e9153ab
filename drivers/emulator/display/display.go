// Package display is a customer display in software: two lines that tests and people can read. It speaks CD5220 and
// Epson's language, and like its models it answers nothing.
package display

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"golang.org/x/text/encoding/charmap"

	"github.com/kopilka/kopilka/drivers/display/command"
)

const (
	widthDefault = 20
	lines        = 2
)

// Options are what the display is. The zero value is 20 columns in CP866 by its switches.
type Options struct {
	Width     int
	Letters   *charmap.Charmap          // as its switches are set; nil: cp866
	CodePages map[byte]*charmap.Charmap // by the number of ESC t; nil: it does not know ESC t
}

// Display is one display. All methods may be called from any goroutine.
type Display struct {
	opt Options

	mu      sync.Mutex
	pending []byte
	page    *charmap.Charmap
	cells   [lines][]rune
	x, y    int
	whole   bool // after ESC Q nothing but ESC Q, CLR and CAN is taken
	shown   int  // commands that changed what it shows
}

// New makes a display that is on and blank.
func New(o Options) *Display {
	if o.Width == 0 {
		o.Width = widthDefault
	}
	if o.Letters == nil {
		o.Letters = charmap.CodePage866
	}
	d := &Display{opt: o}
	d.SwitchOff()
	return d
}

// SwitchOff takes the power away and gives it back: blank, with the letters of its switches.
func (d *Display) SwitchOff() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending, d.page, d.whole = nil, d.opt.Letters, false
	d.clear()
}

// Lines are what it shows, blanks at the end dropped.
func (d *Display) Lines() [lines]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out [lines]string
	for i, l := range d.cells {
		out[i] = strings.TrimRight(string(l), " ")
	}
	return out
}

// Shown counts the commands that changed what it shows.
func (d *Display) Shown() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown
}

// Serve shows what comes until the stream ends or ctx does; it closes conn.
func (d *Display) Serve(ctx context.Context, conn io.ReadCloser) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // its Read then ends
	defer stop()
	buf := make([]byte, 256)
	for {
		n, err := conn.Read(buf)
		d.take(buf[:n])
		if err != nil {
			_ = conn.Close() // given up, whatever it says
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func (d *Display) take(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = append(d.pending, b...)
	for {
		c, n := command.Parse(d.pending)
		if n == 0 {
			return
		}
		d.execute(c)
		d.pending = d.pending[n:]
	}
}

func (d *Display) execute(c command.Command) {
	if d.whole && c.Kind != command.Whole && c.Kind != command.Clear && c.Kind != command.ClearLine {
		return
	}
	d.shown++
	switch c.Kind {
	case command.Clear:
		d.whole = false
		d.clear()
	case command.ClearLine:
		d.whole = false
		d.blank(d.y)
	case command.Reset:
		d.page = d.opt.Letters
		d.clear()
	case command.Page:
		if page, ok := d.opt.CodePages[c.Args[0]]; ok {
			d.page = page
		}
	case command.Whole:
		d.whole = true
		d.y, d.x = int(c.Args[0]-'A'), 0
		d.blank(d.y)
		d.text(c.Data[:min(len(c.Data), d.opt.Width)])
	case command.Move:
		if x, y := int(c.Args[0]), int(c.Args[1]); x >= 1 && x <= d.opt.Width && y >= 1 && y <= lines {
			d.x, d.y = x-1, y-1
		}
	case command.Home:
		d.x, d.y = 0, 0
	case command.Text:
		d.text(c.Data)
	default:
		d.shown--
	}
}

// text goes on in the next line, and from the last in the first.
func (d *Display) text(b []byte) {
	for _, c := range b {
		if d.x == d.opt.Width {
			d.x, d.y = 0, (d.y+1)%lines
		}
		d.cells[d.y][d.x] = d.page.DecodeByte(c)
		d.x++
	}
}

func (d *Display) blank(y int) { d.cells[y] = []rune(strings.Repeat(" ", d.opt.Width)) }

func (d *Display) clear() {
	for y := range d.cells {
		d.blank(y)
	}
	d.x, d.y = 0, 0
}
