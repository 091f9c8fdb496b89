package chat

import (
	"strings"
	"sync"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
)

// lifeInDanger is the level of the lexicon that sets the danger mark: a life may be in danger now.
const lifeInDanger = 3

const (
	// Children write one thought over several messages, so that the last ones are listened to together.
	listenBack  = 3 * time.Minute
	listenBytes = 600
)

// listenFor returns what the lexicon hears in what is her own of a message of the person, together with what
// she wrote just before, and what was not heard from her already.
func (c *Chats) listenFor(m Message, own string) []catalogue.Hit {
	if m.From != Visitor || m.Kind != Text || own != m.Body && !readable(own) {
		return nil
	}
	before := c.heard.of(m.ContactID, c.now())
	hits := c.catalogue().Lexicon.Scan(join(before.text, own))
	fresh := hits[:0:0]
	for _, h := range hits {
		if weight, known := before.hits[h.Code]; !known || h.Weight > weight {
			fresh = append(fresh, h)
		}
	}
	return fresh
}

// alarm turns what the lexicon heard into reasons that a person can read; danger is for the gravest.
func alarm(hits []catalogue.Hit) (reasons []contact.Reason, danger bool) {
	for _, h := range hits {
		reasons = append(reasons, contact.Reason{Code: "lexicon." + h.Code, Weight: h.Weight, Group: h.Danger,
			Args: map[string]string{"phrase": h.Phrase}})
		danger = danger || h.Level >= lifeInDanger
	}
	return reasons, danger
}

// lately is what each person wrote in the last minutes, and what was heard in it. It is in the memory
// of the node that she speaks to, and nowhere else: what is forgotten with it is only that two messages
// belong together.
type lately struct {
	mu     sync.Mutex
	turned time.Time
	newer  map[string]heard
	older  map[string]heard
}

type heard struct {
	text string
	at   time.Time
	hits map[string]int // code → weight
}

func (l *lately) of(contactID string, now time.Time) heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	h, ok := l.newer[contactID]
	if !ok {
		h = l.older[contactID]
	}
	if now.Sub(h.at) > listenBack {
		return heard{}
	}
	return h
}

func (l *lately) note(m Message, own string, hits []catalogue.Hit, now time.Time) {
	if m.From != Visitor || m.Kind != Text {
		return
	}
	before := l.of(m.ContactID, now)
	h := heard{text: tail(join(before.text, own)), at: now, hits: before.hits}
	if len(hits) > 0 {
		h.hits = make(map[string]int, len(before.hits)+len(hits))
		for code, weight := range before.hits {
			h.hits[code] = weight
		}
		for _, hit := range hits {
			h.hits[hit.Code] = hit.Weight
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newer[m.ContactID] = h
}

// turn forgets what is older than listenBack, in two halves. l.mu is held.
func (l *lately) turn(now time.Time) {
	if l.newer == nil || now.Sub(l.turned) > listenBack || now.Before(l.turned) {
		l.older, l.newer, l.turned = l.newer, map[string]heard{}, now
	}
}

func join(before, text string) string {
	if before == "" {
		return text
	}
	return before + "\n" + text
}

// tail keeps the end of a text, from the beginning of a word.
func tail(text string) string {
	if len(text) <= listenBytes {
		return text
	}
	text = text[len(text)-listenBytes:]
	if i := strings.IndexAny(text, " \n"); i >= 0 {
		return text[i+1:]
	}
	return ""
}
