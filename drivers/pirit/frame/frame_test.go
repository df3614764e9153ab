package frame_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/pirit/frame"
)

func fields(texts ...string) [][]byte {
	var out [][]byte
	for _, t := range texts {
		out = append(out, []byte(t))
	}
	return out
}

// The vectors are the vendor's sample's, recomputed by hand.
var requests = []struct {
	name string
	ask  frame.Request
	want string
}{
	{"flags", frame.Request{Password: "PIRI", ID: 0x20, Cmd: frame.CmdFlags}, "\x02PIRI\x2000\x1c\x033D"},
	{"last receipt", frame.Request{Password: "PIRI", ID: 0x21, Cmd: frame.CmdReceipt, Fields: fields("2")}, "\x02PIRI\x21032\x1c\x030D"},
	{"payment", frame.Request{Password: "PIRI", ID: '/', Cmd: frame.CmdPay, Fields: fields("0", "1000")}, "\x02PIRI/470\x1c1000\x1c\x031C"},
}

func events(p []byte) []frame.Event {
	var d frame.Decoder
	var out []frame.Event
	for _, b := range p {
		if e, ok := d.Next(b); ok {
			out = append(out, e)
		}
	}
	return out
}

func TestGoldenRequests(t *testing.T) {
	for _, tt := range requests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.ask.Encode()
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
			found := events(got)
			require.Len(t, found, 1)
			require.Equal(t, frame.Frame, found[0].Kind)
			back, err := frame.ParseRequest(found[0].Body)
			require.NoError(t, err)
			require.Equal(t, tt.ask.Cmd, back.Cmd)
			for i, f := range tt.ask.Fields {
				require.Equal(t, string(f), string(frame.Field(back.Fields, i)))
			}
		})
	}
}

func TestGoldenAnswer(t *testing.T) {
	const vector = "\x02.4400\x032D"
	got, err := frame.Answer{ID: '.', Cmd: frame.CmdSubtotal}.Encode()
	require.NoError(t, err)
	require.Equal(t, vector, string(got))
	back, err := frame.ParseAnswer(events(got)[0].Body)
	require.NoError(t, err)
	require.Equal(t, frame.Answer{ID: '.', Cmd: frame.CmdSubtotal}, back)
	require.Empty(t, frame.Field(back.Fields, 7))
}

func TestRefusals(t *testing.T) {
	for name, r := range map[string]frame.Request{
		"password": {Password: "PIR", ID: 0x20}, "id": {Password: "PIRI", ID: 0xF1}, "control byte": {Password: "PIRI", ID: 0x20, Fields: fields("a\x1db")},
		"above the range": {Password: "PIRI", ID: 0x20, Fields: fields("\xf1")}, "long": {Password: "PIRI", ID: 0x20, Fields: fields(strings.Repeat("x", frame.BodyMax))},
	} {
		_, err := r.Encode()
		require.ErrorIs(t, err, frame.ErrFrame, name)
	}
	for _, body := range []string{"", "PIRI ", "PIRI xy"} {
		_, err := frame.ParseRequest([]byte(body))
		require.ErrorIs(t, err, frame.ErrFrame, "%q", body)
	}
	for _, body := range []string{"", " 4400"[:4], " 44xx"} {
		_, err := frame.ParseAnswer([]byte(body))
		require.ErrorIs(t, err, frame.ErrFrame, "%q", body)
	}
}

func TestDecoderFindsItsWayBack(t *testing.T) {
	good, err := requests[0].ask.Encode()
	require.NoError(t, err)
	broken := bytes.Clone(good)
	broken[len(broken)-1] ^= 1
	stream := append([]byte("noise\xff"), frame.ENQ)
	stream = append(stream, broken...)
	stream = append(stream, good[:6]...) // cut
	stream = append(stream, good...)
	stream = append(stream, frame.ACK, frame.LF)
	var kinds []frame.Kind
	for _, e := range events(stream) {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []frame.Kind{frame.Control, frame.Broken, frame.Frame, frame.Control, frame.Control}, kinds)
	var d frame.Decoder
	for _, b := range good[:5] {
		d.Next(b)
	}
	require.True(t, d.Inside())
	require.Equal(t, "PIRI", string(d.Partial()))
	d.Reset()
	require.False(t, d.Inside())
	long := events(append([]byte{frame.STX}, bytes.Repeat([]byte{'x'}, frame.BodyMax+1)...))
	require.Equal(t, frame.Broken, long[0].Kind)
}

func TestValues(t *testing.T) {
	require.Equal(t, "a5e1a5e0", hex.EncodeToString(frame.Text("есер", 10)))
	require.Equal(t, frame.Text("Елка N 5 еще", 40), frame.Text("Елка № 5 ещё", 40))
	require.Equal(t, []byte{0xF0}, frame.Text("Ё", 4), "the capital is inside the range")
	require.Equal(t, "?", string(frame.Text("є", 4)))
	at := time.Date(2026, 11, 22, 5, 7, 9, 0, time.UTC)
	require.Equal(t, "221126", string(frame.Date(at)))
	require.Equal(t, "050709", string(frame.Clock(at)))
	back, err := frame.Time([]byte("221126"), []byte("050709"))
	require.NoError(t, err)
	require.Equal(t, at, back)
	back, err = frame.Time([]byte("221126"), []byte("0507"))
	require.NoError(t, err)
	require.Equal(t, at.Truncate(time.Minute), back)
	_, err = frame.Time([]byte("321126"), []byte("050709"))
	require.ErrorIs(t, err, frame.ErrFrame)
	day, err := frame.Day([]byte("010226"))
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), day)
	_, err = frame.Day([]byte("x"))
	require.ErrorIs(t, err, frame.ErrFrame)

	require.Equal(t, "500100732259&Иванова", frame.ReadText(frame.Operator("500100732259", "Иванова")))
	inn, name := frame.ReadOperator(frame.Operator("500100732259", "А & Б"))
	require.Equal(t, "500100732259", inn)
	require.Equal(t, "А + Б", name)
	inn, name = frame.ReadOperator(frame.Operator("", "Б"))
	require.Empty(t, inn)
	require.Equal(t, "Б", name)
	require.Equal(t, "0104600494000010215AbC$1D93dGVz", string(frame.Escape("0104600494000010215AbC\x1d93dGVz")))
	require.Equal(t, "a$zz$", frame.Unescape([]byte("a$zz$")))
}

func TestEscapeComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOf(rapid.Byte()).Draw(t, "code"))
		packed := frame.Escape(raw)
		require.Equal(t, raw, frame.Unescape(packed))
		_, err := frame.Request{Password: "PIRI", ID: 0x20, Fields: [][]byte{packed[:min(len(packed), 4000)]}}.Encode()
		require.NoError(t, err)
	})
}

func mask(p []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, p)
}

func TestRewrite(t *testing.T) {
	ask, err := frame.Request{Password: "PIRI", ID: 0x21, Cmd: frame.CmdClose, Fields: fields("5", "+79001234567", "")}.Encode()
	require.NoError(t, err)
	answer, err := frame.Answer{ID: 0x21, Cmd: frame.CmdClose, Fields: fields("12", "79001234567")}.Encode()
	require.NoError(t, err)
	burst := append(append([]byte{frame.ENQ, '7'}, ask...), answer...)
	burst = append(burst, ask[:9]...)
	out := frame.Rewrite(burst, mask)
	require.Len(t, out, len(burst))
	require.NotContains(t, string(out), "9001234567")
	found := events(out)
	require.Equal(t, frame.Frame, found[1].Kind, "sealed again")
	back, err := frame.ParseRequest(found[1].Body)
	require.NoError(t, err)
	require.Equal(t, frame.CmdClose, back.Cmd)
	require.Equal(t, "+00000000000", string(back.Fields[1]))
	got, err := frame.ParseAnswer(found[2].Body)
	require.NoError(t, err)
	require.Equal(t, "00000000000", string(got.Fields[1]))
	require.Equal(t, "0", string(out[1]), "noise too")

	out = frame.Rewrite(ask, func(p []byte) []byte { return bytes.Repeat([]byte{0xFF}, len(p)) })
	require.Equal(t, frame.Frame, events(out)[0].Kind, "bytes that no frame carries")
	out = frame.Rewrite(ask, func([]byte) []byte { return nil })
	require.Len(t, out, len(ask))
	require.Equal(t, frame.Frame, events(out)[0].Kind)
}

func FuzzDecoder(f *testing.F) {
	for _, r := range requests {
		f.Add([]byte(r.want))
	}
	f.Add([]byte("\x02.4400\x032D\x05\x06"))
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, e := range events(p) {
			if e.Kind != frame.Frame {
				continue
			}
			if r, err := frame.ParseRequest(e.Body); err == nil {
				if packed, err := r.Encode(); err == nil {
					require.Len(t, events(packed), 1)
				}
			}
			_, _ = frame.ParseAnswer(e.Body) // it must not panic; what it refuses is its own affair
		}
		same := frame.Rewrite(p, func(b []byte) []byte { return b })
		require.Len(t, same, len(p))
	})
}
