package app

import (
	"context"
	"fmt"
	"iter"
	"os"
	"time"

	"vigie/internal/bench"
	"vigie/internal/config"
	"vigie/internal/demo"
	"vigie/internal/phone/relay"
	"vigie/internal/phone/swarm"
	"vigie/internal/stats"
	"vigie/internal/store"
)

// benchCommand is `vigie bench …`. Every measurement runs a server of its own, on loopback and in a
// temporary folder; nothing of the helpline that is configured here is touched.
type benchCommand struct {
	Chat    benchChat    `cmd:"" help:"Visitors who talk: how long messages take, and that none is lost or doubled."`
	Start   benchStart   `cmd:"" help:"How long the server takes to be ready."`
	Idle    benchIdle    `cmd:"" help:"What the server holds when nobody asks anything."`
	Wait    benchWait    `cmd:"" help:"What a waiting visitor takes of the server's memory."`
	Crash   benchCrash   `cmd:"" help:"Kill the server, or cut its power, under load: what was acknowledged must be there."`
	Calls   benchCalls   `cmd:"" help:"Calls that are relayed to telephones or browsers: how many a core carries, beside rtpengine and Kamailio."`
	Line    benchLine    `cmd:"" help:"The whole helpline under live load: calls that are talked and chats that are written, at the same time."`
	PDQ     benchPDQ     `cmd:"" name:"pdq" help:"Hashes of pictures: how many a core makes in a second, and how long a million are searched."`
	Figures benchFigures `cmd:"" help:"The pages of figures, over a million contacts in three years."`
	Floor   benchFloor   `cmd:"" help:"The supervisors' floor on a hard evening: how long a change takes to every screen, and what it costs the chat."`
	Site    benchSite    `cmd:"" help:"Readers of the site: how many guides a second are answered, and what it costs the chat."`
	Case    benchCase    `cmd:"" help:"Case files: how long a large one takes to open, and one among many to find."`
	Load    benchLoad    `cmd:"" hidden:"" help:"The crowd of a measurement; started by the others."`
	Swarm   benchSwarm   `cmd:"" hidden:"" help:"Telephones and browsers of a measurement; started by the others."`
	Relay   benchRelay   `cmd:"" hidden:"" help:"The way of calls that is measured; started by the others."`
}

// benchHow is common to all measurements.
type benchHow struct {
	JSON     bool   `name:"json" help:"Print the result as one JSON object on the last line."`
	In       string `type:"existingdir" help:"Folder for the temporary record (default: the system's)." placeholder:"DIR"`
	Profiles string `hidden:"" type:"existingdir" help:"Folder to write the server's profiles to."`
}

// benchStore is where the record is kept.
type benchStore struct {
	Store string `enum:"sqlite,postgres" default:"sqlite" help:"sqlite or postgres (a private one, from Debian's programs)."`
}

func (s benchStore) engine() store.Engine { return store.Engine(s.Store) }

func (h benchHow) bench(c config.Config, term Terminal) (bench.Bench, error) {
	program, err := os.Executable()
	if err != nil {
		return bench.Bench{}, err
	}
	open := func(ctx context.Context, data, database string) (*bench.House, error) {
		return openHouse(ctx, c, data, database)
	}
	return bench.Bench{Program: program, Open: open, Out: term.Out, Log: term.Err, JSON: h.JSON, Profile: h.Profiles, Within: h.In}, nil
}

// openHouse opens the rooms on a record of the bench, without serving.
func openHouse(ctx context.Context, c config.Config, data, database string) (*bench.House, error) {
	c.Data, c.Database, c.KeyFile = data, database, ""
	c.BusURL, c.BusClusterListen, c.BusRoutes, c.BusClusterSecret = nil, "", nil, ""
	a, err := Fresh(ctx, c, Options{})
	if err != nil {
		return nil, err
	}
	return &bench.House{
		DB: a.DB, Staff: a.Staff, Contacts: a.Contacts, Chats: a.Chats, Files: a.Cases, Evidence: a.Evidence, Takedown: a.Takedown, Stats: a.Stats, Audit: a.Keys.Derive("audit"), Close: a.Close,
		Invented: func(now time.Time, days int, each float64) iter.Seq[stats.Invented] {
			return demo.CountedOver(a.Catalogue.Current(), now, days, each)
		},
	}, nil
}

type benchChat struct {
	benchHow
	benchStore
	Visitors    int           `default:"100" help:"Visitors who talk at once."`
	Interval    time.Duration `default:"5s" help:"How often each of them writes; each message is answered."`
	Seconds     int           `default:"30" help:"How long is measured."`
	Counsellors int           `help:"Counsellors; 0 chooses."`
}

func (b benchChat) Run(ctx context.Context, c config.Config, term Terminal) error {
	if b.Visitors < 1 || b.Seconds < 1 || b.Interval < 10*time.Millisecond {
		return fmt.Errorf("--visitors and --seconds are 1 or more, --interval 10ms or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Chat(ctx, bench.ChatOptions{
		Visitors: b.Visitors, Interval: b.Interval, Measure: time.Duration(b.Seconds) * time.Second, Engine: b.engine(), Counsellors: b.Counsellors,
	})
}

type benchStart struct {
	benchHow
	benchStore
	Runs int `default:"11" help:"How many times."`
}

func (b benchStart) Run(ctx context.Context, c config.Config, term Terminal) error {
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Starting(ctx, max(b.Runs, 1), b.engine())
}

type benchIdle struct {
	benchHow
	benchStore
	Rest   time.Duration `default:"60s" help:"How long to wait before each reading."`
	Logins int           `default:"3" help:"Log-ins with a password in between."`
}

func (b benchIdle) Run(ctx context.Context, c config.Config, term Terminal) error {
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Idling(ctx, b.Logins, b.Rest, b.engine())
}

type benchWait struct {
	benchHow
	benchStore
	Visitors int           `default:"1000" help:"Visitors who wait at once."`
	Rest     time.Duration `default:"10s" help:"How long to wait before each reading."`
}

func (b benchWait) Run(ctx context.Context, c config.Config, term Terminal) error {
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Waiting(ctx, max(b.Visitors, 1), b.Rest, b.engine())
}

type benchCrash struct {
	benchHow
	benchStore
	breaking
	Fault string `enum:"kill,power" default:"kill" help:"kill: SIGKILL. power: also everything that was not synced is gone (Linux, root, /dev/fuse)."`
	Kills int    `default:"50" help:"How many times."`
	Seed  uint64 `help:"Repeats the moments of an earlier run; 0 chooses."`
}

func (b benchCrash) Run(ctx context.Context, c config.Config, term Terminal) error {
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	h.Break = b.how()
	return h.Crashing(ctx, bench.CrashOptions{Fault: b.Fault, Kills: max(b.Kills, 1), Engine: b.engine(), Seed: b.Seed})
}

type benchLoad struct{}

func (benchLoad) Run(ctx context.Context, term Terminal) error {
	return bench.Load(ctx, term.In, term.Out)
}

type benchCalls struct {
	benchHow
	Calls     int    `default:"400" help:"How many calls at once."`
	To        string `enum:"rtp,shared,webrtc" default:"rtp" help:"rtp: telephones, with a port for each line. shared: with one port for all. webrtc: browsers."`
	Seconds   int    `default:"30" help:"How long is measured."`
	WarmUp    int    `default:"3" help:"How long everybody speaks before, in seconds."`
	Peer      bool   `default:"true" negatable:"" help:"Measure rtpengine and Kamailio beside it, where they are installed."`
	LoseEvery int    `hidden:"" help:"Our relay loses every so manieth packet, to show that it is noticed."`
}

func (b benchCalls) Run(ctx context.Context, c config.Config, term Terminal) error {
	if b.Calls < 1 || b.Calls > 10_000 || b.Seconds < 1 || b.WarmUp < 0 {
		return fmt.Errorf("--calls is 1 to 10,000, --seconds 1 or more, --warm-up 0 or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Calls(ctx, bench.CallsOptions{
		Calls: b.Calls, To: relay.To(b.To), WarmUp: time.Duration(b.WarmUp) * time.Second, Measure: time.Duration(b.Seconds) * time.Second,
		Peer: b.Peer, LoseEvery: b.LoseEvery,
	})
}

type benchLine struct {
	benchHow
	benchStore
	Calls    int           `default:"100" help:"Calls at once, each with a counsellor of its own in front of a browser, for the whole time."`
	Chats    int           `default:"200" help:"Chats at once."`
	Interval time.Duration `default:"5s" help:"How often each visitor writes; each message is answered."`
	Seconds  int           `default:"600" help:"How long is measured, once everybody talks."`
	End      int           `hidden:"" help:"So many counsellors end their call in the middle, to show that it is noticed."`
}

func (b benchLine) Run(ctx context.Context, c config.Config, term Terminal) error {
	if b.Calls < 1 || b.Calls > 1000 || b.Chats < 1 || b.Seconds < 1 || b.Interval < 10*time.Millisecond {
		return fmt.Errorf("--calls is 1 to 1,000, --chats and --seconds 1 or more, --interval 10ms or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Line(ctx, bench.LineOptions{
		Calls: b.Calls, Chats: b.Chats, Interval: b.Interval, Measure: time.Duration(b.Seconds) * time.Second, Engine: b.engine(), End: b.End,
	})
}

type benchPDQ struct {
	benchHow
	Hashes  int `default:"1000000" help:"How many hashes are searched."`
	Queries int `default:"300" help:"How many times; each must find the neighbours that were put there for it."`
	Seconds int `default:"5" help:"How long pictures are hashed, with decoding and without."`
	Hide    int `hidden:"" help:"So many of the neighbours are taken out again, to show that it is noticed."`
}

func (b benchPDQ) Run(ctx context.Context, c config.Config, term Terminal) error {
	if b.Hashes < 1 || b.Hashes > 50_000_000 || b.Queries < 1 || b.Queries > 100_000 || b.Seconds < 1 {
		return fmt.Errorf("--hashes is 1 to 50,000,000, --queries 1 to 100,000, --seconds 1 or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.Pictures(ctx, bench.PicturesOptions{
		Hashes: b.Hashes, Queries: b.Queries, Measure: time.Duration(b.Seconds) * time.Second, Hide: b.Hide,
	})
}

type benchCase struct {
	benchHow
	benchStore
	Cases   int  `default:"100000" help:"How many case files there are to find one among."`
	Items   int  `default:"5000" help:"How many items of evidence the large one has."`
	Notices int  `default:"500" help:"How many notices it has."`
	Runs    int  `default:"200" help:"How often it is opened, and how often each search is made."`
	Miss    bool `hidden:"" help:"Look for what is not there, to show that it is noticed."`
}

func (b benchCase) Run(ctx context.Context, c config.Config, term Terminal) error {
	if b.Cases < 1 || b.Cases > 10_000_000 || b.Items < 0 || b.Notices < 0 || b.Runs < 1 {
		return fmt.Errorf("--cases is 1 to 10,000,000, --items and --notices 0 or more, --runs 1 or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.CaseFiles(ctx, bench.CaseOptions{Cases: b.Cases, Items: b.Items, Notices: b.Notices, Runs: b.Runs, Engine: b.engine(), Miss: b.Miss})
}

type benchFloor struct {
	benchHow
	benchStore
	Counsellors int           `default:"200" help:"Counsellors at their desks."`
	Chats       int           `default:"2" help:"Conversations of each, which is all that she may have."`
	Waiting     int           `default:"1000" help:"People who wait."`
	Supervisors int           `default:"20" help:"Supervisors who watch the floor."`
	PerSecond   int           `default:"50" help:"People who come, and give up, each second."`
	Interval    time.Duration `default:"10s" help:"How often each who talks writes; each message is answered."`
	Seconds     int           `default:"60" help:"How long is measured."`
	Runs        int           `default:"5" help:"How many times with the supervisors, and without, in turns."`
}

func (b benchFloor) Run(ctx context.Context, c config.Config, term Terminal) error {
	if min(b.Counsellors, b.Chats, b.Waiting, b.Supervisors, b.PerSecond, b.Seconds, b.Runs) < 1 || b.Interval < 10*time.Millisecond {
		return fmt.Errorf("each number is 1 or more, --interval 10ms or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.FloorWatched(ctx, bench.FloorOptions{
		Counsellors: b.Counsellors, Chats: b.Chats, Waiting: b.Waiting, Supervisors: b.Supervisors, PerSecond: b.PerSecond, Interval: b.Interval,
		Measure: time.Duration(b.Seconds) * time.Second, Runs: b.Runs, Engine: b.engine(),
	})
}

type benchSite struct {
	benchHow
	benchStore
	Visitors  int           `default:"200" help:"Visitors who talk."`
	PerSecond int           `default:"5000" help:"Pages that are asked for each second."`
	Readers   int           `default:"64" help:"Connections that pages are asked for on."`
	Interval  time.Duration `default:"5s" help:"How often each who talks writes; each message is answered."`
	Seconds   int           `default:"30" help:"How long is measured."`
	Runs      int           `default:"5" help:"How many times with the readers, and without, in turns."`
}

func (b benchSite) Run(ctx context.Context, c config.Config, term Terminal) error {
	if min(b.Visitors, b.PerSecond, b.Readers, b.Seconds, b.Runs) < 1 || b.Interval < 10*time.Millisecond {
		return fmt.Errorf("each number is 1 or more, --interval 10ms or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.SiteRead(ctx, bench.SiteOptions{
		Visitors: b.Visitors, PerSecond: b.PerSecond, Connections: b.Readers, Interval: b.Interval, Measure: time.Duration(b.Seconds) * time.Second, Runs: b.Runs, Engine: b.engine(),
	})
}

type benchFigures struct {
	benchHow
	benchStore
	Contacts int `default:"1000000" help:"Contacts that were counted."`
	Days     int `default:"1095" help:"In so many days."`
	Runs     int `default:"20" help:"How often each question is asked."`
}

func (b benchFigures) Run(ctx context.Context, c config.Config, term Terminal) error {
	if min(b.Contacts, b.Days, b.Runs) < 1 {
		return fmt.Errorf("each number is 1 or more")
	}
	h, err := b.bench(c, term)
	if err != nil {
		return err
	}
	return h.FiguresAsked(ctx, bench.FiguresOptions{Contacts: b.Contacts, Days: b.Days, Runs: b.Runs, Engine: b.engine()})
}

type benchSwarm struct{}

func (benchSwarm) Run(ctx context.Context, term Terminal) error {
	return swarm.Run(ctx, term.In, term.Out)
}

type benchRelay struct {
	Profile string `hidden:"" help:"Answer Go's profiler on this address."`
}

func (b benchRelay) Run(ctx context.Context, term Terminal) error {
	if b.Profile != "" {
		stop, err := profile(b.Profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	return relay.Run(ctx, term.In, term.Out)
}
