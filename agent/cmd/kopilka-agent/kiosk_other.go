//go:build !windows

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/installer"
	"github.com/kopilka/kopilka/ledger/durable"
)

// endSignal asks a browser to close.
const endSignal = unix.SIGTERM

// kioskEntry is the file by which desktops start it at logon.
const kioskEntry = "kopilka-kiosk.desktop"

// flagWord needs no quotes.
var flagWord = regexp.MustCompile(`^-[a-z-]*$`)

func browsers() []string {
	return []string{
		"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge-stable", "microsoft-edge", "yandex-browser-stable", "yandex-browser",
	}
}

// kioskLock keeps a second one out of this profile: its browser would hand its page to the first and end at once.
func kioskLock(profile string) (release func() error, err error) {
	return alone(filepath.Join(profile, "kopilka.lock"), errKioskTwice)
}

// kioskPlace is this person's autostart folder; the administrator's is everybody's.
func kioskPlace() (string, error) {
	if os.Geteuid() == 0 {
		return filepath.Join("/etc/xdg/autostart", kioskEntry), nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the autostart folder: %w", err)
	}
	return filepath.Join(config, "autostart", kioskEntry), nil
}

func (k *kiosk) install(out io.Writer) error {
	place, err := kioskPlace()
	if err != nil {
		return err
	}
	b, err := k.entry()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(place), 0o755)
	}
	if err == nil {
		err = durable.Write(place, b, 0o644)
	}
	if err != nil {
		return fmt.Errorf("have the till's page open at logon: %w", err)
	}
	return say(out, "The till's page opens at the next logon / Страница кассы откроется при следующем входе: %s\n", place)
}

// entry is the packages' file with what was said here.
func (k *kiosk) entry() ([]byte, error) {
	b, err := installer.Files.ReadFile("linux/" + kioskEntry)
	if err != nil {
		return nil, fmt.Errorf("read the embedded %s: %w", kioskEntry, err)
	}
	program, err := programPath()
	if err != nil {
		return nil, err
	}
	if program == "" {
		program = installer.Program
	}
	line := fmt.Sprintf("%q kiosk", program)
	for _, word := range k.logon() {
		if !flagWord.MatchString(word) {
			word = strconv.Quote(strings.ReplaceAll(word, "%", "%%")) // which stands for a field in such a file
		}
		line += " " + word
	}
	text := strings.Replace(string(b), "Exec="+installer.Program+" kiosk\n", "Exec="+line+"\n", 1)
	return []byte(strings.Replace(text, "TryExec="+installer.Program+"\n", "TryExec="+program+"\n", 1)), nil
}

func (k *kiosk) uninstall(out io.Writer) error {
	place, err := kioskPlace()
	if err != nil {
		return err
	}
	if err := os.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("have the till's page open at logon no more: %w", err)
	}
	return say(out, "The till's page does not open at logon any more / Страница кассы больше не открывается при входе\n")
}
