package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/store"
)

// Start is how long the server takes to be there.
type Start struct {
	Runs    int     `json:"runs"`
	Median  float64 `json:"start_ms"`
	Fastest float64 `json:"fastest_ms"`
	Slowest float64 `json:"slowest_ms"`
}

// Starting measures from exec to the first /readyz that says yes, on a migrated record.
func (b Bench) Starting(ctx context.Context, runs int, engine store.Engine) error {
	result := Result{Bench: "start", Store: string(engine), Machine: thisMachine(), Start: &Start{Runs: runs}}
	rec, err := b.newRecord(ctx, engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	if _, err := b.prepare(ctx, rec.place.data, rec.database, 3); err != nil {
		return err
	}
	var all []float64
	for range runs {
		s, err := b.start(ctx, serving{data: rec.place.data, database: rec.database})
		if err != nil {
			return err
		}
		all = append(all, millis(s.took))
		if err := s.stop(); err != nil {
			return err
		}
	}
	slices.Sort(all)
	result.Start.Median, result.Start.Fastest, result.Start.Slowest = all[len(all)/2], all[0], all[len(all)-1]
	return b.result(result)
}

// Idle is what a server holds that nobody asks anything.
type Idle struct {
	Settle      float64 `json:"settle_s"`
	AfterStart  float64 `json:"after_start_mb"`
	Logins      int     `json:"logins"`
	AfterLogins float64 `json:"after_logins_mb"`
	Peak        float64 `json:"peak_mb"`
}

// Idling measures the server's memory a while after its start, and again a while after log-ins with a
// password, whose slow hash takes much memory for a moment.
func (b Bench) Idling(ctx context.Context, logins int, rest time.Duration, engine store.Engine) error {
	result := Result{Bench: "idle", Store: string(engine), Machine: thisMachine(), Idle: &Idle{Settle: rest.Seconds(), Logins: logins}}
	rec, err := b.newRecord(ctx, engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	names, err := b.withPasswords(ctx, rec.place.data, rec.database, logins)
	if err != nil {
		return err
	}
	s, err := b.start(ctx, serving{data: rec.place.data, database: rec.database})
	if err != nil {
		return err
	}
	if err = b.idle(ctx, s, names, rest, result.Idle); err != nil {
		return errors.Join(err, s.kill())
	}
	if err := s.stop(); err != nil {
		return err
	}
	return b.result(result)
}

func (b Bench) idle(ctx context.Context, s *server, names []string, rest time.Duration, i *Idle) error {
	b.logf("resting for %s", rest)
	if err := settle(ctx, rest); err != nil {
		return err
	}
	now, _, err := memory(s.pid())
	if err != nil {
		return err
	}
	i.AfterStart = mega(now)
	for _, name := range names {
		if _, err := logIn(ctx, s.address, name); err != nil {
			return err
		}
	}
	b.logf("%d logged in; resting for %s", len(names), rest)
	if err := settle(ctx, rest); err != nil {
		return err
	}
	now, most, err := memory(s.pid())
	i.AfterLogins, i.Peak = mega(now), mega(most)
	return err
}

// Wait is what waiting visitors take.
type Wait struct {
	Waiting int     `json:"waiting"`
	Without float64 `json:"without_mb"`
	With    float64 `json:"with_mb"`
	KBEach  float64 `json:"kb_each"`
}

// Waiting measures what one waiting visitor takes of the server's memory, with her stream open, over
// plain HTTP: (memory with them − memory without) / their number.
func (b Bench) Waiting(ctx context.Context, visitors int, rest time.Duration, engine store.Engine) error {
	result := Result{Bench: "wait", Store: string(engine), Machine: thisMachine(), Wait: &Wait{Waiting: visitors}}
	rec, err := b.newRecord(ctx, engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	if _, err := b.prepare(ctx, rec.place.data, rec.database, 1); err != nil {
		return err
	}
	o := serving{data: rec.place.data, database: rec.database}
	if b.Profile != "" {
		o.profile = freeport.Address()
	}
	s, err := b.start(ctx, o)
	if err != nil {
		return err
	}
	err = b.waits(ctx, s, visitors, rest, result.Wait, o.profile)
	if err = errors.Join(err, s.stop()); err != nil {
		return err
	}
	return b.result(result)
}

func (b Bench) waits(ctx context.Context, s *server, visitors int, rest time.Duration, w *Wait, profile string) error {
	b.logf("nobody waits yet; resting for %s", rest)
	if err := settle(ctx, rest); err != nil {
		return err
	}
	without, _, err := memory(s.pid())
	if err != nil {
		return err
	}
	crowd, err := b.gather(order{Do: standing, Address: s.address, Visitors: visitors, Pool: 1, Seed: 1})
	if err != nil {
		return err
	}
	defer crowd.end()
	if _, err := crowd.hears(ctx, phaseWaiting); err != nil {
		return err
	}
	b.logf("%d wait; resting for %s", visitors, rest)
	if err := settle(ctx, rest); err != nil {
		return err
	}
	with, _, err := memory(s.pid())
	if err != nil {
		return err
	}
	if b.Profile != "" {
		b.profiles(profile, 1)()
		if text, err := get("http://" + profile + "/free"); err == nil {
			now, _, _ := memory(s.pid())
			b.logf("once all is given back: %.1f MB; %s", mega(now), text)
		}
	}
	w.Without, w.With = mega(without), mega(with)
	w.KBEach = float64((with-without)/int64(visitors)/100) / 10
	crowd.stop()
	last, err := crowd.hears(ctx, phaseOver)
	if err == nil && last.Report.Reconnected > int64(visitors)/100 {
		err = fmt.Errorf("%w: %d of the streams broke", Failed, last.Report.Reconnected)
	}
	return err
}
