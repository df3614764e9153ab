package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

type receiptData struct {
	page.Receipt
	QR       template.HTML
	QRText   string
	Tenders  []tenderRow
	Change   sale.Money
	Given    sale.Money
	Reasons  []sale.Reason
	Postings []sale.Posting
	JSON     string
	Where    string // the state of a record that is not booked, in words
	Net      sale.Money
	Applied  []appliedRow
	Codes    []namedRow
	Watched  []namedRow
	Reward   sale.Points
	FoundBy  Text
}

// appliedRow is a promotion that a receipt had, by its name in the version that reckoned it.
type appliedRow struct {
	sale.Applied
	Name Text
}

type namedRow struct {
	Name Text
	Href string
	By   sale.StaffNo
}

type tenderRow struct {
	Text   Text
	Amount sale.Money
}

func (s *site) receiptPage(c *call) error {
	id, err := sale.ParseID(c.r.PathValue("id"))
	if err != nil {
		return page.ErrNotFound
	}
	r, err := s.Sales.Receipt(c.ctx(), c.org(), id)
	if err != nil {
		return err
	}
	d := receiptData{Receipt: r, Postings: r.Record.Postings, Where: recordWhere(r.State).in(c.lang)}
	if err := d.fill(c); err != nil {
		return err
	}
	if err := d.whole(c); err != nil {
		return err
	}
	kind := kindText(r.Kind)
	title := Text{fmt.Sprintf("%s %s", kind.RU, r.No), fmt.Sprintf("%s %s", kind.EN, r.No)}
	if r.No == 0 {
		title = kind
	}
	return c.show(http.StatusOK, "receipt", title, nil, &d)
}

func (d *receiptData) fill(c *call) error {
	r := d.Record
	switch {
	case r.Sale != nil:
		d.Tenders, d.Reasons, d.Given, d.Change = tenderRows(r.Sale.FiscalTenders()), r.Sale.Reasons, r.Sale.Given, r.Sale.Change()
	case r.Return != nil:
		d.Tenders = tenderRows(r.Return.FiscalTenders())
	case r.Correct != nil:
		d.Tenders = tenderRows(r.Correct.Tenders)
	}
	if f := r.Fiscal; f != nil && f.Key.FN != "" && f.Stamp != "" && (f.Doc == sale.DocSale || f.Doc == sale.DocSaleReturn) {
		d.QRText = f.QR()
		var err error
		if d.QR, err = qrImage(d.QRText, c.f.pick("QR-код чека", "QR code of the receipt")); err != nil {
			return err
		}
	}
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("show record %s as JSON: %w", r.ID, err)
	}
	d.JSON = string(body)
	return nil
}

// whole fills in what the whole programme gave: promotions and codes by their names, fraud rules, the
// cashier's reward.
func (d *receiptData) whole(c *call) error {
	var watchedRules []sale.Watched
	switch {
	case d.Record.Return != nil:
		watchedRules, d.Reward = d.Record.Return.Watched, -d.Record.Return.Reward
	case d.Record.Sale != nil:
		watchedRules, d.Reward, d.FoundBy = d.Record.Sale.Watched, d.Record.Sale.Reward, foundBy(d.Record.Sale.FoundBy)
	}
	for _, w := range watchedRules {
		d.Watched = append(d.Watched, namedRow{Name: watchName(w.Rule), By: w.By})
	}
	s := d.Record.Sale
	if s == nil || len(s.Applied)+len(s.Codes) == 0 {
		return nil
	}
	versions, err := c.s.Programme.ProgrammeRows(c.ctx(), c.org())
	if err != nil {
		return err
	}
	promotions, campaigns := map[uint32]Text{}, map[uint32]loyalty.Campaign{}
	for _, p := range decoded(versions) {
		if p.Version > s.Programme {
			continue // words of later versions are not what the receipt was made by
		}
		for _, m := range p.Promotions {
			promotions[m.ID] = Text{m.RU, m.EN}
		}
		for _, m := range p.Campaigns {
			campaigns[m.ID] = m
		}
	}
	for _, a := range s.Applied {
		d.Applied = append(d.Applied, appliedRow{a, promotions[a.Promotion]})
	}
	for _, u := range s.Codes {
		m := campaigns[u.Campaign]
		row := namedRow{Name: Text{m.RU, m.EN}}
		if single(m) {
			row.Href = fmt.Sprintf("/codes/%d", m.ID)
		}
		d.Codes = append(d.Codes, row)
	}
	return nil
}

func foundBy(f sale.FoundBy) Text {
	switch f {
	case sale.FoundCard:
		return Text{"по карте", "by card"}
	case sale.FoundPhone:
		return Text{"по телефону", "by phone"}
	case sale.FoundTyped:
		return Text{"номер набран вручную", "number typed by hand"}
	}
	return Text{}
}

func tenderRows(tenders []sale.Tender) []tenderRow {
	words := map[sale.TenderKind]Text{
		sale.TenderCash: {"Наличными", "Cash"}, sale.TenderCard: {"Безналичными", "Card"}, sale.TenderAdvance: {"Аванс", "Advance"},
		sale.TenderCredit: {"В кредит", "Credit"}, sale.TenderCounter: {"Встречное предоставление", "Counter-provision"},
	}
	out := make([]tenderRow, 0, len(tenders))
	for _, t := range tenders {
		out = append(out, tenderRow{words[t.Kind], t.Amount})
	}
	return out
}

func recordWhere(s page.RecordState) Text {
	switch s {
	case page.RecordParked:
		return Text{"Запись сохранена, но не проведена: её не удалось разобрать. Смотрите отметки ниже.", "The record is kept but not booked: it could not be read. See the flags below."}
	case page.RecordQuarantined:
		return Text{"Запись в карантине: касса отозвана. В отчёты она не входит.", "The record is in quarantine: its till was revoked. Reports leave it out."}
	case page.RecordDuplicate:
		return Text{"Повтор уже проведённой записи. В отчёты он не входит.", "A repeat of a record that is booked already. Reports leave it out."}
	}
	return Text{}
}

// receiptJSON hands out the record as it was decoded, for an accountant's or a programmer's own tools.
func (s *site) receiptJSON(c *call) error {
	id, err := sale.ParseID(c.r.PathValue("id"))
	if err != nil {
		return page.ErrNotFound
	}
	r, err := s.Sales.Receipt(c.ctx(), c.org(), id)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(map[string]any{"hash": r.Hash, "record": r.Record}, "", "  ")
	if err != nil {
		return fmt.Errorf("write record %s as JSON: %w", id, err)
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.json"`, id))
	if _, err := c.w.Write(body); err != nil {
		return nil //nolint:nilerr // the browser has gone
	}
	return nil
}
