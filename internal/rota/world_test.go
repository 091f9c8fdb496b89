package rota_test

import (
	"context"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile/casetest"
	"vigie/internal/rota"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var claire, karim, nadia = casetest.Claire, casetest.Karim, casetest.Nadia

// start is a Saturday, ten o'clock in Paris.
var start = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

// roster is who works here: two counsellors and a supervisor.
type roster struct{}

func (roster) Roster(context.Context) ([]staff.Person, error) {
	return []staff.Person{
		{ID: claire.ID, Alias: "Claire", Active: true, Roles: []staff.Role{staff.Counsellor}},
		{ID: karim.ID, Alias: "Karim", Active: true, Roles: []staff.Role{staff.Counsellor}},
		{ID: nadia.ID, Alias: "Nadia", Active: true, Roles: []staff.Role{staff.Supervisor}},
	}, nil
}

type world struct {
	*casetest.World
	*rota.Rota
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, start)}
		w.Rota = w.node(false)
		test(w)
	})
}

// node is the room on another server of the same record.
func (w *world) node(decide bool) *rota.Rota {
	return rota.New(rota.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Catalogue: w.Catalogue, People: roster{}, Now: w.World.Now, Decide: decide})
}

// planned is a shift that is known to its person.
func (w *world) planned(who audit.Actor, day string, from, to int) rota.Shift {
	w.T.Helper()
	s := w.draft(who, day, from, to)
	_, err := w.Publish(w.Ctx, day, day, nadia)
	w.Must(err)
	s, err = w.Rota.Get(w.Ctx, s.ID)
	w.Must(err)
	return s
}

func (w *world) draft(who audit.Actor, day string, from, to int) rota.Shift {
	w.T.Helper()
	s := rota.Shift{ID: store.NewID(), StaffID: who.ID, Day: day, From: from * 60, To: to * 60, Post: rota.Both}
	w.Must(w.Plan(w.Ctx, s, nadia))
	return s
}
