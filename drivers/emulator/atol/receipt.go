package atol

import (
	"slices"
	"time"

	"github.com/kopilka/kopilka/drivers/atol/task"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/ledger/sale"
)

// receipt is sell and its relatives: check, sign, print.
func (r *Register) receipt(t task.Task) (any, int) {
	if code := r.begin(t); code != codeOK {
		return nil, code
	}
	kind, correction, _ := t.Type.Receipt()
	d := storage.Document{Type: storage.DocReceipt, At: r.clock(), Op: uint8(kind), Operator: operator(t)}
	if correction {
		d.Type = storage.DocCorrection
	}
	for _, fill := range []func(task.Task, *storage.Document) int{r.mayReceive, r.requisites, r.positions, r.payments} {
		if code := fill(t, &d); code != codeOK {
			return nil, code
		}
	}
	above, okAbove := items(t.PreItems)
	below, okBelow := items(t.PostItems)
	if !okAbove || !okBelow {
		return nil, codeParameter
	}
	body, ok := items(t.Items)
	if !ok {
		return nil, codeParameter
	}
	above = slices.Concat(above, r.heading(titles[kind]), body)
	return r.sign(t, d, above, below)
}

var titles = map[sale.DocKind]string{
	sale.DocSale: "ПРИХОД", sale.DocSaleReturn: "ВОЗВРАТ ПРИХОДА", sale.DocExpense: "РАСХОД", sale.DocExpenseReturn: "ВОЗВРАТ РАСХОДА",
}

// mayReceive looks at the shift and the registration.
func (r *Register) mayReceive(t task.Task, d *storage.Document) int {
	bit, known := task.KeyOf(task.TaxSystems, t.TaxationType)
	switch {
	case !r.FN.ShiftOpen():
		return codeShiftClosed
	case r.FN.Over24():
		return codeExpired
	case !known || !slices.Contains(r.opt.Taxes, t.TaxationType):
		return codeTaxSystem
	}
	d.Tax = bit
	return codes[r.FN.Allows(d.Type, d.At)]
}

// requisites are what the document says beside its positions.
func (r *Register) requisites(t task.Task, d *storage.Document) int {
	if t.Operator != nil && t.Operator.VATIN != "" {
		d.Tags = append(d.Tags, storage.Tag{Tag: ffd.TagCashierINN, Value: charset.Text866(t.Operator.VATIN, ffd.CashierINNBytes)})
	}
	if t.ClientInfo != nil && t.ClientInfo.EmailOrPhone != "" {
		contact := t.ClientInfo.EmailOrPhone
		if len([]rune(contact)) > ffd.ContactBytes {
			return codeTooLong
		}
		d.Tags = append(d.Tags, storage.Tag{Tag: ffd.TagContact, Value: charset.Text866(contact, ffd.ContactBytes)})
	}
	for _, i := range t.Items {
		if i.Type == task.AdditionalAttribute {
			if i.Value == "" || len([]rune(i.Value)) > ffd.ExtraBytes {
				return codeTooLong
			}
			d.Tags = append(d.Tags, storage.Tag{Tag: ffd.TagExtra, Value: charset.Text866(i.Value, ffd.ExtraBytes)})
		}
		if i.Type != task.UserAttribute {
			continue
		}
		if i.Name == "" || i.Value == "" {
			return codeParameter
		}
		nested := ffd.AppendTLV(nil, ffd.TagUserName, charset.Text866(i.Name, ffd.UserNameBytes))
		nested = ffd.AppendTLV(nested, ffd.TagUserValue, charset.Text866(i.Value, ffd.UserValueBytes))
		d.Tags = append(d.Tags, storage.Tag{Tag: ffd.TagUserRequisite, Value: nested})
	}
	if d.Type != storage.DocCorrection {
		return codeOK
	}
	day, err := time.Parse(task.CorrectionDateLayout, t.CorrectionBaseDate)
	prescribed := t.CorrectionType == task.CorrectionInstruction
	if err != nil || !prescribed && t.CorrectionType != task.CorrectionSelf || prescribed && t.CorrectionBaseNumber == "" {
		return codeParameter
	}
	d.Basis = &storage.Basis{Prescribed: prescribed, Day: day, Number: t.CorrectionBaseNumber}
	return codeOK
}

// positions are the lines of the receipt.
func (r *Register) positions(t task.Task, d *storage.Document) int {
	for _, i := range t.Items {
		if i.Type != task.Position {
			continue
		}
		l, code := r.position(i)
		if code != codeOK {
			return code
		}
		d.Lines = append(d.Lines, l)
		d.Sum += l.Sum
	}
	if len(d.Lines) == 0 || len(d.Lines) > linesMax {
		return codeParameter
	}
	return codeOK
}

// millionths turn thousandths into what the storage keeps.
const millionths = 1000

func (r *Register) position(i task.Item) (storage.Line, int) {
	if i.Price == nil || i.Quantity == nil || i.Amount == nil || i.Tax == nil || *i.Quantity <= 0 || i.Name == "" {
		return storage.Line{}, codeParameter
	}
	rate, okRate := task.KeyOf(task.Taxes, i.Tax.Type)
	subject, okSubject := task.KeyOf(task.Subjects, i.PaymentObject)
	method, okMethod := task.KeyOf(task.Methods, i.PaymentMethod)
	want, err := sale.Money(*i.Price).Times(sale.Qty(*i.Quantity))
	off := want - sale.Money(*i.Amount)
	switch {
	case !okRate:
		return storage.Line{}, codeTaxType
	case !okSubject, !okMethod, err != nil, off > 1, off < -1: // a kopeck of rounding is let pass
		return storage.Line{}, codeParameter
	case r.opt.FFD == "1.05" && (i.MeasurementUnit != nil || i.ImcParams != nil):
		return storage.Line{}, codeFFD
	}
	l := storage.Line{
		Name: i.Name, Qty: int64(*i.Quantity) * millionths, Price: sale.Money(*i.Price), Sum: sale.Money(*i.Amount), VAT: rate,
		VATSum: storage.TaxInside(sale.Money(*i.Amount), rate), Dept: i.Department, Method: method, Subject: uint8(subject),
	}
	if i.MeasurementUnit != nil {
		l.Tags = append(l.Tags, storage.Tag{Tag: ffd.TagUnit, Value: []byte{*i.MeasurementUnit}})
	}
	if code := industry(i, &l); code != codeOK {
		return l, code
	}
	return l, r.marked(i, &l)
}

// industry writes tag 1260.
func industry(i task.Item, l *storage.Line) int {
	for _, x := range i.IndustryInfo {
		day, err := time.Parse(task.CorrectionDateLayout, x.Date)
		if err != nil || len(x.Attribute) > ffd.IndustryBytes {
			return codeParameter
		}
		var nested []byte
		for _, part := range []struct {
			tag  uint16
			text string
		}{
			{ffd.TagIndustryOffice, x.Fois},
			{ffd.TagIndustryDay, day.Format("02.01.2006")},
			{ffd.TagIndustryNumber, x.Number},
			{ffd.TagIndustryValue, x.Attribute},
		} {
			nested = ffd.AppendTLV(nested, part.tag, charset.Text866(part.text, ffd.IndustryBytes))
		}
		l.Tags = append(l.Tags, storage.Tag{Tag: ffd.TagIndustry, Value: nested})
	}
	return codeOK
}

// marked binds a checked code to a line; the storage refuses one that was not.
func (r *Register) marked(i task.Item, l *storage.Line) int {
	if i.ImcParams == nil {
		return codeOK
	}
	raw, err := i.ImcParams.Code()
	if err != nil || raw == "" {
		return codeMarkInvalid
	}
	l.Mark = raw
	l.Verdict, _ = r.FN.KeptMark(raw) // one that is not kept stops the signing
	return codeOK
}

// payments looks at the payments.
func (r *Register) payments(t task.Task, d *storage.Document) int {
	var paid, cashless sale.Money
	for _, p := range t.Payments {
		kind, known := task.KeyOf(task.Tenders, p.Type)
		if !known || p.Sum < 0 {
			return codeParameter
		}
		sum := sale.Money(p.Sum)
		paid += sum
		if kind != sale.TenderCash {
			cashless += sum
		}
		d.Payments = append(d.Payments, storage.Payment{Tender: kind, Name: tenderNames[kind], Sum: sum})
	}
	if t.Total != nil {
		// The total may be rounded down by kopecks.
		if d.Rounding = d.Sum - sale.Money(*t.Total); d.Rounding < 0 || d.Rounding > 99 {
			return codeTotal
		}
		d.Sum = sale.Money(*t.Total)
	}
	d.Change = paid - d.Sum
	switch {
	case d.Change < 0:
		return codeNotPaid
	case cashless > d.Sum:
		return codeCashless
	case paysOut(sale.DocKind(d.Op)) && d.Cash() > r.ram.Cash:
		return codeNoCashReturn
	}
	return codeOK
}

var tenderNames = map[sale.TenderKind]string{
	sale.TenderCash: "НАЛИЧНЫМИ", sale.TenderCard: "БЕЗНАЛИЧНЫМИ", sale.TenderAdvance: "ПРЕДВАРИТЕЛЬНАЯ ОПЛАТА",
	sale.TenderCredit: "ПОСЛЕДУЮЩАЯ ОПЛАТА", sale.TenderCounter: "ИНАЯ ФОРМА ОПЛАТЫ",
}

// items are what the texts, codes and positions of a task look like on paper; false where there is one that
// cannot be.
func items(from []task.Item) ([]paper.Line, bool) {
	var out []paper.Line
	for _, i := range from {
		switch i.Type {
		case task.Text:
			out = append(out, text(i.Text)...)
		case task.Barcode:
			if i.BarcodeType != task.BarcodeQR || i.Barcode == "" {
				return nil, false
			}
			out = append(out, paper.Line{Kind: paper.QR, Text: i.Barcode})
		case task.Position:
			if i.Price == nil || i.Quantity == nil || i.Amount == nil {
				return nil, false
			}
			out = append(out, text(i.Name)...)
			out = append(out, sides("  "+sale.Qty(*i.Quantity).String()+" x "+sale.Money(*i.Price).String(), "="+sale.Money(*i.Amount).String())...)
		case task.UserAttribute, task.AdditionalAttribute:
			if i.Print == nil || *i.Print {
				out = append(out, text(paper.Sides(widthDefault, i.Name, i.Value))...)
			}
		default:
			return nil, false
		}
	}
	return out, true
}
