package rehearsal

import (
	"slices"
	"strings"
	"testing"

	"vigie/internal/catalogue"
)

// Every invented contact can be played: it is told in both languages, fills in fields that the form has with answers that it takes, and
// ticks steps that the protocols have.
func TestTheLibraryCanBePlayed(t *testing.T) {
	set, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	if len(Library()) < 8 {
		t.Errorf("%d invented contacts: there were 8", len(Library()))
	}
	langs := map[string]int{}
	for _, s := range Library() {
		langs[s.Lang+" "+s.Channel]++
		if s.Title["fr"] == "" || s.Title["en"] == "" || s.Look["fr"] == "" || s.Look["en"] == "" || len(s.Steps) < 8 {
			t.Errorf("%s is not whole", s.Code)
		}
		for i, step := range s.Steps {
			switch step.Who {
			case Child, Staff, House:
				if step.Say == "" || step.After < 1 {
					t.Errorf("%s, step %d says nothing", s.Code, i)
				}
			case Form:
				if _, err := set.Form.Check(step.Field, step.Value); err != nil {
					t.Errorf("%s, step %d: %v", s.Code, i, err)
				}
			case Card:
				protocol, of, _ := strings.Cut(step.Card, "/")
				if p, ok := set.Protocols.ByCode(protocol); !ok || !slices.ContainsFunc(p.Steps, func(s catalogue.ProtocolStep) bool { return s.Code == of }) {
					t.Errorf("%s, step %d: no protocol has %s", s.Code, i, step.Card)
				}
			case Danger:
			default:
				t.Errorf("%s, step %d: who is %q?", s.Code, i, step.Who)
			}
		}
	}
	for _, kind := range []string{"fr chat", "fr phone", "en chat", "en phone"} {
		if langs[kind] == 0 {
			t.Errorf("nothing in %s", kind)
		}
	}
}

// Every exercise can be ended: each answer leads somewhere, each moment is reached, and none is a trap.
func TestEveryExerciseCanBeEnded(t *testing.T) {
	exercises := 0
	for _, s := range Library() {
		if len(s.Nodes) == 0 {
			continue
		}
		exercises++
		reached, next := map[string]bool{}, []string{s.Nodes[0].Code}
		if s.Nodes[0].Code != "start" {
			t.Errorf("%s begins with %s", s.Code, s.Nodes[0].Code)
		}
		for len(next) > 0 {
			code := next[0]
			next = next[1:]
			if reached[code] {
				continue
			}
			reached[code] = true
			n, ok := s.Node(code)
			if !ok {
				t.Errorf("%s leads to %s, which is nowhere", s.Code, code)
				continue
			}
			if n.End != (len(n.Answers) == 0) || len(n.Lines) == 0 {
				t.Errorf("%s: %s neither ends nor goes on", s.Code, code)
			}
			for _, a := range n.Answers {
				if !slices.Contains(Intents, a.Intent) {
					t.Errorf("%s: %s is no intent", s.Code, a.Intent)
				}
				next = append(next, a.To)
			}
		}
		if len(reached) != len(s.Nodes) {
			t.Errorf("%s: only %d of %d moments are reached", s.Code, len(reached), len(s.Nodes))
		}
	}
	if exercises < 3 {
		t.Errorf("%d exercises: there were 3", exercises)
	}
}
