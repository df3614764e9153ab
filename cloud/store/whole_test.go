package store

import (
	"crypto/rand"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/store/storetest"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
)

// sealOf is the key to which an organisation's tills seal personal data.
func sealOf(t testing.TB, s *Store, org sale.OrgNo) [32]byte {
	t.Helper()
	o, err := s.Org(t.Context(), org)
	require.NoError(t, err)
	return o.Seal
}

// enrol adds an enrolment to a till's journal and answers the customer's number.
func enrol(t testing.TB, s *Store, j *storetest.Journal, p sale.Person) sale.CustomerNo {
	t.Helper()
	r, blob := j.Enrolling(sealOf(t, s, j.Org), p)
	j.AddSealed(r, blob)
	return r.Enrol.Customer
}

// handIn hands in all of the journals.
func handIn(t testing.TB, s *Store, js ...*storetest.Journal) {
	t.Helper()
	for _, j := range js {
		_, err := s.Append(t.Context(), j.Org, j.Till, 0, j.Records)
		require.NoError(t, err)
	}
}

// customerOf is a customer as the feed has it for a till that begins anew; nil when it has none.
func customerOf(t testing.TB, s *Store, org sale.OrgNo, no sale.CustomerNo) *sale.CustomerChange {
	t.Helper()
	changes, _ := readAll(t, s, org, 1, 0, 0, 500)
	for _, c := range changes {
		if c.Kind == sale.ChangeCustomer && !c.Gone && sale.CustomerNo(binary.BigEndian.Uint64(c.Key)) == no {
			x := new(sale.CustomerChange)
			require.NoError(t, sale.Decode(c.Body, x))
			return x
		}
	}
	return nil
}

func conflicts(t testing.TB, s *Store, org sale.OrgNo, kind FlagKind) []page.Conflict {
	t.Helper()
	out, err := s.Conflicts(t.Context(), org, page.ConflictFilter{Kind: string(kind)}, page.FlagKey{}, 100)
	require.NoError(t, err)
	return out
}

func TestEnrolmentMakesACustomer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		no := enrol(t, s, js[0], sale.Person{Name: "Петрова Анна", Phone: "+79161234567", Card: "2900000001"})
		handIn(t, s, js[0])
		p, err := s.Person(t.Context(), org, no)
		require.NoError(t, err)
		require.Equal(t, Person{No: no, Name: "Петрова Анна", Short: "Анна П.", Phone: "+79161234567", Cards: []string{"2900000001"}, Home: 1}, p)
		found, err := s.FindPerson(t.Context(), org, "+79161234567")
		require.NoError(t, err)
		require.Equal(t, no, found)
		x := customerOf(t, s, org, no)
		require.NotNil(t, x)
		require.Len(t, x.Keys, 2)
		require.NotZero(t, x.Customer.Enrolled)
		extra, err := s.CustomerExtra(t.Context(), org, no)
		require.NoError(t, err)
		require.Len(t, extra.Consents, 2)
		require.True(t, extra.Consents[0].Given)
		require.EqualValues(t, 3, extra.Consents[0].Version)
		require.False(t, extra.Consents[1].Given)
		require.Equal(t, js[0].Till, extra.ByTill)
		require.Empty(t, conflicts(t, s, org, ""))
	})
}

// A till's word is not enough to find somebody by: what is sealed must be what the record commits to.
func TestEnrolmentThatDoesNotFitStaysUnnamed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		seal := sealOf(t, s, org)
		victim := enrol(t, s, js[0], sale.Person{Name: "А", Phone: "+79161234567"})
		handIn(t, s, js[0])
		forged, blob := js[1].Enrolling(seal, sale.Person{Name: "Б", Phone: "+79161234567"})
		forged.Enrol.Person = sale.Hash{1}
		js[1].AddSealed(forged, blob)
		bare, _ := js[1].Enrolling(seal, sale.Person{Name: "В", Phone: "+79161234567"})
		js[1].AddSealed(bare, nil)
		rubbish, _ := js[1].Enrolling(seal, sale.Person{Name: "Г"})
		js[1].AddSealed(rubbish, []byte("not sealed to anybody"))
		anothers, blob := js[1].Enrolling(seal, sale.Person{Name: "Д"})
		anothers.Enrol.Customer = victim
		js[1].AddSealed(anothers, blob)
		handIn(t, s, js[1])
		require.Len(t, conflicts(t, s, org, FlagEnrolment), 3)
		require.Empty(t, conflicts(t, s, org, FlagDouble), "nobody is merged with the victim")
		require.Equal(t, 1, count(t, s, `SELECT count(*) FROM parked`), "another till's number")
		for _, r := range []*sale.Record{forged, bare, rubbish} {
			require.Empty(t, customerOf(t, s, org, r.Enrol.Customer).Keys)
		}
		p, err := s.Person(t.Context(), org, victim)
		require.NoError(t, err)
		require.Equal(t, "А", p.Name)
	})
}

func TestDoubleEnrolmentMergesAndSplits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		ctx := t.Context()
		js[1].At += 1000
		older := enrol(t, s, js[0], sale.Person{Name: "Анна", Phone: "+79161234567", Card: "291"})
		younger := enrol(t, s, js[1], sale.Person{Name: "Аня", Phone: "+79161234567", Card: "292"})
		js[0].Add(js[0].Earning(older, 1, 300))
		js[1].Add(js[1].Earning(younger, 1, 500))
		handIn(t, s, js[1], js[0]) // the younger one comes first

		x := customerOf(t, s, org, older)
		require.NotNil(t, x)
		require.Equal(t, sale.Points(800), x.Customer.Balance)
		require.Equal(t, []sale.CustomerNo{younger}, x.Customer.Accounts)
		require.Len(t, x.Keys, 3, "a phone, and two cards")
		require.EqualValues(t, 2, x.Customer.Bought)
		require.Nil(t, customerOf(t, s, org, younger))
		rows, err := s.CustomerRows(ctx, org, page.CustomerFilter{}, 0, 5)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Equal(t, sale.Points(800), rows[0].Balance)
		posted, err := s.PostingRows(ctx, org, older, 10)
		require.NoError(t, err)
		require.Len(t, posted, 2)
		c, lots, _, leases, err := s.Standing(ctx, org, younger)
		require.NoError(t, err)
		require.Equal(t, older, c.No)
		require.Len(t, lots, 2)
		require.Len(t, leases, 2)
		require.ElementsMatch(t, []sale.CustomerNo{older, younger}, []sale.CustomerNo{lots[0].Account.No, lots[1].Account.No})

		// A sale that names the merged number is booked on its own account and changes the main customer.
		_, before := readAll(t, s, org, 1, 0, 0, 500)
		js[1].Add(js[1].Earning(younger, 1, 100))
		handIn(t, s, js[1])
		fresh, _ := readAll(t, s, org, 1, before, 0, 500)
		require.Equal(t, 1, kinds(fresh)[sale.ChangeCustomer])
		require.Equal(t, sale.Points(900), customerOf(t, s, org, older).Customer.Balance)
		due, err := s.Due(ctx, org, 10)
		require.NoError(t, err)
		for no := range due {
			require.NotEqual(t, younger, no, "decided for the main customer")
		}

		inbox := conflicts(t, s, org, FlagDouble)
		require.Len(t, inbox, 1)
		require.Equal(t, page.PolicyMerged, inbox[0].Policy)
		require.Equal(t, []page.Action{page.ActionNote, page.ActionAccept, page.ActionSplit}, inbox[0].Actions)
		require.ErrorIs(t, s.ResolveConflict(ctx, org, inbox[0].ID, page.ActionForgive, "boss", ""), ErrAction)
		require.NoError(t, s.ResolveConflict(ctx, org, inbox[0].ID, page.ActionSplit, "boss", "two sisters"))
		require.ErrorIs(t, s.ResolveConflict(ctx, org, inbox[0].ID, page.ActionSplit, "boss", ""), ErrAction)
		require.Equal(t, sale.Points(300), customerOf(t, s, org, older).Customer.Balance)
		apart := customerOf(t, s, org, younger)
		require.Equal(t, sale.Points(600), apart.Customer.Balance)
		require.Len(t, apart.Keys, 1, "the phone stays with the older one: a till must know whom it finds")

		handIn(t, s, js...) // sent again: a split by hand stays
		require.NotNil(t, customerOf(t, s, org, younger))
		require.NoError(t, s.MergeCustomers(ctx, org, older, younger, "sisters after all", "boss"))
		require.Nil(t, customerOf(t, s, org, younger))
		require.ErrorIs(t, s.MergeCustomers(ctx, org, older, younger, "", "boss"), ErrMerge)
		require.NoError(t, s.SplitCustomer(ctx, org, younger, "", "boss"))
		require.ErrorIs(t, s.SplitCustomer(ctx, org, younger, "", "boss"), ErrMerge)
		invariants(t, s)
	})
}

// usedBy is a sale with a promo code.
func usedBy(j *storetest.Journal, secret []byte, code string) *sale.Record {
	r := j.Plain(1)
	r.Sale.Codes = []sale.CodeUse{{Campaign: 7, Key: sale.CodeKey(secret, code)}}
	return r
}

func shards(t testing.TB, s *Store, org sale.OrgNo, after uint64) (out map[byte]*sale.CodeShard, to uint64) {
	t.Helper()
	changes, to := readAll(t, s, org, 1, after, 0, 500)
	out = map[byte]*sale.CodeShard{}
	for _, c := range changes {
		if c.Kind == sale.ChangeCodes {
			out[c.Key[4]] = nil
			if !c.Gone {
				out[c.Key[4]] = new(sale.CodeShard)
				require.NoError(t, sale.Decode(c.Body, out[c.Key[4]]))
			}
		}
	}
	return out, to
}

func TestCodeUsedByTwoTills(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		ctx := t.Context()
		o, err := s.Org(ctx, org)
		require.NoError(t, err)
		codes, err := s.MakeCodes(ctx, org, 7, 40, nil, "boss", rand.Reader)
		require.NoError(t, err)
		require.Len(t, codes, 40)
		key := sale.CodeKey(o.CardSecret, codes[0])
		before, version := shards(t, s, org, 0)
		require.Contains(t, string(before[key[0]].Keys), string(key[:]))
		js[0].Add(usedBy(js[0], o.CardSecret, codes[0]))
		handIn(t, s, js[0])
		after, _ := shards(t, s, org, version)
		require.Len(t, after, 1)
		require.NotContains(t, string(after[key[0]].Keys), string(key[:]), "tills forget a used code")
		require.Empty(t, conflicts(t, s, org, FlagCode))

		js[1].Add(usedBy(js[1], o.CardSecret, codes[0]))
		handIn(t, s, js[1])
		inbox := conflicts(t, s, org, FlagCode)
		require.Len(t, inbox, 1)
		require.Equal(t, key[:], inbox[0].Code)
		require.Equal(t, 2, count(t, s, `SELECT count(*) FROM sales`), "both receipts stand")
		code, err := s.Code(ctx, org, key)
		require.NoError(t, err)
		require.Equal(t, 2, code.Uses)
		require.Equal(t, page.CodeUsed, code.State)
		require.NoError(t, s.ResolveConflict(ctx, org, inbox[0].ID, page.ActionRevoke, "boss", ""))
		counted, err := s.CampaignCodes(ctx, org)
		require.NoError(t, err)
		require.Equal(t, []page.CampaignCodes{{Campaign: 7, Codes: 40, Revoked: 1}}, counted)

		require.NoError(t, s.WithdrawCampaign(ctx, org, 7, "boss"))
		gone, _ := shards(t, s, org, version)
		require.Len(t, gone, shardsAll)
		for _, shard := range gone {
			require.Nil(t, shard)
		}
		_, err = s.MakeCodes(ctx, org, 7, 1, nil, "boss", rand.Reader)
		require.ErrorIs(t, err, ErrCodes)
	})
}

// TestAReceiptWithTwoCodesCountsOnce: two codes of one campaign do not double what it has brought, and a training
// receipt has brought nothing.
func TestAReceiptWithTwoCodesCountsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		o, err := s.Org(t.Context(), org)
		require.NoError(t, err)
		codes, err := s.MakeCodes(t.Context(), org, 7, 3, nil, "boss", rand.Reader)
		require.NoError(t, err)
		r := usedBy(js[0], o.CardSecret, codes[0])
		r.Sale.Codes = append(r.Sale.Codes, sale.CodeUse{Campaign: 7, Key: sale.CodeKey(o.CardSecret, codes[1])})
		js[0].Add(r)
		training := usedBy(js[0], o.CardSecret, codes[2])
		training.Sale.Training = true
		js[0].Add(training)
		handIn(t, s, js[0])
		rows, err := s.Attributed(t.Context(), org, 0, 1<<50)
		require.NoError(t, err)
		require.Equal(t, []page.Attributed{{Campaign: 7, Receipts: 1, Total: r.Sale.Total}}, rows)
		js[0].Add(js[0].Returning(r, 1))
		handIn(t, s, js[0])
		rows, err = s.Attributed(t.Context(), org, 0, 1<<50)
		require.NoError(t, err)
		require.Equal(t, []page.Attributed{{Campaign: 7, Receipts: 1, Total: r.Sale.Total - 1000}}, rows, "less what came back, as a partner's page has it")
	})
}

func TestPersonalCodesFollowAMerge(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 1)
		ctx := t.Context()
		a, err := s.PutPerson(ctx, org, Person{Name: "А", Cards: []string{"1"}})
		require.NoError(t, err)
		b, err := s.PutPerson(ctx, org, Person{Name: "Б", Cards: []string{"2"}})
		require.NoError(t, err)
		codes, err := s.MakeCodes(ctx, org, 9, 0, []sale.CustomerNo{b}, "boss", rand.Reader)
		require.NoError(t, err)
		require.Len(t, codes, 1)
		all, version := shards(t, s, org, 0)
		require.Len(t, all, 1)
		require.NoError(t, s.MergeCustomers(ctx, org, a, b, "", "boss"))
		moved, _ := shards(t, s, org, version)
		require.Len(t, moved, 1)
		for _, shard := range moved {
			require.Equal(t, []sale.CustomerNo{a}, shard.Owners)
		}
		mine, err := s.CodesOf(ctx, org, b)
		require.NoError(t, err)
		require.Equal(t, codes[0], mine[0].Text)
	})
}

// One wrong letter, or two swapped, make another check letter.
func TestPromoCodesCheckThemselves(t *testing.T) {
	for range 200 {
		code, err := promoCode(rand.Reader)
		require.NoError(t, err)
		s := sale.NormalCode(code)
		require.Len(t, s, promoLetters+1)
		body := []byte(s[:promoLetters])
		want := codeAlphabet[checkLetter(string(body))]
		require.Equal(t, want, s[promoLetters])
		for i := range body {
			for _, c := range []byte(codeAlphabet) {
				if c == body[i] {
					continue
				}
				wrong := append([]byte(nil), body...)
				wrong[i] = c
				require.NotEqual(t, want, codeAlphabet[checkLetter(string(wrong))])
			}
			if i > 0 && body[i] != body[i-1] {
				swapped := append([]byte(nil), body...)
				swapped[i], swapped[i-1] = body[i-1], body[i]
				require.NotEqual(t, want, codeAlphabet[checkLetter(string(swapped))])
			}
		}
	}
}

func TestCertificatesAreBearersAccounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 1)
		ctx := t.Context()
		codes, err := s.IssueCertificates(ctx, org, "Новый год", 3, 500000, sale.At(testNow)+1, "boss", rand.Reader)
		require.NoError(t, err)
		require.Len(t, codes, 3)
		list, err := s.Certificates(ctx, org, "Новый год", 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 3)
		require.Equal(t, sale.Points(500000), list[0].Left)
		o, err := s.Org(ctx, org)
		require.NoError(t, err)
		x := customerOf(t, s, org, list[0].No)
		require.True(t, x.Customer.Bearer)
		require.Equal(t, []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.CardKey(o.CardSecret, list[0].Code)}}, x.Keys)
		_, lots, free, _, err := s.Standing(ctx, org, list[0].No)
		require.NoError(t, err)
		require.Len(t, lots, 1)
		require.Equal(t, sale.Points(500000), free[0].Amount)
		require.NoError(t, s.SetCustomerState(ctx, org, list[0].No, sale.CustomerBlocked, "boss"))
		require.Equal(t, sale.CustomerBlocked, customerOf(t, s, org, list[0].No).Customer.State)
		batches, err := s.CertificateBatches(ctx, org)
		require.NoError(t, err)
		require.Equal(t, 3, batches[0].Count)
		require.Equal(t, sale.Points(1500000), batches[0].Left)
		people, err := s.CustomerRows(ctx, org, page.CustomerFilter{}, 0, 10)
		require.NoError(t, err)
		require.Empty(t, people, "certificates and house accounts are nobody")
		for _, wrong := range []struct {
			count   int
			amount  sale.Money
			expires sale.Time
		}{{0, 100, 0}, {1, 0, 0}, {1, -5, 0}, {1, 100, 5}, {certificatesMax + 1, 100, 0}, {1, certificateMax + 1, 0}} {
			_, err := s.IssueCertificates(ctx, org, "x", wrong.count, wrong.amount, wrong.expires, "boss", rand.Reader)
			require.ErrorIs(t, err, ErrCodes)
		}
		invariants(t, s)
	})
}
