//go:build !windows

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// serviceAccount is whose the service's files are; packages make it.
const serviceAccount = "kopilka"

// handOver gives the data folder to the service's account. On a machine without one the service gives it to itself
// when it starts.
func handOver(_, data string) error {
	account, err := user.Lookup(serviceAccount)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the account %s: %w", serviceAccount, err)
	}
	uid, uidErr := strconv.Atoi(account.Uid)
	gid, gidErr := strconv.Atoi(account.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return fmt.Errorf("read the account %s: %w", serviceAccount, err)
	}
	if err := give(data, uid, gid); err != nil {
		return fmt.Errorf("give the data folder to %s: %w", serviceAccount, err)
	}
	return nil
}

// guardConfig has nothing to do: the folder of the config is root's.
func guardConfig(string) error { return nil }

// give walks within the folder and never out of it: its owner, who may be at work there, could otherwise put a link in
// a folder's place and be given the system's own files.
func give(data string, uid, gid int) error {
	root, err := os.OpenRoot(data)
	if err != nil {
		return err
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = root.Lchown(path, uid, gid)
		}
		if errors.Is(err, fs.ErrNotExist) { // removed while we looked
			return nil
		}
		return err
	})
	return errors.Join(err, root.Close())
}
