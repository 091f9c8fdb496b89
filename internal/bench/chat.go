package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/store"
	"vigie/internal/store/private"
)

// ChatOptions shape a measurement of the chat.
type ChatOptions struct {
	Visitors    int
	Interval    time.Duration
	Measure     time.Duration
	Engine      store.Engine
	Counsellors int // 0 chooses
}

// record is where a measurement keeps its record.
type record struct {
	place    place
	database string // "" is SQLite in place.data
	cluster  *private.Cluster
}

// newRecord makes an empty place for the record; on PostgreSQL with a server of our own, which syncs.
func (b Bench) newRecord(ctx context.Context, engine store.Engine) (*record, error) {
	p, err := b.place()
	if err != nil {
		return nil, err
	}
	r := &record{place: p}
	if engine == store.PostgreSQL {
		if r.cluster, err = private.Start(private.Options{}); err == nil {
			err = r.cluster.Create(ctx, "vigie", "")
		}
		if err != nil {
			r.remove()
			return nil, err
		}
		r.database = r.cluster.Address("vigie")
	}
	return r, nil
}

func (r *record) remove() {
	if r.cluster != nil {
		_ = r.cluster.Stop()
	}
	r.place.remove()
}

// Chat measures visitors who talk with counsellors.
func (b Bench) Chat(ctx context.Context, o ChatOptions) error {
	if o.Counsellors == 0 {
		o.Counsellors = counsellorsFor(o.Visitors)
	}
	result := Result{Bench: "chat", Store: string(o.Engine), Machine: thisMachine(), Fate: &Fate{}, Talk: &Talk{
		Visitors: o.Visitors, Counsellors: o.Counsellors, Pool: poolSize, IntervalS: o.Interval.Seconds(), MeasuredS: o.Measure.Seconds(),
	}}
	b.logf("%s", result.Machine)
	b.logf("each counsellor is allowed %d chats at once, which nobody should be: this is about the machine", capacity)
	rec, err := b.newRecord(ctx, o.Engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	seats, err := b.prepare(ctx, rec.place.data, rec.database, o.Counsellors)
	if err != nil {
		return err
	}
	if err := b.measure(ctx, o, rec, seats, nil, &result); err != nil {
		return err
	}
	if err := b.compare(ctx, rec, &result); err != nil {
		return err
	}
	if err := b.result(result); err != nil {
		return err
	}
	if !result.good() || result.Acknowledged < result.Sent {
		return fmt.Errorf("%w: see above", Failed)
	}
	return nil
}

// compare compares what was acknowledged with the record and with what the pages showed.
func (b Bench) compare(ctx context.Context, rec *record, result *Result) error {
	b.logf("comparing what was acknowledged with the record")
	found, err := b.verify(ctx, rec.place.data, rec.database, rec.place.ledger)
	if err != nil {
		return err
	}
	entries, err := readLedger(rec.place.ledger)
	if err != nil {
		return err
	}
	found.shown(entries)
	result.take(found)
	result.Lost += found.undelivered
	for _, why := range found.why {
		b.logf("%s", why)
	}
	return nil
}

// measure runs server and crowd, and stops the server in order. With phones there are calls too.
func (b Bench) measure(ctx context.Context, o ChatOptions, rec *record, seats []seat, phones *phones, result *Result) (err error) {
	s := serving{data: rec.place.data, database: rec.database, more: phones.flags()}
	if b.Profile != "" {
		s.profile = freeport.Address()
	}
	server, err := b.start(ctx, s)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.kill())
			if text := server.log.String(); text != "" {
				b.logf("the server said:\n%s", text)
			}
		}
	}()
	b.logf("the server was ready after %s; %d visitors come in", server.took.Round(time.Millisecond), o.Visitors)
	crowd, err := b.gather(order{
		Do: talking, Address: server.address, Visitors: o.Visitors, Seats: seats, Interval: o.Interval, Measure: o.Measure,
		Pool: poolSize, Ledger: rec.place.ledger, Seed: 1, Phones: phones,
	})
	if err != nil {
		return err
	}
	defer crowd.end()

	begin, err := crowd.hears(ctx, phaseMeasuring)
	if err != nil {
		return err
	}
	before, err := b.meter(server, crowd, nil, rec)
	if err != nil {
		return err
	}
	b.logf("measuring for %s", o.Measure)
	profiled := b.profiles(s.profile, int(o.Measure.Seconds()))
	end, err := crowd.hears(ctx, phaseMeasured)
	if err != nil {
		return err
	}
	after, err := b.meter(server, crowd, nil, rec)
	if err != nil {
		return err
	}
	profiled()
	last, err := crowd.hears(ctx, phaseOver)
	if err != nil {
		return err
	}
	result.fill(last.Report)
	result.Phone = last.Report.Phone
	result.Cost = before.until(after, end.Acknowledged-begin.Acknowledged)
	if text := server.log.String(); text != "" {
		b.logf("the server said:\n%s", text)
	}
	if last.Report.RefusedWith != "" {
		b.logf("the last refusal was: %s", last.Report.RefusedWith)
	}
	if last.Report.Mangled > 0 {
		return fmt.Errorf("%w: %d messages were shown without their words", Failed, last.Report.Mangled)
	}
	return server.stop()
}

func (r *Result) fill(seen *report) {
	t := r.Talk
	t.Sent, t.Delivered, t.Refused, t.Reconnected = seen.Sent, seen.Delivered, seen.Refused, seen.Reconnected
	r.Acknowledged, r.Doubled, r.Resent = seen.Acknowledged, seen.Doubled, seen.Resent
	t.ToDesk, t.ToVisitor, t.Ack = seen.ToDesk, seen.ToVisitor, seen.Acknowledging
	t.RampS = float64(seen.RampMillis) / 1000
}

// reading is what the meters show at one moment.
type reading struct {
	statements                    int64
	rss                           int64
	server, crowd, beside, engine time.Duration
	busy                          time.Duration // of the whole machine
	at                            time.Time
}

func (b Bench) meter(s *server, c, beside *crowdProcess, rec *record) (r reading, err error) {
	if r.statements, err = s.statements(); err != nil {
		return r, err
	}
	if r.rss, _, err = memory(s.pid()); err != nil {
		return r, err
	}
	r.server, r.crowd = processor(s.pid()), processor(c.pid())
	if beside != nil {
		r.beside = processor(beside.pid())
	}
	if rec.cluster != nil {
		r.engine = processorBelow(rec.cluster.Pid())
	}
	r.busy, r.at = busyTime(), time.Now()
	return r, nil
}

// until is the cost between two readings, in which so many messages were acknowledged.
func (r reading) until(after reading, messages int64) *Cost {
	c := &Cost{
		SQLPerMessage: hundredths(float64(after.statements-r.statements) / float64(max(messages, 1))), RSSBefore: mega(r.rss), RSS: mega(after.rss),
		CPU: (after.server - r.server).Seconds(), LoadCPU: (after.crowd - r.crowd).Seconds(), BesideCPU: (after.beside - r.beside).Seconds(),
		DatabaseCPU: (after.engine - r.engine).Seconds(),
	}
	others := (after.busy - r.busy).Seconds() - c.CPU - c.LoadCPU - c.BesideCPU - c.DatabaseCPU
	c.Others = hundredths(max(0, others) / after.at.Sub(r.at).Seconds())
	return c
}

func hundredths(f float64) float64 { return float64(int64(f*100+0.5)) / 100 }
