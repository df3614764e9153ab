package world_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/all"
	"github.com/kopilka/kopilka/drivers/charset"
	"github.com/kopilka/kopilka/drivers/drivertest/world"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/ffd"
	mercury "github.com/kopilka/kopilka/drivers/mercury/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// receiptsMade is how many receipts are printed on each register; sameSeed makes them the same on all.
const (
	receiptsMade = 200
	sameSeed     = 54
)

// fact is what a storage knows of one receipt, in words that do not depend on the protocol.
type fact struct {
	Type     storage.DocType
	Op       uint8
	Tax      uint8
	Sum      sale.Money
	Change   sale.Money
	Rounding sale.Money
	Paid     map[sale.TenderKind]sale.Money
	Cashier  string
	INN      string
	Contact  string
	Key      string
	Basis    storage.Basis
	Lines    []factLine
}

type factLine struct {
	Name       string
	Qty        int64
	Price, Sum sale.Money
	VAT        sale.VAT
	VATSum     sale.Money
	Method     uint8
	Subject    uint8
	Unit       uint8
	Mark       string
	Verdict    uint8
	Permit     string
}

// factOf reads a document.
func factOf(d storage.Document) fact {
	f := fact{
		Type: d.Type, Op: d.Op, Tax: d.Tax, Sum: d.Sum, Change: d.Change, Rounding: d.Rounding,
		Paid: map[sale.TenderKind]sale.Money{}, Cashier: d.Operator, INN: text(d.Tags, ffd.TagCashierINN),
		Contact: text(d.Tags, ffd.TagContact), Key: text(nested(d.Tags, ffd.TagUserRequisite), ffd.TagUserValue),
	}
	if d.Basis != nil {
		f.Basis = *d.Basis
		f.Basis.Number = sameLetters(f.Basis.Number)
	}
	for _, p := range d.Payments {
		f.Paid[p.Tender] += p.Sum
	}
	for _, l := range d.Lines {
		line := factLine{
			Name: sameLetters(l.Name), Qty: l.Qty, Price: l.Price, Sum: l.Sum, VAT: l.VAT, VATSum: l.VATSum, Method: l.Method, Subject: l.Subject,
			Mark: l.Mark, Verdict: l.Verdict,
		}
		for _, t := range l.Tags {
			if t.Tag == ffd.TagUnit && len(t.Value) == 1 {
				line.Unit = t.Value[0]
			}
		}
		permit := nested(l.Tags, ffd.TagIndustry)
		line.Permit = strings.Trim(strings.Join([]string{
			text(permit, ffd.TagIndustryOffice), text(permit, ffd.TagIndustryDay), text(permit, ffd.TagIndustryNumber), text(permit, ffd.TagIndustryValue),
		}, " "), " ")
		f.Lines = append(f.Lines, line)
	}
	return f
}

func text(tags []storage.Tag, tag uint16) string {
	for _, t := range tags {
		if t.Tag == tag {
			return t.Text()
		}
	}
	return ""
}

func nested(tags []storage.Tag, tag uint16) []storage.Tag {
	var out []storage.Tag
	for _, t := range tags {
		if t.Tag != tag {
			continue
		}
		values, err := ffd.ParseTLV(t.Value)
		if err != nil {
			return nil
		}
		for _, v := range values {
			out = append(out, storage.Tag{Tag: v.Tag, Value: v.Value})
		}
	}
	return out
}

// sameLetters is a text in the letters that every register takes: tag 1030 is cp866, wherever it came from, and
// Pirit has nothing beyond F0h.
func sameLetters(s string) string {
	return strings.NewReplacer("ё", "е", "№", "N").Replace(charset.From866(charset.Text866(s, ffd.NameBytes)))
}

// maker makes receipts, the same for the same seed.
type maker struct {
	*rand.Rand
	no   int
	sold []string // marking codes that may come back
}

func (m *maker) any(of ...string) string { return of[m.IntN(len(of))] }

var rates = []sale.VAT{sale.VAT22, sale.VAT10, sale.VAT0, sale.VATNone, sale.VAT5, sale.VAT7, sale.VAT22122, sale.VAT5105, sale.VAT7107, sale.VAT10110}

func (m *maker) name() string {
	n := m.any("Хлеб", "Молоко 3,2 % «Домик», 1 л", "Ёжик — ёлка №5 по 5 ₽", "Cheese “Gouda” 45%…", "й и\u0306 Сырок", "Кофе\tмолотый & <зёрна>", "日本 чай",
		strings.Repeat("Очень длинное название товара ", 6), strings.Repeat("ё", 200), strings.Repeat("и\u0306", 100), strings.Repeat("№", 127)+"…конец", "//Скидка", "Цена 100$1D50")
	return fmt.Sprintf("%s %d", n, m.no)
}

func (m *maker) line(doc sale.DocKind, marked bool) drivers.ReceiptLine {
	l := drivers.ReceiptLine{
		Name: m.name(), VAT: rates[m.IntN(len(rates))], Subject: []sale.Subject{sale.SubjectGoods, sale.SubjectService}[m.IntN(2)],
		Part: sale.Part{Qty: sale.Piece * sale.Qty(1+m.IntN(20)), Price: sale.Money(1 + m.IntN(100_000))},
	}
	switch m.IntN(5) {
	case 0:
		l.Unit, l.Part.Qty = sale.UnitKilogram, sale.Qty(1+m.IntN(5000))
	case 1:
		l.Unit, l.Part.Qty = sale.UnitLitre, 432
	}
	if marked && m.IntN(2) == 0 {
		m.no++
		l.Unit, l.Part.Qty, l.Subject = sale.UnitPiece, sale.Piece, sale.SubjectMarkedGoods
		l.Mark = &drivers.Mark{Raw: fmt.Sprintf("0104600494000010215%06d\x1d93dGVz", m.no)}
		switch {
		case doc == sale.DocSaleReturn && len(m.sold) == 0:
			l.Mark = nil
		case doc == sale.DocSaleReturn:
			l.Mark.Raw, m.sold = m.sold[0], m.sold[1:]
		case m.IntN(2) == 0:
			l.Mark.Permit = &drivers.Permit{Request: "d1b9b1c2-1111-4222-8333-444455556666", At: 1_763_800_000_000 + int64(m.no)}
		}
	}
	var err error
	l.Part.Sum, err = l.Part.Price.Times(l.Part.Qty)
	if err != nil {
		panic(err) // the ranges above cannot
	}
	return l
}

func (m *maker) receipt() drivers.Receipt {
	m.no++
	r := drivers.Receipt{
		Doc: []sale.DocKind{sale.DocSale, sale.DocSale, sale.DocSale, sale.DocSaleReturn, sale.DocExpense, sale.DocExpenseReturn}[m.IntN(6)],
		Tax: []drivers.TaxSystem{drivers.TaxOSN, drivers.TaxUSNIncome, drivers.TaxUSNProfit}[m.IntN(3)],
		Key: fmt.Sprintf("A7-%04d", m.no),
		Operator: drivers.Operator{
			Name: m.any("Иванова Ёлка Петровна", "Кассир O'Brien", "Ж"), INN: m.any("", "500100732259"),
		},
		Contact: m.any("", "+79210000001", "buyer+tag@example.com", "почта@пример.рф"),
	}
	count := 1 + m.IntN(6)
	if m.IntN(40) == 0 {
		count = 120
	}
	for range count {
		l := m.line(r.Doc, count < 20 && (r.Doc == sale.DocSale || r.Doc == sale.DocSaleReturn))
		if l.Part.Sum == 0 {
			continue
		}
		r.Lines, r.Total = append(r.Lines, l), r.Total+l.Part.Sum
	}
	if len(r.Lines) == 0 {
		return m.receipt()
	}
	m.pay(&r)
	return r
}

func (m *maker) pay(r *drivers.Receipt) {
	rest := r.Total
	for _, kind := range []sale.TenderKind{sale.TenderCard, sale.TenderAdvance, sale.TenderCredit, sale.TenderCounter} {
		if m.IntN(4) == 0 && rest > 1 {
			part := sale.Money(1 + m.Int64N(int64(rest)))
			r.Tenders, rest = append(r.Tenders, sale.Tender{Kind: kind, Amount: part}), rest-part
		}
	}
	if rest > 0 {
		r.Tenders = append(r.Tenders, sale.Tender{Kind: sale.TenderCash, Amount: rest})
		if m.IntN(2) == 0 {
			r.Given = rest + sale.Money(m.IntN(100_000))
		}
	}
}

// dearest is a receipt as large as the narrowest of the protocols holds: Mercury reckons in 32 bits.
func dearest() drivers.Receipt {
	const most = mercury.AmountMax
	return drivers.Receipt{
		Doc: sale.DocSale, Tax: drivers.TaxOSN, Operator: drivers.Operator{Name: "Кассир"}, Total: most, Key: "dearest",
		Lines:   []drivers.ReceiptLine{{Name: "Самолёт", Part: sale.Part{Qty: sale.Piece, Price: most, Sum: most}, VAT: sale.VAT22, Subject: sale.SubjectGoods}},
		Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: most}},
	}
}

// made is what one register made of the receipts.
type made struct {
	facts  []fact
	failed []string // by receipt, empty where it was printed
}

func makeAll(t *testing.T, w world.World) (out made) {
	t.Helper()
	m, err := w.New(world.Options{INN: "7707083893", Now: time.Now, OFDDelay: time.Second})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	settings := map[string]string{"sale-key": "on"}
	for k, v := range w.Settings {
		settings[k] = v
	}
	p, err := all.Printer(w.Type, "register", func(context.Context) (port.Conn, error) {
		ours, theirs := net.Pipe()
		served.Go(func() { _ = m.Serve(ctx, theirs) }) // ends with the link
		return ours, nil
	}, settings)
	require.NoError(t, err)
	defer func() {
		require.NoError(t, p.Close())
		cancel()
		served.Wait()
		require.NoError(t, m.Close())
	}()
	_, err = p.OpenShift(ctx, drivers.Operator{Name: "Кассир"})
	require.NoError(t, err)
	require.NoError(t, p.(drivers.CashMover).CashIn(ctx, drivers.Operator{Name: "Кассир"}, 1_000_000_000))
	random := &maker{Rand: rand.New(rand.NewPCG(sameSeed, sameSeed))}
	one := func(print func() (sale.Fiscal, error)) {
		n := len(m.Archive())
		_, err := print()
		docs := m.Archive()
		if err != nil {
			require.Len(t, docs, n)
			out.facts, out.failed = append(out.facts, fact{}), append(out.failed, err.Error())
			return
		}
		require.Len(t, docs, n+1)
		out.facts, out.failed = append(out.facts, factOf(docs[n])), append(out.failed, "")
	}
	for i := range receiptsMade {
		r := random.receipt()
		if i%10 == 9 {
			for n := range r.Lines {
				r.Lines[n].Mark = nil // Pirit corrects papers and not pieces: it leaves the codes out
			}
			c := drivers.Correction{Receipt: r, Day: time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)}
			if i%20 == 9 {
				c.Prescribed, c.Number = true, "Предписание № 5-ё"
			}
			one(func() (sale.Fiscal, error) { return p.(drivers.Corrector).Correct(ctx, c) })
			continue
		}
		one(func() (sale.Fiscal, error) { return p.Print(ctx, r) })
		for _, l := range r.Lines {
			if l.Mark != nil && r.Doc == sale.DocSale {
				random.sold = append(random.sold, l.Mark.Raw)
			}
		}
	}
	one(func() (sale.Fiscal, error) { return p.Print(ctx, dearest()) })
	return out
}

// What stands in the storage, and goes to the tax office, does not depend on the protocol that carried it.
func TestSameReceiptOnEveryProtocol(t *testing.T) {
	var first made
	for i, w := range world.All() {
		var got made
		synctest.Test(t, func(t *testing.T) { got = makeAll(t, w) })
		require.Len(t, got.facts, receiptsMade+1, w.Name)
		if i == 0 {
			first = got
			require.Equal(t, make([]string, receiptsMade+1), got.failed)
			continue
		}
		for n := range got.facts {
			require.Equal(t, first.failed[n], got.failed[n], "%s, receipt %d of seed %d", w.Name, n, sameSeed)
			require.Equal(t, first.facts[n], got.facts[n], "%s, receipt %d of seed %d", w.Name, n, sameSeed)
		}
	}
}
