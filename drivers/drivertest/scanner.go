package drivertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// ScannerRig is a scanner with its driver, and what it takes to hold a label before it.
type ScannerRig struct {
	Scanner drivers.Scanner
	// Show scans a label, as the device would send it.
	Show func(code sale.Code)
	// Spoil scans a label that arrives with a control byte in it.
	Spoil func()
	// Unplug pulls the device out.
	Unplug func()
}

// readMax is how long a case waits for a code; it is spent only by a test that fails.
const readMax = 10 * time.Second

// Scanner runs the contract; start makes a rig for each case.
func Scanner(t *testing.T, start func(t *testing.T) ScannerRig) {
	t.Helper()
	ran := 0
	for _, c := range scannerCases {
		t.Run(c.name, func(t *testing.T) {
			ran++
			c.run(t, start(t))
		})
	}
	require.Positive(t, ran, "no case of the contract ran")
	t.Logf("%d of %d cases of the scanner contract ran", ran, len(scannerCases))
}

var scannerCases = []struct {
	name string
	run  func(*testing.T, ScannerRig)
}{
	{"codes in order", codesInOrder},
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

func codesInOrder(t *testing.T, r ScannerRig) {
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	for _, want := range labels {
		want.Text = withCheckDigit(want.Text)
		r.Show(want)
		got, err := r.Scanner.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, want.Text, got.Text)
		require.NotEmpty(t, got.Scanner)
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

func badRead(t *testing.T, r ScannerRig) {
	ctx, cancel := context.WithTimeout(t.Context(), readMax)
	defer cancel()
	r.Spoil()
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

func endedRead(t *testing.T, r ScannerRig) {
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

func unplugged(t *testing.T, r ScannerRig) {
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
