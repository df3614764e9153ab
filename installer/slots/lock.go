package slots

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/ledger/durable"
)

// lockEvery is how often somebody who waits for a lock asks; steps under it take milliseconds.
const lockEvery = 20 * time.Millisecond

// Names of locks within the state folder.
const (
	// RunLock is held as long as an updater is at work, minutes of a trial included.
	RunLock = "run.lock"
	// stepLock is held while the state is being changed: a package that is installed in the middle of a trial
	// gets its turn.
	stepLock = "step.lock"
)

// Lock takes a named lock of the state folder; the system gives it back if the process dies. Taken is false, and
// there is no error, when ctx ends before.
func (l Layout) Lock(ctx context.Context, name string) (unlock func(), taken bool, err error) {
	f, err := os.OpenFile(filepath.Join(l.State, name), os.O_RDWR|os.O_CREATE, stateMode)
	if err != nil {
		return nil, false, say("open the lock", filepath.Join(l.State, name), err)
	}
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for {
		if taken, err = durable.TryLock(f, false); taken {
			return func() { _ = f.Close() }, true, nil // closing gives the lock back; nothing was written
		}
		if err != nil {
			_ = f.Close() // the error that counts is the lock's
			return nil, false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close() // it was not taken
			return nil, false, nil
		case <-tick.C:
		}
	}
}
