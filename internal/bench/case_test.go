package bench_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"vigie/internal/app"
	"vigie/internal/bench"
)

// A few case files are made, searched and opened; a search that does not find its file is noticed.
func TestCaseFilesAreOpenedAndFound(t *testing.T) {
	t.Setenv(bench.AsProgram, "1")
	for _, miss := range []bool{false, true} {
		args := []string{"bench", "case", "--json", "--cases", "30", "--items", "40", "--notices", "5", "--runs", "4"}
		if miss {
			args = append(args, "--miss")
		}
		var out, errs bytes.Buffer
		code := app.Run(t.Context(), args, app.Terminal{In: strings.NewReader(""), Out: &out, Err: &errs})
		if (code != 0) != miss {
			t.Fatalf("searching for what is not there %v: ended with %d\n%s%s", miss, code, out.Bytes(), errs.Bytes())
		}
		lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		var got map[string]any
		if err := json.Unmarshal(lines[len(lines)-1], &got); err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
		missed := 0.0
		if miss {
			missed = 12 // by account, number and address, four times each
		}
		for name, want := range map[string]any{"bench": "case", "store": "sqlite", "cases": 30.0, "items": 40.0, "notices": 5.0, "runs": 4.0, "not_found": missed} {
			if got[name] != want {
				t.Errorf("searching for what is not there %v: %s is %v, not %v", miss, name, got[name], want)
			}
		}
		for _, name := range []string{"machine", "made_s", "opened_ms", "page_bytes", "handle_ms", "number_ms", "url_ms", "filter_ms", "others_cores"} {
			if _, there := got[name]; !there {
				t.Errorf("%s is missing", name)
			}
		}
	}
}
