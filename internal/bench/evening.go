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
	// beside is what another load process does meanwhile; nil for nothing. Its browsers have machines of their own, so here it gives way to
	// the others. first says that it begins before the measurement, as soon as everybody talks, and counts what happens while it lasts.
	beside func() *order
	first  bool
}

// spend measures an evening; also is what those beside say at the end.
func (b Bench) spend(ctx context.Context, e evening) (r *report, also told, cost *Cost, err error) {
	rec, err := b.newRecord(ctx, e.engine)
	if err != nil {
		return nil, told{}, nil, err
	}
	defer rec.remove()
	h, err := b.Open(ctx, rec.place.data, rec.database)
	if err != nil {
		return nil, told{}, nil, err
	}
	o, err := e.prepare(h)
	if err = errors.Join(err, h.Close()); err != nil {
		return nil, told{}, nil, err
	}
	s := serving{data: rec.place.data, database: rec.database, chats: e.chats}
	if b.Profile != "" && e.profiled {
		s.profile = freeport.Address()
	}
	server, err := b.start(ctx, s)
	if err != nil {
		return nil, told{}, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.kill())
		}
		if text := server.log.String(); text != "" {
			b.logf("the server said:\n%s", text)
		}
	}()
	o.Do, o.Address, o.Ledger, o.Held = talking, server.address, rec.place.ledger, e.first
	crowd, err := b.gather(o)
	if err != nil {
		return nil, told{}, nil, err
	}
	defer crowd.end()
	var others *crowdProcess
	began := func() error {
		if e.beside == nil {
			return nil
		}
		o := e.beside()
		o.Address = server.address
		var err error
		others, err = b.gather(*o)
		return err
	}
	defer func() {
		if others != nil {
			others.end()
		}
	}()
	if e.first {
		if _, err = crowd.hears(ctx, phaseTalking); err == nil {
			err = began()
		}
		if err == nil {
			_, err = others.hears(ctx, phaseWaiting)
		}
		if err != nil {
			return nil, told{}, nil, err
		}
		crowd.tell("go")
	}
	begin, err := crowd.hears(ctx, phaseMeasuring)
	if err == nil && !e.first {
		err = began()
	}
	if err != nil {
		return nil, told{}, nil, err
	}
	if e.first {
		others.tell("count")
	}
	before, err := b.meter(server, crowd, others, rec)
	if err != nil {
		return nil, told{}, nil, err
	}
	profiled := b.profiles(s.profile, int(o.Measure.Seconds()))
	end, err := crowd.hears(ctx, phaseMeasured)
	if err != nil {
		return nil, told{}, nil, err
	}
	after, err := b.meter(server, crowd, others, rec)
	if err == nil && others != nil {
		if e.first {
			others.tell("stop")
		}
		also, err = others.hears(ctx, phaseOver)
	}
	if err != nil {
		return nil, told{}, nil, err
	}
	profiled()
	last, err := crowd.hears(ctx, phaseOver)
	if err != nil {
		return nil, told{}, nil, err
	}
	if last.Report.RefusedWith != "" {
		b.logf("the last refusal was: %s", last.Report.RefusedWith)
	}
	return last.Report, also, before.until(after, end.Acknowledged-begin.Acknowledged), server.stop()
}
