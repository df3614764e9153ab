package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellSystemd says that head office serves, then twice per watchdog period that it lives, and at the end that it is
// on its way out. Where no systemd started us it does nothing. Call what it returns when serving has ended.
func tellSystemd(ctx context.Context, logger *slog.Logger) (ended func()) {
	say := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			logger.Warn("systemd could not be told", "state", state, "err", err)
		}
	}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		logger.Warn("systemd's watchdog is not understood, so it will not be served", "err", err)
	}
	say(daemon.SdNotifyReady)
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		defer say(daemon.SdNotifyStopping)
		if every <= 0 {
			<-ctx.Done()
			return
		}
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				say(daemon.SdNotifyWatchdog)
			}
		}
	})
	return func() {
		cancel()
		beating.Wait()
	}
}
