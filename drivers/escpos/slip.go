package escpos

import (
	"fmt"
	"strconv"

	"rsc.io/qr"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/escpos/command"
)

const (
	// linesMax is two metres of paper: more is a mistake, and would keep the till for minutes.
	linesMax = 500
	// lineBytesMax is a paragraph; nobody reads more on a slip.
	lineBytesMax = 2000
)

// composer makes a slip's bytes: pieces that are sent whole, so that an answer can be asked for between them.
type composer struct {
	opts   options
	pieces [][]byte
	now    command.Script
}

// compose checks a slip and makes its pieces; nothing is sent for a slip that cannot be printed.
func compose(s drivers.Slip, o options) ([][]byte, error) {
	if len(s.Lines) > linesMax {
		return nil, badSlip("%d lines, at most %d", len(s.Lines), linesMax)
	}
	c := &composer{opts: o}
	c.begin()
	if s.Logo != nil {
		b, err := command.FromImage(s.Logo, o.dots)
		if err != nil {
			return nil, badSlip("the logo: %w", err)
		}
		c.picture(b)
	}
	for i, l := range s.Lines {
		if len(l.Text)+len(l.Right) > lineBytesMax {
			return nil, badSlip("line %d has %d bytes, at most %d", i+1, len(l.Text)+len(l.Right), lineBytesMax)
		}
		c.line(l)
	}
	if s.QR != "" {
		if err := c.qr(s.QR); err != nil {
			return nil, err
		}
	}
	c.end()
	return c.pieces, nil
}

// begin takes nothing for granted that another program may have left.
func (c *composer) begin() {
	c.now.Init()
	c.now.Quiet()
	c.now.LeaveChinese()
	c.now.CodePage(c.opts.page)
	c.endPiece()
}

// endPiece makes what was gathered a piece.
func (c *composer) endPiece() {
	if c.now.Len() > 0 {
		c.pieces = append(c.pieces, c.now.Bytes())
		c.now = command.Script{}
	}
}

func (c *composer) line(l drivers.SlipLine) {
	for _, r := range layOut(l, c.opts.encoding, c.opts.columns) {
		c.row(r)
	}
}

// row sets its looks and takes them back, so that each piece can stand alone.
func (c *composer) row(r row) {
	if r.centre {
		c.now.Align(command.Centre)
	}
	if r.bold {
		c.now.Bold(true)
	}
	if r.large {
		c.now.Size(2, 2)
	}
	c.now.Text(c.opts.encoding.encode(r.text))
	c.now.Line()
	if r.large {
		c.now.Size(1, 1)
	}
	if r.bold {
		c.now.Bold(false)
	}
	if r.centre {
		c.now.Align(command.Left)
	}
	c.endPiece()
}

// picture sends slices that fit the printer's buffer.
func (c *composer) picture(b command.Bitmap) {
	const head = 8
	rows := min(max((c.opts.window-head)/b.Stride(), 1), command.SliceRowsMax)
	c.now.Align(command.Centre)
	c.endPiece()
	for from := 0; from < b.Height; from += rows {
		c.now.Raster(b, from, min(rows, b.Height-from))
		c.endPiece()
	}
	c.now.Align(command.Left)
	c.endPiece()
}

var levels = map[command.Level]qr.Level{command.LevelL: qr.L, command.LevelM: qr.M, command.LevelQ: qr.Q, command.LevelH: qr.H}

// qr draws the code first in any case: a printer leaves away, without a word, what is wider than its paper.
func (c *composer) qr(text string) error {
	if len(text) > command.QRBytesMax || !command.Calm(text) {
		return badSlip("a QR code of %d bytes, at most %d and no DLE", len(text), command.QRBytesMax)
	}
	code, err := qr.Encode(text, levels[c.opts.qrLevel])
	if err != nil {
		return badSlip("the QR code of %d bytes: %w", len(text), err)
	}
	size := min(c.opts.qrSize, c.opts.dots/(code.Size+2*quiet))
	if size < qrSizeMin {
		return badSlip("a QR code of %d modules does not fit %d dots", code.Size, c.opts.dots)
	}
	c.now.Line()
	if c.opts.qrRaster {
		c.picture(drawn(code).Scale(size))
		return nil
	}
	c.now.Align(command.Centre)
	c.now.QR(text, size, c.opts.qrLevel)
	c.now.Align(command.Left)
	c.endPiece()
	return nil
}

// quiet is the modules of white that readers want around a code; the paper's edge is dark.
const quiet = 4

func drawn(code *qr.Code) command.Bitmap {
	b := command.NewBitmap(code.Size, code.Size)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				b.Blacken(x, y)
			}
		}
	}
	return b
}

func (c *composer) end() {
	if c.opts.feed > 0 {
		c.now.Feed(c.opts.feed)
	}
	if c.opts.cut != cutOff {
		c.now.Cut(c.opts.cut == cutPartial)
	}
	c.endPiece()
}

// candidates are the code pages that printers have for Cyrillic, as far as public tables know.
var candidates = []profile{
	{17, cp866}, {7, cp866}, {10, cp866}, {11, cp866}, {59, cp866}, {46, cp1251}, {73, cp1251}, {34, cp1251}, {12, cp1251}, {6, cp1251},
}

// testText has what goes wrong: Cyrillic of both halves, ё, the number sign, and a frame's neighbours.
const testText = "Привет, Ёжик! Ъёлка № 1"

// testPieces is a page on which each line is right under one code page only.
func testPieces(o options) [][]byte {
	c := &composer{opts: o}
	c.begin()
	c.now.Text([]byte("KOPILKA  codepage / encoding"))
	c.now.Line()
	for _, p := range candidates {
		name := "cp866"
		if p.encoding == cp1251 {
			name = "cp1251"
		}
		c.now.CodePage(0) // a printer that does not know the page keeps the last one, which may be right
		c.now.CodePage(p.page)
		c.now.Text([]byte(strconv.Itoa(int(p.page)) + " " + name + ": "))
		c.now.Text(p.encoding.encode(p.encoding.fit(testText)))
		c.now.Line()
		c.endPiece()
	}
	c.now.CodePage(o.page)
	c.now.Text([]byte(fmt.Sprintf("1234567890%*s", o.columns-10, "|<- width")))
	c.now.Line()
	c.end()
	return c.pieces
}
