package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

type storesData struct {
	Rows []page.Store
	Edit *page.Store
	New  bool
}

func (s *site) storesPage(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, "stores", Text{"Магазины", "Stores"}, nil, &storesData{Rows: sh.Stores})
}

// storeForm edits a store, or makes one when the address says "new".
func (s *site) storeForm(c *call) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	if c.r.PathValue("no") == "new" {
		return s.showStoreForm(c, newForm("zone", sh.zone(0)), 0, http.StatusOK)
	}
	st, err := sh.find(c.r.PathValue("no"))
	if err != nil {
		return err
	}
	return s.showStoreForm(c, storeFormOf(st).opened(), st.No, http.StatusOK)
}

func storeFormOf(st page.Store) *form {
	return newForm("name", st.Name, "address", st.Address, "zone", st.Zone, "region", st.Region)
}

func (s shop) find(no string) (page.Store, error) {
	for _, st := range s.Stores {
		if strconv.Itoa(int(st.No)) == no {
			return st, nil
		}
	}
	return page.Store{}, page.ErrNotFound
}

// zonesRU are the zones of Russia, offered while any other IANA name may be typed.
var zonesRU = []string{
	"Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Novosibirsk", "Asia/Krasnoyarsk",
	"Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka", "Asia/Almaty", "Asia/Tashkent", "Europe/Minsk",
}

func (s *site) showStoreForm(c *call, f *form, no sale.StoreNo, status int) error {
	sh, err := c.stores()
	if err != nil {
		return err
	}
	regions := sh.regions()
	title := Text{"Новый магазин", "New store"}
	if no != 0 {
		title = Text{fmt.Sprintf("Магазин %d", no), fmt.Sprintf("Store %d", no)}
	}
	return c.show(status, "store-form", title, f, map[string]any{"No": no, "Zones": zonesRU, "Regions": regions})
}

func (s *site) saveStore(c *call) error {
	st := page.Store{Name: c.form.text("name", true, textMax), Address: c.form.text("address", false, textMax), Zone: c.form.text("zone", true, 60), Region: c.form.text("region", false, 60)}
	if c.r.PathValue("no") != "new" {
		sh, err := c.stores()
		if err != nil {
			return err
		}
		old, err := sh.find(c.r.PathValue("no"))
		if err != nil {
			return err
		}
		st.No = old.No
		c.form.late(storeFormOf(old))
	}
	if _, err := time.LoadLocation(st.Zone); err != nil || st.Zone == "Local" || st.Zone == "" {
		if c.form.E("zone") == nil {
			c.form.wrong("zone", "Такого часового пояса нет. Пример: Europe/Moscow.", "There is no such time zone. Example: Europe/Moscow.")
		}
	}
	if !c.form.ok() {
		return s.showStoreForm(c, c.form, st.No, http.StatusUnprocessableEntity)
	}
	if _, err := s.Tills.PutPageStore(c.ctx(), c.org(), st, c.user.Login); err != nil {
		return err
	}
	return c.done("/stores", "saved")
}
