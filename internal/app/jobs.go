package app

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/jobs"
	"vigie/internal/store"
)

type jobsCommand struct {
	List  jobsList  `cmd:"" default:"1" help:"Count the jobs of each kind, and list those that failed for good."`
	Again jobsAgain `cmd:"" help:"Try a job that failed again, with all its tries; a server that runs begins within a minute."`
	Drop  jobsDrop  `cmd:"" help:"Forget a job that failed: what it was to do is not done."`
}

// withJobs opens the record and its jobs, and works none.
func withJobs(ctx context.Context, c config.Config, do func(a *App) error) error {
	return withRecord(ctx, c, func(a *App) error {
		a.Jobs = jobs.New(jobs.Options{DB: a.DB})
		return do(a)
	})
}

type jobsList struct {
	Most int `default:"100" help:"How many of those that failed are listed, the last first."`
}

func (l jobsList) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withJobs(ctx, c, func(a *App) error {
		counts, err := a.Jobs.Counts(ctx)
		if err != nil {
			return err
		}
		failed, err := a.Jobs.Failed(ctx, l.Most)
		if err != nil {
			return err
		}
		if len(counts) == 0 {
			fmt.Fprintln(term.Out, "No job waits, runs or has failed.")
			return nil
		}
		table := tabwriter.NewWriter(term.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "KIND\tWAITING\tRUNNING\tFAILED")
		for _, c := range counts {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", c.Kind, c.Waiting, c.Running, c.Failed)
		}
		if len(failed) > 0 {
			fmt.Fprintln(table, "\nFAILED JOB\tKIND\tAT\tTRIES\tWHY")
		}
		for _, f := range failed {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", f.ID, f.Kind, store.Time(f.FailedAt).Format(time.RFC3339), f.Tries, f.Why)
		}
		return table.Flush()
	})
}

type jobsAgain struct {
	ID string `arg:"" help:"The job, as it is listed."`
}

func (j jobsAgain) Run(ctx context.Context, c config.Config, term Terminal) error {
	return decideJob(ctx, c, j.ID, "job.again", (*jobs.Jobs).TryAgain, term, "It waits to be tried again.")
}

type jobsDrop struct {
	ID string `arg:"" help:"The job, as it is listed."`
}

func (j jobsDrop) Run(ctx context.Context, c config.Config, term Terminal) error {
	return decideJob(ctx, c, j.ID, "job.drop", (*jobs.Jobs).Drop, term, "It is forgotten.")
}

// decideJob does what an operator decides about a job that failed, and writes it in the log of acts.
func decideJob(ctx context.Context, c config.Config, id, act string, decide func(*jobs.Jobs, context.Context, *store.Tx, string) error, term Terminal, said string) error {
	return withJobs(ctx, c, func(a *App) error {
		err := a.DB.Tx(ctx, func(tx *store.Tx) error {
			if err := decide(a.Jobs, ctx, tx, id); err != nil {
				return err
			}
			return a.Audit.Record(ctx, tx, audit.Entry{Actor: operator, Act: act, Object: "job", ObjectID: id})
		})
		if err == nil {
			fmt.Fprintln(term.Out, said)
		}
		return err
	})
}
