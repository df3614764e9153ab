package command

// AnswerKind is what a printer may say.
type AnswerKind uint8

// The kinds, told apart by fixed bits.
const (
	AnswerRealTime AnswerKind = iota // one status byte, asked for by 10h 04h n
	AnswerQueued                     // one byte, asked for by GS r: all before it was worked on
	AnswerBack                       // four bytes that nobody asked for: automatic status
	AnswerInfo                       // text, asked for by GS I
	AnswerProcess                    // four characters, asked for by GS ( H: all before them is printed
	AnswerNoise                      // XON, XOFF and rubbish
)

const (
	realTimeMask, realTimeBits byte = 0x93, 0x12
	backMask, backBits         byte = 0x93, 0x10
	queuedMask                 byte = 0x90
	backBytes                       = 4
	infoHead                   byte = 0x5F
	blockHead                  byte = 0x37
	processHead                byte = 0x22
	// infoBytesMax is longer than any name of a printer; what is longer is rubbish.
	infoBytesMax = 80
)

// Answer is one thing that a printer said. Bytes are without heads and ends.
type Answer struct {
	Kind  AnswerKind
	Bytes []byte
}

// Reader takes a printer's bytes apart. Automatic status must be recognised although the driver switches
// it off: its last three bytes look like the answer to GS r, which would say "printed" of what is not.
type Reader struct {
	head byte // of the answer that is coming in; zero: none
	rest []byte
}

// Next takes one byte; ok tells whether it ended an answer.
func (r *Reader) Next(b byte) (a Answer, ok bool) {
	switch {
	case r.head == infoHead || r.head == blockHead:
		return r.text(b)
	case r.head != 0:
		return r.back(b)
	case b&realTimeMask == realTimeBits:
		return Answer{AnswerRealTime, []byte{b}}, true
	case b&backMask == backBits, b == infoHead, b == blockHead:
		r.head, r.rest = b, nil
		return Answer{}, false
	case b&queuedMask == 0:
		return Answer{AnswerQueued, []byte{b}}, true
	}
	return Answer{AnswerNoise, []byte{b}}, true
}

// text gathers what ends with a zero.
func (r *Reader) text(b byte) (Answer, bool) {
	if b != 0 && len(r.rest) < infoBytesMax {
		r.rest = append(r.rest, b)
		return Answer{}, false
	}
	head, rest := r.head, r.rest
	r.Reset()
	switch {
	case b != 0:
		return Answer{AnswerNoise, rest}, true
	case head == infoHead:
		return Answer{AnswerInfo, rest}, true
	case len(rest) == 5 && rest[0] == processHead:
		return Answer{AnswerProcess, rest[1:]}, true
	}
	return Answer{AnswerNoise, rest}, true
}

// back gathers automatic status. A real-time answer may come between its bytes.
func (r *Reader) back(b byte) (Answer, bool) {
	if b&realTimeMask == realTimeBits {
		return Answer{AnswerRealTime, []byte{b}}, true
	}
	r.rest = append(r.rest, b)
	if len(r.rest) < backBytes-1 {
		return Answer{}, false
	}
	whole := append([]byte{r.head}, r.rest...)
	r.Reset()
	return Answer{AnswerBack, whole}, true
}

// Reset forgets an answer that will not be finished.
func (r *Reader) Reset() { r.head, r.rest = 0, nil }

// Inside tells whether an answer was begun.
func (r *Reader) Inside() bool { return r.head != 0 }

// Status is the four answers to 10h 04h 1 to 4, in this order.
type Status [4]byte

// Steady is the status of a printer that has nothing the matter.
var Steady = Status{realTimeBits, realTimeBits, realTimeBits, realTimeBits}

// IsRealTime tells whether a byte has the fixed bits of a status byte.
func IsRealTime(b byte) bool { return b&realTimeMask == realTimeBits }

// The bits of the four bytes.
const (
	bitOffline     byte = 0x08 // of 1
	bitCover       byte = 0x04 // of 2
	bitStopped     byte = 0x20 // of 2: by the end of paper
	bitError       byte = 0x40 // of 2
	bitMechanical  byte = 0x04 // of 3
	bitCutter      byte = 0x08 // of 3
	bitFatal       byte = 0x20 // of 3
	bitHot         byte = 0x40 // of 3: it goes on by itself
	bitsPaperNear  byte = 0x0C // of 4
	bitsPaperEnd   byte = 0x60 // of 4
	bitsQueuedNear byte = 0x03 // of the answer to GS r 1
	bitsQueuedEnd  byte = 0x0C
)

// Offline tells that the printer takes no commands for now.
func (s Status) Offline() bool { return s[0]&bitOffline != 0 }

// Cover tells that the cover is open.
func (s Status) Cover() bool { return s[1]&bitCover != 0 }

// PaperEnd tells that there is no paper.
func (s Status) PaperEnd() bool { return s[1]&bitStopped != 0 || s[3]&bitsPaperEnd != 0 }

// PaperNear tells that the roll is near its end.
func (s Status) PaperNear() bool { return s[3]&bitsPaperNear != 0 }

// Cutter tells that the cutter is jammed.
func (s Status) Cutter() bool { return s[2]&bitCutter != 0 }

// Broken tells of a fault other than the cutter's that does not pass by itself.
func (s Status) Broken() bool {
	return s[2]&(bitMechanical|bitFatal) != 0 || s[1]&bitError != 0 && s[2]&(bitCutter|bitHot) == 0
}

// Hot tells that the print head cools down and goes on by itself.
func (s Status) Hot() bool { return s[2]&bitHot != 0 }

// Set raises what is the matter; for devices in software.
func (s *Status) Set(offline, cover, paperEnd, paperNear, cutter bool) {
	*s = Steady
	raise := func(on bool, i int, bits byte) {
		if on {
			s[i] |= bits
		}
	}
	raise(offline, 0, bitOffline)
	raise(cover, 1, bitCover)
	raise(paperEnd, 1, bitStopped)
	raise(cutter, 1, bitError)
	raise(cutter, 2, bitCutter)
	raise(paperNear, 3, bitsPaperNear)
	raise(paperEnd, 3, bitsPaperEnd|bitsPaperNear)
}

// QueuedEnd tells that the answer to GS r 1 says that the paper has ended.
func QueuedEnd(b byte) bool { return b&bitsQueuedEnd != 0 }

// Queued is the answer to GS r 1.
func Queued(end, near bool) (b byte) {
	if end {
		b |= bitsQueuedEnd
	}
	if near {
		b |= bitsQueuedNear
	}
	return b
}

// InfoAnswer is the answer to GS I.
func InfoAnswer(text string) []byte { return append(append([]byte{infoHead}, text...), 0) }

// ProcessAnswer is the answer to GS ( H.
func ProcessAnswer(id []byte) []byte {
	return append(append([]byte{blockHead, processHead}, id...), 0)
}
