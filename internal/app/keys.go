package app

import (
	"context"
	"fmt"
	"sort"
	"time"

	"vigie/internal/audit"
	"vigie/internal/config"
)

type keysCommand struct {
	State  keysState  `cmd:"" default:"1" help:"Show the epoch and how many keys are wrapped."`
	Rotate keysRotate `cmd:"" help:"Begin a new epoch now and destroy the old epoch's key."`
}

type keysState struct{}

func (keysState) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withRecord(ctx, c, func(a *App) error { return a.printKeys(ctx, term) })
}

func (a *App) printKeys(ctx context.Context, term Terminal) error {
	state, err := a.Keys.State(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(term.Out, "Epoch %d, since %s.\n", state.Epoch, state.Since.Format(time.DateOnly))
	kinds := make([]string, 0, len(state.Keys))
	for kind := range state.Keys {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	for _, kind := range kinds {
		fmt.Fprintf(term.Out, "  %d keys of kind %s\n", state.Keys[kind], kind)
	}
	if state.Shelved > 0 {
		fmt.Fprintf(term.Out, "  %d of them on the shelf: keys of archived files\n", state.Shelved)
	}
	fmt.Fprintf(term.Out, "  %d rows of the blind index\n", state.Lookups)
	if state.Unfinished {
		fmt.Fprintln(term.Out, "A rotation is not finished: it goes on when the server runs, or with `vigie keys rotate`.")
	}
	if state.Unreachable > 0 {
		fmt.Fprintf(term.Out, "%d keys are under an epoch that no longer exists: what they protect is erased.\n", state.Unreachable)
	}
	return nil
}

type keysRotate struct{}

func (keysRotate) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withRecord(ctx, c, func(a *App) error {
		if err := a.Keys.Rotate(ctx); err != nil {
			return err
		}
		if err := a.DB.Tx(ctx, recordIn(ctx, a.Audit, audit.Entry{Actor: operator, Act: "keys.rotate", Object: "keys"})); err != nil {
			return err
		}
		return a.printKeys(ctx, term)
	})
}
