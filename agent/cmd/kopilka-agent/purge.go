package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
)

// errUnsaid is returned where records are lost for good unless somebody insists, and nobody did.
var errUnsaid = errors.New("nothing was removed / ничего не удалено; see to it that head office gets the records (kopilka-agent service start), or say / или скажите: kopilka-agent purge --i-have-synced")

// purgeOrder is what purging removes of the data folder, in this order: without the identity the program does not
// start, so one that was cut off leaves no till that sells on half a ledger. Other files are not ours to remove.
// An enrolment that waits goes before it: the service would carry it out with the next start.
var purgeOrder = []string{laterFile, identityFile, tokenFile, captureFile, captureFile + captureOlder, chunkFolder, updatesFolder, ledgerFolder}

// updatesFolder is where downloaded versions wait.
const updatesFolder = "updates"

// captureOlder ends the name of what was written down before the newest.
const captureOlder = ".1"

var purgeCommand = command{"remove this till's ledger and key: purge [-check | -yes | --i-have-synced]", "удалить журнал продаж и ключ этой кассы: purge [-check | -yes | --i-have-synced]", func(_ context.Context, args []string, out io.Writer) error {
	p := purge{in: bufio.NewReader(os.Stdin), out: out}
	var check bool
	path, _, err := configFlag("purge", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&check, "check", false, "only print how many records head office has not acknowledged, and the folder, for scripts / только показать, сколько записей офис не подтвердил, и папку; для сценариев")
		fs.BoolVar(&p.yes, "yes", false, "do not ask where head office has acknowledged everything / не спрашивать, если офис подтвердил всё")
		fs.BoolVar(&p.synced, "i-have-synced", false, "do not ask at all: what head office has not acknowledged is lost / не спрашивать совсем: неподтверждённое пропадёт")
	})
	if err != nil {
		return err
	}
	if p.data, err = dataFolder(path); err != nil {
		return err
	}
	if _, err := os.ReadDir(p.data); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: the data folder %s is closed to you: run as an administrator (sudo) / папка данных закрыта для вас: запустите от имени администратора (sudo)", err, p.data)
	}
	if check {
		n, err := unacknowledged(p.data)
		if err != nil {
			return err
		}
		return say(out, "%d %s\n", n, p.data)
	}
	return p.run()
}}

// dataFolder is the config's, or the usual one of a machine that has no config.
func dataFolder(config string) (string, error) {
	c, err := agent.LoadConfig(config)
	if errors.Is(err, fs.ErrNotExist) && config == agent.DefaultConfigPath {
		return agent.DefaultConfig().Data, nil
	}
	return c.Data, err
}

// purge removes what a till has on this machine, once a person has understood what that means.
type purge struct {
	data        string
	yes, synced bool
	in          *bufio.Reader
	out         io.Writer
}

func (p purge) run() error {
	n, err := unacknowledged(p.data)
	if errors.Is(err, ledger.ErrLocked) {
		return stopFirst(err)
	}
	if err := p.ask(n, err); err != nil {
		return err
	}
	for _, name := range purgeOrder {
		if err := os.RemoveAll(filepath.Join(p.data, name)); err != nil {
			return fmt.Errorf("purge, give the command again: %w", err)
		}
	}
	return p.left()
}

// ask asks once, and twice where something would be lost: then the second answer is not one that fingers give by
// themselves.
func (p purge) ask(n uint64, unknown error) error {
	switch {
	case p.synced:
		return nil
	case unknown == nil && n == 0:
		return p.question(p.yes, yeses, fmt.Sprintf(
			"Головной офис подтвердил все записи. Удалить журнал и ключ кассы из %[1]s? Введите «да»: \n"+
				"Head office has acknowledged every record. Remove the till's ledger and key from %[1]s? Type yes: ", p.data))
	case unknown == nil:
		if err := p.question(false, yeses, fmt.Sprintf(
			"Записей, которых нет в головном офисе: %[1]d. После удаления продажи и баллы из них пропадут. Всё равно удалить? Введите «да»: \n"+
				"Records that head office does not have: %[1]d. Their sales and points will be lost. Remove them all the same? Type yes: ", n)); err != nil {
			return err
		}
		return p.question(false, []string{strconv.FormatUint(n, 10)}, "Введите их число / Type their number: ")
	}
	if err := p.question(false, yeses, fmt.Sprintf(
		"Журнал не читается (%[1]v): в нём могут быть продажи, которых нет в головном офисе. Всё равно удалить? Введите «да»: \n"+
			"The ledger cannot be read (%[1]v): sales that head office does not have may be in it. Remove it all the same? Type yes: ", unknown)); err != nil {
		return err
	}
	return p.question(false, []string{"потеряно", "lost"}, "Введите слово «потеряно» / Type the word lost: ")
}

// yeses are what agrees; no single letter does, which a finger gives by itself.
var yeses = []string{"да", "yes"}

func (p purge) question(answered bool, want []string, text string) error {
	if answered {
		return nil
	}
	if err := say(p.out, "%s", text); err != nil {
		return err
	}
	line, err := p.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if !slices.Contains(want, strings.ToLower(strings.TrimSpace(line))) {
		return errUnsaid
	}
	return nil
}

// left says what else is in the folder.
func (p purge) left() error {
	entries, err := os.ReadDir(p.data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at what is left: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	if err := say(p.out, "Журнал и ключ кассы удалены. / The till's ledger and key are removed.\n"); err != nil || len(names) == 0 {
		return err
	}
	return say(p.out, "Осталось в / Left in %s: %s\n", p.data, strings.Join(names, ", "))
}

// unacknowledged counts the records that head office has not acknowledged, the job whose outcome is open among them.
// It looks through the whole ledger first, since a count from a damaged one is worth nothing.
func unacknowledged(data string) (n uint64, err error) {
	dir := filepath.Join(data, ledgerFolder)
	info, err := os.Lstat(filepath.Join(dir, ledger.FileName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nothingElse(dir)
	case err != nil:
		return 0, fmt.Errorf("look for the ledger: %w", err)
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%w: %s is no file", ledger.ErrDamaged, filepath.Join(dir, ledger.FileName))
	}
	l, err := ledger.Open(dir, ledger.Options{Clock: agent.NewClock(time.Now).Now, Random: rand.Reader})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if _, err := l.Check(); err != nil {
		return 0, err
	}
	begun, err := l.Unfinished()
	if err != nil {
		return 0, err
	}
	if begun != nil {
		n++
	}
	return n + l.Unsent(), nil
}

// nothingElse fails where the ledger's file is gone and others are there: somebody has moved it, or a disk has lost it.
func nothingElse(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look for the ledger: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("%w: %s is gone from %s", ledger.ErrDamaged, ledger.FileName, dir)
	}
	return nil
}
