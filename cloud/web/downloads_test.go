package web_test

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/web/page"
)

// cells reads a download.
func cells(t *testing.T, body string, comma rune) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	r.Comma = comma
	rows, err := r.ReadAll()
	require.NoError(t, err)
	return rows
}

// TestDownloadsAreASpreadsheetsFigures: Excel takes 12.05 for a date where a comma parts kopecks, and finds no
// columns where it wants commas. Days are the organisation's own.
func TestDownloadsAreASpreadsheetsFigures(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	_, body := b.get("/sales.csv?till=2&kind=1")
	require.Equal(t, "40,60", cells(t, body, ';')[1][13])
	res, _ := b.post("/lang", url.Values{"lang": {"en"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/sales.csv?till=2&kind=1")
	require.Equal(t, "40.60", cells(t, body, ',')[1][13])

	o.clock.Store(time.Date(2026, 11, 21, 22, 30, 0, 0, time.UTC).UnixMilli()) // half past one on the 22nd in Moscow
	_, err := o.Store.PutPerson(context.Background(), o.org, store.Person{Name: "Ночной", Phone: "+79005550011"})
	require.NoError(t, err)
	_, body = o.signedIn("owner").get("/customers.csv?q=" + url.QueryEscape("ночной"))
	require.Equal(t, "2026-11-22", cells(t, body, ';')[1][8])
}

// TestADownloadBrokenOffIsInTheLog: what has left the house is written down before it leaves.
func TestADownloadBrokenOffIsInTheLog(t *testing.T) {
	t.Parallel()
	o := fill(t)
	b := o.signedIn("manager")
	for path, what := range map[string]string{
		"/customers.csv": "customers.export", "/sales.csv": "sales.export", "/codes/1/list.csv": "codes.export",
		"/certificates/" + url.PathEscape("Новый год 2027") + "/list.csv": "certificates.export",
	} {
		ctx, stop := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+path, nil)
		require.NoError(t, err)
		res, err := b.Do(r)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		events, err := o.Store.Events(context.Background(), o.org, page.EventFilter{What: what}, page.EventKey{}, 9)
		stop()
		require.NoError(t, res.Body.Close())
		require.NoError(t, err)
		require.Len(t, events, 1, path)
	}
	_, body := o.signedIn("owner").get("/audit?what=sales")
	require.Contains(t, body, "sales.export")
	require.NotContains(t, body, ">sales.export<span")
}
