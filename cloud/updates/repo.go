package updates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/sync/update"
)

// What lies in the repository's folder. Only the first three are ever handed out.
const (
	metadataFolder = "metadata"
	targetsFolder  = "targets"
	vouchFile      = update.VouchFile
	keysFolder     = "keys"           // head office's own keys, one file each
	goneFile       = "withdrawn.json" // hashes of what was withdrawn, so that its name never means other bytes
	lockFile       = "lock"
)

// Permissions: what is handed out is no secret, the keys are.
const (
	publicPerm = 0o644
	secretPerm = 0o600
	folderPerm = 0o755
	secretDir  = 0o700
)

// How long signatures last. Online ones are renewed every day: a till that hears nothing new for a week knows
// that somebody holds it back. The operator's last as long as nobody likes to fetch the keys from the safe.
const (
	timestampLife = 7 * 24 * time.Hour
	onlineLife    = 30 * 24 * time.Hour // snapshot and rollout
	targetsLife   = 2 * 365 * 24 * time.Hour
	rootLife      = 5 * 365 * 24 * time.Hour
)

// Errors that callers tell apart; each is a sentence in both languages.
var (
	// ErrExists is returned by [Repo.Init] where there is a repository.
	ErrExists = errors.New("there is a repository of updates already / хранилище обновлений уже есть")
	// ErrKeys is wrapped when the operator's keys do not suffice.
	ErrKeys = errors.New("these keys do not suffice / этих ключей недостаточно")
	// ErrRelease is wrapped when a release is not what it says it is.
	ErrRelease = errors.New("this release cannot be published / этот выпуск опубликовать нельзя")
	// ErrTaken is wrapped when a version's name is taken by other bytes.
	ErrTaken = errors.New("this version is published with other bytes; give the new build another number / эта версия уже опубликована с другим содержимым; дайте сборке другой номер")
	// ErrPlan is wrapped when a plan cannot be carried out.
	ErrPlan = errors.New("this plan cannot be carried out / такой план невыполним")
	// ErrPlanned is wrapped when a version that is to be withdrawn is in the plan.
	ErrPlanned = errors.New("this version cannot be withdrawn / эту версию отозвать нельзя")
	// ErrStale is wrapped when a plan was changed since it was looked at.
	ErrStale = errors.New("somebody has changed the plan meanwhile; look at it again / план тем временем изменили; посмотрите его ещё раз")
	// ErrBusy is wrapped when another command holds the repository for too long.
	ErrBusy = errors.New("another command is changing the repository; try again in a minute / хранилище меняет другая команда; повторите через минуту")
)

// Repo is a repository in a folder. Several processes may use one folder: who changes it holds its lock, who reads
// needs none, because what the timestamp names lies there whole before the timestamp does.
type Repo struct {
	Folder string
	Now    func() time.Time
	Random io.Reader
	Logger *slog.Logger
	// Cut, where set, is asked before every file operation and fails it, for tests.
	Cut func(operation string) error
}

// state is the repository as its readers see it.
type state struct {
	root      *metadata.Metadata[metadata.RootType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	targets   *metadata.Metadata[metadata.TargetsType]
	rollout   *metadata.Metadata[metadata.TargetsType]
	plan      update.Plan
}

// Version is a published version.
type Version struct {
	Version  string
	Notes    update.Text
	Ledger   update.Ledger
	Programs []update.Program
	Added    time.Time
}

// View is the repository for people.
type View struct {
	Plan     update.Plan
	Versions []Version // newest first
	// Targets and Root are until when the operator's signatures last, Signed when head office last signed.
	Targets, Root, Signed time.Time
	Vouched               bool
}

// at is a path in the folder.
func (r *Repo) at(name ...string) string {
	return filepath.Join(append([]string{r.Folder}, name...)...)
}

func versioned(version int64, role string) string { return fmt.Sprintf("%d.%s.json", version, role) }

// hashed is where a target's bytes lie in a repository with consistent snapshots.
func hashed(target, sum string) string {
	dir, base := "", target
	if i := strings.LastIndexByte(target, '/'); i >= 0 {
		dir, base = target[:i+1], target[i+1:]
	}
	return dir + sum + "." + base
}

// load reads what readers see; [update.ErrNone] where there is no repository.
func (r *Repo) load() (*state, error) {
	s := &state{}
	var err error
	if s.timestamp, err = read[metadata.TimestampType](r, "timestamp.json"); errors.Is(err, fs.ErrNotExist) {
		return nil, update.ErrNone
	}
	if err != nil {
		return nil, err
	}
	if s.root, err = r.lastRoot(); err != nil {
		return nil, err
	}
	meta := s.timestamp.Signed.Meta["snapshot.json"]
	if meta == nil {
		return nil, errors.New("timestamp.json names no snapshot")
	}
	if s.snapshot, err = read[metadata.SnapshotType](r, versioned(meta.Version, metadata.SNAPSHOT)); err != nil {
		return nil, err
	}
	if s.targets, err = pinned(r, s.snapshot, metadata.TARGETS); err != nil {
		return nil, err
	}
	if s.rollout, err = pinned(r, s.snapshot, update.RolloutRole); err != nil {
		return nil, err
	}
	return s, r.readPlan(s)
}

func pinned(r *Repo, snapshot *metadata.Metadata[metadata.SnapshotType], role string) (*metadata.Metadata[metadata.TargetsType], error) {
	meta := snapshot.Signed.Meta[role+".json"]
	if meta == nil {
		return nil, fmt.Errorf("the snapshot names no %s.json", role)
	}
	return read[metadata.TargetsType](r, versioned(meta.Version, role))
}

func read[T metadata.Roles](r *Repo, name string) (*metadata.Metadata[T], error) {
	raw, err := os.ReadFile(r.at(metadataFolder, name))
	if err != nil {
		return nil, fmt.Errorf("read the repository of updates: %w", err)
	}
	m, err := new(metadata.Metadata[T]).FromBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("read the repository of updates: %s: %w", name, err)
	}
	return m, nil
}

// lastRoot reads the newest root.
func (r *Repo) lastRoot() (*metadata.Metadata[metadata.RootType], error) {
	last := int64(0)
	entries, err := os.ReadDir(r.at(metadataFolder))
	if err != nil {
		return nil, fmt.Errorf("read the repository of updates: %w", err)
	}
	for _, e := range entries {
		if text, found := strings.CutSuffix(e.Name(), ".root.json"); found {
			if v, err := strconv.ParseInt(text, 10, 64); err == nil {
				last = max(last, v)
			}
		}
	}
	return read[metadata.RootType](r, versioned(last, metadata.ROOT))
}

func (r *Repo) readPlan(s *state) error {
	t := s.rollout.Signed.Targets[update.RolloutFile]
	if t == nil {
		return errors.New("the role of the roll-out names no plan")
	}
	raw, err := os.ReadFile(r.at(targetsFolder, hashed(update.RolloutFile, t.Hashes["sha256"].String())))
	if err == nil {
		err = json.Unmarshal(raw, &s.plan)
	}
	if err != nil {
		return fmt.Errorf("read the plan of the roll-out: %w", err)
	}
	return nil
}

// Look answers what is published and planned; [update.ErrNone] where there is no repository.
func (r *Repo) Look(context.Context) (View, error) {
	s, err := r.load()
	if err != nil {
		return View{}, err
	}
	_, err = os.Stat(r.at(vouchFile))
	v := View{Plan: s.plan, Targets: s.targets.Signed.Expires, Root: s.root.Signed.Expires, Signed: s.timestamp.Signed.Expires.Add(-timestampLife), Vouched: err == nil}
	at := map[string]*Version{}
	for name, t := range s.targets.Signed.Targets {
		p, err := programOf(t)
		if err != nil {
			return View{}, fmt.Errorf("%s: %w", name, err)
		}
		x := at[p.Version]
		if x == nil {
			x = &Version{Version: p.Version, Notes: p.Notes, Ledger: p.Ledger}
			at[p.Version] = x
		}
		x.Programs = append(x.Programs, p)
		if info, err := os.Stat(r.at(targetsFolder, filepath.FromSlash(hashed(name, t.Hashes["sha256"].String())))); err == nil && info.ModTime().After(x.Added) {
			x.Added = info.ModTime()
		}
	}
	v.Versions = slices.SortedFunc(values(at), func(a, b Version) int {
		if update.Newer(a.Version, b.Version) {
			return -1
		}
		return 1
	})
	for i := range v.Versions {
		slices.SortFunc(v.Versions[i].Programs, func(a, b update.Program) int { return strings.Compare(a.Target(), b.Target()) })
	}
	return v, nil
}

func values(at map[string]*Version) func(yield func(Version) bool) {
	return func(yield func(Version) bool) {
		for v := range maps.Values(at) {
			if !yield(*v) {
				return
			}
		}
	}
}

func programOf(t *metadata.TargetFiles) (p update.Program, err error) {
	if t.Custom == nil {
		return p, errors.New("the target does not say what it is")
	}
	if err := json.Unmarshal(*t.Custom, &p); err != nil {
		return p, fmt.Errorf("read what the target is: %w", err)
	}
	return p, nil
}
