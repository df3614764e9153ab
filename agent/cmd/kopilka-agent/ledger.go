package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/uplink"
)

var ledgerCommand = command{"check, print and explain what this till has recorded: ledger verify | export | explain RECEIPT | explain customer NUMBER | compact", "проверить, вывести и объяснить записанное кассой: ledger verify | export | explain ЧЕК | explain customer НОМЕР | compact", func(_ context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || !slices.Contains(ledgerVerbs, args[0]) {
		return wantVerb(args)
	}
	lang := ""
	keep := 90 * 24 * time.Hour
	path, rest, err := configFlag("ledger "+args[0], args[1:], func(fs *flag.FlagSet) {
		fs.StringVar(&lang, "lang", lang, "language of explanations: ru or en; as in the config where it is not given / язык объяснений, ru или en; без него как в настройках")
		fs.DurationVar(&keep, "keep", keep, "compact: keep acknowledged records this long")
	})
	if err != nil {
		return err
	}
	c, err := agent.LoadConfig(path)
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Data, ledgerFolder)
	if err := ledgerThere(c.Data); err != nil {
		return err
	}
	o := ledger.Options{Clock: agent.NewClock(time.Now).Now, Random: rand.Reader}
	if args[0] == "compact" {
		if err := ledger.Compact(dir, o, keep); err != nil {
			return stopFirst(err)
		}
		return say(out, "The ledger is compacted. / Журнал сжат.\n")
	}
	l, err := ledger.Open(dir, o)
	if err != nil {
		return stopFirst(err)
	}
	return errors.Join(ledgerVerb(l, args[0], rest, cmp.Or(lang, c.Language), out), l.Close())
}}

// ledgerVerbs are looked at before the ledger is: a mistyped one would take the blame for what is wrong there.
var ledgerVerbs = []string{"verify", "export", "explain", "compact"}

func wantVerb(got []string) error {
	return fmt.Errorf("want / надо: kopilka-agent ledger verify, export, explain RECEIPT, explain customer NUMBER, compact (got %q)", got)
}

// stopFirst says what to do about a ledger that the running till has open.
func stopFirst(err error) error {
	if errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("%w: stop the service first / сначала остановите службу: kopilka-agent service stop", err)
	}
	return err
}

// ledgerThere refuses what would make an empty ledger and call it in order. Of one that is there Open says the rest.
func ledgerThere(data string) error {
	file := filepath.Join(data, ledgerFolder, ledger.FileName)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := uplink.Load(filepath.Join(data, identityFile)); errors.Is(err, uplink.ErrNotEnrolled) {
		return fmt.Errorf("this machine is not enrolled and has no ledger (%s): kopilka-agent enroll URL CODE / эта машина не подключена к офису, журнала на ней нет: kopilka-agent enroll АДРЕС КОД", file)
	}
	return fmt.Errorf("there is no ledger at %s: is this the right config? / журнала %[1]s нет: тот ли это файл настроек?", file)
}

func ledgerVerb(l *ledger.Ledger, verb string, args []string, lang string, out io.Writer) error {
	switch {
	case verb == "verify":
		return verify(l, out)
	case verb == "export":
		return export(l, out)
	case verb == "explain" && len(args) == 1:
		return explain(l, args[0], lang, out)
	case verb == "explain" && len(args) == 2 && args[0] == "customer":
		return explainCustomer(l, args[1], lang, out)
	}
	return wantVerb(append([]string{verb}, args...))
}

func verify(l *ledger.Ledger, out io.Writer) error {
	r, err := l.Check()
	if err != nil {
		return err
	}
	for _, w := range r.Warnings {
		if err := say(out, "warning: %s\n", w); err != nil {
			return err
		}
	}
	return say(out, "in order: %d records, %d sales, %d returns, %d leases, epoch %d, head %d %s, %d not yet at head office\n",
		r.Records, r.Sales, r.Returns, r.Leases, r.Head.Epoch, r.Head.Seq, r.Head.Head.Short(), l.Unsent())
}

// export writes the journal as JSON lines, the hash of each record beside it.
func export(l *ledger.Ledger, out io.Writer) error {
	enc := json.NewEncoder(out)
	var failed error
	err := l.Walk(false, func(r *sale.Record, e sale.Entry) bool {
		failed = enc.Encode(struct {
			Hash sale.Hash `json:"hash"`
			*sale.Record
		}{sale.HashOf(e.Record), r})
		return failed == nil
	})
	return errors.Join(err, failed)
}
