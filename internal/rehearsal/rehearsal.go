// Package rehearsal is a library of invented contacts: what a young person, a parent or a caller might say, and how a good counsellor
// answers. A guest of the floor follows one instead of somebody real (replay), and a trainee answers one (exercise.go).
//
// They are data (library/*.toml), told in steps with the seconds between them. Nothing of them is ever a contact: an exercise is in
// tables of its own, so that no figure, queue, search or alarm can meet it.
package rehearsal

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"vigie/internal/catalogue"
)

// Who speaks or acts in a step.
const (
	Child  = "child"  // who contacts us, a parent too
	Staff  = "staff"  // the counsellor
	House  = "house"  // what is heard on a line
	Form   = "form"   // the counsellor fills in a field
	Card   = "card"   // she ticks a step of a protocol
	Danger = "danger" // the danger mark is set
)

// Story is one invented contact.
type Story struct {
	Code    string `toml:"code"`
	Lang    string `toml:"lang"`
	Channel string `toml:"channel"` // "chat" or "phone"; a call is heard, and read
	// Voice is with which voice a caller speaks: "girl", "boy", "woman" or "man".
	Voice string         `toml:"voice"`
	Title catalogue.Text `toml:"title"`
	// Look says what to look at.
	Look  catalogue.Text `toml:"look"`
	Steps []Step         `toml:"step"`
	// Nodes are the script of an exercise; without any it can only be followed.
	Nodes []Node `toml:"node"`
}

// Step is one thing that happens, after so many seconds.
type Step struct {
	After int    `toml:"after"`
	Who   string `toml:"who"`
	Say   string `toml:"say"`
	// Field and Value are of the contact form.
	Field string `toml:"field"`
	Value string `toml:"value"`
	// Card is a protocol's code and a step's: "suicide/ask".
	Card string `toml:"card"`
}

// Node is a moment of an exercise: what the young person says, and how she goes on for each way of answering her.
type Node struct {
	Code    string   `toml:"code"`
	Lines   []string `toml:"lines"`
	Answers []Answer `toml:"answers"`
	End     bool     `toml:"end"`
}

// Answer is one way in which a trainee may answer, and where it leads.
type Answer struct {
	Intent string `toml:"intent"`
	To     string `toml:"to"`
	// Words suggest the intent to the tutor when one of them is written; they decide nothing while she is there.
	Words []string `toml:"words"`
}

// Intents are the ways of answering, the good ones first.
var Intents = []string{"believes", "asks_safety", "informs", "next_step", "rushes", "blames", "promises"}

// Good says that an intent is what we teach.
func Good(intent string) bool { return slices.Index(Intents, intent) < 4 }

//go:embed library/*.toml
var library embed.FS

// Library are all invented contacts, in the order of their files.
var Library = sync.OnceValue(func() []Story {
	all, err := read(library)
	if err != nil {
		panic(err) // it is embedded, and read by the first test
	}
	return all
})

func read(files fs.FS) ([]Story, error) {
	names, err := fs.Glob(files, "library/*.toml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Story
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var s Story
		if m, err := toml.Decode(string(raw), &s); err != nil {
			return nil, fmt.Errorf("rehearsal: %s: %w", name, err)
		} else if strange := m.Undecoded(); len(strange) > 0 {
			return nil, fmt.Errorf("rehearsal: %s: %v is not known", name, strange)
		}
		all = append(all, s)
	}
	return all, nil
}

// Find returns an invented contact by its code.
func Find(code string) (Story, bool) {
	i := slices.IndexFunc(Library(), func(s Story) bool { return s.Code == code })
	if i < 0 {
		return Story{}, false
	}
	return Library()[i], true
}

// Node returns a moment of its exercise.
func (s Story) Node(code string) (Node, bool) {
	i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Code == code })
	if i < 0 {
		return Node{}, false
	}
	return s.Nodes[i], true
}

// Length is how many seconds it takes when nobody waits.
func (s Story) Length() int {
	n := 0
	for _, step := range s.Steps {
		n += step.After
	}
	return n
}

// Suggests says which intent the words of an answer make likely, "" when none does.
func (n Node) Suggests(text string) string {
	text = strings.ToLower(text)
	for _, a := range n.Answers {
		for _, w := range a.Words {
			if strings.Contains(text, w) {
				return a.Intent
			}
		}
	}
	return ""
}
