package bench

import (
	"encoding/json"
	"testing"
)

// Every figure has its own name on the last line; one that two parts shared would silently be in neither.
func TestTheLastLineHasEveryFigure(t *testing.T) {
	text, err := json.Marshal(Result{Fate: &Fate{}, Talk: &Talk{}, Cost: &Cost{DatabaseCPU: 1}, Crash: &Crash{Break: "b", Why: "w"}, Start: &Start{}, Idle: &Idle{}, Wait: &Wait{}, Phone: &Phone{}, NotShown: "n"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"bench", "store", "machine", "not_shown", "sent", "acknowledged", "delivered", "lost", "doubled", "disordered", "unreadable", "chain_ok",
		"to_desk_ms", "to_visitor_ms", "acknowledged_ms", "sql_per_message", "rss_mb", "rss_before_mb", "others_cores", "phone", "cpu_s", "load_cpu_s", "database_cpu_s",
		"kills", "fault", "break", "seed", "contacts", "why", "start_ms", "after_start_mb", "after_logins_mb", "kb_each", "refused", "resent", "reconnected",
	} {
		if _, there := got[name]; !there {
			t.Errorf("%s is missing", name)
		}
	}
	for _, side := range []string{"to_desk_ms", "to_visitor_ms"} {
		for _, rank := range []string{"p50", "p95", "p99"} {
			if _, there := got[side].(map[string]any)[rank]; !there {
				t.Errorf("%s has no %s", side, rank)
			}
		}
	}
}
