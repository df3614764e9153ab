package shtrih

import (
	"encoding/binary"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

const correctionTitle = "КОРРЕКЦИЯ: "

// beginCorrection is FF35h, a correction by FFD 1.05, which has sums and no positions.
func (r *Register) beginCorrection(request) ([]byte, byte) {
	return r.begin(storage.DocCorrection, curCorrection)
}

// correct105 is FF4Ah: kind, sign, total, five payments, six sums of tax, tax system.
func (r *Register) correct105(q request) ([]byte, byte) {
	if r.FN.Current != curCorrection {
		return nil, byte(storage.WrongState)
	}
	d := storage.Document{
		Type: storage.DocCorrection, At: r.clock(), Op: q.p[1], Sum: q.money(2), Tax: q.p[62], Tags: r.ram.Tags,
		Operator: r.operatorText(q.who, r.ram.Tags),
	}
	var paid sale.Money
	for i, slot := range [5]int{1, 2, 14, 15, 16} {
		if sum := q.money(7 + i*frame.MoneyBytes); sum > 0 {
			paid += sum
			d.Payments = append(d.Payments, storage.Payment{
				Tender: tenderOf(slot), Name: r.cellText(cellKey{tablePayments, uint16(slot), 1}), Sum: sum,
			})
		}
	}
	kind := storage.Tag{Tag: 1173, Value: q.p[:1]}
	basis, ok := storage.BasisOf(append(d.Tags[:len(d.Tags):len(d.Tags)], kind))
	switch {
	case q.p[0] > 1, d.Op != 1 && d.Op != 3, d.Sum <= 0, paid != d.Sum:
		return nil, errParameters
	case !ok:
		return nil, byte(storage.MarkMissing)
	}
	d.Basis = &basis
	d, code := r.FN.Sign(d, r.cutFault(q.code))
	if code != storage.OK {
		return nil, byte(code)
	}
	r.book(d)
	r.header(correctionTitle + titles[map[uint8]int{1: 0, 3: 1}[d.Op]])
	r.queue(r.ending(d)...)
	r.ram.save()
	out := binary.LittleEndian.AppendUint16(nil, uint16(d.Receipt))
	out = binary.LittleEndian.AppendUint32(out, d.FD)
	return binary.LittleEndian.AppendUint32(out, d.Sign), 0
}

// fnRegistered is FF09h: what the storage was registered with.
func (r *Register) fnRegistered(request) ([]byte, byte) {
	d, ok := r.FN.Find(1)
	if !ok {
		return nil, byte(storage.NoData)
	}
	out := r.registration(frame.AppendFNTime(nil, d.At))
	out = append(out, 0)
	out = binary.LittleEndian.AppendUint32(out, d.FD)
	return binary.LittleEndian.AppendUint32(out, d.Sign), 0
}

// blockMax is how much of a document one FF3Bh gives, so that any frame holds it.
const blockMax = 200

// fnDocument begins to give a document out: FF3Ah tells its form and length.
func (r *Register) fnDocument(q request) ([]byte, byte) {
	d, ok := r.FN.Find(uint32(q.uint(0, 4)))
	if !ok {
		return nil, byte(storage.NoData)
	}
	r.reading = d.TLV()
	out := binary.LittleEndian.AppendUint16(nil, uint16(d.Type))
	return binary.LittleEndian.AppendUint16(out, uint16(len(r.reading))), 0
}

// fnDocumentTLV gives the next piece; what was given is not given again.
func (r *Register) fnDocumentTLV(request) ([]byte, byte) {
	if len(r.reading) == 0 {
		return nil, byte(storage.NoData)
	}
	n := min(len(r.reading), blockMax)
	out := r.reading[:n:n]
	r.reading = r.reading[n:]
	return out, 0
}
