package contact

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/fault"
)

// life is the whole table of moves, written a second time as a helpline would say it: where each event
// leads from each state, and who may make it. A rule under a danger mark stands behind "!": another
// place, or somebody else.
//
//	V the person   R whom it is offered to   O whose it is   C any counsellor   S a supervisor   Y the system
const life = `
              waiting              offered              talking            parked             left              wrapup           closed
offer         offered:SY           -                    -                  -                  -                 -                -
accept        -                    talking:R            -                  -                  -                 -                -
decline       -                    waiting:R            -                  -                  -                 -                -
lapse         -                    waiting:Y            -                  -                  -                 -                -
take          talking:C            -                    -                  -                  -                 -                -
pass          -                    waiting:R            waiting:O          parked:O           left:O            -                -
hand_over     -                    -                    talking:OS         parked:OS          left:OS           wrapup:OS        -
lost          -                    waiting:Y            waiting:Y          parked:Y           left:Y            -                -
quiet         -                    -                    parked:OY          -                  -                 -                -
return        -                    -                    -                  waiting:VY         waiting:VY        -                -
rejoin        -                    -                    -                  talking:VY         talking:VY        -                -
leave         left:V               left:V               left:V             left:V             -                 -                -
expire        -                    -                    -                  -                  closed:Y!S        -                -
visitor_ends  closed:V!left        closed:V!left        wrapup:V           wrapup:V           -                 -                -
staff_ends    -                    -                    wrapup:OS          wrapup:OS!S        wrapup:OS!S       -                -
threat        -                    -                    wrapup:OS          wrapup:OS!S        wrapup:OS!S       -                -
cut           closed:Y!left        closed:Y!left        wrapup:Y           -                  -                 -                -
system_ends   -                    -                    -                  closed:Y!S         closed:Y!S        -                -
dismiss       closed:C!S           closed:RS!S          closed:OS!S        closed:OS!S        closed:OS!S       closed:OS!S      -
close         -                    -                    -                  -                  -                 closed:OS        -
reopen        -                    -                    -                  -                  -                 -                wrapup:OS
postpone      -                    -                    waiting:OSY        -                  -                 waiting:OSY      -
`

// The people of the table: who they are to the contact "ct", which "owner" has and which is offered to
// "asked".
var cast = []struct {
	sign string
	by   audit.Actor
	set  Change
}{
	{"V", audit.Actor{Kind: audit.Visitor, ID: "ct"}, Change{}},
	{"R", audit.Actor{Kind: audit.Staff, ID: "asked"}, Change{}},
	{"O", audit.Actor{Kind: audit.Staff, ID: "owner"}, Change{}},
	{"C", audit.Actor{Kind: audit.Staff, ID: "colleague"}, Change{}},
	{"S", audit.Actor{Kind: audit.Staff, ID: "supervisor"}, Change{Supervising: true}},
	{"Y", audit.Actor{Kind: audit.System}, Change{}},
	{"nobody", audit.Actor{Kind: audit.Visitor, ID: "another contact"}, Change{}},
	{"nobody", audit.Actor{}, Change{}},
}

type cell struct {
	to, toInDanger State
	by, byInDanger string
}

func readLife(t *testing.T) map[State]map[Event]cell {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(life), "\n")
	heads := strings.Fields(lines[0])
	table := map[State]map[Event]cell{}
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		if len(row) != len(heads)+1 {
			t.Fatalf("the row %q has %d cells", row[0], len(row)-1)
		}
		for i, text := range row[1:] {
			if text == "-" {
				continue
			}
			text, danger, _ := strings.Cut(text, "!")
			to, by, _ := strings.Cut(text, ":")
			c := cell{to: State(to), toInDanger: State(to), by: by, byInDanger: by}
			switch {
			case danger == "":
			case danger == strings.ToUpper(danger):
				c.byInDanger = danger
			default:
				c.toInDanger = State(danger)
			}
			state := State(heads[i])
			if table[state] == nil {
				table[state] = map[Event]cell{}
			}
			table[state][Event(row[0])] = c
		}
	}
	return table
}

func subject(state State, danger bool) Contact {
	c := Contact{ID: "ct", State: state, Danger: danger, OpenedAt: 1, WaitingSince: 1, StateSince: 1}
	switch state {
	case Offered:
		c.OfferedTo, c.OfferUntil = "asked", 50
	case Talking, Parked, Left, WrapUp, Closed:
		c.CounsellorID, c.StickyID, c.AnsweredAt = "owner", "owner", 2
	}
	return c
}

func change(set Change) Change {
	set.StaffID, set.OfferUntil, set.Closing = "next", 99, "test"
	return set
}

func TestEveryMoveOfTheTableAndNoOther(t *testing.T) {
	table := readLife(t)
	tried := 0
	for _, state := range States {
		for _, ev := range Events {
			for _, danger := range []bool{false, true} {
				for _, who := range cast {
					want, allowed := table[state][ev]
					by, to := want.by, want.to
					if danger {
						by, to = want.byInDanger, want.toInDanger
					}
					may := who.sign != "nobody" && strings.Contains(by, who.sign)
					// Whoever is staff at all may do what any counsellor may.
					if who.by.Kind == audit.Staff && strings.Contains(by, "C") {
						may = true
					}
					// The table says "owner" and "asked" only where there is one.
					before := subject(state, danger)
					if who.sign == "O" && before.CounsellorID == "" || who.sign == "R" && before.OfferedTo == "" {
						may = strings.Contains(by, "C")
					}
					after, err := before.after(ev, who.by, change(who.set), 100)
					name := fmt.Sprintf("%s, %s by %s, danger %v", state, ev, who.sign, danger)
					tried++
					switch {
					case !allowed:
						if fault.KindOf(err) != fault.Conflict {
							t.Errorf("%s: there is no such move, and yet: %v", name, err)
						}
					case may:
						if err != nil || after.State != to {
							t.Errorf("%s: %s, %v; want %s", name, after.State, err, to)
						}
					default:
						if fault.KindOf(err) != fault.Forbidden {
							t.Errorf("%s: not theirs to make, and yet: %v", name, err)
						}
					}
					if err != nil && after.State != before.State {
						t.Errorf("%s: refused, and yet the contact moved to %s", name, after.State)
					}
				}
			}
		}
	}
	if want := len(States) * len(Events) * 2 * len(cast); tried != want {
		t.Errorf("%d of %d tried", tried, want)
	}
}

func TestNoClockAndNoSingleClickClosesADanger(t *testing.T) {
	for _, state := range States {
		for _, ev := range Events {
			for _, who := range cast {
				before := subject(state, true)
				after, err := before.after(ev, who.by, change(who.set), 100)
				if err != nil || after.State != Closed || state == Closed {
					continue
				}
				if who.sign != "S" && ev != Close {
					t.Errorf("%s by %s closes a danger that is %s", ev, who.sign, state)
				}
			}
		}
	}
}

func TestEveryContactCanBeClosedByAHuman(t *testing.T) {
	for _, danger := range []bool{false, true} {
		for _, start := range States {
			seen, open := map[State]bool{start: true}, []State{start}
			for len(open) > 0 {
				state := open[0]
				open = open[1:]
				for _, ev := range Events {
					for _, who := range cast {
						if who.by.Kind != audit.Staff {
							continue
						}
						after, err := subject(state, danger).after(ev, who.by, change(who.set), 100)
						if err == nil && !seen[after.State] {
							seen[after.State] = true
							open = append(open, after.State)
						}
					}
				}
			}
			if !seen[Closed] {
				t.Errorf("a contact that is %s (danger %v) can never be closed", start, danger)
			}
		}
	}
}

func TestWhatEachMoveSets(t *testing.T) {
	staff := func(id string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: id} }
	person := VisitorOf("ct")
	for _, c := range []struct {
		name string
		from Contact
		ev   Event
		by   audit.Actor
		want func(Contact) bool
	}{
		{"an offer rings at one desk until its time", subject(Waiting, false), Offer, SystemActor,
			func(c Contact) bool { return c.OfferedTo == "next" && c.OfferUntil == 99 && c.CounsellorID == "" }},
		{"who accepts has it, and is remembered", subject(Offered, false), Accept, staff("asked"),
			func(c Contact) bool {
				return c.CounsellorID == "asked" && c.StickyID == "asked" && c.AnsweredAt == 100 && c.OfferedTo == ""
			}},
		{"an offer that lapses costs her no place in the line", subject(Offered, false), Lapse, SystemActor,
			func(c Contact) bool { return c.WaitingSince == 1 && c.OfferedTo == "" && c.OfferUntil == 0 }},
		{"a lost desk leaves the memory of who knows the story", subject(Talking, false), Lost, SystemActor,
			func(c Contact) bool { return c.CounsellorID == "" && c.StickyID == "owner" && c.WaitingSince == 100 }},
		{"who passes it on because she knows the person is not who it comes back to", subject(Talking, false), Pass, staff("owner"),
			func(c Contact) bool { return c.CounsellorID == "" && c.StickyID == "" }},
		{"a hand-over keeps the conversation going", subject(Talking, false), HandOver, staff("owner"),
			func(c Contact) bool {
				return c.CounsellorID == "next" && c.StickyID == "next" && c.StateSince == 1 && c.AnsweredAt == 2
			}},
		{"a parked contact stays with its counsellor", subject(Parked, false), Rejoin, person,
			func(c Contact) bool { return c.CounsellorID == "owner" && c.AnsweredAt == 2 }},
		{"back in the line, but known", subject(Parked, false), Return, person,
			func(c Contact) bool { return c.CounsellorID == "" && c.StickyID == "owner" && c.WaitingSince == 100 }},
		{"left quickly", subject(Talking, false), Leave, person,
			func(c Contact) bool { return c.EndedBy == "quick_exit" && c.ClosedAt == 0 && c.CounsellorID == "owner" }},
		{"back after leaving: nothing has ended", func() Contact { c := subject(Left, false); c.EndedBy = "quick_exit"; return c }(), Return, person,
			func(c Contact) bool { return c.EndedBy == "" }},
		{"expired: it ended with the quick exit", func() Contact { c := subject(Left, false); c.EndedBy = "quick_exit"; return c }(), Expire, SystemActor,
			func(c Contact) bool { return c.EndedBy == "quick_exit" && c.ClosedAt == 100 }},
		{"a goodbye", subject(Talking, false), VisitorEnds, person,
			func(c Contact) bool { return c.EndedBy == "visitor" && c.ClosedAt == 0 }},
		{"a goodbye of somebody in danger whom nobody answered", subject(Waiting, true), VisitorEnds, person,
			func(c Contact) bool { return c.State == Left && c.ClosedAt == 0 }},
		{"one click says why", subject(Talking, false), Dismiss, staff("owner"),
			func(c Contact) bool { return c.Closing == "test" && c.ClosedAt == 100 && c.EndedBy == "staff" }},
		{"written up: who ended it stays", func() Contact { c := subject(WrapUp, false); c.EndedBy = "visitor"; return c }(), Close, staff("owner"),
			func(c Contact) bool { return c.EndedBy == "visitor" && c.Closing == "" && c.ClosedAt == 100 }},
		{"reopened for what was left out", func() Contact { c := subject(Closed, false); c.ClosedAt, c.Closing = 9, "joke"; return c }(), Reopen, staff("owner"),
			func(c Contact) bool { return c.ClosedAt == 0 && c.Closing == "" }},
	} {
		after, err := c.from.after(c.ev, c.by, change(Change{}), 100)
		if err != nil || !c.want(after) {
			t.Errorf("%s: %+v, %v", c.name, after, err)
		}
	}
}

func TestOnlyAConversationThatGoesOnIsOpen(t *testing.T) {
	for _, s := range States {
		if want := !slices.Contains([]State{WrapUp, Closed}, s); s.Open() != want {
			t.Errorf("%s: open %v", s, s.Open())
		}
	}
}
