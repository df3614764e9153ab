package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// This file makes a pgx connection a database/sql driver. pgx has one of its own, but it drags in a
// second pool beside the one of database/sql.

type connector struct{ config *pgx.ConnConfig }

func newConnector(dsn string) (*connector, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the PostgreSQL address: %w", err)
	}
	return &connector{config}, nil
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, c.config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return &pgDriverConn{conn: conn}, nil
}

func (c *connector) Driver() driver.Driver { return pgDriver{} }

type pgDriver struct{}

func (pgDriver) Open(dsn string) (driver.Conn, error) {
	c, err := newConnector(dsn)
	if err != nil {
		return nil, err
	}
	return c.Connect(context.Background())
}

type pgDriverConn struct{ conn *pgx.Conn }

var errPrepare = errors.New("statements are prepared by pgx itself")

func (c *pgDriverConn) Prepare(string) (driver.Stmt, error) { return nil, errPrepare }

func (c *pgDriverConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *pgDriverConn) Close() error { return c.conn.Close(context.Background()) }

// IsValid keeps a broken connection out of the pool.
func (c *pgDriverConn) IsValid() bool { return !c.conn.IsClosed() }

// ResetSession is asked before a connection is used again.
func (c *pgDriverConn) ResetSession(context.Context) error {
	if c.conn.IsClosed() || c.conn.PgConn().TxStatus() != 'I' {
		return driver.ErrBadConn
	}
	return nil
}

func (c *pgDriverConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	var opts pgx.TxOptions
	if o.Isolation != 0 {
		opts.IsoLevel = pgx.RepeatableRead
	}
	if o.ReadOnly {
		opts.AccessMode = pgx.ReadOnly
	}
	tx, err := c.conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return pgDriverTx{tx}, nil
}

type pgDriverTx struct{ tx pgx.Tx }

func (t pgDriverTx) Commit() error   { return t.tx.Commit(context.Background()) }
func (t pgDriverTx) Rollback() error { return t.tx.Rollback(context.Background()) }

// CheckNamedValue lets every value through as database/sql's own rules make it.
func (c *pgDriverConn) CheckNamedValue(v *driver.NamedValue) error {
	value, err := driver.DefaultParameterConverter.ConvertValue(v.Value)
	if err != nil {
		return err
	}
	v.Value = value
	return nil
}

func values(named []driver.NamedValue) []any {
	out := make([]any, len(named))
	for i, v := range named {
		out[i] = v.Value
	}
	return out
}

func (c *pgDriverConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	var tag pgconn.CommandTag
	var err error
	if len(args) == 0 { // a migration: several statements at once
		tag, err = c.conn.Exec(ctx, query, pgx.QueryExecModeSimpleProtocol)
	} else {
		tag, err = c.conn.Exec(ctx, query, values(args)...)
	}
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (c *pgDriverConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.conn.Query(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	return &pgDriverRows{rows}, nil
}

type pgDriverRows struct{ rows pgx.Rows }

func (r *pgDriverRows) Columns() []string {
	fields := r.rows.FieldDescriptions()
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

func (r *pgDriverRows) Close() error {
	r.rows.Close()
	return r.rows.Err()
}

func (r *pgDriverRows) Next(dest []driver.Value) error {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	row, err := r.rows.Values()
	if err != nil {
		return err
	}
	for i, v := range row {
		switch v := v.(type) {
		case int32:
			dest[i] = int64(v)
		case int16:
			dest[i] = int64(v)
		case pgtype.Numeric: // what a sum of BIGINTs is
			n, err := v.Int64Value()
			if err != nil {
				return fmt.Errorf("column %d: %w", i, err)
			}
			dest[i] = n.Int64
			if !n.Valid {
				dest[i] = nil
			}
		default:
			dest[i] = v
		}
	}
	return nil
}
