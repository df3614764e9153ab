package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// TestPagesReadBothEngines asks every question of the pages about one till's day.
func TestPagesReadBothEngines(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		org, tills := seat(t, s, 1)
		j := tills[0]
		no, err := s.PutPageCustomer(ctx, org, page.CustomerForm{Name: "Петрова Анна", Phone: "+79161234567", Cards: []string{"29"}, Home: 1}, "test")
		require.NoError(t, err)
		require.NoError(t, s.PutProducts(ctx, org, []sale.Product{{SKU: "1", Name: "Хлеб", Price: 5000, VAT: sale.VAT10, Subject: sale.SubjectGoods, Codes: []string{"46"}}}))
		require.NoError(t, s.PutStaff(ctx, org, sale.Staff{No: 1, Name: "Иванова", Role: sale.RoleCashier}))
		j.Add(&sale.Record{Kind: sale.KindShiftOpen, Staff: 1, Shift: 1, Fiscal: j.Fiscal(sale.DocShiftOpen, 0)})
		first := j.Earning(no, 2, 300)
		j.Add(first)
		j.Add(j.Plain(1))
		back := j.Owing(first, 300)
		j.Add(back)
		_, err = s.Append(ctx, org, j.Till, 0, j.After(0))
		require.NoError(t, err)

		rows, err := s.Transactions(ctx, org, page.SaleFilter{From: 1, Min: 1, Card: page.WithAny}, page.SaleKey{}, 2)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, back.ID, rows[0].ID)
		rest, err := s.Transactions(ctx, org, page.SaleFilter{}, rows[1].Key(), 2)
		require.NoError(t, err)
		require.Len(t, rest, 1)
		require.Equal(t, first.ID, rest[0].ID)
		require.Equal(t, "Петрова Анна", rest[0].CustomerName)

		r, err := s.Receipt(ctx, org, first.ID)
		require.NoError(t, err)
		require.Len(t, r.Returns, 1)
		require.Len(t, r.LotsMade, 1)
		require.Equal(t, sale.Points(300), r.LotsMade[0].Leased[0].Amount)
		_, err = s.Receipt(ctx, org, sale.ID{9})
		require.ErrorIs(t, err, page.ErrNotFound)

		shifts, err := s.Shifts(ctx, org, page.ShiftFilter{Store: 1, Till: j.Till, From: 1}, page.ShiftKey{}, 10)
		require.NoError(t, err)
		require.Len(t, shifts, 1)
		require.Equal(t, page.ShiftSums{Sales: 2, Returns: 1, Sold: 3010, Refunded: 1000, Cash: 2010, Earned: 300}, shifts[0].Ours)
		_, records, err := s.Shift(ctx, org, shifts[0].ShiftID)
		require.NoError(t, err)
		require.Len(t, records, 4)
		none, err := s.Shifts(ctx, org, page.ShiftFilter{}, shifts[0].Key(), 10)
		require.NoError(t, err)
		require.Empty(t, none)

		stores, buckets, err := s.Day(ctx, org, 1, 0, 1<<50)
		require.NoError(t, err)
		require.Equal(t, sale.Money(3010), stores[0].Sold)
		require.NotEmpty(t, buckets)
		pulse, err := s.Pulse(ctx, org)
		require.NoError(t, err)
		require.Positive(t, pulse.Records)
		found, err := s.CustomerRows(ctx, org, page.CustomerFilter{Name: "анна"}, 0, 5)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, sale.Points(300), found[0].Debt)
		for _, f := range []page.CustomerFilter{{Phone: "1234567"}, {Card: "29"}, {No: no}} {
			found, err := s.CustomerRows(ctx, org, f, 0, 5)
			require.NoError(t, err)
			require.Len(t, found, 1)
		}
		card, err := s.CustomerCard(ctx, org, no)
		require.NoError(t, err)
		require.Len(t, card.Keys, 2)
		posted, err := s.PostingRows(ctx, org, no, 10)
		require.NoError(t, err)
		require.Len(t, posted, 2)
		seen, err := s.TillRows(ctx, org, j.Till)
		require.NoError(t, err)
		require.Equal(t, j.Position, seen[0].Have)
		require.Equal(t, sale.Points(300), seen[0].Exposure)
		flags, err := s.FlagRows(ctx, org, false, page.FlagKey{}, 10)
		require.NoError(t, err)
		require.True(t, flags[0].Receipt)
		goods, err := s.ProductRows(ctx, org, page.ProductFilter{Text: "хле", Raw: "хле"}, page.ProductKey{}, 5)
		require.NoError(t, err)
		require.Equal(t, []string{"46"}, goods[0].Codes)
		owners, err := s.CodeOwners(ctx, org, []string{"46", "47"})
		require.NoError(t, err)
		require.Equal(t, map[string]sale.SKU{"46": "1"}, owners)
		next, err := s.AddStaff(ctx, org, sale.Staff{Name: "Петров", Role: sale.RoleCashier})
		require.NoError(t, err)
		require.Equal(t, sale.StaffNo(2), next)
		_, err = s.ProgrammeRows(ctx, org)
		require.NoError(t, err)
		_, ends, err := s.NewPageCode(ctx, org, 1, 0, "test")
		require.NoError(t, err)
		require.Positive(t, int64(ends))
		codes, err := s.EnrolCodes(ctx, org)
		require.NoError(t, err)
		require.Len(t, codes, 1)

		require.NoError(t, s.PutPageUser(ctx, page.User{Org: org, Login: "a", Name: "A", Role: page.RoleOwner, Hash: []byte{1}, Salt: []byte{2}, Lang: "ru"}, true))
		require.NoError(t, s.OpenPageSession(ctx, org, page.Session{Token: [32]byte{1}, CSRF: []byte{3}, Login: "a", Ends: 10}))
		_, u, err := s.PageSession(ctx, org, [32]byte{1})
		require.NoError(t, err)
		require.Equal(t, page.RoleOwner, u.Role)
		require.NoError(t, s.EndPageSession(ctx, [32]byte{1}))
		_, _, err = s.PageSession(ctx, org, [32]byte{1})
		require.ErrorIs(t, err, page.ErrNotFound)
	})
}

// TestAReceiptIsFoundByItsDocument: by FN with FD, of every kind, and of both tills where two claim one document.
func TestAReceiptIsFoundByItsDocument(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, tills := seat(t, s, 2)
		a, b := tills[0], tills[1]
		sold, claimed := a.Plain(1), b.Plain(1)
		claimed.Fiscal.Key = sold.Fiscal.Key
		a.Add(sold)
		back, corrected := a.Returning(sold, 1), a.Correcting(sale.DocSale, 7000)
		a.Add(back)
		a.Add(corrected)
		b.Add(claimed)
		handIn(t, s, a, b)
		for doc, want := range map[sale.FiscalKey][]sale.ID{
			sold.Fiscal.Key: {claimed.ID, sold.ID}, back.Fiscal.Key: {back.ID}, corrected.Fiscal.Key: {corrected.ID}, {FN: a.FN, FD: 999}: nil,
		} {
			rows, err := s.Transactions(t.Context(), org, page.SaleFilter{FN: doc.FN, FD: doc.FD}, page.SaleKey{}, 10)
			require.NoError(t, err)
			var found []sale.ID
			for _, r := range rows {
				found = append(found, r.ID)
			}
			require.ElementsMatch(t, want, found, doc.String())
		}
	})
}

func TestKnownGoods(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 0)
		product := func(sku sale.SKU, category string, gone bool, tags ...string) sale.Product {
			return sale.Product{SKU: sku, Name: "Сыр", Price: 5000, VAT: sale.VAT10, Subject: sale.SubjectGoods, Category: category, Tags: tags, Gone: gone}
		}
		require.NoError(t, s.PutProducts(t.Context(), org, []sale.Product{product("1", "Сыры", false, "b", "a"), product("2", "Сыры", false), product("3", "Вина", true, "c")}))
		all := func(names ...string) map[string]bool {
			out := map[string]bool{}
			for _, name := range names {
				out[name] = true
			}
			return out
		}
		known, err := s.KnownGoods(t.Context(), org, page.GoodsNames{SKUs: all("1", "3", "4"), Categories: all("Сыры", "Вина", "Сыр"), Tags: all("a", "c", "d")})
		require.NoError(t, err)
		require.Equal(t, page.GoodsNames{SKUs: all("1"), Categories: all("Сыры"), Tags: all("a")}, known)
		none, err := s.KnownGoods(t.Context(), org, page.GoodsNames{})
		require.NoError(t, err)
		require.Empty(t, none.SKUs)
	})
}

// TestTwoAddedAtOnceAreTwo adds members of staff, stores and partners from several sides at once.
func TestTwoAddedAtOnceAreTwo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 0)
		const sides = 8
		members, stores, partners := make([]sale.StaffNo, sides), make([]sale.StoreNo, sides), make([]sale.PartnerNo, sides)
		problems := make([]error, 3*sides)
		var all sync.WaitGroup
		for i := range sides {
			all.Go(func() {
				members[i], problems[i] = s.AddStaff(context.Background(), org, sale.Staff{Name: fmt.Sprint("Иванова ", i), Role: sale.RoleCashier})
			})
			all.Go(func() {
				stores[i], problems[sides+i] = s.PutPageStore(context.Background(), org, page.Store{Name: fmt.Sprint("Лавка ", i), Zone: "Europe/Moscow"}, "owner")
			})
			all.Go(func() {
				partners[i], problems[2*sides+i] = s.PutPartner(context.Background(), org, page.Partner{Name: fmt.Sprint("Фитнес ", i)}, "owner")
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(problems...))
		slices.Sort(partners)
		require.Len(t, slices.Compact(partners), sides)
		slices.Sort(members)
		slices.Sort(stores)
		require.Len(t, slices.Compact(members), sides)
		require.Len(t, slices.Compact(stores), sides)
	})
}
