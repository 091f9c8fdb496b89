package console

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/rehearsal"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// storyRow is an invented contact in a list.
type storyRow struct {
	rehearsal.Story
	title, look, kind string
}

func stories(say *i18n.Printer) []storyRow {
	var all []storyRow
	for _, s := range rehearsal.Library() {
		all = append(all, storyRow{s, say.Text(s.Title.In(say.Lang())), say.Text(s.Look.In(say.Lang())),
			say.T("rehearsal.kind", "channel", say.T("rehearsal.channel."+s.Channel), "lang", say.T("rehearsal.lang."+s.Lang), "n", (s.Length()+30)/60)})
	}
	return all
}

// replay is an invented contact at one of its moments, as the desk would show it.
type replay struct {
	say         *i18n.Printer
	story       rehearsal.Story
	title, look string
	base        string // the address of its moments, without "?at="
	at, last    int
	wait        int // seconds until the next moment
	said        []ui.BubbleProps
	fields      []told
	danger      []told
	cards       []cardDone
	inDanger    bool
	newest      string // what was just done, in words, for the guest's eye
	sound       string // the address of what is said at this moment, "" where nothing is to be heard
}

// cardDone is a protocol with the steps that were ticked.
type cardDone struct {
	title string
	steps []string
}

// madeUp is the evening on which invented contacts play.
var madeUp = time.Date(2026, 1, 14, 17, 3, 0, 0, time.UTC)

// replayAt draws an invented contact up to one of its moments.
func (c *Room) replayAt(say *i18n.Printer, s rehearsal.Story, base, moment string) replay {
	set, lang := c.Catalogue(), say.Lang()
	v := replay{say: say, story: s, title: say.Text(s.Title.In(lang)), look: say.Text(s.Look.In(lang)), base: base, last: len(s.Steps)}
	v.at, _ = strconv.Atoi(moment)
	v.at = min(max(v.at, 1), v.last)
	if v.at < v.last {
		v.wait = s.Steps[v.at].After
	}
	if law, ok := s.Sound(v.at); ok { // by another address when it is spoken anew
		v.sound = fmt.Sprintf("/desk/rehearsals/%s/sound/%d?as=%08x", s.Code, v.at, crc32.ChecksumIEEE(law))
	}
	clock := madeUp
	for i, step := range s.Steps[:v.at] {
		clock = clock.Add(time.Duration(step.After) * time.Second)
		v.newest = ""
		switch step.Who {
		case rehearsal.Child, rehearsal.Staff, rehearsal.House:
			b := ui.BubbleProps{ID: "r" + strconv.Itoa(i), Seq: int64(i + 1), Into: "replay-log", At: clock, Body: step.Say}
			switch step.Who {
			case rehearsal.Child:
				b.From, b.Name = ui.FromVisitor, say.T("talk.person")
			case rehearsal.Staff:
				b.From, b.Mine, b.Name = ui.FromStaff, true, say.T("rehearsal.counsellor")
			default:
				b.From = ui.FromSystem
			}
			v.said = append(v.said, b)
		case rehearsal.Form:
			field, ok := set.Form.Field(step.Field)
			if !ok {
				continue
			}
			line := told{say.Text(field.Label.In(lang)), set.Form.Say(step.Field, step.Value, lang)}
			v.newest = say.T("rehearsal.filled", "field", line.label, "value", line.value)
			if dangerous(set, step.Field) {
				v.danger = append(v.danger, line)
			} else {
				v.fields = append(v.fields, line)
			}
		case rehearsal.Card:
			v.ticked(set, step.Card)
		case rehearsal.Danger:
			v.inDanger = true
			v.newest = say.T("rehearsal.danger_set")
		}
	}
	return v
}

// dangerous says that a field is in the form's danger grid.
func dangerous(set *catalogue.Set, code string) bool {
	for _, part := range set.Form.Sections {
		for _, f := range part.Fields {
			if f.Code == code {
				return part.Code == "danger"
			}
		}
	}
	return false
}

func (v *replay) ticked(set *catalogue.Set, card string) {
	code, of, _ := strings.Cut(card, "/")
	p, ok := set.Protocols.ByCode(code)
	if !ok {
		return
	}
	title := v.say.Text(p.Title.In(v.say.Lang()))
	for _, step := range p.Steps {
		if step.Code != of {
			continue
		}
		text := v.say.Text(step.Text.In(v.say.Lang()))
		v.newest = v.say.T("rehearsal.ticked", "card", title)
		for i := range v.cards {
			if v.cards[i].title == title {
				v.cards[i].steps = append(v.cards[i].steps, text)
				return
			}
		}
		v.cards = append(v.cards, cardDone{title, []string{text}})
	}
}

func (v replay) href(at int) string { return v.base + "?at=" + strconv.Itoa(at) }

// Replay shows an invented contact, moment by moment.
func (c *Room) Replay(w http.ResponseWriter, r *http.Request) error {
	say, m := answer.Printer(r), session.Staff(r)
	s, ok := rehearsal.Find(r.PathValue("code"))
	if !ok {
		return fault.New(fault.NotFound, "fault.rehearsal.unknown")
	}
	v := c.replayAt(say, s, "/desk/rehearsals/"+s.Code, r.URL.Query().Get("at"))
	if answer.Scripted(r) {
		answer.Fragment(w, r, together(replayStage(v), replayWay(v)))
		return nil
	}
	answer.Page(w, r, http.StatusOK, replayPage(v, c.apart(say, m, "rehearsal.title")))
	return nil
}

// ReplaySound is what is said at a moment of an invented call.
func (c *Room) ReplaySound(w http.ResponseWriter, r *http.Request) error {
	s, ok := rehearsal.Find(r.PathValue("code"))
	if !ok {
		return fault.New(fault.NotFound, "fault.rehearsal.unknown")
	}
	step, _ := strconv.Atoi(r.PathValue("step"))
	law, ok := s.Sound(step)
	if !ok {
		return fault.New(fault.NotFound, "fault.rehearsal.unknown")
	}
	var wav bytes.Buffer
	if err := audio.WriteWAV(&wav, audio.FromLaw(audio.PCMA, law).Samples()); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "private, max-age=86400") // nobody is in it
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wav.Bytes()))
	return nil
}

// apart is the frame of a page beside the desk, at which nothing rings: whoever has a guest, or practises, is not taking calls.
func (c *Room) apart(say *i18n.Printer, m session.Member, title string) ui.DeskProps {
	return ui.DeskProps{Site: c.Site, Title: say.T(title), Theme: m.Theme, Home: home(m.Person), Presence: plainBar(say, m.Person), Commands: c.commands(say, m.Person)}
}
