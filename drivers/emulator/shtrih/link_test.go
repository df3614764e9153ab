package shtrih_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
)

// bubble runs a test with its own clock and a register on a cable.
func bubble(t *testing.T, o shtrih.Options, f func(t *testing.T, r *shtrih.Register, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, o)
		l := plug(t, r)
		defer l.unplug()
		f(t, r, l)
	})
}

func TestGoldenProtocol1(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, _ *shtrih.Register, l *line) {
		l.say([]byte{0x05})
		l.expect("15") // idle: waits for a command
		l.say(unhex(t, "02 06 FF 08 1E 00 00 00 EF"))
		l.expect("06 02 03 FF 08 00 F4")
		l.say([]byte{0x06})
		l.say(unhex(t, "02 05 10 1E 00 00 00 0B"))
		l.expect("06 02 10 10 00 1E D0 00 04 00 00 C8 D8 00 00 00 00 00 00 DA")
		l.say([]byte{0x06})
		l.say(unhex(t, "02 05 11 1E 00 00 00 0A"))
		full := l.hear(1 + 3 + 48)
		require.Equal(t, unhex(t, "06 02 30 11 00 1E"), full[:6])
		require.Len(t, full, 52)
		l.say([]byte{0x06})
		l.say(unhex(t, "02 05 88 1E 00 00 00 93"))
		l.expect("06 02 02 88 73 F9")
		l.say([]byte{0x06})
		l.say(unhex(t, "02 05 B0 1E 00 00 00 AB"))
		l.expect("06 02 03 B0 00 1E AD")
		l.say([]byte{0x06})
		l.say(unhex(t, "02 06 8D 1E 00 00 00 00 95"))
		l.expect("06 02 02 8D 3D B2") // the shift is closed
		l.say([]byte{0x06})
		l.say(unhex(t, "02 06 FF 01 1E 00 00 00 E6"))
		answer := l.hear(1 + 3 + 33)
		require.Equal(t, unhex(t, "06 02 21 FF 01 00 03 00 00 00 00"), answer[:11])
		require.Equal(t, "9999078900000001", string(answer[16:32]))
		require.Equal(t, unhex(t, "01 00 00 00"), answer[32:36])
		l.say([]byte{0x06})
		l.say(unhex(t, "02 01 FC FD"))
		require.Equal(t, unhex(t, "06 02 13 FC 00 00 00 01 0F FA 00 D8 D2 D0 C8 D5 2D CC 2D 30 31 D4"), l.hear(22))
	})
}

func TestGoldenProtocol2(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, _ *shtrih.Register, l *line) {
		l.say(unhex(t, "8F 00 00 0F 1D"))
		first := l.hear(7) // LEN 2, NUM 0, checksum
		require.Equal(t, unhex(t, "8F 02 00 00 00"), first[:5])
		for num := uint16(1); num <= 0x9E; num++ {
			switch num {
			case 6:
				l.say(unhex(t, "8F 03 00 06 00 FC ED 63"))
				require.Equal(t, unhex(t, "8F 15 00 06 00 FC 00"), l.hear(26)[:7])
			case 0x14: // write the beep-free cell 1.1.1 = 1; the answer is the golden frame
				l.say(packed2(num, command("1e", sysadmin, []byte{1, 1, 0, 1, 1})))
				l.expect("8F 04 00 14 00 1E 00 9B F9")
			case 0x8F: // its number is stuffed
				l.say(packed2(num, command("ff08", cashier)))
				require.Equal(t, unhex(t, "8F 05 00 9F 81 00 FF 08 00"), l.hear(11)[:9])
			default:
				l.say(packed2(num, command("ff08", cashier)))
				l.expect(hexOf(packed2(num, []byte{0xFF, 0x08, 0x00})))
			}
		}
		l.say(unhex(t, "8F 07 00 9F 83 00 10 1E 00 00 00 15 02"))
		require.Equal(t, unhex(t, "8F 12 00 9F 83 00 10 00 1E D0 00 04"), l.hear(24)[:12])
	})
}

func TestAnswerWaitsUntilItIsAcknowledged(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, _ *shtrih.Register, l *line) {
		beep := packed(command("13", cashier))
		l.say(beep)
		l.expect("06 02 03 13 00 01 11")
		l.say([]byte{0x05})
		l.expect("06 02 03 13 00 01 11")
		l.say([]byte{0x15}) // bad checksum at the host
		l.silent()          // repeated only on ENQ
		l.say([]byte{0x05})
		l.expect("06 02 03 13 00 01 11")
		l.say([]byte{0x06})
		l.say([]byte{0x05})
		l.expect("15")
	})
}

func TestAnswerOutlivesTheConnectionButNotThePower(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, r *shtrih.Register, l *line) {
		l.say(packed(command("13", cashier)))
		l.expect("06 02 03 13 00 01 11")
		l.unplug()
		again := plug(t, r)
		again.say([]byte{0x05})
		again.expect("06 02 03 13 00 01 11")
		r.SetPower(false)
		again.wg.Wait()
		require.ErrorIs(t, again.err, shtrih.ErrPower)
		again.unplug()
		r.SetPower(true)
		third := plug(t, r)
		defer third.unplug()
		third.say([]byte{0x05})
		third.expect("15")
	})
}

func TestRubbishThenBrokenThenGood(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, _ *shtrih.Register, l *line) {
		good := packed(command("13", cashier))
		l.say(unhex(t, "FF FF 00 7A"))
		broken := append([]byte(nil), good...)
		broken[3] ^= 0x40
		l.say(broken)
		l.expect("15")
		l.say(good[:4]) // torn
		pass(2 * time.Second)
		l.say(good)
		l.expect("06 02 03 13 00 01 11")
	})
}

func TestFrameNumbersOfProtocol2(t *testing.T) {
	for _, again := range []bool{false, true} {
		bubble(t, shtrih.Options{RunRepeated: again}, func(_ *testing.T, r *shtrih.Register, l *line) {
			l.say(packed2(1, openShift))
			require.Len(t, l.hear(10), 10)
			in := packed2(2, command("50", cashier, le(5000, 5)))
			for range 2 {
				l.say(in)
				require.Len(t, l.hear(12), 12)
			}
			want := int64(5000)
			if again {
				want = 10000
			}
			require.Equal(t, want, r.State().Drawer)
			l.say(packed2(9, status))
			require.Equal(t, unhex(t, "8F 02 00 02 00"), l.hear(7)[:5], "a number out of order is answered with the device's own")
		})
	}
}

// packed2 is 8F LEN NUM body CRC with the bytes masked.
func packed2(num uint16, body []byte) []byte {
	plain := join(le(uint64(len(body)+2), 2), le(uint64(num), 2), body)
	crc := uint16(0xFFFF)
	for _, b := range plain {
		for bit := 7; bit >= 0; bit-- {
			top := crc>>15 ^ uint16(b>>bit&1)
			if crc <<= 1; top == 1 {
				crc ^= 0x1021
			}
		}
	}
	out := []byte{0x8F}
	for _, b := range join(plain, le(uint64(crc), 2)) {
		switch b {
		case 0x8F:
			out = append(out, 0x9F, 0x81)
		case 0x9F:
			out = append(out, 0x9F, 0x83)
		default:
			out = append(out, b)
		}
	}
	return out
}
