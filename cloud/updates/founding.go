package updates

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/sync/update"
)

// readme lies beside the operator's keys.
const readme = `Ключи обновлений Копилки. Храните их на флешке в сейфе, а не на сервере: кто владеет двумя корневыми ключами
и ключом targets, тот решает, какая программа работает на кассах. Корневых ключей три, хватает двух: лучше положить
их в разные места. Скопируйте папку на две флешки, проверьте копии и удалите её с этого компьютера.
Файлы *.root.json — не секрет; они помогают вернуть хранилище из старой резервной копии.

Keys for Kopilka's updates. Keep them on a stick in a safe, not on the server: whoever has two of the root keys and
the targets key decides which program the tills run. There are three root keys and two suffice: keep them in
different places. Copy this folder to two sticks, check the copies and delete it from this computer.
The files *.root.json are no secret; they help to bring the repository back from an old backup.
`

// Voucher signs for the first root of the repository; see [update.Vouch].
type Voucher func(ctx context.Context, root []byte) ([]byte, error)

// Init makes an empty repository with all its keys, the operator's into their folder. One that was interrupted is
// finished or begun anew; a finished one is left alone.
func (r *Repo) Init(ctx context.Context, folder string, passphrase []byte, vouch Voucher) error {
	return r.locked(ctx, func() error {
		_, err := r.load()
		if errors.Is(err, update.ErrNone) {
			err = r.found(&Keys{folder: folder, passphrase: passphrase})
		} else if _, vouched := os.Stat(r.at(vouchFile)); err == nil && vouched == nil {
			err = ErrExists
		}
		if err != nil {
			return err
		}
		return r.vouch(ctx, vouch)
	})
}

// vouch comes last of all: what tills believe once must not change any more.
func (r *Repo) vouch(ctx context.Context, vouch Voucher) error {
	root, err := os.ReadFile(r.at(metadataFolder, versioned(1, metadata.ROOT)))
	if err != nil {
		return fmt.Errorf("read the first root: %w", err)
	}
	signed, err := vouch(ctx, root)
	if err != nil {
		return err
	}
	return r.whole(vouchFile, signed, publicPerm)
}

func (r *Repo) found(operator *Keys) error {
	if entries, err := os.ReadDir(operator.folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("%w: %s is not empty; name a new folder / папка %[2]s не пуста; укажите новую", ErrKeys, operator.folder)
	}
	root := metadata.Root(r.until(rootLife))
	targets := metadata.Targets(r.until(targetsLife))
	if err := r.newOperator(root, operator); err != nil {
		return err
	}
	if err := operator.putFile("README.txt", []byte(readme)); err != nil {
		return err
	}
	if err := r.newOnline(root, targets); err != nil {
		return err
	}
	if err := sign(root, operator.all, root.Signed.Roles[metadata.ROOT].KeyIDs...); err != nil {
		return err
	}
	if err := keepRoot(operator, root); err != nil {
		return err
	}
	empty := &state{root: root, targets: metadata.Targets()}
	empty.targets.Signed.Version = 0
	return r.publish(empty, change{targets: targets, plan: update.Plan{Serial: uint64(r.next(0))}}, operator.all)
}

func keepRoot(operator *Keys, root *metadata.Metadata[metadata.RootType]) error {
	raw, err := root.ToBytes(false)
	if err == nil {
		err = operator.keepRoot(root.Signed.Version, raw)
	}
	if err != nil {
		return fmt.Errorf("all is signed, but the copy of the root beside the keys could not be written / всё подписано, но копию root рядом с ключами записать не удалось: %w", err)
	}
	return nil
}

// newOperator draws the operator's keys and has the root name them in place of what it named.
func (r *Repo) newOperator(root *metadata.Metadata[metadata.RootType], operator *Keys) error {
	for _, x := range []struct {
		role         string
		n, threshold int
	}{{metadata.ROOT, rootKeys, rootThreshold}, {metadata.TARGETS, 1, 1}} {
		keys, err := r.drawKeys(x.n)
		if err == nil {
			err = operator.put(x.role, keys)
		}
		if err == nil {
			err = name(root, x.role, x.threshold, keys...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newOnline draws head office's own keys and has root and targets name them.
func (r *Repo) newOnline(root *metadata.Metadata[metadata.RootType], targets *metadata.Metadata[metadata.TargetsType]) error {
	keys, err := r.drawKeys(3)
	if err == nil {
		err = r.putOnline(keys)
	}
	if err == nil {
		err = errors.Join(name(root, metadata.SNAPSHOT, 1, keys[0]), name(root, metadata.TIMESTAMP, 1, keys[1]))
	}
	if err != nil {
		return err
	}
	targets.Signed.Delegations = &metadata.Delegations{
		Keys:  map[string]*metadata.Key{keys[2].id: keys[2].public},
		Roles: []metadata.DelegatedRole{{Name: update.RolloutRole, KeyIDs: []string{keys[2].id}, Threshold: 1, Terminating: true, Paths: []string{update.RolloutFile}}},
	}
	return nil
}

// name has a root believe these keys, and no others, for a role.
func name(root *metadata.Metadata[metadata.RootType], role string, threshold int, keys ...key) error {
	for _, old := range slices.Clone(root.Signed.Roles[role].KeyIDs) {
		if err := root.Signed.RevokeKey(old, role); err != nil {
			return fmt.Errorf("take a key of %s back: %w", role, err)
		}
	}
	for _, k := range keys {
		if err := root.Signed.AddKey(k.public, role); err != nil {
			return fmt.Errorf("name a key for %s: %w", role, err)
		}
	}
	root.Signed.Roles[role].Threshold = threshold
	return nil
}

// Which keys are replaced.
type Which uint8

// The two kinds of keys.
const (
	Operators Which = 1 // root and targets; the new ones are written beside the old, which are worth nothing then
	Online    Which = 2 // snapshot, timestamp and rollout
)

// Rotate replaces keys: the new root is signed as the old one wants and as it wants itself.
func (r *Repo) Rotate(ctx context.Context, operator *Keys, which Which) error {
	return r.locked(ctx, func() error {
		s, err := r.load()
		if err != nil {
			return err
		}
		root, targets := copyOf(s.root), copyOf(s.targets)
		old := slices.Concat(s.root.Signed.Roles[metadata.ROOT].KeyIDs)
		if err := enough(s.root, operator); err != nil {
			return err // before any new key is written
		}
		if which == Operators {
			err = r.newOperator(root, operator)
		} else {
			err = r.newOnline(root, targets)
		}
		if err != nil {
			return err
		}
		root.Signed.Version, root.Signed.Expires = s.root.Signed.Version+1, r.until(rootLife)
		if err := sign(root, operator.all, slices.Concat(old, root.Signed.Roles[metadata.ROOT].KeyIDs)...); err != nil {
			return err
		}
		if err := r.publish(s, change{root: root, targets: targets, plan: s.plan}, operator.all); err != nil {
			return err
		}
		return keepRoot(operator, root)
	})
}

func enough(root *metadata.Metadata[metadata.RootType], operator *Keys) error {
	have := func(role string) (n int) {
		for _, id := range root.Signed.Roles[role].KeyIDs {
			if slices.ContainsFunc(operator.all, func(k key) bool { return k.id == id }) {
				n++
			}
		}
		return n
	}
	if have(metadata.ROOT) < root.Signed.Roles[metadata.ROOT].Threshold {
		return fmt.Errorf("%w: %d root keys are here, %d are wanted / корневых ключей %[2]d, нужно %[3]d", ErrKeys, have(metadata.ROOT), root.Signed.Roles[metadata.ROOT].Threshold)
	}
	if have(metadata.TARGETS) < root.Signed.Roles[metadata.TARGETS].Threshold {
		return fmt.Errorf("%w: the targets key is not here / нет ключа targets", ErrKeys)
	}
	return nil
}

// Renew has the operator sign anew what is published: before the signatures expire, and after head office came back
// from a backup. Roots that lie beside the keys and are newer than the backup are taken over first.
func (r *Repo) Renew(ctx context.Context, operator *Keys) error {
	return r.locked(ctx, func() error {
		if err := r.catchUp(operator); err != nil {
			return err
		}
		s, err := r.load()
		if err != nil {
			return err
		}
		if err := enough(s.root, operator); err != nil {
			return err
		}
		root := copyOf(s.root)
		root.Signed.Version, root.Signed.Expires = s.root.Signed.Version+1, r.until(rootLife)
		if err := sign(root, operator.all, root.Signed.Roles[metadata.ROOT].KeyIDs...); err != nil {
			return err
		}
		if err := r.publish(s, change{root: root, targets: copyOf(s.targets), plan: s.plan}, operator.all); err != nil {
			return err
		}
		return keepRoot(operator, root)
	})
}

// catchUp takes over roots that follow the repository's own.
func (r *Repo) catchUp(operator *Keys) error {
	last, err := r.lastRoot()
	if err != nil {
		return err
	}
	var known []*metadata.Metadata[metadata.RootType]
	for _, file := range operator.roots {
		raw, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read a root beside the keys: %w", err)
		}
		m, err := new(metadata.Metadata[metadata.RootType]).FromBytes(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		known = append(known, m)
	}
	slices.SortFunc(known, func(a, b *metadata.Metadata[metadata.RootType]) int { return int(a.Signed.Version - b.Signed.Version) })
	for _, m := range known {
		if m.Signed.Version != last.Signed.Version+1 {
			continue
		}
		if err := errors.Join(last.VerifyDelegate(metadata.ROOT, m), m.VerifyDelegate(metadata.ROOT, m)); err != nil {
			return fmt.Errorf("%w: %s does not follow this repository's root: %w", ErrKeys, versioned(m.Signed.Version, metadata.ROOT), err)
		}
		if err := put(r, versioned(m.Signed.Version, metadata.ROOT), m); err != nil {
			return err
		}
		last = m
	}
	return nil
}

// copyOf is a copy whose maps are its own.
func copyOf[T metadata.Roles](m *metadata.Metadata[T]) *metadata.Metadata[T] {
	raw, err := m.ToBytes(false)
	if err == nil {
		var c *metadata.Metadata[T]
		if c, err = new(metadata.Metadata[T]).FromBytes(raw); err == nil {
			return c
		}
	}
	panic(fmt.Errorf("metadata that were read cannot be copied: %w", err))
}
