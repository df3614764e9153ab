package shtrih

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

// MemoryFile is where the register's battery-backed memory is kept inside its folder.
const MemoryFile = "register.json"

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

	path   string
	failed error
}

func (m *memory) load(o Options) error {
	m.Cells = map[string]string{}
	if o.Folder == "" {
		return nil
	}
	m.path = filepath.Join(o.Folder, MemoryFile)
	raw, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, m)
	}
	if err != nil {
		return fmt.Errorf("read the register's memory: %w", err)
	}
	if m.Cells == nil {
		m.Cells = map[string]string{}
	}
	return nil
}

// save replaces the file whole, so that a power cut leaves the old memory or the new one.
func (m *memory) save() {
	if m.path == "" || m.failed != nil {
		return
	}
	raw, err := json.Marshal(m)
	if err == nil {
		err = replaceFile(m.path, raw)
	}
	if err != nil {
		m.failed = fmt.Errorf("write the register's memory: %w", err)
	}
}

// trouble is the error that a register with broken memory answers.
func (m *memory) trouble() byte {
	if m.failed != nil {
		return errMemory
	}
	return 0
}

func replaceFile(path string, raw []byte) error {
	next := path + ".next"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
