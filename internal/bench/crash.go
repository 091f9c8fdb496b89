package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"vigie/internal/bench/lossyfs"
	"vigie/internal/freeport"
	"vigie/internal/store"
)

// The faults a server can be given.
const (
	// FaultKill kills the process: what the kernel has, it keeps.
	FaultKill = "kill"
	// FaultPower cuts the power under it: what was not synced is gone.
	FaultPower = "power"
)

// CrashOptions shape a crash test.
type CrashOptions struct {
	Fault  string // FaultKill or FaultPower
	Kills  int
	Engine store.Engine
	Seed   uint64 // 0 chooses; it is printed
}

// Crash is what was found after the faults.
type Crash struct {
	Fault string `json:"fault"`
	// Break is how the server was broken on purpose, "" for not.
	Break string `json:"break,omitempty"`
	Seed  uint64 `json:"seed"`
	Kills int    `json:"kills"`
	// Contacts counts those that were acknowledged; Acknowledged are the messages.
	Contacts int64 `json:"contacts"`
	// Why says where it failed, when the record could not even be opened again.
	Why string `json:"why,omitempty"`
}

const (
	// The stubborn crowd: a few visitors who write a lot, so that something is always on its way.
	stubbornVisitors = 24
	stubbornSeats    = 6
	stubbornEvery    = 150 * time.Millisecond
	stubbornContacts = 240
	// A fault comes so long after the server was ready.
	soonest, latest = 150 * time.Millisecond, 1300 * time.Millisecond
)

// Crashing gives the server one fault after another under load, and then compares everything that the
// clients were told with the record. It returns NotShown where this machine cannot cut the power.
func (b Bench) Crashing(ctx context.Context, o CrashOptions) error {
	result := Result{Bench: "crash", Store: string(o.Engine), Machine: thisMachine()}
	if o.Fault == FaultPower {
		if o.Engine != store.SQLite {
			return b.notShown(result, "the power is cut under SQLite only; PostgreSQL's own sync is not ours to show")
		}
		if err := lossyfs.Possible(); err != nil {
			return b.notShown(result, err.Error())
		}
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()>>12 | 1 // a number that JSON readers keep exactly
	}
	result.Fate, result.Crash = &Fate{}, &Crash{Fault: o.Fault, Break: b.Break, Seed: o.Seed}
	rec, err := b.newRecord(ctx, o.Engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	seats, err := b.prepare(ctx, rec.place.data, rec.database, stubbornSeats)
	if err != nil {
		return err
	}
	c := result.Crash
	f := &faulty{Bench: b, options: o, record: rec, random: rand.New(rand.NewPCG(o.Seed, o.Seed)), address: freeport.Address()}
	seen, err := f.run(ctx, seats, c)
	var dead doesNotRise
	switch {
	case errors.As(err, &dead):
		c.Why = dead.Error()
	case err != nil:
		return err
	default:
		result.Resent, result.Doubled = seen.Resent, seen.Doubled
	}
	found, err := b.verify(ctx, rec.place.data, rec.database, rec.place.ledger)
	if err != nil {
		if b.Break == "" && c.Why == "" {
			c.Why = err.Error()
		}
		b.logf("%v", err)
		found.chain = "not read"
		found.lost = max(found.lost, 1)
		if entries, err := readLedger(rec.place.ledger); err == nil {
			found.count(entries)
		}
	}
	result.Acknowledged, c.Contacts = found.letters, found.contacts
	result.take(found)
	for _, why := range found.why {
		b.logf("%s", why)
	}
	if err := b.result(result); err != nil {
		return err
	}
	switch {
	case !result.good(), c.Why != "":
		return fmt.Errorf("%w: seed %d", Failed, o.Seed)
	case result.Acknowledged < int64(o.Kills):
		return fmt.Errorf("%w: only %d messages were acknowledged, too few to show anything", Failed, result.Acknowledged)
	}
	return nil
}

// doesNotRise says that the server did not come up again after a fault.
type doesNotRise struct{ error }

// faulty is a server that is given faults, always under the same address.
type faulty struct {
	Bench
	options CrashOptions
	record  *record
	random  *rand.Rand
	address string
	server  *server

	mount   string // where the disk is shown that forgets
	forgets *lossyfs.FS
}

func (f *faulty) run(ctx context.Context, seats []seat, c *Crash) (seen report, err error) {
	if err := f.rise(ctx); err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, f.lay(err == nil)) }()
	crowd, err := f.gather(order{
		Do: stubborn, Address: f.address, Visitors: stubbornVisitors, Seats: seats, Interval: stubbornEvery,
		Pool: 32, Ledger: f.record.place.ledger, Contacts: stubbornContacts, Seed: f.options.Seed,
	})
	if err != nil {
		return seen, err
	}
	defer crowd.end()
	if _, err := crowd.hears(ctx, phaseGoing); err != nil {
		return seen, err
	}
	for c.Kills < f.options.Kills {
		pause := soonest + time.Duration(f.random.Int64N(int64(latest-soonest)))
		if err := settle(ctx, pause); err != nil {
			return seen, err
		}
		if err := f.fault(); err != nil {
			return seen, err
		}
		c.Kills++
		if err := f.rise(ctx); err != nil {
			if ctx.Err() == nil {
				err = doesNotRise{fmt.Errorf("after fault %d the server did not come up again: %w", c.Kills, err)}
			}
			return seen, err
		}
		if c.Kills%10 == 0 {
			f.logf("%d faults", c.Kills)
		}
	}
	if err := settle(ctx, soonest); err != nil {
		return seen, err
	}
	crowd.stop()
	last, err := crowd.hears(ctx, phaseOver)
	if err != nil {
		return seen, err
	}
	if last.Report.Refused > 0 { // a page that was open may no longer write: something of it is gone
		c.Why = fmt.Sprintf("the server refused %d messages or visitors: %s", last.Report.Refused, last.Report.RefusedWith)
	}
	return *last.Report, nil
}

// rise starts the server on what is left of the record.
func (f *faulty) rise(ctx context.Context) error {
	data := f.record.place.data
	if f.options.Fault == FaultPower {
		f.mount = filepath.Join(f.record.place.root, "disk")
		if err := os.MkdirAll(f.mount, 0o700); err != nil {
			return err
		}
		var err error
		if f.forgets, err = lossyfs.Mount(f.mount, data); err != nil {
			return err
		}
		data = f.mount
	}
	var err error
	f.server, err = f.start(ctx, serving{data: data, database: f.record.database, listen: f.address})
	return err
}

// fault is one crash.
func (f *faulty) fault() error {
	if f.options.Fault == FaultKill {
		return f.server.kill()
	}
	if f.random.IntN(2) == 0 {
		f.forgets.CutPower()
	} else { // the disk was just writing back some of it
		f.forgets.CutPowerWriting(f.random.Uint64())
	}
	if err := f.server.kill(); err != nil {
		return err
	}
	return f.unmount()
}

func (f *faulty) unmount() error {
	if f.forgets == nil {
		return nil
	}
	err := f.forgets.Unmount()
	f.forgets = nil
	return err
}

// lay ends the server: in order when all went well, and then the disk is left as a shut-down leaves it.
func (f *faulty) lay(well bool) error {
	if f.server == nil {
		return f.unmount()
	}
	end := f.server.kill
	if well {
		end = f.server.stop
	}
	err := end()
	return errors.Join(err, f.unmount())
}

// count counts what was acknowledged, for a record that cannot be read at all.
func (f *finding) count(entries []entry) {
	for _, e := range entries {
		if e.letter == "" {
			f.contacts++
		} else {
			f.letters++
		}
	}
	f.lost = f.letters
}
