package agent

import (
	"context"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// orderBytesMax is the length of FFD tag 1179.
const orderBytesMax = 32

// correct makes a correction receipt of what lies in the basket, on a manager's word: what the receipt should
// have said that was not made, or was made wrong. Nobody earns, spends or is counted by it, so there must be no
// customer, no code and no certificate in hand.
func (t *Till) correct(c Command) error {
	s := &t.desk.sale
	switch {
	case t.noRegister():
		return refuse(textNoRegister(), nil)
	case !t.desk.register.can.corrects:
		return notSupported("correction")
	case len(s.basket.Lines) == 0:
		return refuse(textEmpty(), nil)
	case s.customer != nil || len(s.codes) > 0 || len(s.certificates) > 0:
		return refuse(textCorrectCustomer(), nil)
	}
	if err := t.othersCode(""); err != nil {
		return err
	}
	if err := markMissing(s.basket.Lines); err != nil {
		return err
	}
	if err := t.refresh(); err != nil {
		return err
	}
	r, err := t.correction(c)
	if err != nil {
		return err
	}
	if _, err := t.manager(c.PIN); err != nil {
		return err
	}
	return t.startCorrection(r)
}

// startCorrection gives a correction that a manager has allowed to the register.
func (t *Till) startCorrection(r sale.Record) error {
	receipt := t.correctionReceipt(r.Correct)
	return t.start(job{draft: r, do: func(ctx context.Context, p drivers.Printer, j *ledger.Job) (sale.Fiscal, error) {
		corrector, ok := p.(drivers.Corrector)
		if !ok {
			return sale.Fiscal{}, notSupported("correction")
		}
		receipt.Receipt.Key = j.Draft.ID.Key()
		return corrector.Correct(ctx, receipt)
	}})
}

// correction is the draft: the goods as the till would sell them without a customer.
func (t *Till) correction(c Command) (r sale.Record, err error) {
	q := t.desk.sale.quote
	if r, err = t.newRecord(sale.KindCorrection); err != nil {
		return r, err
	}
	by, err := t.basis(c)
	if err != nil {
		return r, err
	}
	by.Total, by.Tenders = q.Total, c.Tenders
	if len(by.Tenders) == 0 {
		by.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: q.Total}}
	}
	if err := checkTenders(by.Tenders, 0, q.Total); err != nil {
		return r, err
	}
	if cash := tendered(by.Tenders, sale.TenderCash); by.Of == sale.DocSaleReturn && cash > t.ledger.Tally().Cash {
		return r, refuse(textDrawerShort(t.ledger.Tally().Cash), nil)
	}
	for _, l := range q.Lines {
		for _, part := range l.Parts {
			by.Lines = append(by.Lines, sale.CorrectedLine{
				SKU: l.SKU, Name: l.Name, Code: l.Code, Part: part, VAT: l.VAT, Subject: l.Subject, Unit: l.Unit, Traits: l.Traits,
			})
		}
	}
	r.Correct = by
	return r, nil
}

// basis is why: tags 1173 and 1174.
func (t *Till) basis(c Command) (*sale.Correction, error) {
	by := &sale.Correction{Of: sale.DocSale, Prescribed: c.Yes, Day: c.Day, Number: strings.TrimSpace(toValid(c.Code))}
	if c.Return {
		by.Of = sale.DocSaleReturn
	}
	today := sale.DateOf(t.now(), t.shop.zone)
	var err error
	switch {
	case !c.Day.Valid() || c.Day > today:
		return nil, refuse(textCorrectDay(), nil)
	case by.Prescribed && by.Number == "":
		return nil, refuse(textCorrectOrder(), nil)
	case len(by.Number) > orderBytesMax:
		return nil, refuse(textCorrectOrderLong(), nil)
	}
	by.Reason, err = reasonText(c.Reason)
	return by, err
}

func (t *Till) correctionReceipt(by *sale.Correction) drivers.Correction {
	c := drivers.Correction{Prescribed: by.Prescribed, Day: by.Day.Start(time.UTC).Time(), Number: by.Number, Receipt: drivers.Receipt{
		Doc: by.Of, Operator: t.operator(), Tenders: by.Tenders, Total: by.Total, Tax: t.rules.Tax,
	}}
	for _, l := range by.Lines {
		mark := receiptMark(l.Traits, l.Code)
		c.Receipt.Lines = append(c.Receipt.Lines, drivers.ReceiptLine{
			Name: l.Name, Part: l.Part, VAT: l.VAT, Subject: markedSubject(l.Subject, mark), Unit: l.Unit, Mark: mark,
		})
	}
	return c
}

func textCorrectCustomer() Text {
	return say("Коррекция — для налоговой: без покупателя, промокодов и сертификатов. Уберите их из чека", "A correction is for the tax office: no customer, promo codes or certificates. Take them off the receipt")
}

func textCorrectDay() Text {
	return say("Укажите день расчёта, который исправляете: не позже сегодняшнего", "Give the day of the settlement that is corrected: not after today")
}

func textCorrectOrder() Text {
	return say("По предписанию нужен его номер", "An order of the tax office has a number: type it")
}

func textCorrectOrderLong() Text {
	return say("Номер предписания длиннее 32 байт: сократите", "The order's number is longer than 32 bytes: shorten it")
}
