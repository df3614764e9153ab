package updates

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/sync/update"
)

// change is what becomes of a repository in one step.
type change struct {
	root    *metadata.Metadata[metadata.RootType]    // nil: stays
	targets *metadata.Metadata[metadata.TargetsType] // unsigned; nil: stays
	plan    update.Plan
}

// next is a version that no till has seen: also after the repository came back from a backup, it is later than any
// that was given out before, as far as the clock goes on.
func (r *Repo) next(old int64) int64 { return max(old+1, r.Now().Unix()) }

func (r *Repo) until(life time.Duration) time.Time {
	return r.Now().Add(life).UTC().Truncate(time.Second)
}

// publish signs the change and what follows from it, and writes it so that whoever reads meanwhile sees the old
// repository or the new one: every file has a name of its own, and the timestamp that leads to them comes last.
// Where the root changes too, the timestamp carries signatures that both roots believe, so that it may come first.
func (r *Repo) publish(s *state, c change, operator []key) error {
	online, err := r.online()
	if err != nil {
		return err
	}
	n := &state{root: s.root, targets: s.targets, plan: c.plan}
	if c.root != nil {
		n.root = c.root
	}
	both := func(role string) []string {
		return slices.Concat(s.root.Signed.Roles[role].KeyIDs, n.root.Signed.Roles[role].KeyIDs)
	}
	if c.targets != nil {
		n.targets = c.targets
		n.targets.Signed.Version, n.targets.Signed.Expires = r.next(s.targets.Signed.Version), r.until(targetsLife)
		if err := sign(n.targets, operator, both(metadata.TARGETS)...); err != nil {
			return err
		}
	}
	planRaw, err := r.signOnline(s, n, online, both)
	if err != nil {
		return err
	}
	if err := n.check(s.root, c.targets != nil); err != nil {
		return err
	}
	return r.write(s, n, planRaw)
}

// signOnline makes and signs what is head office's own: roll-out, snapshot and timestamp of n.
func (r *Repo) signOnline(s, n *state, online []key, both func(role string) []string) (planRaw []byte, err error) {
	if planRaw, err = json.Marshal(n.plan); err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	sum := sha256.Sum256(planRaw)
	n.rollout = metadata.Targets(r.until(onlineLife))
	n.rollout.Signed.Version = r.next(versionOf(s.rollout))
	n.rollout.Signed.Targets[update.RolloutFile] = &metadata.TargetFiles{Length: int64(len(planRaw)), Hashes: metadata.Hashes{"sha256": sum[:]}, Path: update.RolloutFile}
	if err := sign(n.rollout, online, rolloutKeys(n.targets)...); err != nil {
		return nil, err
	}
	n.snapshot, n.timestamp = metadata.Snapshot(r.until(onlineLife)), metadata.Timestamp(r.until(timestampLife))
	n.snapshot.Signed.Version, n.timestamp.Signed.Version = 0, 0
	if s.snapshot != nil {
		n.snapshot.Signed.Version, n.timestamp.Signed.Version = s.snapshot.Signed.Version, s.timestamp.Signed.Version
	}
	n.snapshot.Signed.Version, n.timestamp.Signed.Version = r.next(n.snapshot.Signed.Version), r.next(n.timestamp.Signed.Version)
	n.snapshot.Signed.Meta = map[string]*metadata.MetaFiles{
		"targets.json":               metadata.MetaFile(n.targets.Signed.Version),
		update.RolloutRole + ".json": metadata.MetaFile(n.rollout.Signed.Version),
	}
	if err := sign(n.snapshot, online, both(metadata.SNAPSHOT)...); err != nil {
		return nil, err
	}
	n.timestamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": metadata.MetaFile(n.snapshot.Signed.Version)}
	return planRaw, sign(n.timestamp, online, both(metadata.TIMESTAMP)...)
}

func versionOf(m *metadata.Metadata[metadata.TargetsType]) int64 {
	if m == nil {
		return 0
	}
	return m.Signed.Version
}

// check holds every signature against the root as a till will, before anything is written.
func (s *state) check(old *metadata.Metadata[metadata.RootType], targets bool) error {
	operators := fmt.Errorf("%w: the operator's are wanted: the folder of kopilka-cloud updates init / нужны ключи оператора: папка, созданная kopilka-cloud updates init", ErrKeys)
	if old.VerifyDelegate(metadata.ROOT, s.root) != nil || s.root.VerifyDelegate(metadata.ROOT, s.root) != nil {
		return operators
	}
	if err := s.root.VerifyDelegate(metadata.TARGETS, s.targets); err != nil {
		if targets {
			return operators
		}
		return fmt.Errorf("the repository's own targets.json is not signed as its root wants: %w", err)
	}
	for role, m := range map[string]any{metadata.SNAPSHOT: s.snapshot, metadata.TIMESTAMP: s.timestamp} {
		if err := s.root.VerifyDelegate(role, m); err != nil {
			return missing(role, err)
		}
	}
	if err := s.targets.VerifyDelegate(update.RolloutRole, s.rollout); err != nil {
		return missing(update.RolloutRole, err)
	}
	return nil
}

func missing(role string, err error) error {
	return fmt.Errorf("%w: head office's own key for %s is missing; run kopilka-cloud updates rotate -online / нет собственного ключа офиса для %[2]s; выполните kopilka-cloud updates rotate -online: %[3]w", ErrKeys, role, err)
}

// write puts n's files down in the order that keeps readers whole.
func (r *Repo) write(s, n *state, planRaw []byte) error {
	sum := sha256.Sum256(planRaw)
	if err := r.whole(targetsFolder+"/"+hashed(update.RolloutFile, fmt.Sprintf("%x", sum)), planRaw, publicPerm); err != nil {
		return err
	}
	var steps []func() error
	if n.targets != s.targets || s.timestamp == nil {
		steps = append(steps, func() error {
			return put(r, versioned(n.targets.Signed.Version, metadata.TARGETS), n.targets)
		})
	}
	stamp := func() error { return put(r, "timestamp.json", n.timestamp) }
	root := func() error { return put(r, versioned(n.root.Signed.Version, metadata.ROOT), n.root) }
	steps = append(steps,
		func() error {
			return put(r, versioned(n.rollout.Signed.Version, update.RolloutRole), n.rollout)
		},
		func() error {
			return put(r, versioned(n.snapshot.Signed.Version, metadata.SNAPSHOT), n.snapshot)
		})
	switch {
	case n.root == s.root && s.timestamp != nil:
		steps = append(steps, stamp)
	case s.timestamp == nil || !n.believed(s.root):
		// The first root of all; or the keys that the old one believes are lost, and nothing can help tills that
		// ask between these two.
		steps = append(steps, root, stamp)
	default:
		steps = append(steps, stamp, root)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if err := r.prune(n); err != nil { // the change holds; whoever asked for it must not hear that it does not
		r.Logger.Warn("old files of updates were not removed; the next change tries again", "err", err)
	}
	return nil
}

// believed tells whether a till that knows only this root takes n.
func (s *state) believed(root *metadata.Metadata[metadata.RootType]) bool {
	return root.VerifyDelegate(metadata.TARGETS, s.targets) == nil && root.VerifyDelegate(metadata.SNAPSHOT, s.snapshot) == nil &&
		root.VerifyDelegate(metadata.TIMESTAMP, s.timestamp) == nil
}

func put[T metadata.Roles](r *Repo, name string, m *metadata.Metadata[T]) error {
	raw, err := m.ToBytes(false)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return r.whole(metadataFolder+"/"+name, raw, publicPerm)
}
