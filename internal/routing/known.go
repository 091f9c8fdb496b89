package routing

import (
	"context"
	"encoding/json"
	"slices"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// KnowThisPerson is a counsellor saying "I know this person". The contact goes on to somebody else, in
// front of the line when they were already talking; whatever else of that person, or of a contact that
// was joined to hers, is at her desk goes on too. From then on nothing of that person is offered to her
// or opens for her, search and break-glass included, and no screen tells anybody why.
func (r *Router) KnowThisPerson(ctx context.Context, staffID, contactID string) error {
	ct, err := r.contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	now := store.Millis(r.now())
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, _, err := lock(ctx, tx, staffID); err != nil {
			return err
		}
		persons, err := store.All(ctx, tx, scanID, selectJoinedPersons, ct.PersonID)
		if err != nil {
			return err
		}
		if !slices.Contains(persons, ct.PersonID) {
			persons = append(persons, ct.PersonID)
		}
		for _, person := range persons {
			if err := r.contacts.Bar(ctx, tx, person, staffID, byStaff(staffID)); err != nil {
				return err
			}
			if err := r.passOn(ctx, tx, staffID, person, now); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			r.tell(staffID, StaffEvent{What: "offer"})
			payload, _ := json.Marshal(contact.QueueEvent{Whole: true})
			r.bus.Publish("queue", payload)
		})
		return nil
	})
}

// passOn gives away every open contact of a person that a counsellor has, or that rings at her desk.
func (r *Router) passOn(ctx context.Context, tx *store.Tx, staffID, personID string, now int64) error {
	// A hand-over that rings at her desk stops ringing, and stays with the colleague who has it.
	froms, err := store.All(ctx, tx, scanPair, endHandOversTo, personID, staffID, now)
	if err != nil {
		return err
	}
	for _, f := range froms {
		tx.AfterCommit(func() { r.tell(f[0], StaffEvent{What: "hand_over_ended", Contact: f[1]}) })
	}
	ids, err := store.All(ctx, tx, scanID, selectOfPersonAt, personID, staffID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := tx.Exec(ctx, endOfferOfContact, id, passed, now); err != nil {
			return err
		}
		ct, err := r.contacts.Move(ctx, tx, id, contact.Pass, byStaff(staffID), contact.Change{})
		if fault.Is(err, fault.Conflict) {
			continue // it ended meanwhile
		}
		if err != nil {
			return err
		}
		if ct.State == contact.Waiting && ct.AnsweredAt > 0 {
			if _, err := r.contacts.AddReason(ctx, tx, id, r.weighed(catalogue.ReasonHandedOver)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Recused says whether a contact is closed to a member of staff because she knows its person. Search,
// the desk and the breaking of the glass ask it before anything is shown.
func (r *Router) Recused(ctx context.Context, staffID string, ct contact.Contact) (bool, error) {
	return r.recused(ctx, r.db, ct.PersonID, staffID)
}

// stranger returns colleague's fault, which gives no reason, for a colleague who knows the person.
func (r *Router) stranger(ctx context.Context, q store.Querier, personID, staffID string) error {
	knows, err := r.recused(ctx, q, personID, staffID)
	if err == nil && knows {
		err = fault.New(fault.Conflict, "fault.routing.colleague_cannot")
	}
	return err
}

func (r *Router) recused(ctx context.Context, q store.Querier, personID, staffID string) (bool, error) {
	barred, err := r.contacts.Barred(ctx, q, personID)
	return slices.Contains(barred, staffID), err
}
