package all

import (
	"bytes"
	"regexp"
	"strconv"
)

// Frames of Pirit: STX, four bytes of a password before the name in a request, the name at once in an answer,
// ETX and a checksum of two hexadecimal digits over all but STX (the vendor's protocol text).
const (
	piritSTX, piritETX = 0x02, 0x03
	piritAsked         = 5
	piritAnswered      = 1
	piritSum           = 2
)

// renamePirit renames the one frame of a burst, whose name is one byte.
func renamePirit(burst []byte, answer bool, rename func(string) string) {
	at := piritAsked
	if answer {
		at = piritAnswered
	}
	end := len(burst) - piritSum - 1
	if end <= at || burst[0] != piritSTX || burst[end] != piritETX {
		return
	}
	sum, err := strconv.ParseUint(string(burst[end+1:]), 16, 8)
	if err != nil {
		return
	}
	old := burst[at]
	burst[at] = rename(string([]byte{old}))[0]
	const digits = "0123456789ABCDEF"
	now := byte(sum) ^ old ^ burst[at]
	burst[end+1], burst[end+2] = digits[now>>4], digits[now&0x0F]
}

// uuid is the name of a request to ATOL's web server.
var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func renameATOL(burst []byte, _ bool, rename func(string) string) {
	for _, at := range uuid.FindAllIndex(burst, -1) {
		copy(burst[at[0]:at[1]], rename(string(burst[at[0]:at[1]])))
	}
}

// What ESC/POS printers answer to GS ( H, which asks under a name of four characters whether all is printed:
// a header, the name, and a zero (Epson's command reference).
var (
	processAsked    = []byte("\x1d(H\x06\x0000")
	processAnswered = []byte("\x37\x22")
)

const processName = 4

// renameESCPOS renames each question of a burst.
func renameESCPOS(burst []byte, answer bool, rename func(string) string) {
	head := processAsked
	if answer {
		head = processAnswered
	}
	for {
		at := bytes.Index(burst, head)
		if at < 0 || len(burst) < at+len(head)+processName {
			return
		}
		name := burst[at+len(head):][:processName]
		copy(name, rename(string(name)))
		burst = burst[at+len(head)+processName:]
	}
}
