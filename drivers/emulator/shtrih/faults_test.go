package shtrih_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
)

const beepAnswer = "06 02 03 13 00 01 11"

func TestFaultsOnTheWay(t *testing.T) {
	beep := packed(command("13", cashier))
	for _, c := range []struct {
		name  string
		fault shtrih.Fault
		want  string // all that the host hears within a minute
	}{
		{"byte dropped", shtrih.Fault{Kind: shtrih.DropByte, Command: 0x13, N: 1}, "06 02 13 00 01 11"},
		{"byte repeated", shtrih.Fault{Kind: shtrih.RepeatByte, Command: 0x13, N: 4}, "06 02 03 13 00 01 01 11"},
		{"byte changed", shtrih.Fault{Kind: shtrih.CorruptByte, Command: 0x13, N: 5, Mask: 0xF0}, "06 02 03 13 00 01 E1"},
		{"any byte, counted over the stream", shtrih.Fault{Kind: shtrih.DropByte, N: 0}, "02 03 13 00 01 11"},
		{"closed in the answer", shtrih.Fault{Kind: shtrih.CloseAfter, Command: 0x13, N: 3}, "06 02 03 13"},
		{"closed before the ACK", shtrih.Fault{Kind: shtrih.CloseAfter, N: 0}, ""},
		{"frame to the device broken", shtrih.Fault{Kind: shtrih.CorruptByte, Command: 0x13, Dir: shtrih.ToDevice, N: 5}, "15"},
		{"frame to the device cut short", shtrih.Fault{Kind: shtrih.DropByte, Command: 0x13, Dir: shtrih.ToDevice, N: 5}, ""},
		{"answer lost", shtrih.Fault{Kind: shtrih.LoseAnswer}, "06"},
		{"answer forgotten", shtrih.Fault{Kind: shtrih.ForgetAnswer}, "06"},
		{"refused twice", shtrih.Fault{Kind: shtrih.NAKStorm, Times: 2}, "15"},
		{"power gone after the answer", shtrih.Fault{Kind: shtrih.PowerAfterAnswer}, beepAnswer},
		{"another command's fault", shtrih.Fault{Kind: shtrih.DropByte, Command: 0xFF45, N: 1}, beepAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, shtrih.Options{}, func(t *testing.T, r *shtrih.Register, l *line) {
				r.Inject(c.fault)
				l.say(beep)
				require.Equal(t, c.want, spaced(l.hear(100)))
			})
		})
	}
}

func spaced(b []byte) string {
	s := ""
	for i, x := range b {
		if i > 0 {
			s += " "
		}
		s += string("0123456789ABCDEF"[x>>4]) + string("0123456789ABCDEF"[x&15])
	}
	return s
}

func TestLostAnswerCanBeFetchedForgottenCannot(t *testing.T) {
	for kind, want := range map[shtrih.FaultKind]string{shtrih.LoseAnswer: beepAnswer, shtrih.ForgetAnswer: "15"} {
		bubble(t, shtrih.Options{}, func(_ *testing.T, r *shtrih.Register, l *line) {
			r.Inject(shtrih.Fault{Kind: kind})
			l.say(packed(command("13", cashier)))
			l.expect("06")
			l.silent()
			l.say([]byte{0x05})
			l.expect(want)
		})
	}
}

func TestSlowAnswer(t *testing.T) {
	bubble(t, shtrih.Options{}, func(t *testing.T, r *shtrih.Register, l *line) {
		r.Inject(shtrih.Fault{Kind: shtrih.SlowAnswer, For: 40 * time.Second})
		begin := time.Now()
		l.say(packed(command("13", cashier)))
		l.expect("06")
		l.say([]byte{0x05})
		l.expect("06") // being prepared
		l.expect(beepAnswer[3:])
		require.Equal(t, 40*time.Second, time.Since(begin))
	})
}

func TestDelayedByte(t *testing.T) {
	bubble(t, shtrih.Options{}, func(t *testing.T, r *shtrih.Register, l *line) {
		r.Inject(shtrih.Fault{Kind: shtrih.DelayByte, Command: 0x13, N: 2, For: 3 * time.Second})
		l.say(packed(command("13", cashier)))
		begin := time.Now()
		l.expect("06 02 03")
		require.Zero(t, time.Since(begin))
		l.expect("13 00 01 11")
		require.Equal(t, 3*time.Second, time.Since(begin))
	})
}

func TestAnswerOfThePreviousCommand(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, r *shtrih.Register, l *line) {
		r.Inject(shtrih.Fault{Kind: shtrih.LateAnswer, Command: 0x13})
		l.say(packed(command("13", cashier)))
		l.expect("06")
		l.silent()
		l.say(packed(command("ff08", cashier)))
		l.expect("06 02 03 13 00 01 11 02 03 FF 08 00 F4")
	})
}

func TestNoiseAndNAKStorm(t *testing.T) {
	bubble(t, shtrih.Options{}, func(t *testing.T, r *shtrih.Register, l *line) {
		r.Inject(shtrih.Fault{Kind: shtrih.NoiseFF, N: 3})
		l.say([]byte{0x05})
		l.expect("FF FF FF 15")
		r.Inject(shtrih.Fault{Kind: shtrih.NAKStorm, Times: 3})
		for range 3 {
			l.say(packed(command("13", cashier)))
			l.expect("15")
		}
		l.say(packed(command("13", cashier)))
		l.expect(beepAnswer)
		require.Len(t, r.Fired(), 4)
	})
}

func TestPulledCableIsSilent(t *testing.T) {
	bubble(t, shtrih.Options{}, func(_ *testing.T, r *shtrih.Register, l *line) {
		r.SetCable(false)
		l.say(packed(openShift))
		l.silent()
		r.SetCable(true)
		require.Len(t, r.Documents(), 1, "the command never arrived")
		l.say([]byte{0x05})
		l.expect("15")
	})
}

func TestNoPowerNoConnection(t *testing.T) {
	r := build(t, shtrih.Options{})
	r.SetPower(false)
	l := plug(t, r)
	l.wg.Wait()
	require.ErrorIs(t, l.err, shtrih.ErrPower)
	l.unplug()
}

// Any fault, drawn from a seed: the register never signs more than it was asked to, and works again
// when power and paper are back.
func TestRandomFaultsLeaveAWorkingRegister(t *testing.T) {
	for seed := range uint64(300) {
		bubble(t, shtrih.Options{}, func(t *testing.T, r *shtrih.Register, l *line) {
			rng := rand.New(rand.NewPCG(seed, 1))
			r.Inject(shtrih.RandomFault(rng, 0xE0, 0x8D, 0xFF46, 0xFF45))
			for _, body := range [][]byte{openShift, sell, milk, payMilk} {
				if _, err := l.conn.Write(packed(body)); err == nil {
					l.hear(60)
				}
			}
			r.Disarm("")
			r.SetPower(true)
			r.SetPaper(true)
			require.LessOrEqual(t, len(r.Documents()), 3, "seed %d", seed)
			pass(time.Minute) // a busy register has had time
			run(t, r, resume)
			if r.State().Mode&0x0F == 8 {
				run(t, r, cancel)
			}
			if !r.State().ShiftOpen {
				run(t, r, openShift)
			}
			run(t, r, sell)
			run(t, r, milk)
			run(t, r, payMilk)
		})
	}
}

func FuzzLink(f *testing.F) {
	const answersMax = 1 << 20
	f.Add(bytes.Repeat([]byte{0x05}, 5000))
	f.Add([]byte{0x05, 0x02, 0x05, 0x10, 0x1E, 0, 0, 0, 0x0B})
	f.Add([]byte{0x8F, 0, 0, 0x0F, 0x1D, 0x8F, 0x03, 0, 1, 0, 0xFC})
	f.Fuzz(func(t *testing.T, raw []byte) {
		bubble(t, shtrih.Options{}, func(t *testing.T, r *shtrih.Register, l *line) {
			go func() { _, _ = l.conn.Write(raw) }() // ends with the pipe; a cut write is the point
			l.hear(answersMax)                       // all of it: a register whose answers nobody takes hears nothing more
			pass(2 * time.Second)
			l.say([]byte{0x06, 0x05})
			require.Equal(t, "15", spaced(l.hear(1)))
			run(t, r, command("fc"))
		})
	})
}
