package routing

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// Incident is something that happened to a counsellor. Times are Unix milliseconds.
type Incident struct {
	ID, ContactID string
	// Kind is IncidentThreat.
	Kind     string
	OpenedAt int64
	OpenedBy string
	ClosedAt int64 // 0 while no supervisor has closed it
	ClosedBy string
	// Note is what she wrote as she closed it.
	Note string

	sealed []byte
}

// IncidentThreat is a threat to the counsellor or the helpline.
const IncidentThreat = "threat"

// maxIncidentNote bounds the note of an incident, in characters.
const maxIncidentNote = 1000

// Threat is a counsellor's word that she is threatened. The conversation ends with the line of the house, the
// supervisors are rung until one has seen it and an incident is opened, all or nothing; where blockFor is not 0
// the person is blocked for so long too, and with network the address she comes from. Nobody is blocked who may
// be in danger: blocked then says nothing, and the rest is done all the same. Faults of Contacts.Move and Block.
func (r *Router) Threat(ctx context.Context, staffID, contactID string, supervising bool, blockFor time.Duration, network bool) (ct contact.Contact, blocked []Block, err error) {
	var kinds []string
	if blockFor != 0 {
		kinds = []string{BlockPerson}
		if network { // of a caller the one is the other, and she is blocked once
			kinds = append(kinds, BlockNetwork)
		}
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err = r.contacts.Move(ctx, tx, contactID, contact.Threat, byStaff(staffID), contact.Change{Supervising: supervising})
		if err != nil {
			return err
		}
		if err := r.raise(ctx, tx, contactID, CauseThreat); err != nil {
			return err
		}
		incident := store.NewID()
		if _, err := tx.Exec(ctx, insertIncident, incident, contactID, IncidentThreat, store.Millis(r.now()), staffID); err != nil {
			return err
		}
		blocked = nil
		for _, kind := range kinds {
			b, err := r.block(ctx, tx, staffID, contactID, kind, "threats", blockFor)
			if isInDanger(err) || fault.Is(err, fault.Gone) { // her address was never known
				continue
			}
			if len(blocked) > 0 && blocked[0].Kind == b.Kind {
				continue
			}
			if err != nil {
				return err
			}
			blocked = append(blocked, b)
		}
		return r.record(ctx, tx, byStaff(staffID), "incident.open", "incident", incident, map[string]string{"contact": contactID, "kind": IncidentThreat})
	})
	return ct, blocked, err
}

// Incidents returns those that no supervisor has closed yet, the oldest first.
func (r *Router) Incidents(ctx context.Context) ([]Incident, error) {
	return store.All(ctx, r.db, scanIncident, selectOpenIncidents)
}

// IncidentsOf returns all of one contact's, with their notes, the oldest first.
func (r *Router) IncidentsOf(ctx context.Context, contactID string) ([]Incident, error) {
	all, err := store.All(ctx, r.db, scanIncident, selectIncidentsOf, contactID)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	key, err := r.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].sealed == nil {
			continue
		}
		note, err := key.Open(incidentNote(all[i].ID), all[i].sealed)
		if err != nil {
			return nil, err
		}
		all[i].Note = string(note)
	}
	return all, nil
}

// CloseIncident is a supervisor's end of an incident, with her note. Closing what is closed changes nothing. It
// returns fault.Invalid "fault.routing.incident_note" without a note or for one that is too long, fault.NotFound
// "fault.routing.incident_unknown" also for one whose person she knows.
func (r *Router) CloseIncident(ctx context.Context, staffID, incidentID, note string) error {
	note = typed.Text(note)
	if n := utf8.RuneCountInString(note); n == 0 || n > maxIncidentNote {
		return fault.New(fault.Invalid, "fault.routing.incident_note", "max", maxIncidentNote)
	}
	unknown := fault.New(fault.NotFound, "fault.routing.incident_unknown")
	i, err := store.One(ctx, r.db, scanIncident, selectIncident, incidentID)
	if errors.Is(err, store.ErrNoRow) {
		return unknown
	}
	if err != nil {
		return err
	}
	ct, err := r.contacts.Get(ctx, i.ContactID)
	if err != nil {
		return err
	}
	if knows, err := r.Recused(ctx, staffID, ct); err != nil {
		return err
	} else if knows {
		return unknown
	}
	key, err := r.contacts.Key(ctx, i.ContactID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, closeIncident, incidentID, store.Millis(r.now()), staffID, key.Seal(incidentNote(incidentID), []byte(note)))
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(r.announceQueue)
		return r.record(ctx, tx, byStaff(staffID), "incident.close", "incident", incidentID, map[string]string{"contact": i.ContactID})
	})
}

func incidentNote(id string) seal.Field {
	return seal.Field{Table: "incident", Column: "note_sealed", Row: id, Version: 1}
}
