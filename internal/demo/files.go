package demo

import (
	"context"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/datarequest"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// file opens the file of a contact, and closes it: the oldest one, which is in the archive by now.
func (p Past) file(ctx context.Context, contactID string, by audit.Actor) error {
	file, err := p.Files.OpenFor(ctx, contactID, casefile.RoomChild, by)
	if err != nil {
		return err
	}
	if err := p.Files.AddNote(ctx, file.ID, store.NewID(), "Dossier inventé pour la démonstration : la photo a disparu, sa mère est au courant.", by); err != nil {
		return err
	}
	return p.Files.Close(ctx, file.ID, "solved", by)
}

// requests are what made-up people have asked about their data: by a child, by a parent, and one that is late.
func (p Past) requests(ctx context.Context, by staff.Person, today time.Time) error {
	for _, r := range []struct {
		ago                   int
		who, kind, way, words string
	}{
		{45, "school", datarequest.Access, "email", "Bonjour, pouvez-vous nous dire si une élève de 5e B vous a contactés ?"},
		{9, datarequest.Young, datarequest.Access, "conversation", "Je veux voir ce que vous gardez de moi."},
		{3, "parent", datarequest.Access, "letter", "Je souhaite lire les échanges de mon fils avec votre service."},
	} {
		p.Clock.Set(today.AddDate(0, 0, -r.ago).Add(10 * time.Hour))
		_, err := p.Requests.Book(ctx, datarequest.Booking{ID: store.NewID(), Kind: r.kind, Who: r.who, Way: r.way, Lang: "fr", ReceivedOn: p.Clock.Now().Format(time.DateOnly),
			Content: datarequest.Content{Words: r.words}}, audit.Actor{Kind: audit.Staff, ID: by.ID})
		if err != nil {
			return err
		}
	}
	return nil
}
