// Command kopilka-release writes dist/release.json: which programs were built, as each says of itself, and their
// hashes. `kopilka-cloud updates add` reads it.
//
// What will bite: it refuses what would reach two hundred tills and fail there: a program without the C library for
// HID devices, one of another version or system than its folder says.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka/sync/update"
)

func main() {
	dist := flag.String("dist", "dist", "folder with programs/SYSTEM/kopilka-agent")
	version := flag.String("version", "", "version that all programs must have")
	flag.Parse()
	notes := update.Text{RU: os.Getenv("KOPILKA_NOTES_RU"), EN: os.Getenv("KOPILKA_NOTES_EN")}
	if err := write(*dist, *version, notes, flag.Args()); err != nil {
		// Standard error may be closed; there is nobody else to tell.
		_, _ = fmt.Fprintln(os.Stderr, "kopilka-release:", err)
		os.Exit(1)
	}
}

// about is what `kopilka-agent version -json` prints.
type about struct {
	Version string        `json:"version"`
	OS      string        `json:"os"`
	Arch    string        `json:"arch"`
	HID     bool          `json:"hid"`
	Ledger  update.Ledger `json:"ledger"`
}

func write(dist, version string, notes update.Text, said []string) error {
	if err := update.CheckVersion(version); err != nil {
		return err
	}
	r := update.Release{Version: version, Programs: []update.Artefact{}}
	for _, file := range said {
		a, err := artefact(dist, version, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		a.Notes = notes
		r.Programs = append(r.Programs, a)
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the release: %w", err)
	}
	return os.WriteFile(filepath.Join(dist, "release.json"), append(raw, '\n'), 0o644) //nolint:gosec // for everybody
}

func artefact(dist, version, said string) (a update.Artefact, err error) {
	raw, err := os.ReadFile(said)
	if err != nil {
		return a, err
	}
	var s about
	if err := json.Unmarshal(raw, &s); err != nil {
		return a, fmt.Errorf("read what the program says of itself: %w", err)
	}
	switch {
	case s.Version != version:
		return a, fmt.Errorf("the program is version %q, want %q", s.Version, version)
	case !s.HID:
		return a, errors.New("the program was built without the C library for HID devices: scanners would not be found")
	case s.Ledger.Writes < 1 || s.Ledger.Reads < s.Ledger.Writes:
		return a, fmt.Errorf("the program writes a ledger that it does not read (%+v)", s.Ledger)
	}
	name := "kopilka-agent"
	if s.OS == "windows" {
		name += ".exe"
	}
	a.Program = update.Program{Name: "kopilka-agent", Version: version, OS: s.OS, Arch: s.Arch, Ledger: s.Ledger}
	a.File = "programs/" + s.OS + "-" + s.Arch + "/" + name
	a.SHA256, err = hash(filepath.Join(dist, filepath.FromSlash(a.File)))
	return a, err
}

func hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}
