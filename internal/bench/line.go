package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"vigie/internal/phone"
	"vigie/internal/store"
)

// LineOptions shape a measurement of the whole helpline.
type LineOptions struct {
	Calls, Chats int
	Interval     time.Duration // how often each visitor of a chat writes
	Measure      time.Duration
	Engine       store.Engine
	// End has so many counsellors end their call in the middle, to show that this is noticed.
	End int
}

// Phone is what became of calls that were talked while chats were written.
type Phone struct {
	Calls int `json:"calls"`
	// Up are those in which caller and counsellor heard each other, SetupS after the first one rang; Failed the others.
	Up     int     `json:"up"`
	Failed int     `json:"failed"`
	SetupS float64 `json:"setup_s"`
	// StillUp were heard on both sides to the end, Dropped were not.
	StillUp int `json:"still_up"`
	Dropped int `json:"dropped"`
	// Parted counts lines that were attached to a call and were told that they are not, Refused what the server
	// refused the softphones, Untold the pages that still showed a call when its caller had hung up.
	Parted  int64 `json:"parted"`
	Refused int64 `json:"signalling_refused"`
	Untold  int   `json:"untold"`
	// Recorded are the calls that the record has, answered and ended by the caller.
	Recorded     int   `json:"recorded"`
	ToCaller     Sound `json:"to_caller"`
	ToCounsellor Sound `json:"to_counsellor"`
	// LoadLag is how late the crowd was with its packets: its own trouble, which is in every gap.
	LoadLag Added  `json:"load_lag_ms"`
	Suite   string `json:"suite"`
	// Holds says that what is required held: no call drops, no gap over 60 ms at p99.9 on either side, messages
	// within 100 ms at p99 both ways.
	Holds bool `json:"holds"`
}

// Sound is what was heard at one kind of end.
type Sound struct {
	Sent    int64 `json:"sent"`
	Lost    int64 `json:"lost"`
	Foreign int64 `json:"foreign"` // heard by somebody else than the one they were for
	// Gap is from one packet to the next, as the kernel received them; Long counts those over 60 ms.
	Gap  Added `json:"gap_ms"`
	Long int64 `json:"over_60_ms"`
	// Added is from one end to the other.
	Added Added `json:"added_ms"`
}

// What is required of a helpline that is full.
const (
	gapAtMost  = 60  // ms, at p99.9
	chatAtMost = 100 // ms, at p99
)

// good says that every call was carried, whatever the times were.
func (p *Phone) good() bool {
	lost, sent := p.ToCaller.Lost+p.ToCounsellor.Lost, p.ToCaller.Sent+p.ToCounsellor.Sent
	return p.Failed == 0 && p.Dropped == 0 && p.Parted == 0 && p.Refused == 0 && p.Untold == 0 && p.Recorded == p.Calls &&
		p.ToCaller.Foreign+p.ToCounsellor.Foreign == 0 && lost*100 <= sent
}

// Line measures calls and chats at once: one server, as it is served, with a trunk and browsers on loopback.
func (b Bench) Line(ctx context.Context, o LineOptions) error {
	chat := ChatOptions{Visitors: o.Chats, Interval: o.Interval, Measure: o.Measure, Engine: o.Engine, Counsellors: counsellorsFor(o.Chats)}
	result := Result{Bench: "line", Store: string(o.Engine), Machine: thisMachine(), Fate: &Fate{}, Talk: &Talk{
		Visitors: o.Chats, Counsellors: chat.Counsellors, Pool: poolSize, IntervalS: o.Interval.Seconds(), MeasuredS: o.Measure.Seconds(),
	}}
	b.logf("%s", result.Machine)
	if runtime.GOOS != "linux" {
		return b.notShown(result, "the crowd of telephones needs Linux")
	}
	rec, err := b.newRecord(ctx, o.Engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	seats, err := b.prepare(ctx, rec.place.data, rec.database, chat.Counsellors+o.Calls)
	if err != nil {
		return err
	}
	phones, err := newPhones(rec.place.root, seats[chat.Counsellors:])
	if err != nil {
		return err
	}
	phones.Ends = o.End
	if err := b.measure(ctx, chat, rec, seats[:chat.Counsellors], phones, &result); err != nil {
		return err
	}
	if err := b.compare(ctx, rec, &result); err != nil {
		return err
	}
	p := result.Phone
	if p.Recorded, err = b.recorded(ctx, rec); err != nil {
		return err
	}
	p.Holds = p.good() && p.ToCaller.Gap.P999 <= gapAtMost && p.ToCounsellor.Gap.P999 <= gapAtMost &&
		result.ToDesk.P99 < chatAtMost && result.ToVisitor.P99 < chatAtMost
	if err := b.result(result); err != nil {
		return err
	}
	if !p.good() || !result.good() || result.Acknowledged < result.Sent {
		return fmt.Errorf("%w: see above", Failed)
	}
	return nil
}

// trunks is the operator of the measurement: whoever is on this machine may ring.
const trunks = `[[trunk]]
name = "bench"
peers = ["127.0.0.0/8"]
numbers = ["` + number + `"]
codecs = ["PCMA"]
`

// newPhones writes the trunk's file in a folder, and finds ports that are free.
func newPhones(folder string, seats []seat) (*phones, error) {
	p := &phones{Seats: seats, trunks: filepath.Join(folder, "trunks.toml")}
	var err error
	for _, address := range []*string{&p.SIP, &p.web} {
		conn, listening := net.ListenPacket("udp4", "127.0.0.1:0")
		if listening != nil {
			return nil, listening
		}
		*address = conn.LocalAddr().String()
		defer conn.Close() // not before the other one is found
	}
	if err = os.WriteFile(p.trunks, []byte(trunks), 0o600); err != nil {
		return nil, err
	}
	return p, nil
}

// recorded is how many calls the record has that were answered and that their caller ended.
func (b Bench) recorded(ctx context.Context, rec *record) (n int, err error) {
	h, err := b.Open(ctx, rec.place.data, rec.database)
	if err != nil {
		return 0, fmt.Errorf("the record cannot be opened: %w", err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return store.One(ctx, h.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) },
		`SELECT count(*) FROM phone_call WHERE answered_at > 0 AND ended_at > 0 AND outcome = $1`, phone.ByCaller)
}

func (p *Phone) print(w io.Writer) {
	fmt.Fprintf(w, "  %d calls of G.711 to browsers meanwhile: %d up (%d failed) after %.1f s, %d still up at the end, %d dropped, %d parted from their browser\n",
		p.Calls, p.Up, p.Failed, p.SetupS, p.StillUp, p.Dropped, p.Parted)
	fmt.Fprintf(w, "  signalling refused %d times, pages not told of the end %d, calls whole in the record %d\n", p.Refused, p.Untold, p.Recorded)
	for _, s := range []struct {
		name string
		Sound
	}{{"to the caller    ", p.ToCaller}, {"to the counsellor", p.ToCounsellor}} {
		fmt.Fprintf(w, "  %s sent %d, lost %d, heard by others %d; gaps p50 %.2f  p99 %.2f  p99.9 %.2f  max %.1f ms, %d over 60; added p50 %.3f  p99.9 %.2f ms\n",
			s.name, s.Sent, s.Lost, s.Foreign, s.Gap.P50, s.Gap.P99, s.Gap.P999, s.Gap.Max, s.Long, s.Added.P50, s.Added.P999)
	}
	fmt.Fprintf(w, "  the crowd was %.2f ms late with its own packets at p99, %.2f at p99.9, %.1f at most; %s\n", p.LoadLag.P99, p.LoadLag.P999, p.LoadLag.Max, p.Suite)
	if p.LoadLag.P999 > loadLate {
		fmt.Fprintln(w, "  the crowd itself was late: the gaps are partly its own")
	}
	if p.Holds {
		fmt.Fprintln(w, "  what is required held: no call dropped, gaps of 60 ms at most at p99.9, messages within 100 ms at p99")
	} else {
		fmt.Fprintln(w, "  what is required did NOT hold: no call dropped, gaps of 60 ms at most at p99.9, messages within 100 ms at p99")
	}
}

// loadLate is from when on the crowd's own lateness says more of a gap than the server does, in milliseconds.
const loadLate = 10
