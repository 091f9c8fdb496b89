package app

import (
	"context"
	"time"

	"vigie/internal/exposure"
	"vigie/internal/quality"
	"vigie/internal/team"
	"vigie/internal/web/i18n"
)

// houseDay is the day of the house's calendar at a time.
func houseDay(t time.Time) string { return t.In(i18n.Paris).Format(time.DateOnly) }

// openTeam opens the rooms of those who work: how they help one another, and what they bear.
func (a *App) openTeam(o Options) {
	a.Team = team.New(team.Options{
		DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Contacts: a.Contacts, Day: houseDay, Now: o.Now,
		OnCall: onCall(a.config.OnCallCommand), OnCallAfter: func() time.Duration { return a.Catalogue.Current().Queues.OnCallAfter },
	})
	a.Quality = quality.New(quality.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Contacts: a.Contacts, Catalogue: a.Catalogue.Current, Now: o.Now})
	a.Exposure = exposure.New(exposure.Options{
		DB: a.DB, Contacts: a.Contacts, Catalogue: a.Catalogue.Current, Day: houseDay, Now: o.Now, ForgetLooks: a.Evidence.ForgetLooks,
		Looks: func(ctx context.Context, staffID string, since time.Time) ([]exposure.Look, error) {
			looks, err := a.Evidence.LooksOf(ctx, staffID, since)
			all := make([]exposure.Look, len(looks))
			for i, l := range looks {
				all[i] = exposure.Look(l)
			}
			return all, err
		},
	})
}
