package updates

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"debug/pe"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/kopilka/kopilka/sync/update"
)

const (
	// tillProgram is the one program that tills take by themselves.
	tillProgram = "kopilka-agent"
	// programBytesMax is far above a till program's 30 MB; tills hold it in memory while they verify it.
	programBytesMax = 256 << 20
	releaseBytesMax = 1 << 20
	notesMax        = 4000 // bytes of the notes in one language
	versionsMax     = 200  // published at once: targets.json must stay small enough for every till, every hour
)

// Added is what became of a release.
type Added struct {
	Version string
	New     []update.Program
	Known   []update.Program // published before, with the same bytes
	Back    []update.Program // of those known: the file was missing, as after a restore, and is there again
	Other   []string         // files of programs that tills do not take by themselves
}

// Add publishes a release: each program is held against its hash and against what it says it is.
func (r *Repo) Add(ctx context.Context, file string, operator *Keys) (out Added, err error) {
	rel, err := readRelease(file)
	if err != nil {
		return out, err
	}
	out.Version = rel.Version
	err = r.locked(ctx, func() error {
		s, err := r.load()
		if err != nil {
			return err
		}
		gone, err := r.gone()
		if err != nil {
			return err
		}
		targets := copyOf(s.targets)
		for _, a := range rel.Programs {
			if a.Name != tillProgram {
				out.Other = append(out.Other, a.File)
				continue
			}
			if err := r.take(&out, targets, gone, filepath.Dir(file), a); err != nil {
				return fmt.Errorf("%s: %w", a.File, err)
			}
		}
		switch {
		case len(out.New)+len(out.Known) == 0:
			return fmt.Errorf("%w: %s lists no %s / в %[2]s нет %[3]s", ErrRelease, file, tillProgram)
		case len(out.New) == 0:
			return nil
		case len(targets.Signed.Targets) > versionsMax:
			return fmt.Errorf("%w: over %d programs would be published; withdraw old versions / опубликовано больше %[2]d программ; отзовите старые", ErrRelease, versionsMax)
		}
		return r.publish(s, change{targets: targets, plan: s.plan}, operator.all)
	})
	return out, err
}

func readRelease(file string) (rel update.Release, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return rel, fmt.Errorf("%w: %w", ErrRelease, err)
	}
	if info.Size() > releaseBytesMax {
		return rel, fmt.Errorf("%w: %s is too long for a list of programs / %[2]s слишком велик", ErrRelease, file)
	}
	raw, err := os.ReadFile(file)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		err = d.Decode(&rel)
	}
	if err != nil {
		return rel, fmt.Errorf("%w: read %s: %w", ErrRelease, file, err)
	}
	if err := update.CheckVersion(rel.Version); err != nil {
		return rel, fmt.Errorf("%w: %w", ErrRelease, err)
	}
	for _, a := range rel.Programs {
		if a.Version != rel.Version {
			return rel, fmt.Errorf("%w: %s is of version %s, the release of %s / %[2]s версии %[3]s, а выпуск %[4]s", ErrRelease, a.File, a.Version, rel.Version)
		}
	}
	return rel, nil
}

// take verifies one program and puts it among the targets.
func (r *Repo) take(out *Added, targets *metadata.Metadata[metadata.TargetsType], gone map[string]string, dir string, a update.Artefact) error {
	if len(a.Notes.RU) > notesMax || len(a.Notes.EN) > notesMax {
		return fmt.Errorf("%w: the notes are too long / слишком длинное описание", ErrRelease)
	}
	if !filepath.IsLocal(filepath.FromSlash(a.File)) {
		return fmt.Errorf("%w: want a file beside the release file / нужен файл рядом со списком", ErrRelease)
	}
	raw, err := readProgram(filepath.Join(dir, filepath.FromSlash(a.File)))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	if hex.EncodeToString(sum[:]) != a.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %x, the list says %s / SHA-256 не сходится со списком", ErrRelease, sum, a.SHA256)
	}
	if err := inspect(raw, a.Program); err != nil {
		return fmt.Errorf("%w: %w", ErrRelease, err)
	}
	target := a.Target()
	if known := targets.Signed.Targets[target]; known != nil {
		if known.Hashes["sha256"].String() != a.SHA256 {
			return fmt.Errorf("%s: %w", target, ErrTaken)
		}
		out.Known = append(out.Known, a.Program)
		return r.bring(out, raw, a)
	}
	if was := gone[target]; was != "" && was != a.SHA256 {
		return fmt.Errorf("%s: %w", target, ErrTaken)
	}
	if err := r.whole(targetsFolder+"/"+hashed(target, a.SHA256), raw, publicPerm); err != nil {
		return err
	}
	custom, err := json.Marshal(a.Program)
	if err != nil {
		return fmt.Errorf("write down what the program is: %w", err)
	}
	targets.Signed.Targets[target] = &metadata.TargetFiles{Length: int64(len(raw)), Hashes: metadata.Hashes{"sha256": sum[:]}, Custom: (*json.RawMessage)(&custom), Path: target}
	out.New = append(out.New, a.Program)
	return nil
}

// bring puts the file of a known program back where it is missing: backups have no programs.
func (r *Repo) bring(out *Added, raw []byte, a update.Artefact) error {
	name := targetsFolder + "/" + hashed(a.Target(), a.SHA256)
	info, err := os.Stat(r.at(filepath.FromSlash(name)))
	if err == nil && info.Size() == int64(len(raw)) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look whether the program is there: %w", err)
	}
	if err := r.whole(name, raw, publicPerm); err != nil {
		return err
	}
	out.Back = append(out.Back, a.Program)
	return nil
}

func readProgram(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRelease, err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > programBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, want up to %d / %[2]d байт, нужно до %[3]d", ErrRelease, info.Size(), programBytesMax)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRelease, err)
	}
	return raw, nil
}

// elfMachines and peMachines are the architectures that Kopilka is built for.
var (
	elfMachines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM}
	peMachines  = map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64, "386": pe.IMAGE_FILE_MACHINE_I386}
)

// inspect holds a program against its description: its headers and what the Go linker wrote into it. The version is
// a string that the linker is given and leaves somewhere among the data, so all that can be asked is that it is there.
func inspect(raw []byte, p update.Program) error {
	if err := machine(raw, p); err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("it is no Go program: %w", err)
	}
	if path.Base(info.Path) != p.Name {
		return fmt.Errorf("it is the program %s, the list says %s / это программа %[1]s, а в списке %[2]s", path.Base(info.Path), p.Name)
	}
	for _, s := range info.Settings {
		if want, asked := map[string]string{"GOOS": p.OS, "GOARCH": p.Arch}[s.Key]; asked && want != s.Value {
			return fmt.Errorf("it is built for %s, the list says %s / собрана для %[1]s, а в списке %[2]s", s.Value, want)
		}
	}
	if !bytes.Contains(raw, []byte(p.Version)) {
		return fmt.Errorf("version %s does not occur in it / версия %[1]s в ней не встречается", p.Version)
	}
	return nil
}

func machine(raw []byte, p update.Program) error {
	other := fmt.Errorf("it is no program for %s-%s / это не программа для %[1]s-%[2]s", p.OS, p.Arch)
	switch p.OS {
	case "linux":
		f, err := elf.NewFile(bytes.NewReader(raw))
		if err != nil || f.Machine != elfMachines[p.Arch] {
			return errors.Join(other, err)
		}
	case "windows":
		f, err := pe.NewFile(bytes.NewReader(raw))
		if err != nil || f.Machine != peMachines[p.Arch] {
			return errors.Join(other, err)
		}
	default:
		return other
	}
	return nil
}

// Withdraw takes a version out of the repository. Tills that run it go on with it. One that is in the plan is refused:
// what tills take instead is for a person to say, not a step that vanishes.
func (r *Repo) Withdraw(ctx context.Context, version string, operator *Keys) error {
	return r.locked(ctx, func() error {
		s, err := r.load()
		if err != nil {
			return err
		}
		gone, err := r.gone()
		if err != nil {
			return err
		}
		targets, found := copyOf(s.targets), false
		for target, t := range s.targets.Signed.Targets {
			p, err := programOf(t)
			if err != nil {
				return fmt.Errorf("%s: %w", target, err)
			}
			if p.Version == version {
				found, gone[target] = true, t.Hashes["sha256"].String()
				delete(targets.Signed.Targets, target)
			}
		}
		if !found {
			return fmt.Errorf("%w: version %s is not published / версия %[2]s не опубликована", ErrPlan, version)
		}
		if err := enoughFor(s, operator); err != nil {
			return err
		}
		if slices.ContainsFunc(s.plan.Steps, func(x update.Step) bool { return x.Version == version }) {
			return fmt.Errorf("%w: version %s is in the plan, drop it first: kopilka-cloud updates drop %[2]s / версия %[2]s стоит в плане, сначала уберите её: kopilka-cloud updates drop %[2]s", ErrPlanned, version)
		}
		if err := r.putGone(gone); err != nil { // first, or the name would be free after a cut
			return err
		}
		return r.publish(s, change{targets: targets, plan: s.plan}, operator.all)
	})
}

func enoughFor(s *state, operator *Keys) error {
	for _, k := range operator.all {
		if slices.Contains(s.root.Signed.Roles[metadata.TARGETS].KeyIDs, k.id) {
			return nil
		}
	}
	return fmt.Errorf("%w: the targets key is not here / нет ключа targets", ErrKeys)
}

func (r *Repo) gone() (map[string]string, error) {
	out := map[string]string{}
	raw, err := os.ReadFile(r.at(goneFile))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("read which versions were withdrawn: %w", err)
	}
	return out, nil
}

func (r *Repo) putGone(gone map[string]string) error {
	raw, err := json.MarshalIndent(gone, "", " ")
	if err != nil {
		return fmt.Errorf("write down which versions were withdrawn: %w", err)
	}
	return r.whole(goneFile, raw, publicPerm)
}
