package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/uplink"
)

var updatesCommand = command{"how updates stand; updates check: ask head office now; updates trust: let the updater believe head office", "как дела с обновлениями; updates check: спросить офис сейчас; updates trust: доверять обновлениям этого офиса", func(ctx context.Context, args []string, out io.Writer) error {
	word := ""
	if len(args) > 0 && (args[0] == "check" || args[0] == "trust") {
		word, args = args[0], args[1:]
	}
	lang, replace := "", false
	path, _, err := configFlag(strings.TrimSpace("updates "+word), args, func(fs *flag.FlagSet) {
		fs.StringVar(&lang, "lang", "", "ru or en; as in the config where it is not given / язык, ru или en; без него как в настройках")
		if word == "trust" {
			fs.BoolVar(&replace, "replace", false, "believe another head office than before: this machine was moved there on purpose / доверять другому офису: машину перенесли намеренно")
		}
	})
	if err != nil {
		return err
	}
	c, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	if lang == "" {
		lang = c.Language
	}
	u := updatesTold{Config: c, lang: lang, out: out, layout: updaterLayout()}
	switch word {
	case "check":
		return u.check(ctx)
	case "trust":
		return u.trust(replace)
	}
	return u.status()
}}

// updatesTold is the command of a person who asks.
type updatesTold struct {
	agent.Config
	lang   string
	out    io.Writer
	layout slots.Layout
}

func (u updatesTold) say(t update.Text, args ...any) error {
	return say(u.out, t.Lang(u.lang)+"\n", args...)
}

func (u updatesTold) folder() string { return filepath.Join(u.Data, update.Folder) }

// status tells from files alone: what it says holds for a till that is stopped, too.
func (u updatesTold) status() error {
	c, err := readCheck(u.folder())
	if err != nil {
		return err
	}
	return errors.Join(u.say(update.Text{RU: "Эта программа: %s", EN: "This program: %s"}, version), u.slot(), u.asked(c), u.wanted(), u.manner())
}

// slot is the updater's own word.
func (u updatesTold) slot() error {
	if !hasUpdater(u.layout, u.Data) {
		return u.say(textNoUpdater)
	}
	if _, err := update.LoadTrust(filepath.Join(u.layout.State, slots.TrustFile)); errors.Is(err, fs.ErrNotExist) {
		return u.say(textNoTrust)
	}
	s, err := slots.ReadStatus(u.layout)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return u.say(update.Text{RU: "Служба обновлений ещё ничего не сообщала", EN: "The updater has not said anything yet"})
	case err != nil:
		return err
	}
	stage := map[slots.Stage]update.Text{
		slots.Idle:   {RU: "установлена", EN: "installed"},
		slots.Placed: {RU: "установлена, новая ждёт, пока касса свободна", EN: "installed, a new one waits until the till is free"},
		slots.OnTry:  {RU: "на испытании", EN: "on trial"},
		slots.GoBack: {RU: "возвращается прежняя", EN: "the one before is coming back"},
	}[s.Stage]
	says := update.Text(s.Says.Text)
	return u.say(update.Text{RU: "Служба обновлений, %[4]s: %[1]s (%[2]s), %[3]s. %[5]s", EN: "Updater, %[4]s: %[1]s (%[2]s), %[3]s. %[5]s"},
		s.Version, s.Slot, stage.Lang(u.lang), at(s.At), says.Lang(u.lang))
}

func (u updatesTold) asked(c lastCheck) error {
	switch {
	case c.At.IsZero():
		return u.say(update.Text{RU: "У головного офиса ещё не спрашивали", EN: "Head office has not been asked yet"})
	case c.Failure != nil:
		return u.say(update.Text{RU: "Спрашивали %s: %s\n  (%s)", EN: "Asked %s: %s\n  (%s)"}, at(c.At), c.Failure.Lang(u.lang), c.Detail)
	case c.Offered != "":
		return u.say(update.Text{RU: "Спрашивали %s: офис даёт %s, она скачана", EN: "Asked %s: head office offers %s, which is downloaded"}, at(c.At), c.Offered)
	}
	return u.say(update.Text{RU: "Спрашивали %s: обновлений нет", EN: "Asked %s: there are no updates"}, at(c.At))
}

func (u updatesTold) wanted() error {
	w, err := readWanted(u.folder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what the updater is asked for: %w", err)
	}
	notes := w.Notes.Lang(u.lang)
	if notes != "" {
		notes = ": " + notes
	}
	return u.say(update.Text{RU: "Служба обновлений должна поставить %s%s", EN: "The updater is to install %s%s"}, w.Version, notes)
}

// manner is what the config says.
func (u updatesTold) manner() error {
	if !u.Updates.Auto {
		return u.say(update.Text{
			RU: "Сами обновления не ставятся (updates.auto: false); поставить: kopilka-agent updates check",
			EN: "Updates do not install themselves (updates.auto: false); to install: kopilka-agent updates check",
		})
	}
	if u.Updates.Hours != "" {
		return u.say(update.Text{RU: "Обновления ставятся в часы %s", EN: "Updates are installed within %s"}, u.Updates.Hours)
	}
	return nil
}

func at(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// check asks head office itself, in a folder of its own, and then has the running till take what there is: two that
// write one folder would spoil a download.
func (u updatesTold) check(ctx context.Context) error {
	id, err := uplink.Load(filepath.Join(u.Data, identityFile))
	if err != nil {
		return err
	}
	if u.HeadOffice.URL != "" {
		id.URL = u.HeadOffice.URL
	}
	offer, found, err := u.ask(ctx, id)
	if err != nil {
		if told := u.say(update.Explain(err)); told != nil {
			return told
		}
		return err
	}
	if !found {
		return u.say(update.Text{RU: "Обновлений нет: работает %s", EN: "There are no updates: %s is running"}, version)
	}
	if err := u.say(update.Text{RU: "Офис даёт этой кассе %s", EN: "Head office offers %s to this till"}, offer.Version); err != nil {
		return err
	}
	_, away := askHealth(ctx, u.Page)
	if err := u.wake(); err != nil && (away == nil || !errors.Is(err, fs.ErrNotExist)) { // the till makes the folder
		return fmt.Errorf("tell the running till (are you its administrator?): %w", err)
	}
	if away != nil {
		return u.say(update.Text{
			RU: "Программа кассы не отвечает, скачать новую версию некому; за ней касса обратится, когда запустится: kopilka-agent service start",
			EN: "The till program does not answer, so nobody downloads it; the till does once it runs: kopilka-agent service start",
		})
	}
	return u.say(update.Text{
		RU: "Касса скачает её за несколько минут и поставит, когда она свободна; как идёт, скажет kopilka-agent updates",
		EN: "The till downloads it within minutes and installs it when it is free; kopilka-agent updates says how it goes",
	})
}

// wake leaves the running till a word. The folder is the agent's and this person may be root: what lies there already,
// a link to a file of the system's among it, is not written to.
func (u updatesTold) wake() error {
	data, err := os.OpenRoot(u.Data)
	if err != nil {
		return err
	}
	f, err := data.OpenFile(update.Folder+"/"+checkNowFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return data.Close() // it was told before
	}
	if err == nil {
		err = f.Close()
	}
	return errors.Join(err, data.Close())
}

func (u updatesTold) ask(ctx context.Context, id uplink.Identity) (offer update.Offer, found bool, err error) {
	folder, err := os.MkdirTemp("", "kopilka-updates-")
	if err != nil {
		return offer, false, fmt.Errorf("make a folder to ask in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if known, err := update.LoadTrust(filepath.Join(u.folder(), update.TrustFile)); err == nil { // what the till knows already
		if err := known.Save(filepath.Join(folder, update.TrustFile)); err != nil {
			return offer, false, err
		}
	}
	o := updateOptions(u.Config, id, time.Now)
	o.Folder = folder
	client, err := update.NewClient(o)
	if err != nil {
		return offer, false, err
	}
	return client.Ask(ctx)
}

// trust is for a till that was enrolled by somebody who was no administrator, or before it had an updater.
func (u updatesTold) trust(replace bool) error {
	if !hasUpdater(u.layout, u.Data) { // a demo's head office must not get to make the programs of the real till
		return fmt.Errorf("%s (%s); nothing was changed / %s; ничего не изменено", textNoUpdater.EN, u.Data, textNoUpdater.RU)
	}
	id, err := uplink.Load(filepath.Join(u.Data, identityFile))
	if err != nil {
		return err
	}
	err = writeTrust(u.layout, id, replace)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("only an administrator may / может только администратор: %w", err)
	}
	if err != nil {
		return err
	}
	return u.say(update.Text{
		RU: "Служба обновлений верит организации %d (%s, ключ %x): %s", EN: "The updater believes organisation %d (%s, key %x): %s",
	}, id.Org, id.URL, id.Root[:keyShown], filepath.Join(u.layout.State, slots.TrustFile))
}

// keyShown is how many bytes of a key a person compares.
const keyShown = 8
