package hub_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// sendAll hands a whole journal in without waiting, in batches of so many records.
func sendAll(t *testing.T, l *cloudtest.Line, records []wire.Sealed, size int) {
	t.Helper()
	for len(records) > 0 {
		n := min(size, len(records))
		require.NoError(t, l.Send(0, records[:n]))
		records = records[n:]
	}
}

func TestWhatCameBeforeABadBatchIsKept(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	j := journal(h, e)
	for range 309 {
		j.Add(j.Plain(1))
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	l := greet(t, h, e, j.Position)
	sendAll(t, l, j.Records[:300], 50)
	l.Till.Key = other
	require.NoError(t, l.Send(0, j.Records[300:]))
	var have sale.Position
	for {
		a, err := cloudtest.HearA[*wire.Ack](l)
		var b *wire.Bye
		if errors.As(err, &b) {
			require.Equal(t, wire.ByeSignature, b.Code)
			break
		}
		require.NoError(t, err)
		have = a.Have
	}
	require.EqualValues(t, 300, have.Seq, "acknowledged before the goodbye")
	at, err := h.Store.Position(t.Context(), h.Org, e.Till)
	require.NoError(t, err)
	require.Equal(t, have, at)
}

// A till that heeds no window sends more than one append takes; head office stops reading and catches up.
// The state that waits meanwhile comes when the backlog is in.
func TestBacklogBeyondOneAppendAndTheStateAfterIt(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	e := h.Enrol(1)
	j := journal(h, e)
	for len(j.Records) < 4600 {
		j.Add(j.Earning(5, 1, 100))
	}
	l, err := cloudtest.Dial(t.Context(), h.URL, e, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	require.NoError(t, l.Greet(j.Position, 0))
	sent := make(chan error, 1)
	go func() { // beside reading, or both ends would wait for each other
		for records := j.Records; len(records) > 0; records = records[min(wire.BatchRecordsMax, len(records)):] {
			if err := l.Send(0, records[:min(wire.BatchRecordsMax, len(records))]); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	var have sale.Position
	var downs []uint64
	for have != j.Position {
		m, err := l.Hear()
		require.NoError(t, err)
		switch m := m.(type) {
		case *wire.Ack:
			require.Greater(t, m.Have.Seq, have.Seq)
			have = m.Have
		case *wire.Down:
			downs = append(downs, m.To)
		}
	}
	require.NoError(t, <-sent)
	for _, to := range downs {
		require.NoError(t, l.Say(&wire.DownAck{Version: to}))
	}
	version, err := h.Store.Version(t.Context(), h.Org)
	require.NoError(t, err)
	for to := uint64(0); to < version; {
		d, err := cloudtest.HearA[*wire.Down](l)
		require.NoError(t, err)
		to = d.To
		require.NoError(t, l.Say(&wire.DownAck{Version: to}))
	}
}
