package bench_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"vigie/internal/bench"
	"vigie/internal/phone/relay"
)

// callsResult is what a script reads from the last line.
type callsResult struct {
	carriedKeys
	To   string       `json:"to"`
	Peer *carriedKeys `json:"peer"`
}

// carriedKeys are the keys that are promised of us and of the peer.
type carriedKeys struct {
	Calls     *int                         `json:"calls"`
	SetupPerS *float64                     `json:"setup_per_s"`
	Sent      *int64                       `json:"sent"`
	Lost      *int64                       `json:"lost"`
	Late      *int64                       `json:"late"`
	Foreign   *int64                       `json:"foreign"`
	Added     *struct{ P50, P99 *float64 } `json:"added_ms"`
	CPU       *float64                     `json:"cpu_s"`
	RSS       *float64                     `json:"rss_mb"`
	PerCore   *int                         `json:"calls_per_core"`
}

func measureCalls(t *testing.T, o bench.CallsOptions) (callsResult, error) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the crowd of telephones needs Linux")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(bench.AsProgram, "1")
	o.Calls, o.WarmUp, o.Measure = 4, time.Second, 2*time.Second
	var out bytes.Buffer
	failed := bench.Bench{Program: program, Out: &out, Log: t.Output(), JSON: true, Within: t.TempDir()}.Calls(t.Context(), o)
	var r callsResult
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		t.Fatalf("the last line is no result: %v (%v)\n%s", err, failed, out.Bytes())
	}
	return r, failed
}

// Four calls of two seconds to each kind of end: everything that is said is heard by the one it is for, and every
// key that is promised is there. How fast is not asked here.
func TestCallsAreRelayedToEveryKindOfEnd(t *testing.T) {
	for _, to := range []relay.To{relay.RTP, relay.Shared, relay.WebRTC} {
		t.Run(string(to), func(t *testing.T) {
			r, err := measureCalls(t, bench.CallsOptions{To: to, Peer: true})
			if err != nil {
				t.Fatal(err)
			}
			carried(t, "ours", &r.carriedKeys)
			if r.Peer == nil {
				t.Log("the peer is not installed here")
			} else {
				carried(t, "peer", r.Peer)
			}
		})
	}
}

func carried(t *testing.T, who string, c *carriedKeys) {
	t.Helper()
	switch {
	case c.Calls == nil, c.SetupPerS == nil, c.Sent == nil, c.Lost == nil, c.Late == nil, c.CPU == nil, c.RSS == nil, c.PerCore == nil,
		c.Added == nil, c.Added != nil && (c.Added.P50 == nil || c.Added.P99 == nil):
		t.Fatalf("%s: a key is missing: %+v", who, c)
	case *c.Calls != 4 || *c.Sent != 800:
		t.Errorf("%s: %d calls sent %d packets; want 4 and 800", who, *c.Calls, *c.Sent)
	case *c.Lost*100 > *c.Sent || *c.Foreign != 0:
		t.Errorf("%s: of %d packets %d were lost and %d heard by others", who, *c.Sent, *c.Lost, *c.Foreign)
	}
}

// A relay that loses every fifth packet is seen to: what is lost is counted, and the measurement fails.
func TestARelayThatLosesPacketsIsSeen(t *testing.T) {
	for _, to := range []relay.To{relay.RTP, relay.WebRTC} {
		r, err := measureCalls(t, bench.CallsOptions{To: to, LoseEvery: 5})
		if !errors.Is(err, bench.Failed) {
			t.Errorf("%s: %v; want that it failed", to, err)
		}
		if r.Lost == nil || *r.Lost < 150 || *r.Lost > 200 {
			t.Errorf("%s: lost %v of 800; want 160", to, r.Lost)
		}
	}
}
