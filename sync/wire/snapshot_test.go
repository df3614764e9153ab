package wire_test

import (
	"crypto/sha256"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

var seen = sale.Seen{Epoch: 2, Seq: 99, At: 1793600000000}

// crowd is customers with rising numbers, keys and names.
func crowd(n int) []sale.CustomerChange {
	rng := rand.New(rand.NewPCG(3, 3))
	out := make([]sale.CustomerChange, n)
	no := sale.CustomerNo(0)
	for i := range out {
		no += sale.CustomerNo(rng.IntN(4) + 1)
		c := &out[i].Customer
		*c = sale.Customer{No: no, Name: "Анна П.", Tier: uint16(rng.IntN(4)), Home: 3, Balance: sale.Points(rng.IntN(50000)), Seen: seen}
		if i%50 == 0 {
			c.Debt, c.State = -500, sale.CustomerBlocked
		}
		for _, kind := range []sale.KeyKind{sale.KeyCard, sale.KeyPhone} {
			k := sale.CustomerKey{Kind: kind}
			for j := range k.Key {
				k.Key[j] = byte(rng.Uint32())
			}
			out[i].Keys = append(out[i].Keys, k)
		}
	}
	return out
}

// members is a crowd in the midst of a programme: most have bought, few have anything rare.
func members(n int) []sale.CustomerChange {
	rng := rand.New(rand.NewPCG(5, 5))
	out := crowd(n)
	for i := range out {
		c := &out[i].Customer
		c.Segment, c.Enrolled = uint8(rng.IntN(6)), seen.At.Add(-time.Duration(rng.IntN(900_000_000))*time.Second/10)
		if i%4 > 0 {
			c.Bought = uint32(rng.IntN(200))
			c.Progress = sale.Progress{Spend: sale.Money(rng.IntN(10_000_000)), Receipts: c.Bought}
			c.Expiring = sale.Expiring{Amount: c.Balance / 3, At: seen.At.Add(time.Duration(rng.IntN(300)) * 24 * time.Hour)}
		}
		switch i % 100 {
		case 1:
			c.Progress.Referrals, c.Staff = 3, sale.StaffNo(i)
		case 2:
			c.Accounts = []sale.CustomerNo{c.No + 1<<40, 7}
		case 3:
			c.Uses, c.Purses = []sale.PromoUse{{Promotion: 9, Times: 2}}, []sale.PurseAmount{{Purse: 2, Amount: 400}, {Purse: 3, Amount: -100}}
			if i == 3 { // rarer still
				c.Owed = []sale.PurseAmount{{Purse: 3, Amount: 100}}
			}
		case 4:
			c.Bearer = true
		}
	}
	return out
}

func TestChunkOfMembers(t *testing.T) {
	in := members(wire.ChunkCustomersMax)
	b, err := wire.PackChunk(in)
	require.NoError(t, err)
	out, err := wire.UnpackChunk(b, seen)
	require.NoError(t, err)
	require.Equal(t, in, out)
	t.Logf("%d bytes a customer with receipts, progress, expiry and enrolment", len(b)/len(in))
	require.Less(t, len(b)/len(in), 50, "a million members in 50 MB")
}

func TestChunkRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 100, wire.ChunkCustomersMax} {
		in := crowd(n)
		b, err := wire.PackChunk(in)
		require.NoError(t, err)
		out, err := wire.UnpackChunk(b, seen)
		require.NoError(t, err)
		require.Equal(t, in, out)
		again, err := wire.PackChunk(out)
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(b), sha256.Sum256(again), "the same customers are the same chunk: tomorrow it does not travel")
		if n == wire.ChunkCustomersMax {
			t.Logf("%d bytes a customer with two keys of 8", len(b)/n)
			require.Less(t, len(b)/n, 30, "a million customers in 30 MB")
		}
	}
	_, err := wire.PackChunk(crowd(wire.ChunkCustomersMax + 1))
	require.ErrorIs(t, err, wire.ErrChunk)
	twins := crowd(2)
	twins[1].Customer.No = twins[0].Customer.No
	_, err = wire.PackChunk(twins)
	require.ErrorIs(t, err, wire.ErrChunk, "not sorted")
}

func TestChunkProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 50).Draw(t, "customers")
		in := crowd(n)
		if rapid.Bool().Draw(t, "members") {
			in = members(n)
		}
		for i := range in {
			in[i].Customer.Balance = sale.Points(rapid.Int64().Draw(t, "balance"))
			in[i].Keys = in[i].Keys[:rapid.IntRange(1, 2).Draw(t, "keys")]
		}
		b, err := wire.PackChunk(in)
		require.NoError(t, err)
		out, err := wire.UnpackChunk(b, seen)
		require.NoError(t, err)
		require.Equal(t, in, out)
	})
}

func TestBrokenChunks(t *testing.T) {
	good := wire.Chunk{
		Numbers: []int64{1, 1}, Names: []string{"А", "Б"}, Tiers: []uint16{1, 1}, Homes: []uint32{1, 1}, Balances: []int64{5, 6},
		Cards: make([]byte, 16), CardOf: []int{0, 1},
	}
	encode := func(c wire.Chunk) []byte {
		b, err := sale.Encode(c)
		require.NoError(t, err)
		return pack(b)
	}
	_, err := wire.UnpackChunk(encode(good), seen)
	require.NoError(t, err)
	for name, spoil := range map[string]func(c *wire.Chunk){
		"a name short":         func(c *wire.Chunk) { c.Names = c.Names[:1] },
		"a balance short":      func(c *wire.Chunk) { c.Balances = nil },
		"half a key":           func(c *wire.Chunk) { c.Cards = c.Cards[:12] },
		"a key of nobody":      func(c *wire.Chunk) { c.CardOf = []int{0, 2} },
		"a key of less":        func(c *wire.Chunk) { c.CardOf = []int{0, -1} },
		"phones without keys":  func(c *wire.Chunk) { c.PhoneOf = []int{0} },
		"a segment short":      func(c *wire.Chunk) { c.Segments = []byte{1} },
		"a receipt too many":   func(c *wire.Chunk) { c.Bought = []uint32{1, 2, 3} },
		"an enrolment short":   func(c *wire.Chunk) { c.Enrolled = []int64{1} },
		"a spend short":        func(c *wire.Chunk) { c.Spend = []int64{1} },
		"a count short":        func(c *wire.Chunk) { c.Receipts = []uint32{1} },
		"an expiry short":      func(c *wire.Chunk) { c.Expiring = []int64{1} },
		"a day short":          func(c *wire.Chunk) { c.ExpiringAt = []int64{1} },
		"nobody's certificate": func(c *wire.Chunk) { c.Bearers = []int{2} },
		"less than nobody's":   func(c *wire.Chunk) { c.Bearers = []int{-1} },
		"numbers of no people": func(c *wire.Chunk) { c.Numbers = append(c.Numbers, 1) },
	} {
		c := good
		spoil(&c)
		_, err := wire.UnpackChunk(encode(c), seen)
		require.ErrorIs(t, err, wire.ErrChunk, name)
	}
	_, err = wire.UnpackChunk([]byte("zstd?"), seen)
	require.ErrorIs(t, err, wire.ErrChunk)
}

func TestManifest(t *testing.T) {
	root, k := key(1), key(2)
	cert := certOf(t, root, k, wire.RoleManifest)
	// More tills and chunks than one list of a message may hold.
	m := wire.Manifest{Org: 1, Version: 9, At: 5}
	for i := range 5000 {
		m.Chunks = append(m.Chunks, wire.ChunkRef{Hash: sale.Hash{byte(i), byte(i >> 8)}, Bytes: 1000, Count: 10})
		m.Cursors = append(m.Cursors, wire.SeenByTill{Till: sale.TillNo(i + 1), Seen: sale.Seen{Epoch: 1, Seq: uint64(i)}})
		m.Customers += 10
	}
	seal := func(m wire.Manifest, cert []byte) []byte {
		b, err := sale.Encode(m)
		require.NoError(t, err)
		return signed(t, k, cert, b)
	}
	got, err := wire.OpenManifest(public(root), seal(m, cert))
	require.NoError(t, err)
	require.Equal(t, &m, got)
	require.Equal(t, sale.Seen{Epoch: 1, Seq: 41}, got.Seen(42))
	require.Equal(t, sale.Seen{At: 5}, got.Seen(9999), "a till that the snapshot has not heard of")

	for name, spoil := range map[string]func(m *wire.Manifest){
		"another sum":      func(m *wire.Manifest) { m.Customers++ },
		"an empty chunk":   func(m *wire.Manifest) { m.Chunks[0].Count = 0 },
		"a chunk too full": func(m *wire.Manifest) { m.Chunks[0].Count = wire.ChunkCustomersMax + 1 },
		"a chunk too long": func(m *wire.Manifest) { m.Chunks[0].Bytes = wire.ChunkInflatedMax + 1 },
		"negative bytes":   func(m *wire.Manifest) { m.Chunks[0].Bytes = -1 },
	} {
		bad := m
		bad.Chunks = append([]wire.ChunkRef(nil), m.Chunks...)
		spoil(&bad)
		_, err := wire.OpenManifest(public(root), seal(bad, cert))
		require.ErrorIs(t, err, wire.ErrChunk, name)
	}
	_, err = wire.OpenManifest(public(root), seal(m, certOf(t, root, k, wire.RoleProgramme)))
	require.ErrorIs(t, err, wire.ErrTrust)
	_, err = wire.OpenManifest(public(root), make([]byte, wire.ManifestBytesMax+1))
	require.ErrorIs(t, err, wire.ErrChunk)
	_, err = wire.OpenManifest(public(root), signed(t, k, cert, []byte{0x80}))
	require.ErrorIs(t, err, wire.ErrChunk)
}

func FuzzUnpackChunk(f *testing.F) {
	for _, n := range []int{0, 1, 20} {
		b, err := wire.PackChunk(crowd(n))
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add(pack([]byte{0xa1, 0x01, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := wire.UnpackChunk(b, seen)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrChunk)
			return
		}
		require.LessOrEqual(t, len(out), wire.ChunkCustomersMax)
	})
}
