package ledger_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

// code is the n-th code of shard 1.
func code(n byte) sale.LookupKey { return sale.LookupKey{1, n} }

// free lists codes of shard 1, the first n of them, each with its owner, who may be nobody.
func free(n byte, owner sale.CustomerNo) sale.CodeShard {
	s := sale.CodeShard{Shard: 1}
	for i := range n {
		k := code(i + 1)
		s.Keys = append(s.Keys, k[:]...)
		if owner != 0 {
			s.Owners = append(s.Owners, owner)
		}
	}
	return s
}

func codesChange(campaign uint32, s sale.CodeShard) sale.Change {
	s.Campaign = campaign
	return sale.Change{Kind: sale.ChangeCodes, Key: shardKey(campaign, s.Shard), Body: encoded(s)}
}

// withCode makes the next sales take a code.
func (s *shop) withCode(campaign uint32, key sale.LookupKey) {
	s.with = func(n *ledger.NewSale) { n.Codes = []sale.CodeUse{{Campaign: campaign, Key: key}} }
}

func (s *shop) requireCode(key sale.LookupKey, campaign uint32, owner sale.CustomerNo, used bool) {
	gotCampaign, gotOwner, gotUsed, err := s.Code(key)
	require.NoError(s.t, err)
	require.Equal(s.t, campaign, gotCampaign)
	require.Equal(s.t, owner, gotOwner)
	require.Equal(s.t, used, gotUsed)
}

func TestSingleUseCode(t *testing.T) {
	s := newShop(t)
	s.apply(codesChange(7, free(3, anna)), codesChange(9, sale.CodeShard{Shard: 2, Keys: []byte{2, 0, 0, 0, 0, 0, 0, 1}}))
	s.requireCode(code(2), 7, anna, false)
	s.requireCode(sale.LookupKey{2, 7: 1}, 9, 0, false)
	for _, k := range []sale.LookupKey{{1}, code(9), {1, 2, 7: 1}, {3, 1}, {}} {
		_, _, _, err := s.Code(k)
		require.ErrorIs(t, err, ledger.ErrNotFound, k)
	}

	s.withCode(7, code(2))
	d := s.draft(0, 0, goods(100))
	_, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(t, err)
	s.requireCode(code(2), 7, anna, true) // held
	_, err = s.Book(s.draft(0, 0, goods(100)), nil)
	require.ErrorIs(t, err, ledger.ErrCodeUsed)
	s.reopen()
	s.requireCode(code(2), 7, anna, true)
	require.NoError(t, s.Abandon(d.ID, "нет бумаги", 0))
	s.requireCode(code(2), 7, anna, false) // free again

	s.run(s.draft(0, 0, goods(100)))
	s.requireCode(code(2), 7, anna, true)
	_, err = s.Begin(ledger.Job{Draft: s.draft(0, 0, goods(100))})
	require.ErrorIs(t, err, ledger.ErrCodeUsed)
	_, err = s.Book(s.draft(0, 0, goods(100)), nil)
	require.ErrorIs(t, err, ledger.ErrCodeUsed)
	require.Equal(t, []string{"epoch", "abandon", "sale"}, s.kinds())

	// A shard that is sent before head office has heard of it does not give the code again; nor does an epoch.
	s.apply(codesChange(7, free(3, anna)))
	require.NoError(t, s.OpenEpoch("restored", s.Head()))
	s.reopen()
	s.requireCode(code(2), 7, anna, true)
	s.requireCode(code(3), 7, anna, false)
}

func TestCodeTwiceOnOneReceipt(t *testing.T) {
	s := newShop(t)
	s.apply(codesChange(7, free(1, 0)))
	d := s.draft(0, 0, goods(100))
	d.Sale.Codes = []sale.CodeUse{{Campaign: 7, Key: code(1)}, {Campaign: 7, Key: code(1)}}
	_, err := s.Begin(ledger.Job{Draft: d})
	require.ErrorIs(t, err, ledger.ErrCodeUsed)
}

// A code for all, of which no shard says anything, is taken as often as people come.
func TestGenericCode(t *testing.T) {
	s := newShop(t)
	s.withCode(5, code(1))
	for range 3 {
		s.run(s.draft(0, 0, goods(100)))
	}
	_, _, _, err := s.Code(code(1))
	require.ErrorIs(t, err, ledger.ErrNotFound)
}

func TestShards(t *testing.T) {
	s := newShop(t)
	s.apply(codesChange(7, free(3, 0)), codesChange(8, free(1, anna)))
	s.requireCode(code(1), 7, 0, false) // both have it: the first that is free
	s.withCode(7, code(1))
	s.run(s.draft(0, 0, goods(100)))
	s.requireCode(code(1), 8, anna, false)

	newer, older := codesChange(7, free(1, 0)), codesChange(7, free(3, 0))
	newer.Version, older.Version = 20, 10
	require.NoError(t, s.Apply(20, []sale.Change{newer, older}))
	_, _, _, err := s.Code(code(3))
	require.ErrorIs(t, err, ledger.ErrNotFound, "used elsewhere")
	require.NoError(t, s.Apply(21, []sale.Change{{Kind: sale.ChangeCodes, Key: shardKey(8, 1), Version: 21, Gone: true}}))
	s.requireCode(code(1), 7, 0, true)
}

// An empty shard, and one as large as a million codes make it.
func TestLargeShard(t *testing.T) {
	s := newShop(t)
	var full sale.CodeShard
	full.Shard = 4
	for i := range uint32(4000) {
		k := sale.LookupKey{4}
		binary.BigEndian.PutUint32(k[2:], i*3)
		full.Keys = append(full.Keys, k[:]...)
		full.Owners = append(full.Owners, sale.CustomerNo(i+1))
	}
	s.apply(codesChange(7, full), codesChange(6, sale.CodeShard{Shard: 4}))
	for _, i := range []uint32{0, 1999, 3999} {
		k := sale.LookupKey{4}
		binary.BigEndian.PutUint32(k[2:], i*3)
		s.requireCode(k, 7, sale.CustomerNo(i+1), false)
		k[5]++
		_, _, _, err := s.Code(k)
		require.ErrorIs(t, err, ledger.ErrNotFound)
	}
}
