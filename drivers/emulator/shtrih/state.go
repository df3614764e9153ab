package shtrih

import (
	"github.com/kopilka/kopilka/drivers/emulator/storage"
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

// Foreign leaves a sale open with one position, as another program would that was stopped in the middle: under
// the password of another cashier.
func (r *Register) Foreign() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.foreign()
	r.notify()
}

func (r *Register) foreign() {
	if _, fault := r.openReceipt(request{who: otherCashier, p: []byte{0}}); fault != 0 {
		return // no shift is open, so nothing could be
	}
	l := storage.Line{Name: "Чужой товар", Qty: 1_000_000, Price: 100, Sum: 100, VAT: sale.VATNone, Method: 4, Subject: 1}
	r.ram.Receipt.Lines = append(r.ram.Receipt.Lines, l)
	r.ram.Receipt.Total += l.Sum
	r.fn.Data = true
	r.ram.save()
}

// otherCashier is the row of table 2 that another program works under.
const otherCashier = 2

// sicken brings a fresh register into the state that its options want.
func (r *Register) sicken() {
	ill := r.opt.Ill
	if r.ram.Drift == 0 {
		r.ram.Drift = r.opt.ClockOff
	}
	if ill.ShiftAge > 0 && !r.fn.ShiftOpen() {
		r.shiftDocument(request{who: otherCashier}, storage.DocShiftOpen)
		r.ram.Drift += ill.ShiftAge
		r.fn.Pass(ill.ShiftAge)
	}
	if ill.Document && r.ram.Receipt == nil {
		r.foreign()
	}
	if ill.Expired {
		r.fn.Expire()
	}
	r.ram.save()
}
