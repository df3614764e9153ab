package escpos

import (
	"slices"

	"github.com/kopilka/kopilka/drivers/escpos/command"
	"golang.org/x/text/encoding/charmap"
	"rsc.io/qr"
)

// head is how the next characters are printed, and what stands on the line so far.
type head struct {
	page       *charmap.Charmap
	chinese    bool
	align      command.Align
	bold       bool
	wide, high int
	cells      []cell
	code       qrCode
}

// cell is a character as it stands on the line.
type cell struct {
	char       rune
	bold       bool
	wide, high int
}

// qrCode is what GS ( k has set so far.
type qrCode struct {
	size  int
	level qr.Level
	data  string
}

const qrSizeDefault = 3

func (h *head) init(o Options) {
	*h = head{page: o.CodePages[0], chinese: o.Chinese, wide: 1, high: 1, code: qrCode{size: qrSizeDefault}}
	if h.page == nil {
		h.page = charmap.CodePage437
	}
}

// execute does one command.
func (p *Printer) execute(c command.Command) {
	switch c.Kind {
	case command.Text:
		p.text(c.Data)
	case command.Line:
		p.endLine()
	case command.Feed:
		p.feed(c)
	case command.Raster:
		p.raster(c)
	case command.Extended:
		p.extended(c)
	case command.Cut:
		p.cut(c, c.Args[0])
	case command.CutBare:
		p.cut(c, 1)
	case command.Pulse:
		p.pulse(c.Args[0])
	case command.Barrier:
		p.barrier()
	case command.Info:
		p.info(c.Args[0])
	case command.StatusBack:
		p.back = c.Args[0] != 0
		p.tell()
	default:
		p.head.set(c, p.opt)
	}
}

// set does the commands that only change how the next characters look.
func (h *head) set(c command.Command, o Options) {
	switch c.Kind {
	case command.Init:
		chinese := h.chinese // a clone's switch outlives ESC @
		h.init(o)
		h.chinese = chinese
	case command.ChineseOff:
		h.chinese = false
	case command.Chinese:
		h.chinese = true
	case command.CodePage:
		if page, ok := o.CodePages[c.Args[0]]; ok {
			h.page = page
		}
	case command.Aligned:
		if a := command.Align(c.Args[0] % '0'); len(h.cells) == 0 && a <= command.Right {
			h.align = a
		}
	case command.Bold:
		h.bold = c.Args[0]&1 != 0
	case command.Size:
		h.wide, h.high = int(c.Args[0]>>4)%8+1, int(c.Args[0]&0x0F)%8+1
	case command.Mode:
		h.bold = c.Args[0]&0x08 != 0
		h.wide, h.high = 1+int(c.Args[0]>>5&1), 1+int(c.Args[0]>>4&1)
	}
}

// text puts characters on the line; a full line prints itself.
func (p *Printer) text(b []byte) {
	h := &p.head
	for len(b) > 0 {
		char, n := h.char(b)
		b = b[n:]
		if h.width()+h.wide > p.opt.Columns {
			p.endLine()
			if p.trouble.now != None || p.dark {
				p.stopInText(b, char)
				return
			}
		}
		h.cells = append(h.cells, cell{char, h.bold, h.wide, h.high})
	}
}

// stopInText keeps the character in hand, and puts the rest back where the next Mend finds it.
func (p *Printer) stopInText(rest []byte, char rune) {
	if p.dark {
		return
	}
	h := &p.head
	h.cells = append(h.cells, cell{char, h.bold, h.wide, h.high})
	p.buffer.PutBack(rest)
}

// char is the next character: in Chinese mode two bytes are one sign, whatever was meant.
func (h *head) char(b []byte) (rune, int) {
	if h.chinese && b[0] >= 0x81 && len(b) > 1 {
		return '中', 2
	}
	return h.page.DecodeByte(b[0]), 1
}

func (h *head) width() (w int) {
	for _, c := range h.cells {
		w += c.wide
	}
	return w
}

// endLine prints what stands on the line, nothing included.
func (p *Printer) endLine() {
	p.paper = append(p.paper, p.head.item(p.opt.Columns))
	p.head.cells = nil
	p.line()
}

// flush prints what stands on the line. Where that stops the printer, the command in hand waits.
func (p *Printer) flush(c command.Command) bool {
	if len(p.head.cells) > 0 {
		p.endLine()
	}
	if p.trouble.now == None && !p.dark {
		return true
	}
	if !p.dark {
		p.buffer.PutBack(c.Raw)
	}
	return false
}

func (p *Printer) feed(c command.Command) {
	lines := int(c.Args[0])
	if len(p.head.cells) > 0 {
		lines--
	}
	if !p.flush(c) {
		return
	}
	for range max(lines, 0) {
		p.paper = append(p.paper, Item{Kind: Text})
		p.free = p.free.Add(p.opt.LineTime)
	}
}

func (p *Printer) cut(c command.Command, m byte) {
	if !p.flush(c) {
		return
	}
	if p.jams() {
		p.buffer.PutBack(c.Raw)
		return
	}
	// Full are 0, '0' and 65; partial are the numbers after each, and ESC i and ESC m leave a point uncut.
	p.paper = append(p.paper, Item{Kind: Cut, Partial: m != 0 && m != '0' && m != 65})
}

func (p *Printer) raster(c command.Command) {
	stride, rows := int(c.Args[1])|int(c.Args[2])<<8, int(c.Args[3])|int(c.Args[4])<<8
	if stride == 0 || rows == 0 || !p.flush(c) {
		return
	}
	p.picture(command.Bitmap{Width: stride * 8, Height: rows, Bits: slices.Clone(c.Data)}, "")
}

// picture prints dots. Slices that follow one another are one picture on paper.
func (p *Printer) picture(b command.Bitmap, text string) {
	last := len(p.paper) - 1
	if last >= 0 && text == "" && p.paper[last].Kind == Picture && p.paper[last].Bitmap.Width == b.Width && p.paper[last].Align == p.head.align {
		p.paper[last].Bitmap.Bits = append(p.paper[last].Bitmap.Bits, b.Bits...)
		p.paper[last].Bitmap.Height += b.Height
	} else {
		kind := Picture
		if text != "" {
			kind = QR
		}
		p.paper = append(p.paper, Item{Kind: kind, Text: text, Align: p.head.align, Bitmap: b})
	}
	for range (b.Height + dotsLine - 1) / dotsLine {
		p.line()
	}
}

// barrier answers once what was sent before is done.
func (p *Printer) barrier() {
	if !p.opt.NoBarrier {
		p.answer([]byte{command.Queued(false, p.near)})
	}
}

func (p *Printer) info(n byte) {
	if p.opt.Model == "" {
		return
	}
	switch n {
	case 65:
		p.answer(command.InfoAnswer("1.0"))
	case 66:
		p.answer(command.InfoAnswer("KOPILKA"))
	case 67:
		p.answer(command.InfoAnswer(p.opt.Model))
	case 68:
		p.answer(command.InfoAnswer("0001"))
	}
}

func (p *Printer) extended(c command.Command) {
	switch {
	case c.Args[0] == 'H' && len(c.Data) == 6 && c.Data[0] == 48 && !p.opt.NoProcess:
		p.answer(command.ProcessAnswer(c.Data[2:]))
	case c.Args[0] == 'k' && len(c.Data) >= 2 && c.Data[0] == 49 && !p.opt.NoQR && p.flush(c):
		p.qr(c.Data[1], c.Data[2:])
	}
}

var levels = map[byte]qr.Level{48: qr.L, 49: qr.M, 50: qr.Q, 51: qr.H}

func (p *Printer) qr(function byte, data []byte) {
	code := &p.head.code
	switch {
	case function == 67 && len(data) == 1:
		code.size = int(data[0])
	case function == 69 && len(data) == 1:
		code.level = levels[data[0]]
	case function == 80 && len(data) > 1:
		code.data = string(data[1:])
	case function == 81 && code.data != "":
		p.drawQR()
	}
}

// drawQR leaves codes away that are wider than the paper, as printers do without a word.
func (p *Printer) drawQR() {
	code := p.head.code
	drawn, err := qr.Encode(code.data, code.level)
	if err != nil || drawn.Size*code.size > p.opt.Dots || code.size < 1 || code.size > command.QRSizeMax {
		return
	}
	b := command.NewBitmap(drawn.Size, drawn.Size)
	for y := range drawn.Size {
		for x := range drawn.Size {
			if drawn.Black(x, y) {
				b.Blacken(x, y)
			}
		}
	}
	p.picture(b.Scale(code.size), code.data)
}
