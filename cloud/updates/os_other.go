//go:build !windows

package updates

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// give hands what root has made in folder to whom the folder belongs: the service's account has to read new keys, and
// to remove one day what nobody names any more. Never out of the folder: its owner, who may be at work there, could put
// a link in the way and be given the system's own files.
func give(folder string, made ...string) error {
	if os.Geteuid() != 0 || len(made) == 0 {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	for _, path := range made {
		if err == nil {
			err = giveOne(root, path)
		}
	}
	if err := errors.Join(err, root.Close()); err != nil {
		return fmt.Errorf("give what was made to the owner of %s: %w", folder, err)
	}
	return nil
}

func giveOne(root *os.Root, path string) error {
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("the system does not say whose folder it is")
	}
	name, err := filepath.Rel(root.Name(), path)
	if err != nil {
		return err
	}
	return root.Lchown(name, int(owner.Uid), int(owner.Gid))
}
