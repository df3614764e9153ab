package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Rows of one statement. A few sizes only, so that every text is prepared once and used for ever;
// beyond some hundred rows a statement gains nothing more.
var bulkSizes = [...]int{96, 12, 1}

// askMax bounds the arguments of one "IN (…)".
const askMax = 500

// bulk gathers rows of one table and writes them with as few statements as may be.
type bulk struct {
	table string
	cols  []string
	tail  string // ON CONFLICT …
	args  []any
}

// insertInto names the columns as SQL does: "org, id, no".
func insertInto(table, cols, tail string) *bulk {
	return &bulk{table: table, cols: strings.Split(cols, ", "), tail: tail}
}

func (b *bulk) add(args ...any) {
	if len(args) != len(b.cols) {
		panic(fmt.Sprintf("%d values for %d columns of %s", len(args), len(b.cols), b.table)) // a constant of this package
	}
	b.args = append(b.args, args...)
}

func (b *bulk) text(rows int) string {
	one := "(" + marks(len(b.cols)) + ")"
	all := strings.TrimSuffix(strings.Repeat(one+", ", rows), ", ")
	return "INSERT INTO " + b.table + " (" + strings.Join(b.cols, ", ") + ") VALUES " + all + " " + b.tail
}

// write sends the rows; the bulk is empty afterwards.
func (b *bulk) write(ctx context.Context, t *tx) error {
	args := b.args
	for _, size := range bulkSizes {
		n := size * len(b.cols)
		for len(args) >= n {
			if err := t.prepared(ctx, b, size, args[:n]); err != nil {
				return fmt.Errorf("write %s: %w", b.table, err)
			}
			args = args[n:]
		}
	}
	b.args = b.args[:0]
	return nil
}

// bulkKey names a prepared statement.
type bulkKey struct {
	table, tail string
	rows        int
}

// prepared runs the insertion of so many rows. pgx keeps its own prepared statements; on SQLite they are
// kept here, for the one connection that writes.
func (t *tx) prepared(ctx context.Context, b *bulk, rows int, args []any) error {
	key := bulkKey{b.table, b.tail, rows}
	if t.s.dialect.postgres {
		text, ok := t.s.texts.Load(key)
		if !ok {
			text, _ = t.s.texts.LoadOrStore(key, t.s.dialect.sql(b.text(rows)))
		}
		_, err := t.ExecContext(ctx, text.(string), args...)
		return err
	}
	kept, ok := t.s.texts.Load(key)
	if !ok {
		made, err := t.PrepareContext(context.WithoutCancel(ctx), b.text(rows))
		if err != nil {
			return err
		}
		// Prepared inside the transaction, since the only connection is busy with it; it dies with it.
		// The next use prepares it for good.
		_, err = made.ExecContext(ctx, args...)
		if err == nil {
			err = made.Close()
		}
		t.later = append(t.later, pending{key, b.text(rows)})
		return err
	}
	_, err := t.StmtContext(ctx, kept.(*sql.Stmt)).ExecContext(ctx, args...)
	return err
}

// pending is a statement to prepare once the transaction has let go of the connection.
type pending struct {
	key  bulkKey
	text string
}

func (s *Store) prepareLater(ctx context.Context, list []pending) error {
	for _, p := range list {
		if _, ok := s.texts.Load(p.key); ok {
			continue
		}
		made, err := s.write.PrepareContext(ctx, p.text)
		if err != nil {
			return fmt.Errorf("prepare a statement for %s: %w", p.key.table, err)
		}
		if _, raced := s.texts.LoadOrStore(p.key, made); raced {
			if err := made.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// in runs a query once for each slice of values, with "(?, ?, …)" in place of %s in text.
func (t *tx) in(ctx context.Context, text string, before []any, values []any, scan func(*sql.Rows) error) error {
	for len(values) > 0 {
		n := min(askMax, len(values))
		args := append(append([]any{}, before...), values[:n]...)
		if err := t.each(ctx, fmt.Sprintf(text, "("+marks(n)+")"), args, scan); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}
