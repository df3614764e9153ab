// Package store is head office's memory: every record that a till has handed in, and what follows from
// it (sales, points, leases, shifts, flags), in one SQL database.
//
// It runs on embedded SQLite (a folder) and on PostgreSQL (a URL) with one set of statements, written
// with ? for arguments and the types INTEGER, BLOB and TEXT; the small differences live in dialect.go.
//
// What will bite: a record is stored, projected and put before the other tills in one transaction, so
// nothing may be written "later"; balances are sums of signed postings, so that the order in which
// tills' records arrive cannot change them; a doubt becomes a flag, never a refusal; and versions of the
// feed are drawn inside the transaction, so that a reader can never step over a change that commits later.
package store
