package atol

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

	path   string
	failed error
}

func (m *memory) load(folder string) error {
	if folder == "" {
		return nil
	}
	m.path = filepath.Join(folder, MemoryFile)
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
