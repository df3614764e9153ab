package mercury

import (
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// memory is what a register remembers without power: everything that is not the fiscal storage's.
type memory struct {
	Seen  uint32        `json:"seen"`  // last document of the storage that the counters know
	Drift time.Duration `json:"drift"` // its clock against the shop's
	Cash  sale.Money    `json:"cash"`
	Count [4]int64      `json:"count"` // receipts of the shift by kind
	Sum   [4]sale.Money `json:"sum"`
	Queue []paper.Line  `json:"queue,omitempty"` // lines that paper or power kept from printing

	cabinet.Memory
}

func (m *memory) save() { m.Save(m) }

// book lets the counters know a document that the storage has made.
func (r *Register) book(d storage.Document) {
	r.ram.Seen = d.FD
	switch d.Type {
	case storage.DocShiftOpen:
		r.ram.Count, r.ram.Sum = [4]int64{}, [4]sale.Money{}
	case storage.DocReceipt, storage.DocCorrection:
		i := (d.Op - 1) & 3
		r.ram.Count[i]++
		r.ram.Sum[i] += d.Sum
		if d.Op == 1 || d.Op == 4 {
			r.ram.Cash += d.Cash()
		} else {
			r.ram.Cash -= d.Cash()
		}
	case storage.DocRegistration, storage.DocShiftClose:
	}
}
