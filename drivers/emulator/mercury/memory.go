package mercury

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

// MemoryFile is where the register's own memory is kept inside its folder.
const MemoryFile = "register.json"

// memory is what a register remembers without power: everything that is not the fiscal storage's.
type memory struct {
	Seen  uint32        `json:"seen"`  // last document of the storage that the counters know
	Drift time.Duration `json:"drift"` // its clock against the shop's
	Cash  sale.Money    `json:"cash"`
	Count [4]int64      `json:"count"` // receipts of the shift by kind
	Sum   [4]sale.Money `json:"sum"`
	Queue []paper.Line  `json:"queue,omitempty"` // lines that paper or power kept from printing

	path   string
	failed error
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
