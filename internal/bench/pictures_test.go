package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"
)

// A bank that hides a neighbour is found out, and the last line has every figure either way.
func TestAHiddenNeighbourIsNoticed(t *testing.T) {
	for hide, fails := range map[int]bool{0: false, 1: true} {
		var out bytes.Buffer
		err := Bench{Out: &out, Log: io.Discard, JSON: true}.Pictures(context.Background(),
			PicturesOptions{Hashes: 5000, Queries: 40, Measure: 50 * time.Millisecond, Hide: hide})
		if errors.Is(err, Failed) != fails || !fails && err != nil {
			t.Errorf("%d hidden: %v", hide, err)
		}
		lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		var got map[string]any
		if err := json.Unmarshal(lines[len(lines)-1], &got); err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
		for name, want := range map[string]any{"bench": "pdq", "hashes": 5000.0, "queries": 40.0, "planted": 120.0, "found": 120.0 - float64(hide), "foreign": 0.0} {
			if got[name] != want {
				t.Errorf("%d hidden: %s is %v, not %v", hide, name, got[name], want)
			}
		}
		for _, name := range []string{"machine", "megapixels", "jpeg_bytes", "hashed_per_s", "decoded_and_hashed_per_s", "least_quality", "query_ms", "forms_query_ms", "rss_mb", "cpu_s", "others_cores"} {
			if _, there := got[name]; !there {
				t.Errorf("%s is missing", name)
			}
		}
	}
}
