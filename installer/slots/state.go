package slots

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

const (
	stateMode   fs.FileMode = 0o600
	statusMode  fs.FileMode = 0o644
	programMode fs.FileMode = 0o755
	folderMode  fs.FileMode = 0o755
)

// Stage is where an update stands.
type Stage string

// Stages, in order. An update that is over, well or not, is idle again.
const (
	Idle   Stage = ""
	Placed Stage = "placed" // the program is on the disk and waits until nobody is at the till
	OnTry  Stage = "trial"  // it is about to be current, or is, and has not shown yet that it is well
	GoBack Stage = "back"   // it was not well: the one before is about to be current, or is
)

// Text is one sentence in both languages.
type Text struct {
	RU string `json:"ru"`
	EN string `json:"en"`
}

// Reason is why something ended as it did.
type Reason struct {
	Code string `json:"code"` // for programs
	Text
}

// Codes of reasons that other programs know, too.
const (
	CodeAdopted   = "adopted"
	CodeTrial     = "trial"
	CodeDone      = "done"
	CodeStay      = "stay"
	CodeBusy      = "busy"
	CodeTrust     = "trust"
	CodeOff       = "off"
	CodeNoService = "no-service"
)

// Well tells that nobody has to do anything about it. A code that this program does not know is none of these: better a
// warning too many than an updater that stands still and nobody hears of it.
func (r Reason) Well() bool {
	switch r.Code {
	case "", CodeAdopted, CodeTrial, CodeDone, CodeStay, CodeBusy:
		return true
	}
	return false
}

// Trial is a version that has not shown yet that it is well.
type Trial struct {
	Version  string          `json:"version"`
	To       string          `json:"to"`   // slots
	From     string          `json:"from"` // stays on the disk until the trial is over
	Began    time.Time       `json:"began"`
	Deadline time.Time       `json:"deadline"`
	Wakes    int             `json:"wakes"`               // how often an updater found it on the disk, after a power cut or its own end
	Before   json.RawMessage `json:"before,omitempty"`    // the till's health before; the updater's words
	NoReturn bool            `json:"no_return,omitempty"` // the version before cannot read the ledger once this one wrote to it
	// Why it goes back, while it does; and whether the version may be tried again without anybody's word.
	Why   Reason `json:"why,omitzero"`
	Later bool   `json:"later,omitempty"`
}

// Verdict is what is held against a version.
type Verdict struct {
	Why   Reason    `json:"why"`
	At    time.Time `json:"at"`
	Tries int       `json:"tries"`
	Bad   bool      `json:"bad"` // until a person says retry; else it may be tried again later
}

// State is what the updater must remember.
type State struct {
	Stage    Stage              `json:"stage"`
	Packaged string             `json:"packaged,omitempty"` // the package's version
	Placed   string             `json:"placed,omitempty"`   // a version
	Previous string             `json:"previous,omitempty"` // the slot before the current one, where going back is possible
	Trial    *Trial             `json:"trial,omitempty"`
	Verdicts map[string]Verdict `json:"verdicts,omitempty"` // by version
}

// ErrState is wrapped where the state on the disk cannot be read.
var ErrState = errors.New("the updater's state is damaged; the till sells on. Look at it, then delete it")

// VersionOf tells a slot's version.
func (st State) VersionOf(slot string) string {
	if v, ok := strings.CutPrefix(slot, Versions+"/"); ok {
		return v
	}
	return st.Packaged
}

// SlotOf is where an update of this version lies.
func SlotOf(version string) string { return Versions + "/" + version }

// load first flushes the folder: a process may have been killed between a rename and its flush, and what is built on
// the new name must not outlive it.
func (s *Slots) load() (State, error) {
	if err := s.Disk.flush(s.Layout.State); err != nil {
		return State{}, err
	}
	return s.Peek()
}

// Peek is the state as it is read, which may not be on the disk for good yet: to look at, not to build on.
func (s *Slots) Peek() (st State, err error) {
	path := filepath.Join(s.Layout.State, StateFile)
	raw, err := s.Disk.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, say("read", path, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields() // an updater that was put back by hand must not lose what a newer one wrote
	if err := decoder.Decode(&st); err != nil {
		return State{}, fmt.Errorf("read %s: %w: %w", path, ErrState, err)
	}
	if (st.Stage == OnTry || st.Stage == GoBack) && st.Trial == nil {
		return State{}, fmt.Errorf("read %s: %w: a trial of nothing", path, ErrState)
	}
	return st, nil
}

func (s *Slots) save(st State) error {
	raw, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("write the updater's state: %w", err)
	}
	return s.Disk.replace(filepath.Join(s.Layout.State, StateFile), stateMode, bytes.NewReader(append(raw, '\n')))
}

// Status is what everybody on the machine may know, the doctor above all. Nothing is decided by it.
type Status struct {
	Version  string             `json:"version"` // current
	Slot     string             `json:"slot"`
	Packaged string             `json:"packaged,omitempty"`
	Stage    Stage              `json:"stage"`
	Wanted   string             `json:"wanted,omitempty"` // the version that this is about
	Says     Reason             `json:"says"`             // what was last done, or why not
	At       time.Time          `json:"at"`
	Verdicts map[string]Verdict `json:"verdicts,omitempty"`
}

// Publish writes the status of now. Of a state that is damaged it is said, too, beside what was known before.
func (s *Slots) Publish(wanted string, says Reason) error {
	now, err := s.status()
	if err != nil {
		return err
	}
	now.Wanted, now.Says, now.At = wanted, says, s.Now().UTC().Truncate(time.Second)
	raw, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return fmt.Errorf("write the updater's status: %w", err)
	}
	return s.Disk.replace(filepath.Join(s.Layout.State, StatusFile), statusMode, bytes.NewReader(append(raw, '\n')))
}

func (s *Slots) status() (Status, error) {
	st, slot, err := s.View()
	if errors.Is(err, ErrState) {
		was, err := s.Published()
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return was, err
	}
	return Status{Version: st.VersionOf(slot), Slot: slot, Packaged: st.Packaged, Stage: st.Stage, Verdicts: st.Verdicts}, err
}

// ReadStatus reads what an updater published; fs.ErrNotExist is wrapped where none ever did.
func ReadStatus(l Layout) (Status, error) { return readStatus(l, OS()) }

// Published is what was last published.
func (s *Slots) Published() (Status, error) { return readStatus(s.Layout, s.Disk) }

func readStatus(l Layout, d Disk) (Status, error) {
	path := filepath.Join(l.State, StatusFile)
	raw, err := d.Read(path)
	if err != nil {
		return Status{}, say("read", path, err)
	}
	var st Status
	if err := json.Unmarshal(raw, &st); err != nil {
		return Status{}, fmt.Errorf("read %s: %w", path, err)
	}
	return st, nil
}
