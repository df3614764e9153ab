package sale

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden records anew; only for a new record version")

// soldRecord is a sale with everything that a sale can have.
func soldRecord() Record {
	return Record{
		Version: 1, Org: 1, Store: 2, Till: 7, Epoch: 1, Seq: 5, Prev: Hash{9}, ID: ID{1, 2}, Kind: KindSale, At: 1_793_610_000_000,
		Quality: TimeHeadOffice, Staff: 3, Shift: 11,
		Sale: &Sale{
			No: MakeNumber(7, 42), Customer: MakeNumber(0, 5), Tier: 1, Programme: 3, Gross: 16512, Redeemed: 1012, Total: 15500, Earned: 500,
			Lines: []SoldLine{
				{SKU: "bread", Name: "Хлеб", Qty: 2000, Price: 5450, Gross: 10900, Redeemed: 900, Net: 10000, Earned: 300, VAT: VAT10, Subject: SubjectGoods, Parts: []Part{{2000, 5000, 10000}}},
				{SKU: "apples", Name: "Яблоки", Code: "2100017004322", Qty: 432, Price: 12990, Gross: 5612, Redeemed: 112, Net: 5500, Earned: 200, VAT: VAT20, Subject: SubjectGoods, Unit: UnitKilogram, Traits: Weighed, Parts: []Part{{432, 12731, 5500}}, Reasons: []Reason{{Rule: "round.move", Amount: 1}}},
			},
			Tenders: []Tender{{TenderCash, 5500}, {TenderCard, 10000}}, Given: 6000, Contact: Commitment{8}, Reasons: []Reason{{Rule: "tier.earn", Amount: 500, Detail: "5 %"}},
		},
		Fiscal:   &Fiscal{Kind: FiscalOwn, Key: FiscalKey{"9999078900001234", 17}, Sign: 1, Shift: 11, Receipt: 2, Doc: DocSale, Sum: 15500, Stamp: "20261102T1200", Register: "shtrih-1"},
		Postings: []Posting{{CustomerAccount(5), ID{3}, -1012}, {ProgrammeAccount(), ID{}, 1012}, {ProgrammeAccount(), ID{}, -500}, {CustomerAccount(5), ID{4}, 500}},
		Lots:     []Lot{{ID: ID{4}, Account: CustomerAccount(5), ActivatesAt: 1, ExpiresAt: 2, Source: ID{1, 2}}},
		Leases:   []Lease{{ID: ID{5}, Account: CustomerAccount(5), Holder: Holder{2, 7}, Parts: []LotAmount{{ID{4}, 500}}}},
		Spends:   []Spend{{ID{6}, ID{3}, 1012}},
	}
}

func returnRecord() Record {
	return Record{
		Version: 1, Org: 1, Store: 2, Till: 7, Epoch: 1, Seq: 6, ID: ID{2}, Kind: KindReturn, At: 1, Quality: TimeRegister,
		Return: &Return{
			No: MakeNumber(7, 43), Of: ID{1, 2}, OfNo: MakeNumber(7, 42), Total: 5000, Restored: 450, Clawed: 150, Customer: 5,
			Lines:   []ReturnedLine{{Line: 0, SKU: "bread", Name: "Хлеб", Qty: 1000, Net: 5000, Restored: 450, Clawed: 150, VAT: VAT10, Subject: SubjectGoods, Parts: []Part{{1000, 5000, 5000}}}},
			Tenders: []Tender{{TenderCash, 5000}}, Reason: "не свежий",
		},
		Postings: []Posting{{CustomerAccount(5), ID{3}, 450}, {DebtAccount(5), ID{}, -150}, {ProgrammeAccount(), ID{}, -300}},
	}
}

// small are the records without goods, one of each kind.
func small() map[string]Record {
	base := Record{Version: 1, Org: 1, Store: 1, Till: 7, Epoch: 2, Seq: 1, ID: ID{7}, At: 1, Quality: TimeFrozen}
	with := func(kind RecordKind, fill func(*Record)) Record {
		r := base
		r.Kind = kind
		fill(&r)
		return r
	}
	return map[string]Record{
		"shift-open": with(KindShiftOpen, func(r *Record) { r.Shift = 4 }),
		"shift-close": with(KindShiftClose, func(r *Record) {
			r.Close = &ShiftClose{Sales: 1, Sold: 5, Cash: 5, Head: Hash{1}, Storage: &StorageTotals{Sales: 1, Sold: 5}}
		}),
		"shift-swap": with(KindShiftClose, func(r *Record) {
			r.Close = &ShiftClose{
				Sales: 1, Sold: 5, Cash: 5, Head: Hash{1}, Corrections: 2, Corrected: -3, Swapped: "9999078900000002", By: 3,
				Storage: &StorageTotals{Sales: 1, Sold: 5, Corrections: 2, Corrected: -3},
			}
		}),
		"cash-in":  with(KindCashIn, func(r *Record) { r.Cash = &CashMove{Amount: 100, Reason: "размен"} }),
		"cash-out": with(KindCashOut, func(r *Record) { r.Cash = &CashMove{Amount: 100} }),
		"abandon":  with(KindAbandon, func(r *Record) { r.Abandon = &Abandon{What: KindSale, Total: 5, Reason: "no paper", By: 2} }),
		"epoch":    with(KindEpoch, func(r *Record) { r.Start = &EpochStart{Reason: "restored", OldEpoch: 1, OldSeq: 9, OldHead: Hash{3}} }),
		"release":  with(KindRelease, func(r *Record) { r.Release = &Release{Lease: ID{5}} }),
		"grant":    with(KindGrant, func(r *Record) { r.Till = 0 }),
		"adjust": with(KindAdjust, func(r *Record) {
			r.Adjust = &Adjust{Customer: 5, Amount: 10, Reason: "opening balance"}
			r.Postings = []Posting{{CustomerAccount(5), ID{1}, 10}, {ProgrammeAccount(), ID{}, -10}}
		}),
		"correction": with(KindCorrection, func(r *Record) {
			r.Correct = &Correction{
				No: MakeNumber(7, 44), Of: DocSaleReturn, Prescribed: true, Day: 20261120, Number: "17-А", Reason: "предписание", Total: 5000,
				Lines: []CorrectedLine{{
					SKU: "bread", Name: "Хлеб", Code: "0104600000000015215abc", Part: Part{Qty: 1000, Price: 5000, Sum: 5000},
					VAT: VAT10, Subject: SubjectMarkedGoods, Unit: UnitKilogram, Traits: Marked,
				}},
				Tenders: []Tender{{TenderCash, 5000}},
			}
		}),
		"net":    with(KindNet, func(*Record) {}),
		"expire": with(KindExpire, func(*Record) {}),
	}
}

func allRecords() map[string]Record {
	all := small()
	all["sale"], all["return"] = soldRecord(), returnRecord()
	return all
}

// What was hashed in 2026 must hash the same for ever, so the bytes themselves are kept.
func TestGoldenRecords(t *testing.T) {
	for name, r := range allRecords() {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, r.Validate())
			b, err := r.Bytes()
			require.NoError(t, err)
			path := filepath.Join("testdata", "record-v1-"+name+".hex")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(b)+"\n"), 0o600))
			}
			golden, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, strings.TrimSpace(string(golden)), hex.EncodeToString(b))
			back, err := DecodeRecord(b)
			require.NoError(t, err)
			require.Equal(t, &r, back)
			again, err := back.Bytes()
			require.NoError(t, err)
			require.Equal(t, b, again)
			require.Equal(t, strings.Replace(name, "swap", "close", 1), r.Kind.String())
			_, err = json.Marshal(r)
			require.NoError(t, err)
		})
	}
}

// A zero that goes into the bytes is paid for in every record of every till.
func TestZeroFieldsAreLeftOut(t *testing.T) {
	open := small()["shift-open"]
	open.Shift = 0
	b, err := open.Bytes()
	require.NoError(t, err)
	var fields map[int]any
	require.NoError(t, Decode(b, &fields))
	require.Len(t, fields, 11, "%v", fields)
	for name, c := range map[string]struct {
		value any
		want  int
	}{
		"customer": {Customer{No: 1}, 1},
		"fiscal":   {Fiscal{Kind: FiscalNone}, 1},
		"posting":  {Posting{Account: ProgrammeAccount(), Amount: 1}, 2},
		"account":  {ProgrammeAccount(), 1},
		"holder":   {Holder{}, 0},
		"seen":     {Seen{}, 0},
		"start":    {EpochStart{Reason: "enrolled"}, 1},
		"return":   {Return{}, 5},
		"sale":     {Sale{}, 5},
		"lease":    {LeaseChange{}, 2},
		"part":     {Part{}, 3},
	} {
		b, err := Encode(c.value)
		require.NoError(t, err)
		fields = nil
		require.NoError(t, Decode(b, &fields))
		require.Len(t, fields, c.want, "%s: %v", name, fields)
	}
}

// Each rule is broken once, in a record that is right otherwise.
func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		of    Record
		spoil func(r *Record)
		says  string
	}{
		"version zero":          {soldRecord(), func(r *Record) { r.Version = 0 }, "version 0"},
		"version of tomorrow":   {soldRecord(), func(r *Record) { r.Version = 2 }, "version 2"},
		"no organisation":       {soldRecord(), func(r *Record) { r.Org = 0 }, "organisation 0"},
		"no epoch":              {soldRecord(), func(r *Record) { r.Epoch = 0 }, "epoch 0"},
		"no number":             {soldRecord(), func(r *Record) { r.Seq = 0 }, "seq 0"},
		"no ID":                 {soldRecord(), func(r *Record) { r.ID = ID{} }, "id 0000"},
		"till too large":        {soldRecord(), func(r *Record) { r.Till = TillNoMax + 1 }, "till 2097152"},
		"sale without body":     {soldRecord(), func(r *Record) { r.Sale = nil }, "body"},
		"return without body":   {returnRecord(), func(r *Record) { r.Return = nil }, "body"},
		"two bodies":            {soldRecord(), func(r *Record) { r.Release = &Release{} }, "body"},
		"another's body":        {soldRecord(), func(r *Record) { r.Kind = KindAbandon }, "body"},
		"a body too many":       {small()["shift-open"], func(r *Record) { r.Cash = &CashMove{} }, "body"},
		"negative cash":         {small()["cash-in"], func(r *Record) { r.Cash.Amount = -1 }, "body"},
		"postings out of step":  {soldRecord(), func(r *Record) { r.Postings[0].Amount-- }, "add up"},
		"postings that wrap":    {soldRecord(), func(r *Record) { r.Postings = []Posting{{Amount: 1<<63 - 1}, {Amount: 1<<63 - 1}, {Amount: 2}} }, "a posting of"},
		"no lines":              {soldRecord(), func(r *Record) { r.Sale.Lines = nil }, "0 lines"},
		"too many lines":        {soldRecord(), func(r *Record) { r.Sale.Lines = make([]SoldLine, LinesMax+1) }, "501 lines"},
		"line sum":              {soldRecord(), func(r *Record) { r.Sale.Lines[0].Net++ }, "line 1"},
		"negative net":          {soldRecord(), func(r *Record) { l := &r.Sale.Lines[0]; l.Net, l.Redeemed = -100, 11000 }, "line 1"},
		"negative discount":     {soldRecord(), func(r *Record) { l := &r.Sale.Lines[0]; l.Discount, l.Redeemed = -100, 1000 }, "line 1"},
		"negative redemption":   {soldRecord(), func(r *Record) { l := &r.Sale.Lines[0]; l.Redeemed, l.Discount = -100, 1000 }, "line 1"},
		"negative accrual":      {soldRecord(), func(r *Record) { r.Sale.Lines[0].Earned = -1 }, "line 1"},
		"line that wraps":       {soldRecord(), func(r *Record) { r.Sale.Lines[0].Gross += 1 << 62 }, "line 1"},
		"no parts":              {soldRecord(), func(r *Record) { r.Sale.Lines[0].Parts = nil }, "0 parts"},
		"too many parts":        {soldRecord(), func(r *Record) { r.Sale.Lines[0].Parts = make([]Part, PartsMax+1) }, "9 parts"},
		"part sum":              {soldRecord(), func(r *Record) { r.Sale.Lines[0].Parts[0].Sum++ }, "cannot stand"},
		"part of nothing":       {soldRecord(), func(r *Record) { l := &r.Sale.Lines[0]; l.Parts = append(l.Parts, Part{0, 1, 0}) }, "cannot stand"},
		"negative price":        {soldRecord(), func(r *Record) { l := &r.Sale.Lines[0]; l.Parts = append(l.Parts, Part{1000, -1, -1}) }, "cannot stand"},
		"price out of range":    {soldRecord(), func(r *Record) { r.Sale.Lines[0].Parts[0].Price = 1 << 62 }, "amount"},
		"part of a huge weight": {soldRecord(), func(r *Record) { l := &r.Sale.Lines[0]; l.Parts = append(l.Parts, Part{1 << 62, 0, 0}) }, "amount"},
		"parts short":           {soldRecord(), func(r *Record) { r.Sale.Lines[0].Parts[0] = Part{1000, 5000, 5000} }, "parts add up"},
		"gross":                 {soldRecord(), func(r *Record) { r.Sale.Gross++ }, "the sale says"},
		"discount":              {soldRecord(), func(r *Record) { r.Sale.Discount++ }, "the sale says"},
		"redeemed":              {soldRecord(), func(r *Record) { r.Sale.Redeemed++ }, "the sale says"},
		"total":                 {soldRecord(), func(r *Record) { r.Sale.Total++ }, "the sale says"},
		"earned":                {soldRecord(), func(r *Record) { r.Sale.Earned++ }, "the sale says"},
		"underpaid":             {soldRecord(), func(r *Record) { r.Sale.Tenders = r.Sale.Tenders[:1] }, "payments"},
		"negative payment":      {soldRecord(), func(r *Record) { r.Sale.Tenders[0].Amount = -1; r.Sale.Tenders[1].Amount = 15501 }, "payment of"},
		"return of no lines":    {returnRecord(), func(r *Record) { r.Return.Lines = nil }, "0 lines"},
		"negative restoring":    {returnRecord(), func(r *Record) { r.Return.Lines[0].Restored = -1 }, "line 1"},
		"negative clawback":     {returnRecord(), func(r *Record) { r.Return.Lines[0].Clawed = -1 }, "line 1"},
		"line before the first": {returnRecord(), func(r *Record) { r.Return.Lines[0].Line = -1 }, "line 1"},
		"return's total":        {returnRecord(), func(r *Record) { r.Return.Total++ }, "the return says"},
		"return's restored":     {returnRecord(), func(r *Record) { r.Return.Restored++ }, "the return says"},
		"return's clawed":       {returnRecord(), func(r *Record) { r.Return.Clawed++ }, "the return says"},
		"return's parts":        {returnRecord(), func(r *Record) { r.Return.Lines[0].Parts[0].Qty = 999 }, "line 1"},
		"return's payments":     {returnRecord(), func(r *Record) { r.Return.Tenders = nil }, "payments"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.of.Validate())
			c.spoil(&c.of)
			err := c.of.Validate()
			require.ErrorIs(t, err, ErrRecord)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestKindsOfTomorrowPass(t *testing.T) {
	r := small()["net"]
	r.Kind = 77
	require.NoError(t, r.Validate())
	require.Equal(t, "kind77", r.Kind.String())
}

func TestDecodeRefuses(t *testing.T) {
	good := soldRecord()
	b, err := good.Bytes()
	require.NoError(t, err)
	for name, spoilt := range map[string][]byte{
		"nothing":     nil,
		"cut short":   b[:len(b)-1],
		"a tail":      append(b[:len(b):len(b)], 0),
		"too long":    make([]byte, RecordBytesMax+1),
		"not a map":   {0x01},
		"key twice":   {0xa2, 0x01, 0x01, 0x01, 0x01},
		"a tag":       {0xa1, 0x01, 0xc0, 0x01},
		"indefinite":  {0xbf, 0x01, 0x01, 0xff},
		"bad text":    {0xa1, 0x18, 0x18, 0xa1, 0x03, 0x61, 0xff},
		"deep nests":  []byte(strings.Repeat("\x81", 64) + "\x01"),
		"huge counts": {0xa1, 0x18, 0x1f, 0x9a, 0xff, 0xff, 0xff, 0xff},
	} {
		_, err := DecodeRecord(spoilt)
		require.ErrorIs(t, err, ErrRecord, name)
	}
}

// A reader of version 1 skips what it does not know.
func TestDecodeSkipsUnknownKeys(t *testing.T) {
	r := small()["shift-open"]
	b, err := r.Bytes()
	require.NoError(t, err)
	require.Equal(t, byte(0xac), b[0]) // a map of twelve
	longer := append([]byte{0xad}, b[1:]...)
	longer = append(longer, 0x18, 0x63, 0x61, 'x') // 99: "x"
	back, err := DecodeRecord(longer)
	require.NoError(t, err)
	require.Equal(t, &r, back)
}

func FuzzDecodeRecord(f *testing.F) {
	for _, r := range allRecords() {
		b, err := r.Bytes()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord(b)
		if err != nil {
			require.ErrorIs(t, err, ErrRecord)
			return
		}
		canonical, err := r.Bytes()
		require.NoError(t, err)
		back, err := DecodeRecord(canonical)
		require.NoError(t, err)
		again, err := back.Bytes()
		require.NoError(t, err)
		require.Equal(t, canonical, again)
	})
}

func TestContactIsHidden(t *testing.T) {
	c, err := NewContact("+79161234567", strings.NewReader("0123456789abcdef"))
	require.NoError(t, err)
	other, err := NewContact("+79161234567", strings.NewReader("another salt 16b"))
	require.NoError(t, err)
	require.NotEqual(t, c.Commit(), other.Commit())
	require.Equal(t, c.Commit(), Contact{Salt: c.Salt, Value: c.Value}.Commit())
	_, err = NewContact("x", strings.NewReader("short"))
	require.Error(t, err)
}

func TestSaleOfCash(t *testing.T) {
	s := soldRecord().Sale
	require.Equal(t, Money(5500), s.Cash())
	require.Equal(t, Money(500), s.Change())
	s.Given = 0
	require.Zero(t, s.Change())
	gross, err := Line{Product: Product{Price: 12990}, Qty: 432}.Gross()
	require.NoError(t, err)
	require.Equal(t, Money(5612), gross)
}

func TestLotsAndLeases(t *testing.T) {
	l := Lot{ActivatesAt: 10, ExpiresAt: 20}
	for at, want := range map[Time]bool{9: false, 10: true, 19: true, 20: false} {
		require.Equal(t, want, l.Spendable(at), at)
	}
	require.True(t, Lot{}.Spendable(1<<50))
	require.Equal(t, Points(30), Lease{Parts: []LotAmount{{Amount: 10}, {Amount: 20}}}.Amount())
	require.True(t, NoStimulus.Has(NoEarn))
	require.False(t, NoEarn.Has(NoStimulus))
	require.Equal(t, "debt", DebtAccount(1).Kind.String())
	require.Equal(t, "account9", AccountKind(9).String())
}
