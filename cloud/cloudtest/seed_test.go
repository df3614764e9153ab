package cloudtest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud"
	"github.com/kopilka/kopilka/cloud/cloudtest"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

const wholeSeed = `{
 "stores": [{"no": 1, "name": "Лесная", "zone": "Europe/Moscow", "region": "Москва"}],
 "staff": [{"no": 1, "name": "Иванова", "role": "cashier", "pin": "1111"}],
 "products": [{"sku": "1", "name": "Водка", "price": 45990, "minPrice": 40900, "vat": 11, "subject": 2, "tags": ["крепкое"], "floors": [{"from": "2027-01-01", "price": 43900}]}],
 "customers": [{"no": 5, "name": "Иванова Ольга", "cards": ["291"], "staff": 1, "segment": 2, "birthday": "02-29", "balance": "10"}],
 "codes": [{"campaign": 2, "count": 3}],
 "certificates": [{"batch": "1000", "count": 2, "worth": 100000, "days": 30}]
}`

// A seed may be read again, and after a failure half-way: nothing is made twice.
func TestSeedIsAppliedOnce(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	seed, err := cloud.ReadSeed(strings.NewReader(wholeSeed))
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, seed.Apply(ctx, h.Program, h.Org))
	require.Len(t, seed.Made().Codes[2], 3)
	require.Len(t, seed.Made().Certificates["1000"], 2)
	version, err := h.Store.Version(ctx, h.Org)
	require.NoError(t, err)
	require.NoError(t, seed.Apply(ctx, h.Program, h.Org))
	require.Empty(t, seed.Made().Certificates)
	again, err := h.Store.Version(ctx, h.Org)
	require.NoError(t, err)
	require.Equal(t, version, again, "no till hears of anything new")

	codes, err := h.Store.CampaignCodes(ctx, h.Org)
	require.NoError(t, err)
	require.Equal(t, 3, codes[0].Codes)
	batches, err := h.Store.CertificateBatches(ctx, h.Org)
	require.NoError(t, err)
	require.Equal(t, 2, batches[0].Count)
	require.Equal(t, sale.Points(200000), batches[0].Left)
	x, err := h.Store.CustomerExtra(ctx, h.Org, 5)
	require.NoError(t, err)
	require.Equal(t, sale.StaffNo(1), x.Customer.Staff)
	require.EqualValues(t, 2, x.Customer.Segment)
	require.Equal(t, "02-29", x.Birthday)
	require.Equal(t, sale.Points(1000), x.Customer.Balance)
	p, err := h.Store.ProductRow(ctx, h.Org, "1")
	require.NoError(t, err)
	require.Equal(t, sale.Money(43900), p.Floor(20270101))
	require.Equal(t, []string{"крепкое"}, p.Tags)
	shops, err := h.Store.Shops(ctx, h.Org)
	require.NoError(t, err)
	require.Equal(t, "Москва", shops[0].Region)
}

// The rules of a founding give way to the seed's; rules that somebody published stay.
func TestSeedsProgrammeFollowsTheFoundingOne(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{}) // which has published the default rules, as init does
	ctx := t.Context()
	rules := loyalty.Default()
	rules.Grants.Welcome = 100 * sale.Point
	seed := &cloud.Seed{Programme: rules}
	inForce := func() *loyalty.Programme {
		bodies, err := h.Store.Programmes(ctx, h.Org)
		require.NoError(t, err)
		p, err := loyalty.Decode(bodies[len(bodies)-1])
		require.NoError(t, err)
		return p
	}
	for range 2 { // the second time nothing is published
		require.NoError(t, seed.Apply(ctx, h.Program, h.Org))
		require.EqualValues(t, 2, inForce().Version)
		require.Equal(t, 100*sale.Point, inForce().Grants.Welcome)
	}

	own := loyalty.Default()
	own.Version = 0
	_, err := h.Office.Publish(ctx, h.Org, *own, "marketing", "")
	require.NoError(t, err)
	require.NoError(t, seed.Apply(ctx, h.Program, h.Org))
	require.EqualValues(t, 3, inForce().Version)
	require.Zero(t, inForce().Grants.Welcome)
}
