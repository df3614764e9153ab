package pirit

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// documentsMax bounds one call of Documents: nobody who looks for a lost receipt needs more than a day's.
	documentsMax = 20_000
	// blockBytes is read of a document at a time: two digits a byte make an answer that every model can pack.
	blockBytes = 256
	// documentMax is the longest document that a storage keeps.
	documentMax = 32 << 10
	tagDateTime = 1012
)

// Documents implements [drivers.Printer].
func (p *Printer) Documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	const op = "read documents"
	if last > after && last-after > documentsMax {
		return nil, p.report(op, &drivers.Error{
			Fail: drivers.FailRefused, Outcome: drivers.OutcomeNotDone,
			Err: fmt.Errorf("%d documents asked for, at most %d at a time", last-after, documentsMax),
		})
	}
	if _, err := p.ready(ctx); err != nil {
		return nil, p.report(op, err)
	}
	docs, err := p.documents(ctx, after, last)
	return docs, p.report(op, err)
}

func (p *Printer) documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	m, err := p.learn(ctx)
	if err != nil {
		return nil, err
	}
	fn, err := p.fn(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := p.queue(ctx)
	if err != nil {
		return nil, err
	}
	var docs []drivers.Document
	for fd := after; fd < last; {
		fd++
		d, err := p.document(ctx, fd)
		if err != nil {
			return nil, err
		}
		d.Fiscal.Key.FN, d.Fiscal.Register = fn, m.serial
		d.OFD = waiting.Unsent == 0 || fd < waiting.FirstFD
		docs = append(docs, d)
	}
	return docs, nil
}

// document reads one document of the archive as tagged values: 78/15 chooses it, 78/16 gives it out.
func (p *Printer) document(ctx context.Context, fd uint32) (drivers.Document, error) {
	values, form, err := p.tagged(ctx, fd)
	if err != nil {
		return drivers.Document{}, err
	}
	d, err := documentOf(values, form)
	if err != nil {
		return drivers.Document{}, malformed(frame.CmdStorage, "document %d: %w", fd, err)
	}
	if d.Fiscal.Key.FD != fd {
		return drivers.Document{}, malformed(frame.CmdStorage, "document %d instead of %d", d.Fiscal.Key.FD, fd)
	}
	return d, nil
}

func (p *Printer) tagged(ctx context.Context, fd uint32) ([]ffd.TLV, int, error) {
	head, err := p.storage(ctx, fnChoose, decimal(int(fd)))
	if err != nil {
		return nil, 0, err
	}
	n, err := numbersIn(frame.CmdStorage, head, 0, 2)
	if err != nil {
		return nil, 0, err
	}
	form, size := n[0], n[1]
	if size > documentMax {
		return nil, 0, malformed(frame.CmdStorage, "a document of %d bytes", size)
	}
	var raw []byte
	for len(raw) < size {
		want := min(blockBytes, size-len(raw))
		fields, err := p.storage(ctx, fnBlock, decimal(len(raw)), decimal(want))
		if err != nil {
			return nil, 0, err
		}
		part, err := hex.DecodeString(string(frame.Field(fields, 0)))
		if err != nil || len(part) == 0 || len(part) > want {
			return nil, 0, malformed(frame.CmdStorage, "a block of %d bytes at %d of %d", len(part), len(raw), size)
		}
		raw = append(raw, part...)
	}
	values, err := ffd.ParseTLV(raw)
	if err != nil {
		return nil, 0, malformed(frame.CmdStorage, "document %d: %w", fd, err)
	}
	return values, form, nil
}

// The forms of a shift's documents; the storage's own numbers differ from those of the format for the closing.
const (
	formShiftOpen   = 2
	formShiftClose  = 5
	formShiftClose8 = 8
)

// documentOf reads what the till wants to know of a document. What it is shows by its tags: a settlement has its
// sign, a correction its kind as well.
func documentOf(values []ffd.TLV, form int) (drivers.Document, error) {
	var d drivers.Document
	f := &d.Fiscal
	f.Kind, f.Doc = sale.FiscalOwn, sale.DocOther
	for tag, to := range map[uint16]*uint32{ffd.TagFD: &f.Key.FD, ffd.TagShift: &f.Shift, ffd.TagReceipt: &f.Receipt} {
		if v, ok := ffd.Find(values, tag); ok {
			n, err := ffd.ReadVLN(v)
			if err != nil {
				return d, fmt.Errorf("tag %d: %w", tag, err)
			}
			*to = uint32(n)
		}
	}
	at, err := needed(values, tagDateTime, 4)
	if err != nil {
		return d, err
	}
	f.Stamp = sale.StampOf(time.Unix(int64(binary.LittleEndian.Uint32(at)), 0).UTC())
	sign, err := needed(values, ffd.TagFiscalSign, 6)
	if err != nil {
		return d, err
	}
	f.Sign = binary.BigEndian.Uint32(sign[2:])
	switch form {
	case formShiftOpen:
		f.Doc = sale.DocShiftOpen
	case formShiftClose, formShiftClose8:
		f.Doc = sale.DocShiftClose
	}
	return d, settlement(values, &d)
}

func needed(values []ffd.TLV, tag uint16, size int) ([]byte, error) {
	v, _ := ffd.Find(values, tag)
	if len(v) != size {
		return nil, fmt.Errorf("tag %d has %d bytes, want %d", tag, len(v), size)
	}
	return v, nil
}

func settlement(values []ffd.TLV, d *drivers.Document) error {
	op, ok := ffd.Find(values, ffd.TagSign)
	if !ok || len(op) != 1 {
		return nil
	}
	d.Fiscal.Doc = sale.DocKind(op[0])
	if _, ok := ffd.Find(values, ffd.TagCorrectionKind); ok {
		d.Fiscal.Doc = d.Fiscal.Doc.Correction()
	}
	total, _ := ffd.Find(values, ffd.TagTotal)
	sum, err := ffd.ReadVLN(total)
	if err != nil {
		return fmt.Errorf("tag %d: %w", ffd.TagTotal, err)
	}
	d.Fiscal.Sum = sale.Money(sum)
	if nested, ok := ffd.Find(values, ffd.TagUserRequisite); ok {
		d.Key = key(nested)
	}
	return nil
}

// key is the short name of the sale, where the requisite is ours.
func key(nested []byte) string {
	values, err := ffd.ParseTLV(nested)
	if err != nil {
		return ""
	}
	name, _ := ffd.Find(values, ffd.TagUserName)
	value, _ := ffd.Find(values, ffd.TagUserValue)
	if frame.ReadText(name) != ffd.KeyName {
		return ""
	}
	return frame.ReadText(value)
}
