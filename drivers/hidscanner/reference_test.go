package hidscanner_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kopilka/kopilka/drivers/gs1"
	"github.com/kopilka/kopilka/drivers/hidscanner"
	"github.com/kopilka/kopilka/drivers/hidscanner/report"
	"github.com/kopilka/kopilka/drivers/port"
	"github.com/kopilka/kopilka/ledger/sale"
)

// modules is where make deps installs the programs that our reader is compared with.
func modules() string {
	if dir := os.Getenv("KOPILKA_NODE"); dir != "" {
		return dir
	}
	return "/usr/local/lib/kopilka-test"
}

type referenceRead struct{ Value, AIM, Symbology, GTIN string }

// reference reads codes, each in its reports, by @point-of-sale/webhid-barcode-scanner.
func reference(t *testing.T, codes [][][]byte) []referenceRead {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("skipped: no node in PATH")
	}
	if _, err := os.Stat(filepath.Join(modules(), "node_modules/@point-of-sale/webhid-barcode-scanner")); err != nil {
		t.Skipf("skipped: no webhid-barcode-scanner in %s (make deps installs it)", modules())
	}
	var in, out, problems bytes.Buffer
	for _, c := range codes {
		line, err := json.Marshal(c)
		require.NoError(t, err)
		in.Write(append(line, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/reference.mjs", modules())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &problems
	require.NoError(t, cmd.Run(), problems.String())
	var all []referenceRead
	for s := bufio.NewScanner(&out); s.Scan(); {
		var r referenceRead
		require.NoError(t, json.Unmarshal(s.Bytes(), &r))
		all = append(all, r)
	}
	require.Len(t, all, len(codes), problems.String())
	return all
}

// theirs is what the reference calls our symbologies.
var theirs = map[sale.Symbology]string{
	sale.SymbologyEAN13: "ean13", sale.SymbologyUPCA: "upca", sale.SymbologyEAN8: "ean8", sale.SymbologyCode128: "code128",
	sale.SymbologyGS1128: "gs1-128", sale.SymbologyQR: "qr-code", sale.SymbologyGS1QR: "qr-code", sale.SymbologyDataMatrix: "data-matrix",
	sale.SymbologyGS1DataMatrix: "data-matrix", sale.SymbologyDataBar: "gs1-databar-omni", sale.SymbologyITF: "interleaved-2-of-5",
}

type shown struct {
	aim, text string
	layout    report.Layout
}

func drawShown(t *rapid.T) shown {
	s := shown{layout: rapid.SampledFrom([]report.Layout{report.Usual, report.Shifted}).Draw(t, "layout")}
	retail := func(n int) string {
		body := rapid.StringMatching(`[0-9]{13}`).Draw(t, "digits")[:n-1]
		return body + string(sale.GTINCheckDigit(body))
	}
	switch s.aim = rapid.SampledFrom([]string{"]E0", "]E4", "]C0", "]C1", "]Q1", "]d1", "]d2", "]e0", "]I1"}).Draw(t, "identifier"); s.aim {
	case "]E0":
		s.text = retail(13)
	case "]E4":
		s.text = retail(8)
	case "]I1":
		s.text = retail(14)
	case "]e0":
		s.text = "01" + retail(14)
	case "]d2", "]C1":
		s.text = "01" + retail(14) + "21" + rapid.StringMatching(`[!%-?A-Z_a-z]{6,20}`).Draw(t, "serial") +
			"\x1d91" + rapid.StringMatching(`[A-Z0-9]{4}`).Draw(t, "key") + "\x1d92" + rapid.StringMatching(`[A-Za-z0-9+/=]{44}`).Draw(t, "crypto")
	default:
		s.text = rapid.StringMatching(`[!-~]{1,200}`).Draw(t, "text")
	}
	return s
}

// What our driver reads out of reports the reference reads too: text, symbology, and the article in it.
func TestReferenceAgrees(t *testing.T) {
	draw := rapid.Custom(drawShown)
	var all []shown
	var reports [][][]byte
	for seed := range 500 {
		s := draw.Example(seed)
		all, reports = append(all, s), append(reports, s.layout.Split(s.aim, []byte(s.text)))
	}
	answers := reference(t, reports)

	near, far := net.Pipe()
	ours, err := hidscanner.New("hand", func(context.Context) (port.Conn, error) { return near, nil }, nil)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		for _, code := range reports {
			for _, r := range code {
				if _, err := far.Write(r); err != nil {
					done <- err
					return
				}
			}
		}
		done <- nil
	}()
	for i, s := range all {
		code, err := ours.Read(t.Context())
		require.NoError(t, err, "%q", s.text)
		require.Equal(t, answers[i].Value, code.Text)
		require.Equal(t, s.aim, answers[i].AIM)
		require.Equal(t, answers[i].Symbology, theirs[code.Symbology], "%q", s.text)
		if r, err := gs1.Read(code); err == nil && r.GTIN != "" && answers[i].GTIN != "" {
			require.Equal(t, strings.TrimLeft(answers[i].GTIN, "0"), strings.TrimLeft(r.GTIN, "0"), "%q: they write 14 digits", s.text)
		}
	}
	require.NoError(t, <-done)
	require.NoError(t, ours.Close())
	t.Logf("%d codes: webhid-barcode-scanner reads the same", len(all))
}
