package pirit

import (
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// correction is 58h: with FFD 1.2 it opens a receipt, with FFD 1.05 it makes the whole document.
func (r *Register) correction(q request) ([][]byte, byte) {
	kind, okKind := q.number(6)
	day, err := frame.Day(q.field(7))
	tax := kind >> 2 & 7
	if !okKind || err != nil || tax >= len(taxBits) || len(q.field(8)) > 32 || kind >= 1<<7 {
		return nil, errFormat
	}
	if r.ram.Doc != nil {
		return r.impossible(whyDocument)
	}
	op := 1 + kind>>1&1*2 + kind>>6&1
	d := &document{Type: typeCorrection + op, State: stateOpen, Tax: taxBits[tax], Basis: &storage.Basis{
		Prescribed: kind&1 != 0, Day: day, Number: q.text(8),
	}}
	if d.INN, d.Operator = frame.ReadOperator(q.field(0)); d.Operator == "" {
		return r.impossible(whyNoName)
	}
	if code := r.admits(d); code != 0 {
		return nil, code
	}
	if r.opt.OldFormat {
		return r.oldCorrection(q, d, kind)
	}
	r.begin(d)
	return nil, 0
}

// oldCorrection is all of a correction in one command: sums by kind of payment and by rate, no positions.
func (r *Register) oldCorrection(q request, d *document, kind int) ([][]byte, byte) {
	const sumsGiven, returns, firstTax = 1 << 5, 1 << 6, 10
	kinds := []sale.TenderKind{sale.TenderCash, sale.TenderCard, sale.TenderAdvance, sale.TenderCredit, sale.TenderCounter}
	for i, tender := range kinds {
		sum, ok := q.money(1 + i)
		if !ok || sum < 0 {
			return nil, errFormat
		}
		if sum > 0 {
			d.Payments = append(d.Payments, storage.Payment{Tender: tender, Sum: sum})
		}
		d.Total += sum
	}
	for i := range 6 {
		if _, ok := q.money(firstTax + i); !ok {
			return nil, errFormat
		}
	}
	if kind&returns != 0 || kind&sumsGiven == 0 || d.Total == 0 {
		return nil, errFormat
	}
	d.Paid = d.Total
	r.begin(d)
	signed, code := r.FN.Sign(r.settled(d, request{}), r.cutAt(q.cmd))
	if code != storage.OK {
		r.annul()
		return nil, fnCode(code)
	}
	r.book(signed)
	r.queue(r.ending(signed, 0)...)
	if _, code := r.finish(); code != 0 {
		return nil, code
	}
	return nil, 0
}

// moveCash is 48h: it adds to the sum of a cash movement, which counts when the document is closed.
func (r *Register) moveCash(q request) ([][]byte, byte) {
	sum, ok := q.money(1)
	d := r.ram.Doc
	switch {
	case d == nil:
		return r.impossible(whyNoDocument)
	case d.Type != typeCashIn && d.Type != typeCashOut:
		return r.impossible(whyNotCash)
	case !ok || sum <= 0 || r.ram.Cash+d.Moves+sum > sale.MoneyMax:
		return nil, errFormat
	case d.Type == typeCashOut && d.Moves+sum > r.ram.Cash:
		return nil, errCash
	}
	if code := r.ready(); code != 0 {
		return nil, code
	}
	d.Moves += sum
	r.show(r.sides(q.text(0), "="+sum.String()))
	r.ram.save()
	return nil, 0
}

// closePlain closes what is no receipt: a service document or a cash movement.
func (r *Register) closePlain(q request, cut int) ([][]byte, byte) {
	if code := r.ready(); code != 0 {
		return nil, code
	}
	ask := r.cutAt(q.cmd)
	d := r.ram.Doc
	if d.Moves > 0 && ask(false) {
		return nil, 0
	}
	r.ram.Doc, r.batch = nil, batchOff
	r.ram.DocNo++
	switch d.Type {
	case typeCashIn:
		r.ram.Cash, r.ram.CashIn = r.ram.Cash+d.Moves, r.ram.CashIn+d.Moves
	case typeCashOut:
		r.ram.Cash, r.ram.CashOut = r.ram.Cash-d.Moves, r.ram.CashOut+d.Moves
	}
	r.ram.save()
	if d.Moves > 0 && ask(true) {
		return nil, 0
	}
	if cut != noCutService {
		r.queue(paper.Line{Kind: paper.Cut})
	}
	return [][]byte{number(r.ram.DocNo), r.operations()}, 0
}
