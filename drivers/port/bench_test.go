//go:build linux

package port_test

import (
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/drivers/port"
)

const (
	// retry is how often the agent looks for a scanner that is gone.
	retry = 2 * time.Second
	// coreShare is what of one core an idle agent may use, in percent.
	coreShare = 1
)

// cpu is what this process has used of all cores.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkUnplugged is one look for a scanner that is not there, as an idle agent takes every two seconds.
// of_limit is the share of a core that this makes, against 1 %.
func BenchmarkUnplugged(b *testing.B) {
	for _, in := range []string{"usb-serial://FFFF:FFFE/X", "hid://FFFF:FFFE/X", "hidraw://FFFF:FFFE/X", "serial:///dev/ttyNONE"} {
		a, err := port.ParseAddress(in)
		require.NoError(b, err)
		b.Run(in[:4], func(b *testing.B) {
			before := cpu(b)
			for range b.N {
				if _, err := a.Dial(b.Context()); err == nil {
					b.Fatal("it is not there")
				}
			}
			each := (cpu(b) - before) / time.Duration(b.N)
			report(b, each, retry)
		})
	}
}

// BenchmarkSilentScanner is a plugged scanner on a serial line that nobody uses, for a second at a time.
func BenchmarkSilentScanner(b *testing.B) {
	master, slave, err := pty.Open()
	require.NoError(b, err)
	defer master.Close()
	defer slave.Close()
	a, err := port.ParseAddress("serial://" + slave.Name())
	require.NoError(b, err)
	c, err := a.Dial(b.Context())
	require.NoError(b, err)
	defer c.Close()
	before, began := cpu(b), time.Now()
	for range b.N {
		require.NoError(b, c.SetReadDeadline(time.Now().Add(time.Second)))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			b.Fatal("nobody wrote")
		}
	}
	report(b, cpu(b)-before, time.Since(began))
}

func report(b *testing.B, used, of time.Duration) {
	share := 100 * float64(used) / float64(of)
	b.ReportMetric(share, "%core")
	b.ReportMetric(share/coreShare, "of_limit")
	if share > coreShare {
		b.Errorf("an idle scanner costs %.2f %% of a core, at most %d %%", share, coreShare)
	}
}
