package uplink_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
)

// The real head office over real sockets: a till enrols with a code, hands in a backlog while one line in
// ten is cut between commit and acknowledgement, and gets its state.
func TestWithHeadOffice(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{FailureRate: 0.1})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ids := ledgertest.Random(9)
	id, settings, err := uplink.Enrol(ctx, filepath.Join(t.TempDir(), "identity.json"), uplink.Enrolment{
		URL: h.URL, Code: h.Code(1).String(), Name: "касса 1", Program: "test 1", Client: http.DefaultClient, Random: ids,
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, settings.Store)

	l := ledgertest.OpenAt(t, t.TempDir(), ledgertest.NewClock())
	require.NoError(t, l.Enrol(ledgerIdentity(id)))
	for i := range 300 {
		no, err := sale.NewID(time.Now(), ids)
		require.NoError(t, err)
		_, err = l.Book(sale.Record{ID: no, Kind: sale.KindCashIn, Cash: &sale.CashMove{Amount: sale.Money(i + 1)}}, nil)
		require.NoError(t, err)
	}
	u, err := uplink.New(uplink.Options{
		Identity: id, Ledger: l, Cache: t.TempDir(), Program: "test 1", Random: ids, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- u.Run(run) }()
	for l.Acked() != l.Head() || l.Applied() == 0 || !u.State().Online {
		select {
		case <-u.Changed():
		case <-ctx.Done():
			t.Fatalf("never arrived: %+v, applied %d", u.State(), l.Applied())
		case <-time.After(100 * time.Millisecond): // state that comes down changes nothing in State
		}
	}
	stop()
	require.NoError(t, <-done)
	have, err := h.Store.Position(ctx, id.Org, id.Till)
	require.NoError(t, err)
	require.Equal(t, l.Head(), have)
	programmes, err := l.Programmes()
	require.NoError(t, err)
	require.NotEmpty(t, programmes, "the programme came signed and was believed")
}
