package command_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/escpos/command"
)

func kinds(b []byte) (out []command.Kind) {
	var d command.Decoder
	d.Write(b)
	for {
		c, ok := d.Next()
		if !ok {
			return out
		}
		out = append(out, c.Kind)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []command.Kind
		left int
	}{
		{"slip", "\x1b@\x1c.\x1bt\x11text\n\x1bE\x01\x1ba\x01\x1d!\x11", []command.Kind{command.Init, command.ChineseOff, command.CodePage, command.Text, command.Line, command.Bold, command.Aligned, command.Size}, 0},
		{"picture that holds commands", "\x1dv0\x00\x02\x00\x02\x00\x1b@\x10", nil, 11},
		{"whole", "\x1dv0\x00\x02\x00\x02\x00\x1b@\x10\x04\n", []command.Kind{command.Raster, command.Line}, 0},
		{"cuts", "\x1dV\x01\x1dV\x42\x00\x1bi\x1bm", []command.Kind{command.Cut, command.Cut, command.CutBare, command.CutBare}, 0},
		{"barcodes", "\x1dk\x04123\x00\x1dk\x43\x03123\n", []command.Kind{command.Skipped, command.Skipped, command.Line}, 0},
		{"columns and stored pictures", "\x1b*\x21\x01\x00abc\x1d*\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08\x1bD\x08\x00", []command.Kind{command.Skipped, command.Skipped, command.Skipped}, 0},
		{"real time", "\x10\x04\x01\x10\x05\x02\x10\x14\x01\x00\x02\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08", []command.Kind{command.RealTime, command.RealTime, command.RealTime, command.RealTime}, 0},
		{"rubbish", "\x01\x1b\xff\x1d\xff\x1c\xff\x10\xff\x00", []command.Kind{command.Unknown, command.Unknown, command.Unknown, command.Unknown, command.Unknown, command.Skipped}, 0},
		{"cut off", "\x1bp\x00\x19", nil, 4},
		{"too large to be one", "\x1dv0\x00\xff\xff\xff\xff\n", []command.Kind{command.Unknown, command.Line}, 0},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, kinds([]byte(tt.in)), tt.name)
		var d command.Decoder
		d.Write([]byte(tt.in))
		for {
			if _, ok := d.Next(); !ok {
				break
			}
		}
		require.Equal(t, tt.left, d.Len(), tt.name)
	}
}

func TestRewriteMasksWhatASlipSays(t *testing.T) {
	var s command.Script
	s.Init()
	s.CodePage(17)
	s.Text([]byte("+7 916 123-45-67"))
	s.Line()
	s.QR("card 4276", 6, command.LevelM)
	s.Raster(command.Bitmap{Width: 8, Height: 2, Bits: []byte{0xAA, 0x55}}, 0, 2)
	s.Cut(true)
	s.Process([4]byte{'0', '0', '0', '1'})
	stars := func(b []byte) []byte { return bytes.Repeat([]byte("*"), len(b)) }
	masked := command.Rewrite(s.Bytes(), stars)
	require.Len(t, masked, s.Len())
	require.NotContains(t, string(masked), "916")
	require.NotContains(t, string(masked), "4276")
	require.NotContains(t, string(masked), "\xAA\x55", "what is drawn may be a code")
	require.Equal(t, kinds(s.Bytes()), kinds(masked), "commands are as they were")
	require.Contains(t, string(masked), "\x1d(H\x06\x00000001")
	same := command.Rewrite(s.Bytes(), bytes.Clone)
	require.Equal(t, bytes.Replace(s.Bytes(), []byte{0xAA, 0x55}, []byte{0, 0}, 1), same)
	require.Equal(t, "**", string(command.Rewrite([]byte("\x1b\xff"), stars)), "what is no command goes through raw")
	require.Equal(t, "*****", string(command.Rewrite([]byte("\x1d(k\x09\x00"), stars)))
}

func TestReader(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want []command.AnswerKind
	}{
		{"real time", []byte{0x12, 0x16, 0x32, 0x72}, []command.AnswerKind{0, 0, 0, 0}},
		{"queued", []byte{0x00, 0x03, 0x0F}, []command.AnswerKind{command.AnswerQueued, command.AnswerQueued, command.AnswerQueued}},
		{"automatic status holds no answer to GS r", []byte{0x14, 0x00, 0x0C, 0x00, 0x00}, []command.AnswerKind{command.AnswerBack, command.AnswerQueued}},
		{"real time inside automatic status", []byte{0x10, 0x00, 0x12, 0x00, 0x00}, []command.AnswerKind{command.AnswerRealTime, command.AnswerBack}},
		{"flow control", []byte{0x13, 0x11}, []command.AnswerKind{command.AnswerNoise, command.AnswerNoise}},
		{"name", append(command.InfoAnswer("TM-T88"), 0x12), []command.AnswerKind{command.AnswerInfo, command.AnswerRealTime}},
		{"process", command.ProcessAnswer([]byte("0001")), []command.AnswerKind{command.AnswerProcess}},
		{"another block", []byte{0x37, 0x20, 0x41, 0x00}, []command.AnswerKind{command.AnswerNoise}},
	}
	for _, tt := range tests {
		var r command.Reader
		var got []command.AnswerKind
		for _, b := range tt.in {
			if a, ok := r.Next(b); ok {
				got = append(got, a.Kind)
			}
		}
		require.Equal(t, tt.want, got, tt.name)
		require.False(t, r.Inside(), tt.name)
	}
}

func TestStatus(t *testing.T) {
	var s command.Status
	s.Set(true, true, true, true, true)
	require.Equal(t, command.Status{0x1A, 0x76, 0x1A, 0x7E}, s)
	require.True(t, s.Offline() && s.Cover() && s.PaperEnd() && s.PaperNear() && s.Cutter())
	require.False(t, s.Broken())
	for i, b := range s {
		require.True(t, command.IsRealTime(b), i)
	}
	require.Equal(t, command.Status{0x12, 0x12, 0x12, 0x12}, command.Steady)
	require.True(t, command.Status{0x12, 0x52, 0x32, 0x12}.Broken(), "a fault that does not pass")
	require.False(t, command.Status{0x12, 0x52, 0x52, 0x12}.Broken(), "a hot head cools down")
	require.True(t, command.Status{0x12, 0x12, 0x52, 0x12}.Hot())
	require.True(t, command.QueuedEnd(command.Queued(true, true)))
	require.False(t, command.QueuedEnd(command.Queued(false, true)))
}

// FuzzParse: nothing is lost, nothing panics, and it does not matter how the stream is cut.
func FuzzParse(f *testing.F) {
	f.Add([]byte("\x1b@text\n\x1dv0\x00\x02\x00\x02\x00\x1b@\x10\x04\x1dV\x42\x00"), 3)
	f.Add([]byte("\x1d(k\x03\x00\x31\x51\x30\x1dk\x04123\x00\x1bD\x08\x00\x10\x14\x08"), 1)
	f.Add([]byte("\x1dk\x01"+strings.Repeat("3", 300)+"\x1dv0\x00\xff\xff\xff\xff"), 9)
	f.Fuzz(func(t *testing.T, in []byte, chunk int) {
		chunk = min(max(chunk, 1), 64)
		var whole, cut command.Decoder
		whole.Write(in)
		a := drain(&whole)
		var b []byte
		for at := 0; at < len(in); at += chunk {
			cut.Write(in[at:min(at+chunk, len(in))])
			b = append(b, drain(&cut)...)
		}
		require.Equal(t, string(a), string(b))
		require.Equal(t, string(in[:len(a)]), string(a), "what was taken is the beginning")
		require.Len(t, command.Rewrite(in, func(b []byte) []byte { return b }), len(in))
		var w command.Watch
		for _, c := range in {
			w.Next(c)
		}
	})
}

func drain(d *command.Decoder) (out []byte) {
	for {
		c, ok := d.Next()
		if !ok {
			return out
		}
		out = append(out, c.Raw...)
	}
}

// FuzzReader: every byte of a printer ends in one answer or is kept for one, and kinds have their sizes.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0x12, 0x00, 0x14, 0, 0, 0, 0x5F, 'E', 0, 0x37, 0x22, '0', '0', '0', '1', 0, 0x13})
	f.Fuzz(func(t *testing.T, in []byte) {
		var r command.Reader
		for _, b := range in {
			a, ok := r.Next(b)
			if !ok {
				continue
			}
			switch a.Kind {
			case command.AnswerRealTime:
				require.True(t, command.IsRealTime(a.Bytes[0]))
			case command.AnswerQueued:
				require.Zero(t, a.Bytes[0]&0x90)
			case command.AnswerBack, command.AnswerProcess:
				require.Len(t, a.Bytes, 4)
			}
		}
	})
}
