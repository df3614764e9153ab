package web_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

var customerLink = regexp.MustCompile(`<td class="name"><a href="/customers/(\d+)">`)

// walked follows a list of customers to its end and counts how often each stands in it.
func (b *browser) walked(path string) map[string]int {
	b.o.t.Helper()
	seen := map[string]int{}
	for range 20 {
		_, body := b.get(path)
		for _, m := range customerLink.FindAllStringSubmatch(body, -1) {
			seen[m[1]]++
		}
		next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(body)
		if next == nil {
			return seen
		}
		path = "/customers" + html.UnescapeString(next[1])
	}
	b.o.t.Fatal("the list does not end")
	return nil
}

// TestASearchShowsEverybodyOnce looks for figures that are one customer's number, another's card and a part of
// many phones: all of them are found, over several pages, nobody twice; and the same in the download.
func TestASearchShowsEverybodyOnce(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	want := map[string]int{}
	put := func(p store.Person) {
		no, err := o.Store.PutPerson(ctx, o.org, p)
		require.NoError(t, err)
		want[fmt.Sprint(int64(no))] = 1
	}
	put(store.Person{No: 7042, Name: "Аверин с номером"})
	put(store.Person{Name: "Яшин с картой и телефоном", Phone: "+79007042999", Cards: []string{"7042"}})
	for i := range 120 {
		put(store.Person{Name: fmt.Sprintf("Иванов %03d", i), Phone: fmt.Sprintf("+7900%03d7042", i)})
	}
	b := o.signedIn("manager")
	require.Equal(t, want, b.walked("/customers?q=7042"))
	_, first := b.get("/customers?q=7042")
	require.Contains(t, first, "Аверин с номером", "who is meant exactly stands on the first page")

	_, body := b.get("/customers.csv?q=7042")
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	got := map[string]int{}
	for _, row := range rows[1:] {
		got[row[1]]++
	}
	require.Len(t, got, len(want))
	for name, n := range got {
		require.Equal(t, 1, n, name)
	}
}

// TestAddressesCarryNoPhone: the way to the next page is logged by proxies, and shown to viewers.
func TestAddressesCarryNoPhone(t *testing.T) {
	t.Parallel()
	o := fill(t)
	for i := range page.RowsMax + 1 {
		_, err := o.Store.PutPerson(context.Background(), o.org, store.Person{Name: fmt.Sprintf("Иванов %03d", i), Phone: fmt.Sprintf("+7900111%04d", i), Cards: []string{fmt.Sprintf("29%05d", i)}})
		require.NoError(t, err)
	}
	_, body := o.signedIn("viewer").get("/customers")
	require.Contains(t, body, `rel="next"`)
	require.NotContains(t, body, "7900111", "a viewer sees no whole numbers")
}

// TestAMergedCustomerIsOnePerson: after a merge the main number's page, list and search know both numbers'
// purchases and keys.
func TestAMergedCustomerIsOnePerson(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	b := o.signedIn("manager")
	require.NoError(t, o.Store.MergeCustomers(ctx, o.org, 1, 2, "вторая карта", "owner")) // 3 was merged into 2
	for _, q := range []string{"+7 903 111-22-33", "89990001122"} {
		_, body := b.get("/customers?q=" + url.QueryEscape(q))
		require.Contains(t, body, `href="/customers/1"`, "by the phone of a merged number: "+q)
	}
	var bought []sale.ID
	for _, j := range o.tills {
		for _, r := range j.Records {
			if r.Record.Sale != nil && r.Record.Sale.Customer >= 1 && r.Record.Sale.Customer <= 3 {
				bought = append(bought, r.Record.ID)
			}
		}
	}
	rows, err := o.Store.Transactions(ctx, o.org, page.SaleFilter{Customer: 1, Kind: page.SaleKindSale}, page.SaleKey{}, 100)
	require.NoError(t, err)
	require.Len(t, rows, len(bought))
	_, body := b.get("/sales?customer=3&kind=1&from=2026-11-20")
	require.Equal(t, len(bought), strings.Count(body, "<tr data-key="), "asked by a merged number")
	found, err := o.Store.CustomerRows(ctx, o.org, page.CustomerFilter{No: 1}, 0, 1)
	require.NoError(t, err)
	require.Equal(t, rows[0].At, found[0].Last, "the last purchase of any of the numbers")
}

// TestACertificateIsNoPerson: its code is its name and its card, and whoever reads it can pay with it. Nobody
// gives it points, changes its keys or looks it up among people; blocking stays.
func TestACertificateIsNoPerson(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	rows, err := o.Store.Certificates(ctx, o.org, "Новый год 2027", 0, 1)
	require.NoError(t, err)
	x := rows[0]
	at := fmt.Sprintf("/customers/%d", int64(x.No))
	viewer, b := o.signedIn("viewer"), o.signedIn("manager")
	for _, path := range []string{at, fmt.Sprintf("/customers?q=%d", int64(x.No))} {
		_, body := viewer.get(path)
		require.NotContains(t, body, x.Code, path)
	}
	for path, form := range map[string]url.Values{
		"/points":   {"amount": {"500"}, "reason": {"x"}, "sure": {"1"}, "key": {sale.DeriveID(sale.ID{7}, "x", 1).String()}},
		"/edit":     {"name": {"Мой"}, "cards": {"424242"}},
		"/birthday": {"birthday": {"05-31"}},
	} {
		res, _ := b.post(at+path, form)
		require.Equal(t, http.StatusConflict, res.StatusCode, path)
	}
	res, _ := b.get(at + "/edit")
	require.Equal(t, http.StatusConflict, res.StatusCode)
	require.Equal(t, x.Left, o.balance(x.No))
	res, _ = b.post(at+"/block", url.Values{"sure": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
}

// TestUnblockingEndsNoTraining: whether a customer is for training the owner decides, for their receipts are out of all
// reports.
func TestUnblockingEndsNoTraining(t *testing.T) {
	t.Parallel()
	o := fill(t)
	ctx := context.Background()
	require.NoError(t, o.Store.SetCustomerState(ctx, o.org, 1, sale.CustomerTest, "owner"))
	res, _ := o.signedIn("manager").post("/customers/1/unblock", nil)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	card, err := o.Store.CustomerCard(ctx, o.org, 1)
	require.NoError(t, err)
	require.Equal(t, sale.CustomerTest, card.State)
	b := o.signedIn("manager")
	b.pressed("/customers/1/block", nil)
	res, _ = b.post("/customers/1/unblock", nil)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	card, err = o.Store.CustomerCard(ctx, o.org, 1)
	require.NoError(t, err)
	require.Equal(t, sale.CustomerTest, card.State, "blocked and unblocked")
}
