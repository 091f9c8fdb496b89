package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigie/internal/config"
	"vigie/internal/demo"
)

type demoCommand struct {
	Quiet  bool `help:"Without the simulated young people."`
	Empty  bool `help:"Without the past."`
	Fresh  bool `help:"Throw the last demonstration away first."`
	Closed bool `help:"Keep the real opening hours; otherwise the demonstration is always open."`
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
	options := Options{AlwaysOpen: !d.Closed}
	if err := d.prepare(ctx, c, options, term); err != nil {
		return err
	}
	a, err := Open(ctx, c, options)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.Serve(ctx, func(address string) {
		fmt.Fprintf(term.Out, "\n  Vigie, a made-up helpline: %s\n\n", c.PublicURL)
		fmt.Fprintf(term.Out, "  the site a young person sees   %s\n  the counsellor's desk          %s/desk\n\n", c.PublicURL, c.PublicURL)
		fmt.Fprintf(term.Out, "  Log in with the password « %s » as\n", demo.Password)
		for _, m := range demo.Staff {
			fmt.Fprintf(term.Out, "    %-10s %s\n", m.Login, m.Does)
		}
		if !d.Quiet {
			fmt.Fprint(term.Out, "\n  Log in as camille, choose « Disponible »: it rings within a minute.\n")
			visitors := demo.Visitors{Base: "http://" + dialable(address), Catalogue: a.Catalogue.Current, First: 10 * time.Second, Every: 35 * time.Second, Most: 4}
			go visitors.Run(ctx)
		}
		fmt.Fprintln(term.Out)
	})
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
	if !d.Empty {
		fmt.Fprintln(term.Out, "Making up three months of contacts…")
		past := demo.Past{DB: a.DB, Clock: clock, Contacts: a.Contacts, Chats: a.Chats, Seen: a.Router.Seen, Catalogue: a.Catalogue.Current(), PerDay: 5}
		n, err := past.Write(ctx, counsellors)
		if err != nil {
			return fmt.Errorf("making up the past: %w", err)
		}
		fmt.Fprintf(term.Out, "%d made-up contacts.\n", n)
	}
	return os.WriteFile(done, nil, 0o600)
}
