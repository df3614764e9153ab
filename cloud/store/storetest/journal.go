// Package storetest writes tills' journals for tests: real records, chained and hashed as a till would
// write them, without a till.
package storetest

import (
	"fmt"
	"math/rand"

	"golang.org/x/crypto/nacl/box"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// Journal is one till's journal in memory. Its randomness comes from its own seed, so that a run repeats.
type Journal struct {
	Org      sale.OrgNo
	Store    sale.StoreNo
	Till     sale.TillNo
	At       sale.Time
	FN       string
	Position sale.Position
	Records  []wire.Sealed

	rand    *rand.Rand
	counter uint32
	fd      uint32
}

// New begins a till's first epoch; its first record says that the till was enrolled.
func New(org sale.OrgNo, store sale.StoreNo, till sale.TillNo, at sale.Time) *Journal {
	j := Bare(org, store, till, at)
	j.Add(&sale.Record{Kind: sale.KindEpoch, Start: &sale.EpochStart{Reason: "enrolled"}})
	return j
}

// Bare is a journal without any record.
func Bare(org sale.OrgNo, store sale.StoreNo, till sale.TillNo, at sale.Time) *Journal {
	return &Journal{
		Org: org, Store: store, Till: till, At: at, FN: fmt.Sprintf("%016d", 9_999_078_900_000_000+uint64(till)),
		Position: sale.Position{Epoch: 1}, rand: rand.New(rand.NewSource(int64(org)<<32 | int64(till))),
	}
}

// Copy is the same journal as it was now: an image of the till's disk.
func (j *Journal) Copy() *Journal {
	c := *j
	c.Records = append([]wire.Sealed(nil), j.Records...)
	c.rand = rand.New(rand.NewSource(int64(j.Position.Seq) + 1<<40))
	return &c
}

// ID draws an ID from the journal's own randomness.
func (j *Journal) ID() sale.ID {
	id, err := sale.NewID(j.At.Time(), j.rand)
	if err != nil {
		panic(err) // math/rand does not fail
	}
	return id
}

// Add gives the record its place and chains it.
func (j *Journal) Add(r *sale.Record) wire.Sealed {
	j.Position.Seq++
	j.At++
	r.Version, r.Org, r.Store, r.Till = sale.RecordVersion, j.Org, j.Store, j.Till
	r.Epoch, r.Seq, r.Prev = j.Position.Epoch, j.Position.Seq, j.Position.Head
	if r.ID.IsZero() {
		r.ID = j.ID()
	}
	if r.At == 0 {
		r.At, r.Quality = j.At, sale.TimeHeadOffice
	}
	b, err := r.Bytes()
	if err != nil {
		panic(err) // a record of our own making
	}
	s := wire.Sealed{Record: r, Bytes: b, Hash: sale.HashOf(b)}
	j.Position.Head = s.Hash
	j.Records = append(j.Records, s)
	return s
}

// OpenEpoch begins the next epoch, as a restored till does.
func (j *Journal) OpenEpoch(epoch uint32, reason string) wire.Sealed {
	start := &sale.EpochStart{Reason: reason, OldEpoch: j.Position.Epoch, OldSeq: j.Position.Seq, OldHead: j.Position.Head, Storage: sale.FiscalKey{FN: j.FN, FD: j.fd}}
	j.Position = sale.Position{Epoch: epoch}
	return j.Add(&sale.Record{Kind: sale.KindEpoch, Start: start})
}

// After is the tail of the current epoch after a seq.
func (j *Journal) After(seq uint64) []wire.Sealed {
	for i, r := range j.Records {
		if r.Record.Epoch == j.Position.Epoch && r.Record.Seq > seq {
			return j.Records[i:]
		}
	}
	return nil
}

// Fiscal is the next document of the till's register.
func (j *Journal) Fiscal(doc sale.DocKind, sum sale.Money) *sale.Fiscal {
	j.fd++
	return &sale.Fiscal{
		Kind: sale.FiscalOwn, Key: sale.FiscalKey{FN: j.FN, FD: j.fd}, Sign: j.rand.Uint32(), Shift: 1, Receipt: j.fd, Doc: doc, Sum: sum,
		Stamp: sale.StampOf(j.At.Time()), Register: "emulator",
	}
}

// Plain is the record of a sale of so many lines to nobody, paid in cash.
func (j *Journal) Plain(lines int) *sale.Record {
	s := &sale.Sale{Programme: 1}
	for i := range lines {
		price := sale.Money(1000 + 10*i)
		s.Lines = append(s.Lines, sale.SoldLine{
			SKU: sale.SKU(fmt.Sprintf("SKU%04d", i)), Name: fmt.Sprintf("Молоко «Домик» 3,2 %% №%d", i), Code: fmt.Sprintf("46000000%05d", i),
			Qty: sale.Piece, Price: price, Gross: price, Net: price, VAT: sale.VAT10, Subject: sale.SubjectGoods,
			Parts: []sale.Part{{Qty: sale.Piece, Price: price, Sum: price}},
		})
		s.Gross, s.Total = s.Gross+price, s.Total+price
	}
	s.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: s.Total}}
	j.counter++
	s.No = sale.MakeNumber(j.Till, j.counter)
	return &sale.Record{Kind: sale.KindSale, ID: j.ID(), Staff: 1, Shift: 1, Sale: s, Fiscal: j.Fiscal(sale.DocSale, s.Total)}
}

// Earning is a sale by which a customer earns points into a lot that the till holds on lease.
func (j *Journal) Earning(customer sale.CustomerNo, lines int, points sale.Points) *sale.Record {
	r := j.Plain(lines)
	r.Sale.Customer, r.Sale.Earned, r.Sale.Lines[0].Earned = customer, points, points
	account := sale.CustomerAccount(customer)
	lot := sale.Lot{ID: sale.DeriveID(r.ID, "lot", 0), Account: account, Source: r.ID, ActivatesAt: j.At, ExpiresAt: j.At + 365*86400_000}
	r.Lots = []sale.Lot{lot}
	r.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: -points}, {Account: account, Lot: lot.ID, Amount: points}}
	r.Leases = []sale.Lease{{
		ID: sale.DeriveID(r.ID, "lease", 0), Account: account, Holder: sale.Holder{Store: j.Store, Till: j.Till},
		Parts: []sale.LotAmount{{Lot: lot.ID, Amount: points}},
	}}
	return r
}

// Redeeming is a sale that points of a lease pay for in part.
func (j *Journal) Redeeming(lease sale.Lease, points sale.Points) *sale.Record {
	r := j.Plain(2)
	l := &r.Sale.Lines[0]
	points = min(points, l.Gross.AsPoints())
	l.Redeemed, l.Net = points, l.Gross-points.Worth()
	l.Parts = []sale.Part{{Qty: sale.Piece, Price: l.Net, Sum: l.Net}}
	s := r.Sale
	s.Customer, s.Redeemed, s.Total = lease.Account.No, points, s.Total-points.Worth()
	s.Tenders[0].Amount, r.Fiscal.Sum = s.Total, s.Total
	lot := lease.Parts[0].Lot
	r.Postings = []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: points}, {Account: lease.Account, Lot: lot, Amount: -points}}
	r.Spends = []sale.Spend{{Lease: lease.ID, Lot: lot, Amount: points}}
	return r
}

// Releasing hands a lease back.
func (j *Journal) Releasing(lease sale.ID) *sale.Record {
	return &sale.Record{Kind: sale.KindRelease, Release: &sale.Release{Lease: lease}}
}

// Owing is a return that takes back points which the customer no longer has.
func (j *Journal) Owing(of *sale.Record, points sale.Points) *sale.Record {
	l := of.Sale.Lines[0]
	j.counter++
	ret := &sale.Return{
		No: sale.MakeNumber(j.Till, j.counter), Of: of.ID, OfNo: of.Sale.No, OfDoc: of.Fiscal.Key, Customer: of.Sale.Customer, Total: l.Net, Clawed: points,
		Lines:   []sale.ReturnedLine{{SKU: l.SKU, Name: l.Name, Qty: l.Qty, Net: l.Net, Clawed: points, VAT: l.VAT, Subject: l.Subject, Parts: l.Parts}},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: l.Net}},
	}
	return &sale.Record{
		Kind: sale.KindReturn, ID: j.ID(), Staff: 1, Shift: 1, Return: ret, Fiscal: j.Fiscal(sale.DocSaleReturn, l.Net),
		Postings: []sale.Posting{{Account: sale.ProgrammeAccount(), Amount: points}, {Account: sale.DebtAccount(of.Sale.Customer), Amount: -points}},
	}
}

// Batch packs and signs records as they travel.
func Batch(sign func([]byte) []byte, org sale.OrgNo, till sale.TillNo, fork uint32, records []wire.Sealed) (*wire.Batch, error) {
	entries := make([]sale.Entry, len(records))
	for i, r := range records {
		entries[i] = sale.Entry{Record: r.Bytes, Sealed: r.Blob}
	}
	payload, err := wire.PackEntries(entries)
	if err != nil {
		return nil, fmt.Errorf("pack a batch: %w", err)
	}
	first, last := records[0], records[len(records)-1]
	b := &wire.Batch{Epoch: first.Record.Epoch, From: first.Record.Seq, Count: len(records), Head: last.Hash, Payload: payload, Fork: fork}
	b.Signature = sign(wire.BatchBytes(org, till, b))
	return b, nil
}

// Enrolling takes a customer in: the record, and the person sealed to head office's key as a till seals them.
// Add it by [Journal.AddSealed].
func (j *Journal) Enrolling(seal [32]byte, p sale.Person) (*sale.Record, []byte) {
	if _, err := j.rand.Read(p.Salt[:]); err != nil {
		panic(err) // math/rand does not fail
	}
	plain, err := sale.Encode(p)
	if err != nil {
		panic(err) // plain fields
	}
	commit, err := p.Commit()
	if err != nil {
		panic(err)
	}
	blob, err := box.SealAnonymous(nil, plain, &seal, j.rand)
	if err != nil {
		panic(err)
	}
	j.counter++
	return &sale.Record{Kind: sale.KindEnrol, ID: j.ID(), Staff: 1, Enrol: &sale.Enrolment{
		Customer: sale.MakeNumber(j.Till, j.counter), Person: commit,
		Consents: []sale.Consent{{Kind: sale.ConsentPersonalData, Version: 3, Given: true}, {Kind: sale.ConsentAdvertising, Version: 2}},
	}}, blob
}

// AddSealed chains a record with what lies sealed beside it.
func (j *Journal) AddSealed(r *sale.Record, blob []byte) wire.Sealed {
	j.Add(r)
	j.Records[len(j.Records)-1].Blob = blob
	return j.Records[len(j.Records)-1]
}

// Returning is a return of so many pieces of a sale's first line.
func (j *Journal) Returning(of *sale.Record, pieces int) *sale.Record {
	l := of.Sale.Lines[0]
	qty := sale.Qty(pieces) * sale.Piece
	net := l.Price * sale.Money(pieces)
	j.counter++
	ret := &sale.Return{
		No: sale.MakeNumber(j.Till, j.counter), Of: of.ID, OfNo: of.Sale.No, OfDoc: of.Fiscal.Key, Customer: of.Sale.Customer, Total: net, Training: of.Sale.Training,
		Lines: []sale.ReturnedLine{{
			SKU: l.SKU, Name: l.Name, Qty: qty, Net: net, VAT: l.VAT, Subject: l.Subject,
			Parts: []sale.Part{{Qty: qty, Price: l.Price, Sum: net}},
		}},
		Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: net}},
	}
	return &sale.Record{Kind: sale.KindReturn, ID: j.ID(), Staff: 1, Shift: 1, Return: ret, Fiscal: j.Fiscal(sale.DocSaleReturn, net)}
}

// Found is a sale read back from the fiscal storage, as a till with a new disk journals it: the sum alone.
func (j *Journal) Found(f sale.Fiscal) *sale.Record {
	f.Settled = true
	part := []sale.Part{{Qty: sale.Piece, Price: f.Sum, Sum: f.Sum}}
	return &sale.Record{Kind: sale.KindSale, ID: sale.DeriveID(sale.ID{}, f.Key.String(), 0), Fiscal: &f, Shift: f.Shift, Sale: &sale.Sale{
		Lines: []sale.SoldLine{{Name: "read back", Qty: sale.Piece, Price: f.Sum, Gross: f.Sum, Net: f.Sum, VAT: sale.VATNone, Subject: sale.SubjectGoods, Parts: part}},
		Gross: f.Sum, Total: f.Sum, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: f.Sum}}, Reasons: []sale.Reason{{Rule: "recovered"}},
	}}
}

// Correcting is a correction receipt of one line, paid in cash.
func (j *Journal) Correcting(of sale.DocKind, amount sale.Money) *sale.Record {
	line := sale.CorrectedLine{SKU: "1", Name: "Хлеб", Part: sale.Part{Qty: sale.Piece, Price: amount, Sum: amount}, VAT: sale.VAT10, Subject: sale.SubjectGoods}
	return &sale.Record{Kind: sale.KindCorrection, Staff: 1, Shift: 1, Fiscal: j.Fiscal(of.Correction(), amount), Correct: &sale.Correction{
		No: sale.MakeNumber(j.Till, j.fd), Of: of, Day: 20261120, Prescribed: true, Number: "17-А", Reason: "без чека", Lines: []sale.CorrectedLine{line},
		Total: amount, Tenders: []sale.Tender{{Kind: sale.TenderCash, Amount: amount}},
	}}
}
