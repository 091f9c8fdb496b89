package demo

import (
	"context"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/exposure"
	"vigie/internal/quality"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/team"
)

// Colleagues are the made-up life between colleagues: what they wrote, what was announced, grids that were talked over, minutes.
type Colleagues struct {
	Clock    *Clock
	Team     *team.Team
	Quality  *quality.Quality
	Exposure *exposure.Exposure
	Contacts *contact.Contacts
	// Day is the day of the house's calendar at a time.
	Day func(t time.Time) string
}

// Write writes it, with the clock set back, and leaves the clock at now.
func (c Colleagues) Write(ctx context.Context, people []staff.Person) error {
	now := c.Clock.Now()
	defer c.Clock.Set(now)
	by := map[string]string{}
	for _, p := range people {
		by[p.Login] = p.ID
	}
	for i, line := range []struct {
		ago   time.Duration
		who   string
		names string
		words string
	}{
		{26 * time.Hour, "noe", "", "La fiche Snapchat a changé : le bouton est dans « Aide » maintenant. C'est corrigé dans les guides."},
		{25 * time.Hour, "camille", "noe", "Merci @Noé ! Je l'envoyais encore à l'ancien endroit."},
		{5 * time.Hour, "dominique", "", "Point de 17 h en salle calme, pour qui veut souffler ensemble."},
		{4 * time.Hour, "camille", "", "Je prends le créneau de 20 h demain si quelqu'un veut échanger."},
		{50 * time.Minute, "noe", "camille", "@Camille d'accord pour demain, je prends ta matinée."},
	} {
		c.Clock.Set(now.Add(-line.ago).Add(time.Duration(i) * time.Second))
		m := team.Message{ID: store.NewID(), ByID: by[line.who], Words: line.words}
		if line.names != "" {
			m.Mentions = []string{by[line.names]}
		}
		if _, err := c.Team.Say(ctx, m); err != nil {
			return err
		}
	}
	c.Clock.Set(now.Add(-30 * time.Minute))
	if _, err := c.Team.Send(ctx, team.Notice{ID: store.NewID(), ByID: by["dominique"], Words: "Un reportage passe à 20 h 30 : attendez-vous à plus de monde ce soir.", Other: "A report is on television at 20:30: expect more people tonight.",
		MustRead: true, Until: store.Millis(now.Add(8 * time.Hour))}); err != nil {
		return err
	}
	for d := range 24 { // weekdays; the minutes of a usual month
		day := now.AddDate(0, 0, d-25)
		if day.Weekday() == time.Sunday || day.Weekday() == time.Saturday {
			continue
		}
		for i, login := range []string{"camille", "noe"} {
			for kind, minutes := range map[string]int{exposure.Heard: 12 + (d*7+i*5)%34, exposure.Read: 8 + (d*11+i*3)%41} {
				if err := c.Exposure.Add(ctx, by[login], c.Day(day), kind, time.Duration(minutes)*time.Minute); err != nil {
					return err
				}
			}
		}
	}
	return c.grids(ctx, by, now)
}

// grids are two that were shared with Camille: one is talked over, one waits for her answer.
func (c Colleagues) grids(ctx context.Context, by map[string]string, now time.Time) error {
	closed, err := c.Contacts.InStates(ctx, contact.Closed)
	if err != nil {
		return err
	}
	closed = slices.DeleteFunc(closed, func(ct contact.Contact) bool { return ct.StickyID != by["camille"] && ct.CounsellorID != by["camille"] })
	supervisor, camille := audit.Actor{Kind: audit.Staff, ID: by["dominique"]}, audit.Actor{Kind: audit.Staff, ID: by["camille"]}
	for i, ct := range closed[:min(2, len(closed))] {
		c.Clock.Set(now.AddDate(0, 0, -9+6*i))
		r, err := c.Quality.Begin(ctx, supervisor, ct.ID, camille.ID, "")
		if err != nil {
			return err
		}
		if r, err = c.Quality.Save(ctx, r.ID, r.Rev, quality.Words{
			Marks: map[string]int{"opening": 4, "pace": 3, "belief": 4, "questions": 2 + i, "signs": 3, "ending": 3},
			Notes: map[string]string{"questions": "Deux questions à la suite vers le milieu : une seule suffisait."},
			Well:  "L'accueil, et le silence tenu sans le remplir.", Next: "Dire plus tôt ce qui va se passer après la conversation.",
		}, supervisor); err != nil {
			return err
		}
		if r, err = c.Quality.Move(ctx, r.ID, r.Rev, quality.Share, supervisor); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if r, err = c.Quality.Reply(ctx, r.ID, r.Rev, "Merci. J'avais peur du silence, justement. J'essaie la prochaine fois.", camille); err != nil {
			return err
		}
		if _, err = c.Quality.Move(ctx, r.ID, r.Rev, quality.Discuss, supervisor); err != nil {
			return err
		}
	}
	return nil
}

// RaiseNowAndThen has a simulated colleague raise a hand, and take it down again when nobody is there to come.
func RaiseNowAndThen(ctx context.Context, room *team.Team, people func(ctx context.Context) ([]staff.Person, error), every time.Duration) {
	const up = 2 * time.Minute
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		all, err := people(ctx)
		if err != nil {
			return
		}
		i := slices.IndexFunc(all, func(p staff.Person) bool { return p.Login == "noe" })
		if i < 0 {
			return
		}
		if _, raised, err := room.HandOf(ctx, all[i].ID); err != nil || raised {
			continue
		}
		h, err := room.Raise(ctx, all[i].ID, "", []string{team.Advice, team.Technical, team.Break}[n%3])
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(up):
		}
		_ = room.Lower(ctx, h.ID, all[i].ID, false)
	}
}
