package pirit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers/emulator/pirit"
	"github.com/kopilka/kopilka/drivers/emulator/storage"
	"github.com/kopilka/kopilka/drivers/pirit/frame"
	"github.com/kopilka/kopilka/ledger/sale"
)

func TestLink(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.write("\x02PIRI\x2000\x1c\x033D") // the vendor's sample asks for flags
		require.Equal(t, sealed("\x2000000"+fs+"1"+fs+"0"+fs), h.read(1), "work has not begun")
		h.write("\x05")
		require.Equal(t, "\x06", h.read(1))
		h.write("\x02PIRI\x2000\x1c\x033E")
		require.Equal(t, sealed("\x200007"), h.read(1), "a wrong checksum")
		h.write("\x02PIRI\x2100")
		<-time.After(250 * time.Millisecond)
		require.Equal(t, sealed("\x210005"), h.read(1), "200 ms of silence inside a frame")
		h.write(sealed("XXXX\x2200" + fs))
		require.Equal(t, sealed("\x220006"), h.read(1), "a wrong password")
		h.write(sealed("PIRI\x23zz" + fs))
		require.Equal(t, sealed("\x230003"), h.read(1), "a command that is no number")
		h.refused("02", "99")
		h.write("\x0A")
		require.Empty(t, h.read(1))
		require.Len(t, h.reg.Tape(), 1, "LF feeds a line")
	})
}

func TestWorkBegins(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.refused("01", "23", "A")
		require.Equal(t, []string{"1", "1"}, h.ok("06", "1")[:2])
		clock := h.ok("13")
		at, err := time.Parse("020106150405", clock[0]+clock[1])
		require.NoError(t, err)
		h.refused("0C", "10", at.AddDate(0, 0, -2).Format("020106"), clock[1])
		h.refused("01", "23", "A")
		h.refused("0B", "10", clock[0], at.Add(10*time.Minute).Format("150405"))
		h.ok("23", "A") // 0Bh is a warning: the work has begun
		before := h.ok("13")
		h.ok("10", clock[0], at.Add(7*time.Minute).Format("150405"))
		require.NotEqual(t, before, h.ok("13"), "a small difference moves the clock")
		h.refused("0F", "14", clock[0], clock[1])
		h.ok("21", "A", "0")
		far := at.AddDate(0, 0, 3).Format("020106")
		h.refused("0A", "14", far, clock[1])
		h.ok("14", far, clock[1]) // given twice
		require.Equal(t, far, h.ok("13")[0])
		h.reg.SetPower(false)
		h.reg.SetPower(true)
		h.dial()
		require.Equal(t, "1", h.ok("00")[1], "after each power-up")
	})
}

func TestReceipt(t *testing.T) {
	withHost(t, pirit.Options{INN: "7707083893"}, func(h *host) {
		h.begin()
		h.refused("01", "30", "2", "1", "A", "", "0") // no shift
		h.ok("23", "500100732259&A")
		h.refused("01", "42", "B", "", "1", "1", "1")
		h.refused("03", "30", "2", "0", "A", "", "0")
		h.ok("30", "2", "1", "A", "", "1")
		require.Equal(t, "18", h.ok("00")[2], "a sale, open")
		require.Equal(t, "9.98"+"00", h.ok("42", "B", "", "2", "54.90", "1", "", "", "", "0", "", "4", "1")[0])
		h.refused("03", "42", "B", "", "0", "54.90", "1")
		h.refused("03", "52", "1.00")
		h.ok("52", "109.80")
		h.ok("44")
		h.refused("01", "42", "B", "", "1", "1", "1")
		h.ok("44")
		h.refused("03", "47", "1", "200") // nobody gives change for a card
		h.ok("47", "1", "100")
		h.refused("01", "31", "0")
		h.ok("47", "0", "10")
		out := h.ok("31", "0", "a@b.ru")
		require.Len(t, out, 9)
		require.Equal(t, "3", out[3], "registration and shift came before")
		require.Equal(t, "0", h.ok("00")[2])
		last := h.ok("03", "2")
		require.Equal(t, []string{"2", "2"}, last[:2])
		require.Equal(t, "1", last[3])
		require.Equal(t, "109.80", last[5])
		d := h.reg.Documents()[2]
		require.Equal(t, sale.Money(10980), d.Sum)
		require.Equal(t, sale.Money(20), d.Change)
		require.Equal(t, uint8(2), d.Tax, "the number 1 is the bit 2")
		require.Equal(t, sale.VAT10, d.Lines[0].VAT)
	})
}

func TestState8(t *testing.T) {
	for _, cut := range []pirit.FaultKind{pirit.PaperOutAtLine, pirit.PowerAfterWrite} {
		t.Run(string(cut), func(t *testing.T) {
			withHost(t, pirit.Options{}, func(h *host) {
				h.begin()
				h.ok("23", "A")
				h.sale()
				h.reg.Inject(pirit.Fault{Kind: cut, Any: true})
				if cut == pirit.PaperOutAtLine {
					h.refused("08", "31", "0")
					h.refused("08", "31", "0")
					h.reg.SetPaper(true)
				} else {
					h.lastWords(packed(0x7E, "31", "0"))
					require.Empty(t, h.read(1))
					h.reg.SetPower(true)
					h.dial()
					h.begin()
				}
				require.Equal(t, 1, h.documents(storage.DocReceipt), "signed")
				require.Equal(t, "130", h.ok("00")[2], "a sale in state 8")
				h.refused("01", "32")
				h.refused("01", "30", "2", "1", "A", "", "0")
				require.Equal(t, "3", h.ok("31", "0")[3])
				require.Equal(t, 1, h.documents(storage.DocReceipt))
				require.Equal(t, "0", h.ok("00")[2])
				tape := h.reg.Tape()
				require.Contains(t, tape[len(tape)-2].Text, "fn=", "the rest came out")
			})
		})
	}
}

func TestPowerDropsAnOpenDocument(t *testing.T) {
	withHost(t, pirit.Options{Folder: t.TempDir()}, func(h *host) {
		h.begin()
		h.ok("23", "A")
		h.sale()
		h.reg.Inject(pirit.Fault{Kind: pirit.PowerBeforeWrite, Any: true})
		h.lastWords(packed(0x7E, "31", "0"))
		require.Empty(t, h.read(1))
		h.reg.SetPower(true)
		h.dial()
		require.Equal(t, "0", h.ok("00")[2])
		require.Equal(t, "0", h.ok("03", "2")[1], "cancelled")
		require.Zero(t, h.documents(storage.DocReceipt))
	})
}

// TestBatchModeIsSilent shows why a driver leaves the batch mode off: silence means success there, so a command
// that never arrived looks like one that did.
func TestBatchModeIsSilent(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.begin()
		h.ok("23", "A")
		h.ok("30", "18", "1", "A", "", "0") // a sale, batch
		h.id++
		h.write(packed(h.id, "42", "B", "", "1", "10", "1"))
		require.Empty(t, h.read(1))
		h.reg.Inject(pirit.Fault{Kind: pirit.DropByte, Dir: pirit.ToDevice, Any: true})
		h.id++
		h.write(packed(h.id, "42", "C", "", "1", "10", "1")) // lost: STX never arrives
		require.Empty(t, h.read(1), "the same silence")
		h.id++
		h.write(packed(h.id, "52", "20"))
		code, _ := h.answer("52")
		require.Equal(t, "03", code, "only the sum tells")
		h.refused("01", "44")
		h.refused("01", "47", "0", "20")
		h.ok("32")
		h.ok("30", "2", "1", "A", "", "0")
		h.ok("42", "B", "", "1", "10", "1")
		h.ok("32")
	})
}

func TestBusy(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.begin()
		h.reg.Inject(pirit.Fault{Kind: pirit.Busy, Command: frame.CmdOpenShift, For: 30 * time.Second})
		h.id++
		h.write(packed(h.id, "23", "A"))
		for range 5 {
			<-time.After(5 * time.Second)
			h.write("\x05")
			require.Equal(t, "\x06", h.read(1), "it is there")
			require.Zero(t, h.documents(storage.DocShiftOpen))
		}
		require.NoError(t, h.conn.Close()) // the host gives up, the register does not
		h.dial()
		<-time.After(10 * time.Second)
		h.ok("00")
		require.Equal(t, 1, h.documents(storage.DocShiftOpen), "what was heard is done before what comes later")
	})
}

func TestLateAnswer(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.begin()
		h.reg.Inject(pirit.Fault{Kind: pirit.LateAnswer, Command: frame.CmdReadClock})
		h.id++
		first := h.id
		h.write(packed(first, "13"))
		require.Empty(t, h.read(1))
		h.id++
		h.write(packed(h.id, "00"))
		got := h.read(30)
		require.Equal(t, first, got[1], "the old answer first")
		require.Equal(t, 2, strings.Count(got, "\x02"))
		require.Len(t, h.reg.Fired(), 1)
	})
}

func TestPaperAndCover(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.begin()
		require.Equal(t, "0", h.ok("04")[0])
		h.reg.SetPaper(false)
		require.Equal(t, "3", h.ok("04")[0])
		h.refused("08", "23", "A")
		h.reg.SetPaper(true)
		h.reg.SetCover(true)
		require.Equal(t, "5", h.ok("04")[0])
		h.refused("09", "20", "A")
		h.reg.SetCover(false)
		h.ok("23", "A")
		h.reg.Inject(pirit.Fault{Kind: pirit.PaperOutAtLine, N: 2})
		h.refused("08", "21", "A", "0")
		require.Equal(t, 1, h.documents(storage.DocShiftClose), "closed in the storage all the same")
		require.Equal(t, "256", h.ok("00")[1], "and to be asked for again")
		h.reg.SetPaper(true)
		h.ok("21", "A", "0")
		require.Equal(t, 1, h.documents(storage.DocShiftClose))
		require.Equal(t, "0", h.ok("00")[1])
	})
}

func TestSettings(t *testing.T) {
	withHost(t, pirit.Options{Family: pirit.FamilyPirit}, func(h *host) {
		h.begin()
		require.Equal(t, "10.00", h.ok("11", "41", "1")[0])
		h.refused("03", "11", "41", "12")
		h.refused("03", "12", "41", "1", "15.00")
		h.refused("03", "11", "20", "0") // the password is not told
		h.ok("12", "10", "0", "7")
		require.Equal(t, "7", h.ok("11", "10", "0")[0])
		h.refused("03", "02", "18") // this family does not tell its width
		require.Len(t, h.ok("06", "1"), 2, "and explains nothing in words")
		h.ok("23", "A")
		h.refused("0F", "12", "10", "0", "8")
	})
	_, err := pirit.New(pirit.Options{Family: "x"})
	require.ErrorIs(t, err, pirit.ErrOptions)
	_, err = pirit.New(pirit.Options{INN: "12"})
	require.ErrorIs(t, err, pirit.ErrOptions)
	_, err = pirit.New(pirit.Options{Width: 10})
	require.ErrorIs(t, err, pirit.ErrOptions)
}

func TestCashAndMarks(t *testing.T) {
	withHost(t, pirit.Options{}, func(h *host) {
		h.begin()
		h.ok("23", "A")
		h.ok("30", "4", "1", "A")
		h.ok("48", "", "100")
		require.Equal(t, sale.Money(0), sale.Money(h.reg.State().Drawer), "the close moves it")
		h.ok("31", "0")
		require.Equal(t, "100.00", h.ok("02", "7")[1])
		h.ok("30", "5", "1", "A")
		h.refused("0E", "48", "", "100.01")
		h.ok("32")
		const code = "0104600494000010215AbCdEf$1D93dGVz"
		h.refused("73", "79", "2", "1")
		require.Equal(t, "15", h.ok("79", "1", code, "0", "1", "1", "0", "0")[1])
		h.refused("73", "79", "1", code, "0", "1", "1", "0", "0") // one at a time
		require.Equal(t, []string{"2", "15"}, h.ok("79", "2", "1"))
		require.Equal(t, "1", h.ok("79", "0")[4])
		h.ok("30", "2", "1", "A", "", "0")
		h.refused("03", "79", "15", code, "1", "0", "3", "0")
		h.ok("79", "15", code, "1", "0", "15", "0")
		h.ok("42", "W", "", "1", "10", "1", "", "", "", "0", "", "4", "33")
		h.ok("44")
		h.ok("44")
		h.ok("47", "0", "10")
		h.ok("31", "0")
		docs := h.reg.Documents()
		require.Equal(t, "0104600494000010215AbCdEf\x1d93dGVz", docs[len(docs)-1].Lines[0].Mark)
		require.Zero(t, h.reg.Marks())
	})
}

func TestStoppedAndStartedAgain(t *testing.T) {
	folder := t.TempDir()
	withHost(t, pirit.Options{Folder: folder}, func(h *host) {
		h.begin()
		h.ok("23", "A")
		h.sale()
		h.ok("31", "0")
	})
	reg, err := pirit.New(pirit.Options{Folder: folder, Now: func() time.Time { return time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	require.Len(t, reg.Documents(), 3)
	require.Equal(t, int64(10980), reg.State().Drawer)
	require.True(t, reg.State().ShiftOpen)
	require.NotEmpty(t, reg.Tape())
	require.NoError(t, reg.Close())
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(packed(0x21, "00")))
	f.Add([]byte(packed(0x21, "10", "010100", "000000") + packed(0x22, "23", "A") + packed(0x23, "30", "2", "1", "A", "", "0") + packed(0x24, "24", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "030", "21112023", "1944", "x")))
	f.Add([]byte(packed(0x21, "10", "010100", "000000") + packed(0x22, "78", "15", "1") + packed(0x23, "78", "16", "0", "100") + packed(0x24, "79", "1", "$1D", "0", "1")))
	f.Fuzz(func(t *testing.T, p []byte) {
		reg, err := pirit.New(pirit.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, reg.Close()) }()
		var d frame.Decoder
		for _, b := range p {
			e, ok := d.Next(b)
			if !ok || e.Kind == frame.Control {
				continue
			}
			if ask, err := frame.ParseRequest(e.Body); err == nil {
				answer, said := reg.Execute(ask)
				if said && ask.ID >= frame.IDMin && ask.ID <= frame.IDMax {
					_, err := answer.Encode()
					require.NoError(t, err)
				}
			}
		}
	})
}
