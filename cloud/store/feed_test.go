package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// readAll pages through the feed as a till does.
func readAll(t testing.TB, s *Store, org sale.OrgNo, till sale.TillNo, after, snapshot uint64, limit int) (out []sale.Change, to uint64) {
	t.Helper()
	for to = after; ; {
		changes, next, last, err := s.Changes(context.Background(), org, till, to, snapshot, limit, wire.DownBytesMax)
		require.NoError(t, err)
		require.GreaterOrEqual(t, next, to)
		for _, c := range changes {
			require.Greater(t, c.Version, to)
			require.LessOrEqual(t, c.Version, next)
		}
		out, to = append(out, changes...), next
		if last {
			return out, to
		}
	}
}

func kinds(changes []sale.Change) map[sale.ChangeKind]int {
	out := map[sale.ChangeKind]int{}
	for _, c := range changes {
		out[c.Kind]++
	}
	return out
}

func TestFeedReachesWhomItConcerns(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 2)
		ctx := t.Context()
		no, err := s.PutPerson(ctx, org, Person{No: 7, Name: "Фёдорова Анна", Phone: "+79160000001", Cards: []string{"2000001"}})
		require.NoError(t, err)
		require.NoError(t, s.PutProducts(ctx, org, []sale.Product{{SKU: "M1", Name: "Молоко", Price: 8990, VAT: sale.VAT10, Subject: 1, Codes: []string{"46", "47"}}}))
		require.NoError(t, s.PutStaff(ctx, org, sale.Staff{No: 1, Name: "Петрова", Role: sale.RoleCashier, PIN: []byte{1}, Salt: []byte{2}}))
		require.NoError(t, s.PutProgramme(ctx, org, 1, 0, []byte("rules"), "boss", ""))
		js[0].Add(js[0].Earning(no, 1, 240))
		_, err = s.Append(ctx, org, 1, 0, js[0].Records)
		require.NoError(t, err)

		mine, version := readAll(t, s, org, 1, 0, 0, 2)
		require.Equal(t, map[sale.ChangeKind]int{sale.ChangeCustomer: 1, sale.ChangeLease: 1, sale.ChangeProduct: 1, sale.ChangeStaff: 1, sale.ChangeProgramme: 1, sale.ChangeSettings: 1, sale.ChangeStanding: 1}, kinds(mine))
		for _, c := range mine {
			if c.Kind == sale.ChangeCustomer {
				var x sale.CustomerChange
				require.NoError(t, sale.Decode(c.Body, &x))
				require.Equal(t, sale.Points(240), x.Customer.Balance)
				require.Equal(t, "Анна Ф.", x.Customer.Name)
				require.Equal(t, sale.Seen{Epoch: 1, Seq: js[0].Position.Seq, At: sale.At(testNow)}, x.Customer.Seen)
			}
		}
		others, _ := readAll(t, s, org, 2, 0, 0, 100)
		require.Zero(t, kinds(others)[sale.ChangeLease], "a lease concerns its holder alone")
		require.Equal(t, 1, kinds(others)[sale.ChangeCustomer])

		nothing, same := readAll(t, s, org, 1, version, 0, 100)
		require.Empty(t, nothing)
		require.Equal(t, version, same)
		_, err = s.PutPerson(ctx, org, Person{No: 7, Name: "Фёдорова Анна", Phone: "+79160000001", Cards: []string{"2000001"}})
		require.NoError(t, err)
		nothing, _ = readAll(t, s, org, 1, version, 0, 100)
		require.Empty(t, nothing, "saving the same again is no change")
		withSnapshot, _ := readAll(t, s, org, 1, 0, version, 100)
		require.Zero(t, kinds(withSnapshot)[sale.ChangeCustomer], "customers are in the snapshot already")
		require.Equal(t, 1, kinds(withSnapshot)[sale.ChangeLease])

		js[0].Add(js[0].Releasing(js[0].Records[1].Record.Leases[0].ID))
		_, err = s.Append(ctx, org, 1, 0, js[0].After(2))
		require.NoError(t, err)
		gone, _ := readAll(t, s, org, 1, version, 0, 100)
		require.Len(t, gone, 1)
		require.True(t, gone[0].Gone)
		afresh, _ := readAll(t, s, org, 1, 0, 0, 100)
		require.Equal(t, 1, kinds(afresh)[sale.ChangeLease], "who asks for everything may have an old state in its file")
		for _, c := range afresh {
			require.Equal(t, c.Kind == sale.ChangeLease, c.Gone)
		}
	})
}

// A till fetches the snapshot and then reads the feed from zero: who has been erased meanwhile is gone for it too.
func TestWhoIsGoneSinceTheSnapshotIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 1)
		no, err := s.PutPerson(t.Context(), org, Person{Name: "Анна", Cards: []string{"1"}})
		require.NoError(t, err)
		snapshot, err := s.Version(t.Context(), org)
		require.NoError(t, err)
		require.NoError(t, s.EraseCustomer(t.Context(), org, no, "boss"))
		changes, _ := readAll(t, s, org, 1, 0, snapshot, 500)
		require.Equal(t, 1, kinds(changes)[sale.ChangeCustomer])
		for _, c := range changes {
			require.Equal(t, c.Kind == sale.ChangeCustomer, c.Gone)
		}
	})
}

// TestReaderNeverStepsOverAChange writes from several connections while a till reads: whatever it has been
// given, nothing with a lower version appears afterwards.
func TestReaderNeverStepsOverAChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 1)
		const writers, each = 4, 15
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if _, err := s.PutPerson(context.Background(), org, Person{Name: "A", Cards: []string{fmt.Sprintf("%d-%d", w, i)}}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		seen, to := map[string]bool{}, uint64(0)
		for ended := false; ; {
			select {
			case <-done:
				ended = true
			default:
			}
			changes, next := readAll(t, s, org, 1, to, 0, 7)
			for _, c := range changes {
				if c.Kind == sale.ChangeCustomer {
					seen[string(c.Key)] = true
				}
			}
			to = next
			if ended {
				break
			}
		}
		require.Len(t, seen, writers*each)
	})
}

func TestSnapshotHoldsEverybodyOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		ctx := t.Context()
		for i := range 50 {
			_, err := s.PutPerson(ctx, org, Person{Name: fmt.Sprintf("Иванова Анна %d", i), Cards: []string{fmt.Sprint(1000 + i)}})
			require.NoError(t, err)
		}
		js[0].Add(js[0].Earning(3, 1, 500))
		_, err := s.Append(ctx, org, 1, 0, js[0].Records)
		require.NoError(t, err)
		signed, version, err := s.Manifest(ctx, org)
		require.NoError(t, err)
		o, err := s.Org(ctx, org)
		require.NoError(t, err)
		m, err := wire.OpenManifest(o.Root, signed)
		require.NoError(t, err)
		require.Equal(t, version, m.Version)
		require.Equal(t, sale.Seen{Epoch: 1, Seq: 2, At: sale.At(testNow)}, m.Seen(1))
		body, err := s.Chunk(ctx, org, m.Chunks[0].Hash)
		require.NoError(t, err)
		customers, err := wire.UnpackChunk(body, m.Seen(1))
		require.NoError(t, err)
		require.Len(t, customers, 50)
		require.Equal(t, sale.Points(500), customers[2].Customer.Balance)

		again, _, err := s.Manifest(ctx, org)
		require.NoError(t, err)
		require.Equal(t, signed, again, "not built twice")
		none, err := s.Chunk(ctx, org, sale.Hash{1})
		require.NoError(t, err)
		require.Nil(t, none)
	})
}

func TestEnrolIsOncePerKey(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 0)
		answer, req := enrolOne(t, s, org, 0)
		again, err := s.Enrol(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, answer, again)
		second, _ := enrolOne(t, s, org, 0)
		require.Equal(t, answer.Till+1, second.Till)
		replaced, _ := enrolOne(t, s, org, answer.Till)
		require.Equal(t, answer.Till, replaced.Till, "a new machine in the same place")
		key, revoked, err := s.TillKey(t.Context(), org, answer.Till)
		require.NoError(t, err)
		require.False(t, revoked)
		require.NotEqual(t, req.Key, key, "the old machine's key is worth nothing")
	})
}

func TestHeadOfficesOwnEventsNeverOverdraw(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, js := seat(t, s, 1)
		account, lot := sale.CustomerAccount(7), js[0].ID()
		give := &sale.Record{
			Kind: sale.KindAdjust, ID: js[0].ID(), Adjust: &sale.Adjust{Customer: 7, Amount: 100}, Lots: []sale.Lot{{ID: lot, Account: account}},
			Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -100}, {Account: account, Lot: lot, Amount: 100}},
		}
		require.NoError(t, s.Post(t.Context(), org, give))
		require.NoError(t, s.Post(t.Context(), org, give), "a repeat changes nothing")
		lease := func(amount sale.Points) *sale.Record {
			return &sale.Record{Kind: sale.KindGrant, ID: js[0].ID(), Leases: []sale.Lease{{
				ID: js[0].ID(), Account: account, Holder: sale.Holder{Till: 1}, Parts: []sale.LotAmount{{Lot: lot, Amount: amount}},
			}}}
		}
		require.ErrorIs(t, s.Post(t.Context(), org, lease(101)), ErrStale)
		require.NoError(t, s.Post(t.Context(), org, lease(60)))
		require.ErrorIs(t, s.Post(t.Context(), org, lease(41)), ErrStale)
		require.NoError(t, s.Post(t.Context(), org, lease(40)))
		require.Equal(t, 100, count(t, s, `SELECT leased FROM lots`))
		invariants(t, s)
	})
}

// FuzzAppend hands in a batch of which one byte of one record is another: whatever is refused or parked,
// sums stay sums, and the true journal can still be handed in.
func FuzzAppend(f *testing.F) {
	for _, at := range []uint16{0, 3, 17, 60, 200, 333} {
		f.Add(at, byte(1), byte(at%5))
	}
	s := openIn(f, f.TempDir())
	f.Fuzz(func(t *testing.T, at uint16, flip, which byte) {
		org, js := seat(t, s, 1)
		j := js[0]
		sold := j.Earning(7, 1, 100)
		sold.Sale.Codes, sold.Sale.Applied = []sale.CodeUse{{Campaign: 1}}, []sale.Applied{{Promotion: 2, Times: 1}}
		sold.Sale.Watched = []sale.Watched{{Rule: "own-card"}}
		j.Add(sold)
		enrolled, blob := j.Enrolling(sealOf(t, s, org), sale.Person{Name: "Анна", Card: "291"})
		j.AddSealed(enrolled, blob)
		pending := j.Returning(sold, 1)
		pending.Return.Of, pending.Return.Pending, pending.Return.QR = sale.ID{}, true, sold.Fiscal
		j.Add(pending)
		damaged := append([]wire.Sealed(nil), j.Records...)
		i := int(which) % len(damaged)
		bytes := append([]byte(nil), damaged[i].Bytes...)
		bytes[int(at)%len(bytes)] ^= flip
		if r, err := sale.DecodeRecord(bytes); err == nil {
			damaged[i] = wire.Sealed{Record: r, Bytes: bytes, Hash: sale.HashOf(bytes), Blob: damaged[i].Blob}
			if _, err := s.Append(context.Background(), org, 1, 0, damaged); err != nil {
				byeCode(t, err)
			}
		}
		invariants(t, s)
		if _, err := s.Append(context.Background(), org, 1, 0, j.Records); err != nil {
			require.Equal(t, wire.ByeFork, byeCode(t, err), "only because the damaged one was taken for the till's")
		}
		invariants(t, s)
	})
}

func TestFewCustomersComeChangeByChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		org, _ := seat(t, s, 1)
		other, err := s.CreateOrg(t.Context(), "Other", rand.Reader)
		require.NoError(t, err)
		people := func(org sale.OrgNo, from, to int) {
			require.NoError(t, s.change(t.Context(), func(tx *tx) error {
				_, err := tx.exec(t.Context(), `INSERT INTO customers (org, no, name, short, search, created)
					WITH RECURSIVE people (n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM people WHERE n < ?) SELECT CAST(? AS BIGINT), n, '', '', '', 0 FROM people`,
					from, to, int64(org))
				return err
			}))
		}
		needs := func(down, snapshot uint64) bool {
			needs, err := s.NeedsRefill(t.Context(), org, down, snapshot)
			require.NoError(t, err)
			return needs
		}
		people(org, 1, RefillMin-2) // beside the store's own account
		people(other, 1, 10)
		require.False(t, needs(0, 0), "one customer short of the limit")
		people(org, RefillMin-1, RefillMin+10)
		require.True(t, needs(0, 0))
		require.False(t, needs(1, 0), "the till has them")
		require.False(t, needs(0, 1))
	})
}
