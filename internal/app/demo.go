package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/demo"
	"vigie/internal/demo/network"
	"vigie/internal/demo/post"
	"vigie/internal/staff"
	"vigie/internal/store"
)

type demoCommand struct {
	Quiet   bool `help:"Without the simulated young people."`
	Empty   bool `help:"Without the past."`
	Fresh   bool `help:"Throw the last demonstration away first."`
	NoPhone bool `help:"Without the phone and its simulated callers."`
	Closed  bool `help:"Keep the real opening hours; otherwise the demonstration is always open."`
	// Ahead shows what a week brings, without the wait.
	Ahead time.Duration `hidden:"" help:"Let the clock run so much ahead."`
}

func (d demoCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	if c.Data == "var" { // nobody said where
		c.Data = filepath.Join("var", "demo")
	}
	if d.Fresh {
		if err := os.RemoveAll(c.Data); err != nil {
			return err
		}
	}
	if len(c.TrustedProxies) == 0 { // the simulated young people say each which home they write from
		c.TrustedProxies = []string{"127.0.0.0/8", "::1/128"}
	}
	if !d.NoPhone {
		if err := d.phone(&c); err != nil {
			return err
		}
	}
	pretend, where, err := d.network(&c)
	if err != nil {
		return err
	}
	defer pretend.Close()
	options := Options{AlwaysOpen: !d.Closed}
	if d.Ahead > 0 {
		options.Now = func() time.Time { return time.Now().Round(0).Add(d.Ahead) }
	}
	if c.TakedownMail == "" {
		office, err := post.Open()
		if err != nil {
			return err
		}
		defer office.Close()
		options.Mail = office.Mail(c.HelplineName)
	}
	if err := d.prepare(ctx, c, options, term); err != nil {
		return err
	}
	a, err := Open(ctx, c, options)
	if err != nil {
		return err
	}
	defer a.Close()
	login := fmt.Sprintf(`{"server": %q, "token": %q}`, where, network.Token)
	if err := a.Takedown.SetLogin(ctx, "mastodon", "127.0.0.1", []byte(login), audit.Actor{Kind: audit.Operator, ID: "demo"}); err != nil {
		return err
	}
	return a.Serve(ctx, func(address string) {
		fmt.Fprintf(term.Out, "\n  Vigie, a made-up helpline: %s\n\n", c.PublicURL)
		fmt.Fprintf(term.Out, "  the site a young person sees   %s\n  the counsellor's desk          %s/desk\n\n", c.PublicURL, c.PublicURL)
		fmt.Fprintf(term.Out, "  Log in with the password « %s » as\n", demo.Password)
		for _, m := range demo.Staff {
			fmt.Fprintf(term.Out, "    %-10s %s\n", m.Login, m.Does)
		}
		fmt.Fprintf(term.Out, "\n  A pretend network to have content taken down from: %s/\n", where)
		if len(c.PhoneListen) > 0 {
			_, at, _ := strings.Cut(c.PhoneListen[0], ":")
			fmt.Fprintf(term.Out, "\n  Ring it from a SIP telephone or with   bin/vigie call sip:3018@%s\n", at)
			if !d.Quiet {
				callers := demo.Callers{To: "sip:3018@" + at, First: 40 * time.Second, Every: 2 * time.Minute}
				go callers.Run(ctx)
			}
		}
		if !d.Quiet {
			fmt.Fprint(term.Out, "\n  Log in as camille, choose « Disponible »: it rings within a minute.\n  Switch on « Prendre les appels » (a microphone is asked for): calls come too.\n")
			visitors := demo.Visitors{Base: "http://" + dialable(address), Catalogue: a.Catalogue.Current, First: 10 * time.Second, Every: 35 * time.Second, Most: 4}
			go visitors.Run(ctx)
			go demo.RaiseNowAndThen(ctx, a.Team, a.Staff.Roster, 7*time.Minute)
		}
		fmt.Fprintln(term.Out)
	})
}

// demoTrunks are the made-up operator of the demonstration: whoever is on this machine may ring.
const demoTrunks = `# The demonstration's operator: any telephone on this machine.
[[trunk]]
name = "demo"
peers = ["127.0.0.0/8"]
numbers = ["3018"]
codecs = ["PCMA", "PCMU"]
`

// phone gives the demonstration a telephone on this machine, unless one is configured.
func (d demoCommand) phone(c *config.Config) error {
	if len(c.PhoneListen) > 0 {
		return nil
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	c.PhoneTrunks = filepath.Join(c.Data, "trunks.toml")
	if !exists(c.PhoneTrunks) {
		if err := os.WriteFile(c.PhoneTrunks, []byte(demoTrunks), 0o600); err != nil {
			return err
		}
	}
	c.PhoneListen, c.PhoneWeb = []string{"udp:127.0.0.1:5068"}, "127.0.0.1:8019"
	return nil
}

// network starts the pretend network on a port of this machine, which the house may then look at and speak to.
func (d demoCommand) network(c *config.Config) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("the pretend network: %w", err)
	}
	after := 3 * time.Minute
	if d.Quiet { // a test, or somebody in a hurry
		after = 2 * time.Second
	}
	server := &http.Server{Handler: network.New(after, time.Now), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	port := l.Addr().(*net.TCPAddr).Port
	c.TakedownAllow = append(c.TakedownAllow, "127.0.0.0/8", "::1/128")
	c.TakedownPorts = append(c.TakedownPorts, uint16(port))
	return server, fmt.Sprintf("http://127.0.0.1:%d", port), nil
}

// dialable is the address to reach oneself at, when one listens on every address.
func dialable(address string) string {
	if port, ok := strings.CutPrefix(address, "[::]:"); ok {
		return "127.0.0.1:" + port
	}
	return address
}

// prepare makes staff and past, once.
func (d demoCommand) prepare(ctx context.Context, c config.Config, o Options, term Terminal) error {
	done := filepath.Join(c.Data, "prepared")
	if exists(done) {
		return migrate(ctx, c)
	}
	clock := &demo.Clock{}
	clock.Set(time.Now())
	o.Now = clock.Now
	a, err := Fresh(ctx, c, o)
	if err != nil {
		return err
	}
	defer a.Close()
	counsellors, err := demo.People(ctx, a.Staff)
	if err != nil {
		return err
	}
	if err := demo.List(ctx, a.Catalogue); err != nil {
		return fmt.Errorf("making up who is called back: %w", err)
	}
	if !d.Empty {
		fmt.Fprintln(term.Out, "Making up three months of contacts…")
		past := demo.Past{DB: a.DB, Clock: clock, Contacts: a.Contacts, Chats: a.Chats, Files: a.Cases, Requests: a.Requests, Seen: a.Router.Seen, Catalogue: a.Catalogue.Current(), PerDay: 5}
		n, err := past.Write(ctx, counsellors)
		if err != nil {
			return fmt.Errorf("making up the past: %w", err)
		}
		if err := demo.Rota(ctx, a.Rota, clock, counsellors); err != nil {
			return fmt.Errorf("making up the rota: %w", err)
		}
		fmt.Fprintf(term.Out, "%d made-up contacts.\n", n)
		if err := a.tellListening(ctx); err != nil {
			return fmt.Errorf("telling of a period of listening: %w", err)
		}
		if err := a.Stats.Invent(ctx, demo.Counted(a.Catalogue.Current(), time.Now())); err != nil {
			return fmt.Errorf("making up the figures: %w", err)
		}
		colleagues := demo.Colleagues{Clock: clock, Team: a.Team, Quality: a.Quality, Exposure: a.Exposure, Contacts: a.Contacts, Day: houseDay}
		if err := colleagues.Write(ctx, counsellors); err != nil {
			return fmt.Errorf("making up what colleagues said: %w", err)
		}
	}
	clock.Set(time.Now())
	if err := demo.Learners(ctx, a.Trainees, a.Visits, counsellors, clock.Now()); err != nil {
		return fmt.Errorf("making up who learns and who visits: %w", err)
	}
	return os.WriteFile(done, nil, 0o600)
}

// tellListening tells the made-up staff that they may be listened to this week.
func (a *App) tellListening(ctx context.Context) error {
	people, err := a.Staff.Roster(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(people, func(p staff.Person) bool { return p.Can(staff.ContactListen) })
	if i < 0 {
		return nil
	}
	now := a.now()
	return a.Listening.Tell(ctx, people[i].ID, store.NewID(), now, now.AddDate(0, 0, 7))
}
