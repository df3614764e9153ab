package frame3_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/atol/frame3"
)

// golden are packets whose checksums were recomputed independently: abort, the task "device type" added as
// number 2 with its result wanted, the same task asked for.
var golden = []struct {
	packet frame3.Packet
	text   string
}{
	{frame3.Packet{ID: 0x06, Data: []byte{0xC4}}, "FE 01 00 06 C4 58"},
	{frame3.Packet{ID: 0x07, Data: []byte{0xC1, 0x01, 0x02, 0x00, 0x00, 0xA5}}, "FE 06 00 07 C1 01 02 00 00 A5 8D"},
	{frame3.Packet{ID: 0x08, Data: []byte{0xC3, 0x02}}, "FE 02 00 08 C3 02 FC"},
}

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return raw
}

// all is every packet of a stream, and how often it was none.
func all(d *frame3.Decoder, stream []byte) (packets []frame3.Packet, broken int) {
	for _, b := range stream {
		p, ok, err := d.Next(b)
		if ok {
			packets = append(packets, p)
		}
		if err != nil {
			broken++
		}
	}
	return packets, broken
}

func TestGolden(t *testing.T) {
	for _, g := range golden {
		for _, sum := range []frame3.Sum{frame3.SumRaw, frame3.SumEscaped} {
			raw, err := frame3.Encode(g.packet, sum)
			require.NoError(t, err)
			require.Equal(t, bytesOf(t, g.text), raw, "nothing is escaped, so both ways are the same")
			got, broken := all(&frame3.Decoder{Sum: sum}, raw)
			require.Zero(t, broken)
			require.Equal(t, []frame3.Packet{g.packet}, got)
		}
	}
}

func TestEscapes(t *testing.T) {
	p := frame3.Packet{ID: 1, Data: []byte{0xFE, 0x00, 0xFD}}
	one, err := frame3.Encode(p, frame3.SumRaw)
	require.NoError(t, err)
	require.Equal(t, bytesOf(t, "FE 03 00 01 FD EE 00 FD ED"), one[:9], "the length counts what is meant")
	two, err := frame3.Encode(p, frame3.SumEscaped)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	_, broken := all(&frame3.Decoder{Sum: frame3.SumRaw}, two)
	require.Equal(t, 1, broken)

	d := &frame3.Decoder{Learn: true}
	got, broken := all(d, two)
	require.Zero(t, broken)
	require.Equal(t, []frame3.Packet{p}, got)
	require.Equal(t, frame3.SumEscaped, d.Sum, "learned from the device")
}

func TestRubbishBrokenGood(t *testing.T) {
	good, err := frame3.Encode(golden[0].packet, frame3.SumRaw)
	require.NoError(t, err)
	broken := append([]byte(nil), good...)
	broken[4] ^= 1
	stream := append([]byte{0x00, 0x55, 0xAA}, broken...)
	stream = append(stream, good[:3]...)                        // cut
	stream = append(stream, 0xFE, 0x01, 0x00, 0x01, 0xFD, 0x00) // a bad escape
	stream = append(stream, 0xFE, 0x80)                         // a bad length
	stream = append(stream, good...)
	got, wrong := all(&frame3.Decoder{}, stream)
	require.Equal(t, []frame3.Packet{golden[0].packet}, got)
	require.Equal(t, 4, wrong)
}

func TestLimits(t *testing.T) {
	_, err := frame3.Encode(frame3.Packet{Data: make([]byte, frame3.DataMax+1)}, frame3.SumRaw)
	require.ErrorIs(t, err, frame3.ErrFrame)
	_, err = frame3.Encode(frame3.Packet{ID: 0xE0}, frame3.SumRaw)
	require.ErrorIs(t, err, frame3.ErrFrame)
	_, err = frame3.Encode(frame3.Packet{ID: frame3.Async, Data: make([]byte, frame3.DataMax)}, frame3.SumRaw)
	require.NoError(t, err)
}

func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := frame3.Packet{ID: rapid.ByteMax(frame3.HostIDMax).Draw(t, "id"), Data: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")}
		sum := frame3.Sum(rapid.IntRange(0, 1).Draw(t, "sum"))
		raw, err := frame3.Encode(p, sum)
		require.NoError(t, err)
		d := &frame3.Decoder{Sum: sum}
		got, broken := all(d, append(raw, raw...))
		require.Zero(t, broken)
		require.Len(t, got, 2)
		require.Equal(t, p.ID, got[0].ID)
		require.Equal(t, string(p.Data), string(got[1].Data))
	})
}

func FuzzDecoder(f *testing.F) {
	for _, g := range golden {
		raw, err := frame3.Encode(g.packet, frame3.SumRaw)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte{0xFE, 0x01, 0x00, 0x01, 0xFD, 0xEE, 0x00})
	f.Fuzz(func(t *testing.T, stream []byte) {
		packets, _ := all(&frame3.Decoder{Learn: true}, stream)
		for _, p := range packets {
			if p.ID <= frame3.HostIDMax {
				_, err := frame3.Encode(p, frame3.SumRaw)
				require.NoError(t, err)
			}
		}
	})
}
