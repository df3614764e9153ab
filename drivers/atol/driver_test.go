package atol_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/drivers/atol"
	"github.com/kopilka/kopilka/drivers/atol/task"
	emulator "github.com/kopilka/kopilka/drivers/emulator/atol"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestSettings(t *testing.T) {
	_, err := atol.New("front", nil, map[string]string{"user": "till", "password": "secret", "poll": "50ms", "queue-wait": "2m", "sale-key": "on", "department": "3"})
	require.NoError(t, err)
	_, err = atol.New("front", nil, map[string]string{
		"colour": "red", "user": "a:b", "password": strings.Repeat("secret", 40), "poll": "1h", "queue-wait": "x", "sale-key": "maybe", "department": "0",
	})
	for _, want := range []string{
		"colour: unknown setting, known are department, password, poll, queue-wait, sale-key, user", "user: a colon", "password: at most 128 bytes",
		"poll: want a duration from 20ms to 2s", "queue-wait: want a duration from 10s to 10m0s", "sale-key: want on or off", "department: want a number from 1 to 16",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "secret")
	_, err = atol.New("front", nil, map[string]string{"password": "secret"})
	require.ErrorContains(t, err, "without user")
	for key := range atol.Settings {
		_, err := atol.New("front", nil, map[string]string{key: "\x00"})
		if err != nil {
			require.NotContains(t, err.Error(), "unknown setting", key)
		}
	}
}

// TestRequestKeys: the key of a request comes from the randomness that the driver was given, is a UUID, and is
// never used twice.
func TestRequestKeys(t *testing.T) {
	bubble(t, emulator.Options{}, func(b *bench) {
		b.sent = nil
		_, err := b.p.Print(b.ctx, small())
		require.NoError(t, err)
		keys := map[string]bool{}
		for _, s := range b.sent {
			_, after, posted := strings.Cut(s, `{"uuid":"`)
			if !posted {
				continue
			}
			key, _, _ := strings.Cut(after, `"`)
			require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, key)
			require.False(t, keys[key])
			keys[key] = true
		}
		require.Len(t, keys, 2, "one look at the register, one receipt")
	})
}

func TestPreflight(t *testing.T) {
	bubble(t, emulator.Options{Taxes: []string{"usnIncome", "patent"}}, func(b *bench) {
		require.NoError(t, b.p.Preflight(b.ctx, drivers.TaxUSNIncome, []sale.VAT{sale.VATNone}))
		err := b.p.Preflight(b.ctx, drivers.TaxOSN, []sale.VAT{sale.VAT22, 77})
		require.ErrorContains(t, err, "usnIncome, patent")
		require.ErrorContains(t, err, "VAT rate 77")
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		_, err = b.p.Print(b.ctx, small())
		require.True(t, drivers.NotDone(err))
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err), "and the register says so, too")
	})
}

// TestFFD105: a register of the older format sells, without units, and checks no codes.
func TestFFD105(t *testing.T) {
	bubble(t, emulator.Options{FFD: "1.05"}, func(b *bench) {
		r := small()
		r.Lines[0].Unit = sale.UnitKilogram
		_, err := b.p.Print(b.ctx, r)
		require.NoError(t, err)
		require.NoError(t, b.p.Cancel(b.ctx))
		_, err = b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: "0104600494000010215AbCdEf\x1d93dGVz"})
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		require.Contains(t, drivers.HintOf(err).EN, "FFD 1.2")
		life, err := b.p.Storage(b.ctx)
		require.NoError(t, err)
		require.Equal(t, "1.05", life.FFD)
	})
}

// TestCheckLeftBehind: a till that was stopped between begin and accept blocks nobody.
func TestCheckLeftBehind(t *testing.T) {
	const code = "0104600494000010215AbCdEf\x1d93dGVz"
	bubble(t, emulator.Options{}, func(b *bench) {
		b.reg.Inject(emulator.Fault{Kind: emulator.RestartAfter, Tasks: []task.Type{task.BeginMark}})
		_, err := b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: code})
		require.Error(t, err)
		require.Equal(t, 1, b.reg.Marks())
		b.p = b.driver(2)
		v, err := b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: code})
		require.NoError(t, err)
		require.False(t, v.Refused())
	})
}

func TestEveryCodeHelps(t *testing.T) {
	for code := range 500 {
		fail, hint, known := atol.FaultOf(code)
		if !known {
			continue
		}
		require.NotEmpty(t, fail, code)
		require.NotEmpty(t, hint.EN, code)
		require.Regexp(t, `[А-Яа-я]`, hint.RU, code)
		require.Regexp(t, `[.]$`, hint.RU, code)
		require.Regexp(t, `[.]$`, hint.EN, code)
	}
	for _, code := range []int{2, 44, 45, 68, 73, 80, 82, 83, 120, 137, 139, 141, 142, 143, 144, 401, 409, 420} {
		_, _, known := atol.FaultOf(code)
		require.True(t, known, "a cashier can meet %d", code)
	}
}

func TestProbe(t *testing.T) {
	reg, err := emulator.New(emulator.Options{Serial: 42})
	require.NoError(t, err)
	dial := onTCP(t, reg)
	id, err := atol.Probe(t.Context(), dial)
	require.NoError(t, err)
	require.Equal(t, "АТОЛ 27Ф", id.Model)
	require.Equal(t, "00000000000042", id.Serial)
	require.Empty(t, reg.Tape())

	guarded, err := emulator.New(emulator.Options{User: "till", Password: "secret"})
	require.NoError(t, err)
	_, err = atol.Probe(t.Context(), onTCP(t, guarded))
	require.Equal(t, drivers.FailPassword, drivers.FailOf(err))
}

// serial is a line without an address, and so a serial port as far as anybody can tell.
type serial struct{ net.Conn }

func (serial) RemoteAddr() {}

// TestProbeIsHarmless: a printer on a serial line would print what is text; one that is not ours is left in time.
func TestProbeIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		_, err := atol.Probe(t.Context(), func(context.Context) (port.Conn, error) { return serial{near}, nil })
		require.ErrorIs(t, err, atol.ErrProbe)
		got, err := io.ReadAll(far)
		require.NoError(t, err)
		require.Empty(t, got, "not a byte was sent")
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ends := make(chan net.Conn, 8)
		_, err := atol.Probe(t.Context(), func(context.Context) (port.Conn, error) {
			near, far := net.Pipe()
			ends <- far
			go func() { _, _ = io.Copy(io.Discard, far) }() // a device that hears all and says nothing
			return near, nil
		})
		require.ErrorIs(t, err, atol.ErrProbe)
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
		close(ends)
		for far := range ends {
			require.NoError(t, far.Close())
		}
	})
}

// TestForeignServer: another program holds the port and speaks HTTP.
func TestForeignServer(t *testing.T) {
	for answer, want := range map[string]drivers.Fail{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n":                           drivers.FailConfig,
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>": drivers.FailProtocol,
		"220 mail.example.ru ESMTP\r\n":                                                 drivers.FailLink,
	} {
		synctest.Test(t, func(t *testing.T) {
			p, err := atol.New("front", func(context.Context) (port.Conn, error) {
				near, far := net.Pipe()
				go func() {
					buf := make([]byte, 4096)
					for {
						if _, err := far.Read(buf); err != nil {
							return
						}
						if _, err := io.WriteString(far, answer); err != nil {
							return
						}
					}
				}()
				return near, nil
			}, nil)
			require.NoError(t, err)
			_, err = p.Print(t.Context(), small())
			require.Equal(t, want, drivers.FailOf(err), "%v", err)
			require.True(t, drivers.NotDone(err), "%v", err)
			require.NotEmpty(t, drivers.HintOf(err).RU)
			require.NoError(t, p.Close())
		})
	}
}
