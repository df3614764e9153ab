package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
)

// TestASilentLineIsNoticed pulls the cable in virtual time: head office keeps a silent session for the
// time of two pings and some, an idle one that answers pings for ever.
func TestASilentLineIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := linktest.New(1)
		listener, err := network.Host("office").Listen("80")
		require.NoError(t, err)
		h := cloudtest.Start(t, cloudtest.Options{Listener: listener})
		defer h.Stop()
		e := h.Enrol(1)
		l, err := cloudtest.Dial(t.Context(), "http://office:80", e, network.Host("till").Dial)
		require.NoError(t, err)
		require.NoError(t, l.Greet(sale.Position{}, 1<<60))
		reader := make(chan error, 1)
		go func() { // answers pings
			require.NoError(t, l.SetReadDeadline(time.Time{}))
			_, _, err := l.ReadMessage()
			reader <- err
		}()
		time.Sleep(time.Hour)
		require.True(t, h.Hub.Online(h.Org, e.Till), "an idle till that answers pings stays")
		network.Cut("office", "till")
		time.Sleep(40 * time.Second)
		require.True(t, h.Hub.Online(h.Org, e.Till), "a short silence is nothing")
		time.Sleep(40 * time.Second)
		require.False(t, h.Hub.Online(h.Org, e.Till), "a dead line is noticed")
		require.NoError(t, l.Close())
		require.Error(t, <-reader)
	})
}
