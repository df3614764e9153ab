package atol

import (
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/ledger/sale"
)

// memory is what the device remembers without power beside the fiscal storage.
type memory struct {
	Seen    uint32        `json:"seen"`  // last document of the storage that the counters know
	Drift   time.Duration `json:"drift"` // its clock against the shop's
	Cash    sale.Money    `json:"cash"`
	CashIn  sale.Money    `json:"cashIn"`
	CashOut sale.Money    `json:"cashOut"`
	Sums    [4]sale.Money `json:"sums"` // of the shift, by tag 1054
	Counts  [4]uint32     `json:"counts"`
	Queue   []paper.Line  `json:"queue,omitempty"` // lines that paper or power kept from printing

	cabinet.Memory
}

func (m *memory) save() { m.Save(m) }
