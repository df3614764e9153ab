package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/capture"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestRingIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	for run := range 3 {
		r, err := capture.OpenRing(path, capture.SizeMin)
		require.NoError(t, err)
		for i := range 300 {
			r.Put(capture.Entry{At: int64(run*1000 + i), Kind: capture.KindRead, Data: bytes.Repeat([]byte{byte(i)}, 10_000)})
		}
		require.NoError(t, r.Close())
		require.NoError(t, r.Close(), "twice does no harm")
		r.Put(capture.Entry{Kind: capture.KindRead}) // nor does this
		require.Zero(t, r.Dropped())
	}
	total := int64(0)
	for _, half := range []string{path, path + ".1"} {
		info, err := os.Stat(half)
		require.NoError(t, err)
		total += info.Size()
	}
	require.LessOrEqual(t, total, int64(capture.SizeMin)+20_000)
	entries, damaged, err := capture.Read(path)
	require.NoError(t, err)
	require.Zero(t, damaged)
	require.Equal(t, int64(2299), entries[len(entries)-1].At)
	for i, e := range entries[1:] {
		require.Greater(t, e.At, entries[i].At, "in order")
	}
	require.Greater(t, len(entries), 140)
}

func TestRingSurvivesACrashAtEveryByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	r, err := capture.OpenRing(path, capture.SizeMin)
	require.NoError(t, err)
	for i := range 3 {
		r.Put(capture.Entry{At: int64(i + 1), Kind: capture.KindWrite, Conn: 1, Data: []byte("\n\x00bytes")})
	}
	require.NoError(t, r.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := range len(whole) {
		torn := filepath.Join(t.TempDir(), "torn")
		require.NoError(t, os.WriteFile(torn, whole[:cut], 0o600))
		r, err := capture.OpenRing(torn, capture.SizeMin)
		require.NoError(t, err)
		r.Put(capture.Entry{At: 9, Kind: capture.KindClose})
		require.NoError(t, r.Close())
		entries, damaged, err := capture.Read(torn)
		require.NoError(t, err)
		lines := bytes.Count(whole[:cut], []byte("\n"))
		if torn := cut > 0 && whole[cut-1] != '\n'; torn && cut+1 == bytes.IndexByte(whole[cut:], '\n')+cut+1 {
			lines++ // all but the line's end was there
		} else if torn {
			require.Equal(t, 1, damaged, "cut at %d", cut)
		}
		require.Len(t, entries, lines+1, "cut at %d", cut)
		require.Equal(t, int64(9), entries[len(entries)-1].At, "what comes after a crash is whole")
	}
}

func TestRingRefusals(t *testing.T) {
	_, err := capture.OpenRing(filepath.Join(t.TempDir(), "r"), 100)
	require.ErrorContains(t, err, "100 bytes, want")
	_, err = capture.OpenRing(filepath.Join(t.TempDir(), "no", "such", "folder"), capture.SizeMin)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = capture.Read(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A disk that fails stops the capture and nothing else.
func TestAFullDiskDoesNotStopTheTill(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	link := filepath.Join(t.TempDir(), "ring")
	require.NoError(t, os.Symlink("/dev/full", link))
	r, err := capture.OpenRing(link, capture.SizeMin)
	require.NoError(t, err)
	for range 3 {
		r.Put(capture.Entry{Kind: capture.KindClose})
	}
	require.ErrorContains(t, r.Close(), "no space left")
	require.Equal(t, uint64(2), r.Dropped())
}

// After half of the file was given up a driver is made anew, so that there is always a session to replay.
func TestASessionBeginsAnewWhenTheRingTurns(t *testing.T) {
	every(t, func(t *testing.T, w world.World) {
		var entries []capture.Entry
		synctest.Test(t, func(t *testing.T) {
			c := open(t, w, capture.SizeMin)
			_, err := c.p.OpenShift(t.Context(), ivanova)
			require.NoError(t, err)
			for i := 0; i < 40; i++ {
				for range 100 { // as many entries as fill a half
					c.ring.Put(capture.Entry{Kind: capture.KindRead, Session: "other", Data: make([]byte, 1_000)})
				}
				time.Sleep(time.Millisecond) // until all of it is on the disk
				_, err := c.p.Status(t.Context())
				require.NoError(t, err)
				_, err = c.p.Print(t.Context(), receipt(ivanova, buyer))
				require.NoError(t, err)
			}
			entries = c.closed()
		})
		whole := 0
		for _, s := range capture.Sessions(entries) {
			if s.Whole && s.ID != "other" {
				calls, err := replay(t, s)
				require.NoError(t, err)
				require.NotZero(t, calls)
				whole++
			}
		}
		require.NotZero(t, whole)
	})
}

// What is replayed need not have gone well.
func TestTroubleIsReplayed(t *testing.T) {
	every(t, func(t *testing.T, w world.World) {
		troubles := 0
		for n := 1; n < 400; n += 23 {
			var entries []capture.Entry
			synctest.Test(t, func(t *testing.T) {
				c := open(t, w, capture.SizeMin)
				_, err := c.p.OpenShift(t.Context(), ivanova)
				require.NoError(t, err)
				left := n
				c.noise = func(conn port.Conn) port.Conn { return &cutting{Conn: conn, left: &left} }
				_, err = c.p.Status(t.Context())
				require.True(t, err == nil || left == 0, "%v", err)
				require.NoError(t, c.p.Close())
				_, err = c.p.Print(t.Context(), receipt(ivanova, buyer, "Покупатель: Мария"))
				if err != nil {
					troubles++
					left = 1 << 30
					_, err = c.p.Snapshot(t.Context())
					require.NoError(t, err)
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				_, err = c.p.Status(ended)
				require.Error(t, err)
				entries = c.closed()
			})
			made, failed := capture.Sessions(entries)[0].Calls()
			require.NotZero(t, failed)
			calls, err := replay(t, capture.Sessions(entries)[0])
			require.NoError(t, err, "cut after %d bytes", n)
			require.Equal(t, made, calls)
		}
		require.Positive(t, troubles, "no cut met a receipt")
	})
}

// cutting is a cable that falls silent after some bytes of the device: the till waits in vain.
type cutting struct {
	port.Conn
	left *int
}

func (c *cutting) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n <= *c.left {
			*c.left -= n
			return n, err
		}
		n, *c.left = *c.left, 0
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// scannerDay reads codes by the real driver through a recorder.
func scannerDay(t *testing.T, bursts ...string) (got []sale.Code, entries []capture.Entry) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "scans")
		ring, err := capture.OpenRing(path, capture.SizeMin)
		require.NoError(t, err)
		ours, theirs := net.Pipe()
		r := capture.NewRecorder(capture.Options{Ring: ring, Now: time.Now, Device: "hand", Type: "serial-scanner"})
		s, err := r.Scanner(func(context.Context) (port.Conn, error) { return ours, nil }, nil, func(d port.Dial) (drivers.Scanner, error) {
			return all.Scanner("serial-scanner", "hand", d, nil)
		})
		require.NoError(t, err)
		var hand sync.WaitGroup
		hand.Go(func() {
			for _, b := range bursts {
				_, _ = theirs.Write([]byte(b)) // a till that is gone reads no more
				time.Sleep(time.Second)
			}
		})
		for range bursts {
			code, err := s.Read(t.Context())
			require.True(t, err == nil || drivers.FailOf(err) == drivers.FailScan, "%v", err)
			got = append(got, code)
		}
		require.NoError(t, s.Close())
		require.NoError(t, theirs.Close())
		hand.Wait()
		require.NoError(t, ring.Close())
		entries, _, err = capture.Read(path)
		require.NoError(t, err)
	})
	return got, entries
}

func TestScansAreMaskedAndReplayed(t *testing.T) {
	mark := "0104600494000010215AbCdEf\x1d93dGVz"
	got, entries := scannerDay(t, "4600494000010\r\n", "]d2"+mark+"\r\n", "K-771234\r\n", "2900004321874", "46\x00\x00\r\n", "79161234567\r\n")
	require.Equal(t, "K-771234", got[2].Text, "the till gets what was scanned")
	for _, secret := range []string{"771234", "9000043", "9161234567"} {
		where, found := holds(entries, secret)
		require.False(t, found, where)
	}
	for _, kept := range []string{"4600494000010"} {
		_, found := holds(entries, kept)
		require.True(t, found)
	}
	calls, err := replay(t, capture.Sessions(entries)[0])
	require.NoError(t, err)
	require.Equal(t, 6, calls)
}

func TestReplayTellsWhatIsOtherwise(t *testing.T) {
	_, entries := scannerDay(t, "4600494000010\r\n", "4600494000027\r\n")
	s := capture.Sessions(entries)[0]
	for i := range s.Entries {
		if r := s.Entries[i].Result; r != nil {
			r.Code.Text = "4600494000034"
		}
	}
	_, err := replay(t, s)
	var d *capture.Difference
	require.True(t, errors.As(err, &d), "%v", err)
	require.ErrorContains(t, d, "call 1 (scan): it gives something else")

	s.Whole = false
	_, err = replay(t, s)
	require.ErrorIs(t, err, capture.ErrSession)
}

func BenchmarkRecord(b *testing.B) {
	ring, err := capture.OpenRing(filepath.Join(b.TempDir(), "ring"), capture.SizeMin)
	require.NoError(b, err)
	m := capture.NewMasker(all.Kinds["shtrih-m"].Rewrite)
	m.Learn(&capture.Args{Receipt: &drivers.Receipt{Operator: ivanova, Contact: buyer, Footer: []string{"Покупатель: Мария Петрова", "Баланс: 120 баллов"}}})
	frame := []byte("\x02\x05\x10\x1e\x00\x00\x00\x0b")
	b.ReportAllocs()
	for b.Loop() {
		ring.Put(capture.Entry{At: 1, Session: "register x", Kind: capture.KindWrite, Conn: 1, Data: m.Burst(frame)})
	}
	require.NoError(b, ring.Close())
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("00000000 {}\n"))
	f.Add([]byte(fmt.Sprintf("%08x %s\n", 0xa505df1b, "{}")))
	f.Fuzz(func(t *testing.T, p []byte) {
		var entries []capture.Entry
		require.NoError(t, capture.Scan(bytes.NewReader(p), func(e capture.Entry, ok bool) {
			if ok {
				entries = append(entries, e)
			}
		}))
		for _, s := range capture.Sessions(entries) {
			s.Calls()
		}
	})
}
