package frame

// Kind is what a decoder found in the stream.
type Kind uint8

// The kinds of [Event].
const (
	Control Kind = iota + 1 // ENQ, ACK or LF, in Event.Byte
	Frame                   // a whole frame with a right checksum, its body in Event.Body
	Broken                  // a frame whose checksum or length is wrong, its body in Event.Body as far as it came
)

// Event is one thing that a decoder found.
type Event struct {
	Kind Kind
	Byte byte
	Body []byte // what stood between STX and ETX; owned by the caller
}

// Decoder finds frames in a stream of bytes of either direction. The zero value is ready.
type Decoder struct {
	inside bool
	body   []byte
	check  []byte // the digits that have come
	ended  bool   // ETX has come
}

// Inside tells whether a frame has begun and not ended.
func (d *Decoder) Inside() bool { return d.inside }

// Reset forgets a frame that has begun: after a silence, nothing of it will come.
func (d *Decoder) Reset() { *d = Decoder{} }

// Partial is the body as far as it has come.
func (d *Decoder) Partial() []byte { return d.body }

// Next takes a byte and tells what it completes, if anything. Noise between frames is dropped.
func (d *Decoder) Next(b byte) (Event, bool) {
	switch {
	case d.ended:
		return d.seal(b)
	case b == STX: // a frame that was cut gives way to the next one
		*d = Decoder{inside: true}
	case !d.inside || b == ENQ || b == ACK:
		if b == ENQ || b == ACK || b == LF {
			return Event{Kind: Control, Byte: b}, true
		}
	case b == ETX:
		d.ended = true
	case len(d.body) == BodyMax:
		return d.end(Broken), true
	default:
		d.body = append(d.body, b)
	}
	return Event{}, false
}

func (d *Decoder) seal(b byte) (Event, bool) {
	if b == STX {
		*d = Decoder{inside: true}
		return Event{}, false
	}
	if d.check = append(d.check, b); len(d.check) < 2 {
		return Event{}, false
	}
	got, ok := readHex(d.check)
	if !ok || got != sum(d.body)^ETX {
		return d.end(Broken), true
	}
	return d.end(Frame), true
}

func (d *Decoder) end(kind Kind) Event {
	e := Event{Kind: kind, Body: d.body}
	*d = Decoder{}
	return e
}
