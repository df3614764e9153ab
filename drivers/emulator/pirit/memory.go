package pirit

import (
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/cabinet"
	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/ledger/sale"
)

// memory is what a register remembers without power: everything that is not the fiscal storage's.
type memory struct {
	Seen     uint32        `json:"seen"`  // last document of the storage that the counters know
	Drift    time.Duration `json:"drift"` // its clock against the shop's
	Cash     sale.Money    `json:"cash"`
	CashIn   sale.Money    `json:"cashIn"`
	CashOut  sale.Money    `json:"cashOut"`
	Turnover [4]sale.Money `json:"turnover"` // of the shift, by tag 1054
	Count    [4]int        `json:"count"`
	DocNo    int           `json:"docNo"` // every paper counts, fiscal or not
	Doc      *document     `json:"doc,omitempty"`
	Signed   uint32        `json:"signed,omitempty"` // FD of the document that is signed and not all printed: state 8
	ZHalf    bool          `json:"zHalf,omitempty"`  // the shift is closed in the storage, its report not all printed
	Last     lastReceipt   `json:"last"`
	Queue    []paper.Line  `json:"queue,omitempty"` // lines that paper or power kept from printing

	cabinet.Memory
}

// lastReceipt is what 03/2 answers.
type lastReceipt struct {
	Type    int        `json:"type"` // 0: it was cancelled
	Receipt uint32     `json:"receipt"`
	DocNo   int        `json:"docNo"`
	Sum     sale.Money `json:"sum"`
	Sign    uint32     `json:"sign"`
	FD      uint32     `json:"fd"`
}

func (m *memory) save() { m.Save(m) }
