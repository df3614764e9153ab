package shtrih

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
)

var _ drivers.StorageTeller = (*Printer)(nil)

// The formats of fiscal data, as field 17 of table 17 numbers them.
const (
	format105  = "1.05"
	format11   = "1.1"
	format12   = "1.2"
	fieldFFD   = 17
	fieldQuiet = 7
)

var formats = map[uint64]string{2: format105, 3: format11, 4: format12}

// format is the format of fiscal data that the register is registered for. A model without that field is
// judged by whether its firmware knows FFD 1.1 at all.
func (p *Printer) format(ctx context.Context) (string, error) {
	m, err := p.learn(ctx)
	if err != nil || m.format != "" {
		return modelFormat(m), err
	}
	cell, err := p.cell(ctx, tableRegional, 1, fieldFFD)
	if err != nil && !noSuchCell(err) {
		return "", err
	}
	known := ""
	if err == nil {
		known = formats[frame.Uint(cell)]
	}
	if known == "" {
		known = format105
		if m.caps&capFFD11 != 0 {
			known = format12
		}
	}
	m.format = known
	return known, nil
}

func modelFormat(m *model) string {
	if m == nil {
		return ""
	}
	return m.format
}

// hush keeps the next document off the paper, where the model has a field for it: it signs and does not print.
// The field falls back by itself after one document; a model without it prints, which does no harm.
func (p *Printer) hush(ctx context.Context, quiet bool) error {
	if quiet == p.hushed {
		return nil
	}
	value := byte(0)
	if quiet {
		value = 1
	}
	_, err := p.adminCall(ctx, works, frame.CmdWriteTable, tableRegional, 1, 0, fieldQuiet, value)
	if noSuchCell(err) {
		p.hushed = false
		return nil
	}
	if err == nil {
		p.hushed = quiet
	}
	return err
}

// Storage implements [drivers.StorageTeller].
func (p *Printer) Storage(ctx context.Context) (drivers.Storage, error) {
	s, err := p.storageLife(ctx)
	return s, p.report("read fiscal storage", err)
}

func (p *Printer) storageLife(ctx context.Context) (drivers.Storage, error) {
	s, err := p.storage(ctx)
	if err != nil {
		return drivers.Storage{}, err
	}
	out := drivers.Storage{FN: s.fn}
	if out.Expires, err = p.expiry(ctx); err != nil {
		return drivers.Storage{}, err
	}
	if out.FFD, err = p.format(ctx); err != nil {
		return drivers.Storage{}, err
	}
	q, err := p.queue(ctx)
	out.Unsent, out.FirstFD, out.Oldest = q.unsent, q.first, q.oldest
	return out, err
}

// expiry is the answer of FF03: YY MM DD. Newer firmware adds two counts of registrations.
func (p *Printer) expiry(ctx context.Context) (time.Time, error) {
	rest, err := p.call(ctx, reads, frame.CmdFNExpiry)
	if err != nil {
		return time.Time{}, err
	}
	if err := need(frame.CmdFNExpiry, rest, 3); err != nil {
		return time.Time{}, err
	}
	at, err := frame.FNTime([]byte{rest[0], rest[1], rest[2], 0, 0})
	if err != nil {
		return time.Time{}, malformed(frame.CmdFNExpiry, err)
	}
	return at, nil
}

// queue is the answer of FF39: what the operator of fiscal data has not confirmed.
type queue struct {
	unsent int
	first  uint32
	oldest time.Time
}

func (p *Printer) queue(ctx context.Context) (queue, error) {
	rest, err := p.call(ctx, reads, frame.CmdOFDStatus)
	if err != nil {
		return queue{}, err
	}
	if err := need(frame.CmdOFDStatus, rest, 13); err != nil {
		return queue{}, err
	}
	oldest, err := frame.FNTime(rest[8:13])
	if err != nil {
		return queue{}, malformed(frame.CmdOFDStatus, err)
	}
	return queue{unsent: int(binary.LittleEndian.Uint16(rest[2:])), first: binary.LittleEndian.Uint32(rest[4:]), oldest: oldest}, nil
}

// documentBytesMax is the longest document that a fiscal storage keeps, 32 KB.
const documentBytesMax = 32 << 10

// readKey finds the sale's name in a document. Registers that keep no document in full tell none.
func (p *Printer) readKey(ctx context.Context, fd uint32) (string, error) {
	values, err := p.tagged(ctx, fd)
	if err != nil || values == nil {
		return "", err
	}
	nested, _ := ffd.Find(values, ffd.TagUserRequisite) // none: no name of ours in it
	return keyIn(nested), nil
}

// keyIn is the sale's name in tag 1084; another program's requisite, well written or not, is none.
func keyIn(nested []byte) string {
	inner, err := ffd.ParseTLV(nested)
	if err != nil {
		return ""
	}
	name, _ := ffd.Find(inner, ffd.TagUserName)
	value, _ := ffd.Find(inner, ffd.TagUserValue)
	if charset.From866(name) != ffd.KeyName {
		return ""
	}
	return charset.From866(value)
}

// tagged reads a document in full, nil where the device does not give it. A piece that was given is not given
// again, so that after a lost one all is read anew.
func (p *Printer) tagged(ctx context.Context, fd uint32) ([]ffd.TLV, error) {
	for tries := 1; ; tries++ {
		values, err := p.taggedOnce(ctx, fd)
		var d *deviceError
		switch {
		case err == nil:
			return values, nil
		case errors.As(err, &d) && d.code != 0:
			return nil, nil // not known, or not kept
		case tries >= readTries || ctx.Err() != nil:
			return nil, outcome(err, drivers.OutcomeNotDone)
		}
	}
}

func (p *Printer) taggedOnce(ctx context.Context, fd uint32) ([]ffd.TLV, error) {
	rest, err := p.adminCall(ctx, reads, frame.CmdFNDocument, binary.LittleEndian.AppendUint32(nil, fd)...)
	if err != nil {
		return nil, err
	}
	if err := need(frame.CmdFNDocument, rest, 4); err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint16(rest[2:]))
	if length > documentBytesMax {
		return nil, malformed(frame.CmdFNDocument, fmt.Errorf("a document of %d bytes", length))
	}
	var doc []byte
	for len(doc) < length {
		piece, err := p.adminCall(ctx, works, frame.CmdFNDocumentTLV)
		if err != nil {
			return nil, err
		}
		if len(piece) == 0 {
			return nil, malformed(frame.CmdFNDocumentTLV, errors.New("an empty piece"))
		}
		doc = append(doc, piece...)
	}
	values, err := ffd.ParseTLV(doc)
	if err != nil {
		return nil, malformed(frame.CmdFNDocumentTLV, err)
	}
	return values, nil
}
