package shtrih

import (
	"encoding/binary"

	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Expire ends the life of the fiscal storage.
func (r *Register) Expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fn.Expire()
	r.notify()
}

// BanMark makes the marking system refuse a piece.
func (r *Register) BanMark(raw string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fn.BanMark(raw)
}

// Marks is how many codes the storage holds for the next receipt.
func (r *Register) Marks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fn.Marks()
}

// Foreign leaves a sale open with one position, as another program would that was stopped in the middle.
func (r *Register) Foreign() {
	password := binary.LittleEndian.AppendUint32(nil, 1)
	r.Execute(append(append(frame.CmdOpenReceipt.Append(nil), password...), 0))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ram.Receipt == nil {
		return // no shift is open, so nothing could be
	}
	l := storage.Line{Name: "Чужой товар", Qty: 1_000_000, Price: 100, Sum: 100, VAT: sale.VATNone, Method: 4, Subject: 1}
	r.ram.Receipt.Lines = append(r.ram.Receipt.Lines, l)
	r.ram.Receipt.Total += l.Sum
	r.ram.save()
	r.notify()
}
