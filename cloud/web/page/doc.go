// Package page is what head office's pages ask for and are shown: rows, filters and forms. Both the
// pages and the SQL store import it, so that neither imports the other.
//
// What will bite: rows carry the store's zone, since a chain's stores live in several; lists are paged
// by keys and never by offsets, since a list of millions of rows cannot be counted on every click.
package page

import "errors"

// ErrNotFound is wrapped when there is no such row in this organisation.
var ErrNotFound = errors.New("not found")

// ErrTaken is wrapped when a name, login or number is in use already.
var ErrTaken = errors.New("taken already")

// ErrChanged is wrapped when somebody else changed the row since the form was opened.
var ErrChanged = errors.New("changed meanwhile")

// RowsMax is how many rows a page of a list shows.
const RowsMax = 50

// Refusal is a wish that cannot be granted, in words for people.
type Refusal struct{ RU, EN string }

// Error is both, for the log.
func (r *Refusal) Error() string { return r.EN + " / " + r.RU }
