package update

import (
	"fmt"
	"path"
	"regexp"
)

// Text is one sentence in both languages.
type Text struct {
	RU string `json:"ru"`
	EN string `json:"en"`
}

// Ledger says which formats of the ledger's file a version writes and can read. A version may be gone back to
// while it reads what the newer one writes.
type Ledger struct {
	Writes int `json:"writes"`
	Reads  int `json:"reads"` // the newest; all older ones are read too
}

// Program is one built program of a release: the custom part of its target in the repository, and a row of the
// file that `make packages` leaves in dist/release.json.
type Program struct {
	Name    string `json:"name"`    // kopilka-agent
	Version string `json:"version"` // 1.3.0
	OS      string `json:"os"`      // GOOS
	Arch    string `json:"arch"`    // GOARCH
	Ledger  Ledger `json:"ledger"`
	Notes   Text   `json:"notes,omitzero"`
}

// Release is what `make packages` built, for `kopilka-cloud updates add`.
type Release struct {
	Version  string     `json:"version"`
	Programs []Artefact `json:"programs"`
}

// Artefact is a program's file beside the release file.
type Artefact struct {
	Program
	File   string `json:"file"`   // relative to the release file
	SHA256 string `json:"sha256"` // hex
}

// Target is the program's name in the repository.
func (p Program) Target() string {
	name := p.Name
	if p.OS == "windows" {
		name += ".exe"
	}
	return path.Join("agent", p.Version, p.OS+"-"+p.Arch, name)
}

// versionForm is what a version may look like: it becomes a folder's name.
var versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// CheckVersion refuses what is no version: 1.3.0 or 1.3.0-rc.1 (semver.org, without build metadata).
func CheckVersion(v string) error {
	if !versionForm.MatchString(v) {
		return fmt.Errorf("%w: %q is no version such as 1.3.0", ErrUnfit, v)
	}
	return nil
}
