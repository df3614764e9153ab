//go:build ignore

// Command unsent makes the ledger of an enrolled till in FOLDER, with two records that head office does not have:
// go run .ci/unsent.go FOLDER. With -acknowledged it has.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

func main() {
	acknowledged := flag.Bool("acknowledged", false, "head office has both")
	flag.Parse()
	if err := write(flag.Arg(0), *acknowledged); err != nil {
		log.Fatal(err)
	}
}

func write(folder string, acknowledged bool) error {
	now := func() (sale.Time, sale.TimeQuality) { return sale.At(time.Now()), sale.TimeHeadOffice }
	l, err := ledger.Open(filepath.Join(folder, "ledger"), ledger.Options{Clock: now, Random: rand.Reader})
	if err != nil {
		return err
	}
	err = errors.Join(
		l.Enrol(ledger.Identity{Org: 1, Store: 1, Till: 7}),
		l.OpenEpoch("test", sale.Position{}),
		l.OpenEpoch("test", l.Head()),
	)
	if acknowledged {
		err = errors.Join(err, l.Confirm(l.Head()))
	}
	return errors.Join(err, os.WriteFile(filepath.Join(folder, "identity.json"), []byte("{}\n"), 0o600), l.Close())
}
