package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/kopilka/kopilka/installer"
)

// endSignal ends a browser: Windows has no gentler way for a program without a window of ours.
var endSignal = os.Kill

// kioskKey and kioskValue start it at everybody's logon.
const (
	kioskKey   = `SOFTWARE\Microsoft\Windows\CurrentVersion\Run`
	kioskValue = "KopilkaKiosk"
)

// browsers are where their installers put them: none is in PATH.
func browsers() (paths []string) {
	for _, root := range []string{os.Getenv("ProgramFiles"), os.Getenv("ProgramFiles(x86)"), os.Getenv("LocalAppData")} {
		if root == "" {
			continue
		}
		for _, path := range []string{`Google\Chrome\Application\chrome.exe`, `Chromium\Application\chrome.exe`, `Microsoft\Edge\Application\msedge.exe`} {
			paths = append(paths, filepath.Join(root, path))
		}
	}
	return paths
}

// kioskLock keeps a second one out of this session; the name is the session's own.
func kioskLock(string) (release func() error, err error) { return alone("KopilkaKiosk", errKioskTwice) }

func (k *kiosk) install(out io.Writer) (err error) {
	program, err := programPath()
	if err != nil {
		return err
	}
	if program == "" {
		program = installer.Program
	}
	args := append([]string{program, "kiosk"}, k.logon()...)
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, kioskKey, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("have the till's page open at logon: %w", runRights(err))
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	if err := key.SetStringValue(kioskValue, windows.ComposeCommandLine(args)); err != nil {
		return fmt.Errorf("have the till's page open at logon: %w", runRights(err))
	}
	return say(out, "The till's page opens at the next logon / Страница кассы откроется при следующем входе\n")
}

func runRights(err error) error {
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return fmt.Errorf("%w (%w)", installer.ErrRights, err)
	}
	return err
}

func (k *kiosk) uninstall(out io.Writer) (err error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, kioskKey, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("have the till's page open at logon no more: %w", runRights(err))
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	if err := key.DeleteValue(kioskValue); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("have the till's page open at logon no more: %w", runRights(err))
	}
	return say(out, "The till's page does not open at logon any more / Страница кассы больше не открывается при входе\n")
}
