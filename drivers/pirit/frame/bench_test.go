package frame_test

import (
	"testing"

	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

// aLine is a position as a till sends it.
var aLine = frame.Request{Password: "PIRI", ID: 0x30, Cmd: frame.CmdLine, Fields: fields("\x95\xab\xa5\xa1", "", "2", "54.90", "1", "", "", "", "0", "", "4", "1")}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := aLine.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	packed, err := aLine.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var d frame.Decoder
	for b.Loop() {
		for _, c := range packed {
			if e, ok := d.Next(c); ok {
				if _, err := frame.ParseRequest(e.Body); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
