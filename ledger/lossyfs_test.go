//go:build linux

package ledger_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/require"
)

// lossyDisk is a folder of one level whose files lose, when the power goes, what was not flushed: of
// every page written since the last fsync it is a coin's throw whether it reached the platter. Renames
// and removals count as durable at once, which is kinder than a disk is.
type lossyDisk struct {
	mu     sync.Mutex
	files  map[string]*lossyFile
	random *rand.Rand
	torn   bool // a page may survive in part, by sectors
}

const (
	lossyPage   = 4096
	lossySector = 512
)

// lossyFile holds what is on the platter, what programs see, and the pages in which they differ.
type lossyFile struct {
	fs.Inode
	disk    *lossyDisk
	durable []byte
	current []byte
	dirty   map[int]bool
}

type lossyRoot struct {
	fs.Inode
	disk *lossyDisk
}

func newLossyDisk(seed uint64, torn bool) *lossyDisk {
	return &lossyDisk{files: map[string]*lossyFile{}, random: rand.New(rand.NewPCG(seed, 1)), torn: torn}
}

// mount shows the disk in a folder until unmount is called.
func (d *lossyDisk) mount(dir string) (unmount func() error, err error) {
	options := &fs.Options{}
	options.DirectMount, options.FsName, options.Name = true, "kopilka-lossy", "lossy"
	server, err := fs.Mount(dir, &lossyRoot{disk: d}, options)
	if err != nil {
		return nil, err
	}
	return func() error {
		if err := server.Unmount(); err != nil {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				return err
			}
		}
		server.Wait()
		return nil
	}, nil
}

// cut is the power going: the files as the next start finds them, written into a real folder.
func (d *lossyDisk) cut(t testing.TB, dir string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.files {
		b := d.survivors(f)
		out, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, out.Truncate(int64(len(b))))
		for at := 0; at < len(b); at += lossyPage {
			page := b[at:min(at+lossyPage, len(b))]
			if !blank(page) {
				_, err := out.WriteAt(page, int64(at))
				require.NoError(t, err)
			}
		}
		require.NoError(t, out.Close())
	}
}

func blank(page []byte) bool {
	for _, b := range page {
		if b != 0 {
			return false
		}
	}
	return true
}

func (d *lossyDisk) survivors(f *lossyFile) []byte {
	size := len(f.durable)
	if d.random.IntN(2) == 0 {
		size = len(f.current)
	}
	b := make([]byte, size)
	copy(b, f.durable)
	unit := lossyPage
	if d.torn {
		unit = lossySector
	}
	for page := range len(f.current)/lossyPage + 1 {
		if !f.dirty[page] {
			continue
		}
		for at := page * lossyPage; at < min((page+1)*lossyPage, size, len(f.current)); at += unit {
			if d.random.IntN(2) == 0 {
				copy(b[at:min(at+unit, size)], f.current[at:min(at+unit, len(f.current))])
			}
		}
	}
	return b
}

// load puts the files of a real folder on the disk, all durable.
func (d *lossyDisk) load(t testing.TB, dir string) {
	t.Helper()
	d.files = map[string]*lossyFile{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		d.files[e.Name()] = &lossyFile{disk: d, durable: b, current: append([]byte(nil), b...), dirty: map[int]bool{}}
	}
}

var (
	_ fs.NodeOnAdder   = (*lossyRoot)(nil)
	_ fs.NodeCreater   = (*lossyRoot)(nil)
	_ fs.NodeUnlinker  = (*lossyRoot)(nil)
	_ fs.NodeRenamer   = (*lossyRoot)(nil)
	_ fs.NodeFsyncer   = (*lossyRoot)(nil)
	_ fs.NodeOpener    = (*lossyFile)(nil)
	_ fs.NodeReader    = (*lossyFile)(nil)
	_ fs.NodeWriter    = (*lossyFile)(nil)
	_ fs.NodeFsyncer   = (*lossyFile)(nil)
	_ fs.NodeFlusher   = (*lossyFile)(nil)
	_ fs.NodeGetattrer = (*lossyFile)(nil)
	_ fs.NodeSetattrer = (*lossyFile)(nil)
)

func (r *lossyRoot) OnAdd(ctx context.Context) {
	for name, f := range r.disk.files {
		r.AddChild(name, r.NewPersistentInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG}), true)
	}
}

func (r *lossyRoot) Create(ctx context.Context, name string, _ uint32, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	f := &lossyFile{disk: r.disk, dirty: map[int]bool{}}
	r.disk.mu.Lock()
	r.disk.files[name] = f
	r.disk.mu.Unlock()
	f.attr(&out.Attr)
	return r.NewPersistentInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG}), nil, 0, 0
}

func (r *lossyRoot) Unlink(_ context.Context, name string) syscall.Errno {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	delete(r.disk.files, name)
	return 0
}

func (r *lossyRoot) Rename(_ context.Context, name string, _ fs.InodeEmbedder, newName string, _ uint32) syscall.Errno {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	r.disk.files[newName] = r.disk.files[name]
	delete(r.disk.files, name)
	return 0
}

func (r *lossyRoot) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return 0 }

func (f *lossyFile) attr(out *fuse.Attr) {
	out.Mode, out.Size, out.Nlink, out.Blksize = syscall.S_IFREG|0o600, uint64(len(f.current)), 1, lossyPage
}

func (f *lossyFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, 0
}

func (f *lossyFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.attr(&out.Attr)
	return 0
}

func (f *lossyFile) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		f.resize(int(size))
	}
	f.attr(&out.Attr)
	return 0
}

func (f *lossyFile) resize(size int) {
	if size <= len(f.current) {
		f.current = f.current[:size:size]
		return
	}
	f.current = append(f.current, make([]byte, size-len(f.current))...)
}

func (f *lossyFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	n := 0
	if at < int64(len(f.current)) {
		n = copy(dest, f.current[at:])
	}
	return fuse.ReadResultData(dest[:n]), 0
}

func (f *lossyFile) Write(_ context.Context, _ fs.FileHandle, b []byte, at int64) (uint32, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if end := int(at) + len(b); end > len(f.current) {
		f.resize(end)
	}
	copy(f.current[at:], b)
	for page := int(at) / lossyPage; page <= (int(at)+len(b)-1)/lossyPage; page++ {
		f.dirty[page] = true
	}
	return uint32(len(b)), 0
}

func (f *lossyFile) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

func (f *lossyFile) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if grown := len(f.current) - len(f.durable); grown > 0 {
		f.durable = append(f.durable, make([]byte, grown)...)
	}
	f.durable = f.durable[:len(f.current)]
	for page := range f.dirty {
		if at := page * lossyPage; at < len(f.current) {
			copy(f.durable[at:], f.current[at:min(at+lossyPage, len(f.current))])
		}
	}
	clear(f.dirty)
	return 0
}
