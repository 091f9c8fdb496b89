// Package ui is the design system: every part a screen is made of, as typed templ components, and one
// gallery page that shows each of them in each of its states (/dev/ui).
//
// A component X takes XProps, plain values already in the reader's language; a component that says words
// of its own also takes the printer. None of them knows a route, a room or a request: a page gives it the
// addresses. Colours, sizes and motion live in assets/css/tokens.css, and each component has its own file
// in assets/css/components. The picture behind all of it is a lighthouse seen from the sea at night; the
// rules that follow from it (one lamp, red only where a life is at stake, a word and a shape beside every
// colour) are in the gallery.
//
// No component ever writes a style attribute or a script: the content security policy forbids both.
package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/web/i18n"
)

// Printer says the words of a component in the reader's language.
type Printer = *i18n.Printer

// Kind is how much a button asks for.
type Kind string

const (
	Lamp   Kind = "lamp"   // the one thing to do: talk to us, take the contact that rings
	Ink    Kind = "ink"    // a plain action
	Quiet  Kind = "quiet"  // an action that must not shout
	Danger Kind = "danger" // only where a life may be in danger
)

// Tone colours a notice, a badge, an entry; each has an icon of its own.
type Tone string

const (
	Calm    Tone = "calm"
	Warn    Tone = "warn"
	Grave   Tone = "danger" // a life may be in danger
	Success Tone = "success"
)

func (t Tone) icon() string {
	switch t {
	case Warn:
		return "circle-alert"
	case Grave:
		return "triangle-alert"
	case Success:
		return "check"
	default:
		return "info"
	}
}

// Link is an address with its words.
type Link struct {
	Href, Label string
	Icon        string
	Current     bool
}

// classes joins the class names that are not empty.
func classes(names ...string) string {
	kept := names[:0:0]
	for _, name := range names {
		if name != "" {
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, " ")
}

// classed is the class attribute of what is drawn often: a message, a card of the list, one choice of the
// form. templ looks for styles in each class={ … }, which takes longer than the rest of a message.
func classed(names ...string) templ.OrderedAttributes {
	return templ.OrderedAttributes{{Key: "class", Value: classes(names...)}}
}

func when(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// shortcut is the data-shortcut of a key written for a person: "Alt A" presses "alt+a". Other keys
// ("Entrée", "Ctrl K") are handled where they belong.
func shortcut(key string) string {
	letter, ok := strings.CutPrefix(key, "Alt ")
	if !ok {
		return ""
	}
	return "alt+" + strings.ToLower(letter)
}

// fieldID is the id of a field: its own, or one made from its name.
func fieldID(id, name string) string { return or(id, "f-"+name) }

// describedBy lists the ids of the texts that explain a field.
func describedBy(id, hint, fault string) string {
	return classes(when(hint != "", id+"-hint"), when(fault != "", id+"-fault"))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func seconds(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	return strconv.Itoa(int((d + time.Second/2) / time.Second))
}

// none is the component that shows nothing, for slots left empty.
var none = templ.NopComponent

func slot(c templ.Component) templ.Component {
	if c == nil {
		return none
	}
	return c
}
