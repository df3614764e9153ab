package frame

import "bytes"

// Rewrite replaces what whole frames of one burst in one direction carry, and seals them again; the head of a
// frame stays, so that answers still match their requests. Replace must give as many bytes as it gets: otherwise
// all of them become question marks, as does each byte that a frame cannot carry. What is no whole frame goes
// through replace as it is.
func Rewrite(burst []byte, replace func([]byte) []byte) []byte {
	var out, raw []byte
	flush := func() {
		if len(raw) > 0 {
			out = append(out, sameLength(raw, replace)...)
			raw = nil
		}
	}
	for len(burst) > 0 {
		n := whole(burst)
		if n == 0 {
			raw = append(raw, burst[0])
			burst = burst[1:]
			continue
		}
		flush()
		out = append(out, rewritten(burst[:n], replace)...)
		burst = burst[n:]
	}
	flush()
	return out
}

// whole is the length of the frame that a burst begins with, zero when it begins with none.
func whole(p []byte) int {
	if p[0] != STX {
		return 0
	}
	end := bytes.IndexByte(p, ETX)
	if end < 0 || end+sealBytes > len(p) || bytes.IndexByte(p[1:end], STX) >= 0 || end-1 < headAnswer {
		return 0
	}
	if got, ok := readHex(p[end+1 : end+sealBytes]); !ok || got != sum(p[1:end+1]) {
		return 0
	}
	return end + sealBytes
}

func rewritten(packed []byte, replace func([]byte) []byte) []byte {
	body := packed[1 : len(packed)-sealBytes]
	head := headLength(body)
	fresh := sameLength(body[head:], replace)
	out := append([]byte{STX}, body[:head]...)
	for i, b := range fresh {
		switch {
		case body[head+i] == FS:
			b = FS
		case b < textMin || b > IDMax:
			b = '?'
		}
		out = append(out, b)
	}
	out = append(out, ETX)
	return appendHex(out, sum(out[1:]))
}

// headLength tells an answer, whose id is followed by four digits, from a request, whose password is. A password
// of digits alone makes a request look like an answer: then its command is rewritten too, and nothing leaks.
func headLength(body []byte) int {
	_, cmd := readHex(body[1:3])
	_, code := readHex(body[3:5])
	if cmd && code || len(body) < headAsk {
		return headAnswer
	}
	return headAsk
}

func sameLength(p []byte, replace func([]byte) []byte) []byte {
	fresh := replace(bytes.Clone(p))
	if len(fresh) != len(p) {
		return bytes.Repeat([]byte{'?'}, len(p))
	}
	return fresh
}
