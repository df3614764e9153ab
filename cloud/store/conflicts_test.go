package store

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// The till with the return may have a line before the one with the sale.
func TestMoreReturnedThanSoldIsFlaggedInAnyOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		once, twice := js[0].Plain(2), js[0].Plain(2)
		js[0].Add(once)
		js[0].Add(twice)
		js[1].Add(js[1].Returning(once, 1))
		js[1].Add(js[1].Returning(twice, 1))
		js[1].Add(js[1].Returning(twice, 1))
		handIn(t, s, js[1], js[0])
		inbox := conflicts(t, s, org, FlagOverReturn)
		require.Len(t, inbox, 1)
		require.Equal(t, twice.ID, inbox[0].Record)
		require.Equal(t, 3, count(t, s, `SELECT count(*) FROM returns`), "the returns stand")
	})
}

func TestPendingReturnWaitsForItsSale(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		ctx := t.Context()
		sold := js[0].Earning(7, 1, 50)
		js[0].Add(sold)
		back := js[1].Returning(sold, 1)
		qr := *sold.Fiscal
		back.Return.Of, back.Return.Pending, back.Return.QR, back.Return.By = sale.ID{}, true, &qr, 2
		js[1].Add(back)
		handIn(t, s, js[1])
		returns, _, err := s.PendingReturns(ctx, org, nil, 10)
		require.NoError(t, err)
		require.Empty(t, returns, "the sale is not here")
		require.Len(t, conflicts(t, s, org, FlagPending), 1)
		handIn(t, s, js[0])
		returns, sales, err := s.PendingReturns(ctx, org, nil, 10)
		require.NoError(t, err)
		require.Len(t, returns, 1)
		require.Equal(t, []sale.ID{back.ID, sold.ID}, []sale.ID{returns[0].ID, sales[0].ID})

		require.NoError(t, s.Post(ctx, org, &sale.Record{Kind: sale.KindSettle, ID: sale.DeriveID(back.ID, "settle", 0), Settle: &sale.Settle{Return: back.ID, Sale: sold.ID, Customer: 7}}))
		returns, _, err = s.PendingReturns(ctx, org, nil, 10)
		require.NoError(t, err)
		require.Empty(t, returns)
		require.Empty(t, conflicts(t, s, org, FlagPending), "closed by itself")
		of, err := s.ReturnsOf(ctx, org, sold.ID)
		require.NoError(t, err)
		require.Len(t, of, 1)
		record, bodies, err := s.FindReceipt(ctx, org, sold.Fiscal.Key, sale.ID{})
		require.NoError(t, err)
		require.Equal(t, js[0].Records[1].Bytes, record)
		require.Len(t, bodies, 1)
		byID, _, err := s.FindReceipt(ctx, org, sale.FiscalKey{}, sold.ID)
		require.NoError(t, err)
		require.Equal(t, record, byID)
		none, _, err := s.FindReceipt(ctx, org, sale.FiscalKey{}, sale.ID{})
		require.NoError(t, err)
		require.Nil(t, none)
		other, _, err := s.FindReceipt(ctx, org, sale.FiscalKey{FN: "1", FD: 1}, sold.ID)
		require.NoError(t, err)
		require.Nil(t, other, "both must fit")
	})
}

func TestWhatTheStorageGaveBackMakesWayForTheSaleItself(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for _, order := range []string{"sale first", "found first", "together"} {
			org, js := seat(t, s, 2)
			sold := js[0].Earning(7, 3, 90)
			js[0].Add(sold)
			js[1].Add(js[1].Found(*sold.Fiscal))
			js[1].Add(js[1].Plain(1))
			switch order {
			case "sale first":
				handIn(t, s, js[0], js[1])
			case "found first":
				handIn(t, s, js[1])
				require.Equal(t, 2, count(t, s, `SELECT count(*) FROM sales WHERE org = ?`, int64(org)), "until the sale comes the sum alone is known")
				none, _, err := s.FindReceipt(t.Context(), org, sold.Fiscal.Key, sale.ID{})
				require.NoError(t, err)
				require.Nil(t, none, "no goods to return from it")
				handIn(t, s, js[0])
			case "together": // one till's own journal: read back, then the record from the old disk
				js[0] = storetest.New(org, 1, 1, sale.At(testNow))
				again := js[0].Earning(7, 3, 90)
				js[0].Add(js[0].Found(*again.Fiscal))
				js[0].Add(again)
				handIn(t, s, js[0])
			}
			require.Equal(t, 90, count(t, s, `SELECT balance FROM accounts WHERE org = ? AND kind = 1 AND no = 7`, int64(org)), order)
			require.Equal(t, 1, count(t, s, `SELECT count(*) FROM records WHERE org = ? AND state = 3`, int64(org)), order)
			require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales WHERE org = ? AND customer = 7`, int64(org)), order)
			require.Zero(t, count(t, s, `SELECT count(*) FROM sales WHERE org = ? AND recovered = 1`, int64(org)), order)
			require.Len(t, conflicts(t, s, org, FlagDuplicate), 1, order)
			require.Equal(t, count(t, s, `SELECT count(*) FROM sales WHERE org = ?`, int64(org)),
				count(t, s, `SELECT sum(receipts) FROM standings WHERE org = ?`, int64(org)), order)
		}
	})
}

// expire takes a lot off the books as head office's daily work does.
func expire(t testing.TB, s *Store, org sale.OrgNo, lot sale.Lot, amount sale.Points) {
	t.Helper()
	require.NoError(t, s.Post(t.Context(), org, &sale.Record{Kind: sale.KindExpire, ID: sale.DeriveID(lot.ID, "expire", 0), Postings: []sale.Posting{
		{Account: lot.Account, Lot: lot.ID, Amount: -amount}, {Account: sale.ExpiredAccount(), Amount: amount},
	}}))
}

// A till without a line sold in time what expired here meanwhile: the customer owes nothing.
func TestPointsSpentInTimeAreGivenBackAfterTheirExpiry(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		earned := js[0].Earning(7, 1, 500)
		js[0].Add(earned)
		handIn(t, s, js[0])
		lease := earned.Leases[0]
		require.NoError(t, s.TakeBack(t.Context(), org, lease.ID)) // the till did not come back
		expire(t, s, org, earned.Lots[0], 500)
		js[0].Add(js[0].Redeeming(lease, 200))
		handIn(t, s, js[0])
		require.Zero(t, count(t, s, `SELECT remaining FROM lots`))
		require.Zero(t, count(t, s, `SELECT balance FROM accounts WHERE kind = 1 AND no = 7`))
		late := conflicts(t, s, org, FlagLate)
		require.Len(t, late, 2, "the lease was retired, and the points had expired")
		policies := []string{late[0].Policy, late[1].Policy}
		require.ElementsMatch(t, []string{page.PolicyStands, page.PolicyReopened}, policies)
		handIn(t, s, js[0])
		require.Zero(t, count(t, s, `SELECT remaining FROM lots`), "once")
		require.Zero(t, count(t, s, `SELECT sum(amount) FROM postings`))
	})
}

func TestSpendingAfterTheTermIsFlaggedAndStands(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		earned := js[0].Earning(7, 1, 500)
		earned.Lots[0].ExpiresAt = js[0].At + 5
		js[0].Add(earned)
		handIn(t, s, js[0])
		intime := js[0].Redeeming(earned.Leases[0], 100)
		js[0].Add(intime)
		js[0].At += 100
		late := js[0].Redeeming(earned.Leases[0], 100)
		js[0].Add(late)
		handIn(t, s, js[0])
		inbox := conflicts(t, s, org, FlagLate)
		require.Len(t, inbox, 1)
		require.Equal(t, late.ID, inbox[0].Record)
		require.EqualValues(t, 7, inbox[0].Customer)
		require.Equal(t, 300, count(t, s, `SELECT remaining FROM lots`))
	})
}

func TestADebtIsForgivenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		sold := js[0].Earning(7, 1, 300)
		js[0].Add(sold)
		js[0].Add(js[0].Owing(sold, 200))
		js[0].Add(js[0].Owing(sold, 100))
		handIn(t, s, js[0])
		inbox := conflicts(t, s, org, FlagDebt)
		require.Len(t, inbox, 2)
		debts, err := s.Debts(t.Context(), org, 7)
		require.NoError(t, err)
		require.Equal(t, map[sale.Account]sale.Points{sale.DebtAccount(7): 300}, debts)
		for _, c := range inbox {
			require.NoError(t, s.ResolveConflict(t.Context(), org, c.ID, page.ActionForgive, "boss", "our mistake"))
		}
		require.Zero(t, count(t, s, `SELECT balance FROM accounts WHERE kind = 4`), "what is paid is not paid twice")
		require.Zero(t, count(t, s, `SELECT sum(amount) FROM postings`))
		counted, err := s.ConflictCounts(t.Context(), org)
		require.NoError(t, err)
		require.Zero(t, counted[string(FlagDebt)])
		done, err := s.Conflicts(t.Context(), org, page.ConflictFilter{Resolved: true, Customer: 7}, page.FlagKey{}, 10)
		require.NoError(t, err)
		require.Equal(t, page.ActionForgive, done[0].Action)
		require.Empty(t, done[0].Actions)
	})
}

func TestErasingForgetsThePersonAndKeepsTheNumbers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		ctx := t.Context()
		js[1].At += 10
		no := enrol(t, s, js[0], sale.Person{Name: "Петрова Анна", Phone: "+79161234567", Card: "291", Friend: "OLGA"})
		twin := enrol(t, s, js[1], sale.Person{Name: "Аня", Phone: "+79161234567"})
		sold := js[0].Earning(no, 1, 300)
		js[0].AddSealed(sold, []byte("sealed contact"))
		handIn(t, s, js...)
		require.NoError(t, s.SetBirthday(ctx, org, no, "02-29", "boss"))
		require.Equal(t, 3, count(t, s, `SELECT count(*) FROM sealed`))
		_, version := readAll(t, s, org, 2, 0, 0, 500)
		require.NoError(t, s.EraseCustomer(ctx, org, twin, "boss"))
		require.ErrorIs(t, s.EraseCustomer(ctx, org, no, "boss"), ErrState, "once")
		for _, q := range []string{
			`SELECT count(*) FROM sealed`, `SELECT count(*) FROM customer_keys`, `SELECT count(*) FROM customer_cards`,
			`SELECT count(*) FROM customers WHERE state <> 4 AND (name <> '' OR phone <> '' OR short <> '' OR search <> '' OR birthday <> '' OR friend <> '')`,
		} {
			require.Zero(t, count(t, s, q), q)
		}
		gone, _ := readAll(t, s, org, 2, version, 0, 500)
		require.Len(t, gone, 1)
		require.True(t, gone[0].Gone)
		require.Equal(t, 300, count(t, s, `SELECT balance FROM accounts WHERE kind = 1`))
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales`))
		_, err := s.FindPerson(ctx, org, "+79161234567")
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorIs(t, s.SetCustomerState(ctx, org, no, sale.CustomerActive, "boss"), ErrState)
		js[0].Add(js[0].Earning(no, 1, 100))
		handIn(t, s, js[0])
		require.Nil(t, customerOf(t, s, org, no), "a receipt that comes late brings nobody back")
	})
}

func TestUnblockingBringsBackWhatWas(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		ctx := t.Context()
		no := enrol(t, s, js[0], sale.Person{Name: "Петрова Анна", Phone: "+79161234567"})
		handIn(t, s, js[0])
		for _, was := range []sale.CustomerState{sale.CustomerActive, sale.CustomerTest, sale.CustomerActive} {
			if was == sale.CustomerTest {
				require.NoError(t, s.SetCustomerState(ctx, org, no, was, "owner"))
			}
			for _, to := range []sale.CustomerState{sale.CustomerBlocked, sale.CustomerActive} {
				require.NoError(t, s.SetCustomerState(ctx, org, no, to, "manager"))
			}
			require.Equal(t, int(was), count(t, s, `SELECT state FROM customers WHERE no = ?`, int64(no)))
			require.NoError(t, s.SetCustomerState(ctx, org, no, sale.CustomerActive, "owner"), "no block: made active")
		}
	})
}

func TestHouseAndTrainingAreInNoFigures(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		ctx := t.Context()
		changes, _ := readAll(t, s, org, 1, 0, 0, 500)
		var settings sale.Settings
		for _, c := range changes {
			if c.Kind == sale.ChangeSettings {
				require.NoError(t, sale.Decode(c.Body, &settings))
			}
		}
		require.True(t, settings.House.House())
		house, training, real := js[0].Plain(1), js[0].Earning(7, 1, 100), js[0].Earning(8, 1, 100)
		house.Sale.Customer = settings.House
		training.Sale.Training = true
		real.Sale.Applied = []sale.Applied{{Promotion: 5, Times: 2, Discount: 300}}
		real.Sale.Reward = 40
		real.Postings = append(real.Postings, sale.Posting{Account: sale.EmployeeAccount(1), Amount: 40}, sale.Posting{Account: sale.ProgrammeAccount(), Amount: -40})
		for _, r := range []*sale.Record{house, training, real} {
			js[0].Add(r)
		}
		js[0].Add(js[0].Returning(training, 1))
		handIn(t, s, js[0])
		stores, _, err := s.Day(ctx, org, 1, 0, math.MaxInt64)
		require.NoError(t, err)
		require.Equal(t, 2, stores[0].Sales)
		require.Equal(t, 1, stores[0].WithCustomer)
		require.Zero(t, stores[0].Returns, "of a test customer")
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM bought`))
		costs, err := s.PromotionCosts(ctx, org, 0, math.MaxInt64)
		require.NoError(t, err)
		require.Equal(t, []page.PromotionCost{{Promotion: 5, Receipts: 1, Times: 2, Discount: 300}}, costs)
		_, err = s.PutPerson(ctx, org, Person{No: 8, Name: "Б", Cards: []string{"1"}})
		require.NoError(t, err)
		x := customerOf(t, s, org, 8)
		require.Equal(t, []sale.PromoUse{{Promotion: 5, Times: 2}}, x.Customer.Uses)
		require.EqualValues(t, 1, x.Customer.Bought)
		balance, err := s.EmployeeBalance(ctx, org, 1)
		require.NoError(t, err)
		require.Equal(t, sale.Points(40), balance)
		require.Nil(t, customerOf(t, s, org, settings.House))
		_, err = s.PutPerson(ctx, org, Person{No: settings.House, Name: "x"})
		require.ErrorIs(t, err, ErrState)
	})
}

// Hand-made records of a till that has been tampered with: stored, parked or flagged, never booked as they are.
func TestHostileRecordsAreParked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		j, seal := js[0], sealOf(t, s, js[0].Org)
		many := func(n int) (out []sale.CodeUse) { return make([]sale.CodeUse, n) }
		crowd, blob := j.Enrolling(seal, sale.Person{Name: "А"})
		crowd.Enrol.Consents = make([]sale.Consent, enrolConsentsMax+1)
		j.AddSealed(crowd, blob)
		codes := j.Plain(1)
		codes.Sale.Codes = many(wholeMax + 1)
		watched := j.Plain(1)
		watched.Sale.Watched = make([]sale.Watched, wholeMax+1)
		nowhere := j.Returning(j.Plain(1), 1)
		nowhere.Return.Of, nowhere.Return.Pending = sale.ID{}, true
		merge := &sale.Record{Kind: sale.KindMerge, Merge: &sale.Merge{Into: 1, From: 2}}
		issue := &sale.Record{Kind: sale.KindIssue, Issue: &sale.Issue{Certificate: 5, Amount: 1e6}}
		reward := &sale.Record{Kind: sale.KindReward, Reward: &sale.Reward{Customer: 1, Amount: 1e6, Cause: "welcome", Key: "x"}}
		for _, r := range []*sale.Record{codes, watched, nowhere, merge, issue, reward} {
			j.Add(r)
		}
		named, blob := j.Enrolling(seal, sale.Person{Name: "zero\x00byte", Card: "1\x002", Friend: "\x00"})
		j.AddSealed(named, blob)
		phone, blob := j.Enrolling(seal, sale.Person{Name: "Б", Phone: "8 916"})
		j.AddSealed(phone, blob)
		watch := &sale.Record{Kind: sale.KindLookup, Lookup: &sale.Watched{Rule: "lookups\x00", Amount: math.MinInt64}}
		j.Add(watch)
		handIn(t, s, j)
		require.Equal(t, 7, count(t, s, `SELECT count(*) FROM parked`))
		require.Len(t, conflicts(t, s, org, FlagEnrolment), 1)
		require.Len(t, conflicts(t, s, org, FlagWatch), 1)
		require.Zero(t, count(t, s, `SELECT count(*) FROM accounts`))
		require.Zero(t, count(t, s, `SELECT count(*) FROM customers WHERE merged_into <> 0 OR bearer = 1`))
		invariants(t, s)
	})
}

// One record that cannot be booked used to take all of a till's quarantine with it.
func TestReleaseBooksAllButTheOneRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		ctx := t.Context()
		require.NoError(t, s.RevokeTill(ctx, org, 1, "boss"))
		no := enrol(t, s, js[0], sale.Person{Name: "Анна", Phone: "+79161234567"})
		bad := js[0].Add(js[0].Plain(1))
		js[0].Add(js[0].Earning(no, 1, 100))
		handIn(t, s, js[0])
		require.NoError(t, s.change(ctx, func(tx *tx) error {
			_, err := tx.exec(ctx, `INSERT INTO sale_lines (org, sale, line, sku, name, qty, price, gross, discount, redeemed, net, earned, vat)
				VALUES (?, ?, 0, '', '', 0, 0, 0, 0, 0, 0, 0, 0)`, int64(org), bad.Record.ID[:])
			return err
		}))
		booked, err := s.Release(ctx, org, 1, "boss")
		require.NoError(t, err)
		require.Equal(t, 3, booked)
		require.Equal(t, 100, count(t, s, `SELECT balance FROM accounts WHERE kind = 1`))
		p, err := s.Person(ctx, org, no)
		require.NoError(t, err)
		require.Equal(t, "+79161234567", p.Phone, "opened from what lay sealed meanwhile")
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM records WHERE state IN (1, 2)`))
		again, err := s.Release(ctx, org, 1, "boss")
		require.NoError(t, err)
		require.Zero(t, again)
	})
}

func TestStandingIsToldOnceAMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		now := testNow
		s.now = func() time.Time { return now }
		standings := func(after uint64) (out []sale.Standing, to uint64) {
			changes, to := readAll(t, s, org, 1, after, 0, 500)
			for _, c := range changes {
				if c.Kind == sale.ChangeStanding {
					var x sale.Standing
					require.NoError(t, sale.Decode(c.Body, &x))
					out = append(out, x)
				}
			}
			return out, to
		}
		js[0].Add(js[0].Earning(7, 1, 100))
		handIn(t, s, js[0])
		first, to := standings(0)
		require.Equal(t, []sale.Standing{{Store: 1, Day: 20261121, Rows: []sale.StandingRow{{Staff: 1, Receipts: 1, WithCustomer: 1}}}}, first)
		js[0].Add(js[0].Plain(1))
		enrol(t, s, js[0], sale.Person{Name: "А"})
		handIn(t, s, js[0])
		none, _ := standings(to)
		require.Empty(t, none, "within a minute")
		require.NoError(t, s.SweepStandings(t.Context(), org))
		none, _ = standings(to)
		require.Empty(t, none)
		now = now.Add(standingEvery)
		require.NoError(t, s.SweepStandings(t.Context(), org))
		second, to := standings(to)
		require.Equal(t, []sale.StandingRow{{Staff: 1, Receipts: 2, WithCustomer: 1, Enrolled: 1}}, second[0].Rows)
		require.NoError(t, s.SweepStandings(t.Context(), org))
		none, _ = standings(to)
		require.Empty(t, none, "nothing new")
	})
}

func TestPursesAreKeptApart(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		_, err := s.PutPerson(t.Context(), org, Person{No: 7, Name: "А", Cards: []string{"1"}})
		require.NoError(t, err)
		r := js[0].Earning(7, 1, 100)
		stamps := sale.CustomerAccount(7).In(3)
		lot := sale.Lot{ID: sale.DeriveID(r.ID, "lot", 3), Account: stamps, Source: r.ID}
		r.Lots = append(r.Lots, lot)
		r.Sale.Lines[0].Extra = []sale.PurseAmount{{Purse: 3, Amount: 200}}
		r.Postings = append(r.Postings, sale.Posting{Account: sale.ProgrammeAccount().In(3), Amount: -200}, sale.Posting{Account: stamps, Lot: lot.ID, Amount: 200})
		js[0].Add(r)
		back := js[0].Returning(r, 1)
		back.Return.Lines[0].Extra = []sale.PurseAmount{{Purse: 3, Amount: 50}}
		back.Postings = []sale.Posting{{Account: sale.ProgrammeAccount().In(3), Amount: 50}, {Account: sale.DebtAccount(7).In(3), Amount: -50}}
		js[0].Add(back)
		handIn(t, s, js[0])
		x := customerOf(t, s, org, 7).Customer
		require.Equal(t, sale.Points(100), x.Balance)
		require.Zero(t, x.Debt)
		require.Equal(t, []sale.PurseAmount{{Purse: 3, Amount: 150}}, x.Purses, "less what is owed")
		require.Equal(t, sale.Expiring{Amount: 100, At: r.Lots[0].ExpiresAt}, x.Expiring)
		rows, err := s.CustomerRows(t.Context(), org, page.CustomerFilter{}, 0, 5)
		require.NoError(t, err)
		require.Equal(t, sale.Points(100), rows[0].Balance, "points are points, whatever lies in other purses")
		require.Zero(t, rows[0].Debt)
		_, lots, free, _, err := s.Standing(t.Context(), org, 7)
		require.NoError(t, err)
		require.Len(t, lots, 2)
		require.Equal(t, []sale.LotAmount{{Lot: lot.ID, Amount: 200}}, free, "the points are on lease, the stamps nobody's")
		debts, err := s.Debts(t.Context(), org, 7)
		require.NoError(t, err)
		require.Equal(t, map[sale.Account]sale.Points{sale.DebtAccount(7).In(3): 50}, debts)
	})
}
