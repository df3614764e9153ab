//go:build !windows

package installer

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// usualData is the unit's StateDirectory: all else is read-only to the service.
	usualData  = "/var/lib/kopilka"
	dataDropIn = "/etc/systemd/system/" + unit + ".d/20-data.conf"

	dataMode fs.FileMode = 0o750 // as the unit's StateDirectoryMode
)

var (
	// unseen are folders that the unit hides from the service: its own data would not be there, or be gone with it.
	unseen = []string{"/home", "/root", "/run", "/tmp", "/var/tmp"}
	// systems are folders that are given to the service by nobody but somebody who mistyped: all in it would be its own.
	systems = strings.Fields("/ /bin /boot /dev /etc /lib /lib64 /media /mnt /opt /proc /sbin /srv /sys /usr /var /var/backups /var/lib /var/log /usr/lib")
)

func checkData(path string) error {
	if err := checkPath(path); err != nil || path == "" {
		return err
	}
	if slices.ContainsFunc(unseen, func(at string) bool { return path == at || strings.HasPrefix(path, at+"/") }) {
		return fmt.Errorf("%w: data: the service does not see %s; take a folder such as /srv/kopilka / служба не видит %[2]s; возьмите, например, /srv/kopilka", ErrPath, path)
	}
	if slices.Contains(systems, path) {
		return fmt.Errorf("%w: data: %s is the system's own; want a folder of the till's alone, such as /srv/kopilka / %[2]s принадлежит системе; нужна отдельная папка, например /srv/kopilka", ErrPath, path)
	}
	return nil
}

// openData lets the service write its data where they are not at the usual place.
func (s Service) openData() error {
	switch s.Data {
	case "":
		return nil
	case usualData:
		return remove(s.path(dataDropIn))
	}
	if err := makeData(s.path(s.Data), dataMode); err != nil {
		return err
	}
	return write(s.path(dataDropIn), s.aboutData())
}

// aboutData is what the unit says about the usual folder. Minus signs: a till whose config went back to the usual
// folder must start though the other one is gone.
func (s Service) aboutData() []byte {
	return fmt.Appendf(nil, "[Unit]\nRequiresMountsFor=%[1]q\n[Service]\nReadWritePaths=%[2]q\nExecStartPre=-+/usr/bin/chown -R --no-dereference kopilka:kopilka %[1]q\n", s.Data, "-"+s.Data)
}

func (s Service) admit(ctx context.Context) error {
	if !s.packaged() && !exists(s.path(places[0].at)) {
		return nil
	}
	if err := checkData(s.Data); err != nil {
		return err
	}
	if err := s.openData(); err != nil {
		return err
	}
	if !s.booted() {
		return nil
	}
	return s.run(ctx, "systemctl", "daemon-reload")
}

// makeData makes the data folder, and what is missing above it so that the service's account can come through.
func makeData(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return rights(err)
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return rights(err)
	}
	return nil
}
