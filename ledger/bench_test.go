package ledger_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits that the benchmarks state beside what they measure.
const (
	finishRatioMax   = 1.3 // Finish against the same rows put by hand
	finishFlushesMax = 2.0 // bbolt's data pages, then its head page
	scanMicrosMax    = 1000
	scanAnonMBMax    = 100
	fillAnonMBMax    = 200
)

// row is what one commit put.
type row struct {
	bucket     string
	key, value []byte
}

// footprint is what Finish changes for a sale with accrual and redemption, read from a ledger before and after.
func footprint(b *testing.B) []row {
	b.Helper()
	s := openShop(b, b.TempDir()).withAnna(1 << 30)
	s.sell(anna, 100, 10000, 5000)
	d := s.draft(anna, 100, goods(10000, 5000))
	j, err := s.Begin(ledger.Job{Draft: d})
	require.NoError(b, err)
	before := s.dump(b)
	_, err = s.Finish(d.ID, s.print(j, sale.DocSale))
	require.NoError(b, err)
	after := s.dump(b)
	require.NoError(b, s.Close())
	var changed []row
	for k, v := range after {
		if old, ok := before[k]; !ok || !bytes.Equal(old, v) {
			bucket, key, _ := strings.Cut(k, "\x00")
			changed = append(changed, row{bucket, []byte(key), v})
		}
	}
	slices.SortFunc(changed, func(a, b row) int { return strings.Compare(a.bucket+string(a.key), b.bucket+string(b.key)) })
	return changed
}

// dump reads all rows of a ledger's file.
func (s *shop) dump(t testing.TB) map[string][]byte {
	t.Helper()
	require.NoError(t, s.Close())
	defer s.open()
	db, err := bbolt.Open(filepath.Join(s.dir, ledger.FileName), 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	all := map[string][]byte{}
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				all[string(name)+"\x00"+string(k)] = append([]byte(nil), v...)
				return nil
			})
		})
	}))
	require.NoError(t, db.Close())
	return all
}

// bare puts the rows of a footprint into a bbolt file of the same buckets, without any rule.
type bare struct {
	db   *bbolt.DB
	rows []row
	n    uint64
}

func openBare(t testing.TB, dir string, rows []row) *bare {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "bare.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	require.NoError(t, err)
	db.AllocSize = 16 << 20
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		for _, r := range rows {
			if _, err := tx.CreateBucketIfNotExists([]byte(r.bucket)); err != nil {
				return err
			}
		}
		return nil
	}))
	return &bare{db: db, rows: rows}
}

// put writes the rows once more under new keys, except those that the ledger writes over too. Keys grow where
// the ledger's grow and are scattered where the ledger's are.
func (x *bare) put() error {
	x.n++
	return x.db.Update(func(tx *bbolt.Tx) error {
		for _, r := range x.rows {
			b := tx.Bucket([]byte(r.bucket))
			key := append([]byte(nil), r.key...)
			switch r.bucket {
			case "meta":
			case "journal":
				b.FillPercent = 1
				binary.BigEndian.PutUint64(key[len(key)-8:], x.n)
			case "own":
				binary.BigEndian.PutUint64(key[len(key)-8:], x.n)
			case "index":
				binary.BigEndian.PutUint32(key[len(key)-4:], uint32(x.n))
			default:
				binary.BigEndian.PutUint64(key, x.n*0x9e3779b97f4a7c15)
			}
			if err := b.Put(key, r.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkFinish times Finish and a bare Update of the same rows in turn, so that a disk that drifts
// slows both, and says their ratio and how many flushes each commit costs.
func BenchmarkFinish(b *testing.B) {
	rows := footprint(b)
	s := openShop(b, b.TempDir()).withAnna(1 << 38)
	defer func() { require.NoError(b, s.Close()) }()
	x := openBare(b, b.TempDir(), rows)
	defer func() { require.NoError(b, x.db.Close()) }()
	const warm = 200
	var ours, bares []time.Duration
	for n := 0; n < warm || b.Loop(); n++ {
		d := s.draft(anna, 100, goods(10000, 5000))
		j, err := s.Begin(ledger.Job{Draft: d})
		require.NoError(b, err)
		f := s.print(j, sale.DocSale)
		start := time.Now()
		_, err = s.Finish(d.ID, f)
		ours = append(ours, time.Since(start))
		require.NoError(b, err)
		start = time.Now()
		err = x.put()
		bares = append(bares, time.Since(start))
		require.NoError(b, err)
		if n%64 == 63 { // head office acknowledges, so that a balance does not add up the whole day
			s.apply(customerChange(sale.Customer{No: anna, Balance: s.balance(anna), Seen: sale.Seen{Epoch: s.Head().Epoch, Seq: s.Head().Seq}}))
		}
	}
	ours, bares = ours[warm:], bares[warm:]
	slices.Sort(ours)
	slices.Sort(bares)
	if len(ours) == 0 {
		return
	}
	b.ReportMetric(micros(ours, 50), "p50_us")
	b.ReportMetric(micros(ours, 99), "p99_us")
	b.ReportMetric(micros(bares, 50), "bare_p50_us")
	b.ReportMetric(micros(ours, 50)/micros(bares, 50), "ratio")
	b.ReportMetric(finishRatioMax, "ratio_limit")
}

func micros(sorted []time.Duration, percent int) float64 {
	return float64(sorted[min(len(sorted)*percent/100, len(sorted)-1)].Nanoseconds()) / 1000
}

func init() { children["count"] = finishForStrace }

// finishForStrace sells a number of sales, for a parent that counts system calls.
func finishForStrace() int {
	n, err := strconv.Atoi(os.Getenv("KOPILKA_LEDGER_SALES"))
	if err != nil {
		return 2
	}
	dir, err := os.MkdirTemp("", "kopilka")
	if err != nil {
		return 2
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temp folder that stays harms nobody
	s := openShop(fatal{}, dir).withAnna(1 << 38)
	for range n {
		s.sell(anna, 100, 10000, 5000)
	}
	if err := s.Close(); err != nil {
		return 1
	}
	return 0
}

// fatal stands where a test would.
type fatal struct{}

func (fatal) Errorf(string, ...any) {}
func (fatal) FailNow()              { os.Exit(1) }

// TestFlushes counts the flushes of a sale from outside, by strace: Begin and Finish, two each.
func TestFlushes(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("flushes are counted by strace, which is not here")
	}
	count := func(sales int) int {
		out := filepath.Join(t.TempDir(), "trace")
		cmd := exec.Command(strace, "-f", "-e", "trace=fdatasync,fsync", "-o", out, os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=count", "KOPILKA_LEDGER_SALES="+strconv.Itoa(sales))
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("strace cannot trace here: %v: %s", err, b)
		}
		b, err := os.ReadFile(out)
		require.NoError(t, err)
		return bytes.Count(b, []byte("fdatasync(")) + bytes.Count(b, []byte("fsync("))
	}
	const more = 100
	none, some := count(0), count(more)
	per := float64(some-none) / (2 * more)
	t.Logf("%.2f flushes a commit", per)
	require.GreaterOrEqual(t, per, 1.0, "a commit without a flush is none")
	require.LessOrEqual(t, per, finishFlushesMax+0.05, "the file's growth is a flush more now and then")
}

const millionCustomers = 1_000_000

// generated feeds a million made-up customers, keys spread as hashes are.
func generated(n uint64) func() ([]sale.CustomerChange, error) {
	var at uint64
	const portion = 8192
	out := make([]sale.CustomerChange, 0, portion)
	keys := make([]sale.CustomerKey, 2*portion)
	return func() ([]sale.CustomerChange, error) {
		if at == n {
			return nil, io.EOF
		}
		out = out[:0]
		for len(out) < portion && at < n {
			at++
			k := keys[2*len(out) : 2*len(out)+2]
			k[0], k[1] = card(at), phone(at)
			out = append(out, sale.CustomerChange{Customer: sale.Customer{No: sale.CustomerNo(at), Name: "Анна П.", Tier: uint16(at % 3), Balance: sale.Points(at)}, Keys: k})
		}
		return out, nil
	}
}

// memory reads a line of /proc/self/status in MB.
func memory(b *testing.B, field string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	require.NoError(b, err)
	_, rest, _ := strings.Cut(string(status), field+":")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(b, err)
	return kb / 1024
}

// BenchmarkScan is a card under the scanner at a till that knows a million customers: find the
// customer, the product, what may be spent, and reckon the basket.
func BenchmarkScan(b *testing.B) {
	s := openShop(b, b.TempDir())
	defer func() { require.NoError(b, s.Close()) }()
	peak := 0.0
	next := generated(millionCustomers)
	start := time.Now()
	require.NoError(b, s.Fill(1, s.clock.At, millionCustomers, func() ([]sale.CustomerChange, error) {
		peak = max(peak, memory(b, "RssAnon"))
		return next()
	}))
	filled := time.Since(start).Seconds()
	peak = max(peak, memory(b, "RssAnon"))
	s.version = 1
	for i := range 1000 {
		s.apply(leaseChange(sale.CustomerNo(i*997+1), byte(i), 5000, func(c *sale.LeaseChange) {
			c.Lease.ID = sale.ID{0xbb, byte(i), byte(i >> 8)}
			c.Lots[0].ID = sale.ID{0xaa, byte(i), byte(i >> 8)}
			c.Lease.Parts[0].Lot = c.Lots[0].ID
		}))
	}
	s.apply(productChange(goods(10000)[0].Product), productChange(sale.Product{SKU: "x", Name: "Хлеб", Price: 5450, Codes: []string{"4600051000057"}}))
	debug.FreeOSMemory()
	random := rand.New(rand.NewPCG(1, 2))
	var took []time.Duration
	for b.Loop() {
		no := uint64(random.IntN(1000)*997 + 1)
		if random.IntN(2) == 0 {
			no = random.Uint64N(millionCustomers) + 1
		}
		k := card(no)
		start := time.Now()
		s.scan(k)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(micros(took, 50), "p50_us")
	b.ReportMetric(micros(took, 99), "p99_us")
	b.ReportMetric(scanMicrosMax, "p99_limit_us")
	b.ReportMetric(memory(b, "RssAnon"), "anon_MB")
	b.ReportMetric(scanAnonMBMax, "anon_limit_MB")
	b.ReportMetric(memory(b, "VmRSS"), "rss_MB")
	b.ReportMetric(filled, "fill_s")
	b.ReportMetric(peak, "fill_anon_MB")
	b.ReportMetric(fillAnonMBMax, "fill_anon_limit_MB")
}

func (s *shop) scan(k sale.CustomerKey) {
	c, err := s.FindCustomer(k)
	require.NoError(s.t, err)
	p, err := s.ProductByCode("4600051000057")
	require.NoError(s.t, err)
	held, err := s.Held(c.No)
	require.NoError(s.t, err)
	lines := append(goods(10000, 20000, 3000, 990), sale.Line{Product: p, Qty: sale.Piece})
	q, err := s.programme.Quote(loyalty.Request{
		Lines: lines, Redeem: loyalty.RedeemAll, At: s.clock.At,
		Buyer: &loyalty.Buyer{No: c.No, Tier: c.Tier, State: c.State, Spendable: loyalty.Spendable(held, s.clock.At)},
	})
	require.NoError(s.t, err)
	require.NotZero(s.t, q.Total)
}

// BenchmarkPhoneKey is what a phone typed in costs on top: the memory-hard hash of promise 5.
func BenchmarkPhoneKey(b *testing.B) {
	h := sale.PhoneHash{Salt: []byte("salt of the organisation"), Passes: sale.PhonePassesDefault, KiB: sale.PhoneKiBDefault}
	for b.Loop() {
		h.Key("+79161234567")
	}
}
