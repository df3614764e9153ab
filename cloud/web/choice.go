package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// choice is one entry of a list to choose from.
type choice struct {
	Value, Label string
	Chosen       bool
}

// shop is what nearly every page needs to know of the organisation: its stores and who works there.
type shop struct {
	Stores []page.Store
	Tills  []page.Till
	Staff  []page.Staff
}

func (c *call) stores() (shop, error) {
	stores, err := c.s.Tills.StoreRows(c.ctx(), c.org())
	return shop{Stores: stores}, err
}

// shop reads the stores, the tills and the staff: small tables, a few thousand rows at a chain.
func (c *call) shop() (shop, error) {
	sh, err := c.stores()
	if err != nil {
		return sh, err
	}
	if sh.Tills, err = c.s.Tills.TillRows(c.ctx(), c.org(), 0); err != nil {
		return sh, err
	}
	sh.Staff, err = c.s.Catalogue.StaffRows(c.ctx(), c.org(), 0)
	return sh, err
}

// zone is a store's zone; of no store the first one's, by which the organisation's days begin.
func (s shop) zone(no sale.StoreNo) string {
	for _, st := range s.Stores {
		if st.No == no {
			return st.Zone
		}
	}
	if len(s.Stores) > 0 {
		return s.Stores[0].Zone
	}
	return "Europe/Moscow"
}

// days is the zone by whose midnight a list's days begin: the store's that was chosen, else the chosen till's.
func (s shop) days(store sale.StoreNo, till sale.TillNo) string {
	for _, t := range s.Tills {
		if store == 0 && t.No == till {
			store = t.Store
		}
	}
	return s.zone(store)
}

// mixed is the zone by which the days of a list of all stores begin, where not all stores lie in it: then a store's
// figures there are not those of its own day, and the page has to say so.
func (s shop) mixed(store sale.StoreNo, till sale.TillNo) string {
	for _, st := range s.Stores {
		if store == 0 && till == 0 && st.Zone != s.zone(0) {
			return s.zone(0)
		}
	}
	return ""
}

func (s shop) storeChoices(chosen string, none string) []choice {
	out := []choice{{"", none, chosen == ""}}
	for _, st := range s.Stores {
		v := fmt.Sprint(st.No)
		out = append(out, choice{v, st.Name, v == chosen})
	}
	return out
}

func (s shop) tillChoices(chosen string, none string) []choice {
	out := []choice{{"", none, chosen == ""}}
	for _, t := range s.Tills {
		v := fmt.Sprint(t.No)
		out = append(out, choice{v, fmt.Sprintf("%d · %s", t.No, cmp.Or(t.Name, t.StoreName)), v == chosen})
	}
	return out
}

func (s shop) staffChoices(chosen string, none string) []choice {
	out := []choice{{"", none, chosen == ""}}
	for _, m := range s.Staff {
		v := fmt.Sprint(m.No)
		out = append(out, choice{v, m.Name, v == chosen})
	}
	slices.SortStableFunc(out[1:], func(a, b choice) int { return cmp.Compare(fold(a.Label), fold(b.Label)) })
	return out
}

// choices builds a list of values and labels.
func choices(chosen string, pairs ...string) []choice {
	var out []choice
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, choice{pairs[i], pairs[i+1], pairs[i] == chosen})
	}
	return out
}

// dayStart is the midnight before a moment in a zone.
func dayStart(t time.Time, zoneName string) time.Time {
	local := t.In(zone(zoneName))
	return time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location())
}

const dateLayout = "2006-01-02"

// kindText is a record's kind in words.
func kindText(k sale.RecordKind) Text {
	known := map[sale.RecordKind]Text{
		sale.KindSale: {"Продажа", "Sale"}, sale.KindReturn: {"Возврат", "Return"}, sale.KindShiftOpen: {"Открытие смены", "Shift opened"},
		sale.KindShiftClose: {"Закрытие смены", "Shift closed"}, sale.KindCashIn: {"Внесение", "Cash in"}, sale.KindCashOut: {"Изъятие", "Cash out"},
		sale.KindAbandon: {"Не состоялось", "Abandoned"}, sale.KindEpoch: {"Начало журнала", "Journal begins"}, sale.KindRelease: {"Возврат аренды", "Lease released"},
		sale.KindGrant: {"Выдача аренды", "Lease granted"}, sale.KindAdjust: {"Баллы вручную", "Points by hand"}, sale.KindNet: {"Зачёт долга", "Debt netted"},
		sale.KindExpire: {"Сгорание", "Expired"}, sale.KindEnrol: {"Регистрация", "Enrolment"}, sale.KindLookup: {"Проверка на кассе", "Check at a till"}, sale.KindCorrection: {"Коррекция", "Correction"},
		sale.KindMerge: {"Объединение", "Merge"}, sale.KindSplit: {"Разделение", "Split"}, sale.KindReward: {"Начислил офис", "Reward"}, sale.KindRevoke: {"Снял офис", "Reward taken back"},
		sale.KindSettle: {"Расчёт возврата", "Return settled"}, sale.KindTier: {"Смена уровня", "Tier changed"}, sale.KindIssue: {"Выпуск сертификата", "Certificate issued"}, sale.KindDraw: {"Розыгрыш", "Prize draw"},
	}
	if t, ok := known[k]; ok {
		return t
	}
	return Text{k.String(), k.String()}
}

func accountText(k sale.AccountKind) Text {
	known := map[sale.AccountKind]Text{
		sale.AccountCustomer: {"Покупатель", "Customer"}, sale.AccountProgramme: {"Программа", "Programme"}, sale.AccountExpired: {"Сгоревшие", "Expired"},
		sale.AccountDebt: {"Долг", "Debt"}, sale.AccountEmployee: {"Сотрудник", "Employee"}, sale.AccountPartner: {"Партнёр", "Partner"},
	}
	if t, ok := known[k]; ok {
		return t
	}
	return Text{k.String(), k.String()}
}

// regions are the names of regions that stores belong to.
func (s shop) regions() []string {
	var out []string
	for _, st := range s.Stores {
		if st.Region != "" && !slices.Contains(out, st.Region) {
			out = append(out, st.Region)
		}
	}
	slices.Sort(out)
	return out
}

// storeName names a store, or gives its number where it is not known any more.
func (s shop) storeName(no sale.StoreNo) string {
	for _, st := range s.Stores {
		if st.No == no {
			return st.Name
		}
	}
	return fmt.Sprintf("№ %d", no)
}
