package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/loyalty"
	"github.com/kopilka/kopilka/ledger/sale"
)

var ledgerCommand = command{"ledger verify | export | explain RECEIPT | compact", func(_ context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("want: kopilka-agent ledger verify, export, explain RECEIPT or compact")
	}
	lang := "ru"
	keep := 90 * 24 * time.Hour
	path, rest, err := configFlag("ledger "+args[0], args[1:], func(fs *flag.FlagSet) {
		fs.StringVar(&lang, "lang", lang, "language of explanations: ru or en")
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
	o := ledger.Options{Clock: agent.NewClock(time.Now).Now, Random: rand.Reader}
	if args[0] == "compact" {
		return ledger.Compact(dir, o, keep)
	}
	l, err := ledger.Open(dir, o)
	if errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("%w: stop the service first (kopilka-agent service stop)", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(ledgerVerb(l, args[0], rest, lang, out), l.Close())
}}

func ledgerVerb(l *ledger.Ledger, verb string, args []string, lang string, out io.Writer) error {
	switch {
	case verb == "verify":
		return verify(l, out)
	case verb == "export":
		return export(l, out)
	case verb == "explain" && len(args) == 1:
		return explain(l, args[0], lang, out)
	}
	return fmt.Errorf("want: kopilka-agent ledger verify, export, explain RECEIPT or compact (got %q)", verb)
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

// explain names the rule behind each figure of a receipt: its number ("7-12" or "12"), its ID, or the text of
// its QR code.
func explain(l *ledger.Ledger, receipt, lang string, out io.Writer) error {
	r, err := findReceipt(l, receipt)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, epoch %d seq %d, %s\n", r.Kind, r.ID, r.Epoch, r.Seq, r.At.Time().Format(time.RFC3339))
	switch {
	case r.Sale != nil:
		explainSale(&b, r.Sale, lang)
	case r.Return != nil:
		explainReturn(&b, r.Return)
	}
	for _, s := range r.Spends {
		fmt.Fprintf(&b, "spent    %s of lot %s under lease %s\n", s.Amount, s.Lot, s.Lease)
	}
	for _, p := range r.Postings {
		fmt.Fprintf(&b, "posting  %s %s %s\n", p.Account.Kind, p.Account.No, p.Amount)
	}
	if r.Fiscal != nil {
		fmt.Fprintf(&b, "fiscal   %s sign %d %s\n", r.Fiscal.Key, r.Fiscal.Sign, r.Fiscal.Stamp)
	}
	return say(out, "%s", b.String())
}

func findReceipt(l *ledger.Ledger, receipt string) (*sale.Record, error) {
	if f, err := sale.ParseFiscalQR(receipt); err == nil {
		return l.RecordByDoc(f.Key)
	}
	if id, err := sale.ParseID(receipt); err == nil {
		return l.Record(id)
	}
	who, err := l.Who()
	if err != nil {
		return nil, err
	}
	no, err := agent.ParseReceiptNo(receipt, who.Till)
	if err != nil {
		return nil, err
	}
	return l.RecordByNo(no)
}

func explainSale(b *strings.Builder, s *sale.Sale, lang string) {
	fmt.Fprintf(b, "sale     %s: %s − %s discount − %s points = %s, earned %s; programme %d, tier %d\n",
		s.No, s.Gross, s.Discount, s.Redeemed, s.Total, s.Earned, s.Programme, s.Tier)
	for _, r := range s.Reasons {
		fmt.Fprintf(b, "         %s\n", loyalty.ReasonText(r, lang))
	}
	for i, l := range s.Lines {
		fmt.Fprintf(b, "line %-3d %s: %s × %s = %s − %s − %s = %s, earned %s\n", i+1, l.Name, l.Qty, l.Price, l.Gross, l.Discount, l.Redeemed, l.Net, l.Earned)
		for _, p := range l.Parts {
			fmt.Fprintf(b, "         receipt %s × %s = %s\n", p.Qty, p.Price, p.Sum)
		}
		for _, r := range l.Reasons {
			fmt.Fprintf(b, "         %s\n", loyalty.ReasonText(r, lang))
		}
	}
}

func explainReturn(b *strings.Builder, r *sale.Return) {
	fmt.Fprintf(b, "return   %s of %s: %s back, %s points restored, %s taken back\n", r.No, r.OfNo, r.Total, r.Restored, r.Clawed)
	for _, l := range r.Lines {
		fmt.Fprintf(b, "line %-3d %s: %s for %s, %s restored, %s taken back\n", l.Line+1, l.Name, l.Qty, l.Net, l.Restored, l.Clawed)
	}
}
