package shtrih

import (
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Foreign leaves a sale open with one position, as another program would that was stopped in the middle: under
// the password of another cashier.
func (r *Register) Foreign() {
	r.Mu.Lock()
	defer r.Mu.Unlock()
	r.foreign()
	r.Notify()
}

func (r *Register) foreign() {
	if _, fault := r.openReceipt(request{who: otherCashier, p: []byte{0}}); fault != 0 {
		return // no shift is open, so nothing could be
	}
	l := storage.Line{Name: "Чужой товар", Qty: 1_000_000, Price: 100, Sum: 100, VAT: sale.VATNone, Method: 4, Subject: 1}
	r.ram.Receipt.Lines = append(r.ram.Receipt.Lines, l)
	r.ram.Receipt.Total += l.Sum
	r.FN.Data = true
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
	if ill.ShiftAge > 0 && !r.FN.ShiftOpen() {
		r.shiftDocument(request{who: otherCashier}, storage.DocShiftOpen)
		r.ram.Drift += ill.ShiftAge
		r.FN.Pass(ill.ShiftAge)
	}
	if ill.Document && r.ram.Receipt == nil {
		r.foreign()
	}
	if ill.Expired {
		r.FN.Expire()
	}
	r.ram.save()
}
