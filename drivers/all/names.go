package all

import "strconv"

// Frames of Pirit: STX, four bytes of a password before the name in a request, the name at once in an answer,
// ETX and a checksum of two hexadecimal digits over all but STX (the vendor's protocol text).
const (
	piritSTX, piritETX = 0x02, 0x03
	piritAsked         = 5
	piritAnswered      = 1
	piritSum           = 2
)

// renamePirit gives the one frame of a burst another name and returns the old; false: it is no such frame.
func renamePirit(burst []byte, answer bool, name byte) (old byte, ok bool) {
	at := piritAsked
	if answer {
		at = piritAnswered
	}
	end := len(burst) - piritSum - 1
	if end <= at || burst[0] != piritSTX || burst[end] != piritETX {
		return 0, false
	}
	sum, err := strconv.ParseUint(string(burst[end+1:]), 16, 8)
	if err != nil {
		return 0, false
	}
	old, burst[at] = burst[at], name
	const digits = "0123456789ABCDEF"
	now := byte(sum) ^ old ^ name
	burst[end+1], burst[end+2] = digits[now>>4], digits[now&0x0F]
	return old, true
}
