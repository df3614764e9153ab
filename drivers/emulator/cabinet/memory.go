package cabinet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka/ledger/durable"
)

// MemoryFile is where a register's own memory is kept inside its folder.
const MemoryFile = "register.json"

const memoryMode = 0o640

// Memory keeps what a register remembers without power, beside its fiscal storage. It is to be embedded in what is
// remembered; a register without a folder remembers nothing.
type Memory struct {
	path   string
	failed error
}

// Load reads a folder's memory into a register's, if there is one.
func (m *Memory) Load(folder string, into any) error {
	if folder == "" {
		return nil
	}
	m.path = filepath.Join(folder, MemoryFile)
	raw, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("read the register's memory: %w", err)
	}
	return nil
}

// Save replaces the file whole, so that a power cut leaves the old memory or the new one. After a failure nothing is
// written any more: see [Memory.Failed].
func (m *Memory) Save(from any) {
	if m.path == "" || m.failed != nil {
		return
	}
	raw, err := json.Marshal(from)
	if err == nil {
		err = durable.Write(m.path, raw, memoryMode)
	}
	if err != nil {
		m.failed = fmt.Errorf("write the register's memory: %w", err)
	}
}

// Failed is why the memory keeps nothing any more; nil while it does.
func (m *Memory) Failed() error { return m.failed }
