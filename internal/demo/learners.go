package demo

import (
	"context"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/trainee"
	"vigie/internal/visit"
)

// Learners makes Noé learn with Morgane, and has a guest come to Dominique tomorrow.
func Learners(ctx context.Context, trainees *trainee.Trainees, visits *visit.Visits, people []staff.Person, now time.Time) error {
	of := func(login string) string {
		if i := slices.IndexFunc(people, func(p staff.Person) bool { return p.Login == login }); i >= 0 {
			return people[i].ID
		}
		return ""
	}
	dominique := audit.Actor{Kind: audit.Staff, ID: of("dominique")}
	if err := trainees.Set(ctx, of("noe"), of("morgane"), dominique); err != nil {
		return err
	}
	_, err := visits.Plan(ctx, visit.Planning{ID: store.NewID(), Purpose: "audit", Lang: "fr", On: now.AddDate(0, 0, 1).Format(time.DateOnly),
		Guest: visit.Guest{Name: "Aude Mercier", Organisation: "Cour des comptes"}}, dominique)
	return err
}
