package shtrih_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/shtrih"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/ledger/sale"
)

const bottle = "0104600494000010215AbCdEf\x1d93dGVz"

// check is FF61 for one piece that is sold (1) or comes back (3).
func check(status byte, raw string) []byte {
	return command("ff61", cashier, []byte{status, 0, byte(len(raw)), 0}, []byte(raw))
}

func accept(what byte) []byte { return command("ff69", cashier, []byte{what}) }

func bindTo(raw string) []byte { return command("ff67", cashier, []byte{byte(len(raw))}, []byte(raw)) }

func TestMarkedSale(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	refused(t, 0xA1, r, accept(1)) // nothing was checked
	require.Equal(t, []byte{3, 0, 5, 2, 0, 15}, run(t, r, check(1, bottle)))
	require.Equal(t, []byte{15}, run(t, r, accept(1)))
	require.Equal(t, byte(1), run(t, r, command("ff70", cashier))[3], "one code is kept")
	run(t, r, sell)
	refused(t, 0xA1, r, bindTo(bottle)) // no position yet
	run(t, r, milk)
	refused(t, 0xAC, r, bindTo(bottle+"x"))
	require.Equal(t, []byte{0x44, 0x4D, 0}, run(t, r, bindTo(bottle)))
	refused(t, 0xA1, r, bindTo(bottle)) // the position has its code
	run(t, r, payMilk)
	docs := r.Documents()
	require.Equal(t, bottle, docs[len(docs)-1].Lines[0].Mark)
	require.Equal(t, uint8(15), docs[len(docs)-1].Lines[0].Verdict)
	require.Equal(t, byte(7), run(t, r, check(1, bottle))[5], "sold: the marking system says no")
	run(t, r, accept(0))
	require.Equal(t, byte(15), run(t, r, check(3, bottle))[5], "it may come back")
	run(t, r, accept(2))
	require.Zero(t, r.Marks())
}

func TestMarkCheckWithoutTheMarkingSystem(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	r.SetOFD(false)
	require.Equal(t, []byte{3, 0, 5, 1, 0x11}, run(t, r, check(1, bottle)))
	refused(t, 0xAA, r, check(2, bottle)) // measured goods name their measure
	refused(t, 0x33, r, command("ff61", cashier, []byte{1, 0, 9, 0}, []byte(bottle)))
	r.SetPower(false)
	r.SetPower(true)
	refused(t, 0xA1, r, accept(1)) // the table does not outlive the power
}

func tlv(tag, size uint16, value []byte) []byte {
	return join(le(uint64(tag), 2), le(uint64(size), 2), value)
}

func TestCorrectionWithPositions(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	refused(t, 0x37, r, command("ff35", sysadmin)) // that is FFD 1.05
	run(t, r, command("8d", cashier, []byte{0x80}))
	require.Equal(t, byte(0x14), run(t, r, fnStatus)[1], "the storage makes a correction")
	run(t, r, milk)
	refused(t, 0xAA, r, payMilk) // nobody said why
	day := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	basis := join(tlv(1178, 4, le(uint64(day.Unix()), 4)), tlv(1179, 2, []byte("42")))
	run(t, r, command("ff0c", cashier, tlv(1173, 1, []byte{1})))
	run(t, r, command("ff0c", cashier, tlv(1174, uint16(len(basis)), basis)))
	run(t, r, payMilk)
	docs := r.Documents()
	d := docs[len(docs)-1]
	require.Equal(t, storage.DocCorrection, d.Type)
	require.Equal(t, &storage.Basis{Prescribed: true, Day: day, Number: "42"}, d.Basis)
	require.Equal(t, sale.Money(8990), d.Sum)
	found := run(t, r, command("ff0a", sysadmin, le(uint64(d.FD), 4)))
	require.Equal(t, byte(31), found[0])
	require.Equal(t, join([]byte{1}, le(8990, 5)), found[15:], "operation and sum, as for a receipt")
	require.Equal(t, sale.Money(8990), sale.Money(r.State().Drawer))
}

func TestCorrectionBySums(t *testing.T) {
	r := build(t, shtrih.Options{FFD: "1.05"})
	run(t, r, openShift)
	refused(t, 0x33, r, command("8d", cashier, []byte{0x80}))
	refused(t, 0x37, r, check(1, bottle))
	sums := join(le(8990, 5), le(8990, 5), make([]byte, 20), make([]byte, 30))
	fix := command("ff4a", sysadmin, []byte{0, 1}, sums, []byte{1})
	refused(t, 0x02, r, fix) // not begun
	run(t, r, command("ff35", sysadmin))
	refused(t, 0xAA, r, fix)
	basis := tlv(1178, 4, le(1_770_076_800, 4))
	run(t, r, command("ff0c", cashier, tlv(1174, uint16(len(basis)), basis)))
	out := run(t, r, fix)
	require.Len(t, out, 10, "receipt, document, sign")
	docs := r.Documents()
	require.Equal(t, docs[len(docs)-1].FD, binary.LittleEndian.Uint32(out[2:]))
	require.Equal(t, docs[len(docs)-1].Sign, binary.LittleEndian.Uint32(out[6:]))
	refused(t, 0x02, r, fix)
}

func TestDocumentInPieces(t *testing.T) {
	r := build(t, shtrih.Options{})
	run(t, r, openShift)
	run(t, r, sell)
	for range 5 {
		run(t, r, milk)
	}
	run(t, r, closing(map[int]uint64{1: 50000}, 0))
	fd := r.State().LastFD
	refused(t, 0x08, r, command("ff3b", sysadmin))
	refused(t, 0x4F, r, command("ff3a", cashier, le(uint64(fd), 4)))
	head := run(t, r, command("ff3a", sysadmin, le(uint64(fd), 4)))
	require.Equal(t, uint16(3), binary.LittleEndian.Uint16(head))
	var doc []byte
	for len(doc) < int(binary.LittleEndian.Uint16(head[2:])) {
		doc = append(doc, run(t, r, command("ff3b", sysadmin))...)
	}
	docs := r.Documents()
	require.Equal(t, docs[len(docs)-1].TLV(), doc)
	refused(t, 0x08, r, command("ff3b", sysadmin))
}

func TestNotPrinted(t *testing.T) {
	quiet := command("1e", sysadmin, []byte{17, 1, 0, 7, 1})
	refused(t, 0x5D, build(t, shtrih.Options{}), quiet)
	r := build(t, shtrih.Options{Silent: true})
	run(t, r, openShift)
	for _, end := range [][]byte{payMilk, cancel} {
		before := len(r.Tape())
		run(t, r, quiet)
		run(t, r, sell)
		run(t, r, milk)
		run(t, r, end)
		require.Len(t, r.Tape(), before)
		run(t, r, sell)
		require.Greater(t, len(r.Tape()), before, "only one document")
		run(t, r, cancel)
	}
}

func TestAnotherCashiersDocument(t *testing.T) {
	r := build(t, shtrih.Options{Ill: shtrih.Ill{ShiftAge: time.Hour, Document: true}})
	refused(t, 0x59, r, milk)
	refused(t, 0x59, r, cancel)
	run(t, r, command("88", sysadmin))
	run(t, r, sell)
}

func TestIll(t *testing.T) {
	r := build(t, shtrih.Options{Ill: shtrih.Ill{Unregistered: true}})
	require.Equal(t, byte(1), run(t, r, fnStatus)[0])
	refused(t, 0x02, r, openShift)
	refused(t, 0x8F, r, sell)
	r = build(t, shtrih.Options{Ill: shtrih.Ill{ShiftAge: 25 * time.Hour}})
	require.Equal(t, byte(3), run(t, r, status)[3]&0x0F)
	refused(t, 0x37, build(t, shtrih.Options{Ill: shtrih.Ill{Unknown: true}}), []byte{0xF7, 1})
	r = build(t, shtrih.Options{Ill: shtrih.Ill{Expired: true}})
	refused(t, 0x05, r, openShift)
	r = build(t, shtrih.Options{ClockOff: 48 * time.Hour})
	require.WithinDuration(t, time.Now().Add(48*time.Hour), r.State().Clock, 15*time.Hour, "wall clocks know no zone")
}
