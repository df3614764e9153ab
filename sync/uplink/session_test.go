package uplink_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/linktest"
	"github.com/kopilka/kopilka/sync/uplink"
	"github.com/kopilka/kopilka/sync/wire"
)

// An idle connection is kept alive by pings; a pulled cable is noticed; a thousand minutes cost a moment.
func TestThousandMinutes(t *testing.T) {
	began := time.Now()
	inWorld(t, 30, func(w *world) {
		w.start()
		w.until("online", func() bool { return w.uplink.State().Online })
		w.pass(500 * time.Minute)
		require.True(t, w.uplink.State().Online)
		require.Len(t, w.office.hellos, 1, "one connection all the while")

		w.net.Cut("till", "office")
		cut := time.Now()
		w.until("noticed", func() bool { return !w.uplink.State().Online })
		require.LessOrEqual(t, time.Since(cut), 80*time.Second, "two lost pings")
		w.sell(5)
		w.pass(500 * time.Minute)
		require.Equal(t, uplink.CodeNetwork, w.uplink.State().Code)
		require.EqualValues(t, 5, w.uplink.State().Unsent, "sales while offline are counted")
		dials := w.net.Dials()
		require.Greater(t, dials, 100)
		require.Less(t, dials, 500, "500 minutes at a mean of 2.5, and up to 20 s a dial")

		w.net.Restore("till", "office")
		w.until("arrived", w.arrived)
		w.requireSame()
	})
	if time.Since(began) > 20*time.Second { // a second here; a loaded machine may take longer
		t.Errorf("1000 virtual minutes took %s", time.Since(began))
	}
}

// The till speaks to nobody but the head office whose root it has pinned.
func TestUntrustedHeadOffice(t *testing.T) {
	for name, c := range map[string]struct {
		keys func(k *keys)
		liar func(w *wire.Welcome)
	}{
		"under a foreign root": {keys: func(k *keys) {
			foreign := newKeys(t, 50)
			k.online, k.onlineCert = foreign.online, foreign.onlineCert
		}},
		"with a key of another role":     {keys: func(k *keys) { k.online, k.onlineCert = k.programme, k.programmeCert }},
		"with another key's certificate": {keys: func(k *keys) { k.online = newKey(77) }},
		"whose welcome was changed":      {liar: func(w *wire.Welcome) { w.Have = sale.Position{Epoch: 9, Seq: 9} }},
		"whose clock was changed":        {liar: func(w *wire.Welcome) { w.Now += 1000 }},
		"that repeats an old welcome": {liar: func(w *wire.Welcome) {
			w.Signature = ed25519.Sign(newKey(2), wire.WelcomeBytes(make([]byte, wire.NonceBytes), w))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 31, func(w *world) {
				id := w.identity()
				if c.keys != nil {
					c.keys(w.office.keys)
				}
				w.office.liar = c.liar
				w.sell(2)
				w.startAs(id)
				w.until("refused", func() bool { return w.uplink.State().Code == uplink.CodeTrust })
				w.pass(time.Hour)
				require.Zero(t, w.office.batches, "not one record to a stranger")
				require.Empty(t, w.trusted, "nor is its clock believed")
				require.EqualValues(t, 1, w.ledger.Head().Epoch, "nor its word on our journal")
				require.Equal(t, uplink.CodeTrust, w.uplink.State().Code)
			})
		})
	}
}

func TestByes(t *testing.T) {
	for _, c := range []struct {
		bye  wire.ByeCode
		code uplink.Code
		word string
	}{
		{wire.ByeBusy, uplink.CodeBusy, "занят"},
		{wire.ByeVersion, uplink.CodeVersion, "обновить"},
		{wire.ByeUnknown, uplink.CodeUnknown, "не знает"},
		{wire.ByeSignature, uplink.CodeUnknown, "не знает"},
		{wire.ByeOrder, uplink.CodeJournal, "не сходится"},
		{wire.ByeFork, uplink.CodeJournal, "не сходится"},
		{wire.ByeMessage, uplink.CodeProtocol, "непонятно"},
		{wire.ByeReplaced, uplink.CodeReplaced, "другой компьютер"},
		{wire.ByeShutdown, uplink.CodeBusy, "занят"},
		{wire.ByeInternal, uplink.CodeBusy, "занят"},
		{"new", uplink.CodeProtocol, "непонятно"},
	} {
		t.Run(string(c.bye), func(t *testing.T) {
			inWorld(t, 32, func(w *world) {
				w.office.extra = []any{&wire.Bye{Code: c.bye, Text: "so it is"}}
				w.sell(1)
				w.start()
				w.until("the code", func() bool { return !w.uplink.State().Online && w.uplink.State().Code == c.code })
				require.Contains(t, w.uplink.State().Text.RU, c.word)
				require.NotEmpty(t, w.uplink.State().Text.EN)
				w.office.mu.Lock()
				w.office.extra = nil
				w.office.mu.Unlock()
				w.until("arrived", w.arrived)
				require.Equal(t, uplink.CodeNone, w.uplink.State().Code)
			})
		})
	}
}

// Retry-after, by HTTP and by bye, is honoured.
func TestRetryAfter(t *testing.T) {
	inWorld(t, 33, func(w *world) {
		w.office.busy = 1
		began := time.Now()
		w.start()
		w.until("turned away", func() bool { return w.uplink.State().Code == uplink.CodeBusy })
		w.office.mu.Lock()
		w.office.extra = []any{&wire.Bye{Code: wire.ByeBusy, RetryAfter: 90_000}}
		w.office.mu.Unlock()
		w.until("welcomed", func() bool { return len(w.office.hellos) == 1 })
		require.GreaterOrEqual(t, time.Since(began), 120*time.Second)
		require.Less(t, time.Since(began), 130*time.Second)
		w.office.mu.Lock()
		w.office.extra = nil
		w.office.mu.Unlock()
		began = time.Now()
		w.until("welcomed", func() bool { return len(w.office.hellos) == 2 })
		require.GreaterOrEqual(t, time.Since(began), 89*time.Second)
		require.Less(t, time.Since(began), 110*time.Second)
	})
}

func TestAskAndStatus(t *testing.T) {
	inWorld(t, 34, func(w *world) {
		o := w.office
		w.start()
		require.False(t, w.uplink.Ask(1), "offline there is nobody to ask")
		w.uplink.SendStatus(wire.Status{Unsent: 1})
		w.uplink.SendStatus(wire.Status{Unsent: 2})
		w.until("online", func() bool { return w.uplink.State().Online })
		require.True(t, w.uplink.Ask(5, 6, 6, 7, 5)) // at once: between two calls the session may send
		w.pass(time.Second)
		require.Equal(t, [][]sale.CustomerNo{{5, 6, 7}}, o.asks, "repeated wishes are one")
		require.Equal(t, []wire.Status{{Unsent: 2}}, o.statuses, "the latest alone")

		many := make([]sale.CustomerNo, 200)
		for i := range many {
			many[i] = sale.CustomerNo(i)
		}
		require.True(t, w.uplink.Ask(many...))
		w.pass(time.Second)
		require.Len(t, o.asks, 5, "bounded")
		require.Equal(t, sale.CustomerNo(199), o.asks[4][15], "the newest stay")

		w.net.Cut("till", "office")
		w.until("offline", func() bool { return !w.uplink.State().Online })
		require.False(t, w.uplink.Ask(8))
		w.uplink.SendStatus(wire.Status{Unsent: 3})
		w.net.Restore("till", "office")
		w.until("told", func() bool { return len(o.statuses) > 1 && o.statuses[len(o.statuses)-1].Unsent == 3 })
		require.Len(t, o.asks, 5, "a wish made offline was told so, and is not kept")
	})
}

// A week without a network must not fill the log.
func TestFailuresAreLoggedSparingly(t *testing.T) {
	inWorld(t, 35, func(w *world) {
		var log bytes.Buffer
		w.net.Set("till", "office", linktest.Link{Refuse: 1})
		u, err := uplink.New(uplink.Options{
			Identity: w.identity(), Ledger: w.ledger, Cache: w.cache, Dial: w.net.Host("till").Dial, Random: ledgertest.Random(1),
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Hour)
		defer cancel()
		require.NoError(t, u.Run(ctx))
		lines := strings.Count(log.String(), "\n")
		require.LessOrEqual(t, lines, 61, "one in ten minutes")
		require.Greater(t, lines, 30)
		require.Contains(t, log.String(), "not_logged=")
		require.Contains(t, log.String(), "problem=network")
	})
}

// Run ends at once whatever it waits for, and leaves nothing behind (the bubble would panic).
func TestRunEndsAtOnce(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"online":    func(*world) {},
		"dialling":  func(w *world) { w.net.Cut("till", "office") },
		"waiting":   func(w *world) { w.net.Set("till", "office", linktest.Link{Refuse: 1}) },
		"slow line": func(w *world) { w.net.SetAll(linktest.Link{Bytes: 50}) },
		"filling": func(w *world) {
			w.office.refill = true
			w.office.snapshot(5, 1000, 100)
			w.net.SetAll(linktest.Link{Bytes: 500})
		},
		"dead after online": func(w *world) { w.start(); w.pass(time.Minute); w.halt(); w.net.Cut("till", "office") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 36, func(w *world) {
				w.sell(30)
				spoil(w)
				w.start()
				w.pass(7 * time.Second)
				began := time.Now()
				w.halt()
				require.LessOrEqual(t, time.Since(began), 2*time.Second)
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	inWorld(t, 37, func(w *world) {
		good := uplink.Options{Identity: w.identity(), Ledger: w.ledger, Cache: w.cache}
		for name, spoil := range map[string]func(o *uplink.Options){
			"no ledger":       func(o *uplink.Options) { o.Ledger = nil },
			"no cache":        func(o *uplink.Options) { o.Cache = "" },
			"not enrolled":    func(o *uplink.Options) { o.Identity = uplink.Identity{} },
			"another key":     func(o *uplink.Options) { o.Identity.Key = newKey(9) },
			"another till":    func(o *uplink.Options) { o.Identity.Till = 8 },
			"an odd address":  func(o *uplink.Options) { o.Identity.URL = "ftp://office" },
			"another's certs": func(o *uplink.Options) { o.Identity.Cert = w.office.keys.onlineCert },
		} {
			o := good
			spoil(&o)
			_, err := uplink.New(o)
			require.Error(t, err, name)
		}
		_, err := uplink.New(good)
		require.NoError(t, err)
	})
}
