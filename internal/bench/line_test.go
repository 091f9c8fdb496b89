package bench_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"sync"
	"testing"

	"vigie/internal/app"
	"vigie/internal/bench"
)

// lineResult is what a script reads from the last line.
type lineResult struct {
	Sent         *int64                            `json:"sent"`
	Acknowledged *int64                            `json:"acknowledged"`
	Delivered    *int64                            `json:"delivered"`
	Lost         *int64                            `json:"lost"`
	Doubled      *int64                            `json:"doubled"`
	ChainOK      *bool                             `json:"chain_ok"`
	ToDesk       *struct{ P50, P95, P99 *float64 } `json:"to_desk_ms"`
	ToVisitor    *struct{ P50, P95, P99 *float64 } `json:"to_visitor_ms"`
	CPU          *float64                          `json:"cpu_s"`
	LoadCPU      *float64                          `json:"load_cpu_s"`
	Others       *float64                          `json:"others_cores"`
	RSS          *float64                          `json:"rss_mb"`
	Phone        *struct {
		Calls        *int       `json:"calls"`
		Up           *int       `json:"up"`
		Failed       *int       `json:"failed"`
		StillUp      *int       `json:"still_up"`
		Dropped      *int       `json:"dropped"`
		Parted       *int       `json:"parted"`
		Refused      *int       `json:"signalling_refused"`
		Untold       *int       `json:"untold"`
		Recorded     *int       `json:"recorded"`
		ToCaller     *lineSound `json:"to_caller"`
		ToCounsellor *lineSound `json:"to_counsellor"`
		Holds        *bool      `json:"holds"`
	} `json:"phone"`
}

type lineSound struct {
	Sent    *int64                                  `json:"sent"`
	Lost    *int64                                  `json:"lost"`
	Foreign *int64                                  `json:"foreign"`
	Gap     *struct{ P50, P99, P999, Max *float64 } `json:"gap_ms"`
}

// measureLine runs the command as it is typed and returns its last line and its exit code.
func measureLine(t *testing.T, more ...string) (r lineResult, code int) {
	var out bytes.Buffer
	args := append([]string{"bench", "line", "--calls", "3", "--chats", "4", "--interval", "500ms", "--seconds", "4", "--json", "--in", t.TempDir()}, more...)
	code = app.Run(t.Context(), args, app.Terminal{In: strings.NewReader(""), Out: &out, Err: t.Output()})
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		t.Errorf("the last line is no result: %v\n%s", err, out.Bytes())
	}
	t.Logf("%s", out.Bytes())
	return r, code
}

// Three calls and four chats at once, through everything that is served: all calls come up by the real trunk, line,
// desks and softphones, none ends before its caller hangs up, each is whole in the record, and no message is lost or
// doubled. One whose counsellor hangs up is seen to have been dropped. How fast is not asked here.
func TestTheWholeHelplineUnderLiveLoad(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the crowd of telephones needs Linux")
	}
	t.Setenv(bench.AsProgram, "1")
	var whole, broken lineResult
	var ok, failed int
	var both sync.WaitGroup // each greets its callers for as long as a greeting takes
	both.Go(func() { whole, ok = measureLine(t) })
	both.Go(func() { broken, failed = measureLine(t, "--end", "1") })
	both.Wait()
	if t.Failed() {
		return
	}
	for what, r := range map[string]lineResult{"all hang up themselves": whole, "one counsellor hangs up": broken} {
		switch p := r.Phone; {
		case r.Sent == nil, r.Acknowledged == nil, r.Delivered == nil, r.Lost == nil, r.Doubled == nil, r.ChainOK == nil, r.ToDesk == nil, r.ToVisitor == nil,
			r.CPU == nil, r.LoadCPU == nil, r.Others == nil, r.RSS == nil, p == nil:
			t.Fatalf("%s: a key is missing: %+v", what, r)
		case p.Calls == nil, p.Up == nil, p.Failed == nil, p.StillUp == nil, p.Dropped == nil, p.Parted == nil, p.Refused == nil, p.Untold == nil,
			p.Recorded == nil, p.ToCaller == nil, p.ToCounsellor == nil, p.Holds == nil, p.ToCaller.Gap == nil, p.ToCounsellor.Gap == nil:
			t.Fatalf("%s: a key of the calls is missing: %+v", what, p)
		case *p.Up != 3, *p.Failed != 0, *p.Refused != 0, *p.Untold != 0:
			t.Errorf("%s: of 3 calls %d came up and %d did not; %d requests were refused, %d pages not told of the end", what, *p.Up, *p.Failed, *p.Refused, *p.Untold)
		case *r.Sent < 32, *r.Acknowledged != *r.Sent, *r.Delivered != *r.Sent, *r.Lost != 0, *r.Doubled != 0, !*r.ChainOK:
			t.Errorf("%s: sent %d messages, acknowledged %d, delivered %d, lost %d, doubled %d", what, *r.Sent, *r.Acknowledged, *r.Delivered, *r.Lost, *r.Doubled)
		case *p.ToCaller.Foreign != 0, *p.ToCounsellor.Foreign != 0:
			t.Errorf("%s: %d and %d packets were heard by others", what, *p.ToCaller.Foreign, *p.ToCounsellor.Foreign)
		}
	}
	for side, s := range map[string]*lineSound{"callers": whole.Phone.ToCaller, "counsellors": whole.Phone.ToCounsellor} {
		if *s.Sent != 600 || *s.Lost*100 > *s.Sent || *s.Gap.P50 <= 0 {
			t.Errorf("%s were sent %d packets and lost %d, every %g ms; want 600 and next to none, every 20", side, *s.Sent, *s.Lost, *s.Gap.P50)
		}
	}
	if p := whole.Phone; ok != 0 || *p.StillUp != 3 || *p.Dropped != 0 || *p.Parted != 0 || *p.Recorded != 3 {
		t.Errorf("it ended with %d: %d calls still up, %d dropped, %d parted, %d whole in the record", ok, *p.StillUp, *p.Dropped, *p.Parted, *p.Recorded)
	}
	if p := broken.Phone; failed == 0 || *p.StillUp != 2 || *p.Dropped != 1 || *p.Recorded != 2 || *p.Holds {
		t.Errorf("with one that was ended it ended with %d: %d calls still up, %d dropped, %d whole in the record", failed, *p.StillUp, *p.Dropped, *p.Recorded)
	}
}
