package demo

import (
	"context"
	"time"

	"vigie/internal/audit"
	"vigie/internal/rota"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// turn is a shift of every week: the days by number, 0 being Monday, and the hours.
type turn struct {
	who      string
	days     []int
	from, to int
	post     rota.Post
}

// turns are the made-up helpline's week: open from nine to twenty-three, somebody who answers at every hour, a supervisor from noon.
var turns = []turn{
	{"Camille", []int{0, 1, 2, 3, 4}, 9, 17, rota.Both},
	{"Noé", []int{1, 2, 3, 4, 5}, 15, 23, rota.Both},
	{"Dominique", []int{0, 1, 3, 4}, 13, 21, rota.Supervisor},
	{"Dominique", []int{5}, 9, 15, rota.Both},
	{"Morgane", []int{2}, 13, 21, rota.Supervisor},
	{"Morgane", []int{0}, 17, 23, rota.Chat},
	{"Morgane", []int{6}, 13, 23, rota.Both},
	{"Dominique", []int{5}, 23, 33, rota.OnCall},
}

// Rota plans the weeks around today as the supervisors would have: last week to the next one published, the one after in draft. Noé
// offers his next Saturday evening, Camille cannot on two days, and Morgane left a note last night.
func Rota(ctx context.Context, r *rota.Rota, clock *Clock, people []staff.Person) error {
	by := map[string]audit.Actor{}
	for _, p := range people {
		by[p.Alias] = audit.Actor{Kind: audit.Staff, ID: p.ID}
	}
	now := time.Now()
	clock.Set(now)
	monday, coordinator := rota.Monday(r.Today()), by["Dominique"]
	for week := -1; week <= 2; week++ {
		for _, t := range turns {
			for _, day := range t.days {
				s := rota.Shift{ID: store.NewID(), StaffID: by[t.who].ID, Day: rota.Shifted(monday, 7*week+day), From: t.from * 60, To: t.to * 60, Post: t.post}
				if err := r.Plan(ctx, s, coordinator); err != nil {
					return err
				}
			}
		}
	}
	if err := r.Keep(ctx, "a", monday, coordinator); err != nil {
		return err
	}
	if _, err := r.Publish(ctx, rota.Shifted(monday, -7), rota.Shifted(monday, 13), coordinator); err != nil {
		return err
	}
	saturday := rota.Shifted(monday, 12)
	hers, err := r.Of(ctx, by["Noé"].ID, r.Moment(saturday, 0), r.Moment(saturday, 24*60))
	if err != nil {
		return err
	}
	if err := r.Offer(ctx, store.NewID(), hers[0].ID, "", by["Noé"]); err != nil {
		return err
	}
	if err := r.Absent(ctx, rota.Absence{ID: store.NewID(), StaffID: by["Camille"].ID, First: rota.Shifted(monday, 15), Last: rota.Shifted(monday, 16)}, by["Camille"]); err != nil {
		return err
	}
	clock.Set(r.Moment(rota.Shifted(r.Today(), -1), 22*60+50))
	err = r.Write(ctx, store.NewID(), "Soirée chargée entre 20 h et 22 h, deux personnes ont attendu plus de dix minutes.\nLe casque du poste 3 grésille : prenez le 4.\nLe 119 rappelle demain avant 10 h au sujet du dossier de jeudi ; c'est noté dans les tâches du dossier.", by["Morgane"])
	clock.Set(now)
	return err
}
