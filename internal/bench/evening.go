package bench

import (
	"context"
	"errors"

	"vigie/internal/freeport"
	"vigie/internal/store"
)

// evening is one measurement of the chat, on a record and with a server of its own, beside something that may cost it.
type evening struct {
	engine store.Engine
	chats  int // how many conversations a counsellor may have; 0 is capacity
	// profiled says that this is the evening to take profiles of, where any are wanted.
	profiled bool
	// prepare fills the record, and says what the crowd does; where it is and what it writes to is filled in.
	prepare func(h *House) (order, error)
	// beside begins what goes on while it is measured, and returns what waits for its report, and what ends it; nil for nothing.
	beside func(address string) (report func(ctx context.Context) error, end func(), err error)
}

// spend measures an evening.
func (b Bench) spend(ctx context.Context, e evening) (r *report, cost *Cost, err error) {
	rec, err := b.newRecord(ctx, e.engine)
	if err != nil {
		return nil, nil, err
	}
	defer rec.remove()
	h, err := b.Open(ctx, rec.place.data, rec.database)
	if err != nil {
		return nil, nil, err
	}
	o, err := e.prepare(h)
	if err = errors.Join(err, h.Close()); err != nil {
		return nil, nil, err
	}
	s := serving{data: rec.place.data, database: rec.database, chats: e.chats}
	if b.Profile != "" && e.profiled {
		s.profile = freeport.Address()
	}
	server, err := b.start(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.kill())
		}
		if text := server.log.String(); text != "" {
			b.logf("the server said:\n%s", text)
		}
	}()
	o.Do, o.Address, o.Ledger = talking, server.address, rec.place.ledger
	crowd, err := b.gather(o)
	if err != nil {
		return nil, nil, err
	}
	defer crowd.end()
	begin, err := crowd.hears(ctx, phaseMeasuring)
	if err != nil {
		return nil, nil, err
	}
	heard := func(context.Context) error { return nil }
	if e.beside != nil {
		var end func()
		if heard, end, err = e.beside(server.address); err != nil {
			return nil, nil, err
		}
		defer end()
	}
	before, err := b.meter(server, crowd, rec)
	if err != nil {
		return nil, nil, err
	}
	profiled := b.profiles(s.profile, int(o.Measure.Seconds()))
	end, err := crowd.hears(ctx, phaseMeasured)
	if err != nil {
		return nil, nil, err
	}
	after, err := b.meter(server, crowd, rec)
	if err = errors.Join(err, heard(ctx)); err != nil {
		return nil, nil, err
	}
	profiled()
	last, err := crowd.hears(ctx, phaseOver)
	if err != nil {
		return nil, nil, err
	}
	if last.Report.RefusedWith != "" {
		b.logf("the last refusal was: %s", last.Report.RefusedWith)
	}
	return last.Report, before.until(after, end.Acknowledged-begin.Acknowledged), server.stop()
}
