package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestTillCannotTakeTheIDOfAGift(t *testing.T) {
	ctx := t.Context()
	c := newCircle(t, ctx, openIn(t, t.TempDir()), 2, func(p *loyalty.Programme) {
		p.Grants.Birthday = loyalty.Birthday{Points: 300 * sale.Point, Before: 3, After: 3}
	})
	one, two := c.tills[0], c.tills[1]
	anna := c.enrol(one, "+79160000001", "")
	c.handIn(t, one)
	require.NoError(t, c.SetBirthday(ctx, c.org, anna, "11-21", "boss"))
	id := sale.DeriveID(sale.ID{}, fmt.Sprintf("birthday/2026/%d", anna), 0)
	two.Add(&sale.Record{Kind: sale.KindLookup, ID: id, Lookup: &sale.Watched{Rule: "x"}})
	minting := two.Earning(anna, 1, 1)
	lot := sale.DeriveID(id, "lot", 0)
	minting.ID, minting.Lots[0].ID, minting.Lots[0].Source, minting.Postings[1].Lot, minting.Leases = id, lot, id, lot, nil
	two.Add(minting)
	c.handIn(t, two)
	require.NoError(t, c.work(ctx))
	require.Equal(t, 300*sale.Point, c.sound(t, ctx)[anna])
	require.Len(t, conflicts(t, c.Store, c.org, FlagUnprojected), 1)
}

func TestDocumentNamedAheadByAnotherTill(t *testing.T) {
	s := openIn(t, t.TempDir())
	org, js := seat(t, s, 2)
	e := js[0].Earning(7, 1, 500)
	fake := js[1].Plain(1)
	fake.Fiscal.Key = e.Fiscal.Key
	js[1].Add(fake)
	handIn(t, s, js[1])
	js[0].Add(e)
	handIn(t, s, js[0])
	require.Equal(t, 1, count(t, s, `SELECT count(*) FROM sales WHERE org = ? AND customer = 7`, int64(org)), "the honest till's sale is booked")
	require.Len(t, conflicts(t, s, org, FlagDuplicate), 1)
	js[1].Add(js[1].Found(*e.Fiscal))
	handIn(t, s, js[1])
	require.Equal(t, 2, count(t, s, `SELECT count(*) FROM sales`), "what is read back from a storage is nobody's second sale")
}

func TestErasedStaysErased(t *testing.T) {
	ctx := t.Context()
	s := openIn(t, t.TempDir())
	org, js := seat(t, s, 1)
	j := js[0]
	r, blob := j.Enrolling(sealOf(t, s, org), sale.Person{Name: "А", Phone: "+79160000001"})
	j.AddSealed(r, blob)
	again := *r
	again.ID = sale.ID{}
	j.AddSealed(&again, blob) // the same number: parked
	handIn(t, s, j)
	no := r.Enrol.Customer
	p, err := s.Person(ctx, org, no)
	require.NoError(t, err)
	require.Equal(t, 2, count(t, s, `SELECT count(*) FROM sealed`))
	require.NoError(t, s.EraseCustomer(ctx, org, no, "boss"))
	require.Zero(t, count(t, s, `SELECT count(*) FROM sealed`), "what was parked as well")

	late := j.Plain(1)
	late.Sale.Customer = no
	j.AddSealed(late, []byte("a contact"))
	handIn(t, s, j)
	require.Zero(t, count(t, s, `SELECT count(*) FROM sealed`), "what comes late")

	_, err = s.PutPerson(ctx, org, p)
	require.ErrorIs(t, err, ErrState)
	_, err = s.PutPageCustomer(ctx, org, page.CustomerForm{No: no, Name: "А", Phone: "+79160000001"}, "boss")
	require.ErrorIs(t, err, ErrState, "a form that was open")
}

func TestFormLeavesTierAndState(t *testing.T) {
	ctx := t.Context()
	c := newCircle(t, ctx, openIn(t, t.TempDir()), 1, circleRules)
	anna := c.enrol(c.tills[0], "+79160000001", "")
	c.handIn(t, c.tills[0])
	require.NoError(t, c.work(ctx))
	p, err := c.Person(ctx, c.org, anna)
	require.NoError(t, err)
	require.NoError(t, c.office.SetTier(ctx, c.org, anna, 2, 0, "vip", "boss"))
	require.NoError(t, c.SetCustomerState(ctx, c.org, anna, sale.CustomerBlocked, "boss"))
	_, err = c.PutPerson(ctx, c.org, p)
	require.NoError(t, err)
	_, err = c.PutPageCustomer(ctx, c.org, page.CustomerForm{No: anna, Name: "Петрова Анна", Phone: "+79160000001", State: sale.CustomerActive}, "boss")
	require.NoError(t, err)
	p, err = c.Person(ctx, c.org, anna)
	require.NoError(t, err)
	require.Equal(t, Person{No: anna, Name: "Петрова Анна", Short: "Анна П.", Phone: "+79160000001", Tier: 2, Home: p.Home, State: sale.CustomerBlocked}, p)
}

// Every index begins with the organisation, of which there is one: without figures SQLite takes any of them.
func TestSQLiteCountsWhatItsIndicesHold(t *testing.T) {
	ctx := t.Context()
	s := openIn(t, t.TempDir())
	org, js := seat(t, s, 1)
	sold := js[0].Plain(1)
	js[0].Add(sold)
	for range 300 {
		js[0].Add(js[0].Returning(sold, 1))
		js[0].Add(js[0].Plain(1))
	}
	handIn(t, s, js[0])
	require.Zero(t, count(t, s, `SELECT count(*) FROM sqlite_stat1 WHERE idx = 'returns_of'`))
	s.tuned.Store(0) // an hour has passed
	require.NoError(t, s.SweepStandings(ctx, org))
	require.NotZero(t, count(t, s, `SELECT count(*) FROM sqlite_stat1 WHERE idx = 'returns_of'`))
}
