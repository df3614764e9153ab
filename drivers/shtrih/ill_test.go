package shtrih_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/drivers/shtrih"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

// morning gives f a register as the shop finds it, no shift opened by us.
func morning(t *testing.T, o emulator.Options, settings map[string]string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg, err := emulator.New(o)
		require.NoError(t, err)
		b := &bench{t: t, reg: reg}
		b.ctx, b.cancel = context.WithCancel(t.Context())
		p, err := shtrih.New("front", b.dial, settings)
		require.NoError(t, err)
		b.p = p.(*shtrih.Printer)
		f(b)
		require.NoError(t, b.p.Close())
		b.cancel()
		b.served.Wait()
		require.NoError(t, reg.Close())
	})
}

// Every ill state says what it is before anything is signed, and what a person can do.
func TestIllRegisters(t *testing.T) {
	for name, c := range map[string]struct {
		o     emulator.Options
		print drivers.Fail
		hint  string
		cond  drivers.Condition
	}{
		"not registered":         {emulator.Options{Ill: emulator.Ill{Unregistered: true}}, drivers.FailStorage, "не зарегистрирована", drivers.NotFiscal},
		"storage expired":        {emulator.Options{Ill: emulator.Ill{ShiftAge: time.Hour, Expired: true}}, drivers.FailStorage, "Срок", drivers.StorageEnding},
		"shift open 25 hours":    {emulator.Options{Ill: emulator.Ill{ShiftAge: 25 * time.Hour}}, drivers.FailShiftOver, "24 часов", drivers.ShiftOver24h},
		"document left open":     {emulator.Options{Ill: emulator.Ill{ShiftAge: time.Hour, Document: true}}, drivers.FailDocument, "Отмените", 0},
		"firmware of another":    {emulator.Options{Ill: emulator.Ill{Unknown: true}}, drivers.FailConfig, "не знает команды", 0},
		"no shift, nothing else": {emulator.Options{}, drivers.FailShiftClosed, "Откройте смену", 0},
	} {
		for _, protocol := range []string{"1", "2"} {
			morning(t, c.o, map[string]string{"protocol": protocol}, func(b *bench) {
				n := len(b.reg.Documents())
				_, err := b.p.Print(b.ctx, small())
				require.Equal(t, c.print, drivers.FailOf(err), "%s: %v", name, err)
				require.True(t, drivers.NotDone(err), name)
				require.Contains(t, drivers.HintOf(err).RU, c.hint, name)
				require.Len(t, b.reg.Documents(), n)
				if c.cond != 0 {
					status, err := b.p.Status(b.ctx)
					require.NoError(t, err)
					require.True(t, status.Has(c.cond), name)
				}
			})
		}
	}
}

func TestUnregisteredOpensNoShift(t *testing.T) {
	morning(t, emulator.Options{Ill: emulator.Ill{Unregistered: true}}, nil, func(b *bench) {
		_, err := b.p.OpenShift(b.ctx, drivers.Operator{Name: "И"})
		require.Equal(t, drivers.FailStorage, drivers.FailOf(err))
		require.True(t, drivers.NotDone(err))
		err = b.p.Preflight(b.ctx, drivers.TaxOSN, nil)
		require.Contains(t, drivers.HintOf(err).RU, "не зарегистрирована")
	})
}

// A clock that is a day behind the last document keeps the storage from opening a shift; set right, it opens.
func TestWrongDate(t *testing.T) {
	morning(t, emulator.Options{}, nil, func(b *bench) {
		b.reg.JumpClock(-24 * time.Hour)
		_, err := b.p.OpenShift(b.ctx, drivers.Operator{Name: "И"})
		require.Equal(t, drivers.FailClock, drivers.FailOf(err), "%v", err)
		require.NoError(t, b.p.SetClock(b.ctx, time.Now().UTC()))
		_, err = b.p.OpenShift(b.ctx, drivers.Operator{Name: "И"})
		require.NoError(t, err)
	})
}

func TestPreflightNamesEveryFault(t *testing.T) {
	morning(t, emulator.Options{Now: in2026.Now}, nil, func(b *bench) {
		rates := []sale.VAT{sale.VAT22, sale.VAT10, sale.VAT20}
		b.write(17, 1, 71, 2)
		require.NoError(t, b.p.Preflight(b.ctx, drivers.TaxOSN, rates))
		b.write(17, 1, 71, 1)
		b.write(6, 2, 1, 0x08, 0x07)
		b.write(5, 2, 1, 0)
		err := b.p.Preflight(b.ctx, drivers.TaxPatent, rates)
		var all []string
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			require.Equal(t, drivers.FailConfig, drivers.FailOf(e))
			all = append(all, drivers.HintOf(e).EN)
		}
		require.Len(t, all, 4)
		for i, want := range []string{"tax system", "table 5", "row 2 of the register's table 6 says 18%", "field 71"} {
			require.Contains(t, all[i], want)
		}
	})
}

func TestWideLines(t *testing.T) {
	long := "Сорок восемь знаков ровно умещаются в эту строку"
	require.Len(t, []rune(long), 48)
	for width, want := range map[int][]string{48: {long}, 42: {"Сорок восемь знаков ровно умещаются в эту", "строку"}} {
		morning(t, emulator.Options{Width: width}, nil, func(b *bench) {
			require.NoError(t, b.p.Slip(b.ctx, []string{long}, ""))
			require.Equal(t, want, b.text(), width)
		})
	}
	morning(t, emulator.Options{Width: 48, LineBytes: 40}, nil, func(b *bench) {
		require.NoError(t, b.p.Slip(b.ctx, []string{"первая", long}, ""), "firmware that takes 40 bytes all the same")
		require.Equal(t, []string{"первая", "Сорок восемь знаков ровно умещаются в", "эту строку"}, b.text())
	})
}

// text is what has been printed.
func (b *bench) text() []string {
	var out []string
	for _, l := range b.reg.Tape() {
		if l.Text != "" {
			out = append(out, l.Text)
		}
	}
	return out
}

func TestPositionsOfASmallModel(t *testing.T) {
	morning(t, emulator.Options{Positions: 100}, map[string]string{"positions": "100"}, func(b *bench) {
		_, err := b.p.OpenShift(b.ctx, drivers.Operator{Name: "И"})
		require.NoError(t, err)
		many := small()
		many.Total, many.Given = 0, 0
		line := many.Lines[0]
		for many.Lines = nil; len(many.Lines) < 100; many.Total += line.Part.Sum {
			many.Lines = append(many.Lines, line)
		}
		many.Tenders = []sale.Tender{{Kind: sale.TenderCash, Amount: many.Total}}
		_, err = b.p.Print(b.ctx, many)
		require.NoError(t, err)
		many.Lines, many.Total = append(many.Lines, line), many.Total+line.Part.Sum
		many.Tenders[0].Amount = many.Total
		_, err = b.p.Print(b.ctx, many)
		require.Equal(t, drivers.FailRefused, drivers.FailOf(err))
		require.Contains(t, err.Error(), "101 positions")
	})
}

// A document is read in pieces, and a piece that was given is not given again.
func TestKeyIsReadThoughAPieceIsLost(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		for skip := range 3 {
			morning(t, emulator.Options{}, map[string]string{"protocol": protocol, "sale-key": "on"}, func(b *bench) {
				_, err := b.p.OpenShift(b.ctx, drivers.Operator{Name: "И"})
				require.NoError(t, err)
				sold := small()
				sold.Key = "T1-77"
				sold.Lines[0].Name = strings.Repeat("Длинное имя ", 10) // so that the document has several pieces
				f, err := b.p.Print(b.ctx, sold)
				require.NoError(t, err)
				b.reg.Inject(emulator.Fault{Kind: emulator.ForgetAnswer, Command: frame.CmdFNDocumentTLV, Times: 1 + skip%2})
				docs, err := b.p.Documents(b.ctx, f.Key.FD-1, f.Key.FD)
				require.NoError(t, err)
				require.Equal(t, "T1-77", docs[0].Key)
			})
		}
	}
}

func TestProbe(t *testing.T) {
	for _, c := range []struct {
		name  string
		ready func(r *emulator.Register)
		want  drivers.Identity
	}{
		{"idle", func(*emulator.Register) {}, drivers.Identity{
			Model: "ШТРИХ-М-01Ф", Serial: "00000001", Firmware: "C.1 build 10000", INN: "7707083893", FN: "9999078900000001",
		}},
		{"a document is open", func(r *emulator.Register) {
			r.Execute([]byte{0xE0, 1, 0, 0, 0})
			r.Foreign()
		}, drivers.Identity{Model: "ШТРИХ-М-01Ф", Serial: "00000001", Firmware: "C.1 build 10000", INN: "7707083893", FN: "9999078900000001"}},
	} {
		morning(t, emulator.Options{INN: "7707083893"}, nil, func(b *bench) {
			c.ready(b.reg)
			before := b.reg.State()
			began := time.Now()
			id, err := shtrih.Probe(b.ctx, b.dial)
			require.NoError(t, err, c.name)
			require.Equal(t, c.want, id, c.name)
			require.Less(t, time.Since(began), 2*time.Second)
			require.Equal(t, before.Mode, b.reg.State().Mode, "nothing has changed")
		})
	}
}

// old1 lets only protocol 1.0 through, as an old register hears it.
type old1 struct{ net.Conn }

func (c old1) Write(p []byte) (int, error) {
	if len(p) > 0 && p[0] == frame.STX2 {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// A register of protocol 1.0 is found, and an answer that it holds for somebody stays with it.
func TestProbeOfProtocol1(t *testing.T) {
	morning(t, emulator.Options{}, map[string]string{"protocol": "1"}, func(b *bench) {
		dial := func(ctx context.Context) (port.Conn, error) {
			conn, err := b.dial(ctx)
			return old1{conn.(net.Conn)}, err
		}
		id, err := shtrih.Probe(b.ctx, dial)
		require.NoError(t, err)
		require.Equal(t, "ШТРИХ-М-01Ф", id.Model)

		b.reg.Inject(emulator.Fault{Kind: emulator.LoseAnswer, Command: frame.CmdOpenShift})
		ctx, cancel := context.WithTimeout(b.ctx, 4*time.Second)
		_, err = b.p.OpenShift(ctx, drivers.Operator{})
		cancel()
		require.Error(t, err, "the answer waits in the register")
		require.NoError(t, b.p.Close())
		id, err = shtrih.Probe(b.ctx, dial)
		require.NoError(t, err)
		require.Empty(t, id)
		id, err = shtrih.Probe(b.ctx, dial)
		require.NoError(t, err)
		require.Empty(t, id, "it was not taken away")
	})
}

// Something else at the other end is silent, or answers what no register would.
func TestProbeOfSomethingElse(t *testing.T) {
	for name, reply := range map[string]string{"silent": "", "echo": "echo", "ACK to everything": "\x06", "a printer's status": "\x12", "NAK to everything": "\x15"} {
		synctest.Test(t, func(t *testing.T) {
			dial := func(context.Context) (port.Conn, error) {
				near, far := net.Pipe()
				go func() {
					buf := make([]byte, 256)
					for {
						n, err := far.Read(buf)
						if err != nil {
							return
						}
						out := []byte(reply)
						if reply == "echo" {
							out = buf[:n]
						}
						if _, err := far.Write(out); err != nil && !errors.Is(err, net.ErrClosed) {
							return
						}
					}
				}()
				return near, nil
			}
			began := time.Now()
			_, err := shtrih.Probe(t.Context(), dial)
			require.Error(t, err, name)
			require.LessOrEqual(t, time.Since(began), 2*time.Second, name)
		})
	}
}
