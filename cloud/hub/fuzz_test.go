package hub_test

import (
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// FuzzFrame says anything at all to head office after a good hello: it answers or hangs up, and serves the
// next till as before.
func FuzzFrame(f *testing.F) {
	for _, m := range []any{
		&wire.Batch{Epoch: 1, From: 1, Count: 1, Payload: []byte{1}}, &wire.DownAck{Version: 3}, &wire.Ask{Customers: []sale.CustomerNo{1, 2}},
		&wire.Status{At: 1, Unsent: 1 << 63}, &wire.Bye{Code: wire.ByeBusy},
	} {
		frame, err := wire.Marshal(m)
		require.NoError(f, err)
		f.Add(frame)
	}
	f.Add([]byte{})
	h := cloudtest.Start(f, cloudtest.Options{})
	e := h.Enrol(1)
	f.Fuzz(func(t *testing.T, frame []byte) {
		l, err := cloudtest.Dial(t.Context(), h.URL, e, nil)
		require.NoError(t, err)
		require.NoError(t, l.Greet(sale.Position{}, 1<<60))
		require.NoError(t, l.WriteMessage(websocket.BinaryMessage, frame))
		require.NoError(t, l.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")))
		for err == nil {
			_, err = l.Hear()
		}
		require.NoError(t, l.Close())
		at, err := h.Store.Position(t.Context(), h.Org, e.Till)
		require.NoError(t, err)
		require.Zero(t, at, "nothing unsigned is ever stored")
	})
}
