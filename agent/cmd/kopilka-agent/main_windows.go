package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
	"github.com/kopilka/kopilka/installer"
)

// Times that the service manager is told. How long Windows waits before the machine goes off is in the definition of
// the service.
const (
	stopHint  = 10 * time.Second // until the next word from us while we start or stop
	stopBeat  = 3 * time.Second  // so the next word comes in good time
	exitError = 1                // service-specific: the till program failed
	exitEarly = 2                // service-specific: it ended without being asked
)

// Kinds of power events (winuser.h).
const (
	powerSuspend = 0x04
	powerResumed = 0x12 // comes after every sleep, whoever ended it
)

// accepted are what the running till wants to hear of. Users who come, go and switch are none of its business: the
// page is the machine's, and each session has a notice helper of its own.
const accepted = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown | svc.AcceptPowerEvent

// asService hands the program to the service manager if that is who started it.
func asService(run func(ctx context.Context) error) (handled bool, err error) {
	is, err := svc.IsWindowsService()
	if err != nil {
		return true, fmt.Errorf("ask Windows whether this is a service: %w", err)
	}
	if !is && !slices.Contains(os.Args, installer.Marker) {
		return false, nil
	}
	closeLog, err := logToFile(serviceLog())
	if err != nil {
		return true, err
	}
	h := &handler{run: run, slept: newWakes()}
	if h.events, err = installer.OpenEvents(); err != nil {
		slog.Warn("no event log", "err", err) // the till's own log has it all
	}
	// The name is not looked at in a process with one service.
	err = errors.Join(svc.Run("Kopilka", h), h.err)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "kopilka-agent:", err) // into the log; there is no other place to complain
	}
	return true, errors.Join(err, h.events.Close(), closeLog())
}

func serviceLog() string { return filepath.Join(filepath.Dir(agent.DefaultConfigPath), logName) }

// handler is the till program as the service manager sees it.
type handler struct {
	run    func(ctx context.Context) error
	slept  *wakes
	events installer.Events
	err    error // of run, read when the manager has been told
}

// Execute runs the till until it ends or the manager wants it to. While a receipt is being seen through,
// the manager hears at intervals that stopping goes on, or it would kill the process.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (specific bool, code uint32) {
	ctx, cancel := context.WithCancel(withWakes(context.Background(), h.slept))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- h.run(ctx) }()
	now := svc.Status{State: svc.StartPending, WaitHint: uint32(stopHint.Milliseconds())}
	states <- now
	lasting := time.NewTimer(readyAfter)
	defer lasting.Stop()
	ticker := time.NewTicker(stopBeat)
	defer ticker.Stop()
	for {
		select {
		case h.err = <-done:
			return h.ended(now.State == svc.StopPending)
		case r := <-requests:
			if h.asked(r) && now.State != svc.StopPending {
				cancel()
				now = svc.Status{State: svc.StopPending, WaitHint: uint32(stopHint.Milliseconds())}
			}
			states <- now
		case <-lasting.C:
			if now.State == svc.StartPending {
				now = svc.Status{State: svc.Running, Accepts: accepted}
				states <- now
				h.say(h.events.Info(installer.EventStarted, "Касса запущена, версия "+version+" / The till program runs, version "+version))
			}
		case <-ticker.C:
			if now.State == svc.StopPending {
				now.CheckPoint++
				states <- now
			}
		}
	}
}

// asked tells a request to stop, and wakes the till after a sleep.
func (h *handler) asked(r svc.ChangeRequest) (stop bool) {
	switch r.Cmd {
	case svc.Stop, svc.Shutdown, svc.PreShutdown:
		return true
	case svc.PowerEvent:
		if r.EventType == powerResumed {
			h.slept.wake()
			h.say(h.events.Info(installer.EventSlept, "Компьютер спал; касса соединяется с устройствами заново / The machine has slept; the till dials its devices anew"))
		}
	}
	return false
}

// ended tells the manager and the event log how it ended.
func (h *handler) ended(asked bool) (specific bool, code uint32) {
	specific, code = verdict(h.err, asked)
	if code == 0 {
		h.say(h.events.Info(installer.EventStopped, "Касса остановлена / The till program has stopped"))
		return specific, code
	}
	why := "ended without being asked"
	if h.err != nil {
		why = h.err.Error()
	}
	h.say(h.events.Error(installer.EventFailed, "Касса не работает: kopilka-agent doctor скажет, что делать / The till program does not run: kopilka-agent doctor says what to do\n\n"+why))
	return specific, code
}

// say is for an event log that does not take a message: the till's own log has it too.
func (h *handler) say(err error) {
	if err != nil {
		slog.Warn("the event log takes no message", "err", err)
	}
}

// unheard is for failures that nobody sees: Windows Installer runs commands where there is no screen.
func unheard(err error) {
	if desktopHere() == nil {
		return
	}
	events, openErr := installer.OpenEvents()
	if openErr == nil {
		_ = errors.Join(events.Error(installer.EventFailed, "kopilka-agent: "+err.Error()), events.Close()) // there is nobody left to tell
	}
	if f, openErr := os.OpenFile(serviceLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); openErr == nil {
		_, writeErr := fmt.Fprintf(f, "time=%s level=ERROR msg=%q\n", time.Now().Format(time.RFC3339), "kopilka-agent "+strings.Join(commandWord(), " ")+": "+err.Error())
		_ = errors.Join(writeErr, f.Close()) // as above
	}
}

// commandWord is the command without what follows it: an enrolment's code is a secret.
func commandWord() []string { return os.Args[1:min(2, len(os.Args))] }

// verdict tells the manager how it ended: with a code other than 0 it starts the service again.
func verdict(err error, asked bool) (specific bool, code uint32) {
	switch {
	case err != nil:
		return true, exitError
	case !asked:
		return true, exitEarly
	}
	return false, 0
}

// shareWithSession lets the person at the screen read what the notice helper needs: where the page is, and
// the token. Who is signed in cannot read ProgramData\Kopilka otherwise.
func shareWithSession(o serviceOptions) error {
	// Before it is believed, and with faults too: until then the service may have the folder's rights to it.
	err := o.service.CheckConfig(o.config)
	if err == nil {
		err = o.service.Share(o.config)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c, err := agent.LoadConfig(o.config)
	if err != nil {
		c = agent.DefaultConfig() // not written yet, or with faults: what is there by default is shared
	}
	if err := o.service.Own(c.Data); err != nil { // the config may name another than the packages' folder
		return err
	}
	token := filepath.Join(c.Data, tokenFile)
	if _, err := desk.NoticeToken(token); err != nil {
		return err
	}
	return o.service.Share(token)
}

// onlyOne keeps a second notice helper out of this session: the name is the session's own.
func onlyOne() (release func() error, err error) { return alone("KopilkaNotify", errTwice) }

// alone takes the lock of a program that runs once in a session; twice is the error where another one has it. It ends
// with the process.
func alone(name string, twice error) (release func() error, err error) {
	own, err := windows.UTF16PtrFromString(`Local\` + name)
	if err != nil {
		return nil, fmt.Errorf("keep a second program out: %w", err)
	}
	h, err := windows.CreateMutex(nil, false, own)
	if errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return nil, errors.Join(twice, windows.CloseHandle(h))
	}
	if err != nil {
		return nil, fmt.Errorf("keep a second program out: %w", err)
	}
	return func() error { return windows.CloseHandle(h) }, nil
}

// desktopHere refuses session 0, where services live and nobody looks.
func desktopHere() error {
	var session uint32
	if err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session); err != nil {
		return fmt.Errorf("ask Windows for this session: %w", err)
	}
	if session == 0 {
		return errNoDesktop
	}
	return nil
}

// The calls for a console that x/sys has not.
var (
	consoleProcesses = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetConsoleProcessList")
	freeConsole      = windows.NewLazySystemDLL("kernel32.dll").NewProc("FreeConsole")
)

// leaveConsole closes the window that Windows opens for a console program that no console has started, as at logon: it
// would stand on the cashier's page. One that a person typed in has that person's shell, too, and stays. It answers where
// to write from then on.
func leaveConsole(out io.Writer) io.Writer {
	var ids [2]uint32
	if n, _, _ := consoleProcesses.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids))); n != 1 { // 0: there is none
		return out
	}
	kind, err := windows.GetFileType(windows.Handle(os.Stdout.Fd()))
	toFile := err == nil && (kind == windows.FILE_TYPE_DISK || kind == windows.FILE_TYPE_PIPE)
	if ok, _, err := freeConsole.Call(); ok == 0 {
		slog.Debug("the console window stays", "err", err)
		return out
	}
	if toFile {
		return out
	}
	return io.Discard // or the first sentence would end the program: there is nothing left to write to
}

// freeSpace is what this account may still fill.
func freeSpace(folder string) (free uint64, err error) {
	if _, err := os.Stat(folder); err != nil { // Windows would answer for the drive
		return 0, fmt.Errorf("ask for the free space: %w", err)
	}
	name, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", folder, err)
	}
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", folder, err)
	}
	return free, nil
}

// foreignFiles has nothing to find: files inherit the folder's rights, whoever makes them.
func foreignFiles(folder string) ([]string, error) {
	_, err := os.ReadDir(folder)
	return nil, err
}

// serialPorts asks where Windows lists them.
func serialPorts() (names []string) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, `HARDWARE\DEVICEMAP\SERIALCOMM`, registry.QUERY_VALUE)
	if err != nil { // there is no such key on a machine without ports
		return nil
	}
	defer func() { _ = k.Close() }() // only read from
	values, err := k.ReadValueNames(0)
	if err != nil {
		return nil
	}
	for _, v := range values {
		if name, _, err := k.GetStringValue(v); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// holders knows nobody: Windows opens a port for one program only, and does not say for which.
func holders(string) []string { return nil }

// lastLogged is empty: where the program logs, the doctor says.
func lastLogged(context.Context) string { return "" }
