package shtrih

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

var _ drivers.Corrector = (*Printer)(nil)

// Correct implements [drivers.Corrector]. From FFD 1.1 on a correction is a receipt with positions; by FFD 1.05
// it has sums only, and only of income and expense: a wrong receipt is put right by a return and a new one.
func (p *Printer) Correct(ctx context.Context, c drivers.Correction) (sale.Fiscal, error) {
	f, err := p.correct(ctx, c)
	return f, p.report("print correction", err)
}

func (p *Printer) correct(ctx context.Context, c drivers.Correction) (sale.Fiscal, error) {
	if err := drivers.CheckCorrection(c, int(p.opts.positions)); err != nil {
		return sale.Fiscal{}, err
	}
	format, err := p.format(ctx)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	r := paper{Receipt: c.Receipt, kind: c.Receipt.Doc.Correction(), basis: basis(c, format)}
	if format == format105 {
		return p.correct105(ctx, r, c.Prescribed)
	}
	return p.make(ctx, r)
}

// What FFD 1.05 wants to be said in words.
const (
	byOneself  = "Самостоятельная коррекция"
	prescribed = "Коррекция по предписанию"
)

// basis are tags 1173 and 1174. By FFD 1.05 the kind is a byte of the command, and the basis has words.
func basis(c drivers.Correction, format string) []ffd.TLV {
	day := binary.LittleEndian.AppendUint32(nil, uint32(c.Day.Unix()))
	inner := []ffd.TLV{{Tag: ffd.TagBasisDay, Value: day}}
	if c.Number != "" {
		inner = append(inner, textTag(ffd.TagBasisNumber, c.Number, orderBytes))
	}
	kind, words := byte(0), byOneself
	if c.Prescribed {
		kind, words = 1, prescribed
	}
	if format == format105 {
		inner = append([]ffd.TLV{textTag(ffd.TagBasisText, words, ffd.UserValueBytes)}, inner...)
		return []ffd.TLV{structure(ffd.TagBasis, inner...)}
	}
	return []ffd.TLV{{Tag: ffd.TagCorrectionKind, Value: []byte{kind}}, structure(ffd.TagBasis, inner...)}
}

// orderBytes is tag 1179.
const orderBytes = 32

// correct105 announces a correction by FF35, sends its basis and signs it by FF4A.
func (p *Printer) correct105(ctx context.Context, r paper, byOrder bool) (sale.Fiscal, error) {
	params, err := p.sums105(r, byOrder)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	f, err := p.prepare(ctx, r)
	if err != nil {
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	_, err = p.adminCall(ctx, works, frame.CmdCorrection1)
	if err == nil {
		err = p.send(ctx, append(operatorTags(r.Operator), r.basis...))
	}
	if err != nil {
		p.tidy(ctx)
		return sale.Fiscal{}, outcome(err, drivers.OutcomeNotDone)
	}
	before := f.Key.FD
	if err := p.sign105(ctx, params, &f); err != nil {
		return sale.Fiscal{}, p.refused(ctx, before, err)
	}
	_ = p.printed(ctx) // signed: paper is for Status to tell
	return f, nil
}

func (p *Printer) sign105(ctx context.Context, params []byte, f *sale.Fiscal) error {
	rest, err := p.adminCall(ctx, final, frame.CmdCorrection2, params...)
	if err != nil {
		if rest, err = p.fetch(ctx, frame.CmdCorrection2, err); err != nil {
			return err
		}
	}
	if err := need(frame.CmdCorrection2, rest, 10); err != nil {
		return outcome(err, drivers.OutcomeUnknown)
	}
	return p.numbered(ctx, frame.CmdCorrection2, rest[2:], nil, f)
}

// slots105 are the five payments of FF4A.
var slots105 = [5]sale.TenderKind{sale.TenderCash, sale.TenderCard, sale.TenderAdvance, sale.TenderCredit, sale.TenderCounter}

// taxes105 are the six rates whose sums FF4A has; the later ones came with FFD 1.2.
var taxes105 = [taxes]sale.VAT{sale.VAT20, sale.VAT10, sale.VAT0, sale.VATNone, sale.VAT20120, sale.VAT10110}

// sums105 packs FF4A after the password. Taxes are the till's to reckon here.
func (p *Printer) sums105(r paper, byOrder bool) ([]byte, error) {
	if r.Doc != sale.DocSale && r.Doc != sale.DocExpense {
		return nil, errors105("only income and expense can be corrected")
	}
	var paid [len(slots105)]sale.Money
	for _, t := range r.Tenders {
		for i, kind := range slots105 {
			if t.Kind == kind {
				paid[i] += t.Amount
			}
		}
	}
	taxed, err := taxSums105(r.Lines)
	if err != nil {
		return nil, err
	}
	out := []byte{0, byte(r.Doc)}
	if byOrder {
		out[0] = 1
	}
	var errs []error
	for _, sum := range append(append([]sale.Money{r.Total}, paid[:]...), taxed[:]...) {
		var err error
		out, err = frame.AppendMoney(out, int64(sum))
		errs = append(errs, err)
	}
	return append(out, byte(r.Tax)), errors.Join(errs...)
}

// taxSums105 are the taxes that the lines contain; of the rates without a tax it is the turnover.
func taxSums105(lines []drivers.ReceiptLine) (sums [taxes]sale.Money, err error) {
	percent := map[sale.VAT]int64{sale.VAT20: 20, sale.VAT20120: 20, sale.VAT10: 10, sale.VAT10110: 10}
	for i, l := range lines {
		slot := -1
		for s, v := range taxes105 {
			if v == l.VAT {
				slot = s
			}
		}
		if slot < 0 {
			return sums, errors105(fmt.Sprintf("position %d has a rate that the format does not know", i+1))
		}
		if rate := percent[l.VAT]; rate > 0 {
			sums[slot] += l.Part.Sum.ShareRounded(rate, 100+rate)
		} else {
			sums[slot] += l.Part.Sum
		}
	}
	return sums, nil
}

func errors105(why string) error {
	return &drivers.Error{
		Fail: drivers.FailConfig, Outcome: drivers.OutcomeNotDone, Err: fmt.Errorf("FFD 1.05: %s", why),
		Hint: drivers.Hint{
			RU: "Касса работает по ФФД 1.05: такой чек коррекции в нём невозможен. Оформите возврат ошибочного чека и новый чек. Признака ошибочного чека (тег 1192) программа в них не ставит: сообщите бухгалтеру номера всех трёх.",
			EN: "The register works by FFD 1.05, which has no such correction. Return the wrong receipt and print a new one. The program does not put the wrong one's sign (tag 1192) into them: tell the accountant the numbers of all three.",
		},
	}
}
