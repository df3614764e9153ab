package drivertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ScannerRig is a scanner with its driver, and what it takes to hold a label before it.
type ScannerRig struct {
	Scanner drivers.Scanner
	// Show scans a label, as the device would send it. The text goes out as it is: bytes of another encoding
	// and control bytes too.
	Show func(code sale.Code)
	// Unplug pulls the device out.
	Unplug func()
}

// readMax is how long a case waits for a code; it is spent only by a test that fails.
const readMax = time.Minute

// StartScanner makes a rig of a scanner of its own, with the name and the settings of the config.
type StartScanner func(t *testing.T, name string, settings map[string]string) ScannerRig

// Scanner runs the contract; start makes the rigs of each case.
func Scanner(t *testing.T, start StartScanner) {
	t.Helper()
	ran := 0
	for _, c := range scannerCases {
		t.Run(c.name, func(t *testing.T) {
			ran++
			c.run(t, start)
		})
	}
	require.Positive(t, ran, "no case of the contract ran")
	t.Logf("%d of %d cases of the scanner contract ran", ran, len(scannerCases))
}

var scannerCases = []struct {
	name string
	run  func(*testing.T, StartScanner)
}{
	{"codes in order", codesInOrder},
	{"long marking code", longMark},
	{"the same again", repeated},
	{"two at once", twoAtOnce},
	{"another encoding", otherEncoding},
	{"too long", tooLong},
	{"bad read", badRead},
	{"ended context", endedRead},
	{"unplugged", unplugged},
}

// labels are a grocery's: an article, a short one, a marked bottle of water with its separator.
var labels = []sale.Code{
	{Symbology: sale.SymbologyEAN13, Text: "4600494000010"},
	{Symbology: sale.SymbologyEAN8, Text: "46009333"},
	{Symbology: sale.SymbologyEAN13, Text: "4600494000010"},
	{Symbology: sale.SymbologyGS1DataMatrix, Text: "0104600494000010215AbCdEf\x1d93dGVz"},
}

func codesInOrder(t *testing.T, start StartScanner) {
	r := start(t, "hand", nil)
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	for _, want := range labels {
		want.Text = withCheckDigit(want.Text)
		r.Show(want)
		got, err := r.Scanner.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, want.Text, got.Text)
		require.Equal(t, "hand", got.Scanner)
		if got.Symbology != sale.SymbologyUnknown {
			require.Equal(t, want.Symbology, got.Symbology)
		}
	}
}

// withCheckDigit puts the right last digit on a retail code.
func withCheckDigit(text string) string {
	if !sale.Digits(text) {
		return text
	}
	return text[:len(text)-1] + string(sale.GTINCheckDigit(text[:len(text)-1]))
}

func badRead(t *testing.T, start StartScanner) {
	r := start(t, "hand", nil)
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	r.Show(sale.Code{Symbology: sale.SymbologyCode128, Text: "46\x0104"})
	_, err := r.Scanner.Read(ctx)
	var e *drivers.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "scan", e.Op)
	require.Equal(t, drivers.FailScan, e.Fail)
	require.NotEmpty(t, e.Hint.RU)
	require.NotEmpty(t, e.Hint.EN)
	want := sale.Code{Symbology: sale.SymbologyEAN13, Text: withCheckDigit(labels[0].Text)}
	r.Show(want)
	got, err := r.Scanner.Read(ctx)
	require.NoError(t, err, "the device goes on after a bad read")
	require.Equal(t, want.Text, got.Text)
}

func endedRead(t *testing.T, start StartScanner) {
	r := start(t, "hand", nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.Scanner.Read(ctx)
		ended <- err
	}()
	cancel()
	err := <-ended
	require.ErrorIs(t, err, context.Canceled)
	require.NotEqual(t, drivers.FailScan, drivers.FailOf(err))
	want := sale.Code{Symbology: sale.SymbologyEAN13, Text: withCheckDigit(labels[0].Text)}
	r.Show(want)
	read, stop := context.WithTimeout(t.Context(), readMax)
	defer stop()
	got, err := r.Scanner.Read(read)
	require.NoError(t, err, "an ended Read leaves the device good")
	require.Equal(t, want.Text, got.Text)
}

func unplugged(t *testing.T, start StartScanner) {
	r := start(t, "hand", nil)
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	want := sale.Code{Symbology: sale.SymbologyEAN13, Text: withCheckDigit(labels[0].Text)}
	r.Show(want)
	_, err := r.Scanner.Read(ctx)
	require.NoError(t, err)
	r.Unplug()
	_, err = r.Scanner.Read(ctx)
	require.Error(t, err)
	require.NotEqual(t, drivers.FailScan, drivers.FailOf(err), "gone is not a bad read: %v", err)
	require.False(t, errors.Is(err, context.DeadlineExceeded), "it is noticed at once")
	require.NotEmpty(t, drivers.HintOf(err).RU)
	require.NoError(t, r.Scanner.Close())
}

// read takes the next code and says what is wrong where none comes.
func read(t *testing.T, r ScannerRig) sale.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	code, err := r.Scanner.Read(ctx)
	require.NoError(t, err)
	return code
}

// refused reads what must be a bad read, after which the device goes on.
func refused(t *testing.T, r ScannerRig) drivers.Hint {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	_, err := r.Scanner.Read(ctx)
	require.Equal(t, drivers.FailScan, drivers.FailOf(err), "%v", err)
	return drivers.HintOf(err)
}

// footwear is the longest code that a shop scans: 01, 21, key, and a crypto part of 88 characters.
var footwear = sale.Code{
	Symbology: sale.SymbologyGS1DataMatrix,
	Text: "0104600494000010215AbCdEfGh12X4\x1d91EE06\x1d92" +
		"pu7IpfBPdY1wqFxLEXrQoPlh9vMmtNKbAh0CoDwA6Z0pu7IpfBPdY1wqFxLEXrQoPlh9vMmtNKbAh0CoDwA6Z0==",
}

func longMark(t *testing.T, start StartScanner) {
	r := start(t, "hand", nil)
	for range 3 {
		r.Show(footwear)
		r.Show(labels[1])
		require.Equal(t, footwear.Text, read(t, r).Text, "every byte, the separators too")
		require.Equal(t, labels[1].Text, read(t, r).Text)
	}
}

func repeated(t *testing.T, start StartScanner) {
	a, b := labels[0], labels[1]
	r := start(t, "hand", nil)
	r.Show(a)
	r.Show(a)
	require.Equal(t, a.Text, read(t, r).Text)
	require.Equal(t, a.Text, read(t, r).Text, "two of a kind are sold one after the other")

	once := start(t, "hand", map[string]string{"repeat": "10s"})
	for _, label := range []sale.Code{a, a, a, b, a} {
		once.Show(label)
	}
	require.Equal(t, a.Text, read(t, once).Text)
	require.Equal(t, b.Text, read(t, once).Text, "what came again within the window is dropped")
	require.Equal(t, a.Text, read(t, once).Text, "another code ends the window")
}

func twoAtOnce(t *testing.T, start StartScanner) {
	rigs := map[string]ScannerRig{"left": start(t, "left", nil), "right": start(t, "right", nil)}
	type result struct {
		code sale.Code
		err  error
	}
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	const each = 20
	results := make(chan result, 2*each)
	for _, r := range rigs {
		go func() {
			for range each {
				code, err := r.Scanner.Read(ctx)
				results <- result{code, err}
			}
		}()
	}
	labelOf := map[string]sale.Code{"left": footwear, "right": labels[0]}
	for range each {
		for name, r := range rigs {
			r.Show(labelOf[name])
		}
	}
	seen := map[string]int{}
	for range 2 * each {
		got := <-results
		require.NoError(t, got.err)
		require.Equal(t, labelOf[got.code.Scanner].Text, got.code.Text, "no code of one comes from the other")
		seen[got.code.Scanner]++
	}
	require.Equal(t, map[string]int{"left": each, "right": each}, seen)
}

func otherEncoding(t *testing.T, start StartScanner) {
	russian := sale.Code{Symbology: sale.SymbologyQR, Text: "\xcf\xf0\xe8\xe2\xe5\xf2"} // in cp1251
	r := start(t, "hand", nil)
	r.Show(russian)
	hint := refused(t, r)
	require.Contains(t, hint.RU, "кодировк")
	require.Contains(t, hint.EN, "encoding")
	r.Show(labels[0])
	require.Equal(t, labels[0].Text, read(t, r).Text, "the device goes on")

	set := start(t, "hand", map[string]string{"encoding": "cp1251"})
	set.Show(russian)
	require.Equal(t, "Привет", read(t, set).Text)
}

func tooLong(t *testing.T, start StartScanner) {
	r := start(t, "hand", nil)
	r.Show(sale.Code{Symbology: sale.SymbologyQR, Text: strings.Repeat("9", sale.CodeBytesMax+1)})
	require.NotEmpty(t, refused(t, r).RU)
	r.Show(labels[0])
	require.Equal(t, labels[0].Text, read(t, r).Text, "the device goes on")
}
