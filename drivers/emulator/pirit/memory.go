package pirit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/drivers/emulator/paper"
	"github.com/kopilka/kopilka/ledger/sale"
)

// MemoryFile is where the register's battery-backed memory is kept inside its folder.
const MemoryFile = "register.json"

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

	path   string
	failed error
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

func (m *memory) load(o Options) error {
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
