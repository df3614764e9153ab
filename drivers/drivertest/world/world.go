// Package world is every register that a till can have, in software: for suites that run one test over all
// protocols, with links in memory and time that only passes when everybody waits.
//
// What will bite: a suite over worlds proves nothing for a driver that has none, so [All] must name each type
// of drivers/all; the suites fail where it does not.
package world

import (
	"context"
	"io"
	"time"

	"github.com/kopilka/kopilka/drivers/drivertest"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// World is one protocol of one type of register.
type World struct {
	Name     string            // "shtrih-m 2.0"
	Type     string            // as drivers/all and the config name it
	Settings map[string]string // that make the driver speak this protocol
	Wordy    bool              // its requests are JSON: ten times the bytes, of which few matter
	// New puts a fresh register on the counter: registered, shift closed, paper in, printing in no time.
	New func(o Options) (Machine, error)
	// Faults are what can go wrong on this protocol beyond bytes that are lost; see [Fault].
	Faults []Fault
}

// Options describe the register of a world.
type Options struct {
	Folder   string           // where it keeps storage and memory; empty: in memory only
	FN       string           // serial of the storage; default the emulator's
	Serial   uint32           // the register's own number; default 1
	INN      string           // of the taxpayer
	OFDDelay time.Duration    // until the operator of fiscal data confirms a document
	Now      func() time.Time // the shop's wall clock; default time.Now
	// Unregistered leaves its storage fresh out of the box.
	Unregistered bool
}

// Machine is an emulated register, as somebody who stands beside it could look at it and touch it.
type Machine interface {
	drivertest.Device
	// Serve talks on one link until ctx ends, the host closes it or the power goes; it closes conn.
	Serve(ctx context.Context, conn io.ReadWriteCloser) error
	// SetPower switches the register on or off; what only its working memory held is lost.
	SetPower(on bool)
	// CutAtWrite lets the power go around the next write of the fiscal storage: before it, or between it
	// and the answer.
	CutAtWrite(after bool)
	// Archive is all of the storage, in order.
	Archive() []storage.Document
	Close() error
}

// Fault is one named way in which a protocol breaks: see the fault points of the field's notes.
type Fault struct {
	Name string
	// Arm makes it happen once, n steps from now where steps count (bytes, commands, lines).
	Arm func(m Machine, n int)
}

// All is every world there is.
func All() []World {
	return []World{
		ShtrihWorld("1"), ShtrihWorld("2"), AtolWorld(),
		MercuryWorld("http"), MercuryWorld("length"),
		PiritWorld(),
	}
}

var docKinds = map[storage.DocType]sale.DocKind{
	storage.DocRegistration: sale.DocOther, storage.DocShiftOpen: sale.DocShiftOpen, storage.DocShiftClose: sale.DocShiftClose,
}

// kindOf is a document's kind in the words of the ledger.
func kindOf(d storage.Document) sale.DocKind {
	switch d.Type {
	case storage.DocReceipt:
		return sale.DocKind(d.Op)
	case storage.DocCorrection:
		return sale.DocKind(d.Op).Correction()
	}
	return docKinds[d.Type]
}

// Signed is an archive in the words of the contract.
func Signed(docs []storage.Document) []drivertest.Signed {
	out := make([]drivertest.Signed, len(docs))
	for i, d := range docs {
		out[i] = signed(d)
	}
	return out
}
