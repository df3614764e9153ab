package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"

	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// machine puts the updater of this machine together.
func machine(l slots.Layout) box {
	disk := slots.OS()
	how, manager := which(l, disk)
	s := slots.Open(l, disk, how)
	return box{layout: l, slots: s, updater: &updater{
		slots:   s,
		service: manager,
		till:    func() (till, error) { return pageOf(config) },
		verify: func(running string, now time.Time) (candidate, error) {
			return verified(l, folderOf(config, l), running, now)
		},
		asked: func() (string, error) { return asked(folderOf(config, l)) },
		about: about,
		pace:  usual,
		log:   journal(),
	}}
}

// verifiedFile is the copy of the new program while it is being verified, in the updater's own folder.
const verifiedFile = "verified"

// asked is which version the agent wants. It is a claim, good for saying no early.
func asked(folder string) (string, error) {
	w, err := update.ReadWanted(folder)
	return w.Version, err
}

// verified believes nothing of what the agent says before it has seen the signatures itself. What it has seen is kept
// even where the rest is refused: older words are not believed again.
func verified(l slots.Layout, folder, running string, now time.Time) (candidate, error) {
	file := filepath.Join(l.State, slots.TrustFile)
	trust, err := update.LoadTrust(file)
	if errors.Is(err, fs.ErrNotExist) {
		return candidate{}, refusal{reasonTrust, err}
	}
	if err != nil {
		return candidate{}, err
	}
	to := filepath.Join(l.State, verifiedFile)
	v, err := update.Verify(update.Request{
		Folder: folder, Trust: trust, Running: running,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Now: now, To: to,
	})
	return candidate{Wanted: v.Wanted, path: to}, errors.Join(err, v.Trust.Save(file))
}
