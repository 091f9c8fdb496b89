package visit

import (
	"context"
	"slices"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/mask"
)

// Line is one message of a live contact, for the supervisor: as it was written, and as the guest would read it.
type Line struct {
	chat.Message
	Parts    []mask.Part
	Released bool
}

// Masked is one message as the guest reads it. It has no field in which what was written could be.
type Masked struct {
	Seq   int64
	From  string
	Kind  string // chat.Text, or what stands for the message
	Parts []mask.Part
}

// most bounds how many messages a visit follows.
const most = 500

// Lines are the messages since the person agreed, for the supervisor's eyes.
func (v *Visits) Lines(ctx context.Context, x Visit, set *catalogue.Set) ([]Line, error) {
	if x.State != Following || x.ContactID == "" || x.Consent != Yes {
		return nil, nil
	}
	known, err := v.known(ctx, x.ContactID, set)
	if err != nil {
		return nil, err
	}
	after := max(x.FromSeq-5, 0) // what the first ones answer to
	messages, err := v.chats.Messages(ctx, x.ContactID, after, most)
	if err != nil {
		return nil, err
	}
	releases, err := v.Releases(ctx, x.ID)
	if err != nil {
		return nil, err
	}
	var all []Line
	before := map[string]string{} // the last words of each side
	for _, m := range messages {
		other := chat.Staff
		if m.From == chat.Staff {
			other = chat.Visitor
		}
		asked := before[other]
		before[m.From] = m.Body
		if m.Seq <= x.FromSeq || m.From == chat.System {
			continue
		}
		l := Line{Message: m}
		o := mask.Options{Known: known, Before: asked}
		if i := slices.IndexFunc(releases, func(r Release) bool { return r.Seq == m.Seq }); i >= 0 {
			l.Released, o.Also = true, releases[i].Also
		}
		if m.Kind == chat.Text {
			l.Parts = mask.Text(m.Body, o)
		}
		all = append(all, l)
	}
	return all, nil
}

// Shown are the messages that were released, masked: all that a guest's page is ever made of.
func (v *Visits) Shown(ctx context.Context, x Visit, set *catalogue.Set) ([]Masked, error) {
	lines, err := v.Lines(ctx, x, set)
	if err != nil {
		return nil, err
	}
	var all []Masked
	for _, l := range lines {
		if l.Released {
			all = append(all, Masked{Seq: l.Seq, From: l.From, Kind: l.Kind, Parts: l.Parts})
		}
	}
	return all, nil
}

// fields are the form's answers that name somebody or something, and as what they are masked.
var fields = map[string]mask.Kind{"called": mask.Name, "accounts": mask.Handle, "department": mask.Place, "platforms": mask.Shown}

// known are the answers of a contact's form that must not be read: what is typed in its short fields, and its département.
func (v *Visits) known(ctx context.Context, contactID string, set *catalogue.Set) ([]mask.Known, error) {
	answers, err := v.contacts.Form(ctx, contactID)
	if fault.Is(err, fault.Gone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return knownOf(answers, set), nil
}

func knownOf(answers contact.Answers, set *catalogue.Set) []mask.Known {
	var all []mask.Known
	for code, a := range answers {
		field, ok := set.Form.Field(code)
		if !ok || a.Value == "" {
			continue
		}
		kind, listed := fields[code]
		switch {
		case listed && kind == mask.Shown:
		case listed:
			all = append(all, mask.Known{Kind: kind, Text: a.Value})
			if said := set.Form.Say(code, a.Value, "fr"); said != a.Value {
				all = append(all, mask.Known{Kind: kind, Text: said})
			}
		case field.Type == catalogue.Short:
			all = append(all, mask.Known{Kind: mask.Word, Text: a.Value})
		}
	}
	return all
}
