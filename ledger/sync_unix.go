//go:build !windows

package ledger

import (
	"errors"
	"fmt"
	"os"
)

// syncDir makes a rename in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the ledger's folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("flush the ledger's folder: %w", err)
	}
	return nil
}
