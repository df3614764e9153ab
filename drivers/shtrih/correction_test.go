package shtrih_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	emulator "github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/shtrih/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

var settled = time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)

// corrected is small as a correction.
func corrected() drivers.Correction {
	r := small()
	r.Contact, r.Given = "", 0
	return drivers.Correction{Receipt: r, Day: settled, Number: "7-а", Prescribed: true}
}

// By FFD 1.05 a correction has sums, and the taxes are the till's to reckon.
func TestCorrectionByFFD105(t *testing.T) {
	old := emulator.Options{FFD: "1.05", Now: in2026.Now}
	for _, protocol := range []string{"1", "2"} {
		bubbleOf(t, old, protocol, func(b *bench) {
			want := corrected()
			f, err := b.p.Correct(b.ctx, want)
			require.NoError(t, err)
			docs := b.reg.Documents()
			got := docs[len(docs)-1]
			require.Equal(t, storage.DocCorrection, got.Type)
			require.Equal(t, &storage.Basis{Prescribed: true, Day: settled, Number: "7-а"}, got.Basis)
			require.Equal(t, got.Fiscal(b.reg.State().FN, f.Register), f)
			require.Equal(t, []storage.Payment{{Tender: sale.TenderCash, Name: "НАЛИЧНЫМИ", Sum: 5490}}, got.Payments)

			want.Receipt.Doc = sale.DocSaleReturn
			_, err = b.p.Correct(b.ctx, want)
			require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
			require.True(t, drivers.NotDone(err))
			require.Contains(t, drivers.HintOf(err).RU, "возврат")
			want.Receipt.Doc, want.Receipt.Lines[0].VAT = sale.DocSale, sale.VAT22
			_, err = b.p.Correct(b.ctx, want)
			require.Equal(t, drivers.FailConfig, drivers.FailOf(err), "the format has no field for the rate")
			require.Len(t, b.reg.Documents(), len(docs))
		})
	}
}

func TestLostAnswerOfACorrectionByFFD105(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		for _, kind := range []emulator.FaultKind{emulator.LoseAnswer, emulator.ForgetAnswer, emulator.PowerBeforeWrite, emulator.PowerAfterWrite} {
			bubbleOf(t, emulator.Options{FFD: "1.05"}, protocol, func(b *bench) {
				before, err := b.p.Snapshot(b.ctx)
				require.NoError(t, err)
				b.reg.Inject(emulator.Fault{Kind: kind, Command: frame.CmdCorrection2})
				f, err := b.p.Correct(b.ctx, corrected())
				require.Len(t, b.reg.Fired(), 1)
				require.False(t, drivers.NotDone(err), "%s: %v", kind, err)
				b.reg.SetPower(true)
				now, errNow := b.p.Snapshot(b.ctx)
				require.NoError(t, errNow)
				docs, errDocs := b.p.Documents(b.ctx, before.LastFD, now.LastFD)
				require.NoError(t, errDocs)
				if kind == emulator.PowerBeforeWrite {
					require.Empty(t, docs)
					return
				}
				require.Len(t, docs, 1)
				require.Equal(t, sale.DocSaleCorrection, docs[0].Fiscal.Doc)
				if err == nil {
					require.Equal(t, docs[0].Fiscal.Key, f.Key)
				}
			})
		}
	}
}

// TestCutCorrections cuts the link after every byte of a correction that goes to the device, by silence, and holds the
// outcome against the storage.
func TestCutCorrections(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		total, seen := 0, map[string]int{}
		bubble(t, protocol, func(b *bench) {
			had := b.cut.Passed[0]
			_, err := b.p.Correct(b.ctx, corrected())
			require.NoError(t, err)
			total = b.cut.Passed[0] - had
		})
		step := 1
		if testing.Short() {
			step = 7
		}
		for n := 0; n < total; n += step {
			bubble(t, protocol, func(b *bench) {
				before, err := b.p.Snapshot(b.ctx)
				require.NoError(t, err)
				b.cut.Out, b.cut.Left, b.cut.Silent = true, n, true
				_, err = b.p.Correct(b.ctx, corrected())
				require.NoError(t, b.p.Cancel(b.ctx))
				now, errNow := b.p.Snapshot(b.ctx)
				require.NoError(t, errNow)
				made := int(now.LastFD - before.LastFD)
				switch {
				case err == nil:
					require.Equal(t, 1, made, n)
				case drivers.NotDone(err):
					require.Zero(t, made, "%d: %v", n, err)
				}
				seen[fmt.Sprint(err == nil, " made ", made)]++
			})
		}
		t.Logf("protocol %s: %d bytes: %v", protocol, total, seen)
		require.Positive(t, seen["true made 1"])
		require.Positive(t, seen["false made 0"])
	}
}
