package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/cloud/cloudtest"
	pages "github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/wire"
)

func TestHeadOfficeHearsHowFarAnUpdateHasCome(t *testing.T) {
	at := time.Now()
	crash := slots.Reason{Code: "crash", Text: slots.Text{RU: "падает", EN: "it crashes"}}
	full := slots.Reason{Code: "full", Text: slots.Text{RU: "нет места", EN: "no room"}}
	bad := map[string]slots.Verdict{"1.3.0": {Why: crash, At: at, Bad: true}}
	loading, ready := &wire.UpdateStatus{Version: "1.3.0", State: wire.UpdateLoading}, &wire.UpdateStatus{Version: "1.3.0", State: wire.UpdateReady}
	newer := &wire.UpdateStatus{Version: "1.3.1", State: wire.UpdateLoading}
	failed := func(version, ru, en string) *wire.UpdateStatus {
		return &wire.UpdateStatus{Version: version, State: wire.UpdateFailed, RU: ru, EN: en}
	}
	for name, test := range map[string]struct {
		status slots.Status
		own    *wire.UpdateStatus
		want   *wire.UpdateStatus
	}{
		"nothing":                    {slots.Status{}, nil, nil},
		"downloading":                {slots.Status{Says: slots.Reason{Code: slots.CodeDone}, Wanted: "1.2.0"}, loading, loading},
		"downloaded":                 {slots.Status{}, ready, ready},
		"downloaded, not its hours":  {slots.Status{Wanted: "1.3.0", Says: slots.Reason{Code: slots.CodeStay}}, ready, ready},
		"somebody is at the till":    {slots.Status{Stage: slots.Placed, Wanted: "1.3.0", Says: slots.Reason{Code: slots.CodeBusy}}, nil, ready},
		"on trial":                   {slots.Status{Version: "1.3.0", Stage: slots.OnTry, Wanted: "1.3.0", Says: slots.Reason{Code: slots.CodeTrial}}, ready, &wire.UpdateStatus{Version: "1.3.0", State: wire.UpdateTrial}},
		"runs for good":              {slots.Status{Version: "1.3.0", Wanted: "1.3.0", Says: slots.Reason{Code: slots.CodeDone}}, ready, nil},
		"going back":                 {slots.Status{Version: "1.3.0", Stage: slots.GoBack, Wanted: "1.3.0", Says: crash}, nil, failed("1.3.0", "падает", "it crashes")},
		"gone back":                  {slots.Status{Wanted: "1.3.0", Says: crash, Verdicts: bad}, nil, failed("1.3.0", "падает", "it crashes")},
		"gone back, still offered":   {slots.Status{Wanted: "1.3.0", Says: slots.Reason{Code: "held"}, Verdicts: bad}, ready, failed("1.3.0", "падает", "it crashes")},
		"the next one is on its way": {slots.Status{Wanted: "1.3.0", Says: slots.Reason{Code: "held"}, Verdicts: bad}, newer, newer},
		"the next one is refused":    {slots.Status{Wanted: "1.3.1", Says: full, Verdicts: bad}, newer, failed("1.3.1", "нет места", "no room")},
		"refused":                    {slots.Status{Wanted: "1.3.0", Says: full}, ready, failed("1.3.0", "нет места", "no room")},
		"the updater itself is ill":  {slots.Status{Says: full}, ready, failed("1.3.0", "нет места", "no room")},
		"ill, and nothing is wanted": {slots.Status{Says: full}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.status
			if s.Version == "" {
				s.Version = "1.2.0"
			}
			require.Equal(t, test.want, updateOf(s.Wanted, versionsIn(s, lastCheck{}), test.own))
		})
	}
}

func TestWhatATillSaysOfAFailureHasItsLimit(t *testing.T) {
	u := failedUpdate("1.3.0", agent.Text{RU: "!" + strings.Repeat("ж", wire.UpdateTextMax), EN: strings.Repeat("x", wire.UpdateTextMax+1)})
	require.Equal(t, "!"+strings.Repeat("ж", wire.UpdateTextMax/2-1), u.RU, "not half a letter")
	require.Len(t, u.EN, wire.UpdateTextMax)
}

// What the agent has come to is known while it downloads and after it started anew.
func TestTheTillKnowsWhatItDownloads(t *testing.T) {
	o := newOffering(t)
	u := o.till()
	u.recall()
	require.Nil(t, u.stand.Load())
	var during []wire.UpdateStatus
	u.client.Loading = func(version string) {
		u.loading(version)
		during = append(during, *u.stand.Load())
	}
	u.look(t.Context(), true)
	require.Equal(t, []wire.UpdateStatus{{Version: "9.9.0", State: wire.UpdateLoading}}, during)
	ready := &wire.UpdateStatus{Version: "9.9.0", State: wire.UpdateReady}
	require.Equal(t, ready, u.stand.Load())
	u.look(t.Context(), true)
	require.Len(t, during, 1, "it is here already")

	again := o.till()
	again.recall()
	require.Equal(t, ready, again.stand.Load())
	again.come(update.Offer{}, false, errors.New("the line is ill"))
	require.Equal(t, ready, again.stand.Load())
	again.come(update.Offer{}, false, update.ErrSpace)
	require.Equal(t, failedUpdate("9.9.0", agent.Text(update.Explain(update.ErrSpace))), again.stand.Load())
	again.come(update.Offer{}, false, nil)
	require.Nil(t, again.stand.Load(), "head office has taken it back")
}

// A real till at a real head office: what the updater writes is what the page of a roll-out reads.
func TestHeadOfficeSeesAnUpdateThatWasGoneBackFrom(t *testing.T) {
	h := cloudtest.Start(t, cloudtest.Options{})
	config, _, data := unenrolled(t)
	require.NoError(t, install(t, config, io.Discard, nil, h.URL, h.Code(1).String()).run(t.Context()))
	p, err := NewProgram(loaded(t, config), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	l := slots.Layout{State: t.TempDir(), Data: data}
	p.progress.layout = l
	why := slots.Reason{Code: "mute", Text: slots.Text{RU: "не отвечает", EN: "does not answer"}}
	publish(t, l, slots.Status{Version: "1.2.0", Wanted: "1.3.0", Says: why, Verdicts: map[string]slots.Verdict{"1.3.0": {Why: why, At: time.Now(), Bad: true}}})

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() { stop(); require.NoError(t, <-ended) }()
	seen := func() *pages.TillUpdate {
		tills, err := h.Store.TillRows(t.Context(), h.Org, 0)
		require.NoError(t, err)
		if tills[0].Status == nil {
			return nil
		}
		return tills[0].Status.Update
	}
	until(t, "head office sees it", func() bool { return seen() != nil })
	require.Equal(t, &pages.TillUpdate{Version: "1.3.0", State: pages.UpdateFailed, RU: "не отвечает", EN: "does not answer"}, seen())

	publish(t, l, slots.Status{Version: "1.3.0", Stage: slots.OnTry, Wanted: "1.3.0", Says: slots.Reason{Code: slots.CodeTrial}})
	p.progress.look()
	until(t, "the change is sent, not only the next minute's status", func() bool { return len(p.progress.changed) == 0 })
	until(t, "it changes with it", func() bool { u := seen(); return u != nil && u.State == pages.UpdateTrial })
	require.NoError(t, os.WriteFile(filepath.Join(l.State, slots.StatusFile), []byte("{"), 0o600))
	p.progress.look()
	until(t, "what cannot be read is left out", func() bool { return seen() == nil })
}
