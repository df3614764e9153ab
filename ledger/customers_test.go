package ledger_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

func card(n uint64) sale.CustomerKey {
	return sale.CustomerKey{Kind: sale.KeyCard, Key: sale.LookupKey(u64(n * 0x9e3779b97f4a7c15))}
}

func phone(n uint64) sale.CustomerKey {
	return sale.CustomerKey{Kind: sale.KeyPhone, Key: sale.LookupKey(u64(n * 0x9e3779b97f4a7c15))}
}

// member is customer n of a made-up snapshot; the card and the phone have the same bytes on purpose. Every
// third has all that a customer can have.
func member(n uint64, seen sale.Seen) sale.CustomerChange {
	c := sale.Customer{
		No: sale.CustomerNo(n), Name: fmt.Sprintf("Имя %d", n), Tier: uint16(n % 3), Home: sale.StoreNo(n % 7), Balance: sale.Points(n * 10),
		State: sale.CustomerState(n % 4), Seen: seen, Segment: uint8(n % 5), Bought: uint32(n % 90), Enrolled: sale.Time(n * 1000),
	}
	if n%3 == 0 {
		c.Debt, c.Staff, c.Accounts, c.Bearer = 1, 9, []sale.CustomerNo{sale.CustomerNo(n + 1<<40)}, n%2 == 0
		c.Progress = sale.Progress{Spend: sale.Money(n), Receipts: 3, Referrals: 2}
		c.Expiring = sale.Expiring{Amount: 50, At: 1 << 41}
		c.Uses = []sale.PromoUse{{Promotion: 4, Times: uint32(n % 9)}}
		c.Purses = []sale.PurseAmount{{Purse: 2, Amount: 300}, {Purse: 7, Amount: -100}}
	}
	return sale.CustomerChange{Customer: c, Keys: []sale.CustomerKey{card(n), phone(n)}}
}

// members feeds a snapshot in portions.
func members(all []sale.CustomerChange, portion int) func() ([]sale.CustomerChange, error) {
	return func() ([]sale.CustomerChange, error) {
		n := min(portion, len(all))
		if n == 0 {
			return nil, io.EOF
		}
		out := all[:n]
		all = all[n:]
		return out, nil
	}
}

func (s *shop) fill(version uint64, all ...sale.CustomerChange) {
	require.NoError(s.t, s.Fill(version, s.clock.At, uint64(len(all)), members(all, 3)))
}

func TestFill(t *testing.T) {
	for _, n := range []uint64{0, 1, 2, 3, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newShop(t)
			seen := sale.Seen{Epoch: 1, Seq: 1, At: 77}
			var all []sale.CustomerChange
			for i := range n {
				all = append(all, member(i*i+1, seen))
			}
			s.fill(9, all...)
			for range 2 {
				require.Equal(t, uint64(9), s.Filled())
				require.Equal(t, n, s.Customers())
				for _, want := range all {
					for _, k := range want.Keys {
						got, err := s.FindCustomer(k)
						require.NoError(t, err)
						require.Equal(t, want.Customer, got)
					}
				}
				for _, k := range []sale.CustomerKey{card(1 << 60), phone(0), {Kind: sale.KeyCard, Key: sale.LookupKey(u64(1<<64 - 1))}} {
					_, err := s.FindCustomer(k)
					require.ErrorIs(t, err, ledger.ErrNotFound)
				}
				_, err := s.Customer(1 << 40)
				require.ErrorIs(t, err, ledger.ErrNotFound)
				s.reopen()
			}
		})
	}
}

// However keys and numbers lie, each is found and no other is.
func TestFillFindsAll(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		sub, err := os.MkdirTemp(dir, "")
		require.NoError(r, err)
		s := openShop(r, sub)
		defer func() { require.NoError(r, s.Close()) }()
		some := rapid.OneOf(rapid.Uint64Range(1, 40), rapid.Uint64Range(1, 1<<52), rapid.Just(uint64(1<<53-1)))
		numbers := rapid.SliceOfNDistinct(some, 0, 40, rapid.ID[uint64]).Draw(r, "numbers")
		sortNumbers(numbers)
		keys := rapid.SliceOfNDistinct(rapid.OneOf(rapid.Uint64Range(0, 50), rapid.Uint64(), rapid.Uint64Range(1<<64-50, 1<<64-1)), len(numbers), len(numbers), rapid.ID[uint64]).Draw(r, "keys")
		var all []sale.CustomerChange
		for i, n := range numbers {
			c := member(n, sale.Seen{})
			c.Keys = []sale.CustomerKey{{Kind: sale.KeyCard, Key: sale.LookupKey(u64(keys[i]))}}
			all = append(all, c)
		}
		s.fill(1, all...)
		for _, c := range all {
			got, err := s.FindCustomer(c.Keys[0])
			require.NoError(r, err)
			require.Equal(r, c.Customer, got)
			_, err = s.FindCustomer(sale.CustomerKey{Kind: sale.KeyPhone, Key: c.Keys[0].Key})
			require.ErrorIs(r, err, ledger.ErrNotFound)
		}
		_, err = s.Check()
		require.NoError(r, err)
	})
}

func sortNumbers(n []uint64) {
	for i := range n {
		for j := i; j > 0 && n[j] < n[j-1]; j-- {
			n[j], n[j-1] = n[j-1], n[j]
		}
	}
}

// crowded has more beside the row than a snapshot holds of one customer.
func crowded() sale.CustomerChange {
	c := member(1, sale.Seen{})
	c.Customer.Purses = make([]sale.PurseAmount, 20_000)
	return c
}

func TestFillRefuses(t *testing.T) {
	s := newShop(t)
	s.fill(1, member(1, sale.Seen{}))
	long := member(2, sale.Seen{})
	long.Customer.Name = strings.Repeat("x", 256)
	cut := errors.New("the line was cut")
	for name, c := range map[string]struct {
		customers uint64
		next      func() ([]sale.CustomerChange, error)
		want      error
	}{
		"unsorted":        {2, members([]sale.CustomerChange{member(2, sale.Seen{}), member(1, sale.Seen{})}, 1), sale.ErrRecord},
		"one twice":       {2, members([]sale.CustomerChange{member(2, sale.Seen{}), member(2, sale.Seen{})}, 2), sale.ErrRecord},
		"a long name":     {1, members([]sale.CustomerChange{long}, 1), sale.ErrRecord},
		"two moments":     {2, members([]sale.CustomerChange{member(1, sale.Seen{}), member(2, sale.Seen{Seq: 1})}, 2), sale.ErrRecord},
		"more than due":   {1, members([]sale.CustomerChange{member(1, sale.Seen{}), member(2, sale.Seen{})}, 2), sale.ErrRecord},
		"too many purses": {1, members([]sale.CustomerChange{crowded()}, 2), sale.ErrRecord},
		"fewer than due":  {3, members([]sale.CustomerChange{member(1, sale.Seen{}), member(2, sale.Seen{})}, 2), sale.ErrRecord},
		"cut":             {2, func() ([]sale.CustomerChange, error) { return nil, cut }, cut},
	} {
		require.ErrorIs(t, s.Fill(2, 0, c.customers, c.next), c.want, name)
		require.Equal(t, uint64(1), s.Filled(), name)
		_, err := s.FindCustomer(card(1))
		require.NoError(t, err, name)
	}
	require.Error(t, s.Fill(2, 0, 1<<40, nil))
	files, err := filepath.Glob(filepath.Join(s.dir, "customers-*"))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing half written stays")
}

func TestFillReplaces(t *testing.T) {
	s := newShop(t)
	s.fill(1, member(1, sale.Seen{}), member(2, sale.Seen{}))
	s.fill(5, member(2, sale.Seen{}), member(3, sale.Seen{}))
	_, err := s.FindCustomer(card(1))
	require.ErrorIs(t, err, ledger.ErrNotFound)
	_, err = s.FindCustomer(card(3))
	require.NoError(t, err)
	// Asked for what is here already, nothing is read.
	require.NoError(t, s.Fill(5, 0, 2, func() ([]sale.CustomerChange, error) { panic("not to be read") }))
	files, err := filepath.Glob(filepath.Join(s.dir, "customers-*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	// A power cut left the next one half written.
	for _, name := range []string{"customers-6.snap.new", "customers-6.snap"} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), []byte("half"), 0o600))
	}
	s.reopen()
	files, err = filepath.Glob(filepath.Join(s.dir, "customers-*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	_, err = s.FindCustomer(card(3))
	require.NoError(t, err)
}

func TestReplaceWhileReading(t *testing.T) {
	s := newShop(t)
	s.fill(1, member(1, sale.Seen{}))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := s.FindCustomer(phone(1))
				if err != nil || c.No != 1 || c.Name != "Имя 1" {
					t.Errorf("while replaced: %+v, %v", c, err)
					return
				}
			}
		})
	}
	for v := range uint64(30) {
		s.fill(v+2, member(1, sale.Seen{}), member(2, sale.Seen{}))
	}
	close(stop)
	wg.Wait()
}

// Every bit of a snapshot is guarded: opening or checking finds the flip.
func TestSnapshotCorruption(t *testing.T) {
	s := newShop(t)
	s.fill(1, member(1, sale.Seen{}), member(2, sale.Seen{}), member(30, sale.Seen{}))
	path := filepath.Join(s.dir, "customers-1.snap")
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1 << (i % 8)
		require.True(t, spoiltSnapshotIsFound(t, s, path, bad), "a flip in byte %d", i)
	}
	for _, n := range []int{0, 1, 63, 64, len(good) - 1} {
		require.True(t, spoiltSnapshotIsFound(t, s, path, good[:n]), "cut to %d bytes", n)
	}
	require.True(t, spoiltSnapshotIsFound(t, s, path, append(good[:len(good):len(good)], 0)), "a byte more")
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(path, good, 0o600))
	s.open()
}

func spoiltSnapshotIsFound(t *testing.T, s *shop, path string, bad []byte) bool {
	t.Helper()
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(path, bad, 0o600))
	l, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random})
	if err != nil {
		return true
	}
	s.Ledger = l
	_, err = l.Check()
	return errors.Is(err, ledger.ErrDamaged)
}

func TestChangesOverASnapshot(t *testing.T) {
	s := newShop(t)
	s.version = 100
	s.fill(100, member(1, sale.Seen{}), member(2, sale.Seen{}), member(3, sale.Seen{}))
	changed := member(2, sale.Seen{}).Customer
	changed.Name = "Новое"
	s.apply(
		customerChange(changed, card(2), card(22)),
		sale.Change{Kind: sale.ChangeCustomer, Key: u64(3), Gone: true},
		customerChange(sale.Customer{No: 4}, card(4), card(1)), // took the card of the first
	)
	find := func(k sale.CustomerKey) sale.CustomerNo {
		c, err := s.FindCustomer(k)
		if errors.Is(err, ledger.ErrNotFound) {
			return 0
		}
		require.NoError(t, err)
		return c.No
	}
	for range 2 {
		require.Equal(t, sale.CustomerNo(2), find(card(2)))
		require.Equal(t, sale.CustomerNo(2), find(card(22)))
		require.Zero(t, find(phone(2)), "the phone was taken away")
		require.Zero(t, find(card(3)), "the customer is gone")
		require.Equal(t, sale.CustomerNo(4), find(card(1)))
		require.Equal(t, sale.CustomerNo(1), find(phone(1)))
		s.reopen()
	}
	// A snapshot that is newer than the changes has the last word on all of them.
	s.fill(200, member(1, sale.Seen{}), member(2, sale.Seen{}), member(3, sale.Seen{}))
	require.Equal(t, sale.CustomerNo(3), find(card(3)))
	require.Equal(t, sale.CustomerNo(2), find(phone(2)))
	require.Equal(t, sale.CustomerNo(1), find(card(1)))
	require.Zero(t, find(card(22)))
	require.Zero(t, find(card(4)))
	c, err := s.Customer(2)
	require.NoError(t, err)
	require.Equal(t, "Имя 2", c.Name)
}

// Head office's word comes at least once and not always in order: only the newest counts.
func TestApplyTwiceAndLate(t *testing.T) {
	s := newShop(t)
	first := customerChange(sale.Customer{No: 1, Name: "первый"}, card(7))
	second := customerChange(sale.Customer{No: 2, Name: "второй"}, card(7))
	third := customerChange(sale.Customer{No: 1, Name: "без карты"})
	first.Version, second.Version, third.Version = 1, 3, 2
	require.NoError(t, s.Apply(3, []sale.Change{first, third, second}))
	for _, again := range [][]sale.Change{{first}, {third, first}, {first, second, third}, nil} {
		require.NoError(t, s.Apply(2, again))
		require.Equal(t, uint64(3), s.Applied())
		c, err := s.FindCustomer(card(7))
		require.NoError(t, err)
		require.Equal(t, sale.CustomerNo(2), c.No)
		c, err = s.Customer(1)
		require.NoError(t, err)
		require.Equal(t, "без карты", c.Name)
	}
}

// One change that cannot be read keeps nothing else from coming: it is set aside, told, and asked for
// again when another program opens the ledger.
func TestBadChangesAreSetAside(t *testing.T) {
	good, wrong := customerChange(sale.Customer{No: 1}), customerChange(sale.Customer{No: 2})
	wrong.Key = u64(3)
	lease := leaseChange(anna, 1, 1000, nil)
	lease.Key = make([]byte, 16)
	for name, bad := range map[string]sale.Change{
		"another's key":     wrong,
		"a short key":       {Kind: sale.ChangeCustomer, Key: []byte{1}},
		"no key":            {Kind: sale.ChangeProduct},
		"an endless key":    {Kind: sale.ChangeProduct, Key: make([]byte, 40_000)},
		"rubbish":           {Kind: sale.ChangeStaff, Key: u32(1), Body: []byte{0xff}},
		"product":           {Kind: sale.ChangeProduct, Key: []byte("a"), Body: encoded(sale.Product{SKU: "b"})},
		"an empty barcode":  {Kind: sale.ChangeProduct, Key: []byte("a"), Body: encoded(sale.Product{SKU: "a", Codes: []string{""}})},
		"programme":         {Kind: sale.ChangeProgramme, Key: u32(1), Body: []byte{0xff}},
		"settings":          {Kind: sale.ChangeSettings, Key: []byte{1}, Body: []byte{0xff}},
		"standing":          {Kind: sale.ChangeStanding, Key: u32(1), Body: []byte{0xff}},
		"lease":             lease,
		"codes":             {Kind: sale.ChangeCodes, Key: shardKey(7, 1), Body: []byte{0xff}},
		"another's codes":   {Kind: sale.ChangeCodes, Key: shardKey(7, 1), Body: encoded(sale.CodeShard{Campaign: 8, Shard: 1})},
		"half a code":       {Kind: sale.ChangeCodes, Key: shardKey(7, 1), Body: encoded(sale.CodeShard{Campaign: 7, Shard: 1, Keys: []byte{1}})},
		"a foreign code":    {Kind: sale.ChangeCodes, Key: shardKey(7, 1), Body: encoded(sale.CodeShard{Campaign: 7, Shard: 1, Keys: make([]byte, 8)})},
		"codes of too many": {Kind: sale.ChangeCodes, Key: shardKey(7, 0), Body: encoded(sale.CodeShard{Campaign: 7, Keys: make([]byte, 8), Owners: make([]sale.CustomerNo, 2)})},
		"one code twice":    {Kind: sale.ChangeCodes, Key: shardKey(7, 0), Body: encoded(sale.CodeShard{Campaign: 7, Keys: make([]byte, 16)})},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			bad.Version = 4
			for range 2 {
				require.NoError(t, s.Apply(5, []sale.Change{bad, good}))
				require.Equal(t, 1, s.SetAside(), "counted once")
			}
			require.Equal(t, uint64(5), s.Applied())
			_, err := s.Customer(1)
			require.NoError(t, err)
			list, err := s.Aside()
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, bad.Kind, list[0].Kind)
			require.Equal(t, uint64(4), list[0].Version)
			require.NotEmpty(t, list[0].Why)
			report, err := s.Check()
			require.NoError(t, err)
			require.Len(t, report.Warnings, 1)
		})
	}
	s := newShop(t)
	require.NoError(t, s.Apply(5, []sale.Change{good, {Kind: 99, Key: []byte("a newer head office knows")}}))
	require.Zero(t, s.SetAside())
}

func TestSetAsideIsAskedForAgain(t *testing.T) {
	s := newShop(t)
	openAs := func(program string) {
		require.NoError(t, s.Close())
		l, err := ledger.Open(s.dir, ledger.Options{Clock: s.clock.Now, Random: s.random, Program: program})
		require.NoError(t, err)
		s.Ledger = l
	}
	openAs("till 1")
	bad := sale.Change{Kind: sale.ChangeStaff, Key: u32(1), Version: 4, Body: []byte{0xff}}
	require.NoError(t, s.Apply(5, []sale.Change{bad}))
	openAs("till 1")
	require.Equal(t, 1, s.SetAside())
	require.Equal(t, uint64(5), s.Applied())
	openAs("till 2")
	require.Zero(t, s.SetAside())
	require.Zero(t, s.Applied(), "all is asked for again")
	require.NoError(t, s.Apply(5, []sale.Change{bad}))
	good := bad
	good.Version, good.Body = 6, encoded(sale.Staff{No: 1, Name: "Вера"})
	require.NoError(t, s.Apply(6, []sale.Change{good}))
	require.Zero(t, s.SetAside(), "head office has mended it")
}

// Shown balance = head office's as of this till's record S + own postings after S.
func TestBalance(t *testing.T) {
	s := newShop(t)
	s.fill(10, sale.CustomerChange{Customer: sale.Customer{No: anna, Balance: 1000, Seen: sale.Seen{Epoch: 1, Seq: 1}}, Keys: []sale.CustomerKey{card(1)}})
	s.version = 10
	require.Equal(t, sale.Points(1000), s.balance(anna))
	s.sell(anna, 0, 10000) // +3.00, record 2
	s.sell(anna, 0, 10000) // +3.00, record 3
	require.Equal(t, sale.Points(1600), s.balance(anna))
	s.apply(customerChange(sale.Customer{No: anna, Balance: 1300, Seen: sale.Seen{Epoch: 1, Seq: 2}}))
	require.Equal(t, sale.Points(1600), s.balance(anna), "head office has read the first")
	s.sell(anna, 600, 10000) // -6.00 +2.82, record 4
	require.Equal(t, sale.Points(1282), s.balance(anna))
	s.reopen()
	require.NoError(t, s.OpenEpoch("restored", s.Head()))
	require.Equal(t, sale.Points(1282), s.balance(anna))
	s.sell(anna, 0, 10000) // +3.00, record 2/2
	s.fill(20, sale.CustomerChange{Customer: sale.Customer{No: anna, Balance: 1282, Seen: sale.Seen{Epoch: 2, Seq: 1}}, Keys: []sale.CustomerKey{card(1)}})
	require.Equal(t, sale.Points(1582), s.balance(anna))
	c, err := s.FindCustomer(card(1))
	require.NoError(t, err)
	require.Equal(t, sale.Points(1582), c.Balance)
}
