package web

import (
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

type overviewData struct {
	Zone      string
	Mixed     string
	Day       time.Time
	DayText   string
	Today     bool
	Chosen    string
	Prev      string
	Next      string
	Choices   []choice
	Totals    page.Totals
	Before    page.Totals // the same day a week earlier, to the same hour when it is today
	Stores    []page.StoreTotals
	Hours     []hourBar
	Chart     template.HTML
	Tills     []page.Till
	Online    int
	Offline   int
	Troubled  []tillRow
	OpenFlags []flagRow
	NoStores  bool
	NoTills   bool
}

// troubledMax and flagsShown keep the overview on one screen; the rest is a click away.
const (
	troubledMax = 6
	flagsShown  = 5
)

func (s *site) overview(c *call) error {
	sh, err := c.shop()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	store, _ := strconv.ParseUint(q.Get("store"), 10, 32) //nolint:errcheck // what is no number is no store
	d := overviewData{Zone: sh.zone(sale.StoreNo(store)), Chosen: q.Get("store"), Choices: sh.storeChoices(q.Get("store"), c.f.pick("Все магазины", "All stores"))}
	d.Mixed = sh.mixed(sale.StoreNo(store), 0)
	now := s.Now()
	d.Day = dayStart(now, d.Zone)
	d.Today = true
	if day, err := time.ParseInLocation(dateLayout, q.Get("day"), zone(d.Zone)); err == nil && day.Before(d.Day) {
		d.Day, d.Today = day, false
	}
	d.DayText = d.Day.Format(dateLayout)
	d.Prev = d.Day.AddDate(0, 0, -1).Format(dateLayout)
	if !d.Today {
		d.Next = d.Day.AddDate(0, 0, 1).Format(dateLayout)
	}
	if err := s.overviewSales(c, &d, sale.StoreNo(store)); err != nil {
		return err
	}
	s.overviewTills(c, &d, sh)
	d.NoStores, d.NoTills = len(sh.Stores) == 0, len(sh.Tills) == 0
	open, err := s.Flags.Conflicts(c.ctx(), c.org(), page.ConflictFilter{}, page.FlagKey{}, flagsShown)
	if err != nil {
		return err
	}
	for _, x := range open {
		d.OpenFlags = append(d.OpenFlags, flagRowOf(c.f, x))
	}
	return c.show(http.StatusOK, "overview", Text{"Обзор", "Overview"}, nil, &d)
}

func (s *site) overviewSales(c *call, d *overviewData, store sale.StoreNo) error {
	end := d.Day.AddDate(0, 0, 1)
	stores, buckets, err := s.Sales.Day(c.ctx(), c.org(), store, sale.At(d.Day), sale.At(end))
	if err != nil {
		return err
	}
	d.Stores, d.Totals = stores, sum(stores)
	weekEnd := end.AddDate(0, 0, -7)
	if d.Today {
		weekEnd = s.Now().AddDate(0, 0, -7)
	}
	before, _, err := s.Sales.Day(c.ctx(), c.org(), store, sale.At(d.Day.AddDate(0, 0, -7)), sale.At(weekEnd))
	if err != nil {
		return err
	}
	d.Before = sum(before)
	d.Hours = hours(buckets, d.Day, s.Now())
	d.Chart = hoursChart(d.Hours, c.f)
	return nil
}

func sum(stores []page.StoreTotals) page.Totals {
	var t page.Totals
	for _, s := range stores {
		t.Add(s.Totals)
	}
	return t
}

// hours gathers quarters into the hours of the day's own zone. A day when clocks change has 23 or 25.
func hours(buckets []page.Bucket, day, now time.Time) []hourBar {
	var out []hourBar
	end := day.AddDate(0, 0, 1)
	for t := day; t.Before(end); t = t.Add(time.Hour) {
		out = append(out, hourBar{Hour: t.Hour(), Past: !t.After(now)})
	}
	for _, b := range buckets {
		i := int(b.From.Time().Sub(day) / time.Hour)
		if i >= 0 && i < len(out) {
			out[i].Sum, out[i].Count = out[i].Sum+b.Sold, out[i].Count+b.Sales
		}
	}
	return out
}

func (s *site) overviewTills(c *call, d *overviewData, sh shop) {
	for _, t := range sh.Tills {
		if t.State != page.TillEnrolled || (d.Chosen != "" && strconv.Itoa(int(t.Store)) != d.Chosen) {
			continue
		}
		row := tillRow{Till: t, Troubles: tillTroubles(t, c.now())}
		if row.Online(c.now()) {
			d.Online++
		} else {
			d.Offline++
		}
		if len(row.Troubles) > 0 && len(d.Troubled) < troubledMax {
			d.Troubled = append(d.Troubled, row)
		}
	}
}
