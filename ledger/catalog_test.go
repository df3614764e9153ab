package ledger_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

func productChange(p sale.Product) sale.Change {
	return sale.Change{Kind: sale.ChangeProduct, Key: []byte(p.SKU), Body: encoded(p)}
}

func (s *shop) search(query string, limit int) (out []sale.SKU) {
	products, err := s.Search(query, limit)
	require.NoError(s.t, err)
	for _, p := range products {
		out = append(out, p.SKU)
	}
	return out
}

func TestSearch(t *testing.T) {
	s := newShop(t)
	s.apply(
		productChange(sale.Product{SKU: "100", Name: "Молоко «Ёжик» 3,2 %", Codes: []string{"4600051000057", "46000510"}}),
		productChange(sale.Product{SKU: "101", Name: "Сгущённое молоко"}),
		productChange(sale.Product{SKU: "102", Name: "МЁД липовый"}),
		productChange(sale.Product{SKU: "A-7", Name: "Cola Zero", Codes: []string{"4600051009999"}}),
		productChange(sale.Product{SKU: "103", Name: "Молоток"}),
	)
	s.apply(sale.Change{Kind: sale.ChangeProduct, Key: []byte("103"), Gone: true})
	for range 2 {
		for query, want := range map[string][]sale.SKU{
			"молоко":              {"100", "101"}, // names that begin with it come first
			"МОЛОКО ёжик":         {"100"},
			"ежик молоко":         {"100"},
			"  сгущенное  ":       {"101"},
			"мед":                 {"102"},
			"липовый мёд":         {"102"},
			"cola":                {"A-7"},
			"молоток":             nil,
			"103":                 nil,
			"100":                 {"100"},
			"A-7":                 {"A-7"},
			"4600051000057":       {"100"},
			"460005100":           {"100", "A-7"},
			"460":                 nil, // three digits would match half the shop
			"":                    nil,
			"   ":                 nil,
			"молоко которого нет": nil,
			"%":                   {"100"},
		} {
			require.Equal(t, want, s.search(query, 10), query)
		}
		require.Equal(t, []sale.SKU{"100"}, s.search("молоко", 1))
		require.Nil(t, s.search("молоко", 0))
		s.reopen()
	}
}

func TestBarcodes(t *testing.T) {
	s := newShop(t)
	at := func(code string) sale.SKU {
		p, err := s.ProductByCode(code)
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrNotFound)
			return ""
		}
		return p.SKU
	}
	s.apply(productChange(sale.Product{SKU: "a", Name: "A", Codes: []string{"1111", "2222"}}), productChange(sale.Product{SKU: "b", Name: "B"}))
	require.Equal(t, sale.SKU("a"), at("2222"))
	s.apply(productChange(sale.Product{SKU: "b", Name: "B", Codes: []string{"2222"}})) // moved over
	require.Equal(t, sale.SKU("b"), at("2222"))
	s.apply(productChange(sale.Product{SKU: "a", Name: "A", Codes: []string{"1111"}}))
	require.Equal(t, sale.SKU("b"), at("2222"), "a late farewell takes nothing from the new owner")
	s.apply(sale.Change{Kind: sale.ChangeProduct, Key: []byte("b"), Gone: true})
	require.Empty(t, at("2222"))
	p, err := s.Product("b")
	require.NoError(t, err, "kept for returns")
	require.True(t, p.Gone)
	s.apply(productChange(sale.Product{SKU: "a", Name: "A"}))
	require.Empty(t, at("1111"))
}

func TestProductsTwiceAndLate(t *testing.T) {
	s := newShop(t)
	a, b := productChange(sale.Product{SKU: "a", Name: "A", Price: 1, Codes: []string{"7777"}}), productChange(sale.Product{SKU: "b", Name: "B", Codes: []string{"7777"}})
	newer := productChange(sale.Product{SKU: "a", Name: "A2", Price: 2, Codes: []string{"7777"}})
	a.Version, newer.Version, b.Version = 1, 2, 3
	require.NoError(t, s.Apply(3, []sale.Change{a, newer, b}))
	require.NoError(t, s.Apply(3, []sale.Change{a, newer}))
	p, err := s.ProductByCode("7777")
	require.NoError(t, err)
	require.Equal(t, sale.SKU("b"), p.SKU)
	p, err = s.Product("a")
	require.NoError(t, err)
	require.Equal(t, sale.Money(2), p.Price)
	require.Equal(t, []sale.SKU{"a"}, s.search("a2", 5))
}

func TestStaff(t *testing.T) {
	s := newShop(t)
	change := func(version uint64, x sale.Staff) sale.Change {
		return sale.Change{Kind: sale.ChangeStaff, Key: u32(uint32(x.No)), Version: version, Body: encoded(x)}
	}
	anna, boris := sale.Staff{No: 1, Name: "Анна", Role: sale.RoleCashier, PIN: []byte{1}, Salt: []byte{2}}, sale.Staff{No: 2, Name: "Борис", Role: sale.RoleManager}
	require.NoError(t, s.Apply(2, []sale.Change{change(2, boris), change(1, anna)}))
	renamed := anna
	renamed.Name = "Анна К."
	require.NoError(t, s.Apply(4, []sale.Change{change(4, renamed)}))
	require.NoError(t, s.Apply(4, []sale.Change{change(1, anna), {Kind: sale.ChangeStaff, Key: u32(2), Version: 1, Gone: true}}))
	got, err := s.Staff()
	require.NoError(t, err)
	require.Equal(t, []sale.Staff{renamed, boris}, got)
	require.NoError(t, s.Apply(5, []sale.Change{{Kind: sale.ChangeStaff, Key: u32(2), Version: 5, Gone: true}}))
	s.reopen()
	got, err = s.Staff()
	require.NoError(t, err)
	boris.Gone = true
	require.Equal(t, []sale.Staff{renamed, boris}, got, "who left is named, for old receipts")
}

func TestProgrammes(t *testing.T) {
	s := newShop(t)
	p := loyalty.Default()
	body, err := p.Encode()
	require.NoError(t, err)
	s.apply(sale.Change{Kind: sale.ChangeProgramme, Key: u32(1), Body: body})
	s.apply(sale.Change{Kind: sale.ChangeProgramme, Key: u32(1), Gone: true})
	got, err := s.Programmes()
	require.NoError(t, err)
	require.Equal(t, []*loyalty.Programme{p}, got, "receipts name it")
	require.NoError(t, s.Apply(9, []sale.Change{{Kind: sale.ChangeProgramme, Key: u32(2), Body: body}}))
	require.Equal(t, 1, s.SetAside(), "one under another's number")
	got, err = s.Programmes()
	require.NoError(t, err)
	require.Len(t, got, 1)
}

func TestSettings(t *testing.T) {
	s := newShop(t)
	first := sale.Settings{Org: "Лавка", Store: 1, StoreName: "На углу", Zone: "Europe/Moscow", CardSecret: []byte{1}}
	require.NoError(t, s.SetSettings(first))
	change := func(version uint64, name string) sale.Change {
		x := first
		x.StoreName = name
		return sale.Change{Kind: sale.ChangeSettings, Key: []byte("settings"), Version: version, Body: encoded(x)}
	}
	require.NoError(t, s.Apply(5, []sale.Change{change(5, "пять")}))
	require.NoError(t, s.Apply(5, []sale.Change{change(4, "четыре"), {Kind: sale.ChangeSettings, Key: []byte("settings"), Version: 9, Gone: true}}))
	s.reopen()
	got, err := s.Settings()
	require.NoError(t, err)
	require.Equal(t, "пять", got.StoreName)
	require.Equal(t, []byte{1}, got.CardSecret)
}

func TestParked(t *testing.T) {
	s := newShop(t)
	basket := sale.Basket{Lines: goods(100, 200), Customer: anna}
	id := s.id()
	require.NoError(t, s.Park(ledger.Parked{ID: id, Staff: 3, Basket: basket}))
	s.reopen()
	list, err := s.ParkedBaskets()
	require.NoError(t, err)
	require.Equal(t, []ledger.Parked{{ID: id, At: s.clock.At, Staff: 3, Basket: basket}}, list)
	for i := 1; i < ledger.ParkedMax; i++ {
		require.NoError(t, s.Park(ledger.Parked{ID: s.id()}), fmt.Sprint(i))
	}
	require.ErrorIs(t, s.Park(ledger.Parked{ID: s.id()}), ledger.ErrBusy)
	got, err := s.Unpark(id)
	require.NoError(t, err)
	require.Equal(t, basket, got.Basket)
	_, err = s.Unpark(id)
	require.ErrorIs(t, err, ledger.ErrNotFound)
	require.NoError(t, s.Park(ledger.Parked{ID: s.id()}))
}
