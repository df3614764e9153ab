// Package command is the language of ESC/POS receipt printers: it writes the bytes of a slip and takes such
// bytes apart again. It does no input or output; the driver and the emulator share it, and golden bytes pin it.
//
// What will bite: a printer looks for real-time requests (10h 04h n and its like) in every byte that
// arrives, inside pictures too, and answers or acts on what is a row of dots. So [Script.Raster] breaks such
// runs, and nothing else here can write one. Answers come in one stream without numbers; [Reader] tells
// their kinds apart by their fixed bits.
//
// Sources: the command manuals of Epson and Bixolon as public, checked against the bytes of an independent
// encoder; what is uncertain is in the driver's DESIGN.md.
package command

// Control bytes.
const (
	HT  byte = 0x09
	LF  byte = 0x0A
	FF  byte = 0x0C
	CR  byte = 0x0D
	DLE byte = 0x10
	CAN byte = 0x18
	ESC byte = 0x1B
	FS  byte = 0x1C
	GS  byte = 0x1D

	eot byte = 0x04
	enq byte = 0x05
	dc4 byte = 0x14
)

// Align is where a line stands, ESC a.
type Align byte

// The alignments.
const (
	Left   Align = 0
	Centre Align = 1
	Right  Align = 2
)

// Level is how much of a QR code may be damaged, as GS ( k wants it.
type Level byte

// The levels: 7, 15, 25 and 30 per cent.
const (
	LevelL Level = 0x30
	LevelM Level = 0x31
	LevelQ Level = 0x32
	LevelH Level = 0x33
)

// Limits of what a script may hold.
const (
	// QRBytesMax keeps the length bytes of GS ( k clear of real-time runs, and is twice the longest code that
	// a till reads.
	QRBytesMax = 1000
	// QRSizeMax is dots for one module, as GS ( k takes them.
	QRSizeMax = 16
	// SliceRowsMax is what one byte counts; taller pictures are sliced.
	SliceRowsMax = 255
	// scaleMax is how often GS ! can widen a character.
	scaleMax = 8
	// pulseUnit is milliseconds in one step of ESC p.
	pulseUnit = 2
)

// Script gathers commands. The zero value is empty and ready.
type Script struct{ bytes []byte }

// Bytes is the script so far.
func (s *Script) Bytes() []byte { return s.bytes }

// Len is its length.
func (s *Script) Len() int { return len(s.bytes) }

func (s *Script) add(b ...byte) { s.bytes = append(s.bytes, b...) }

// Init sets the printer back to its defaults; what was being gathered for a line is dropped.
func (s *Script) Init() { s.add(ESC, '@') }

// LeaveChinese ends the mode in which two bytes are one sign. Many clones are switched on in it.
func (s *Script) LeaveChinese() { s.add(FS, '.') }

// CodePage chooses what the upper half of the bytes means, ESC t.
func (s *Script) CodePage(n byte) { s.add(ESC, 't', n) }

// Align places the lines that follow; it counts only at the beginning of a line.
func (s *Script) Align(a Align) { s.add(ESC, 'a', byte(a)) }

// Bold switches emphasis.
func (s *Script) Bold(on bool) { s.add(ESC, 'E', flag(on)) }

// Size makes characters 1 to 8 times as wide and high, GS !.
func (s *Script) Size(wide, high int) {
	s.add(GS, '!', byte(clamp(wide)-1)<<4|byte(clamp(high)-1))
}

func clamp(n int) int { return min(max(n, 1), scaleMax) }

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// Text prints characters that are encoded already. Bytes that are commands are left out: a product's name
// must not cut the paper.
func (s *Script) Text(encoded []byte) {
	for _, b := range encoded {
		if b >= ' ' && b != 0x7F {
			s.bytes = append(s.bytes, b)
		}
	}
}

// Line ends a line.
func (s *Script) Line() { s.add(LF) }

// Feed moves the paper by lines, 0 to 255.
func (s *Script) Feed(lines int) { s.add(ESC, 'd', byte(min(max(lines, 0), 255))) }

// Cut feeds to the cutter and cuts, GS V 65 and 66.
func (s *Script) Cut(partial bool) { s.add(GS, 'V', 65+flag(partial), 0) }

// Pulse opens a drawer: pin 2 or 5 of its socket, for so many milliseconds, followed by a pause as long.
func (s *Script) Pulse(pin, onMs, offMs int) {
	s.add(ESC, 'p', flag(pin == 5), byte(min(onMs/pulseUnit, 255)), byte(min(offMs/pulseUnit, 255)))
}

// Quiet stops the printer from telling every change by itself: such messages look like answers.
func (s *Script) Quiet() { s.add(GS, 'a', 0) }

// Barrier asks for the paper sensor behind all that was sent before: the answer says that it was worked on.
func (s *Script) Barrier() { s.add(GS, 'r', 1) }

// Process asks for four characters back when all before is printed, GS ( H; each from 20h to 7Eh.
func (s *Script) Process(id [4]byte) {
	s.add(GS, '(', 'H', 6, 0, 48, 48)
	s.add(id[:]...)
}

// RealTime asks for one of the four status bytes at once, whatever waits before it.
func (s *Script) RealTime(n byte) { s.add(DLE, eot, n) }

// Info asks who the printer is, GS I: 65 firmware, 66 maker, 67 model, 68 serial number.
func (s *Script) Info(n byte) { s.add(GS, 'I', n) }

// QR prints a code that the printer draws itself; size is dots for a module. Data is at most [QRBytesMax]
// bytes and holds no DLE, which the caller has seen to; else nothing is added.
func (s *Script) QR(data string, size int, level Level) {
	if len(data) == 0 || len(data) > QRBytesMax || !Calm(data) {
		return
	}
	s.add(GS, '(', 'k', 4, 0, 49, 65, 50, 0)
	s.add(GS, '(', 'k', 3, 0, 49, 67, byte(min(max(size, 1), QRSizeMax)))
	s.add(GS, '(', 'k', 3, 0, 49, 69, byte(level))
	n := len(data) + 3
	s.add(GS, '(', 'k', byte(n), byte(n>>8), 49, 80, 48)
	s.add([]byte(data)...)
	s.add(GS, '(', 'k', 3, 0, 49, 81, 48)
}

// Calm tells whether data can be sent inside a command without holding the beginning of a real-time request.
func Calm(data string) bool {
	for i := range len(data) {
		if data[i] == DLE {
			return false
		}
	}
	return true
}

// Raster prints a slice of a picture by GS v 0: rows from 'from', at most 255.
func (s *Script) Raster(b Bitmap, from, rows int) {
	stride := b.Stride()
	s.add(GS, 'v', '0', 0, byte(stride), byte(stride>>8), byte(rows), 0)
	start := len(s.bytes)
	s.bytes = append(s.bytes, b.Bits[from*stride:(from+rows)*stride]...)
	calm(s.bytes[start:])
}

// calm breaks the runs that a printer takes for a request, by one more dot beside the lone one that a
// byte 10h is: nobody sees it.
func calm(data []byte) {
	for i := 0; i+1 < len(data); i++ {
		if data[i] == DLE && (data[i+1] == eot || data[i+1] == enq || data[i+1] == dc4) {
			data[i] |= 0x20
		}
	}
}
