package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/installer/slots"
	"github.com/kopilka/kopilka/sync/update"
	"github.com/kopilka/kopilka/sync/uplink"
)

// trustFolderMode lets everybody read the updater's status; only the administrator writes there.
const trustFolderMode = 0o755

// updaterLayout is where this machine's updater looks: the folder of programs is the package's, that of data the one of
// the till that the service runs.
func updaterLayout() slots.Layout {
	l := slots.System()
	// A config with faults may say where the data are all the same; without one they are in the usual place.
	if c, _ := agent.LoadConfig(agent.DefaultConfigPath); filepath.IsAbs(c.Data) {
		l.Data = c.Data
	}
	return l
}

// believe is the step of an enrolment that gives the updater its trust. A till that waits for head office has none yet,
// and the service that enrols it later may not write any: so it is said what is left to an administrator then. Fresh is what head office has just answered, nil where the machine was enrolled before.
func believe(l slots.Layout, data string, fresh *uplink.Identity, out io.Writer) error {
	if fresh != nil {
		return trustUpdates(l, data, *fresh, true, out)
	}
	id, err := uplink.Load(filepath.Join(data, identityFile))
	switch {
	case errors.Is(err, uplink.ErrNotEnrolled) && hasUpdater(l, data):
		return say(out, "%s\n%s\n", textTrustLater.EN, textTrustLater.RU)
	case errors.Is(err, uplink.ErrNotEnrolled):
		return nil
	case err != nil:
		return err
	}
	return trustUpdates(l, data, id, false, out)
}

var textNoTrust = update.Text{
	RU: "Обновления не будут ставиться сами, пока администратор не выполнит: kopilka-agent updates trust",
	EN: "Updates will not install themselves until an administrator runs: kopilka-agent updates trust",
}

var textTrustLater = update.Text{
	RU: "Когда касса подключится, администратору останется выполнить: kopilka-agent updates trust. До этого обновления не будут ставиться сами",
	EN: "Once the till has enrolled, an administrator has to run: kopilka-agent updates trust. Until then updates will not install themselves",
}

var textNoUpdater = update.Text{
	RU: "У этой кассы нет службы обновлений: её папка не та, что у кассы, которую запускает служба",
	EN: "This till has no updater: its folder is not that of the till that the service runs",
}

// hasUpdater tells whether this machine's updater is that of the till with this data folder.
func hasUpdater(l slots.Layout, data string) bool {
	return filepath.Clean(data) == filepath.Clean(l.Data)
}

// errOtherTrust is wrapped where the till's folder names another head office than the updater believes.
var errOtherTrust = errors.New("the till's folder names another organisation, or another key of it, than the updater believes; the updater's trust stays as it is. " +
	"If this machine was moved to another head office on purpose: kopilka-agent updates trust -replace. If not, somebody has changed identity.json: call support / " +
	"в папке кассы указана другая организация или другой её ключ, не те, которым верит служба обновлений; её доверие не изменено. " +
	"Если кассу нарочно перевели в другой офис: kopilka-agent updates trust -replace. Если нет, файл identity.json кто-то подменил: звоните в поддержку")

// trustUpdates tells this machine's updater whose updates it may install. Only the administrator can: where the one who
// enrols is not, it says what is left to do. A till with a data folder of its own, as of a demo, has no updater.
func trustUpdates(l slots.Layout, data string, id uplink.Identity, replace bool, out io.Writer) error {
	if !hasUpdater(l, data) {
		return nil
	}
	err := writeTrust(l, id, replace)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist): // no administrator, or no updater yet
		return say(out, "%s\n%s\n", textNoTrust.EN, textNoTrust.RU)
	case errors.Is(err, errOtherTrust): // the till may sell all the same
		return say(out, "%v\n", err)
	}
	return err
}

// writeTrust keeps what was learnt of the same organisation's repository: an older one is not believed again.
//
// What will bite: the identity lies in a folder that the agent's account writes. Were it believed whenever root comes
// by, a till program that was taken over would choose who makes the programs that root installs. So it is believed
// once, and later only where it comes from head office itself or a person says replace.
func writeTrust(l slots.Layout, id uplink.Identity, replace bool) error {
	if err := makeTrustFolder(l.State); err != nil {
		return fmt.Errorf("make the updater's folder: %w", err)
	}
	file := filepath.Join(l.State, slots.TrustFile)
	t := update.Trust{Org: id.Org, Store: id.Store, Till: id.Till, OrgRoot: id.Root}
	before, err := update.LoadTrust(file)
	switch {
	case err == nil && before.Org == t.Org && before.OrgRoot.Equal(t.OrgRoot):
		t.Root, t.Seen = before.Root, before.Seen
	case err == nil && !replace:
		return fmt.Errorf("%w (%d, %d)", errOtherTrust, before.Org, t.Org)
	case errors.Is(err, fs.ErrPermission):
		return err
	}
	return t.Save(file)
}

// makeTrustFolder leaves Windows to the installer: what anybody else makes in ProgramData, everybody may write.
func makeTrustFolder(folder string) error {
	if runtime.GOOS == "windows" {
		_, err := os.Stat(folder)
		return err
	}
	return os.MkdirAll(folder, trustFolderMode)
}
