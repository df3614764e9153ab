package report

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// descriptor is of a scanner of the usual layout, written by the usage tables' own rules.
func descriptor(t testing.TB, between string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(`058C 0902 A101 0912 A102 8502 1500 26FF00 7508 9501 0501 093B 8102 `+between+
		`9503 058C 09FB 09FC 09FD 8102 9538 09FE 820201 9502 0666FF 0904 0900 8102 058C 2501 7501 9501 09FF 8102 9507 8103 C0 C0`, " ", ""))
	require.NoError(t, err)
	return b
}

func TestLearn(t *testing.T) {
	l, err := Learn(descriptor(t, ""))
	require.NoError(t, err)
	want := Usual
	want.Learned = true
	require.Equal(t, want, l)

	shifted, err := Learn(descriptor(t, "0600FF 0901 8102 "))
	require.NoError(t, err)
	want = Shifted
	want.Learned, want.Size, want.More = true, 65, 64
	require.Equal(t, want, shifted)

	keyboard, err := hex.DecodeString("05010906A101050719E029E71500250175019508810295017508810395067508150025650507190029658100C0")
	require.NoError(t, err)
	for name, b := range map[string][]byte{"keyboard": keyboard, "nothing": nil, "cut": descriptor(t, "")[:40], "mid-item": {0x05}, "long item": {0xFE, 0, 0}} {
		_, err := Learn(b)
		require.ErrorIs(t, err, ErrDescriptor, name)
	}
}

func TestLearnBesideAKeyboard(t *testing.T) {
	keyboard, err := hex.DecodeString("05010906A1018501050719E029E71500250175019508810295017508810395067508150025650507190029658100C0")
	require.NoError(t, err)
	l, err := Learn(append(keyboard, descriptor(t, "")...))
	require.NoError(t, err)
	require.Equal(t, byte(2), l.ID)
	require.Equal(t, 5, l.Data)
}

// A frame as it is on the wire, byte by byte.
func TestParseGolden(t *testing.T) {
	b := make([]byte, 64)
	copy(b, "\x02\x0d]E04600494000010")
	b[61] = 'd'
	p, err := Usual.Parse(b)
	require.NoError(t, err)
	require.Equal(t, Part{AIM: "]E0", Data: []byte("4600494000010")}, p)

	shifted := make([]byte, 64)
	copy(shifted, "\x02\x0d\x00]E04600494000010")
	p, err = Usual.Parse(shifted)
	require.NoError(t, err, "recognised by the bracket")
	require.Equal(t, Part{AIM: "]E0", Data: []byte("4600494000010")}, p)

	none := make([]byte, 64)
	copy(none, "\x02\x04\x00\x00\x00K-12")
	p, err = Usual.Parse(none)
	require.NoError(t, err)
	require.Equal(t, Part{Data: []byte("K-12")}, p)

	b[63] = 1
	p, err = Usual.Parse(b)
	require.NoError(t, err)
	require.True(t, p.More)

	_, err = Usual.Parse(b[:63])
	require.ErrorIs(t, err, ErrReport)
	b[1] = 57
	_, err = Usual.Parse(b)
	require.ErrorIs(t, err, ErrReport)
	b[0] = 3
	_, err = Usual.Parse(b)
	require.ErrorIs(t, err, ErrOther)
	_, err = Usual.Parse(nil)
	require.ErrorIs(t, err, ErrOther)
}

func TestEveryCodeComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layout := rapid.SampledFrom([]Layout{Usual, Shifted}).Draw(t, "layout")
		codes := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 1, 5).Draw(t, "codes")
		aim := rapid.SampledFrom([]string{"]d2", "]E0", "]Q1"}).Draw(t, "identifier")
		var j Joiner
		var got []Message
		for _, code := range codes {
			for _, b := range layout.Split(aim, code) {
				require.Len(t, b, layout.Size)
				p, err := Usual.Parse(b)
				if layout == Shifted && err != nil {
					require.Fail(t, "the shift is not recognised", "%v", err)
				}
				require.NoError(t, err)
				got = append(got, j.Add(p)...)
			}
		}
		require.False(t, j.Open())
		require.Len(t, got, len(codes))
		for i, m := range got {
			require.Equal(t, aim, m.AIM)
			require.True(t, bytes.Equal(codes[i], m.Data))
			require.False(t, m.Cut || m.Long)
		}
	})
}

func TestLostPartIsNotJoined(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 80)
	first, err := Usual.Parse(Usual.Split("]d2", long)[0])
	require.NoError(t, err)
	other, err := Usual.Parse(Usual.Split("]E0", []byte("46009333"))[0])
	require.NoError(t, err)
	var j Joiner
	require.Empty(t, j.Add(first))
	require.True(t, j.Open())
	got := j.Add(other)
	require.Len(t, got, 2)
	require.True(t, got[0].Cut)
	require.Equal(t, Message{AIM: "]E0", Data: []byte("46009333")}, got[1])

	require.Empty(t, j.Add(first))
	got = j.End()
	require.Len(t, got, 1)
	require.True(t, got[0].Cut)
	require.Empty(t, j.End())
}

func TestEndlessCodeIsBounded(t *testing.T) {
	var j Joiner
	p := Part{AIM: "]d2", Data: bytes.Repeat([]byte("x"), 56), More: true}
	for range 1000 {
		require.Empty(t, j.Add(p))
		require.LessOrEqual(t, len(j.now.Data), codeMax)
	}
	p.More = false
	got := j.Add(p)
	require.Len(t, got, 1)
	require.True(t, got[0].Long)
}

func FuzzParse(f *testing.F) {
	f.Add(Usual.Split("]d2", bytes.Repeat([]byte("x"), 80))[0])
	f.Add(Shifted.Split("]E0", []byte("4600494000010"))[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		var j Joiner
		for range 2 {
			p, err := Usual.Parse(b)
			if err != nil {
				return
			}
			require.LessOrEqual(t, len(p.Data), Usual.DataMax)
			j.Add(p)
		}
	})
}

func FuzzLearn(f *testing.F) {
	f.Add(descriptor(f, ""))
	f.Add(descriptor(f, "0600FF 0901 8102 "))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Learn(b)
		if err != nil {
			require.ErrorIs(t, err, ErrDescriptor)
			return
		}
		for _, r := range l.Split("]d2", bytes.Repeat([]byte("y"), 300)) {
			p, err := l.Parse(r)
			require.NoError(t, err)
			require.LessOrEqual(t, len(p.Data), l.DataMax)
		}
	})
}
