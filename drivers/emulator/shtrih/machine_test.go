package shtrih_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/ledger/sale"
)

// clockAt is a shop clock that a test moves by hand.
func clockAt(t *time.Time) func() time.Time { return func() time.Time { return *t } }

var noon = time.Date(2026, 11, 21, 12, 0, 30, 0, time.UTC)

func TestSaleIsSignedArchivedAndPrinted(t *testing.T) {
	now := noon
	r := build(t, shtrih.Options{INN: "7707083893", Shop: []string{"У ДОМА"}, Now: clockAt(&now)})
	run(t, r, openShift)
	run(t, r, sell)
	run(t, r, milk)
	run(t, r, item(1, 432_000, 19900, reckonSelf, 1, "Apples"))
	require.Equal(t, le(8990+8597, 5), run(t, r, command("89", cashier))[1:])
	data := run(t, r, closing(map[int]uint64{1: 10000, 2: 10000}, 87))
	require.Equal(t, le(20000-(8990+8597-87), 5), data[:5], "change")
	require.Equal(t, le(3, 4), data[5:9], "FD")
	require.Equal(t, []byte{26, 11, 21, 12, 0}, data[13:18], "time")

	docs := r.Documents()
	require.Len(t, docs, 3)
	d := docs[2]
	require.Equal(t, sale.Money(17500), d.Sum)
	require.Equal(t, uint8(1), d.Op)
	require.Equal(t, sale.Money(87), d.Rounding)
	require.Equal(t, sale.VAT22, d.Lines[1].VAT, "firmware turns 20 into 22 since 2026")
	require.Equal(t, sale.Money(1550), d.Lines[1].VATSum, "85.97 × 22/122")
	require.Equal(t, int64(7500), r.State().Drawer)

	found := run(t, r, command("ff0a", cashier, le(3, 4)))
	require.Equal(t, []byte{3, 1, 26, 11, 21, 12, 0, 3, 0, 0, 0}, found[:11])
	require.Equal(t, data[9:13], found[11:15], "the same fiscal sign")
	require.Equal(t, append([]byte{1}, le(17500, 5)...), found[15:])

	texts, qr := papers(r)
	require.Contains(t, texts, "У ДОМА")
	require.Contains(t, texts, "0.432 x 199.00"+strings.Repeat(" ", 20)+"=85.97")
	require.Equal(t, d.Fiscal("9999078900000001", "").QR(), qr)
	parsed, err := sale.ParseFiscalQR(qr)
	require.NoError(t, err)
	require.Equal(t, d.Sign, parsed.Sign)
}

// papers is the texts of the tape without indents, and its last QR.
func papers(r *shtrih.Register) (texts []string, qr string) {
	for _, l := range r.Tape() {
		if l.Kind == paper.QR {
			qr = l.Text
			continue
		}
		texts = append(texts, strings.TrimSpace(l.Text))
	}
	return texts, qr
}

func TestRefusals(t *testing.T) {
	open := func(t *testing.T, r *shtrih.Register) { run(t, r, openShift) }
	selling := func(t *testing.T, r *shtrih.Register) { open(t, r); run(t, r, sell) }
	sold := func(t *testing.T, r *shtrih.Register) { selling(t, r); run(t, r, milk) }
	fresh := func(*testing.T, *shtrih.Register) {}
	for _, c := range []struct {
		name  string
		setup func(*testing.T, *shtrih.Register)
		body  []byte
		want  byte
	}{
		{"unknown command", fresh, command("7e", cashier), 0x37},
		{"unknown FN command", fresh, command("ff99", cashier), 0x37},
		{"too short", fresh, command("10", []byte{1}), 0x33},
		{"too long", fresh, command("10", cashier, []byte{0}), 0x33},
		{"wrong password", fresh, command("10", le(4711, 4)), 0x4F},
		{"cashier asks for Z", open, command("41", cashier), 0x4F},
		{"cashier reads a table", fresh, command("1f", cashier, []byte{6, 1, 0, 1}), 0x4F},
		{"no such table", fresh, command("1f", sysadmin, []byte{99, 1, 0, 1}), 0x5D},
		{"no such row", fresh, command("1f", sysadmin, []byte{6, 13, 0, 1}), 0x5D},
		{"read-only table", fresh, command("1e", sysadmin, []byte{18, 1, 0, 2}, []byte("1")), 0x5D},
		{"sale without a shift", fresh, sell, 0x3D},
		{"Z without a shift", fresh, zReport, 0x3D},
		{"shift twice", open, openShift, 0x73},
		{"receipt twice", selling, sell, 0x4A},
		{"Z in a receipt", selling, zReport, 0x4A},
		{"cash in a receipt", selling, command("50", cashier, le(1, 5)), 0x4A},
		{"position without a receipt", open, milk, 0x55},
		{"close without a receipt", open, payMilk, 0x55},
		{"cancel without a receipt", open, cancel, 0x73},
		{"no such receipt kind", open, command("8d", cashier, []byte{4}), 0x33},
		{"position of a return in a sale", selling, item(2, 1_000_000, 100, 100, 1, "x"), 0x5E},
		{"sum two kopecks off", selling, item(1, 1_000_000, 100, 102, 1, "x"), 0x33},
		{"no quantity", selling, item(1, 0, 100, 0, 1, "x"), 0x33},
		{"sum beyond five bytes", selling, item(1, 1<<48-1, 1<<39, reckonSelf, 1, "x"), 0x33},
		{"no such tax", selling, item(1, 1_000_000, 100, 100, 3, "x"), 0x33},
		{"tag without a position", selling, command("ff4d", cashier, le(1191, 2), le(1, 2), []byte("x")), 0x02},
		{"tag without a document", open, command("ff0c", cashier, le(1021, 2), le(1, 2), []byte("x")), 0x02},
		{"torn tag", selling, command("ff0c", cashier, le(1021, 2), le(9, 2), []byte("x")), 0x09},
		{"tags of 251 bytes", selling, command("ff0c", cashier, le(1021, 2), le(247, 2), make([]byte, 247)), 0x10},
		{"nothing sold", selling, payMilk, 0x8E},
		{"paid too little", sold, closing(map[int]uint64{1: 8989}, 0), 0x45},
		{"cashless beyond the total", sold, closing(map[int]uint64{2: 8991}, 0), 0x4D},
		{"rounded by a rouble", sold, closing(map[int]uint64{1: 8990}, 100), 0x33},
		{"cash out of an empty drawer", open, command("51", cashier, le(1, 5)), 0x46},
		{"nothing to repeat", fresh, command("8c", cashier), 0x56},
		{"clock in a shift", open, command("21", sysadmin, []byte{10, 0, 0}), 0x73},
		{"no such time", fresh, command("21", sysadmin, []byte{24, 0, 0}), 0x33},
		{"no such document", fresh, command("ff0a", cashier, le(2, 4)), 0x08},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := build(t, shtrih.Options{})
			c.setup(t, r)
			before := len(r.Documents())
			refused(t, c.want, r, c.body)
			require.Len(t, r.Documents(), before)
		})
	}
}

func TestOneKopeckOffIsTaken(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	run(t, r, sell)
	run(t, r, item(1, 333_000, 1000, 334, 1, "x"))
	run(t, r, item(1, 333_000, 1000, 332, 1, "x"))
	run(t, r, closing(map[int]uint64{2: 666}, 0))
	require.Equal(t, sale.Money(666), r.Documents()[2].Sum)
}

func TestReturnNeedsCashInTheDrawer(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	run(t, r, takeBack)
	run(t, r, item(2, 1_000_000, 8990, 8990, 2, "Milk"))
	refused(t, 0x46, r, closing(map[int]uint64{1: 8990}, 0))
	run(t, r, closing(map[int]uint64{2: 8990}, 0))
	run(t, r, command("50", cashier, le(10000, 5)))
	run(t, r, takeBack)
	run(t, r, item(2, 1_000_000, 8990, 8990, 2, "Milk"))
	run(t, r, closing(map[int]uint64{1: 8990}, 0))
	require.Equal(t, le(1010, 6), run(t, r, command("1a", cashier, []byte{241}))[1:])
}

func TestShiftOlderThan24Hours(t *testing.T) {
	now := noon
	r := build(t, shtrih.Options{Now: clockAt(&now)})
	run(t, r, openShift)
	run(t, r, sell)
	run(t, r, milk)
	now = now.Add(24 * time.Hour)
	refused(t, 0x16, r, payMilk)
	run(t, r, cancel)
	require.Equal(t, byte(3), run(t, r, status)[3], "mode")
	refused(t, 0x4E, r, sell)
	run(t, r, zReport)
	run(t, r, openShift)
	run(t, r, sell)
	require.Equal(t, []byte{1, 2, 0, 0, 0}, run(t, r, command("ff40", cashier)))
}

func TestOperatorOfFiscalDataSilentForAMonth(t *testing.T) {
	now := noon
	r := build(t, shtrih.Options{Now: clockAt(&now)})
	require.Zero(t, r.State().Unsent)
	r.SetOFD(false)
	run(t, r, openShift)
	run(t, r, zReport)
	require.Equal(t, []byte{2, 0, 2, 0, 2, 0, 0, 0, 26, 11, 21, 12, 0}, run(t, r, command("ff39", cashier)), "two wait, the registration was confirmed")
	now = now.Add(31 * 24 * time.Hour)
	require.NotZero(t, run(t, r, fnStatus)[4]&8, "warning bit")
	refused(t, 0x15, r, openShift)
	r.SetOFD(true)
	run(t, r, openShift)
	require.Equal(t, byte(1), run(t, r, command("ff0a", cashier, le(2, 4)))[1])
}

func TestClockIsSetInTwoSteps(t *testing.T) {
	now := noon
	r := build(t, shtrih.Options{Now: clockAt(&now)})
	run(t, r, command("21", sysadmin, []byte{13, 5, 7}))
	run(t, r, command("22", sysadmin, []byte{22, 11, 26}))
	require.Equal(t, byte(6), run(t, r, status)[3])
	refused(t, 0xC0, r, openShift)
	refused(t, 0x7C, r, command("23", sysadmin, []byte{23, 11, 26}))
	run(t, r, command("23", sysadmin, []byte{22, 11, 26}))
	require.Equal(t, time.Date(2026, 11, 22, 13, 5, 7, 0, time.UTC), r.State().Clock)
	run(t, r, openShift)
	r.JumpClock(6 * time.Minute)
	refused(t, 0x17, r, sell)
	r.JumpClock(-26 * time.Hour)
	refused(t, 0x07, r, sell)
}

func TestStorageAtItsEnd(t *testing.T) {
	now := noon
	r := build(t, shtrih.Options{Now: clockAt(&now), FNExpires: noon.Add(36 * time.Hour)})
	require.Equal(t, byte(0b11), run(t, r, fnStatus)[4])
	run(t, r, openShift)
	now = now.Add(37 * time.Hour)
	run(t, r, zReport)
	refused(t, 0x05, r, openShift)
	require.NotZero(t, run(t, r, fnStatus)[4]&0x80)
}

func TestPaperOutInMidPrint(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	run(t, r, sell)
	run(t, r, milk)
	r.Inject(shtrih.Fault{Kind: shtrih.PaperOutAtLine, N: 2})
	printed := len(r.Tape())
	run(t, r, payMilk) // the document is closed, only the paper is short
	require.Len(t, r.Tape(), printed+2)
	require.Len(t, r.Documents(), 3)
	require.Equal(t, []byte{2, 2}, run(t, r, status)[3:5], "sub-mode 2: was printing")
	refused(t, 0x6B, r, sell)
	refused(t, 0x6B, r, resume)
	r.SetPaper(true)
	require.Equal(t, []byte{2, 3}, run(t, r, status)[3:5], "sub-mode 3: waits for B0h")
	refused(t, 0x58, r, sell)
	run(t, r, resume)
	require.Equal(t, []byte{2, 0}, run(t, r, status)[3:5])
	tape := r.Tape()
	require.Equal(t, paper.Cut, tape[len(tape)-1].Kind)
	run(t, r, sell)
}

func TestCoverOpenAndPassivePaperOut(t *testing.T) {
	r := build(t, shtrih.Options{})
	r.SetCover(true)
	data := run(t, r, status)
	require.NotZero(t, data[2]&0x04, "bit 10: lid")
	require.Equal(t, byte(1), data[4], "sub-mode 1: not printing")
	refused(t, 0x6B, r, openShift)
	r.SetCover(false)
	r.SetPaper(false)
	require.Zero(t, run(t, r, status)[1]&0x80, "bit 7: receipt paper")
	refused(t, 0x6B, r, openShift)
	r.SetPaper(true)
	run(t, r, openShift)
}

func TestPowerCuts(t *testing.T) {
	for _, c := range []struct {
		fault shtrih.FaultKind
		keep  bool
		docs  int
		mode  byte
		cash  int64
	}{
		{shtrih.PowerBeforeWrite, false, 2, 2, 0},
		{shtrih.PowerBeforeWrite, true, 2, 8, 0},
		{shtrih.PowerAfterWrite, false, 3, 2, 8990},
		{shtrih.PowerAfterWrite, true, 3, 2, 8990},
		{shtrih.PowerOutAtLine, false, 3, 2, 8990},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			r := build(t, shtrih.Options{KeepDocument: c.keep})
			run(t, r, openShift)
			run(t, r, sell)
			run(t, r, milk)
			r.Inject(shtrih.Fault{Kind: c.fault})
			_, ok := r.Execute(payMilk)
			require.False(t, ok, "nobody hears an answer")
			require.Len(t, r.Fired(), 1)
			_, ok = r.Execute(status)
			require.False(t, ok)
			r.SetPower(true)
			require.Len(t, r.Documents(), c.docs)
			require.Equal(t, c.mode, run(t, r, status)[3])
			require.Equal(t, c.cash, r.State().Drawer, "cash is counted once")
			if c.docs == 3 {
				require.Equal(t, byte(3), run(t, r, status)[4], "the rest of the paper waits for B0h")
				run(t, r, resume)
				_, qr := papers(r)
				require.Equal(t, r.Documents()[2].Fiscal("9999078900000001", "").QR(), qr)
			}
			require.Equal(t, c.mode == 8, run(t, r, fnStatus)[1] == 4, "storage and register agree")
		})
	}
}

func TestDocumentCancelledInTheStorageOnly(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	run(t, r, sell)
	run(t, r, milk)
	run(t, r, command("ff08", cashier))
	refused(t, 0x02, r, payMilk)
	run(t, r, cancel)
	require.Equal(t, byte(2), run(t, r, status)[3])
}

func TestTables(t *testing.T) {
	r := build(t, shtrih.Options{})
	require.Equal(t, le(2200, 2), run(t, r, command("1f", sysadmin, []byte{6, 11, 0, 1})))
	shape := run(t, r, command("2d", sysadmin, []byte{2}))
	require.Equal(t, []byte{30, 0, 3}, shape[40:])
	run(t, r, command("1e", sysadmin, []byte{2, 1, 0, 1}, le(777, 4)))
	refused(t, 0x4F, r, status)
	require.Equal(t, byte(1), run(t, r, command("10", le(777, 4)))[0], "operator 1 by his new password")
	run(t, r, command("1e", sysadmin, []byte{17, 1, 0, 71, 2}))
	run(t, r, command("e0", sysadmin))
	run(t, r, command("8d", sysadmin, []byte{0}))
	for _, code := range []byte{1, 0xCB} {
		body := item(1, 1_000_000, 12200, 12200, code, "x")
		copy(body[2:6], sysadmin)
		run(t, r, body)
	}
	body := closing(map[int]uint64{1: 24400}, 0)
	copy(body[2:6], sysadmin)
	run(t, r, body)
	lines := r.Documents()[2].Lines
	require.Equal(t, []sale.VAT{sale.VAT20, sale.VAT22}, []sale.VAT{lines[0].VAT, lines[1].VAT})
	require.Equal(t, sale.Money(2200), lines[1].VATSum)
}

func TestBusyWhilePrinting(t *testing.T) {
	now := noon
	r := build(t, shtrih.Options{Now: clockAt(&now), LineTime: time.Second})
	run(t, r, openShift)
	require.Equal(t, byte(5), run(t, r, status)[4])
	refused(t, 0x50, r, sell)
	now = now.Add(time.Minute)
	run(t, r, sell)
	now = now.Add(time.Minute)
	r.Inject(shtrih.Fault{Kind: shtrih.Busy, Command: 0xFF46, For: 30 * time.Second})
	refused(t, 0x50, r, milk)
	now = now.Add(31 * time.Second)
	run(t, r, milk)
}

func TestQRCodeFromBlocks(t *testing.T) {
	r := build(t, shtrih.Options{})
	text := make([]byte, 100)
	for i := range text {
		text[i] = byte('a' + i%26)
	}
	run(t, r, command("dd", cashier, []byte{0, 0}, text[:64]))
	run(t, r, command("dd", cashier, []byte{0, 1}, text[64:]))
	run(t, r, command("de", cashier, []byte{3}, le(100, 2), make([]byte, 7)))
	_, qr := papers(r)
	require.Equal(t, string(text), qr)
	refused(t, 0x33, r, command("de", cashier, []byte{3}, le(200, 2), make([]byte, 7)))
}

// Whatever is sent in whatever order, the machine answers within its form, and the books agree with
// the archive.
func TestAnySequenceKeepsTheBooks(t *testing.T) {
	bodies := [][]byte{
		openShift, zReport, sell, takeBack, cancel, milk, payMilk, status, fnStatus, resume,
		command("50", cashier, le(7000, 5)), command("51", cashier, le(3000, 5)), command("ff08", cashier),
		item(2, 1_000_000, 500, 500, 8, "Bag"), closing(map[int]uint64{1: 500}, 0), closing(map[int]uint64{2: 8990}, 0),
		command("8c", cashier), command("40", sysadmin),
	}
	kinds := []shtrih.FaultKind{
		shtrih.PowerBeforeWrite, shtrih.PowerAfterWrite, shtrih.PaperOutAtLine, shtrih.PowerOutAtLine,
	}
	rapid.Check(t, func(t *rapid.T) {
		r, err := shtrih.New(shtrih.Options{KeepDocument: rapid.Bool().Draw(t, "keep")})
		require.NoError(t, err)
		moved := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			body := rapid.SampledFrom(bodies).Draw(t, "body")
			if rapid.IntRange(0, 9).Draw(t, "fault") == 0 {
				r.Inject(shtrih.Fault{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), N: rapid.IntRange(0, 9).Draw(t, "n")})
			}
			before := r.State().Drawer
			_, ok := r.Execute(body)
			if body[0] == 0x50 || body[0] == 0x51 {
				moved += r.State().Drawer - before
			}
			if !ok {
				r.SetPower(true)
			}
			r.SetPaper(true)
		}
		require.NoError(t, r.Close())
		cash := moved
		for i, d := range r.Documents() {
			require.Equal(t, uint32(i+1), d.FD)
			for _, p := range d.Payments {
				if p.Tender == sale.TenderCash && d.Op == 1 {
					cash += int64(p.Sum - d.Change)
				} else if p.Tender == sale.TenderCash {
					cash -= int64(p.Sum - d.Change)
				}
			}
		}
		require.Equal(t, cash, r.State().Drawer)
	})
}

func FuzzMachine(f *testing.F) {
	for _, seed := range [][]byte{milk, payMilk, sell, openShift, {}, {0xFF}, {0xFF, 0x46}, {0xF7, 1}, command("1e", sysadmin, []byte{2, 1, 0, 1, 1})} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, body []byte, selling bool) {
		r, err := shtrih.New(shtrih.Options{})
		require.NoError(t, err)
		run(t, r, openShift)
		if selling {
			run(t, r, sell)
		}
		answer, ok := r.Execute(body)
		require.True(t, ok)
		require.LessOrEqual(t, len(answer), 255, "fits a frame")
		run(t, r, command("fc"))
	})
}
