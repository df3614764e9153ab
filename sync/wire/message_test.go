package wire_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

func TestLimits(t *testing.T) {
	nonce := make([]byte, wire.NonceBytes)
	hello := wire.Hello{Version: 1, Org: 1, Till: 1, Nonce: nonce}
	batch := wire.Batch{Epoch: 1, From: 1, Count: 1}
	with := func(change func(h *wire.Hello, b *wire.Batch)) (*wire.Hello, *wire.Batch) {
		h, b := hello, batch
		change(&h, &b)
		return &h, &b
	}
	helloWith := func(change func(h *wire.Hello)) *wire.Hello {
		h, _ := with(func(h *wire.Hello, _ *wire.Batch) { change(h) })
		return h
	}
	batchWith := func(change func(b *wire.Batch)) *wire.Batch {
		_, b := with(func(_ *wire.Hello, b *wire.Batch) { change(b) })
		return b
	}
	for _, c := range []struct {
		name string
		m    any
		ok   bool
	}{
		{"hello", &hello, true},
		{"hello of the last till", helloWith(func(h *wire.Hello) { h.Till = sale.TillNoMax }), true},
		{"hello of a till too many", helloWith(func(h *wire.Hello) { h.Till = sale.TillNoMax + 1 }), false},
		{"hello of till zero", helloWith(func(h *wire.Hello) { h.Till = 0 }), false},
		{"hello of no organisation", helloWith(func(h *wire.Hello) { h.Org = 0 }), false},
		{"hello with a short nonce", helloWith(func(h *wire.Hello) { h.Nonce = nonce[1:] }), false},
		{"hello with a long name", helloWith(func(h *wire.Hello) { h.Program = string(make([]byte, wire.NameBytesMax+1)) }), false},
		{"challenge", &wire.Challenge{Nonce: nonce}, true},
		{"challenge with a short nonce", &wire.Challenge{Nonce: nonce[1:]}, false},
		{"welcome", &wire.Welcome{Window: wire.WindowMax}, true},
		{"welcome without a window", &wire.Welcome{}, false},
		{"welcome with a wide window", &wire.Welcome{Window: wire.WindowMax + 1}, false},
		{"batch", &batch, true},
		{"batch of nothing", batchWith(func(b *wire.Batch) { b.Count = 0 }), false},
		{"batch of the most", batchWith(func(b *wire.Batch) { b.Count = wire.BatchRecordsMax }), true},
		{"batch of too many", batchWith(func(b *wire.Batch) { b.Count = wire.BatchRecordsMax + 1 }), false},
		{"batch of less than nothing", batchWith(func(b *wire.Batch) { b.Count = -1 }), false},
		{"batch from zero", batchWith(func(b *wire.Batch) { b.From = 0 }), false},
		{"batch of epoch zero", batchWith(func(b *wire.Batch) { b.Epoch = 0 }), false},
		{"down", &wire.Down{From: 2, To: 2, Changes: make([]sale.Change, wire.DownChangesMax)}, true},
		{"down of too much", &wire.Down{Changes: make([]sale.Change, wire.DownChangesMax+1)}, false},
		{"down backwards", &wire.Down{From: 3, To: 2}, false},
		{"ask", &wire.Ask{Customers: make([]sale.CustomerNo, wire.AskCustomersMax)}, true},
		{"find", &wire.Find{Doc: sale.FiscalKey{FN: "9999078900001234", FD: 1}}, true},
		{"find by ID", &wire.Find{ID: sale.ID{1}}, true},
		{"find nothing", &wire.Find{Ref: 1}, false},
		{"find in a long storage", &wire.Find{Doc: sale.FiscalKey{FN: "99990789000012345", FD: 1}}, false},
		{"found nothing", &wire.Found{Ref: 1}, true},
		{"found the most", &wire.Found{Record: []byte{1}, Returns: make([][]byte, wire.FoundReturnsMax)}, true},
		{"found too many", &wire.Found{Record: []byte{1}, Returns: make([][]byte, wire.FoundReturnsMax+1)}, false},
		{"found too much", &wire.Found{Record: make([]byte, wire.FoundBytesMax+1)}, false},
		{"returns of nothing", &wire.Found{Returns: make([][]byte, 1)}, false},
		{"ask for a crowd", &wire.Ask{Customers: make([]sale.CustomerNo, wire.AskCustomersMax+1)}, false},
	} {
		frame, err := wire.Marshal(c.m)
		require.NoError(t, err, c.name)
		_, err = wire.Unmarshal(frame)
		if c.ok {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorIs(t, err, wire.ErrMessage, c.name)
		}
	}
}

func TestNotMessages(t *testing.T) {
	for name, frame := range map[string][]byte{
		"empty":           {},
		"type zero":       {0, 0xa0},
		"a later type":    {byte(wire.TypeFound) + 1, 0xa0},
		"no body":         {byte(wire.TypeAck)},
		"a list":          {byte(wire.TypeAck), 0x80, 0x80},
		"rubbish behind":  {byte(wire.TypeDownAck), 0xa0, 0xff},
		"a duplicate key": {byte(wire.TypeDownAck), 0xa2, 0x01, 0x01, 0x01, 0x02},
		"endless map":     {byte(wire.TypeDownAck), 0xbf, 0x01, 0x01, 0xff},
		"a huge list":     {byte(wire.TypeAsk), 0xa1, 0x01, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"too long":        bytes.Repeat([]byte{byte(wire.TypeAck)}, wire.MessageBytesMax+1),
	} {
		_, err := wire.Unmarshal(frame)
		require.ErrorIs(t, err, wire.ErrMessage, name)
	}
	_, err := wire.Marshal("text")
	require.ErrorIs(t, err, wire.ErrMessage)
	_, err = wire.Marshal(&wire.Batch{Payload: make([]byte, wire.MessageBytesMax)})
	require.ErrorIs(t, err, wire.ErrMessage)
}

// A newer head office may add fields; an older till skips them.
func TestUnknownFieldsAreSkipped(t *testing.T) {
	m, err := wire.Unmarshal([]byte{byte(wire.TypeDownAck), 0xa2, 0x01, 0x05, 0x18, 0x63, 0x61, 'x'})
	require.NoError(t, err)
	require.Equal(t, &wire.DownAck{Version: 5}, m)
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		position := rapid.Custom(func(t *rapid.T) sale.Position {
			p := sale.Position{Epoch: rapid.Uint32().Draw(t, "epoch"), Seq: rapid.Uint64().Draw(t, "seq")}
			copy(p.Head[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "head"))
			return p
		})
		blob := rapid.SliceOfN(rapid.Byte(), 1, 64)
		m := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) any {
				return &wire.Batch{
					Epoch: rapid.Uint32Min(1).Draw(t, "epoch"), From: rapid.Uint64Min(1).Draw(t, "from"),
					Count: rapid.IntRange(1, wire.BatchRecordsMax).Draw(t, "count"), Head: position.Draw(t, "p").Head,
					Payload: blob.Draw(t, "payload"), Signature: blob.Draw(t, "signature"), Fork: rapid.Uint32().Draw(t, "fork"),
				}
			}),
			rapid.Custom(func(t *rapid.T) any {
				return &wire.Ack{Have: position.Draw(t, "have"), Fork: rapid.Uint32().Draw(t, "fork")}
			}),
			rapid.Custom(func(t *rapid.T) any {
				return &wire.Bye{Code: wire.ByeCode(rapid.String().Draw(t, "code")), RetryAfter: rapid.Int64().Draw(t, "after")}
			}),
			rapid.Custom(func(t *rapid.T) any {
				from := rapid.Uint64Max(1<<60).Draw(t, "from")
				return &wire.Down{From: from, To: from + rapid.Uint64Max(1<<60).Draw(t, "more"), Changes: []sale.Change{
					{Kind: sale.ChangeLease, Key: blob.Draw(t, "key"), Version: rapid.Uint64().Draw(t, "version"), Body: blob.Draw(t, "body")},
				}}
			}),
		).Draw(t, "message")
		frame, err := wire.Marshal(m)
		require.NoError(t, err)
		back, err := wire.Unmarshal(frame)
		require.NoError(t, err)
		require.Equal(t, m, back)
		again, err := wire.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, frame, again, "one value, one sequence of bytes")
	})
}

func FuzzUnmarshal(f *testing.F) {
	for _, m := range messages() {
		frame, err := wire.Marshal(m)
		require.NoError(f, err)
		f.Add(frame)
	}
	f.Add([]byte{byte(wire.TypeAsk), 0xa1, 0x01, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := wire.Unmarshal(frame)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrMessage)
			return
		}
		out, err := wire.Marshal(m)
		require.NoError(t, err)
		back, err := wire.Unmarshal(out)
		require.NoError(t, err)
		again, err := wire.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, out, again)
	})
}
