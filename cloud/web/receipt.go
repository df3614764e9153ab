package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/kopilka/kopilka/cloud/web/page"
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
		d.Tenders, d.Reasons, d.Given, d.Change = tenderRows(r.Sale.Tenders), r.Sale.Reasons, r.Sale.Given, r.Sale.Change()
	case r.Return != nil:
		d.Tenders = tenderRows(r.Return.Tenders)
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
