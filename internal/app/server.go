package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/crypto/acme/autocert"

	"vigie/internal/config"
)

// server answers HTTP for an App: pages, and /healthz, /readyz and /metrics beside them.
type server struct {
	config   config.Config
	app      *App
	http     *http.Server
	draining atomic.Bool
}

// Serve answers on the configured address until ctx ends, then drains: /readyz says no, open streams
// end so that their pages come back (to another node, or to this one when it has restarted), and
// requests in flight finish.
func (a *App) Serve(ctx context.Context, ready func(address string)) error {
	listener, err := net.Listen("tcp", a.config.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", a.config.Listen, err)
	}
	s := &server{config: a.config, app: a}
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(quiet{slog.Default().Handler()}, slog.LevelDebug),
	}
	serve := s.http.Serve
	switch {
	case a.config.TLSCert != "":
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, a.config.TLSCert, a.config.TLSKey) }
	case len(a.config.ACMEHost) > 0:
		manager := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(a.config.ACMEHost...), Cache: autocert.DirCache(a.config.Data + "/acme")}
		s.http.TLSConfig = manager.TLSConfig()
		s.http.TLSConfig.MinVersion = tls.VersionTLS12
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	background := a.Background(work)
	failed := make(chan error, 1)
	go func() { failed <- serve(listener) }()
	slog.Info("serving", "address", listener.Addr().String())
	if ready != nil {
		ready(listener.Addr().String())
	}
	select {
	case err := <-failed:
		stopWork()
		background.Wait()
		return err
	case <-ctx.Done():
	}
	a.drainCalls() // the pages of those who talk are served meanwhile, by way of whatever asks /readyz
	s.draining.Store(true)
	a.web.Drain()
	grace, cancel := context.WithTimeout(context.Background(), a.config.DrainFor)
	defer cancel()
	err = s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	stopWork()
	background.Wait()
	slog.Info("stopped")
	return err
}

// quiet keeps net/http's own complaints (a TLS scan, a broken connection) at debug: they name addresses.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	return q.Handler.Handle(ctx, slog.NewRecord(r.Time, slog.LevelDebug, "http: a connection failed", 0))
}

func (s *server) routes() http.Handler {
	counters := prometheus.NewRegistry()
	counters.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "vigie_sql_statements_total", Help: "Statements run on the record, all but BEGIN, COMMIT, SAVEPOINT and ROLLBACK.",
	}, func() float64 { return float64(s.app.DB.Statements()) }))
	counters.MustRegister(jobMetrics{s.app.Jobs})
	if s.app.Phone.On() {
		counters.MustRegister(phoneMetrics{s.app.Phone})
	}
	metrics := promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, counters}, promhttp.HandlerOpts{})
	metricsFrom, _ := config.Networks(s.config.MetricsFrom) // Validate has read them
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		switch {
		case s.draining.Load():
			http.Error(w, "stopping", http.StatusServiceUnavailable)
		case s.app.DB.Ping(ctx) != nil:
			http.Error(w, "the record does not answer", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ready")
		}
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		// A request that came through a proxy is from outside, whatever its last hop.
		if err != nil || r.Header.Get("X-Forwarded-For") != "" || !contains(metricsFrom, host) {
			http.NotFound(w, r)
			return
		}
		metrics.ServeHTTP(w, r)
	})
	mux.Handle("/", s.app.web)
	return mux
}
