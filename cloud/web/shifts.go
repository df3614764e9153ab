package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

type shiftsData struct {
	Rows   []shiftRow
	Stores []choice
	Tills  []choice
	Older  string
	First  bool
}

// shiftRow is a shift and whether the three accounts of it agree.
type shiftRow struct {
	page.Shift
	Lines []shiftLine
}

// shiftLine is one figure by head office, by the till and by the fiscal storage. Has tells which of the
// last two exist; Differs is drawn in red.
type shiftLine struct {
	Text                 Text
	Ours, Till, Storage  string
	HasTill, HasStorage  bool
	TillOff, StorageOff  bool
	NotKept, Chain, Bold bool
}

// Differs tells whether anything does.
func (r shiftRow) Differs() bool {
	for _, l := range r.Lines {
		if l.TillOff || l.StorageOff {
			return true
		}
	}
	return false
}

// Link is the shift's own page.
func (r shiftRow) Link() string { return shiftLink(r.ShiftID) }

func shiftLink(id page.ShiftID) string {
	fn := id.FN
	if fn == "" {
		fn = "-"
	}
	return "/shifts/" + strconv.Itoa(int(id.Till)) + "/" + fn + "/" + strconv.Itoa(int(id.Shift))
}

// compare sets the accounts of a closed shift side by side. Money compares to the kopeck.
func compare(h page.Shift, f formats) []shiftLine {
	if h.Close == nil {
		return nil
	}
	c, st := h.Close, h.Close.Storage
	line := func(ru, en string, ours, till int64, storage *int64, show func(int64) string) shiftLine {
		l := shiftLine{Text: Text{ru, en}, Ours: show(ours), Till: show(till), HasTill: true, TillOff: ours != till}
		if storage != nil {
			l.HasStorage, l.Storage, l.StorageOff = true, show(*storage), *storage != till
		}
		return l
	}
	var stored [4]*int64
	if st != nil {
		sales, returns, sold, refunded := int64(st.Sales), int64(st.Returns), int64(st.Sold), int64(st.Refunded)
		stored = [4]*int64{&sales, &returns, &sold, &refunded}
	}
	number := func(n int64) string { return f.count(n) }
	money := func(n int64) string { return f.money(sale.Money(n)) }
	points := func(n int64) string { return f.points(sale.Points(n)) }
	lines := []shiftLine{
		line("Чеков продажи", "Sales", int64(h.Ours.Sales), int64(c.Sales), stored[0], number),
		line("Чеков возврата", "Returns", int64(h.Ours.Returns), int64(c.Returns), stored[1], number),
		line("Продано, ₽", "Sold, ₽", int64(h.Ours.Sold), int64(c.Sold), stored[2], money),
		line("Возвращено, ₽", "Refunded, ₽", int64(h.Ours.Refunded), int64(c.Refunded), stored[3], money),
		line("Начислено баллов", "Points earned", int64(h.Ours.Earned), int64(c.Earned), nil, points),
		line("Списано баллов", "Points redeemed", int64(h.Ours.Redeemed), int64(c.Redeemed), nil, points),
	}
	if h.Ours.Corrections == 0 && c.Corrections == 0 && (st == nil || st.Corrections == 0) {
		return lines // rare: most shifts have no line for them
	}
	var count, sum *int64
	if st != nil {
		n, corrected := int64(st.Corrections), int64(st.Corrected)
		count, sum = &n, &corrected
	}
	return append(
		lines, line("Чеков коррекции", "Corrections", int64(h.Ours.Corrections), int64(c.Corrections), count, number),
		line("Исправлено, ₽", "Corrected, ₽", int64(h.Ours.Corrected), int64(c.Corrected), sum, money),
	)
}

func (s *site) shiftsPage(c *call) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	form := &form{Values: q}
	store, _ := strconv.ParseUint(q.Get("store"), 10, 32) //nolint:errcheck // what is no number is no store
	till, _ := strconv.ParseUint(q.Get("till"), 10, 21)   //nolint:errcheck // nor a till
	f := page.ShiftFilter{Store: sale.StoreNo(store), Till: sale.TillNo(till)}
	if day, ok := readDay(form, "from", sh.days(f.Store, f.Till)); ok && !day.IsZero() {
		f.From = sale.At(day)
	}
	if day, ok := readDay(form, "to", sh.days(f.Store, f.Till)); ok && !day.IsZero() {
		f.To = sale.At(day.AddDate(0, 0, 1))
	}
	d := shiftsData{Stores: sh.storeChoices(q.Get("store"), c.f.pick("Все", "All")), Tills: sh.tillChoices(q.Get("till"), c.f.pick("Все", "All"))}
	after, err := parseShiftKey(q.Get("after"))
	if err != nil {
		return err
	}
	d.First = after == page.ShiftKey{}
	rows, err := s.Sales.Shifts(c.ctx(), c.org(), f, after, page.RowsMax+1)
	if err != nil {
		return err
	}
	if len(rows) > page.RowsMax {
		rows = rows[:page.RowsMax]
		d.Older = older(q, shiftKeyText(rows[page.RowsMax-1].Key()))
	}
	for _, h := range rows {
		d.Rows = append(d.Rows, shiftRow{h, compare(h, c.f)})
	}
	return c.show(http.StatusOK, "shifts", Text{"Смены", "Shifts"}, form, &d)
}

func shiftKeyText(k page.ShiftKey) string {
	return strings.Join([]string{strconv.FormatInt(int64(k.Opened), 10), strconv.Itoa(int(k.Till)), k.FN, strconv.Itoa(int(k.Shift))}, ".")
}

func parseShiftKey(text string) (page.ShiftKey, error) {
	var k page.ShiftKey
	if text == "" {
		return k, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return k, page.ErrNotFound
	}
	at, errAt := strconv.ParseInt(parts[0], 10, 64)
	till, errTill := strconv.ParseUint(parts[1], 10, 21)
	shift, errShift := strconv.ParseUint(parts[3], 10, 32)
	if errAt != nil || errTill != nil || errShift != nil {
		return k, page.ErrNotFound
	}
	return page.ShiftKey{Opened: sale.Time(at), ShiftID: page.ShiftID{Till: sale.TillNo(till), FN: parts[2], Shift: uint32(shift)}}, nil
}

type shiftData struct {
	shiftRow
	Records []page.Record
	HeadOff bool
	Cash    sale.Money // that should lie in the drawer by head office's count
}

func (s *site) shiftPage(c *call) error {
	till, errTill := strconv.ParseUint(c.r.PathValue("till"), 10, 21)
	shift, errShift := strconv.ParseUint(c.r.PathValue("shift"), 10, 32)
	if errTill != nil || errShift != nil {
		return page.ErrNotFound
	}
	fn := c.r.PathValue("fn")
	if fn == "-" {
		fn = ""
	}
	h, records, err := s.Sales.Shift(c.ctx(), c.org(), page.ShiftID{Till: sale.TillNo(till), FN: fn, Shift: uint32(shift)})
	if err != nil {
		return err
	}
	d := shiftData{shiftRow: shiftRow{h, compare(h, c.f)}, Records: records, Cash: h.Ours.Cash + h.CashIn - h.CashOut}
	d.HeadOff = h.Close != nil && h.Head != (sale.Hash{}) && h.Head != h.Close.Head
	title := strconv.Itoa(int(h.Shift))
	return c.show(http.StatusOK, "shift", Text{"Смена " + title, "Shift " + title}, nil, &d)
}
