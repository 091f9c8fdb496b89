package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/internal/jobs"
	"vigie/internal/store"
)

// jobMetrics are what an operator watches of the slow work: counts by kind, and nothing of what any job is about.
type jobMetrics struct{ jobs *jobs.Jobs }

var (
	metricJobs    = prometheus.NewDesc("vigie_jobs", "Jobs now, on all nodes together: waiting, running, failed.", []string{"kind", "state"}, nil)
	metricJobLate = prometheus.NewDesc("vigie_job_late_seconds", "How long the first job that waits is past its time.", []string{"kind"}, nil)
	metricJobRuns = prometheus.NewDesc("vigie_job_runs_total", "Runs on this node since its start, by what became of them: done, again, tripped (tried again or failed), failed, stopped.", []string{"kind", "outcome"}, nil)
)

// Describe names the metrics.
func (m jobMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricJobs, metricJobLate, metricJobRuns} {
		to <- d
	}
}

// Collect reads them, the present ones with one statement.
func (m jobMetrics) Collect(to chan<- prometheus.Metric) {
	for kind, t := range m.jobs.Totals() {
		for outcome, n := range map[string]int64{"done": t.Done, "again": t.Again, "tripped": t.Tripped, "failed": t.Failed, "stopped": t.Stopped} {
			to <- prometheus.MustNewConstMetric(metricJobRuns, prometheus.CounterValue, float64(n), kind, outcome)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	counts, err := m.jobs.Counts(ctx)
	if err != nil {
		slog.Warn("metrics: the jobs were not counted", "error", err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, c := range counts {
		gauge(metricJobs, float64(c.Waiting), c.Kind, "waiting")
		gauge(metricJobs, float64(c.Running), c.Kind, "running")
		gauge(metricJobs, float64(c.Failed), c.Kind, "failed")
		late := 0.0
		if c.DueSince > 0 {
			late = max(0, time.Since(store.Time(c.DueSince)).Seconds())
		}
		gauge(metricJobLate, late, c.Kind)
	}
}
