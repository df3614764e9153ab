package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// explanation is written in one language, with the names that the programmes of the ledger give to things.
type explanation struct {
	strings.Builder
	lang       string
	zone       *time.Location
	programmes map[uint32]*loyalty.Programme
}

func newExplanation(l *ledger.Ledger, lang string) (*explanation, error) {
	if lang != "ru" && lang != "en" {
		return nil, fmt.Errorf("-lang: want ru or en (got %q)", lang)
	}
	e := &explanation{lang: lang, zone: time.UTC, programmes: map[uint32]*loyalty.Programme{}}
	versions, err := l.Programmes()
	if err != nil {
		return nil, err
	}
	for _, p := range versions {
		e.programmes[p.Version] = p
	}
	settings, err := l.Settings()
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	if zone, err := time.LoadLocation(settings.Zone); err == nil {
		e.zone = zone
	}
	return e, nil
}

// line writes one line; the formats take the same arguments in the same order.
func (e *explanation) line(ru, en string, args ...any) {
	format := en
	if e.lang == "ru" {
		format = ru
	}
	fmt.Fprintf(e, format+"\n", args...)
}

func (e *explanation) pick(t agent.Text) string {
	if e.lang == "ru" {
		return t.RU
	}
	return t.EN
}

func (e *explanation) time(at sale.Time) string {
	return at.Time().In(e.zone).Format("2006-01-02 15:04:05 -07:00")
}

func (e *explanation) reasons(p *loyalty.Programme, reasons []sale.Reason) {
	for _, r := range reasons {
		e.line("         %s", "         %s", e.pick(agent.ExplainReason(p, r)))
	}
}

// explain names the rule behind each figure of a receipt: its number ("7-12" or "12"), its ID, or the text of
// its QR code.
func explain(l *ledger.Ledger, receipt, lang string, out io.Writer) error {
	e, err := newExplanation(l, lang)
	if err != nil {
		return err
	}
	r, err := findReceipt(l, receipt)
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("%w: receipt %s / в этом журнале нет чека %[2]s", ledger.ErrNotFound, receipt)
	}
	if err != nil {
		return err
	}
	e.line("%s %s, эпоха %d запись %d, %s", "%s %s, epoch %d seq %d, %s", r.Kind, r.ID, r.Epoch, r.Seq, e.time(r.At))
	switch {
	case r.Sale != nil:
		e.sale(r.Sale)
	case r.Return != nil:
		e.back(r.Return)
	}
	e.movements(r)
	return say(out, "%s", e.String())
}

func findReceipt(l *ledger.Ledger, receipt string) (*sale.Record, error) {
	if f, err := sale.ParseFiscalQR(receipt); err == nil {
		return l.RecordByDoc(f.Key)
	}
	if id, err := sale.ParseID(receipt); err == nil {
		return l.Record(id)
	}
	who, err := l.Who()
	if err != nil {
		return nil, err
	}
	no, err := agent.ParseReceiptNo(receipt, who.Till)
	if err != nil {
		return nil, err
	}
	return l.RecordByNo(no)
}

func (e *explanation) sale(s *sale.Sale) {
	p := e.programmes[s.Programme]
	e.line("чек      %s: %s − скидка %s − баллы %s = %s, начислено %s; программа версии %d, уровень %d",
		"sale     %s: %s − %s discount − %s points = %s, earned %s; programme version %d, tier %d",
		s.No, s.Gross, s.Discount, s.Redeemed, s.Total, s.Earned, s.Programme, s.Tier)
	e.reasons(p, s.Reasons)
	for _, a := range s.Applied {
		name, _ := agent.PromotionName(p, a.Promotion)
		e.line("акция    %d «%s» × %d: скидка %s, баллы %s", "promo    %d “%s” × %d: %s off, %s points", a.Promotion, e.pick(name), a.Times, a.Discount, a.Points)
	}
	for _, c := range s.Codes {
		e.line("промокод кампании %d, ключ %x", "code     of campaign %d, key %x", c.Campaign, c.Key)
	}
	if s.Reward != 0 {
		e.line("кассиру  %s", "reward   %s to the cashier", s.Reward)
	}
	e.watched(s.Watched)
	for i, l := range s.Lines {
		e.soldLine(p, i, l)
	}
	for _, x := range s.FiscalTenders() {
		e.line("оплата   вид %d: %s", "tender   kind %d: %s", x.Kind, x.Amount)
	}
}

func (e *explanation) soldLine(p *loyalty.Programme, i int, l sale.SoldLine) {
	e.line("строка %-2d %s: %s × %s = %s − %s − %s = %s, начислено %s", "line %-3d %s: %s × %s = %s − %s − %s = %s, earned %s",
		i+1, l.Name, l.Qty, l.Price, l.Gross, l.Discount, l.Redeemed, l.Net, l.Earned)
	for _, part := range l.Printed() {
		e.line("         в чеке %s × %s = %s", "         receipt %s × %s = %s", part.Qty, part.Price, part.Sum)
	}
	for _, a := range l.Extra {
		e.line("         в кошелёк %d: +%s", "         into purse %d: +%s", a.Purse, a.Amount)
	}
	for _, a := range l.Paid {
		e.line("         из кошелька %d: −%s", "         from purse %d: −%s", a.Purse, a.Amount)
	}
	e.reasons(p, l.Reasons)
}

func (e *explanation) back(r *sale.Return) {
	if r.Pending {
		e.line("возврат  %s по QR-коду %s: %s; баллы рассчитает головной офис", "return   %s by the QR of %s: %s back; head office settles the points", r.No, r.OfDoc, r.Total)
	} else {
		e.line("возврат  %s по чеку %s: %s, возвращено баллов %s, снято %s", "return   %s of %s: %s back, %s points restored, %s taken back",
			r.No, r.OfNo, r.Total, r.Restored, r.Clawed)
	}
	e.watched(r.Watched)
	for _, l := range r.Lines {
		e.line("строка %-2d %s: %s за %s, возвращено баллов %s, снято %s", "line %-3d %s: %s for %s, %s restored, %s taken back",
			l.Line+1, l.Name, l.Qty, l.Net, l.Restored, l.Clawed)
	}
}

func (e *explanation) watched(list []sale.Watched) {
	for _, w := range list {
		text := e.pick(agent.Text{RU: loyalty.WatchText(w.Rule, "ru"), EN: loyalty.WatchText(w.Rule, "en")})
		e.line("правило  %s (%d), разрешил сотрудник %d: %s", "rule     %s (%d), permitted by %d: %s", w.Rule, w.Amount, w.By, text)
	}
}

// movements are what the record did to lots, leases and accounts.
func (e *explanation) movements(r *sale.Record) {
	for _, s := range r.Spends {
		e.line("списано  %s из лота %s по аренде %s", "spent    %s of lot %s under lease %s", s.Amount, s.Lot, s.Lease)
	}
	for _, p := range r.Postings {
		e.line("проводка %s %s %s", "posting  %s %s %s", p.Account.Kind, accountName(p.Account), p.Amount)
	}
	if r.Fiscal != nil {
		e.line("фискаль  %s ФПД %d %s", "fiscal   %s sign %d %s", r.Fiscal.Key, r.Fiscal.Sign, r.Fiscal.Stamp)
	}
}

func accountName(a sale.Account) string {
	if a.Purse == 0 {
		return a.No.String()
	}
	return fmt.Sprintf("%s/%d", a.No, a.Purse)
}
