package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/agent/desk"
	"github.com/kopilka/kopilka/drivers"
	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/sale"
)

const (
	metricsWait  = 10 * time.Second // for a collector to take its figures
	metricsBatch = 512              // records read at once
	syncEvery    = time.Minute      // a small durable write is measured
	scannersMax  = 16               // that have a series of their own; a till has two or three
)

// metrics are figures for a collector on this machine. They are read from what the till knows anyway: nothing is
// asked of devices, and nothing of a receipt but its kind and its sum is looked at.
type metrics struct {
	listener net.Listener
	registry *prometheus.Registry
	scans    prometheus.Histogram
	syncs    prometheus.Histogram
	receipts *prometheus.CounterVec
	sums     *prometheus.CounterVec
	connects prometheus.Counter

	view  func(ctx context.Context) (agent.View, error)
	book  *ledger.Ledger
	data  string
	mu    sync.Mutex
	after sale.Position // counted so far
}

func newMetrics(c agent.Config, l *ledger.Ledger, view func(context.Context) (agent.View, error)) (*metrics, error) {
	listener, err := desk.Listen(c.Metrics)
	if err != nil {
		return nil, fmt.Errorf("offer metrics: %w", err)
	}
	m := &metrics{listener: listener, registry: prometheus.NewRegistry(), view: view, book: l, data: c.Data, after: l.Head()}
	m.scans = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "kopilka_scan_duration_seconds", Help: "From a code to the till's answer.", Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	m.syncs = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "kopilka_disk_sync_duration_seconds", Help: "Small durable writes to the data folder, once a minute.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	kinds := []string{"kind"}
	m.receipts = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kopilka_receipts_total", Help: "Receipts booked since the program started."}, kinds)
	m.sums = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kopilka_receipts_kopecks_total", Help: "What these receipts come to, in kopecks."}, kinds)
	m.connects = prometheus.NewCounter(prometheus.CounterOpts{Name: "kopilka_head_office_connects_total", Help: "Sessions with head office begun since the program started."})
	for _, kind := range []string{"sale", "return"} { // there from the start, so that a rate has a beginning
		m.receipts.WithLabelValues(kind)
		m.sums.WithLabelValues(kind)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "kopilka_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m, m.scans, m.syncs, m.receipts, m.sums, m.connects, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m, nil
}

// run serves until ctx ends.
func (m *metrics) run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: metricsWait, MaxRequestsInFlight: 2}))
	mux.HandleFunc("GET /healthz", m.health)
	server := &http.Server{Handler: desk.Here(mux), ReadHeaderTimeout: metricsWait, WriteTimeout: 2 * metricsWait, MaxHeaderBytes: 16 << 10}
	var measuring sync.WaitGroup
	measuring.Go(func() { m.measure(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // a collector comes again
	err := server.Serve(m.listener)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	measuring.Wait()
	return nil
}

// measure notes now and then what a durable write takes: one page, one sync.
func (m *metrics) measure(ctx context.Context) {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		if took, err := oneSync(m.data); err == nil { // a full disk shows elsewhere
			m.syncs.Observe(took.Seconds())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func oneSync(folder string) (took time.Duration, err error) {
	f, err := os.CreateTemp(folder, "metrics-*.tmp")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	begun := time.Now()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return time.Since(begun), nil
}

// scanned times a code's way through the till; nil metrics time nothing.
func (m *metrics) scanned(scan func() error) error {
	if m == nil {
		return scan()
	}
	begun := time.Now()
	err := scan()
	m.scans.Observe(time.Since(begun).Seconds())
	return err
}

// connected counts sessions with head office.
func (m *metrics) connected(was, is bool) {
	if m != nil && is && !was {
		m.connects.Inc()
	}
}

// count goes through the records since the last time. Other kinds than sales and returns carry no money of customers.
func (m *metrics) count() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		entries, err := m.book.Since(m.after, metricsBatch, 4<<20)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			r, err := sale.DecodeRecord(e.Record)
			if err != nil {
				return fmt.Errorf("count the receipts: %w", err)
			}
			m.add(r)
			m.after = sale.Position{Epoch: r.Epoch, Seq: r.Seq, Head: sale.HashOf(e.Record)}
		}
	}
}

func (m *metrics) add(r *sale.Record) {
	switch {
	case r.Kind == sale.KindSale && r.Sale != nil:
		m.receipts.WithLabelValues("sale").Inc()
		m.sums.WithLabelValues("sale").Add(float64(r.Sale.Total))
	case r.Kind == sale.KindReturn && r.Return != nil:
		m.receipts.WithLabelValues("return").Inc()
		m.sums.WithLabelValues("return").Add(float64(r.Return.Total))
	}
}

// gauges are what the till is like at the moment of asking.
var gauges = map[string]*prometheus.Desc{}

func gauge(name, help string, labels ...string) string {
	gauges[name] = prometheus.NewDesc(name, help, labels, nil)
	return name
}

var (
	gaugeUp        = gauge("kopilka_till_up", "1 while the till shows a view.")
	gaugeUnsent    = gauge("kopilka_records_unsent", "Records that head office has not acknowledged.")
	gaugeCustomers = gauge("kopilka_customers", "Customers that this till knows.")
	gaugeLedger    = gauge("kopilka_ledger_bytes", "Size of the ledger's file.")
	gaugeOffice    = gauge("kopilka_head_office_up", "1 while in session with head office.")
	gaugeRegister  = gauge("kopilka_register_up", "1 while the register answers.")
	gaugeCondition = gauge("kopilka_register_conditions", "Conditions that keep the register from printing, as a number of them.")
	gaugeOFD       = gauge("kopilka_register_ofd_queue_documents", "Documents that the operator of fiscal data has not confirmed.")
	gaugeOFDAge    = gauge("kopilka_register_ofd_queue_oldest_seconds", "Age of the oldest of them.")
	gaugeFN        = gauge("kopilka_register_storage_expires_seconds", "Until the fiscal storage expires; negative: it has.")
	gaugeScanner   = gauge("kopilka_scanner_up", "1 while the scanner is there; they are numbered as in the config.", "scanner")
	gaugeShift     = gauge("kopilka_shift_open", "1 while a shift is open.")
)

// Describe names the gauges.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range gauges {
		out <- d
	}
}

// Collect reads them; it asks the till for its last view as a page does.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsWait/2)
	defer cancel()
	set := func(name string, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(gauges[name], prometheus.GaugeValue, v, labels...)
	}
	if err := m.count(); err != nil {
		out <- prometheus.NewInvalidMetric(gauges[gaugeUp], err)
		return
	}
	set(gaugeUnsent, float64(m.book.Unsent()))
	set(gaugeCustomers, float64(m.book.Customers()))
	if info, err := os.Stat(filepath.Join(m.book.Dir(), ledger.FileName)); err == nil {
		set(gaugeLedger, float64(info.Size()))
	}
	v, err := m.view(ctx)
	set(gaugeUp, truth(err == nil))
	if err != nil {
		return
	}
	set(gaugeOffice, truth(v.Network.Online))
	set(gaugeShift, truth(v.Shift.Open))
	if !v.Register.Plain {
		m.register(v.Register, set)
	}
	for i, s := range v.Scanners[:min(len(v.Scanners), scannersMax)] {
		set(gaugeScanner, truth(s.Online), fmt.Sprint(i)) // a name is a person's choice of words
	}
}

func (m *metrics) register(r agent.RegisterView, set func(string, float64, ...string)) {
	set(gaugeRegister, truth(r.Online))
	set(gaugeCondition, float64(len(r.Conditions)))
	set(gaugeOFD, float64(r.Unsent))
	wall := time.Now()
	_, offset := wall.Zone()
	wall = wall.Add(time.Duration(offset) * time.Second).UTC() // the register's hours know no zone
	if s := r.Storage; s != nil {
		if s.Expires != 0 {
			set(gaugeFN, s.Expires.Time().Sub(wall).Seconds())
		}
		if s.Oldest != 0 {
			set(gaugeOFDAge, wall.Sub(s.Oldest.Time()).Seconds())
		}
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// health is 200 while a sale can be made and printed; head office is not asked for, since a till sells without it.
func (m *metrics) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), metricsWait/2)
	defer cancel()
	reasons := m.ill(ctx)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(reasons) == 0 {
		_, _ = io.WriteString(w, "ok\n") // who asked may have gone
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, reason := range reasons {
		_, _ = io.WriteString(w, reason+"\n")
	}
}

func (m *metrics) ill(ctx context.Context) (reasons []string) {
	v, err := m.view(ctx)
	if err != nil {
		return []string{"till: " + err.Error()}
	}
	const stops = drivers.PaperOut | drivers.CoverOpen | drivers.WaitsForResume | drivers.Fault | drivers.NotFiscal | drivers.OFDOverdue
	switch r := v.Register; {
	case r.Plain:
	case !r.Online:
		reasons = append(reasons, "register: does not answer")
	case drivers.Condition(r.Flags)&stops != 0:
		reasons = append(reasons, fmt.Sprintf("register: %v", r.Conditions))
	}
	if v.Unknown != nil {
		reasons = append(reasons, "till: the outcome of a receipt is unknown")
	}
	free, err := freeSpace(m.data)
	if err == nil && free < healthFree {
		reasons = append(reasons, fmt.Sprintf("disk: %d MB left", free>>20))
	}
	return reasons
}

// healthFree is what the doctor calls an error.
const healthFree = 64 << 20

// timedTill times the codes that come over the page: scanners on the keyboard, and what is typed.
type timedTill struct {
	*agent.Till
	metrics *metrics
}

// Do is the till's.
func (t timedTill) Do(ctx context.Context, c agent.Command) error {
	if c.Do != "scan" {
		return t.Till.Do(ctx, c)
	}
	return t.metrics.scanned(func() error { return t.Till.Do(ctx, c) })
}
