package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// Past writes contacts of the last three months, through the rooms, whose clock it sets.
type Past struct {
	DB       *store.DB
	Clock    *Clock
	Contacts *contact.Contacts
	Chats    *chat.Chats
	Files    *casefile.Files
	Requests *datarequest.Requests
	// Seen is a supervisor's word that she has seen what rang of a contact.
	Seen      func(ctx context.Context, staffID, contactID string) error
	Catalogue *catalogue.Set
	// PerDay is how many contacts a day has at the most.
	PerDay int
}

// days is how far the past goes back.
const days = 92

// Write writes the past up to yesterday, as the counsellors would have. It is the same every time.
func (p Past) Write(ctx context.Context, counsellors []staff.Person) (int, error) {
	supervisor := slices.IndexFunc(counsellors, func(c staff.Person) bool { return c.Can(staff.FloorSteer) })
	if supervisor < 0 {
		return 0, errors.New("demo: nobody supervises")
	}
	chance := rand.New(rand.NewPCG(30, 18))
	today := time.Now().Truncate(24 * time.Hour)
	written := 0
	for day := days; day >= 1; day-- {
		morning := today.AddDate(0, 0, -day).Add(8 * time.Hour)
		for range 1 + chance.IntN(p.PerDay) {
			p.Clock.Set(morning.Add(time.Duration(chance.IntN(13*60)) * time.Minute))
			story := Stories[chance.IntN(len(Stories))]
			counsellor := counsellors[chance.IntN(len(counsellors))]
			id, err := p.contact(ctx, chance, story, counsellor, counsellors[supervisor].ID)
			if err == nil && written == 0 {
				err = p.file(ctx, id, audit.Actor{Kind: audit.Staff, ID: counsellor.ID})
			}
			if err != nil {
				return written, err
			}
			written++
		}
	}
	return written, p.requests(ctx, counsellors[supervisor], today)
}

func (p Past) contact(ctx context.Context, chance *rand.Rand, s Story, counsellor staff.Person, supervisor string) (id string, err error) {
	ct, err := p.Contacts.Open(ctx, contact.Opening{
		ID: store.NewID(), Channel: contact.ChannelChat, Lang: s.Lang, Public: known(p.Catalogue, catalogue.AskWho, s.Who),
		AgeBand: known(p.Catalogue, catalogue.AskAge, s.Age), Topic: s.topic(p.Catalogue),
		Queue: p.Catalogue.Queues.For(s.Lang, s.Who, s.topic(p.Catalogue)).Code,
	})
	if err != nil {
		return ct.ID, err
	}
	visitor := func(words string) error { return p.say(ctx, ct.ID, chat.Visitor, ct.PersonID, words) }
	for _, words := range s.First {
		p.Clock.pass(time.Duration(5+chance.IntN(20)) * time.Second)
		if err := visitor(words); err != nil {
			return ct.ID, err
		}
	}
	p.Clock.pass(time.Duration(20+chance.IntN(400)) * time.Second)
	by := audit.Actor{Kind: audit.Staff, ID: counsellor.ID}
	if err := p.move(ctx, ct.ID, contact.Take, by); err != nil {
		return ct.ID, err
	}
	for i := range max(len(s.Then), len(s.Said)) {
		p.Clock.pass(time.Duration(15+chance.IntN(50)) * time.Second)
		if i < len(s.Said) {
			if err := p.say(ctx, ct.ID, chat.Staff, counsellor.ID, s.Said[i]); err != nil {
				return ct.ID, err
			}
		}
		p.Clock.pass(time.Duration(10+chance.IntN(60)) * time.Second)
		if i < len(s.Then) {
			if err := visitor(s.Then[i]); err != nil {
				return ct.ID, err
			}
		}
	}
	if _, err := p.Contacts.EndConversation(ctx, ct.ID, by, contact.Change{}); err != nil {
		return ct.ID, err
	}
	if s.Rate != "" && chance.IntN(3) > 0 {
		if err := p.Contacts.AnswerSatisfaction(ctx, ct.ID, contact.Satisfaction{Code: s.Rate}); err != nil {
			return ct.ID, err
		}
	}
	p.Clock.pass(2 * time.Minute)
	if err := p.fill(ctx, chance, ct.ID, by); err != nil {
		return ct.ID, err
	}
	if _, err := p.Contacts.Close(ctx, ct.ID, by, false); err != nil {
		return ct.ID, err
	}
	return ct.ID, p.Seen(ctx, supervisor, ct.ID)
}

func (p Past) say(ctx context.Context, id, from, author, words string) error {
	_, err := p.Chats.Send(ctx, chat.Sending{ID: store.NewID(), ContactID: id, From: from, AuthorID: author, Body: words})
	return err
}

func (p Past) move(ctx context.Context, id string, event contact.Event, by audit.Actor) error {
	return p.DB.Tx(ctx, func(tx *store.Tx) error {
		_, err := p.Contacts.Move(ctx, tx, id, event, by, contact.Change{})
		return err
	})
}

// fill answers what is often known, what the form requires, and then what the answers require in turn.
func (p Past) fill(ctx context.Context, chance *rand.Rand, id string, by audit.Actor) error {
	write := func(field catalogue.Field) error {
		_, err := p.Contacts.SaveField(ctx, contact.Saving{ContactID: id, Field: field.Code, Value: value(chance, field), Seen: contact.Overwrite, By: by})
		return err
	}
	for _, code := range []string{"age", "gender", "department", "platforms"} {
		if field, ok := p.Catalogue.Form.Field(code); ok && chance.IntN(4) > 0 {
			if err := write(field); err != nil {
				return err
			}
		}
	}
	for range 20 {
		missing, err := p.Contacts.Missing(ctx, id)
		if err != nil || len(missing) == 0 {
			return err
		}
		for _, field := range missing {
			if err := write(field); err != nil {
				return err
			}
		}
	}
	return errors.New("demo: the form asks for ever more")
}

func value(chance *rand.Rand, f catalogue.Field) string {
	if offered := f.Offered(); len(offered) > 0 {
		return offered[chance.IntN(len(offered))].Code
	}
	switch f.Type {
	case catalogue.YesNo:
		return "no"
	case catalogue.OfAge:
		return strconv.Itoa(9 + chance.IntN(9))
	}
	return "Contact inventé pour la démonstration."
}

// known is the code if the catalogue knows it, else "".
func known(set *catalogue.Set, question, code string) string {
	if code != "" && set.Questions.Has(question, code) {
		return code
	}
	return ""
}

func (s Story) topic(set *catalogue.Set) string {
	for _, code := range s.Topics {
		if known(set, catalogue.AskTopic, code) != "" {
			return code
		}
	}
	return ""
}
