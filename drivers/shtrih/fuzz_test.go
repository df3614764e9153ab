package shtrih

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// babble answers each protocol 2.0 command with right frames and wrong contents: the next bytes of a
// script, the first of which says how many.
func babble(conn net.Conn, script []byte) {
	var dec frame.Decoder2
	buf := make([]byte, 256)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		for _, b := range buf[:n] {
			e, ok := dec.Next(b)
			if !ok {
				continue
			}
			var body []byte
			if cmd, _, whole := frame.Split(e.Body); whole {
				take := 0
				if len(script) > 0 {
					take = min(int(script[0]), len(script)-1)
					body, script = append(body, script[1:1+take]...), script[1+take:]
				}
				body = append(cmd.Append(nil), body...)
			}
			packed, err := frame.Encode2(e.Num, body)
			if err != nil {
				return
			}
			if _, err := conn.Write(packed); err != nil {
				return
			}
		}
	}
}

// Whatever a device answers, the driver neither panics nor hangs, and a failure has a family.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 2, 0x50, 0, 40, 0, 0, 8, 0, 0, 0, 0, 0, 0, 42})
	f.Add(append([]byte{12, 0, 0, 0, 0, 0, 0, 8, 0, 0, 42, 1, 1, 47}, make([]byte, 300)...))
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			p, err := New("front", func(context.Context) (port.Conn, error) {
				near, far := net.Pipe()
				go babble(far, script)
				return near, nil
			}, map[string]string{"protocol": "2", "sale-key": "on"})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			d := p.(*Printer)
			sold := drivers.Receipt{
				Doc: sale.DocSale, Tax: drivers.TaxOSN, Total: 100, Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: 100}},
				Lines: []drivers.ReceiptLine{{
					Name: "x", Part: sale.Part{Qty: sale.Piece, Price: 100, Sum: 100}, VAT: sale.VAT10, Mark: &drivers.Mark{Raw: "code"},
				}},
			}
			_, errPrint := d.Print(ctx, sold)
			_, errCorrect := d.Correct(ctx, drivers.Correction{Receipt: sold, Day: time.Unix(0, 0)})
			_, errLife := d.Storage(ctx)
			_, errMark := d.CheckMark(ctx, drivers.MarkQuery{Raw: "code"})
			errTables := d.Preflight(ctx, drivers.TaxOSN, []sale.VAT{sale.VAT20, sale.VAT22})
			_, errStatus := d.Status(ctx)
			_, errState := d.Snapshot(ctx)
			_, errDocuments := d.Documents(ctx, 0, 3)
			_, errIdentify := d.Identify(ctx)
			_, errShift := d.OpenShift(ctx, drivers.Operator{Name: "x"})
			_, errCash := d.CashInDrawer(ctx)
			for _, err := range []error{errPrint, errCorrect, errLife, errMark, errTables, d.DropMarks(ctx), errStatus, errState, errDocuments, errIdentify, errShift, errCash, d.Cancel(ctx), d.Resume(ctx)} {
				if err != nil {
					require.NotEmpty(t, drivers.FailOf(err), "%v", err)
				}
			}
			_, _ = Probe(ctx, d.dial) // whatever it finds, it ends
			require.NoError(t, ctx.Err(), "every wait has an end of its own")
			require.NoError(t, p.Close())
		})
	})
}
