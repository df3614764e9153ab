package capture

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"slices"
)

// Some registers give out a stored document as hexadecimal digits, two a byte, a block at a time; the contact
// of its buyer and its cashier are in there like anywhere else.

// spelling is a run of digits that may spell bytes; a shorter one holds no tag with a value worth hiding.
var spelling = regexp.MustCompile(`(?:[0-9A-F]{2}){8,}|(?:[0-9a-f]{2}){8,}`)

// tagHead is number and length of a tag.
const tagHead = 4

// hex masks bytes that are spelt. A value may begin in one block and end in the next one, so the end of the last
// block is looked at again together with this one.
func (m *Masker) hex(p []byte) {
	raw := make([]byte, hex.DecodedLen(len(p)))
	if _, err := hex.Decode(raw, p); err != nil {
		return // the expression finds pairs of digits only
	}
	before := len(m.spelt)
	whole := slices.Concat(m.spelt, raw)
	m.spelt = slices.Clone(whole[max(0, len(whole)-tagHead-tagBytesMax):])
	masked := m.plain(whole)
	cutTag(masked)
	fresh := hex.EncodeToString(masked[before:])
	if bytes.ContainsAny(p, "ABCDEF") || !bytes.ContainsAny(p, "abcdef") {
		fresh = string(bytes.ToUpper([]byte(fresh)))
	}
	copy(p, fresh)
}

// cutTag masks a personal tag whose value goes on in the next block.
func cutTag(p []byte) {
	for i := max(0, len(p)-tagHead-tagBytesMax); i+tagHead < len(p); i++ {
		if n, ok := personal(p[i:]); ok && i+tagHead+n > len(p) && printable(p[i+tagHead:]) {
			maskCP866(p[i+tagHead:])
			return
		}
	}
}
