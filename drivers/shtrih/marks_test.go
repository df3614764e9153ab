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

const bottle = "0104600494000010215AbCdEf\x1d93dGVz"

// water is small with a marking code.
func water() drivers.Receipt {
	r := small()
	r.Lines[0].Subject = sale.SubjectMarkedGoods
	r.Lines[0].Mark = &drivers.Mark{Raw: bottle, Permit: &drivers.Permit{Request: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", At: 1}}
	return r
}

// After every byte that is lost on the way to the device the storage's table is empty once the till has
// cancelled, and the piece can be sold.
func TestCutMarkedReceipts(t *testing.T) {
	for _, protocol := range []string{"1", "2"} {
		total, seen := 0, map[string]int{}
		bubble(t, protocol, func(b *bench) {
			had := b.cut.Passed[0]
			_, err := b.p.Print(b.ctx, water())
			require.NoError(t, err)
			total = b.cut.Passed[0] - had
		})
		step := 2 // neighbours in one field end alike; the suite over all worlds cuts at each
		if testing.Short() {
			step = 13
		}
		for n := 0; n < total; n += step {
			bubble(t, protocol, func(b *bench) {
				before, err := b.p.Snapshot(b.ctx)
				require.NoError(t, err)
				b.cut.Out, b.cut.Left = true, n
				f, err := b.p.Print(b.ctx, water())
				outcome := b.judge(before, 0, f, err, fmt.Sprint("cut after byte ", n))
				seen[outcome]++
				require.NoError(t, b.p.Cancel(b.ctx))
				require.Zero(t, b.reg.Marks(), "cut after byte %d", n)
				again := water()
				if b.receipts() == 1 {
					again.Doc = sale.DocSaleReturn
					again.Given = 0
				}
				_, err = b.p.Print(b.ctx, again)
				require.NoError(t, err)
			})
		}
		t.Logf("protocol %s: %d bytes: %v", protocol, total, seen)
		require.Positive(t, seen["not done"])
	}
}

// Codes checked by a program that died are not this receipt's.
func TestCodesOfAnEarlierProgramAreDropped(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		other := "0104600494000010215Zz9-q7\x1d93Rk8x"
		_, err := b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: other})
		require.NoError(t, err)
		require.Equal(t, 1, b.reg.Marks())
		require.NoError(t, b.p.Close()) // the program ends; the register knows nothing of that
		_, err = b.p.Print(b.ctx, water())
		require.NoError(t, err)
		require.Zero(t, b.reg.Marks())
	})
}

// A code that was good when it was scanned and is recalled before the receipt is not sold.
func TestCodeRecalledMeanwhile(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		for _, want := range []bool{false, true} {
			verdict, err := b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: bottle})
			require.NoError(t, err)
			require.Equal(t, want, verdict.Refused())
			b.reg.BanMark(bottle)
		}
		_, err := b.p.Print(b.ctx, water())
		require.Equal(t, drivers.FailMark, drivers.FailOf(err))
		require.True(t, drivers.NotDone(err))
		require.Zero(t, b.receipts())
	})
}

func TestMeasuredMarkedGoods(t *testing.T) {
	bubble(t, "2", func(b *bench) {
		sold := water()
		sold.Lines[0].Unit = sale.UnitKilogram
		_, err := b.p.Print(b.ctx, sold)
		require.NoError(t, err)
		docs := b.reg.Documents()
		require.Equal(t, bottle, docs[len(docs)-1].Lines[0].Mark)
		require.Equal(t, uint8(15), docs[len(docs)-1].Lines[0].Verdict)
	})
}

// A code whose check was answered and then lost is known to nobody: the receipt is not made.
func TestLostAnswerOfACheck(t *testing.T) {
	for _, cmd := range []frame.Cmd{frame.CmdMarkCheck, frame.CmdMarkAccept, frame.CmdMarkBind} {
		bubble(t, "2", func(b *bench) {
			_, err := b.p.Print(b.ctx, small()) // so that the table's clearing is not what is lost
			require.NoError(t, err)
			require.NoError(t, b.p.DropMarks(b.ctx))
			b.reg.Inject(emulator.Fault{Kind: emulator.ForgetAnswer, Command: cmd})
			_, err = b.p.Print(b.ctx, water())
			require.True(t, drivers.NotDone(err), "%s: %v", cmd, err)
			require.NoError(t, b.p.Cancel(b.ctx))
			require.Zero(t, b.reg.Marks())
			_, err = b.p.Print(b.ctx, water())
			require.NoError(t, err)
		})
	}
}

// FFD 1.05 knows no check: the cashier is told, nothing is opened.
func TestMarkedGoodsByFFD105(t *testing.T) {
	bubbleOf(t, emulator.Options{FFD: "1.05"}, "1", func(b *bench) {
		_, err := b.p.Print(b.ctx, water())
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		require.True(t, drivers.NotDone(err))
		require.NotContains(t, err.Error(), bottle)
		require.Contains(t, drivers.HintOf(err).EN, "cannot sell marked goods")
		_, err = b.p.CheckMark(b.ctx, drivers.MarkQuery{Raw: bottle})
		require.Equal(t, drivers.FailConfig, drivers.FailOf(err))
		require.Contains(t, drivers.HintOf(err).RU, "ФФД 1.05")
		_, err = b.p.Print(b.ctx, small())
		require.NoError(t, err)
	})
}

func TestExtraRequisite(t *testing.T) {
	bubble(t, "1", func(b *bench) {
		right := small()
		right.Extra = "3522207165"
		_, err := b.p.Print(b.ctx, right)
		require.NoError(t, err)
		docs := b.reg.Documents()
		require.Contains(t, docs[len(docs)-1].Tags, storage.Tag{Tag: 1192, Value: []byte("3522207165")})
		right.Extra = "35222071653522207"
		_, err = b.p.Print(b.ctx, right)
		require.Equal(t, drivers.FailRefused, drivers.FailOf(err))
	})
}

// TestFaultsInMarkCommands lets each fault of the line strike each command about codes.
func TestFaultsInMarkCommands(t *testing.T) {
	kinds := []emulator.FaultKind{
		emulator.DropByte, emulator.RepeatByte, emulator.CorruptByte, emulator.DelayByte, emulator.LoseAnswer, emulator.ForgetAnswer,
		emulator.LateAnswer, emulator.SlowAnswer, emulator.NAKStorm, emulator.NoiseFF, emulator.Busy, emulator.PowerAfterAnswer,
	}
	for _, protocol := range []string{"1", "2"} {
		seen := map[string]int{}
		for _, kind := range kinds {
			for _, cmd := range []frame.Cmd{frame.CmdMarkCheck, frame.CmdMarkAccept, frame.CmdMarkBind} {
				for _, dir := range []emulator.Direction{emulator.ToDevice, emulator.ToHost} {
					for n := range 4 {
						bubble(t, protocol, func(b *bench) {
							f := emulator.Fault{Kind: kind, Command: cmd, Dir: dir, N: n, For: 7 * time.Second}
							seen[b.strikeMarked(f)]++
						})
					}
				}
			}
		}
		t.Logf("protocol %s: %v", protocol, seen)
		require.Positive(t, seen["done"])
		require.Positive(t, seen["not done"])
	}
}

// strikeMarked is strike for a marked receipt.
func (b *bench) strikeMarked(fault emulator.Fault) string {
	before, err := b.p.Snapshot(b.ctx)
	require.NoError(b.t, err)
	b.reg.Inject(fault)
	f, err := b.p.Print(b.ctx, water())
	b.reg.Disarm("")
	b.mended = true
	b.reg.SetPower(true)
	<-time.After(time.Minute) // whatever is on its way arrives
	outcome := b.judge(before, 0, f, err, fault.String())
	require.NoError(b.t, b.p.Resume(b.ctx), fault.String())
	require.NoError(b.t, b.p.Cancel(b.ctx), fault.String())
	require.Zero(b.t, b.reg.Marks(), fault.String())
	return outcome
}
