package uplink_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

func TestStateComesDown(t *testing.T) {
	inWorld(t, 20, func(w *world) {
		for i := range 10 {
			w.office.publish(customer(t, sale.CustomerNo(i+1), "Анна П."))
		}
		w.start()
		w.until("applied", func() bool { return w.ledger.Applied() == 10 })
		w.office.publish(customer(t, 3, "Борис К."))
		w.until("the change applied", func() bool { return w.ledger.Applied() == 11 })
		c, err := w.ledger.Customer(3)
		require.NoError(t, err)
		require.Equal(t, "Борис К.", c.Name)
		w.pass(time.Second)
		require.Equal(t, []uint64{3, 6, 9, 10, 11}, w.office.downAcks, "each acknowledged, when on disk")
		require.NotEmpty(t, w.trusted)
		require.WithinDuration(t, time.Now(), w.trusted[0].Time(), time.Minute)
	})
}

// A repeat changes nothing and is acknowledged; a gap ends the session, and the next hello closes it.
func TestDownRepeatsAndGaps(t *testing.T) {
	inWorld(t, 21, func(w *world) {
		w.office.publish(customer(t, 1, "Анна П."), customer(t, 2, "Борис К."))
		repeat := &wire.Down{From: 0, To: 1, Changes: []sale.Change{customer(t, 1, "Никто")}}
		gap := &wire.Down{From: 7, To: 8, Changes: []sale.Change{customer(t, 8, "Никто")}}
		w.start()
		w.until("applied", func() bool { return w.ledger.Applied() == 2 })
		w.office.mu.Lock()
		w.office.extra = []any{repeat, gap}
		w.office.mu.Unlock()
		w.net.Reset("till", "office")
		w.until("refused", func() bool { return w.uplink.State().Code == uplink.CodeProtocol })
		w.office.mu.Lock()
		w.office.extra = nil
		w.office.mu.Unlock()
		w.until("online", func() bool { return w.uplink.State().Online })
		c, err := w.ledger.Customer(1)
		require.NoError(t, err)
		require.Equal(t, "Анна П.", c.Name)
		require.EqualValues(t, 2, w.ledger.Applied())
		require.EqualValues(t, 2, w.office.hellos[len(w.office.hellos)-1].Down)
	})
}

// Programmes are believed only under a key certified for programmes; what else came is applied all the same.
func TestProgrammeMustBeSigned(t *testing.T) {
	programme := func(w *world, version uint32) (plain, key []byte) {
		p := loyalty.Default()
		p.Version = version
		plain, err := p.Encode()
		require.NoError(t, err)
		return plain, binary.BigEndian.AppendUint32(nil, version)
	}
	inWorld(t, 22, func(w *world) {
		k, foreign := w.office.keys, newKeys(t, 100)
		sign := func(n uint32, f func(plain []byte) ([]byte, error)) sale.Change {
			plain, key := programme(w, n)
			body, err := f(plain)
			require.NoError(t, err)
			return sale.Change{Kind: sale.ChangeProgramme, Key: key, Body: body}
		}
		w.office.publish(
			sign(1, func(b []byte) ([]byte, error) { return wire.Sign(k.programme, k.programmeCert, b) }),
			customer(t, 1, "Анна П."),
		)
		w.start()
		w.until("applied", func() bool { return w.ledger.Applied() == 2 })
		require.Equal(t, uplink.CodeNone, w.uplink.State().Code)
		w.office.publish(
			sign(2, func(b []byte) ([]byte, error) { return b, nil }),
			sign(3, func(b []byte) ([]byte, error) { return wire.Sign(foreign.programme, foreign.programmeCert, b) }),
			sign(4, func(b []byte) ([]byte, error) { return wire.Sign(k.online, k.onlineCert, b) }),
			sign(5, func(b []byte) ([]byte, error) {
				s, err := wire.Sign(k.programme, k.programmeCert, b)
				s[len(s)-1] ^= 1
				return s, err
			}),
			customer(t, 2, "Борис К."),
		)
		w.until("applied", func() bool { return w.ledger.Applied() == 7 })
		programmes, err := w.ledger.Programmes()
		require.NoError(t, err)
		require.Len(t, programmes, 1)
		require.EqualValues(t, 1, programmes[0].Version)
		c, err := w.ledger.Customer(2)
		require.NoError(t, err)
		require.Equal(t, "Борис К.", c.Name)
		require.Equal(t, uplink.CodeProgramme, w.uplink.State().Code)
		require.Contains(t, w.uplink.State().Text.RU, "подписи")
	})
}

func TestRefill(t *testing.T) {
	inWorld(t, 23, func(w *world) {
		o := w.office
		o.refill = true
		o.snapshot(5, 1000, 300)
		o.publish(customer(t, 1, "Старый"), customer(t, 2, "Новый"))
		w.sell(3)
		w.start()
		w.until("filled", func() bool { return w.ledger.Filled() == 5 && w.ledger.Applied() == 2 && w.arrived() })
		require.EqualValues(t, 1000, w.ledger.Customers())
		c, err := w.ledger.Customer(777)
		require.NoError(t, err)
		require.Equal(t, sale.Seen{Epoch: 1, Seq: 3, At: c.Seen.At}, c.Seen)
		require.EqualValues(t, 5, o.hellos[len(o.hellos)-1].Snapshot)
		require.Equal(t, uplink.CodeNone, w.uplink.State().Code)
		require.Len(t, o.hellos, 2, "at once, without a wait")
	})
}

// A fill that is cut off goes on where it was: whole chunks are kept, a part is continued by Range, and
// the next snapshot brings only what changed.
func TestRefillResumes(t *testing.T) {
	inWorld(t, 24, func(w *world) {
		o := w.office
		o.refill = true
		o.snapshot(5, 4000, 1000)
		o.cutChunk = 5000
		w.net.SetAll(linktest.Link{Latency: 20 * time.Millisecond, Bytes: 4000})
		w.start()
		w.until("a chunk is there", func() bool { return len(glob(t, w.cache, "*.chunk")) == 2 })
		w.halt()
		require.Equal(t, 1, o.ranges, "the first chunk was cut and continued")
		require.Zero(t, w.ledger.Filled())

		w.start()
		w.until("filled", func() bool { return w.ledger.Filled() == 5 })
		for path, times := range o.served {
			if len(path) > len(wire.PathChunk) && path[:len(wire.PathChunk)] == wire.PathChunk {
				require.LessOrEqual(t, times, 2, path)
			}
		}
		before := len(o.served)
		w.halt()

		o.snapshot(6, 3000, 1000) // its first three chunks are the old ones
		o.mu.Lock()
		o.feed = nil
		o.mu.Unlock()
		require.NoError(t, os.WriteFile(filepath.Join(w.cache, "notes.txt"), []byte("not ours"), 0o600))
		o.refillAlways = true
		w.start()
		w.until("filled again", func() bool { return w.ledger.Filled() == 6 })
		require.Equal(t, before, len(o.served), "no new chunk was fetched")
		require.Len(t, glob(t, w.cache, "*.chunk"), 3, "what the manifest does not name is swept")
		require.Len(t, glob(t, w.cache, "notes.txt"), 1)
		hellos := len(o.hellos)
		w.pass(time.Hour)
		require.Less(t, len(o.hellos)-hellos, 60, "a head office that says refill for ever must not be asked in a tight loop")
	})
}

// Damaged chunks, on the way or in the cache, never reach the ledger.
func TestRefillRefusesDamage(t *testing.T) {
	inWorld(t, 25, func(w *world) {
		o := w.office
		o.refill = true
		o.snapshot(5, 500, 250)
		for hash, b := range o.chunks {
			bad := append([]byte(nil), b...)
			bad[len(bad)/2] ^= 1
			o.chunks[hash] = bad
			break
		}
		w.start()
		w.pass(time.Hour)
		require.Zero(t, w.ledger.Filled())
		require.Equal(t, uplink.CodeFilling, w.uplink.State().Code)
		require.Contains(t, w.uplink.State().Text.RU, "загружает")
		w.sell(1)
		w.until("sales go up all the same", w.arrived)
		o.mu.Lock()
		o.chunks = map[sale.Hash][]byte{}
		o.snapshot(5, 500, 250)
		o.mu.Unlock()
		w.until("filled", func() bool { return w.ledger.Filled() == 5 })
	})
}

// A manifest under another root, or another role's key, brings nothing.
func TestRefillRefusesForeignManifest(t *testing.T) {
	inWorld(t, 26, func(w *world) {
		o, real := w.office, w.office.keys.manifest
		o.refill = true
		o.keys.manifest = newKey(99)
		o.snapshot(5, 10, 10)
		w.start()
		w.until("refused", func() bool { return w.uplink.State().Code == uplink.CodeTrust })
		w.pass(time.Hour)
		require.Zero(t, w.ledger.Filled())
		o.mu.Lock()
		o.keys.manifest = real
		o.snapshot(5, 10, 10)
		o.mu.Unlock()
		w.until("filled", func() bool { return w.ledger.Filled() == 5 })
	})
}

func glob(t *testing.T, dir, pattern string) []string {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	return names
}
