// Package demo makes up a helpline in full life, so that a newcomer sees the desk ring within a minute:
// people to log in as, three months of past contacts, and young people who start chats and answer. None
// of them exists, and nothing they say was ever said.
//
// The past is written through the rooms themselves, with their clock set back; the young people use the
// site as a browser does. So the demonstration shows the real thing, and breaks when the real thing does.
package demo

import (
	"context"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/staff"
)

// Password is everybody's, in the demonstration only.
const Password = "lampe sur la mer"

// Member is somebody of the made-up staff.
type Member struct {
	Login, Alias, Name string
	Roles              []staff.Role
	Langs, Skills      []string
	// Does says in a few words what to log in as her for.
	Does string
}

// Staff is the made-up staff.
var Staff = []Member{
	{"camille", "Camille", "Camille Ferrand", []staff.Role{staff.Counsellor}, []string{"fr"}, nil, "écoute les jeunes"},
	{"noe", "Noé", "Noé Lambert", []staff.Role{staff.Counsellor}, []string{"fr", "en"}, []string{"parents"}, "écoute, en français et en anglais ; les parents d'abord"},
	{"dominique", "Dominique", "Dominique Arnal", []staff.Role{staff.Supervisor, staff.Counsellor}, []string{"fr", "en"}, nil, "responsable : voit la file et reprend un contact"},
	{"morgane", "Morgane", "Morgane Le Goff", []staff.Role{staff.Supervisor, staff.Counsellor}, []string{"fr"}, nil, "responsable aussi : certains actes se font à deux"},
	{"sacha", "Sacha", "Sacha Morel", []staff.Role{staff.Editor}, []string{"fr"}, nil, "écrit les fiches et les réponses"},
	{"alix", "Alix", "Alix Brunet", []staff.Role{staff.Administrator}, []string{"fr"}, nil, "comptes, journal, réglages"},
	{"maelle", "Maëlle", "Maëlle Rivoal", []staff.Role{staff.Officer}, []string{"fr"}, nil, "protection des données : durées et demandes"},
}

// operator is whoever made the demonstration.
var operator = audit.Actor{Kind: audit.Operator, ID: "demo"}

// Clock is the rooms' clock while the past is written.
type Clock struct{ at atomic.Int64 }

// Now is the time it shows.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.at.Load()) }

// Set sets it.
func (c *Clock) Set(t time.Time) { c.at.Store(t.UnixMilli()) }

func (c *Clock) pass(d time.Duration) { c.at.Add(d.Milliseconds()) }

// People makes the accounts that are not there yet, and returns the counsellors.
func People(ctx context.Context, s *staff.Staff) ([]staff.Person, error) {
	there := map[string]staff.Person{}
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		there[p.Login] = p
	}
	var counsellors []staff.Person
	for _, m := range Staff {
		p, ok := there[m.Login]
		if !ok {
			p, err = s.Add(ctx, staff.NewPerson{Login: m.Login, Alias: m.Alias, Name: m.Name, Roles: m.Roles, Langs: m.Langs, Skills: m.Skills, Password: Password}, operator)
			if err != nil {
				return nil, err
			}
		}
		if p.Can(staff.ContactAnswer) {
			counsellors = append(counsellors, p)
		}
	}
	return counsellors, nil
}
