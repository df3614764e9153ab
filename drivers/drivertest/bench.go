package drivertest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger/sale"
)

// AddedMax is the part of the bytes' own time that a driver may add to a receipt on a line of 115200 baud.
const AddedMax = 5 // per cent

// Baud is the speed at which drivers are measured.
const Baud = 115200

// Added is the time of one receipt on a line of 115200 baud: what its bytes need by themselves, and what it took
// with the driver's own waiting and asking. The device answers at once and time is virtual, so that nothing but the
// driver's pauses counts. Start is called inside a bubble; it gives the line, the driver, and what ends the device.
func Added(t *testing.T, start func(t *testing.T) (*Wire, drivers.Printer, func() error)) (own, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		wire, p, stop := start(t)
		wire.Baud = Baud
		var err error
		if own, took, err = wire.receipt(t, p); err != nil {
			t.Errorf("receipt on a line of %d baud: %v", Baud, err)
		}
		err = p.Close()
		wire.Wait()
		if err := errors.Join(err, stop()); err != nil {
			t.Errorf("end of the line: %v", err)
		}
	})
	return own, took
}

// receipt measures the second receipt of a shift: the first finds out what the device is.
func (w *Wire) receipt(t *testing.T, p drivers.Printer) (own, took time.Duration, err error) {
	if _, err := p.OpenShift(t.Context(), cashier); err != nil {
		return 0, 0, err
	}
	if _, err := p.Print(t.Context(), receipt(sale.DocSale)); err != nil {
		return 0, 0, err
	}
	down, up := w.Moved()
	began := time.Now()
	_, err = p.Print(t.Context(), receipt(sale.DocSale))
	took = time.Since(began)
	downNow, upNow := w.Moved()
	return w.Own(downNow - down + upNow - up), took, err
}

// BenchmarkAdded reports what [Added] finds, and its limit, so that a benchmark run shows both.
func BenchmarkAdded(b *testing.B, start func(t *testing.T) (*Wire, drivers.Printer, func() error)) {
	var own, took time.Duration
	one := testing.InternalTest{Name: b.Name(), F: func(t *testing.T) { own, took = Added(t, start) }}
	for b.Loop() {
		// A bubble of virtual time is for tests only, so that the benchmark runs one.
		if !testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{one}) {
			b.Fatal("no receipt was printed")
		}
	}
	b.ReportMetric(float64(own.Microseconds()), "bytes_us")
	b.ReportMetric(float64(took.Microseconds()), "receipt_us")
	b.ReportMetric(float64(took)/float64(own), "ratio")
	b.ReportMetric(1+float64(AddedMax)/100, "ratio_limit")
}
