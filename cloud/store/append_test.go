package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// seat makes an organisation with one store and so many enrolled tills.
func seat(t testing.TB, s *Store, tills int) (sale.OrgNo, []*storetest.Journal) {
	t.Helper()
	ctx := context.Background()
	org, err := s.CreateOrg(ctx, "Test", rand.Reader)
	require.NoError(t, err)
	require.NoError(t, s.PutShop(ctx, org, Shop{No: 1, Name: "Магазин 1", Zone: "Europe/Moscow"}))
	var out []*storetest.Journal
	for range tills {
		answer, _ := enrolOne(t, s, org, 0)
		out = append(out, storetest.New(org, 1, answer.Till, sale.At(testNow)))
	}
	return org, out
}

func enrolOne(t testing.TB, s *Store, org sale.OrgNo, till sale.TillNo) (*wire.EnrolAnswer, *wire.EnrolRequest) {
	t.Helper()
	code, err := s.NewCode(context.Background(), org, 1, till, "test", rand.Reader)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	req := &wire.EnrolRequest{Secret: code.Secret, Key: public, Proof: ed25519.Sign(private, wire.ProofBytes(code.Secret)), Name: "till", Program: "test"}
	answer, err := s.Enrol(context.Background(), req)
	require.NoError(t, err)
	return answer, req
}

func count(t testing.TB, s *Store, query string, args ...any) int {
	t.Helper()
	var n int64
	require.NoError(t, s.view(context.Background(), func(tx *tx) (err error) {
		n, err = tx.int(context.Background(), query, args...)
		return err
	}))
	return int(n)
}

func byeCode(t testing.TB, err error) wire.ByeCode {
	t.Helper()
	var b *wire.Bye
	require.ErrorAs(t, err, &b)
	return b.Code
}

func TestAppendBooksASaleWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j := js[0]
		j.Add(j.Earning(7, 8, 240))
		have, err := s.Append(t.Context(), org, 1, 0, j.Records)
		require.NoError(t, err)
		require.Equal(t, j.Position, have)
		at, err := s.Position(t.Context(), org, 1)
		require.NoError(t, err)
		require.Equal(t, have, at)

		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales`))
		require.Equal(t, 8, count(t, s, `SELECT count(*) FROM sale_lines`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM fiscal_docs`))
		require.Equal(t, 240, count(t, s, `SELECT balance FROM accounts WHERE kind = 1 AND no = 7`))
		require.Equal(t, 240, count(t, s, `SELECT leased FROM lots`))
		require.Zero(t, count(t, s, `SELECT sum(amount) FROM postings`))
		require.Zero(t, count(t, s, `SELECT count(*) FROM flags`))

		again, err := s.Append(t.Context(), org, 1, 0, j.Records)
		require.NoError(t, err, "a record that is here already is an ack")
		require.Equal(t, have, again)
		require.Equal(t, 240, count(t, s, `SELECT balance FROM accounts WHERE kind = 1 AND no = 7`))
	})
}

func TestAppendFences(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j := js[0]
		for range 4 {
			j.Add(j.Plain(1))
		}
		ctx := t.Context()
		_, err := s.Append(ctx, org, 9, 0, j.Records)
		require.Equal(t, wire.ByeUnknown, byeCode(t, err))
		_, err = s.Append(ctx, org, 1, 0, j.Records[1:])
		require.Equal(t, wire.ByeOrder, byeCode(t, err), "a gap at the beginning")
		_, err = s.Append(ctx, org, 1, 0, j.Records[:3])
		require.NoError(t, err)
		_, err = s.Append(ctx, org, 1, 0, j.Records[4:])
		require.Equal(t, wire.ByeOrder, byeCode(t, err), "a gap")
		have, err := s.Append(ctx, org, 1, 0, j.Records[1:])
		require.NoError(t, err, "an overlap is passed over")
		require.Equal(t, j.Position, have)

		twin := storetest.New(org, 1, 1, sale.At(testNow)+5)
		twin.Add(twin.Plain(2))
		_, err = s.Append(ctx, org, 1, 0, twin.Records)
		require.Equal(t, wire.ByeFork, byeCode(t, err), "the same place, another record")
		for range 4 {
			twin.Add(twin.Plain(1))
		}
		_, err = s.Append(ctx, org, 1, 0, twin.Records[5:])
		require.Equal(t, wire.ByeFork, byeCode(t, err), "the next place, after another record")
		require.Equal(t, 4, count(t, s, `SELECT count(*) FROM sales`))
	})
}

func TestRestoredTillKeepsBothHistories(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j, ctx := js[0], t.Context()
		j.Add(j.Earning(7, 1, 100))
		image := j.Copy()
		j.Add(j.Earning(7, 1, 100))
		_, err := s.Append(ctx, org, 1, 0, j.Records)
		require.NoError(t, err)

		// The restored till sold before it met head office, and read the lost sale back from the storage.
		lost := j.Records[2]
		tail := image.Add(image.Plain(1))
		_, err = s.Append(ctx, org, 1, 0, []wire.Sealed{tail})
		require.Equal(t, wire.ByeFork, byeCode(t, err))
		opened := image.OpenEpoch(2, "restored")
		got, err := s.Append(ctx, org, 1, 2, []wire.Sealed{image.Records[1], tail})
		require.NoError(t, err, "the tail comes before the epoch opened for it, and from further back")
		require.Equal(t, tail.Hash, got.Head)
		have, err := s.Append(ctx, org, 1, 0, []wire.Sealed{opened})
		require.NoError(t, err)
		require.Equal(t, uint32(2), have.Epoch)
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'fork'`))
		// The emulated register gave both sales the same document number: only one is booked.
		require.Equal(t, lost.Record.Fiscal.Key, tail.Record.Fiscal.Key)
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'duplicate'`))
		require.Equal(t, 2, count(t, s, `SELECT count(*) FROM sales`))

		_, err = s.Append(ctx, org, 1, 2, []wire.Sealed{tail})
		require.NoError(t, err, "the same tail again is an ack")
		now, err := s.Position(ctx, org, 1)
		require.NoError(t, err)
		require.Equal(t, have, now, "a fork's tail does not move the journal")
	})
}

func TestASpendThatComesAfterTheReleaseLowersTheLotAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j, ctx := js[0], t.Context()
		earned := j.Earning(7, 1, 100)
		j.Add(earned)
		image := j.Copy()
		j.Add(j.Releasing(earned.Leases[0].ID))
		_, err := s.Append(ctx, org, 1, 0, j.Records)
		require.NoError(t, err)
		late := image.Redeeming(earned.Leases[0], 30)
		late.Fiscal.Key.FD += 100
		tail := image.Add(late)
		_, err = s.Append(ctx, org, 1, 2, []wire.Sealed{tail})
		require.NoError(t, err)
		require.Equal(t, 70, count(t, s, `SELECT remaining FROM lots`))
		require.Zero(t, count(t, s, `SELECT leased FROM lots`))
		invariants(t, s)
	})
}

// A stolen till must not free what another holds: both would spend it then.
func TestATillHandsBackItsOwnLeasesOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		earned := js[0].Earning(7, 1, 100)
		js[0].Add(earned)
		_, err := s.Append(t.Context(), org, 1, 0, js[0].Records)
		require.NoError(t, err)
		js[1].Add(js[1].Releasing(earned.Leases[0].ID))
		_, err = s.Append(t.Context(), org, 2, 0, js[1].Records)
		require.NoError(t, err)
		booked, err := s.Release(t.Context(), org, 2, "boss")
		require.NoError(t, err)
		require.Zero(t, booked)
		require.Equal(t, 100, count(t, s, `SELECT leased FROM lots`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM parked`))
		changes, _ := readAll(t, s, org, 1, 0, 0, 100)
		require.Equal(t, 1, kinds(changes)[sale.ChangeLease], "its holder goes on hearing of it")
		invariants(t, s)
	})
}

func TestWhatCannotBeBookedIsParked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j := js[0]
		minted := j.Earning(7, 1, 100)
		minted.Leases[0].Parts[0].Amount = 5000
		j.Add(minted)
		j.Add(&sale.Record{Kind: sale.KindAdjust, Adjust: &sale.Adjust{Customer: 7, Amount: 1}})
		named := j.Plain(1)
		named.Sale.Lines[0].Name = "zero\x00byte"
		j.Add(named)
		have, err := s.Append(t.Context(), org, 1, 0, j.Records)
		require.NoError(t, err, "stored and acknowledged all the same")
		require.Equal(t, j.Position, have)
		require.Equal(t, 4, count(t, s, `SELECT count(*) FROM records`))
		require.Equal(t, 2, count(t, s, `SELECT count(*) FROM parked`))
		require.Equal(t, 2, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'unprojected'`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales`))
		require.Zero(t, count(t, s, `SELECT count(*) FROM lots`), "no points out of thin air")
	})
}

func TestARecordThatTheDatabaseRefusesIsParkedAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j := js[0]
		good := j.Add(j.Earning(7, 1, 100))
		bad := j.Add(j.Earning(8, 1, 100))
		// A row that is in the way makes the database refuse the sale, though its record is new.
		require.NoError(t, s.change(t.Context(), func(tx *tx) error {
			_, err := tx.exec(t.Context(), `INSERT INTO sale_lines (org, sale, line, sku, name, qty, price, gross, discount, redeemed, net, earned, vat)
				VALUES (?, ?, 0, '', '', 0, 0, 0, 0, 0, 0, 0, 0)`, int64(org), bad.Record.ID[:])
			return err
		}))
		j.Add(j.Earning(9, 1, 100))
		have, err := s.Append(t.Context(), org, 1, 0, j.Records)
		require.NoError(t, err)
		require.Equal(t, j.Position, have)
		require.Equal(t, 2, count(t, s, `SELECT count(*) FROM sales`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM parked`))
		require.Equal(t, 100, count(t, s, `SELECT balance FROM accounts WHERE no = 7`))
		require.Zero(t, count(t, s, `SELECT balance FROM accounts WHERE no = 8`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales WHERE id = ?`, good.Record.ID[:]))
	})
}

func TestRevokedTillsRecordsWaitInQuarantine(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j := js[0]
		require.NoError(t, s.RevokeTill(t.Context(), org, 1, "boss"))
		j.Add(j.Earning(7, 2, 100))
		have, err := s.Append(t.Context(), org, 1, 0, j.Records)
		require.NoError(t, err)
		require.Equal(t, j.Position, have)
		require.Zero(t, count(t, s, `SELECT count(*) FROM sales`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'quarantine'`))

		n, err := s.Release(t.Context(), org, 1, "boss")
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales`))
		require.Equal(t, 100, count(t, s, `SELECT balance FROM accounts WHERE no = 7`))
		n, err = s.Release(t.Context(), org, 1, "boss")
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// TestAQuarantineIsToldEachTime: somebody dealt with what a revoked till handed in; what it hands in later is as new.
func TestAQuarantineIsToldEachTime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		require.NoError(t, s.RevokeTill(t.Context(), org, 1, "boss"))
		for round := range 3 {
			for range 2 { // two batches are one flag while it is open
				js[0].Add(js[0].Plain(1))
				handIn(t, s, js[0])
			}
			inbox := conflicts(t, s, org, FlagQuarantine)
			require.Len(t, inbox, 1, "round %d", round)
			require.NoError(t, s.ResolveFlag(t.Context(), org, inbox[0].ID[:], "boss", "проведено"))
		}
	})
}

// standing is every balance of the database as text, to compare ends.
func standing(t testing.TB, s *Store) string {
	t.Helper()
	var b strings.Builder
	ctx := context.Background()
	require.NoError(t, s.view(ctx, func(tx *tx) error {
		for _, q := range []string{
			`SELECT kind, no, balance, purse, 0, '' FROM accounts ORDER BY 1, 2, 4`,
			`SELECT no, remaining, leased, activates, expires, source FROM lots ORDER BY id`,
			`SELECT amount, spent, 0, 0, 0, lease FROM lease_parts ORDER BY lease, lot`,
			`SELECT CASE WHEN released > 0 THEN 1 ELSE 0 END, no, till, 0, 0, id FROM leases ORDER BY id`,
			`SELECT kind, no, amount, n, 0, record FROM postings ORDER BY record, n`,
		} {
			err := tx.each(ctx, q, nil, func(r *sql.Rows) error {
				var v [5]int64
				var id []byte
				err := r.Scan(&v[0], &v[1], &v[2], &v[3], &v[4], &id)
				fmt.Fprintf(&b, "%v %x\n", v, id)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return b.String()
}

// invariants are checked after every random history.
func invariants(t require.TestingT, s *Store) {
	ctx := context.Background()
	require.NoError(t, s.view(ctx, func(tx *tx) error {
		for query, what := range map[string]string{
			`SELECT sum(amount) FROM postings`:                                                  "postings add up to zero",
			`SELECT count(*) FROM lots WHERE remaining < 0 OR leased < 0 OR leased > remaining`: "no lot holds less than is on lease",
			`SELECT count(*) FROM flags WHERE kind = 'overspent'`:                               "nothing was overspent",
			`SELECT count(*) FROM (SELECT a.balance FROM accounts a WHERE a.kind = 1 AND a.balance <> (SELECT sum(remaining) FROM lots l WHERE l.org = a.org AND l.no = a.no)) AS x`:                                                                           "balances are the sums of lots",
			`SELECT count(*) FROM (SELECT l.id FROM lots l WHERE l.leased <> (SELECT coalesce(sum(p.amount - p.spent), 0) FROM lease_parts p JOIN leases e ON e.org = p.org AND e.id = p.lease WHERE p.org = l.org AND p.lot = l.id AND e.released = 0)) AS x`: "leased is what open leases hold",
		} {
			n, err := tx.int(ctx, query)
			if err != nil {
				return err
			}
			require.Zero(t, n, what)
		}
		return nil
	}))
}

// randomJournals lets tills sell, redeem what they hold, take back and hand back.
func randomJournals(rt *rapid.T, org sale.OrgNo, tills int) []*storetest.Journal {
	var out []*storetest.Journal
	for till := range tills {
		j := storetest.New(org, 1, sale.TillNo(till+1), sale.At(testNow))
		held := map[sale.ID]sale.Lease{}
		left := map[sale.ID]sale.Points{}
		var sold []*sale.Record
		for range rapid.IntRange(1, 12).Draw(rt, "records") {
			var ids []sale.ID
			for id := range held {
				ids = append(ids, id)
			}
			sort.Slice(ids, func(a, b int) bool { return bytes.Compare(ids[a][:], ids[b][:]) < 0 })
			what := rapid.IntRange(0, 5).Draw(rt, "what")
			switch {
			case what == 1 && len(ids) > 0:
				l := held[rapid.SampledFrom(ids).Draw(rt, "lease")]
				if n := sale.Points(rapid.Int64Range(0, int64(left[l.ID])).Draw(rt, "spend")); n > 0 {
					r := j.Redeeming(l, n)
					left[l.ID] -= r.Sale.Redeemed
					j.Add(r)
				}
			case what == 2 && len(ids) > 0:
				id := rapid.SampledFrom(ids).Draw(rt, "back")
				delete(held, id)
				j.Add(j.Releasing(id))
			case what == 3 && len(sold) > 0:
				j.Add(j.Owing(rapid.SampledFrom(sold).Draw(rt, "of"), 50))
			case what == 4:
				j.Add(j.Plain(1))
			default:
				r := j.Earning(sale.CustomerNo(rapid.Int64Range(1, 3).Draw(rt, "customer")), 1, sale.Points(rapid.Int64Range(1, 500).Draw(rt, "points")))
				j.Add(r)
				held[r.Leases[0].ID], left[r.Leases[0].ID] = r.Leases[0], r.Leases[0].Amount()
				sold = append(sold, r)
			}
		}
		out = append(out, j)
	}
	return out
}

// feedIn hands the journals in, batch by batch, in an order drawn at random, with repeats.
func feedIn(rt *rapid.T, s *Store, org sale.OrgNo, js []*storetest.Journal, label string) {
	at := make([]int, len(js))
	for {
		var open []int
		for i, j := range js {
			if at[i] < len(j.Records) {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			return
		}
		i := rapid.SampledFrom(open).Draw(rt, label+" till")
		n := rapid.IntRange(1, len(js[i].Records)-at[i]).Draw(rt, label+" records")
		from := max(0, at[i]-rapid.IntRange(0, 2).Draw(rt, label+" repeat"))
		at[i] += n
		_, err := s.Append(context.Background(), org, js[i].Till, 0, js[i].Records[from:at[i]])
		require.NoError(rt, err)
	}
}

func TestOrderOfArrivalDoesNotChangeTheEnd(t *testing.T) {
	one, two := openIn(t, t.TempDir()), openIn(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		for _, s := range []*Store{one, two} { // a new organisation each time, the last one's rows away
			wipe(t, s)
		}
		org, _ := seat(t, one, 3)
		org2, _ := seat(t, two, 3)
		require.Equal(rt, org, org2)
		js := randomJournals(rt, org, 3)
		feedIn(rt, one, org, js, "one")
		feedIn(rt, two, org, js, "two")
		require.Equal(rt, standing(t, one), standing(t, two))
		invariants(rt, one)
	})
}

func wipe(t testing.TB, s *Store) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.change(ctx, func(tx *tx) error {
		names, err := tx.strings(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migrations'`)
		for _, n := range names {
			if err == nil {
				_, err = tx.exec(ctx, `DELETE FROM `+n)
			}
		}
		return err
	}))
}

// A register has moved, and both tills read its storage back in the same instant: each document is booked once.
func TestDocumentOfTwoTillsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		const documents = 40
		org, js := seat(t, s, 2)
		js[1].FN = js[0].FN
		for range documents {
			for _, j := range js {
				r := j.Plain(1)
				r.Sale.Reasons = []sale.Reason{{Rule: recovered}}
				j.Add(r)
			}
		}
		for seq := range documents + 1 {
			var tills sync.WaitGroup
			for _, j := range js {
				tills.Go(func() {
					if _, err := s.Append(t.Context(), org, j.Till, 0, j.Records[seq:seq+1]); err != nil {
						t.Error(err)
					}
				})
			}
			tills.Wait()
		}
		require.Equal(t, documents, count(t, s, `SELECT count(*) FROM sales`))
		require.Equal(t, documents, count(t, s, `SELECT count(*) FROM flags WHERE kind = 'duplicate'`), "the other says so")
	})
}
