package store

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
)

// planOf is how SQLite would run a statement, a step a line.
func planOf(t *testing.T, s *Store, text string) string {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = int64(1)
	}
	var steps []string
	require.NoError(t, s.change(t.Context(), func(tx *tx) error {
		return tx.each(t.Context(), "EXPLAIN QUERY PLAN "+text, args, func(r *sql.Rows) error {
			var id, parent, unused int
			var step string
			err := r.Scan(&id, &parent, &unused, &step)
			steps = append(steps, step)
			return err
		})
	}))
	return strings.Join(steps, "\n")
}

// These run where a table has millions of rows: each has to go by the index that was made for it.
func TestStatementsGoByTheirIndices(t *testing.T) {
	s := openIn(t, t.TempDir())
	ofCustomer := func(table string) string {
		p := pickSales(1, page.SaleFilter{}, page.SaleKey{}).customers([]any{int64(1), int64(2)})
		return "SELECT s.id FROM " + table + " s" + p.where() + " ORDER BY s.at DESC, s.id DESC LIMIT ?"
	}
	ofDocument := func(table string) string {
		p := pickSales(1, page.SaleFilter{FN: "9999078900000001", FD: 1}, page.SaleKey{}).ids([]any{int64(1), int64(2)})
		return "SELECT s.id FROM " + table + " s" + p.where() + " ORDER BY s.at DESC, s.id DESC LIMIT ?"
	}
	for _, x := range []struct{ what, text, want string }{
		{"erase an enrolment", eraseEnrolment, "sqlite_autoindex_sealed_1 (org=? AND record=?)"},
		{"erase sales", eraseSales, "sqlite_autoindex_sealed_1 (org=? AND record=?)"},
		{"erase sales", eraseSales, "USING COVERING INDEX sales_customer (org=? AND customer=?)"},
		{"erase returns", eraseReturns, "USING COVERING INDEX returns_customer (org=? AND customer=?)"},
		{"make way for a record", forgetDoc, "USING PRIMARY KEY (org=? AND fn=? AND fd=?)"},
		{"take a customer off the list", settleDue, "sqlite_autoindex_due_1 (org=? AND customer=?)"},
		{"take merged customers off the list", settleMerged, "sqlite_autoindex_due_1 (org=? AND customer=?)"},
		{"take merged customers off the list", settleMerged, "INDEX customers_merged (org=? AND merged_into=?)"},
		{"merge customers", mergeCustomers, "INDEX customers_merged (org=? AND merged_into=?)"},
		{"a customer's sales", ofCustomer("sales"), "sales_customer (org=? AND customer=?)"},
		{"a customer's returns", ofCustomer("returns"), "returns_customer (org=? AND customer=?)"},
		{"a document's sales", ofDocument("sales"), "USING PRIMARY KEY (org=? AND id=?)"},
		{"a document's owner", documentOwner, "USING PRIMARY KEY (org=? AND fn=? AND fd=?)"},
		{"a document's claimants", fmt.Sprintf(documentClaims, "sales"), "SEARCH s USING PRIMARY KEY (org=? AND id=?)"},
		{"a document's returns", ofDocument("returns"), "USING PRIMARY KEY (org=? AND id=?)"},
		{"a till's last record", lastRecord, "sqlite_autoindex_records_1 (org=? AND till=? AND fork=?)"},
		{"merge flags", mergeFlags, "INDEX flags_customer (org=? AND customer=?)"},
	} {
		t.Run(x.what, func(t *testing.T) {
			plan := planOf(t, s, x.text)
			require.Contains(t, plan, x.want)
			require.NotContains(t, plan, "CORRELATED", "once for each row")
			require.NotContains(t, plan, "SCAN")
		})
	}
}
