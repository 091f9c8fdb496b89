package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"vigie/internal/phone"
	"vigie/internal/phone/media"
)

// phoneMetrics are what an operator watches of the phone: counts and states, and nothing of anybody.
type phoneMetrics struct{ phone *phone.Phone }

var (
	metricCalls    = prometheus.NewDesc("vigie_phone_calls", "Calls that are anchored on this node now.", nil, nil)
	metricTotal    = prometheus.NewDesc("vigie_phone_calls_total", "Calls since the start, both ways.", nil, nil)
	metricBrowsers = prometheus.NewDesc("vigie_phone_browsers", "Counsellors' browsers that have a line to this node.", nil, nil)
	metricRefused  = prometheus.NewDesc("vigie_sip_refused_total", "What reached the SIP port and was dropped or refused, by kind.", []string{"kind"}, nil)
	metricSound    = prometheus.NewDesc("vigie_rtp_refused_total", "Datagrams that reached a telephone line and were not of its call.", nil, nil)
	metricHealthy  = prometheus.NewDesc("vigie_trunk_up", "Whether a trunk answered when it was asked last.", []string{"trunk"}, nil)
)

// Describe names the metrics.
func (m phoneMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricCalls, metricTotal, metricBrowsers, metricRefused, metricSound, metricHealthy} {
		to <- d
	}
}

// Collect reads them.
func (m phoneMetrics) Collect(to chan<- prometheus.Metric) {
	s := m.phone.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(metricCalls, float64(m.phone.Calls()))
	gauge(metricBrowsers, float64(m.phone.BrowserCount()))
	to <- prometheus.MustNewConstMetric(metricTotal, prometheus.CounterValue, float64(s.Calls))
	to <- prometheus.MustNewConstMetric(metricSound, prometheus.CounterValue, float64(media.Refused()))
	for kind, n := range s.Refused {
		to <- prometheus.MustNewConstMetric(metricRefused, prometheus.CounterValue, float64(n), kind)
	}
	for trunk, up := range m.phone.Trunks() {
		v := 0.0
		if up {
			v = 1
		}
		gauge(metricHealthy, v, trunk)
	}
}
