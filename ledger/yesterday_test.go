package ledger_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

var update = flag.Bool("update", false, "write yesterday's file anew; only for a new format of the file")

// yesterday is a ledger that a till of format 1 wrote, with a job begun and not finished.
const yesterday = "testdata/ledger-v1"

// Tills are updated over the files that they have: today's program must open them.
func TestYesterdaysFile(t *testing.T) {
	if *update {
		writeYesterday(t)
	}
	dir := t.TempDir()
	for _, name := range []string{ledger.FileName, "customers-50.snap"} {
		packed, err := os.ReadFile(filepath.Join(yesterday, name+".zst"))
		require.NoError(t, err)
		r, err := zstd.NewReader(bytes.NewReader(packed))
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		r.Close()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	clock := ledgertest.NewClock()
	s := &shop{Ledger: ledgertest.OpenAt(t, dir, clock), t: t, dir: dir, clock: clock}
	report, err := s.Check()
	require.NoError(t, err)
	require.Equal(t, uint64(7), report.Records)
	require.Equal(t, []string{"epoch", "sale", "return", "sale", "release", "sale", "epoch"}, s.kinds())
	who, err := s.Who()
	require.NoError(t, err)
	require.Equal(t, ledgertest.Who, who)
	require.Equal(t, uint64(50), s.Filled())
	require.Equal(t, uint64(60), s.Applied())
	require.Equal(t, uint64(3), s.Acked().Seq)
	require.Equal(t, sale.Points(987), s.balance(anna))
	c, err := s.FindCustomer(card(2))
	require.NoError(t, err)
	require.Equal(t, "Имя 2", c.Name)
	require.Equal(t, []sale.SKU{"100"}, s.search("молоко", 3))
	open, err := s.Unfinished()
	require.NoError(t, err)
	require.Equal(t, sale.Money(777), open.Total())
	f := sale.Fiscal{Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: storage, FD: 99}, Doc: sale.DocSale}
	_, err = s.Finish(open.Draft.ID, f)
	require.NoError(t, err)
}

func writeYesterday(t *testing.T) {
	t.Helper()
	s := busyShop(t)
	require.NoError(t, s.Confirm(sale.Position{Epoch: 1, Seq: 3, Head: sale.Hash{3}}))
	s.fill(50, member(1, sale.Seen{}), member(2, sale.Seen{}))
	require.NoError(t, s.OpenEpoch("restored", s.Head()))
	s.version = 58
	s.apply(productChange(sale.Product{SKU: "100", Name: "Молоко", Codes: []string{"4600051000057"}}), customerChange(sale.Customer{No: anna, Name: "Анна П.", Balance: 1000, Seen: sale.Seen{Epoch: 1, Seq: 4}}))
	_, err := s.Begin(ledger.Job{Draft: s.draft(0, 0, goods(777))})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, os.MkdirAll(yesterday, 0o750))
	for _, name := range []string{ledger.FileName, "customers-50.snap"} {
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		require.NoError(t, err)
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(yesterday, name+".zst"), w.EncodeAll(b, nil), 0o600))
	}
}
