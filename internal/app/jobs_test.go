package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vigie/internal/jobs"
	"vigie/internal/store"
)

// metricsOf is what a scrape of one collector reads.
func metricsOf(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}

// A job that failed is seen by an operator, in the commands, by the doctor and in the metrics, by its kind and a code;
// she tries it again, or drops it, and either is written in the log of acts.
func TestAnOperatorSeesWhatFailed(t *testing.T) {
	data := t.TempDir()
	vigie := func(args ...string) (said string, status int) {
		var out bytes.Buffer
		status = Run(t.Context(), append(args, "--data", data), Terminal{In: strings.NewReader(""), Out: &out, Err: &out})
		return out.String(), status
	}
	says := func(said string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(said, word) {
				t.Errorf("%q is not in:\n%s", word, said)
			}
		}
	}
	if said, status := vigie("migrate"); status != 0 {
		t.Fatal(said)
	}
	type errand struct{ To jobs.ID }
	const whom = "0197aaaa-0000-7000-8000-00000000000a"
	fails := func(n int) (id string) {
		db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(data, "vigie.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		j := jobs.New(jobs.Options{DB: db})
		send := jobs.Register(j, "letter.send", jobs.Rules{}, func(context.Context, jobs.Job[errand]) error { return jobs.GiveUp(errors.New("Marie moved")) })
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return send.Enqueue(t.Context(), tx, errand{To: whom}) }); err != nil {
			t.Fatal(err)
		}
		working, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); j.Run(working) }()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			failed, err := j.Failed(t.Context(), 10)
			if err != nil || time.Now().After(deadline) {
				t.Fatal("it never failed: ", err)
			}
			if len(failed) == n {
				stop()
				<-ended
				metrics := metricsOf(t, jobMetrics{j})
				says(metrics, fmt.Sprintf(`vigie_jobs{kind="letter.send",state="failed"} %d`, n), `vigie_jobs{kind="letter.send",state="waiting"} 0`,
					`vigie_job_late_seconds{kind="letter.send"} 0`, `vigie_job_runs_total{kind="letter.send",outcome="failed"}`)
				if strings.Contains(metrics, whom) || strings.Contains(metrics, failed[0].ID) {
					t.Errorf("the metrics tell whom it is about:\n%s", metrics)
				}
				return failed[0].ID
			}
		}
	}
	id := fails(1)
	said, status := vigie("jobs")
	if says(said, "letter.send  0        0        1", id, "error"); status != 0 || strings.Contains(said, whom) || strings.Contains(said, "Marie") {
		t.Errorf("vigie jobs says (%d):\n%s", status, said)
	}
	said, status = vigie("doctor")
	if says(said, "LOOK    no job failed for good (1 did: see `vigie jobs`)", "ok      0 jobs wait"); status == 0 {
		t.Error("the doctor is content")
	}
	if said, status = vigie("jobs", "again", id); status != 0 {
		t.Error(said)
	}
	if said, _ = vigie("doctor"); true {
		says(said, "ok      no job failed for good (0", "ok      1 jobs wait, none is late")
	}
	if said, status = vigie("jobs", "again", id); status == 0 {
		t.Error(said)
	}
	if said, status = vigie("jobs", "drop", fails(2)); status != 0 {
		t.Error(said)
	}
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(data, "vigie.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	acts, err := store.All(t.Context(), db, func(r store.Row) (act string, err error) { return act, r.Scan(&act) }, `SELECT act FROM audit WHERE object = 'job' ORDER BY id`)
	if err != nil || strings.Join(acts, " ") != "job.again job.drop" {
		t.Errorf("the log says %v %v", acts, err)
	}
}
