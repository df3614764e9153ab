package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// whole is what of the whole programme's tables must not depend on the order of arrival.
func whole(t testing.TB, s *Store) string {
	t.Helper()
	var b strings.Builder
	ctx := context.Background()
	require.NoError(t, s.view(ctx, func(tx *tx) error {
		for _, q := range []string{
			`SELECT no, tier, state, merged_into, enrolled, enrol, name || '/' || phone FROM customers ORDER BY no`,
			`SELECT customer, kind, 0, 0, 0, key, '' FROM customer_keys ORDER BY customer, kind, key`,
			`SELECT customer, 0, 0, 0, 0, NULL, card FROM customer_cards ORDER BY card`,
			`SELECT customer, kind, version, given, till, record, '' FROM consents ORDER BY record, kind`,
			`SELECT state, owner, shard, campaign, 0, key, code FROM codes ORDER BY key`,
			`SELECT customer, till, campaign, at, 0, record, '' FROM code_uses ORDER BY key, record`,
			`SELECT customer, promotion, times, 0, 0, NULL, '' FROM promo_uses ORDER BY customer, promotion`,
			`SELECT customer, receipts, spend, 0, 0, NULL, '' FROM bought WHERE receipts <> 0 OR spend <> 0 ORDER BY customer`,
			`SELECT store, day, staff, receipts, with_customer, NULL, enrolled || '' FROM standings WHERE receipts <> 0 OR enrolled <> 0 ORDER BY store, day, staff`,
			`SELECT till, fd, total, earned, recovered, id, '' FROM sales ORDER BY id, till`,
			`SELECT state, kind, till, 0, 0, id, '' FROM records WHERE till > 0 ORDER BY id, till`,
			`SELECT customer, other, amount, 0, 0, id, kind FROM flags ORDER BY id`,
		} {
			err := tx.each(ctx, q, nil, func(r *sql.Rows) error {
				var v [5]int64
				var id []byte
				var text string
				err := r.Scan(&v[0], &v[1], &v[2], &v[3], &v[4], &id, &text)
				fmt.Fprintf(&b, "%v %x %s\n", v, id, text)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	}))
	return b.String()
}

// wholeJournals lets tills enrol the same few people again and again, sell to them with codes and promotions,
// take back, and read sales back from each other's fiscal storages.
func wholeJournals(rt *rapid.T, org sale.OrgNo, tills int, seal [32]byte, keys []sale.LookupKey) []*storetest.Journal {
	var out []*storetest.Journal
	var sold []*sale.Record
	for till := range tills {
		j := storetest.New(org, 1, sale.TillNo(till+1), sale.At(testNow))
		var mine []sale.CustomerNo
		for range rapid.IntRange(1, 9).Draw(rt, "records") {
			j.At += sale.Time(rapid.IntRange(0, 50).Draw(rt, "pause"))
			switch what := rapid.IntRange(0, 5).Draw(rt, "what"); {
			case what <= 1:
				who := rapid.IntRange(0, 2).Draw(rt, "who")
				p := sale.Person{Name: fmt.Sprintf("Человек %d", who)}
				if rapid.Bool().Draw(rt, "phone") {
					p.Phone = fmt.Sprintf("+7916000000%d", who)
				}
				if p.Phone == "" || rapid.Bool().Draw(rt, "card") {
					p.Card = fmt.Sprintf("29%d", rapid.IntRange(0, 2).Draw(rt, "card number"))
				}
				r, blob := j.Enrolling(seal, p)
				j.AddSealed(r, blob)
				mine = append(mine, r.Enrol.Customer)
			case what == 2 && len(sold) > 0:
				j.Add(j.Found(*rapid.SampledFrom(sold).Draw(rt, "found").Fiscal))
			case what == 3 && len(sold) > 0:
				j.Add(j.Returning(rapid.SampledFrom(sold).Draw(rt, "of"), 1))
			default:
				r := j.Plain(1)
				if len(mine) > 0 {
					r = j.Earning(rapid.SampledFrom(mine).Draw(rt, "buyer"), 1, sale.Points(rapid.Int64Range(1, 500).Draw(rt, "points")))
				}
				if rapid.Bool().Draw(rt, "with a code") {
					r.Sale.Codes = []sale.CodeUse{{Campaign: 7, Key: rapid.SampledFrom(keys).Draw(rt, "code")}}
				}
				r.Sale.Applied = []sale.Applied{{Promotion: 3, Times: 1, Discount: 10}}
				j.Add(r)
				sold = append(sold, r)
			}
		}
		out = append(out, j)
	}
	return out
}

// twins makes two databases the same: the same organisation with the same keys, secrets and codes.
func twins(t *testing.T, one, two *Store, tills int) (org sale.OrgNo, keys []sale.LookupKey) {
	t.Helper()
	ctx := context.Background()
	wipe(t, one)
	wipe(t, two)
	org, _ = seat(t, one, tills)
	_, err := one.write.ExecContext(ctx, `UPDATE orgs SET phone_kib = 8`) // phone keys are slow on purpose: not here
	require.NoError(t, err)
	for range 2 {
		codes, err := one.MakeCodes(ctx, org, 7, 1, nil, "test", alternate(len(keys)))
		require.NoError(t, err)
		o, err := one.Org(ctx, org)
		require.NoError(t, err)
		keys = append(keys, sale.CodeKey(o.CardSecret, codes[0]))
	}
	copyTables(t, one, two)
	return org, keys
}

// alternate is randomness enough for a code in a test.
type alternate int

func (a alternate) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(7*int(a) + 3)
	}
	return len(p), nil
}

// copyTables carries all rows of one SQLite database into another.
func copyTables(t *testing.T, from, to *Store) {
	t.Helper()
	ctx := context.Background()
	var path string
	require.NoError(t, from.view(ctx, func(tx *tx) error {
		return tx.row(ctx, `SELECT file FROM pragma_database_list WHERE name = 'main'`, nil, &path)
	}))
	_, err := to.write.ExecContext(ctx, `ATTACH DATABASE ? AS twin`, path)
	require.NoError(t, err)
	var names []string
	require.NoError(t, to.view(ctx, func(tx *tx) (err error) {
		names, err = tx.strings(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migrations'`)
		return err
	}))
	for _, n := range names {
		_, err := to.write.ExecContext(ctx, `INSERT INTO main.`+n+` SELECT * FROM twin.`+n)
		require.NoError(t, err, n)
	}
	_, err = to.write.ExecContext(ctx, `DETACH DATABASE twin`)
	require.NoError(t, err)
}

// However the tills' records come, customers, cards, codes, figures and conflicts end the same.
func TestOrderOfArrivalDoesNotChangeTheWholeProgramme(t *testing.T) {
	one, two := openIn(t, t.TempDir()), openIn(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		org, keys := twins(t, one, two, 3)
		js := wholeJournals(rt, org, 3, sealOf(t, one, org), keys)
		feedIn(rt, one, org, js, "one")
		feedIn(rt, two, org, js, "two")
		require.Equal(rt, standing(t, one)+whole(t, one), standing(t, two)+whole(t, two))
		invariants(rt, one)
	})
}
