// Package slotstest is a disk in memory that forgets at a power cut what was not flushed, for the tests of who keeps
// versions on one.
//
// What will bite: it is stricter than most file systems, as POSIX allows. A file that was flushed has no name before
// its folder was; names within one folder reach the disk in order, those of different folders do not wait for each
// other; bytes that were not flushed may be there, be gone or be nought.
package slotstest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kopilka/kopilka/installer/slots"
)

// ErrCut is what every call returns once the cut has come.
var ErrCut = errors.New("the power is out")

// node is a file, a link or a folder. What is durable outlives a cut.
type node struct {
	mode    fs.FileMode
	link    string
	data    []byte
	durable []byte
	dirty   bool
	names   map[string]*node // of a folder; nil otherwise
	stable  map[string]*node
	pending []map[string]*node // changes of names since the last flush, in order; nil removes
}

func newFolder(mode fs.FileMode) *node {
	return &node{mode: mode, names: map[string]*node{}, stable: map[string]*node{}}
}

// Disk is one machine's. It is for one goroutine.
type Disk struct {
	root  *node
	Calls int               // that change something
	CutAt int               // the call at which the cut comes; 0: never
	Room  int64             // bytes that are free
	Fail  func() error      // asked before every change, for disks that are full or can only be read
	Skip  func(string) bool // flushes that are left out, to see a test go red
}

// New is an empty disk.
func New() *Disk { return &Disk{root: newFolder(0o755), Room: 1 << 40} }

// Step counts one change of the world, of the disk or beside it; it fails from the cut on.
func (d *Disk) Step() error {
	if d.CutAt > 0 && d.Calls >= d.CutAt {
		return ErrCut
	}
	d.Calls++
	if d.CutAt > 0 && d.Calls >= d.CutAt {
		return ErrCut
	}
	if d.Fail != nil {
		return d.Fail()
	}
	return nil
}

func (d *Disk) dead() bool { return d.CutAt > 0 && d.Calls >= d.CutAt }

// Revive lets a process start again on the same machine: nothing that was written is lost.
func (d *Disk) Revive() { d.Calls, d.CutAt = 0, 0 }

// Lose is a power cut: luck says what of all that was not flushed is there afterwards.
func (d *Disk) Lose(luck Luck) {
	d.root.lose(luck)
	d.Revive()
}

// Luck decides about what was not flushed.
type Luck struct {
	Names func(changes int) (kept int)
	Bytes func(old, written []byte) []byte
}

// Lucks are the ends of what may happen, and whatever lies between.
func Lucks(r *rand.Rand) map[string]Luck {
	none := func(int) int { return 0 }
	all := func(n int) int { return n }
	older := func(old, _ []byte) []byte { return old }
	half := func(_, written []byte) []byte { return written[:len(written)/2] }
	nought := func(_, written []byte) []byte { return make([]byte, len(written)) }
	whole := func(_, written []byte) []byte { return written }
	return map[string]Luck{
		"nothing reaches the disk": {none, older},
		"names do, bytes do not":   {all, older},
		"names do, half the bytes": {all, half},
		"names do, bytes are 0":    {all, nought},
		"everything does":          {all, whole},
		"whatever": {
			func(n int) int { return r.IntN(n + 1) },
			func(old, written []byte) []byte {
				return []func(_, _ []byte) []byte{older, half, nought, whole}[r.IntN(4)](old, written)
			},
		},
	}
}

func (n *node) lose(luck Luck) {
	if n.names == nil {
		if n.dirty {
			n.data = slices.Clone(luck.Bytes(n.durable, n.data))
		}
		n.durable, n.dirty = n.data, false
		return
	}
	for _, change := range n.pending[:luck.Names(len(n.pending))] {
		apply(n.stable, change)
	}
	n.pending = nil
	n.names = maps.Clone(n.stable)
	for _, name := range slices.Sorted(maps.Keys(n.names)) { // luck is drawn in order
		n.names[name].lose(luck)
	}
}

func apply(names, change map[string]*node) {
	for name, to := range change {
		if to == nil {
			delete(names, name)
		} else {
			names[name] = to
		}
	}
}

func (n *node) rename(change map[string]*node) {
	apply(n.names, change)
	n.pending = append(n.pending, change)
}

// find walks to a path; links are followed on the way, and at its end where last is true.
func (d *Disk) find(path string, last bool) (parent, at *node, name string, err error) {
	parts := strings.Split(strings.Trim(filepath.ToSlash(path), "/"), "/")
	at = d.root
	for i, part := range parts {
		if at == nil || at.names == nil {
			return nil, nil, "", fs.ErrNotExist
		}
		parent, name, at = at, part, at.names[part]
		if at != nil && at.link != "" && (last || i < len(parts)-1) {
			to := filepath.Join(append(append([]string{"/"}, parts[:i]...), at.link)...)
			_, at, _, err = d.find(to, true)
			if err != nil {
				return nil, nil, "", err
			}
		}
	}
	return parent, at, name, nil
}

func (d *Disk) must(path string, last bool) (*node, error) {
	_, at, _, err := d.find(path, last)
	if err == nil && at == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, &fs.PathError{Op: "find", Path: path, Err: err}
	}
	return at, nil
}

// Disk is the seam.
func (d *Disk) Disk() slots.Disk {
	return slots.Disk{
		Read: d.Read, Write: d.write, Flush: d.flush, Rename: d.rename, Remove: d.remove, Folder: d.folder,
		Link: d.link, Linked: d.linked, List: d.list, Whole: d.whole, Free: func(string) (int64, error) { return d.Room, nil },
	}
}

// Read reads a file through links, as a program that is started is read.
func (d *Disk) Read(path string) ([]byte, error) {
	if d.dead() {
		return nil, ErrCut
	}
	at, err := d.must(path, true)
	if err != nil {
		return nil, err
	}
	return slices.Clone(at.data), nil
}

func (d *Disk) write(path string, mode fs.FileMode, from io.Reader) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(from); err != nil {
		return err
	}
	raw := b.Bytes()
	if d.dead() {
		return ErrCut
	}
	cut := d.Step()
	if cut != nil && !errors.Is(cut, ErrCut) {
		return cut
	}
	if cut != nil {
		raw = raw[:len(raw)/2] // the cut comes in the middle
	}
	parent, at, name, err := d.find(path, false)
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	if at == nil {
		at = &node{}
		parent.rename(map[string]*node{name: at})
	}
	at.mode, at.data, at.dirty = mode, raw, true
	return cut
}

func (d *Disk) flush(path string) error {
	if err := d.Step(); err != nil {
		return err
	}
	at, err := d.must(path, true)
	if err != nil || (d.Skip != nil && d.Skip(path)) {
		return err
	}
	if at.names == nil {
		at.durable, at.dirty = at.data, false
		return nil
	}
	at.stable, at.pending = maps.Clone(at.names), nil
	return nil
}

func (d *Disk) rename(from, to string) error {
	if err := d.Step(); err != nil {
		return err
	}
	if filepath.Dir(from) != filepath.Dir(to) {
		return errors.New("a rename out of its folder is not in one step")
	}
	parent, at, name, err := d.find(from, false)
	if err != nil || at == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	parent.rename(map[string]*node{name: nil, filepath.Base(to): at})
	return nil
}

func (d *Disk) remove(path string) error {
	if err := d.Step(); err != nil {
		return err
	}
	parent, at, name, err := d.find(path, false)
	if err != nil || at == nil {
		return nil //nolint:nilerr // what is not there is no error
	}
	parent.rename(map[string]*node{name: nil})
	return nil
}

func (d *Disk) folder(path string, mode fs.FileMode) error {
	return d.add(path, newFolder(mode), true)
}

func (d *Disk) link(to, path string) error { return d.add(path, &node{link: to}, false) }

func (d *Disk) add(path string, n *node, there bool) error {
	if err := d.Step(); err != nil {
		return err
	}
	parent, at, name, err := d.find(path, false)
	switch {
	case err != nil:
		return &fs.PathError{Op: "make", Path: path, Err: err}
	case at != nil && there:
		return nil
	case at != nil:
		return &fs.PathError{Op: "make", Path: path, Err: fs.ErrExist}
	}
	parent.rename(map[string]*node{name: n})
	return nil
}

func (d *Disk) linked(path string) (string, error) {
	if d.dead() {
		return "", ErrCut
	}
	at, err := d.must(path, false)
	if err != nil {
		return "", err
	}
	return at.link, nil
}

func (d *Disk) list(path string) ([]string, error) {
	if d.dead() {
		return nil, ErrCut
	}
	at, err := d.must(path, true)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(at.names)), nil
}

func (d *Disk) whole(path string) bool {
	at, err := d.must(path, true)
	return !d.dead() && err == nil && at.names == nil && len(at.data) > 0 && at.mode&0o111 == 0o111
}

// Settle puts everything on the disk, as before a story begins.
func (d *Disk) Settle() { d.root.settle() }

func (n *node) settle() {
	n.durable, n.dirty = n.data, false
	if n.names != nil {
		n.stable, n.pending = maps.Clone(n.names), nil
	}
	for _, child := range n.names {
		child.settle()
	}
}
