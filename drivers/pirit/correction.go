package pirit

import (
	"context"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Bits of the kind of correction in 58h.
const (
	correctPrescribed = 1 << 0
	correctExpense    = 1 << 1
	correctTaxShift   = 2
	correctSums       = 1 << 5 // FFD 1.05: sums of tax follow, not the number of a rate
	correctReturn     = 1 << 6 // FFD 1.2
)

// orderBytes is tag 1179.
const orderBytes = 32

// Correct implements [drivers.Corrector]. With FFD 1.2 a correction is opened by 58h and then filled as a receipt
// is; with FFD 1.05 that command makes all of it, without positions and never for returns.
func (p *Printer) Correct(ctx context.Context, c drivers.Correction) (sale.Fiscal, error) {
	const op = "print correction"
	if err := errors.Join(drivers.CheckCorrection(c, linesMax), drivers.NoExtra(c.Receipt)); err != nil {
		return sale.Fiscal{}, p.report(op, err)
	}
	if _, err := p.ready(ctx); err != nil {
		return sale.Fiscal{}, p.report(op, err)
	}
	m, err := p.learn(ctx)
	if err != nil {
		return sale.Fiscal{}, p.report(op, err)
	}
	c.Receipt.NoPaper = false
	j := &job{Receipt: c.Receipt, kind: c.Receipt.Doc.Correction()}
	if !m.marks {
		f, err := p.correctOld(ctx, j, c)
		return f, p.report(op, err)
	}
	f, err := p.make(ctx, j, func() error {
		fields := append([][]byte{operator(c.Receipt.Operator)}, make([][]byte, 5)...)
		_, err := p.call(ctx, works, frame.CmdCorrection, append(fields, basis(c, 0)...)...)
		return err
	})
	return f, p.report(op, err)
}

// basis is kind, day and number of a correction.
func basis(c drivers.Correction, kind int) [][]byte {
	kind |= taxIndex(c.Receipt.Tax) << correctTaxShift
	if c.Prescribed {
		kind |= correctPrescribed
	}
	switch c.Receipt.Doc {
	case sale.DocSaleReturn:
		kind |= correctReturn
	case sale.DocExpense:
		kind |= correctExpense
	case sale.DocExpenseReturn:
		kind |= correctExpense | correctReturn
	}
	return [][]byte{decimal(kind), frame.Date(c.Day), frame.Text(c.Number, orderBytes)}
}

// correctOld is a correction of FFD 1.05. Its command has places for six rates, the first rows of the table.
func (p *Printer) correctOld(ctx context.Context, j *job, c drivers.Correction) (sale.Fiscal, error) {
	if c.Receipt.Doc == sale.DocSaleReturn || c.Receipt.Doc == sale.DocExpenseReturn {
		return sale.Fiscal{}, refuse(drivers.FailRefused, "По ФФД 1.05 коррекция возврата невозможна: оформите чек возврата.",
			"FFD 1.05 knows no correction of a return: make a return receipt.")
	}
	p.who = j.Operator
	if err := p.prepare(ctx, j); err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	taxes, err := taxSums(j)
	if err != nil {
		return sale.Fiscal{}, err
	}
	fields := [][]byte{operator(c.Receipt.Operator)}
	for _, kind := range []sale.TenderKind{sale.TenderCash, sale.TenderCard, sale.TenderAdvance, sale.TenderCredit, sale.TenderCounter} {
		var sum sale.Money
		for _, t := range c.Receipt.Tenders {
			if t.Kind == kind {
				sum += t.Amount
			}
		}
		fields = append(fields, []byte(sum.String()))
	}
	fields = append(append(append(fields, basis(c, correctSums)...), nil), taxes...)
	p.closing = nil
	_, err = p.call(ctx, final, frame.CmdCorrection, fields...)
	if err == nil { // the answer has no numbers
		err = outcome(malformed(frame.CmdCorrection, "the document is not in the archive"), drivers.OutcomeUnknown)
	}
	f, err := p.settle(ctx, j, err)
	if err != nil && drivers.NotDone(p.report("", err)) {
		p.tidy(ctx)
	}
	return f, err
}

// taxSums are VAT by rate: the tax of a rate, the whole sum where the rate is zero or none.
func taxSums(j *job) ([][]byte, error) {
	const rows = 6
	var sums [rows]sale.Money
	for _, l := range j.Lines {
		row := j.base.rates[l.VAT]
		if row >= rows {
			return nil, &drivers.Error{
				Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("VAT rate %s has no place in a correction of FFD 1.05", rateName(l.VAT)),
				Hint: drivers.Hint{
					RU: "Коррекция по ФФД 1.05 не знает ставки НДС " + rateName(l.VAT) + ". Перерегистрируйте кассу на ФФД 1.2.",
					EN: "A correction of FFD 1.05 knows no VAT rate " + rateName(l.VAT) + ". Register the register for FFD 1.2.",
				},
			}
		}
		sums[row] += taxInside(l.Part.Sum, l.VAT)
	}
	out := make([][]byte, rows)
	for i, sum := range sums {
		out[i] = []byte(sum.String())
	}
	return out, nil
}

// taxInside is the tax in a sum that contains it, half up to the kopeck; of a rate of zero it is the sum itself.
func taxInside(sum sale.Money, v sale.VAT) sale.Money {
	const whole = 10000
	for _, r := range percents {
		if r.vat == v && r.percent > 0 {
			return sum.ShareRounded(int64(r.percent), whole+int64(r.percent))
		}
	}
	return sum
}
