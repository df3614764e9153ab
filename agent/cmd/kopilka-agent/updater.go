package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
)

// mends are the commands that end what the updater says, where one does.
var mends = map[string]string{
	slots.CodeTrust:     "kopilka-agent updates trust",
	slots.CodeOff:       "kopilka-agent service start",
	slots.CodeNoService: "kopilka-agent service install",
}

// updaterSays reads what this till's updater says for everybody to read; fs.ErrNotExist is wrapped where it has none,
// or one that has said nothing yet.
func updaterSays(l slots.Layout, c agent.Config) (slots.Status, error) {
	if !hasUpdater(l, c.Data) {
		return slots.Status{}, fmt.Errorf("%s: %w", textNoUpdater.EN, fs.ErrNotExist)
	}
	return slots.ReadStatus(l)
}

// versions is what the doctor and head office hear of the updater; about is the version that it last spoke of.
func versions(l slots.Layout, c agent.Config) (v agent.Versions, about string, err error) {
	s, err := updaterSays(l, c)
	if errors.Is(err, fs.ErrNotExist) && hasUpdater(l, c.Data) {
		if _, gone := os.Stat(l.State); gone == nil { // it is installed, and has said nothing yet
			err = nil
		}
	}
	if err != nil {
		return agent.Versions{}, "", err
	}
	v = versionsIn(s, askedLast(c))
	// Only whether it is there: the updater writes it anew at each update, and Windows replaces no file that is open.
	_, err = os.Stat(filepath.Join(l.State, slots.TrustFile))
	switch {
	case s.Says.Code != slots.CodeTrust:
		v.Untrusted = errors.Is(err, fs.ErrNotExist)
	case err == nil: // it was told meanwhile, and looks again within minutes
		v.Trouble, v.Mend = agent.Text{}, ""
	}
	return v, s.Wanted, nil
}

// updaterVersions are the doctor's.
func updaterVersions(c agent.Config) func() (agent.Versions, error) {
	return func() (agent.Versions, error) {
		v, _, err := versions(updaterLayout(), c)
		return v, err
	}
}

// askedLast is the zero value also for whoever may not look there: then the updater's word stands as it is.
func askedLast(c agent.Config) lastCheck {
	asked, err := readCheck(filepath.Join(c.Data, update.Folder))
	if err != nil {
		return lastCheck{}
	}
	return asked
}

// versionsIn takes a status apart. Asked is the till's last question to head office.
func versionsIn(s slots.Status, asked lastCheck) agent.Versions {
	v := agent.Versions{Packaged: s.Packaged, Current: s.Version, At: s.At, Why: agent.Text(s.Says.Text)}
	switch s.Stage {
	case slots.Placed:
		v.Wanted = s.Wanted
	case slots.OnTry:
		v.Trial = s.Wanted
	case slots.GoBack:
		v.Failed = s.Wanted
	case slots.Idle:
		v.Failed, v.Why = worstVerdict(s, v.Why)
	}
	if troubled(s, v.Failed, asked) {
		v.Trouble, v.Mend, v.Wanted = agent.Text(s.Says.Text), mends[s.Says.Code], ""
	}
	return v
}

// worstVerdict is the newest against a version that is newer than the current one: an older one is nobody's trouble any
// more. Why is what stands where there is none.
func worstVerdict(s slots.Status, why agent.Text) (failed string, _ agent.Text) {
	var newest slots.Verdict
	for version, verdict := range s.Verdicts {
		if update.Newer(version, s.Version) && verdict.At.After(newest.At) {
			newest = verdict
			failed, why = version, agent.Text(verdict.Why.Text)
		}
	}
	return failed, why
}

// troubled tells that the updater's last word is one that somebody should hear, and that the verdict on failed does not
// say it already. An updater that is asked for nothing says nothing more: what it said of a version that head office
// has taken back since is nobody's trouble any more.
func troubled(s slots.Status, failed string, asked lastCheck) bool {
	switch {
	case s.Says.Well(), s.Wanted != "" && s.Wanted == failed:
		return false
	case s.Wanted == "", s.Wanted == s.Version: // the updater itself, or the version that runs
		return true
	}
	withdrawn := asked.Failure == nil && asked.Offered != s.Wanted && asked.At.After(s.At)
	return !withdrawn
}
