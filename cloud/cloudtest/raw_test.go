package cloudtest_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store"
)

// rawSizes are how many rows the statements of the raw insertion have: as many as the store's own.
var rawSizes = [...]int{96, 12, 1}

// drained are the tables that a drain of sales writes, each in the order in which sales brought its rows,
// so that the raw insertion meets the same random keys; key is the column by which the rows of one
// transaction are sorted first, where the store sorts them too.
var drained = []struct {
	table, from string
	key         int
}{
	{"records", "records ORDER BY seq", -1},
	{"sales", "sales ORDER BY seq", -1},
	{"sale_lines", "sale_lines ORDER BY sale, line", -1},
	{"tenders", "tenders ORDER BY record, n", -1},
	{"fiscal_docs", "fiscal_docs ORDER BY fd", -1},
	{"postings", "postings ORDER BY record, n", -1},
	{"lots", "lots ORDER BY source", 1},
	{"leases", "leases ORDER BY granted", 1},
	{"lease_parts", "lease_parts p JOIN lots l ON l.org = p.org AND l.id = p.lot ORDER BY l.source", 1},
	{"accounts", "accounts", -1},
	{"bought", "bought", -1},
	{"standings", "standings", -1},
	{"standings_told", "standings_told", -1},
	{"feed", "feed ORDER BY version", -1},
	{"cursors", "cursors", -1},
}

// rawResult is the raw insertion of a drain's rows.
type rawResult struct {
	rows int
	took time.Duration
}

// rawInsert inserts the rows that are in a head office's database into an empty one of the same schema, in
// so many transactions, by prepared statements of many rows. Only the insertion and its commits are timed.
func rawInsert(t testing.TB, data string, transactions int) (out rawResult) {
	t.Helper()
	ctx := t.Context()
	folder := t.TempDir()
	empty, err := store.Open(ctx, folder, time.Now) // the schema is the store's own
	require.NoError(t, err)
	require.NoError(t, empty.Close())
	from, to := openRaw(t, data), openRaw(t, folder)
	to.SetMaxOpenConns(1)
	var copies []*rawTable
	for _, d := range drained {
		copies = append(copies, newRawTable(t, from, to, d.table, d.from, d.key))
	}
	for n := range transactions {
		for _, c := range copies {
			c.fetch(c.total*(n+1)/transactions - c.done)
			out.rows += len(c.portion)
		}
		start := time.Now()
		tx, err := to.BeginTx(ctx, nil)
		require.NoError(t, err)
		for _, c := range copies {
			c.insert(ctx, tx)
		}
		require.NoError(t, tx.Commit())
		out.took += time.Since(start)
	}
	for _, c := range copies {
		require.Equal(t, c.total, count(t, to, c.table), "rows of %s", c.table)
		require.NoError(t, c.rows.Close())
	}
	return out
}

// openRaw opens a database as the store does.
func openRaw(t testing.TB, folder string) *sql.DB {
	t.Helper()
	pragmas := []string{"journal_mode(WAL)", "synchronous(FULL)", "cache_size(-65536)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)"}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, store.FileName)+"?_txlock=immediate&_pragma="+strings.Join(pragmas, "&_pragma="))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func count(t testing.TB, db *sql.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// rawTable copies one table, a portion at a time.
type rawTable struct {
	t          testing.TB
	table      string
	key        int
	total      int
	done       int
	cols       int
	rows       *sql.Rows
	statements [len(rawSizes)]*sql.Stmt
	portion    [][]any
}

func newRawTable(t testing.TB, from, to *sql.DB, table, query string, key int) *rawTable {
	t.Helper()
	c := &rawTable{t: t, table: table, key: key, total: count(t, from, table)}
	name := table
	if table == "lease_parts" {
		name = "p"
	}
	var err error
	c.rows, err = from.Query("SELECT " + name + ".* FROM " + query)
	require.NoError(t, err)
	cols, err := c.rows.Columns()
	require.NoError(t, err)
	c.cols = len(cols)
	for i, size := range rawSizes {
		c.statements[i] = c.prepare(to, cols, size)
	}
	return c
}

func (c *rawTable) prepare(to *sql.DB, cols []string, rows int) *sql.Stmt {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", c.cols), ",") + ")"
	text := fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", c.table, strings.Join(cols, ","), strings.TrimSuffix(strings.Repeat(one+",", rows), ","))
	s, err := to.Prepare(text)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, s.Close()) })
	return s
}

// fetch reads the rows of the next transaction.
func (c *rawTable) fetch(n int) {
	c.portion = c.portion[:0]
	for range n {
		require.True(c.t, c.rows.Next(), "%s: %v", c.table, c.rows.Err())
		row, into := make([]any, c.cols), make([]any, c.cols)
		for i := range row {
			into[i] = &row[i]
		}
		require.NoError(c.t, c.rows.Scan(into...))
		c.portion = append(c.portion, row)
	}
	c.done += n
	if c.key >= 0 {
		slices.SortFunc(c.portion, func(a, b []any) int { return bytes.Compare(a[c.key].([]byte), b[c.key].([]byte)) })
	}
}

func (c *rawTable) insert(ctx context.Context, tx *sql.Tx) {
	args := make([]any, 0, len(c.portion)*c.cols)
	for _, row := range c.portion {
		args = append(args, row...)
	}
	for i, size := range rawSizes {
		statement := tx.StmtContext(ctx, c.statements[i])
		for n := size * c.cols; len(args) >= n; args = args[n:] {
			_, err := statement.ExecContext(ctx, args[:n]...)
			require.NoError(c.t, err)
		}
	}
}
