package mail

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Step is what is written to a platform after a notice, in the words that are proposed for it: whoever sends it may write them
// anew.
type Step struct {
	// Kind is "reminder", "contact" (somebody there whom we know) or "art20" (an internal complaint, DSA Art. 20).
	Kind, Lang string
	// Mark is the notice's, Answers the subject of the letter by which it went, "" where it went otherwise.
	Mark, Answers string
	Addresses     []string
	// Reference is what the platform calls the notice, "" where it gave none.
	Reference string
	// Sent is when it had the notice, Acknowledged and Decided when it said so, in the helpline's zone; zero for not yet.
	Sent, Acknowledged, Decided time.Time
	// Reminded says that an earlier step was taken.
	Reminded bool
	// Statement is the notice's statement of reasons, which a complaint repeats.
	Statement string
}

// Subject is the letter's, with the mark by which its answers are known.
func (s Step) Subject() string {
	if s.Answers != "" {
		return "Re: " + strings.TrimPrefix(s.Answers, "Re: ")
	}
	return wordsIn(s.Lang).steps[s.Kind].subject + " [Ref. " + s.Mark + "]"
}

// Text is what is proposed, its lines ended by "\n". The mark, which stands below every letter, is not in it.
func (s Step) Text() string {
	w := wordsIn(s.Lang)
	step := w.steps[s.Kind]
	said := strings.NewReplacer("{sent}", s.Sent.Format(w.day), "{acknowledged}", s.Acknowledged.Format(w.day), "{decided}", s.Decided.Format(w.day))
	parts := []string{said.Replace(step.opens)}
	add := func(text string, holds bool) {
		if holds {
			parts = append(parts, said.Replace(text))
		}
	}
	add(w.noReceipt, s.Acknowledged.IsZero() && s.Decided.IsZero())
	add(w.receiptOnly, !s.Acknowledged.IsZero() && s.Decided.IsZero())
	add(w.decided, !s.Decided.IsZero() && s.Kind != "art20")
	add(w.reminded, s.Reminded && s.Kind == "contact")
	add(w.reasons+"\n"+clean(s.Statement), s.Kind == "art20" && s.Statement != "")
	add(w.addresses+"\n"+strings.Join(s.Addresses, "\n"), len(s.Addresses) > 0)
	add(w.reference+s.Reference, s.Reference != "")
	add(step.asks, true)
	return norm.NFC.String(strings.Join(parts, "\n\n"))
}
