package app

import (
	"context"
	"fmt"
	"os"

	"vigie/internal/config"
	"vigie/internal/store"
)

type serveCommand struct {
	Migrate    bool   `help:"Migrate the database before serving." negatable:"" default:"true"`
	AlwaysOpen bool   `hidden:"" help:"Never close: the bench also runs at night."`
	Profile    string `hidden:"" help:"Address on loopback where Go's profiler answers."`
	breaking
}

func (s serveCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	open := Open
	if s.Migrate {
		open = Fresh
	}
	options := Options{AlwaysOpen: s.AlwaysOpen}
	s.breakIn(&options)
	a, err := open(ctx, c, options)
	if err != nil {
		return err
	}
	defer a.Close()
	if s.Profile != "" {
		stop, err := profile(s.Profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	return a.Serve(ctx, func(address string) { fmt.Fprintf(term.Out, "vigie: serving on %s\n", address) })
}

type migrateCommand struct{}

func (migrateCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	if err := migrate(ctx, c); err != nil {
		return err
	}
	fmt.Fprintln(term.Out, "The database is in the newest form.")
	return nil
}

// migrate brings the record to the newest form; on a record that is there already it costs a few
// milliseconds.
func migrate(ctx context.Context, c config.Config) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	db, err := store.Open(ctx, c.DSN(), store.Options{Connections: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Migrate(ctx)
}
