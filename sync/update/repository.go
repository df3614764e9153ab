package update

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// Limits of what is read before its signature is known: a thief of the line must not fill a till's memory or disk.
const (
	rootBytesMax      = 512 << 10 // a root of ten keys has some 5 KB
	timestampBytesMax = 16 << 10
	snapshotBytesMax  = 256 << 10 // three rows
	targetsBytesMax   = 5 << 20   // some 500 bytes a program: years of releases
	planBytesMax      = 1 << 20   // a step that names 10,000 stores has 60 KB
	programBytesMax   = 256 << 20 // a till program has some 30 MB
	stepsMax          = 1000      // a plan of more is a mistake
	rootRotationsMax  = 256       // in one go; a repository changes its root once a year
)

// read gives a file of the repository by its name below [Base], at most so many bytes of it; fs.ErrNotExist is wrapped
// where there is none.
type read func(name string, most int64) ([]byte, error)

// kept is a file that has been verified.
type kept struct {
	name string
	body []byte
}

// repository is the walk from a trust through the roles to the plan, and then what it found.
type repository struct {
	trust *Trust
	read  read
	set   *trustedmetadata.TrustedMetadata
	plan  Plan
	roots []kept // with the vouch of the first
	files []kept // in the order in which they may be written: who reads the last finds all others
}

// walk verifies the repository. Where it fails half-way, what it verified before that stands: in the trust and in roots.
//
// What will bite: it is the spec's client workflow (theupdateframework.github.io/specification) on go-tuf's verified
// set, with versions remembered as numbers instead of files, since the updater keeps no folder of metadata.
func walk(trust *Trust, from read, now time.Time) (r *repository, err error) {
	// A parser that panics on crafted metadata would stop the whole till: it is only an update that is refused.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: its metadata cannot be read: %v", ErrForged, p)
		}
	}()
	r = &repository{trust: trust, read: from}
	if err := r.firstRoot(); err != nil {
		return r, err
	}
	if r.set, err = trustedmetadata.New(trust.Root); err != nil {
		return r, judged("the root that was believed", err)
	}
	r.set.RefTime = now.UTC()
	for _, step := range []func() error{r.rotate, r.timestamp, r.snapshot, r.targets, r.rollout, r.readPlan} {
		if err := step(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// judged sorts what go-tuf says.
func judged(what string, err error) error {
	if errors.Is(err, &metadata.ErrExpiredMetadata{}) {
		return fmt.Errorf("%w: %s: %w", ErrExpired, what, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrForged, what, err)
}

func metadataName(role string, version int64) string {
	return fmt.Sprintf("metadata/%d.%s.json", version, role)
}

const timestampName = "metadata/timestamp.json"

// firstRoot believes the organisation's word for a first root, where none is believed yet.
func (r *repository) firstRoot() error {
	if len(r.trust.Root) > 0 {
		return nil
	}
	vouch, err := r.read(VouchFile, VouchBytesMax)
	if err != nil {
		return absent("the vouch for the first root", err)
	}
	name := metadataName(metadata.ROOT, 1)
	root, err := r.read(name, rootBytesMax)
	if err != nil {
		return absent("the first root", err)
	}
	if _, err := VerifyVouch(r.trust.OrgRoot, r.trust.Org, vouch, root); err != nil {
		return err
	}
	if _, err := trustedmetadata.New(root); err != nil {
		return judged("the first root", err)
	}
	r.roots = append(r.roots, kept{VouchFile, vouch}, kept{name, root})
	r.trust.Root = root
	return nil
}

// absent tells no repository from one that does not answer.
func absent(what string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s: %w", ErrNone, what, err)
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// rotate follows the roots, each signed by the one before it.
func (r *repository) rotate() error {
	first := r.set.Root.Signed.Version + 1
	for version := first; version < first+rootRotationsMax; version++ {
		name := metadataName(metadata.ROOT, version)
		b, err := r.read(name, rootBytesMax)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("read the root %d: %w", version, err)
		}
		before := r.set.Root
		if _, err := r.set.UpdateRoot(b); err != nil {
			return judged(fmt.Sprintf("root %d", version), err)
		}
		if rekeyed(before, r.set.Root) {
			r.trust.Seen = Seen{} // whoever held the old keys may have run the versions up: they count no more
		}
		r.trust.Root = b
		r.roots = append(r.roots, kept{name, b})
	}
	return nil
}

// rekeyed tells whether the online keys were changed.
func rekeyed(a, b *metadata.Metadata[metadata.RootType]) bool {
	for _, role := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT} {
		if !slices.Equal(keysOf(a, role), keysOf(b, role)) {
			return true
		}
	}
	return false
}

func keysOf(root *metadata.Metadata[metadata.RootType], role string) (keys []string) {
	for _, id := range root.Signed.Roles[role].KeyIDs {
		keys = append(keys, root.Signed.Keys[id].Value.PublicKey)
	}
	slices.Sort(keys)
	return keys
}

func (r *repository) timestamp() error {
	b, err := r.read(timestampName, timestampBytesMax)
	if err != nil {
		return absent("the timestamp", err)
	}
	m, err := r.set.UpdateTimestamp(b)
	if err != nil {
		return judged("the timestamp", err)
	}
	meta := m.Signed.Meta["snapshot.json"]
	if meta == nil {
		return fmt.Errorf("%w: the timestamp names no snapshot", ErrForged)
	}
	if err := errors.Join(r.newer("timestamp", m.Signed.Version, r.trust.Seen.Timestamp), r.newer("snapshot", meta.Version, r.trust.Seen.Snapshot)); err != nil {
		return err
	}
	if !r.set.Root.Signed.ConsistentSnapshot {
		return fmt.Errorf("%w: its root does not keep snapshots consistent", ErrForged)
	}
	r.trust.Seen.Timestamp = m.Signed.Version
	r.files = append(r.files, kept{timestampName, b})
	return nil
}

// newer refuses what is older than was seen before.
func (r *repository) newer(what string, version, seen int64) error {
	if version < seen {
		return fmt.Errorf("%w: %s %d is older than %d, which was seen before", ErrForged, what, version, seen)
	}
	return nil
}

// role reads a role's metadata as another role describes it.
func (r *repository) role(role string, meta *metadata.MetaFiles, most int64) (name string, b []byte, err error) {
	if meta.Length > 0 {
		most = min(most, meta.Length)
	}
	name = metadataName(role, meta.Version)
	if b, err = r.read(name, most); err != nil {
		return name, nil, fmt.Errorf("read the %s metadata %d: %w", role, meta.Version, err)
	}
	return name, b, nil
}

func (r *repository) snapshot() error {
	meta := r.set.Timestamp.Signed.Meta["snapshot.json"]
	name, b, err := r.role(metadata.SNAPSHOT, meta, snapshotBytesMax)
	if err != nil {
		return err
	}
	m, err := r.set.UpdateSnapshot(b, false)
	if err != nil {
		return judged("the snapshot", err)
	}
	targets, rollout := m.Signed.Meta["targets.json"], m.Signed.Meta[RolloutRole+".json"]
	if targets == nil || rollout == nil {
		return fmt.Errorf("%w: the snapshot lacks targets or %s", ErrForged, RolloutRole)
	}
	if err := errors.Join(r.newer("targets", targets.Version, r.trust.Seen.Targets), r.newer(RolloutRole, rollout.Version, r.trust.Seen.Rollout)); err != nil {
		return err
	}
	r.trust.Seen.Snapshot = m.Signed.Version
	r.files = append(r.files, kept{name, b})
	return nil
}

func (r *repository) targets() error {
	name, b, err := r.role(metadata.TARGETS, r.set.Snapshot.Signed.Meta["targets.json"], targetsBytesMax)
	if err != nil {
		return err
	}
	m, err := r.set.UpdateTargets(b)
	if err != nil {
		return judged("the list of programs", err)
	}
	r.trust.Seen.Targets = m.Signed.Version
	r.files = append(r.files, kept{name, b})
	return nil
}

// rollout takes the plan's role: it must be the operator's delegation for the plan, and for nothing is it asked else.
func (r *repository) rollout() error {
	d := r.set.Targets[metadata.TARGETS].Signed.Delegations
	if d == nil || !slices.ContainsFunc(d.GetRolesForTarget(RolloutFile), func(x metadata.RoleResult) bool { return x.Name == RolloutRole }) {
		return fmt.Errorf("%w: nobody may sign %s", ErrForged, RolloutFile)
	}
	name, b, err := r.role(RolloutRole, r.set.Snapshot.Signed.Meta[RolloutRole+".json"], targetsBytesMax)
	if err != nil {
		return err
	}
	m, err := r.set.UpdateDelegatedTargets(b, RolloutRole, metadata.TARGETS)
	if err != nil {
		return judged("the roll-out", err)
	}
	r.trust.Seen.Rollout = m.Signed.Version
	r.files = append(r.files, kept{name, b})
	return nil
}

func (r *repository) readPlan() error {
	target := r.set.Targets[RolloutRole].Signed.Targets[RolloutFile]
	if target == nil {
		return fmt.Errorf("%w: the roll-out names no %s", ErrForged, RolloutFile)
	}
	sum, err := sumOf(target, planBytesMax)
	if err != nil {
		return err
	}
	name := targetName(RolloutFile, sum)
	b, err := r.read(name, target.Length)
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	if err := target.VerifyLengthHashes(b); err != nil {
		return judged("the plan", err)
	}
	if r.plan, err = ParsePlan(b); err != nil {
		return err
	}
	if r.plan.Serial < r.trust.Seen.Plan {
		return fmt.Errorf("%w: plan %d is older than %d, which was seen before", ErrForged, r.plan.Serial, r.trust.Seen.Plan)
	}
	r.trust.Seen.Plan = r.plan.Serial
	r.files = append(r.files, kept{name, b})
	slices.Reverse(r.files) // the timestamp last
	return nil
}

// ParsePlan reads a plan whose signature is known to be good. Keys that it does not know are a newer head office's.
func ParsePlan(b []byte) (Plan, error) {
	var p Plan
	if len(b) > planBytesMax {
		return Plan{}, fmt.Errorf("%w: a plan of %d bytes", ErrForged, len(b))
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return Plan{}, fmt.Errorf("%w: read the plan: %w", ErrForged, err)
	}
	if len(p.Steps) > stepsMax {
		return Plan{}, fmt.Errorf("%w: a plan of %d steps, at most %d", ErrForged, len(p.Steps), stepsMax)
	}
	return p, nil
}

// program is a signed program: what the operator says of it, its size and its hash.
type program struct {
	Program
	target string // its name on the server, with the hash
	file   string // and in a till's folder
	length int64
	sum    []byte
}

// find looks for a version of the till program among what the operator signed. Delegated roles are not asked.
func (r *repository) find(want Program) (program, error) {
	name := want.Target()
	t := r.set.Targets[metadata.TARGETS].Signed.Targets[name]
	if t == nil {
		return program{}, fmt.Errorf("%w: there is no %s", ErrUnfit, name)
	}
	sum, err := sumOf(t, programBytesMax)
	if err != nil {
		return program{}, err
	}
	p := program{target: targetName(name, sum), length: t.Length, sum: sum}
	p.file = path.Join("targets", path.Base(p.target))
	if t.Custom == nil {
		return program{}, fmt.Errorf("%w: %s does not say what it is", ErrUnfit, name)
	}
	if err := json.Unmarshal(*t.Custom, &p.Program); err != nil {
		return program{}, fmt.Errorf("%w: what %s says of itself: %w", ErrUnfit, name, err)
	}
	if g := p.Program; g.Name != want.Name || g.Version != want.Version || g.OS != want.OS || g.Arch != want.Arch {
		return program{}, fmt.Errorf("%w: %s is %s %s for %s-%s", ErrUnfit, name, g.Name, g.Version, g.OS, g.Arch)
	}
	return p, nil
}

// sumOf is a target's SHA-256, which it must have, of a length within bounds.
func sumOf(t *metadata.TargetFiles, most int64) ([]byte, error) {
	sum := t.Hashes["sha256"]
	if len(sum) != sha256.Size {
		return nil, fmt.Errorf("%w: a file without its SHA-256", ErrForged)
	}
	if t.Length < 0 || t.Length > most {
		return nil, fmt.Errorf("%w: a file of %d bytes, at most %d", ErrForged, t.Length, most)
	}
	return sum, nil
}

// targetName is where a target lies: its hash stands before its last part.
func targetName(target string, sum []byte) string {
	return path.Join("targets", path.Dir(target), hex.EncodeToString(sum)+"."+path.Base(target))
}
