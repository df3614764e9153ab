//go:build !windows

package installer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	unit = "kopilka-agent.service"
	// Program is where packages put the program.
	Program = "/usr/bin/kopilka-agent"
	// packagedUnit is where a deb or rpm puts the unit; then its files are the package's to change.
	packagedUnit = "/usr/lib/systemd/system/" + unit
	dropIn       = "/etc/systemd/system/" + unit + ".d/10-paths.conf"
	autostart    = "/etc/xdg/autostart/kopilka-notify.desktop"

	fileMode   fs.FileMode = 0o644
	folderMode fs.FileMode = 0o755
	sharedMode fs.FileMode = 0o640
)

// places is where Install puts what, outside of the folders that belong to packages.
var places = []struct{ file, at string }{
	{"linux/" + unit, "/etc/systemd/system/" + unit},
	{"linux/kopilka.sysusers", "/etc/sysusers.d/kopilka.conf"},
	{"linux/60-kopilka.rules", "/etc/udev/rules.d/60-kopilka.rules"},
	{"linux/kopilka-notify.desktop", autostart},
}

func (s Service) path(at string) string { return filepath.Join("/", s.Root, at) }

// here tells that this very machine is meant, and not an image.
func (s Service) here() bool { return s.Root == "" || s.Root == "/" }

// booted is how systemd itself documents the question: sd_booted(3).
func (s Service) booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return s.here() && err == nil && info.IsDir()
}

func (s Service) packaged() bool { return exists(s.path(packagedUnit)) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s Service) install(ctx context.Context) error {
	if err := checkData(s.Data); err != nil {
		return err
	}
	if err := s.writeAll(); err != nil {
		return err
	}
	if err := s.openData(); err != nil {
		return err
	}
	if err := s.run(ctx, "systemd-sysusers", s.rooted("--root=", s.path("/etc/sysusers.d/kopilka.conf"))...); err != nil && !s.packaged() {
		return err
	}
	if s.booted() {
		if err := s.reload(ctx); err != nil {
			return err
		}
	}
	return s.run(ctx, "systemctl", s.rooted("--root=", "enable", unit)...)
}

func (s Service) writeAll() error {
	if !s.packaged() {
		for _, p := range places {
			b, err := Files.ReadFile(p.file)
			if err != nil {
				return fmt.Errorf("read the embedded %s: %w", p.file, err)
			}
			if p.at == autostart {
				b = s.desktop(b)
			}
			if err := write(s.path(p.at), b); err != nil {
				return err
			}
		}
	}
	if s.program() == Program && s.Config == "" {
		return remove(s.path(dropIn))
	}
	return write(s.path(dropIn), s.dropIn())
}

func (s Service) program() string {
	if s.Program == "" {
		return Program
	}
	return s.Program
}

// desktop names this machine's program and config; the format quotes as a shell does.
func (s Service) desktop(b []byte) []byte {
	if s.program() == Program && s.Config == "" {
		return b
	}
	line := fmt.Sprintf("Exec=%q notify", s.program())
	if s.Config != "" {
		line += fmt.Sprintf(" -config %q", s.Config)
	}
	b = bytes.Replace(b, []byte("\nExec="+Program+" notify\n"), []byte("\n"+line+"\n"), 1)
	return bytes.Replace(b, []byte("\nTryExec="+Program+"\n"), []byte("\nTryExec="+s.program()+"\n"), 1)
}

func (s Service) dropIn() []byte {
	line := fmt.Sprintf("ExecStart=%q run", s.program())
	if s.Config != "" {
		line += fmt.Sprintf(" -config %q", s.Config)
	}
	return []byte("[Service]\nExecStart=\n" + line + "\n")
}

// reload makes systemd and udev read what was written. A machine without udev, a container, has no
// devices either.
func (s Service) reload(ctx context.Context) error {
	if err := s.run(ctx, "systemctl", "daemon-reload"); err != nil {
		return err
	}
	if !exists("/run/udev/control") {
		return nil
	}
	if err := s.run(ctx, "udevadm", "control", "--reload"); err != nil {
		return err
	}
	return s.run(ctx, "udevadm", "trigger", "--subsystem-match=tty", "--subsystem-match=usb", "--subsystem-match=hidraw")
}

func (s Service) uninstall(ctx context.Context) error {
	if s.booted() {
		if err := s.stop(ctx); err != nil && !errors.Is(err, ErrNotInstalled) {
			return err
		}
	}
	if st, err := s.status(ctx); err != nil {
		return err
	} else if st.Automatic {
		if err := s.run(ctx, "systemctl", s.rooted("--root=", "disable", unit)...); err != nil {
			return err
		}
	}
	if err := errors.Join(remove(s.path(dropIn)), remove(s.path(dataDropIn))); err != nil {
		return err
	}
	if !s.packaged() {
		for _, p := range places {
			if err := remove(s.path(p.at)); err != nil {
				return err
			}
		}
	}
	if s.booted() {
		return s.reload(ctx)
	}
	return nil
}

func (s Service) start(ctx context.Context) error {
	if err := s.mayControl(ctx); err != nil {
		return err
	}
	return s.run(ctx, "systemctl", "start", unit)
}

func (s Service) stop(ctx context.Context) error {
	if err := s.mayControl(ctx); err != nil {
		return err
	}
	return s.run(ctx, "systemctl", "stop", unit)
}

func (s Service) mayControl(ctx context.Context) error {
	st, err := s.status(ctx)
	switch {
	case err != nil:
		return err
	case !st.Installed:
		return ErrNotInstalled
	case st.NoManager:
		return ErrNoManager
	}
	return nil
}

func (s Service) status(ctx context.Context) (Status, error) {
	if !s.booted() {
		return s.offline(ctx)
	}
	out, err := s.output(ctx, "systemctl", "show", unit, "--property=LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts")
	if err != nil {
		return Status{}, err
	}
	return readShow(out), nil
}

// offline reads what is on the disk.
func (s Service) offline(ctx context.Context) (Status, error) {
	st := Status{NoManager: true, Installed: s.packaged() || exists(s.path(places[0].at))}
	if !st.Installed {
		return st, nil
	}
	out, err := s.output(ctx, "systemctl", s.rooted("--root=", "is-enabled", unit)...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // it exits with 1 for every state but "enabled"
		return st, err
	}
	st.State = strings.TrimSpace(out)
	st.Automatic = st.State == "enabled"
	return st, nil
}

func readShow(out string) Status {
	var st Status
	var active, sub string
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		number, err := strconv.Atoi(value)
		if err != nil {
			number = 0 // a word, or empty: only the numbers below are read as such
		}
		switch key {
		case "LoadState":
			st.Installed = value != "not-found"
		case "ActiveState":
			active = value
		case "SubState":
			sub = value
		case "UnitFileState":
			st.Automatic = value == "enabled"
		case "MainPID":
			st.PID = number
		case "NRestarts":
			st.Restarts = number
		}
	}
	st.Running = active == "active"
	st.State = active + "/" + sub
	return st
}

// rooted adds the root where an image is meant.
func (s Service) rooted(flag string, args ...string) []string {
	if s.here() {
		return args
	}
	return append([]string{flag + s.path("/")}, args...)
}

func (s Service) run(ctx context.Context, name string, args ...string) error {
	_, err := s.output(ctx, name, args...)
	return err
}

func (s Service) output(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepMax)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=")
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err == nil {
		return string(out), nil
	}
	text := strings.TrimSpace(said.String())
	if strings.Contains(text, "authentication required") || strings.Contains(text, "Permission denied") || strings.Contains(text, "Access denied") {
		return string(out), fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), ErrRights)
	}
	return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
}

// write replaces a file whole, so that a power cut leaves the old one or the new one.
func write(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return rights(err)
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, fileMode); err != nil {
		return rights(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(rights(err), remove(tmp))
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rights(err)
	}
	return nil
}

func rights(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (%w)", ErrRights, err)
	}
	return err
}

// Share lets the person at the screen read one file of the data folder: people in the group kopilka. It
// gives the file the folder's owner and group.
func (s Service) Share(path string) error {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("share %s: %w", path, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("share %s: the system does not say whose folder it is in", path)
	}
	// The folder is the service's, and this is root: a link there must not give away a file of the system's.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // the caller's file
	if err == nil {
		err = errors.Join(f.Chown(int(owner.Uid), int(owner.Gid)), f.Chmod(sharedMode), f.Close())
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", path, rights(err))
	}
	return nil
}
