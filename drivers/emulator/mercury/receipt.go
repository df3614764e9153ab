package mercury

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	"github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// check is the receipt in the register's buffer: nothing of it is on paper or in the storage before it is
// closed, and a power cut drops it.
type check struct {
	Kind    int64
	Tax     int64
	Print   bool
	Cashier string
	Tags    []storage.Tag
	Basis   *storage.Basis
	Lines   []storage.Line
	Info    []string
	Total   sale.Money
}

// drop forgets the receipt in the buffer. The codes checked for it stay: clearing them is the host's duty.
func (r *Register) drop() { r.check = nil }

func (r *Register) openShift(raw []byte) (any, *refused) {
	return r.shiftDocument(raw, frame.CmdOpenShift, storage.DocShiftOpen)
}

func (r *Register) closeShift(raw []byte) (any, *refused) {
	return r.shiftDocument(raw, frame.CmdCloseShift, storage.DocShiftClose)
}

func (r *Register) shiftDocument(raw []byte, cmd frame.Command, t storage.DocType) (any, *refused) {
	req, fault := parse[frame.Shift](raw)
	switch {
	case fault != nil:
		return nil, fault
	case t == storage.DocShiftOpen && r.FN.ShiftOpen():
		return nil, errShiftOpen
	case t == storage.DocShiftClose && !r.FN.ShiftOpen():
		return nil, errShiftShut
	case r.check != nil:
		return nil, errCheckOpen
	case req.Print && !r.paper:
		return nil, errPaper
	case req.Cashier.Name == "":
		return nil, errParameter
	}
	report := []paper.Line(nil)
	if t == storage.DocShiftClose {
		report = r.turnover()
	}
	d, code := r.FN.Sign(storage.Document{Type: t, At: r.clock(), Operator: req.Cashier.Name, Tags: cashierTags(req.Cashier)}, r.cutFault(cmd))
	if fault := storageError(code); fault != nil {
		return nil, fault
	}
	r.book(d)
	if req.Print {
		r.print(r.header(docTitles[t]), report, r.ending(d))
	}
	r.ram.save()
	return frame.ShiftMade{Answer: done, Shift: d.Shift, FD: d.FD, Sign: fmt.Sprint(d.Sign)}, nil
}

func cashierTags(c frame.Cashier) []storage.Tag {
	tags := []storage.Tag{{Tag: ffd.TagCashier, Value: charset.Text866(c.Name, ffd.CashierBytes)}}
	if c.INN != "" {
		tags = append(tags, storage.Tag{Tag: ffd.TagCashierINN, Value: charset.Text866(c.INN, ffd.CashierINNBytes)})
	}
	return tags
}

func (r *Register) openCheck(raw []byte) (any, *refused) {
	req, fault := parse[frame.OpenCheck](raw)
	if fault != nil {
		return nil, fault
	}
	_, correction, known := frame.KindOf(req.Kind)
	switch {
	case !known, req.Cashier.Name == "", correction != (req.Correction != nil), len(req.Extra) > frame.ExtraMax:
		return nil, errParameter
	case req.Tax < 0 || req.Tax > 5 || !registered(req.Tax):
		return nil, errTax
	case r.check != nil:
		return nil, errCheckOpen
	case !r.FN.ShiftOpen():
		return nil, errShiftShut
	case req.Print && !r.paper:
		return nil, errPaper
	}
	form := storage.DocReceipt
	if correction {
		form = storage.DocCorrection
	}
	if fault := storageError(r.FN.Allows(form, r.clock())); fault != nil {
		return nil, fault
	}
	c := &check{Kind: req.Kind, Tax: req.Tax, Print: req.Print, Cashier: req.Cashier.Name, Tags: cashierTags(req.Cashier)}
	if fault := c.requisites(req); fault != nil {
		return nil, fault
	}
	r.check = c
	return frame.CheckOpened{Answer: done, Shift: r.FN.ShiftNo(), No: r.FN.Receipts() + 1}, nil
}

func registered(tax int64) bool {
	for _, t := range taxSystems {
		if t == tax {
			return true
		}
	}
	return false
}

// requisites takes over what a receipt says beside its positions.
func (c *check) requisites(req frame.OpenCheck) *refused {
	if req.Extra != "" {
		c.Tags = append(c.Tags, storage.Tag{Tag: ffd.TagExtra, Value: charset.Text866(req.Extra, ffd.ExtraBytes)})
	}
	if u := req.User; u != nil {
		if u.Name == "" || u.Value == "" {
			return errParameter
		}
		value := ffd.AppendTLV(nil, ffd.TagUserName, charset.Text866(u.Name, ffd.UserNameBytes))
		value = ffd.AppendTLV(value, ffd.TagUserValue, charset.Text866(u.Value, ffd.UserValueBytes))
		c.Tags = append(c.Tags, storage.Tag{Tag: ffd.TagUserRequisite, Value: value})
	}
	if b := req.Correction; b != nil {
		day, err := time.Parse(frame.DayLayout, b.Day)
		if err != nil || b.Prescribed < 0 || b.Prescribed > 1 || b.Prescribed == 1 && b.Number == "" || req.Extra == "" || !sale.Digits(req.Extra) {
			return errParameter
		}
		c.Basis = &storage.Basis{Prescribed: b.Prescribed == 1, Day: day, Number: b.Number}
	}
	return nil
}

func (r *Register) addGoods(raw []byte) (any, *refused) {
	req, fault := parse[frame.AddGoods](raw)
	switch {
	case fault != nil:
		return nil, fault
	case r.check == nil:
		return nil, errCheckShut
	case len(r.check.Lines) >= linesMax:
		return nil, errLines
	}
	line, fault := r.position(req)
	if fault != nil {
		return nil, fault
	}
	if r.check.Total+line.Sum > frame.AmountMax {
		return nil, errSum
	}
	c := r.check
	c.Lines, c.Info, c.Total = append(c.Lines, line), append(c.Info, req.Info), c.Total+line.Sum
	total := int64(c.Total)
	return frame.GoodsAdded{Answer: done, Shift: r.FN.ShiftNo(), No: r.FN.Receipts() + 1, Line: int64(len(c.Lines)), Total: &total}, nil
}

// vatMax is the last code of tag 1199.
const vatMax = int64(sale.VAT22122)

// position checks a line as a service would: sums to the kopeck, codes within their tables.
func (r *Register) position(req frame.AddGoods) (storage.Line, *refused) {
	l := storage.Line{
		Name: req.Name, Qty: req.Qty * (1_000_000 / frame.QtyScale), Price: sale.Money(req.Price), Sum: sale.Money(req.Sum),
		VAT: sale.VAT(req.Rate), Dept: uint8(req.Section), Method: uint8(req.Method), Subject: uint8(req.Subject),
	}
	switch {
	case req.Name == "" || utf8.RuneCountInString(req.Name) > ffd.NameBytes || utf8.RuneCountInString(req.Info) > frame.LineInfoMax,
		req.Section < 0 || req.Section > 16, req.Rate < 1 || req.Rate > vatMax, req.Method < 1 || req.Method > 7, req.Subject < 1 || req.Subject > 33,
		req.Unit != nil && (r.opt.FFD != "1.2" || *req.Unit < 0 || *req.Unit > 255):
		return l, errParameter
	case req.Qty <= 0 || req.Qty > frame.QtyMax || req.Price < 0 || req.Price > frame.AmountMax:
		return l, errSum
	}
	// Price and quantity are under 2^31, so that their product has room.
	want := (req.Price*req.Qty + frame.QtyScale/2) / frame.QtyScale
	if diff := req.Sum - want; diff > 1 || diff < -1 || req.Sum > frame.AmountMax {
		return l, errSum
	}
	l.VATSum = storage.TaxInside(l.Sum, l.VAT)
	if req.Unit != nil {
		l.Tags = append(l.Tags, storage.Tag{Tag: ffd.TagUnit, Value: []byte{byte(*req.Unit)}})
	}
	return l, r.bind(&l, req)
}

// bind puts the marking code on a position. Its check must have been accepted.
func (r *Register) bind(l *storage.Line, req frame.AddGoods) *refused {
	for _, i := range req.Industry {
		day, err := time.Parse(frame.DayLayout, i.Day)
		if err != nil {
			return errParameter
		}
		var value []byte
		for _, part := range []struct {
			tag  uint16
			text string
		}{{ffd.TagIndustryOffice, i.Office}, {ffd.TagIndustryDay, day.Format("02.01.2006")}, {ffd.TagIndustryNumber, i.Number}, {ffd.TagIndustryValue, i.Value}} {
			value = ffd.AppendTLV(value, part.tag, charset.Text866(part.text, ffd.IndustryBytes))
		}
		l.Tags = append(l.Tags, storage.Tag{Tag: ffd.TagIndustry, Value: value})
	}
	if req.Mark == nil {
		return nil
	}
	verdict, ok := r.FN.KeptMark(string(req.Mark.Code))
	switch {
	case r.opt.FFD != "1.2":
		return errFormat
	case !ok || (req.Unit == nil || *req.Unit == 0) && req.Qty != frame.QtyScale: // a piece is one, measured goods are what they weigh
		return errMark
	}
	l.Mark, l.Verdict = string(req.Mark.Code), verdict
	return nil
}

func (r *Register) resetCheck([]byte) (any, *refused) {
	if r.check == nil {
		return nil, errCheckShut
	}
	r.drop()
	return done, nil
}

func (r *Register) closeCheck(raw []byte) (any, *refused) {
	req, fault := parse[frame.CloseCheck](raw)
	switch {
	case fault != nil:
		return nil, fault
	case r.check == nil:
		return nil, errCheckShut
	case len(r.check.Lines) == 0 || r.check.Total == 0:
		return nil, errSum
	case r.check.Print && !r.paper:
		return nil, errPaper
	case utf8.RuneCountInString(req.Contact) > ffd.ContactBytes || strings.ContainsAny(req.Contact, " \n"):
		return nil, errParameter
	}
	d, fault := r.check.document(req)
	if fault != nil {
		return nil, fault
	}
	d.At = r.clock()
	d, code := r.FN.Sign(d, r.cutFault(frame.CmdCloseCheck))
	if fault := storageError(code); fault != nil {
		return nil, fault
	}
	c := r.check
	r.drop()
	r.book(d)
	if c.Print {
		tag, _, _ := frame.KindOf(c.Kind)
		r.print(r.header(docTitles[d.Type]+" / "+opNames[tag-1]), r.ending(d, c.Info...))
	}
	r.ram.save()
	return frame.CheckClosed{
		Answer: done, Shift: d.Shift, No: d.Receipt, FD: d.FD, Sign: fmt.Sprint(d.Sign), Change: int64(d.Change),
	}, nil
}

// document turns the buffer and its payments into what the storage signs.
func (c *check) document(req frame.CloseCheck) (storage.Document, *refused) {
	tag, correction, _ := frame.KindOf(c.Kind) // looked at when it was opened
	d := storage.Document{
		Type: storage.DocReceipt, Op: tag, Sum: c.Total, Lines: c.Lines, Tax: 1 << c.Tax, Operator: c.Cashier, Tags: c.Tags, Basis: c.Basis,
	}
	if correction {
		d.Type = storage.DocCorrection
	}
	if req.Contact != "" {
		d.Tags = append(d.Tags, storage.Tag{Tag: ffd.TagContact, Value: charset.Text866(req.Contact, ffd.ContactBytes)})
	}
	var paid, cashless sale.Money
	for _, p := range []storage.Payment{
		{Tender: sale.TenderCash, Name: "НАЛИЧНЫМИ", Sum: sale.Money(req.Payment.Cash)},
		{Tender: sale.TenderCard, Name: "БЕЗНАЛИЧНЫМИ", Sum: sale.Money(req.Payment.Card)},
		{Tender: sale.TenderAdvance, Name: "ПРЕДОПЛАТА", Sum: sale.Money(req.Payment.Advance)},
		{Tender: sale.TenderCredit, Name: "КРЕДИТ", Sum: sale.Money(req.Payment.Credit)},
		{Tender: sale.TenderCounter, Name: "ВСТРЕЧНОЕ", Sum: sale.Money(req.Payment.Counter)},
	} {
		if p.Sum < 0 || p.Sum > frame.AmountMax {
			return d, errSum
		}
		if p.Sum == 0 {
			continue
		}
		if paid += p.Sum; p.Tender != sale.TenderCash {
			cashless += p.Sum
		}
		d.Payments = append(d.Payments, p)
	}
	switch {
	case paid < c.Total:
		return d, errPayment
	case cashless > c.Total:
		return d, errCashless
	}
	d.Change = paid - c.Total
	return d, nil
}
