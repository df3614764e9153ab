package frame

import "encoding/binary"

// Rewrite applies replace to the body of every whole frame in one burst of bytes in one direction, and seals
// the frames again. What is no whole frame goes through replace as it is; control bytes between frames are
// kept. Replace must give as many bytes as it takes; more are cut off, missing ones are zeros.
func Rewrite(burst []byte, replace func([]byte) []byte) []byte {
	out := make([]byte, 0, len(burst))
	var rest []byte // bytes that belong to no frame so far
	flush := func() {
		if len(rest) > 0 {
			out = append(out, sized(rest, replace)...)
			rest = nil
		}
	}
	for i := 0; i < len(burst); {
		sealed, n := resealed(burst[i:], replace)
		switch {
		case n > 0:
			flush()
			out = append(out, sealed...)
			i += n
		case len(rest) == 0 && control(burst[i]):
			out = append(out, burst[i])
			i++
		default:
			rest = append(rest, burst[i])
			i++
		}
	}
	flush()
	return out
}

func control(b byte) bool { return b == ENQ || b == ACK || b == NAK }

// resealed is the frame that p begins with, and how many bytes of p it took; none when there is no frame.
func resealed(p []byte, replace func([]byte) []byte) (sealed []byte, n int) {
	switch p[0] {
	case STX:
		return resealed1(p, replace)
	case STX2:
		return resealed2(p, replace)
	}
	return nil, 0
}

func resealed1(p []byte, replace func([]byte) []byte) (sealed []byte, n int) {
	if len(p) < 4 || p[1] == 0 || len(p) < int(p[1])+3 {
		return nil, 0
	}
	n = int(p[1]) + 3
	if LRC(p[1:n-1]) != p[n-1] {
		return nil, 0
	}
	sealed = append([]byte{STX, p[1]}, sized(p[2:n-1], replace)...)
	return append(sealed, LRC(sealed[1:])), n
}

func resealed2(p []byte, replace func([]byte) []byte) (sealed []byte, n int) {
	var dec Decoder2
	for i, b := range p {
		if i > 0 && b == STX2 {
			return nil, 0 // the next frame begins before this one ends
		}
		e, ok := dec.Next(b)
		switch {
		case !ok:
			continue
		case e.Kind == Sync:
			return EncodeSync(), i + 1
		case e.Kind != Frame:
			return nil, 0
		}
		plain := binary.LittleEndian.AppendUint16(nil, uint16(len(e.Body)+2))
		plain = binary.LittleEndian.AppendUint16(plain, e.Num)
		return stuff(append(plain, sized(e.Body, replace)...)), i + 1
	}
	return nil, 0
}

// sized holds replace to its promise: masked bytes must not move the ones behind them.
func sized(p []byte, replace func([]byte) []byte) []byte {
	out := make([]byte, len(p))
	copy(out, replace(append([]byte(nil), p...)))
	return out
}
