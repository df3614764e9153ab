package cloud

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kopilka/kopilka/cloud/store"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// scrapeWait is for the questions to the database that one look at the metrics asks.
const scrapeWait = 5 * time.Second

// metrics are what head office tells Prometheus. They name no customer, no till and no sum.
type metrics struct {
	registry *prometheus.Registry
	appended prometheus.Counter
	refused  prometheus.Counter
	lag      prometheus.Histogram
	took     prometheus.Histogram
}

func newMetrics(p *Program) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		appended: prometheus.NewCounter(prometheus.CounterOpts{Name: "kopilka_cloud_records_appended_total", Help: "Records of tills that are on this disk; rate() is records a second."}),
		refused:  prometheus.NewCounter(prometheus.CounterOpts{Name: "kopilka_cloud_batches_failed_total", Help: "Batches that were not taken in: a till's error or the database's."}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kopilka_cloud_arrival_lag_seconds", Help: "From a batch's newest record, by the till's clock, to its place on this disk.",
			Buckets: []float64{0.1, 0.5, 1, 5, 30, 300, 3600, 86400, 604800},
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kopilka_cloud_append_seconds", Help: "How long a batch took in the database.", Buckets: []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 60},
		}),
	}
	m.registry.MustRegister(m.appended, m.refused, m.lag, m.took, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), asked{p})
	return m
}

// counted is the store as the hub sees it, with what is appended counted.
type counted struct {
	*store.Store
	metrics *metrics
}

// Append counts what the store has taken in.
func (c counted) Append(ctx context.Context, org sale.OrgNo, till sale.TillNo, fork uint32, records []wire.Sealed) (sale.Position, error) {
	began := time.Now()
	at, err := c.Store.Append(ctx, org, till, fork, records)
	c.metrics.took.Observe(time.Since(began).Seconds())
	if err != nil {
		c.metrics.refused.Inc()
		return at, err
	}
	c.metrics.appended.Add(float64(len(records)))
	if n := len(records); n > 0 {
		c.metrics.lag.Observe(max(0, time.Since(records[n-1].Record.At.Time()).Seconds()))
	}
	return at, nil
}

// asked are figures that are looked up when somebody looks.
type asked struct{ p *Program }

var (
	describeSessions = prometheus.NewDesc("kopilka_cloud_sessions", "Tills that are connected to this node.", nil, nil)
	describeHeld     = prometheus.NewDesc("kopilka_cloud_records_held", "Records that are stored and not booked: from revoked tills, or parked with a problem.", []string{"why"}, nil)
	describeExpiry   = prometheus.NewDesc("kopilka_cloud_certificate_expiry_seconds", "When the certificate that ends first ends, Unix time.", nil, nil)
	describeBackup   = prometheus.NewDesc("kopilka_cloud_backup_age_seconds", "Age of the newest backup in the folder of the settings.", nil, nil)
)

// Describe names the figures.
func (asked) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{describeSessions, describeHeld, describeExpiry, describeBackup} {
		out <- d
	}
}

// Collect looks them up. What is not known is left out: an alert for absence tells of it.
func (a asked) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(describeSessions, float64(a.p.Hub.Sessions()))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	if quarantined, parked, err := a.p.Store.Held(ctx); err != nil {
		a.p.Logger.Warn("could not count the records that are held back", "err", err)
	} else {
		gauge(describeHeld, float64(quarantined), "quarantined")
		gauge(describeHeld, float64(parked), "parked")
	}
	if a.p.certificates != nil {
		if _, at := a.p.certificates.expiry(); !at.IsZero() {
			gauge(describeExpiry, float64(at.Unix()))
		}
	}
	if at := newestBackup(a.p.Config.Backups); !at.IsZero() {
		gauge(describeBackup, a.p.Now().Sub(at).Seconds())
	}
}

// newestBackup is by the names, which tell the moment; a file's own time changes when it is copied.
func newestBackup(folder string) (newest time.Time) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return newest // no folder, no backup
	}
	for _, e := range entries {
		if at, ok := store.BackupTime(filepath.Base(e.Name())); ok && at.After(newest) {
			newest = at
		}
	}
	return newest
}

func (p *Program) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{}))
	return p.serveOn(ctx, p.measured, mux)
}
