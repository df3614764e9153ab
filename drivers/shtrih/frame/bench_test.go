package frame_test

import (
	"testing"

	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

// position is about as long as a line of a receipt.
var position = make([]byte, 60)

func BenchmarkEncode1(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := frame.Encode1(position); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode2(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := frame.Encode2(7, position); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode1(b *testing.B) {
	packed, err := frame.Encode1(position)
	if err != nil {
		b.Fatal(err)
	}
	decode(b, &frame.Decoder1{}, packed)
}

func BenchmarkDecode2(b *testing.B) {
	packed, err := frame.Encode2(7, position)
	if err != nil {
		b.Fatal(err)
	}
	decode(b, &frame.Decoder2{}, packed)
}

func decode(b *testing.B, dec interface {
	Next(p byte) (frame.Event, bool)
}, packed []byte,
) {
	b.ReportAllocs()
	b.SetBytes(int64(len(packed)))
	for b.Loop() {
		found := false
		for _, c := range packed {
			if e, ok := dec.Next(c); ok && e.Kind == frame.Frame {
				found = true
			}
		}
		if !found {
			b.Fatal("no frame")
		}
	}
}
