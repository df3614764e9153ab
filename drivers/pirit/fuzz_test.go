package pirit_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/pirit"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// babble answers each request with a right frame and wrong contents: a code and fields out of a script. A byte
// of the script says how long the next answer is, its lowest bit whether it is a refusal.
func babble(conn net.Conn, script []byte) {
	var dec frame.Decoder
	buf := make([]byte, 4096)
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
			reply := []byte{frame.ACK}
			if e.Kind == frame.Frame {
				reply, script = answerOf(e.Body, script)
			}
			if _, err := conn.Write(reply); err != nil {
				return
			}
		}
	}
}

func answerOf(body, script []byte) (reply, rest []byte) {
	ask, err := frame.ParseRequest(body)
	if err != nil {
		return nil, script
	}
	a := frame.Answer{ID: ask.ID, Cmd: ask.Cmd}
	if len(script) > 1 {
		take := min(int(script[0]/2), len(script)-1)
		if script[0]&1 != 0 {
			a.Code = script[1]
		}
		a.Fields, script = [][]byte{{}}, script[1:]
		for _, b := range script[:take] {
			last := len(a.Fields) - 1
			if b == ';' {
				a.Fields = append(a.Fields, nil)
			} else {
				a.Fields[last] = append(a.Fields[last], max(b%0xF0, 0x20))
			}
		}
		script = script[take:]
	}
	packed, err := a.Encode()
	if err != nil {
		return nil, script
	}
	return packed, script
}

// Whatever a device answers, the driver neither panics nor hangs, and a failure has a family.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0a0;4;0\x020\x0a0000042\x0444"))
	f.Add([]byte("\x0a0;5;0\x0c010100;000000\x02\x0a0;4;0\x0278;1;9999078900000001"))
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			dial := func(context.Context) (port.Conn, error) {
				near, far := net.Pipe()
				go babble(far, script)
				return near, nil
			}
			p, err := pirit.New("front", dial, map[string]string{"sale-key": "on"})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			d := p.(*pirit.Printer)
			sold := small()
			sold.Lines[0].Mark = &drivers.Mark{Raw: "code"}
			_, errPrint := d.Print(ctx, sold)
			_, errCorrect := d.Correct(ctx, drivers.Correction{Receipt: sold, Day: time.Unix(0, 0)})
			_, errLife := d.Storage(ctx)
			_, errMark := d.CheckMark(ctx, drivers.MarkQuery{Raw: "code"})
			_, errStatus := d.Status(ctx)
			_, errState := d.Snapshot(ctx)
			_, errDocuments := d.Documents(ctx, 0, 3)
			_, errIdentify := d.Identify(ctx)
			_, errShift := d.OpenShift(ctx, clerk)
			_, errCash := d.CashInDrawer(ctx)
			errTables := d.Preflight(ctx, drivers.TaxOSN, []sale.VAT{sale.VAT20, sale.VAT22})
			for _, err := range []error{
				errPrint, errCorrect, errLife, errMark, errTables, d.DropMarks(ctx), errStatus, errState, errDocuments, errIdentify, errShift,
				errCash, d.CashIn(ctx, clerk, 100), d.Slip(ctx, []string{"x"}, "y"), d.CopyLast(ctx), d.SetClock(ctx, time.Unix(0, 0)), d.Cancel(ctx), d.Resume(ctx),
			} {
				if err != nil {
					require.NotEmpty(t, drivers.FailOf(err), "%v", err)
					require.NotContains(t, err.Error(), sold.Contact)
				}
			}
			_, _ = pirit.Probe(ctx, dial) // whatever it finds, it ends
			require.NoError(t, ctx.Err(), "every wait has an end of its own")
			require.NoError(t, p.Close())
		})
	})
}
