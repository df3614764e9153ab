package agent

import (
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// publish makes the page anew and sends it to whoever watches.
func (t *Till) publish() {
	t.refusedLeaves()
	t.desk.stage = t.stage()
	t.wakeForMarks()
	t.display.show(t.faces())
	t.viewers.send(t.view())
}

func (t *Till) view() View {
	s := t.shop.settings
	v := View{
		Now: t.now(), Till: t.holder().Till, Store: s.StoreName, Zone: s.Zone, Org: s.Org, Support: s.Support, Stage: t.desk.stage,
		Shift: t.shiftView(), Register: t.registerView(), Network: t.networkView(), Scanners: append([]DeviceView{}, t.desk.scanners...),
		Basket: t.basketView(), Return: t.returnView(), Done: t.desk.done, Parked: t.parkedViews(),
		Notices: append([]Notice{}, t.desk.notices...), Frozen: t.doubt(), KPI: t.kpiView(), Enrol: t.enrolView(),
		Printer: t.printerView(), Display: t.displayView(), Corrects: t.desk.register.can.corrects, Config: t.config,
		Held: t.holdView(), Stopped: t.ledger.Failed() != nil,
	}
	if c := t.desk.cashier; c != nil {
		v.Cashier = &CashierView{No: c.No, Name: c.Name, Manager: c.Role >= sale.RoleManager}
	}
	if j := t.desk.unknown; j != nil {
		v.Unknown = &UnknownView{ID: j.Draft.ID, Kind: j.Draft.Kind.String(), At: j.Begun, Total: j.Total(), Text: textUnknownOutcome(j.Total(), t.desk.register.online)}
	}
	return v
}

// A shift may last 24 hours (FFD); the page warns before that and loudly near the end.
const shiftWarnAfter = 22 * time.Hour

func (t *Till) shiftView() ShiftView {
	y := t.ledger.Tally()
	v := ShiftView{
		Open: y.Open, No: y.Shift, Since: y.Since, Sales: y.Sales, Returns: y.Returns, Sold: y.Sold, Cash: y.Cash, Card: y.Card, Advance: y.Advance,
		Expired: t.desk.register.snapshot.Shift == drivers.ShiftExpired, Strange: t.strangeShift(),
	}
	if age := t.now().Sub(y.Since); y.Open && (v.Expired || age >= shiftWarnAfter) {
		text := textShiftOld(age, v.Expired)
		v.Warn = &text
	}
	return v
}

// conditionNames are the stable words of the page and of scripts.
var conditionNames = []struct {
	is   drivers.Condition
	name string
}{
	{drivers.PaperOut, "paper-out"},
	{drivers.PaperNear, "paper-near"},
	{drivers.CoverOpen, "cover-open"},
	{drivers.Printing, "printing"},
	{drivers.WaitsForResume, "waits-for-resume"},
	{drivers.ShiftOver24h, "shift-over-24h"},
	{drivers.NotFiscal, "not-fiscal"},
	{drivers.StorageEnding, "storage-ending"},
	{drivers.OFDOverdue, "ofd-overdue"},
	{drivers.ClockUnset, "clock-unset"},
	{drivers.Fault, "fault"},
}

func (t *Till) registerView() RegisterView {
	r := t.desk.register
	v := RegisterView{
		Name: "register", Model: r.identity.Model, Serial: r.identity.Serial, Firmware: r.identity.Firmware, FN: r.snapshot.FN,
		Online: r.online, Flags: uint16(r.status.Conditions), Conditions: []string{}, Unsent: r.status.Unsent,
		CanResume: r.status.Has(drivers.WaitsForResume),
	}
	for _, c := range conditionNames {
		if r.status.Has(c.is) {
			v.Conditions = append(v.Conditions, c.name)
		}
	}
	v.Text, v.Swap = t.registerText(), t.swapView()
	if !r.snapshot.Clock.IsZero() {
		v.Clock = sale.At(r.snapshot.Clock)
	}
	v.Storage = storageView(r)
	if t.noRegister() {
		v.Plain, v.Online, v.Name, v.Text = true, true, "none", nil
	}
	return v
}

func storageView(r registerState) *StorageView {
	if r.storage == nil {
		return nil
	}
	v := StorageView{FFD: r.storage.FFD}
	if !r.storage.Expires.IsZero() {
		v.Expires = sale.At(r.storage.Expires)
	}
	for _, oldest := range []time.Time{r.storage.Oldest, r.status.Oldest} { // the status is the newer word
		if !oldest.IsZero() && r.status.Unsent > 0 {
			v.Oldest = sale.At(oldest)
		}
	}
	return &v
}

func (t *Till) networkView() NetworkView {
	v := t.desk.network
	v.Unsent = t.ledger.Unsent()
	if !v.Online && v.Text == nil {
		text := textOffline(v.Unsent)
		v.Text = &text
	}
	return v
}

func (t *Till) basketView() BasketView {
	s := &t.desk.sale
	q := s.quote
	v := BasketView{
		Lines: []LineView{}, Gross: q.Gross, Discount: q.Discount, Redeemed: q.Redeemed, Redeemable: q.Redeemable, Earned: q.Earned,
		Total: q.Total, Reasons: t.reasonTexts(q.Reasons),
	}
	if s.wanted != nil {
		v.Wanted = s.wanted.Product.Name
	}
	for i, l := range q.Lines {
		v.Lines = append(v.Lines, LineView{
			Mark: t.lineMark(s.basket.Lines[i]),
			SKU:  l.SKU, Name: l.Name, Qty: l.Qty, Weighed: l.Traits.Has(sale.Weighed), Price: l.Price, Gross: l.Gross, Discount: l.Discount,
			Redeemed: l.Redeemed, Net: l.Net, Earned: l.Earned, Adult: s.basket.Lines[i].Product.Traits.Has(sale.AdultOnly), Reasons: t.reasonTexts(l.Reasons),
		})
	}
	if s.customer != nil {
		v.Customer = t.customerView(*s.customer, t.spendable(0), s.asked)
	}
	if s.waiting != nil {
		v.Adult = &s.waiting.Product.Name
	}
	v.Codes, v.Applied, v.Gifts, v.Purses = t.codeViews(), t.appliedViews(q.Applied), t.giftViews(), t.purseViews()
	v.Certificates, v.Due = t.certificateViews()
	v.Watch, v.House = watchViews(s.met, s.permitted), s.customer == nil && t.shop.settings.House != 0
	return v
}

func (t *Till) reasonTexts(reasons []sale.Reason) []Text {
	out := make([]Text, 0, len(reasons))
	rules := t.rulebook()
	for _, r := range reasons {
		out = append(out, rules.reason(r))
	}
	return out
}

func (t *Till) customerView(c sale.Customer, spendable sale.Points, asked bool) *CustomerView {
	v := &CustomerView{
		No: c.No, Name: c.Name, Tier: t.tierName(c.Tier), Balance: c.Balance, Spendable: spendable, Debt: c.Debt, AsOf: c.Seen.At,
		Asking: asked && t.desk.network.Online && spendable < c.Balance, Blocked: !earns(c.State),
	}
	v.Text = t.customerText(c, spendable)
	v.Progress, v.Expiring, v.Pending = t.progressText(c), t.expiringText(c), t.pendingText(c)
	return v
}

func (t *Till) tierName(no uint16) Text {
	p := t.programme()
	if p == nil {
		return Text{}
	}
	for _, tier := range p.Tiers {
		if tier.No == no {
			return Text{RU: tier.RU, EN: tier.EN}
		}
	}
	return Text{}
}

func (t *Till) customerText(c sale.Customer, spendable sale.Points) Text {
	at := c.Seen.At.Time().In(t.shop.zone).Format("15:04")
	if c.Seen.At == 0 {
		at = "—"
	} else if t.now().Sub(c.Seen.At) > 20*time.Hour {
		at = c.Seen.At.Time().In(t.shop.zone).Format("02.01 15:04")
	}
	offline := time.Duration(0)
	if n := t.desk.network; !n.Online && n.Since != 0 {
		offline = t.now().Sub(n.Since)
	}
	return textCustomer(at, offline, !t.desk.network.Online, spendable, c.State)
}

func (t *Till) returnView() *ReturnView {
	o := t.desk.ret
	switch {
	case o == nil:
		return nil
	case o.of == nil:
		return t.foreignView()
	}
	v := &ReturnView{
		Asking: o.asking, Manager: needsManager(o.met), Watch: watchViews(o.met, func(string) sale.StaffNo { return 0 }),
		Of: o.of.ID, No: o.of.Sale.No.String(), At: o.of.At, Tenders: o.of.Sale.Tenders, Doc: docText(o.of.Fiscal),
	}
	for i, l := range o.of.Sale.Lines {
		v.Lines = append(v.Lines, ReturnLineView{
			Line: i, Name: l.Name, Sold: l.Qty, Left: o.left(i), Chosen: o.chosen[i], Net: l.Net, Weighed: l.Traits.Has(sale.Weighed),
			Marked: wantsCode(l),
		})
	}
	if q := o.quote; q != nil {
		v.Total, v.Restored, v.Clawed, v.Tenders = q.Total, q.Restored, q.Clawed, o.ways()
	}
	if no := o.of.Sale.Customer; no != 0 {
		if c, err := t.ledger.Customer(no); err == nil {
			v.Customer = t.customerView(c, 0, false)
		}
	}
	return v
}

func docText(f *sale.Fiscal) string {
	if f == nil || f.Key.FD == 0 {
		return ""
	}
	return fmt.Sprintf("ФН %s · ФД %d", f.Key.FN, f.Key.FD)
}

func (t *Till) parkedViews() []ParkedView {
	out := []ParkedView{}
	baskets, err := t.ledger.ParkedBaskets()
	if err != nil {
		t.unread("read the parked baskets", err)
		return out
	}
	for _, p := range baskets {
		v := ParkedView{ID: p.ID, At: p.At, Lines: len(p.Basket.Lines)}
		for i, l := range p.Basket.Lines {
			if i == 0 {
				v.First = l.Product.Name
			}
			if gross, err := l.Gross(); err == nil {
				v.Total += gross
			}
		}
		if p.Basket.Customer != 0 {
			if c, err := t.ledger.Customer(p.Basket.Customer); err == nil {
				v.Customer = c.Name
			}
		}
		out = append(out, v)
	}
	return out
}

// Products finds goods for the page's search. It reads the ledger directly: a search never waits for
// the till's turn.
func (t *Till) Products(query string, limit int) []ProductView {
	found, err := t.ledger.Search(query, limit)
	if err != nil {
		t.unread("search products", err)
	}
	out := make([]ProductView, 0, len(found))
	for _, p := range found {
		v := ProductView{SKU: p.SKU, Name: p.Name, Price: p.Price, Weighed: p.Traits.Has(sale.Weighed), Adult: p.Traits.Has(sale.AdultOnly)}
		if len(p.Codes) > 0 {
			v.Code = p.Codes[0]
		}
		out = append(out, v)
	}
	return out
}

// receiptsScanMax bounds how far back a search by words looks.
const receiptsScanMax = 5000

// Receipts lists this till's own sales and returns, newest first; query is a number, a document's number
// or a part of a product's name.
func (t *Till) Receipts(query string, limit int) []ReceiptView {
	out := []ReceiptView{}
	words := strings.ToLower(strings.TrimSpace(query))
	scanned := 0
	err := t.ledger.Walk(true, func(r *sale.Record, _ sale.Entry) bool {
		scanned++
		if v, ok := receiptView(r); ok && matches(r, v, words) {
			out = append(out, v)
		}
		return len(out) < limit && scanned < receiptsScanMax
	})
	if err != nil {
		t.unread("list receipts", err)
	}
	return out
}

func receiptView(r *sale.Record) (ReceiptView, bool) {
	v := ReceiptView{ID: r.ID, Kind: r.Kind.String(), At: r.At, Doc: docText(r.Fiscal)}
	switch {
	case r.Sale != nil:
		v.No, v.Total, v.Lines, v.First = r.Sale.No.String(), r.Sale.Total, len(r.Sale.Lines), r.Sale.Lines[0].Name
	case r.Return != nil:
		v.No, v.Total, v.Lines, v.First = r.Return.No.String(), r.Return.Total, len(r.Return.Lines), r.Return.Lines[0].Name
	case r.Correct != nil:
		v.No, v.Total, v.Lines, v.First = r.Correct.No.String(), r.Correct.Total, len(r.Correct.Lines), r.Correct.Lines[0].Name
	default:
		return v, false
	}
	return v, true
}

func matches(r *sale.Record, v ReceiptView, words string) bool {
	if words == "" || strings.HasSuffix(v.No, words) || strings.HasSuffix(v.Doc, " "+words) {
		return true
	}
	if r.Sale != nil {
		for _, l := range r.Sale.Lines {
			if strings.Contains(strings.ToLower(l.Name), words) {
				return true
			}
		}
	}
	return false
}
