package mercury

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	// documentsMax bounds one call of Documents; nobody who looks for a lost receipt needs more than a day's.
	documentsMax = 20_000
	// salesPause and salesMax: the service reads the journal over a serial line in the background.
	salesPause = 200 * time.Millisecond
	salesMax   = 3 * time.Minute
	complete   = 100
)

// Documents implements [drivers.Printer]. The service does not read the storage's archive; documents come from
// the register's journal of sales. A document that the journal lacks (a registration, a report, one made
// before the journal was cleared) is told as DocOther with nothing but its number.
func (p *Printer) Documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	const op = "read documents"
	if last <= after {
		return nil, nil
	}
	docs, err := p.documents(ctx, after, last)
	return docs, p.report(op, err)
}

func (p *Printer) documents(ctx context.Context, after, last uint32) ([]drivers.Document, error) {
	if last-after > documentsMax {
		return nil, early(drivers.FailRefused, "%d documents asked for, at most %d at a time", last-after, documentsMax)
	}
	s, err := p.state(ctx)
	if err != nil {
		return nil, err
	}
	if last > s.last.FD {
		return nil, early(drivers.FailRefused, "document %d asked for, the last one is %d", last, s.last.FD)
	}
	info, err := p.learn(ctx)
	if err != nil {
		return nil, err
	}
	sales, err := p.journal(ctx)
	if err != nil {
		return nil, err
	}
	found, err := listed(sales, s.fn)
	if err != nil {
		return nil, malformed(frame.CmdGetSales, err)
	}
	docs := make([]drivers.Document, 0, last-after)
	for fd := after + 1; fd <= last; fd++ {
		d := drivers.Document{Fiscal: found[fd], OFD: s.FN.Unsent.Count == 0 || fd < s.FN.Unsent.First}
		if d.Fiscal.Doc == 0 {
			d.Fiscal.Doc = sale.DocOther
		}
		d.Fiscal.Kind, d.Fiscal.Key, d.Fiscal.Register = sale.FiscalOwn, sale.FiscalKey{FN: s.fn, FD: fd}, info.Serial
		docs = append(docs, d)
	}
	return docs, nil
}

// journal lets the service read the journal and fetches it. All of it only reads, so that a part that is lost
// is asked for again.
func (p *Printer) journal(ctx context.Context) (*frame.Sales, error) {
	if _, err := ask[frame.Answer](ctx, p, frame.CmdReadSales); err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		progress, err := ask[frame.Progress](ctx, p, frame.CmdProgress)
		if err != nil {
			return nil, err
		}
		if progress.Percent >= complete {
			return ask[frame.Sales](ctx, p, frame.CmdGetSales)
		}
		if time.Since(began) > salesMax {
			return nil, early(drivers.FailBusy, "the journal is read to %d %%", progress.Percent)
		}
		if err := pause(ctx, salesPause); err != nil {
			return nil, linkFailure(ctx, frame.CmdProgress, reads, &linkError{err: err})
		}
	}
}

// listed are the journal's documents by number, as far as they are of this storage: another one's numbers
// begin at one again.
func listed(sales *frame.Sales, fn string) (map[uint32]sale.Fiscal, error) {
	out := map[uint32]sale.Fiscal{}
	var errs []error
	add := func(fd uint32, at, sign string, f sale.Fiscal) {
		if fd == 0 {
			return
		}
		moment, errAt := frame.Time(at)
		mark, errSign := frame.Sign(sign)
		if err := errors.Join(errAt, errSign); err != nil {
			errs = append(errs, fmt.Errorf("document %d: %w", fd, err))
			return
		}
		f.Sign, f.Stamp = mark, sale.StampOf(moment)
		out[fd] = f
	}
	for _, s := range sales.Shifts {
		if s.FN != fn {
			continue
		}
		if s.Open != nil {
			add(s.Open.FD, s.Open.At, s.Open.Sign, sale.Fiscal{Doc: sale.DocShiftOpen, Shift: s.No})
		}
		for _, c := range s.Checks {
			tag, correction, ok := frame.KindOf(c.Kind)
			if c.Annulled || !ok {
				continue
			}
			f := sale.Fiscal{Doc: sale.DocKind(tag), Shift: s.No, Receipt: c.No, Sum: sale.Money(c.Total)}
			if correction {
				f.Doc = f.Doc.Correction()
			}
			add(c.FD, c.At, c.Sign, f)
		}
		if s.Close != nil {
			add(s.Close.FD, s.Close.At, s.Close.Sign, sale.Fiscal{Doc: sale.DocShiftClose, Shift: s.No})
		}
	}
	return out, errors.Join(errs...)
}
