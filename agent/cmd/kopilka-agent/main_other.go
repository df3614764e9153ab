//go:build !windows

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/durable"
)

// asService runs the till under systemd; started by hand, it leaves the program to run as it is.
func asService(run func(ctx context.Context) error) (handled bool, err error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return false, nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	lasting := time.NewTimer(readyAfter)
	defer lasting.Stop()
	select {
	case err := <-ended:
		return true, err
	case <-lasting.C:
	}
	stopped := notifyReady(ctx)
	err = <-ended
	stopped()
	return true, err
}

// notifyReady tells systemd that the till serves, then twice per watchdog period that it lives, and at the
// end that it is on its way out. Call what it returns when the till has stopped.
func notifyReady(ctx context.Context) (stopped func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		slog.Warn("systemd's watchdog is not understood, so it will not be served", "err", err)
	}
	tellSystemd(daemon.SdNotifyReady)
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { beat(ctx, every/2) })
	return func() {
		cancel()
		beating.Wait()
	}
}

func beat(ctx context.Context, every time.Duration) {
	defer tellSystemd(daemon.SdNotifyStopping)
	if every <= 0 {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			tellSystemd(daemon.SdNotifyWatchdog)
		}
	}
}

func tellSystemd(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		slog.Warn("systemd could not be told", "state", state, "err", err)
	}
}

// shareWithSession has no file to share: the daemon makes its own with the group that the cashier is in. A data folder
// that is not the packages' one goes to the service's account.
func shareWithSession(o serviceOptions) error {
	if o.service.Root != "" || o.service.Data == "" || o.service.Data == agent.DefaultConfig().Data {
		return nil
	}
	return handOver(o.config, o.service.Data)
}

// onlyOne keeps a second notice helper out of this person's session.
func onlyOne() (release func() error, err error) {
	folder := os.Getenv("XDG_RUNTIME_DIR")
	if folder == "" {
		folder = os.TempDir()
	}
	return alone(filepath.Join(folder, fmt.Sprintf("kopilka-notify-%d.lock", os.Getuid())), errTwice)
}

// alone takes the lock of a program that runs once; twice is the error where another one has it. It ends with the process.
func alone(path string, twice error) (release func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep a second program out: %w", err)
	}
	taken, err := durable.TryLock(f, false)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keep a second program out: %w", err), f.Close())
	}
	if !taken {
		return nil, errors.Join(fmt.Errorf("%w (%s)", twice, path), f.Close())
	}
	return f.Close, nil
}

// desktopHere refuses where nobody could see a notice. Without this check the D-Bus library would start a
// bus of its own, deliver to nobody, and report success.
func desktopHere() error {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	if folder := os.Getenv("XDG_RUNTIME_DIR"); folder != "" {
		if _, err := os.Stat(filepath.Join(folder, "bus")); err == nil {
			return nil
		}
	}
	return errNoDesktop
}

// leaveConsole has nothing to leave: a desktop starts programs without a window.
func leaveConsole(out io.Writer) io.Writer { return out }

// freeSpace is what a service without privileges may still fill.
func freeSpace(folder string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", folder, err)
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:gosec // a block has a size
}

// foreignFiles lists what the service, which runs as the folder's owner, could not open: mostly files that
// somebody made as root.
func foreignFiles(folder string) (names []string, err error) {
	owner, err := ownerOf(folder)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		uid, err := ownerOf(path)
		if err == nil && uid != owner && filepath.Base(path) != checkNowFile { // that one is only removed, which takes no right to it
			names = append(names, path)
		}
		if errors.Is(err, fs.ErrNotExist) { // removed while we looked
			return nil
		}
		return err
	})
	return names, err
}

func ownerOf(path string) (uint32, error) {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return 0, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return s.Uid, nil
}

// serialPorts lists ports by the names that stay when a device is plugged in elsewhere, then the plain ones.
func serialPorts() (names []string) {
	for _, pattern := range []string{"/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*"} {
		found, err := filepath.Glob(pattern)
		if err == nil { // only a bad pattern fails, and these are constants
			names = append(names, found...)
		}
	}
	return names
}

// holders names the programs that have a device file open. Without root only one's own can be seen.
func holders(node string) (names []string) {
	node, err := filepath.EvalSymlinks(node)
	if err != nil {
		return nil
	}
	var device unix.Stat_t
	if err := unix.Stat(node, &device); err != nil {
		return nil
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	self := strconv.Itoa(os.Getpid())
	for _, link := range links {
		pid := strings.Split(link, "/")[2]
		target, err := os.Readlink(link)
		if err != nil || pid == self || target != node && !strings.HasPrefix(target, "/dev/") {
			continue // a look at what is no device may hang, as on a network's disk
		}
		var held unix.Stat_t
		if err := unix.Stat(link, &held); err != nil || !sameDevice(device, held) {
			continue
		}
		name := programName(pid)
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// ptyMajors are those of pseudo terminals: each container counts its own anew.
const (
	ptyMajorFirst = 136
	ptyMajorLast  = 143
)

// sameDevice tells whether two open files are one, whatever their names: a container may have a port under another name,
// and another terminal under the same.
func sameDevice(a, b unix.Stat_t) bool {
	if a.Mode&unix.S_IFMT != unix.S_IFCHR || b.Mode&unix.S_IFMT != unix.S_IFCHR {
		return a.Dev == b.Dev && a.Ino == b.Ino
	}
	major := unix.Major(a.Rdev)
	pty := major >= ptyMajorFirst && major <= ptyMajorLast
	return a.Rdev == b.Rdev && (!pty || a.Dev == b.Dev)
}

func programName(pid string) string {
	b, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return pid
	}
	return fmt.Sprintf("%s, %s", strings.TrimSpace(string(b)), pid)
}

// lastLogged is the last line that the service's program itself has logged; empty where there is no journal.
func lastLogged(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, daemonWait)
	defer cancel()
	b, err := exec.CommandContext(ctx, "journalctl", "-u", "kopilka-agent", "_COMM=kopilka-agent", "-n", "1", "-o", "cat", "--no-pager").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// unheard has nothing to do: what runs without a terminal has a journal here.
func unheard(error) {}
