package shtrih

import (
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// memory is what a register remembers without power: everything that is not the fiscal storage's.
type memory struct {
	Seen      uint32            `json:"seen"`  // last document of the storage that the counters know
	Drift     time.Duration     `json:"drift"` // its clock against the shop's
	DateAsked string            `json:"dateAsked,omitempty"`
	Cells     map[string]string `json:"cells"` // table cells that differ from the factory's, value as hex
	Cash      sale.Money        `json:"cash"`
	CashIn    sale.Money        `json:"cashIn"`
	CashOut   sale.Money        `json:"cashOut"`
	Turnover  [4][4]sale.Money  `json:"turnover"` // of the shift: operation, payment group
	Count     [4]uint16         `json:"count"`    // receipts of the shift by operation
	DocNo     uint16            `json:"docNo"`    // every paper counts, fiscal or not
	Receipt   *receipt          `json:"receipt,omitempty"`
	Tags      []storage.Tag     `json:"tags,omitempty"`  // sent ahead of a shift document
	Queue     []paper.Line      `json:"queue,omitempty"` // lines that paper or power kept from printing

	cabinet.Memory
}

func (m *memory) load(o Options) error {
	m.Cells = map[string]string{}
	err := m.Load(o.Folder, m)
	if m.Cells == nil {
		m.Cells = map[string]string{}
	}
	return err
}

func (m *memory) save() { m.Save(m) }

// trouble is the error that a register with broken memory answers.
func (m *memory) trouble() byte {
	if m.Failed() != nil {
		return errMemory
	}
	return 0
}
