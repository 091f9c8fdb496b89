package routing

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// Part is one readable part of a score: why a contact stands where it stands.
type Part struct {
	// Code is PartQueue (what its queue counts for), PartWaiting (ageing), PartDanger (the danger mark) or
	// a reason's own code ("lexicon.suicide", "came_back").
	Code   string
	Points int
	// Args fill the sentence: minutes of PartWaiting, queue (a code) of PartQueue, what a reason carries.
	Args map[string]string
}

// The parts that do not come from a reason.
const (
	PartQueue   = "queue"
	PartWaiting = catalogue.ReasonWaiting
	PartDanger  = catalogue.ReasonDanger
)

// Say returns the part's sentence in lang, from the catalogue; "" for a code it does not know (any more).
func (p Part) Say(set *catalogue.Set, lang string) string {
	if p.Code == PartQueue {
		q, _ := set.Queues.ByCode(p.Args["queue"])
		return q.Label.In(lang)
	}
	text, ok := set.Reason(p.Code)
	if !ok {
		return ""
	}
	said, _ := text.Fill(lang, p.Args)
	return said
}

// rule is what a queue asks and gives.
type rule struct {
	base, ageing int // points, and points a minute
	skills       []string
}

// ruleOf returns the rule of a contact's queue; one that no longer exists is chosen again.
func ruleOf(set *catalogue.Set, w waiting) rule {
	q, ok := set.Queues.ByCode(w.queue)
	if !ok {
		q = set.Queues.For(w.lang, w.public, w.topic)
	}
	return rule{base: q.Base, ageing: q.Ageing, skills: q.Skills}
}

// weighed is a reason that this room gives, with the weight the catalogue gives it.
func (r *Router) weighed(code string) contact.Reason {
	reason, _ := r.catalogue().Queues.Reason(code)
	return contact.Reason{Code: code, Weight: reason.Weight}
}

// Waiting is a contact in line, as the supervisors and the desk see it.
type Waiting struct {
	Contact contact.Contact
	Score   int
	// Parts add up to Score, the heaviest first.
	Parts []Part
	// LikelySame are other open contacts that may be of the same person or family.
	LikelySame []Likely
	// Links are the contacts that a human has joined it with.
	Links []Link

	knowing []string // who said "I know this person"
}

// OpenTo says whether somebody may see it in the line: it is in one of her languages, or she looks after
// the whole floor, and she has not said that she knows the person.
func (w *Waiting) OpenTo(p staff.Person) bool {
	return (slices.Contains(p.Langs, w.Contact.Lang) || p.Can(staff.FloorSee)) && !slices.Contains(w.knowing, p.ID)
}

// KnownBy are those who said that they know its person: nobody else's sight of the line depends on who she is.
func (w *Waiting) KnownBy() []string { return w.knowing }

// waiting is a contact in line as the sweep and the place see it: no reason is unsealed for them.
type waiting struct {
	id, personID, channel, lang, public, topic, queue string
	state                                             contact.State
	priority                                          int
	danger, grave                                     bool
	since                                             int64
	due                                               int64  // when its person is called, 0 for one who is not waited for
	stickyID                                          string // who knows the story, of this contact or of the person's last one
	shown                                             int64  // the smallest place that was shown, 0 for none
}

// live says that somebody is at the other end now.
func (w waiting) live() bool { return contact.Contact{Channel: w.channel}.Live() }

// hidden says that its person was promised a call for later: until then it stands in no list. Somebody in danger is hidden
// from nobody.
func (w waiting) hidden(now time.Time) bool { return w.due > store.Millis(now) && !w.danger }

// rings says that it is offered now: somebody is at the other end, or the moment has come to call her.
func (w waiting) rings(now time.Time) bool {
	if w.due > 0 {
		return w.due <= store.Millis(now)
	}
	return w.live()
}

// score is where a contact stands: what its queue counts for, its reasons, its waiting, its danger mark.
func (r *Router) score(q rule, w waiting, now time.Time) int {
	return q.base + w.priority + ageing(q, w.since, now) + danger(r.catalogue(), w)
}

func danger(set *catalogue.Set, w waiting) int {
	if !w.danger {
		return 0
	}
	reason, _ := set.Queues.Reason(PartDanger)
	return reason.Weight
}

// ageing grows by the queue's points with every whole minute, so that the sentence "waiting 9 min" and
// its points say the same.
func ageing(q rule, since int64, now time.Time) int {
	return q.ageing * int(minutes(since, now))
}

func minutes(since int64, now time.Time) int64 {
	return max(0, (store.Millis(now)-since)/time.Minute.Milliseconds())
}

// inLine orders contacts as they are offered: by score, then by who has waited longest.
func (r *Router) inLine(set *catalogue.Set, all []waiting, now time.Time) {
	scores := make(map[string]int, len(all))
	for _, w := range all {
		scores[w.id] = r.score(ruleOf(set, w), w, now)
	}
	slices.SortStableFunc(all, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(scores[b.id], scores[a.id]), cmp.Compare(a.since, b.since), cmp.Compare(a.id, b.id))
	})
}

// speaks says whether a counsellor may answer, and in the contact's language.
func speaks(p staff.Person, w waiting) bool {
	return p.Can(answers) && slices.Contains(p.Langs, w.lang)
}

// able says whether she also has what the queue asks for.
func able(p staff.Person, w waiting, q rule) bool {
	return speaks(p, w) && !slices.ContainsFunc(q.skills, func(skill string) bool { return !slices.Contains(p.Skills, skill) })
}

// suitable returns, of the counsellors on duty, those who may be offered a contact: who take calls where it is
// one, speak its language, have the skills of its queue and do not know its person. When nobody on duty has the skills,
// whoever speaks the language is suitable: somebody who listens is better than nobody.
func suitable(f floor, w waiting, q rule, barred func(staffID string) bool) []*Seat {
	var skilled, speaking []*Seat
	for _, s := range f.seats {
		switch {
		case !s.onDuty() || !s.takes(w.channel) || !speaks(s.Person, w) || barred(s.StaffID):
		case able(s.Person, w, q):
			skilled = append(skilled, s)
		default:
			speaking = append(speaking, s)
		}
	}
	if len(skilled) > 0 {
		return skilled
	}
	return speaking
}

// Waiting returns who is in line, in the order in which they would be offered; lang "" is every
// language. Reasons are unsealed for the first fifty, which is more than a screen shows.
func (r *Router) Waiting(ctx context.Context, lang string) ([]Waiting, error) {
	const unsealed = 50
	now := r.now()
	set := r.catalogue()
	lean, err := store.All(ctx, r.db, scanWaiting, selectWaiting)
	if err != nil {
		return nil, err
	}
	lean = slices.DeleteFunc(lean, func(w waiting) bool { return lang != "" && w.lang != lang || w.hidden(now) })
	if len(lean) == 0 {
		return nil, nil
	}
	r.inLine(set, lean, now)
	full, err := r.contacts.InStates(ctx, contact.Waiting, contact.Offered)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]contact.Contact, len(full))
	for _, ct := range full {
		byID[ct.ID] = ct
	}
	likely, err := r.likely(ctx)
	if err != nil {
		return nil, err
	}
	links, err := r.links(ctx)
	if err != nil {
		return nil, err
	}
	barred, err := store.All(ctx, r.db, scanPair, selectBarredInLine)
	if err != nil {
		return nil, err
	}
	knowing := map[string][]string{}
	for _, p := range barred {
		knowing[p[0]] = append(knowing[p[0]], p[1])
	}
	line := make([]Waiting, 0, len(lean))
	for i, w := range lean {
		ct, still := byID[w.id]
		if !still {
			continue
		}
		q := ruleOf(set, w)
		item := Waiting{Contact: ct, Score: r.score(q, w, now), LikelySame: likely[w.id], Links: links[w.id],
			knowing: knowing[w.personID]}
		if q.base != 0 {
			item.Parts = append(item.Parts, Part{Code: PartQueue, Points: q.base, Args: map[string]string{"queue": w.queue}})
		}
		if n := minutes(w.since, now); n > 0 {
			item.Parts = append(item.Parts, Part{Code: PartWaiting, Points: ageing(q, w.since, now), Args: map[string]string{"minutes": strconv.FormatInt(n, 10)}})
		}
		if n := danger(set, w); n > 0 {
			item.Parts = append(item.Parts, Part{Code: PartDanger, Points: n})
		}
		if i < unsealed {
			reasons, err := r.contacts.Reasons(ctx, ct)
			if err != nil {
				return nil, err
			}
			for _, why := range reasons {
				item.Parts = append(item.Parts, Part{Code: why.Code, Points: why.Weight, Args: why.Args})
			}
		}
		slices.SortStableFunc(item.Parts, func(a, b Part) int { return b.Points - a.Points })
		line = append(line, item)
	}
	return line, nil
}
