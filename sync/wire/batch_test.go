package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// chain makes so many records of a till that follow each other.
func chain(t require.TestingT, n int, make func(i int) sale.Record) []sale.Entry {
	var out []sale.Entry
	var prev sale.Hash
	random := rand.NewChaCha8([32]byte{5})
	for i := range n {
		r := make(i)
		id, err := sale.NewID(time.UnixMilli(1793600000000+int64(i)*45_000), random)
		require.NoError(t, err)
		r.Version, r.Org, r.Store, r.Till, r.Epoch, r.Seq = sale.RecordVersion, 1, 3, 7, 2, uint64(i+1)
		r.Prev, r.ID, r.At, r.Quality = prev, id, sale.Time(1793600000000+int64(i)*45_000), sale.TimeHeadOffice
		require.NoError(t, r.Validate())
		b, err := r.Bytes()
		require.NoError(t, err)
		out, prev = append(out, sale.Entry{Record: b, Sealed: []byte{byte(i)}}), sale.HashOf(b)
	}
	return out
}

func cash(i int) sale.Record {
	return sale.Record{Kind: sale.KindCashIn, Cash: &sale.CashMove{Amount: sale.Money(i + 1)}}
}

// batchOf packs entries from seq on.
func batchOf(t require.TestingT, from uint64, entries []sale.Entry) *wire.Batch {
	payload, err := wire.PackEntries(entries)
	require.NoError(t, err)
	return &wire.Batch{Epoch: 2, From: from, Count: len(entries), Payload: payload, Head: sale.HashOf(entries[len(entries)-1].Record)}
}

func TestOpenVerifiesTheChain(t *testing.T) {
	e := chain(t, 10, cash)
	prev := sale.HashOf(e[3].Record)
	got, err := batchOf(t, 5, e[4:]).Open(prev)
	require.NoError(t, err)
	require.Len(t, got, 6)
	for i, s := range got {
		require.Equal(t, e[4+i].Record, s.Bytes)
		require.Equal(t, e[4+i].Sealed, s.Blob)
		require.Equal(t, uint64(5+i), s.Record.Seq)
		require.Equal(t, sale.HashOf(s.Bytes), s.Hash)
	}

	other := chain(t, 10, func(i int) sale.Record { return cash(i + 100) })
	edited := append([]sale.Entry(nil), e...)
	r, err := sale.DecodeRecord(e[6].Record)
	require.NoError(t, err)
	r.Cash.Amount++
	edited[6].Record, err = r.Bytes()
	require.NoError(t, err)
	swapped := append([]sale.Entry(nil), e...)
	swapped[6], swapped[7] = swapped[7], swapped[6]
	broken := append([]sale.Entry(nil), e...)
	broken[6].Record = broken[6].Record[:40]

	for name, c := range map[string]struct {
		batch *wire.Batch
		prev  sale.Hash
		err   error
	}{
		"a gap inside":              {batchOf(t, 5, append(append([]sale.Entry(nil), e[4:6]...), e[7:]...)), prev, wire.ErrBatch},
		"a gap before":              {batchOf(t, 6, e[5:]), prev, wire.ErrChain},
		"an edit":                   {batchOf(t, 5, edited[4:]), prev, wire.ErrChain},
		"another order":             {batchOf(t, 5, swapped[4:]), prev, wire.ErrBatch},
		"a fork":                    {batchOf(t, 5, other[4:]), prev, wire.ErrChain},
		"another head":              {func() *wire.Batch { b := batchOf(t, 5, e[4:]); b.Head[0]++; return b }(), prev, wire.ErrChain},
		"another epoch":             {func() *wire.Batch { b := batchOf(t, 5, e[4:]); b.Epoch++; return b }(), prev, wire.ErrBatch},
		"another count":             {func() *wire.Batch { b := batchOf(t, 5, e[4:]); b.Count--; return b }(), prev, wire.ErrBatch},
		"what is not a record":      {batchOf(t, 5, broken[4:]), prev, wire.ErrBatch},
		"what is not a list":        {&wire.Batch{Epoch: 2, From: 1, Count: 1, Payload: pack([]byte{0xa0})}, prev, wire.ErrBatch},
		"what is not compressed":    {&wire.Batch{Epoch: 2, From: 1, Count: 1, Payload: []byte("zstd?")}, prev, wire.ErrBatch},
		"nothing":                   {&wire.Batch{Epoch: 2, From: 1, Count: 1}, prev, wire.ErrBatch},
		"a beginning in the middle": {batchOf(t, 5, e[4:]), sale.Hash{}, wire.ErrChain},
	} {
		_, err := c.batch.Open(c.prev)
		require.ErrorIs(t, err, c.err, name)
	}
}

func pack(plain []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(plain, nil)
}

// A few hundred bytes that would inflate to gigabytes are refused before memory is taken for them.
func TestBombsAreRefused(t *testing.T) {
	var bomb bytes.Buffer
	w, err := zstd.NewWriter(&bomb, zstd.WithEncoderConcurrency(1)) // a stream: no size in its header to be warned by
	require.NoError(t, err)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	for name, b := range map[string][]byte{"a stream": bomb.Bytes(), "a block": pack(make([]byte, 64<<20))} {
		require.Less(t, len(b), 64<<10, name)
		for _, open := range []func() error{
			func() error { _, err := wire.UnpackEntries(b, 1); return err },
			func() error { _, err := wire.UnpackChunk(b, sale.Seen{}); return err },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := open()
			runtime.ReadMemStats(&after)
			require.Error(t, err, name)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(bombMemory), name)
		}
	}
}

// bombMemory is what refusing a bomb may cost: the limit of a chunk, and what the decoder keeps anyway.
const bombMemory = 3 * wire.ChunkInflatedMax

func TestEntriesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := chain(t, rapid.IntRange(1, 40).Draw(t, "records"), cash)
		from := rapid.IntRange(0, len(e)-1).Draw(t, "from")
		prev := sale.Hash{}
		if from > 0 {
			prev = sale.HashOf(e[from-1].Record)
		}
		got, err := batchOf(t, uint64(from+1), e[from:]).Open(prev)
		require.NoError(t, err)
		require.Len(t, got, len(e)-from)
		require.Equal(t, e[len(e)-1].Record, got[len(got)-1].Bytes)
	})
}

// The coders are shared by all goroutines, and by all bubbles: one that was made inside a bubble would
// panic in the next.
func TestCodersServeEveryBubble(t *testing.T) {
	e := chain(t, 3, cash)
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			_, err := batchOf(t, 1, e).Open(sale.Hash{})
			require.NoError(t, err)
			b, err := wire.PackChunk(nil)
			require.NoError(t, err)
			_, err = wire.UnpackChunk(b, sale.Seen{})
			require.NoError(t, err)
		})
	}
}

// soldLine is one of a grocery's lines; grocer varies them from a seed.
func grocer(seed uint64) func(i int) sale.Record {
	rng := rand.New(rand.NewPCG(seed, seed))
	goods := make([]sale.SoldLine, 400)
	for i := range goods {
		goods[i] = sale.SoldLine{
			SKU: sale.SKU(fmt.Sprintf("A%06d", rng.IntN(1000000))), Name: fmt.Sprintf("Товар бакалейный № %d, 0,%d кг", rng.IntN(9999), rng.IntN(9)+1),
			Price: sale.Money(rng.IntN(90000) + 1000), VAT: sale.VAT10, Subject: sale.SubjectGoods,
			Code: fmt.Sprintf("46%011d", rng.Int64N(1e11)),
		}
	}
	return func(i int) sale.Record {
		s := sale.Sale{No: sale.MakeNumber(7, uint32(i+1)), Customer: sale.CustomerNo(rng.IntN(50000) + 1), Tier: 2, Programme: 3}
		for range 8 {
			l := goods[rng.IntN(len(goods))]
			l.Qty = sale.Qty(rng.IntN(3)+1) * sale.Piece
			l.Gross, _ = l.Price.Times(l.Qty) // three pieces of 1,000 roubles cannot overflow
			l.Net, l.Earned = l.Gross, l.Gross.Percent(500).AsPoints()
			l.Parts = []sale.Part{{Qty: l.Qty, Price: l.Price, Sum: l.Net}}
			l.Reasons = []sale.Reason{{Rule: "tier.earn", Amount: int64(l.Earned)}}
			s.Lines = append(s.Lines, l)
			s.Gross, s.Total, s.Earned = s.Gross+l.Gross, s.Total+l.Net, s.Earned+l.Earned
		}
		s.Tenders = []sale.Tender{{Kind: sale.TenderCard, Amount: s.Total}}
		account := sale.CustomerAccount(s.Customer)
		lot := sale.Lot{Account: account, ExpiresAt: sale.Time(1825136000000)}
		for j := range lot.ID {
			lot.ID[j] = byte(rng.Uint32())
		}
		return sale.Record{
			Kind: sale.KindSale, Staff: 4, Shift: 17, Sale: &s, Lots: []sale.Lot{lot},
			Fiscal: &sale.Fiscal{
				Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: "9999078900001234", FD: uint32(i + 1)}, Sign: rng.Uint32(), Shift: 17,
				Receipt: uint32(i + 1), Doc: sale.DocSale, Sum: s.Total, Stamp: "20261121T2248", Register: "0000000001234567",
			},
			Postings: []sale.Posting{
				{Account: account, Lot: lot.ID, Amount: s.Earned},
				{Account: sale.ProgrammeAccount(), Amount: -s.Earned},
			},
		}
	}
}

// wireToJSON is the promise on a slow line: a packed batch is at most a quarter of the same as JSON.
const wireToJSON = 0.25

func TestBatchIsSmall(t *testing.T) {
	e := chain(t, wire.BatchRecordsMax, grocer(1))
	asJSON, plain := 0, 0
	for i := range e {
		r, err := sale.DecodeRecord(e[i].Record)
		require.NoError(t, err)
		b, err := json.Marshal(r)
		require.NoError(t, err)
		asJSON, plain = asJSON+len(b), plain+len(e[i].Record)
		e[i].Sealed = nil
	}
	payload, err := wire.PackEntries(e)
	require.NoError(t, err)
	entries, err := wire.UnpackEntries(payload, len(e))
	require.NoError(t, err, "256 such sales inflate within the limit")
	require.Len(t, entries, len(e))

	// As the uplink sends them, no more than BatchBytesMax at a time.
	each, sent := wire.BatchBytesMax/(plain/len(e)), 0
	for first := 0; first < len(e); first += each {
		p, err := wire.PackEntries(e[first:min(first+each, len(e))])
		require.NoError(t, err)
		sent += len(p)
	}
	for name, bytes := range map[string]int{"in one": len(payload), "in batches of 64 KB": sent} {
		ratio := float64(bytes) / float64(asJSON)
		t.Logf("256 sales of 8 lines %s: %d bytes a sale, %d as records, %d as JSON: %.3f", name, bytes/len(e), plain/len(e), asJSON/len(e), ratio)
		require.LessOrEqual(t, ratio, wireToJSON, name)
	}
}

func FuzzUnpackEntries(f *testing.F) {
	for _, n := range []int{1, 3} {
		payload, err := wire.PackEntries(chain(f, n, cash))
		require.NoError(f, err)
		f.Add(payload, n)
	}
	f.Add(pack([]byte{0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 1)
	f.Add(pack(make([]byte, 2<<20)), 1)
	f.Fuzz(func(t *testing.T, payload []byte, count int) {
		entries, err := wire.UnpackEntries(payload, count)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrBatch)
			return
		}
		require.Len(t, entries, count)
		_, err = (&wire.Batch{Epoch: 1, From: 1, Count: count, Payload: payload}).Open(sale.Hash{})
		if err == nil {
			require.Zero(t, count)
		}
	})
}
