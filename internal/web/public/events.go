package public

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Events is the stream of her page: the messages after the last one she has, and from then on
// everything that changes.
func (p *Room) Events(w http.ResponseWriter, r *http.Request) error {
	ct, err := p.Contacts.Get(r.Context(), session.Visitor(r).ContactID)
	if err != nil {
		return err
	}
	have := number(r.URL.Query().Get("after"))
	if last := number(r.Header.Get("Last-Event-ID")); last > have {
		have = last
	}
	return p.Streams.Serve(w, r, ct.ID, func(s *live.Stream) (func(), error) {
		// The stream outlives no request, but what it renders must not depend on one.
		f := &follower{room: p, ctx: context.WithoutCancel(r.Context()), say: answer.Printer(r), stream: s, id: ct.ID, token: session.VisitorToken(r)}
		if err := f.begin(ct); err != nil {
			return nil, err
		}
		return p.Chats.Feed().Follow(ct.ID, chat.Shown{Seq: max(have, ct.ShownAfter), Rev: ct.Rev}, f.hear), nil
	})
}

// follower tells one tab of the person what happens in her conversation.
type follower struct {
	room   *Room
	ctx    context.Context
	say    *i18n.Printer
	stream *live.Stream
	id     string
	token  string
	// unseen are her own messages that the counsellor has not seen yet, by number.
	unseen []unseen
	view   view
}

type unseen struct {
	id       string
	seq      int64
	delivery ui.Delivery
}

// maxUnseen bounds what is remembered for the marks; older messages get theirs at the next reload.
const maxUnseen = 50

func (f *follower) begin(ct contact.Contact) error {
	f.view = f.room.frame(f.ctx, f.say, ct)
	if ct.State == contact.Talking || ct.State == contact.Parked {
		_, staff, err := f.room.Chats.Marks(f.ctx, f.id)
		if err != nil {
			return err
		}
		f.view.reader.Marks = staff
		if f.view.proof, err = f.room.openProof(f.ctx, ct); err != nil {
			return err
		}
		messages, err := f.room.Chats.Messages(f.ctx, f.id, max(staff.Seen, ct.ShownAfter), maxUnseen)
		if err != nil {
			return err
		}
		for _, m := range messages {
			f.remember(m)
		}
	}
	return f.state(ct)
}

func (f *follower) hear(e chat.Event) {
	var err error
	switch e.Kind {
	case chat.EventMessage:
		err = f.message(e.Message)
	case chat.EventTyping:
		if e.Who == chat.Staff {
			who := ""
			if e.On {
				who = f.view.alias
			}
			err = f.update("", ui.TypingDots(f.say, "talk-typing", who))
		}
	case chat.EventMarks:
		if e.Who == chat.Staff {
			err = f.marks(e.Mark)
		}
	case chat.EventState:
		var ct contact.Contact
		if ct, err = f.room.Contacts.Get(f.ctx, f.id); err == nil {
			err = f.state(ct)
		}
	case chat.EventSession:
		err = f.session()
	case chat.EventForm:
		// Of what the form's news may be she sees two things: that the way for a file was closed again, and that a guest may read along.
		if f.view.proof != nil {
			err = f.proof()
		}
		if err == nil {
			err = f.visited()
		}
	case chat.EventResync:
		f.stream.End()
	}
	if err != nil {
		// The page comes back by itself and is drawn anew from the record.
		slog.Warn("a visitor's stream could not be told", "contact", f.id, "error", err)
		f.stream.End()
	}
}

func (f *follower) update(id string, pieces ...templ.Component) error {
	e, err := live.Update(f.ctx, id, pieces...)
	if err != nil {
		return err
	}
	f.stream.Push(e)
	return nil
}

func (f *follower) message(m chat.Message) error {
	f.remember(m)
	if err := f.update(strconv.FormatInt(m.Seq, 10), f.view.reader.Bubble(m)); err != nil {
		return err
	}
	if m.Kind == chat.Ask || m.Kind == chat.Attachment {
		return f.proof()
	}
	return nil
}

// proof draws the way for a file as it stands: open, or closed again.
func (f *follower) proof() error {
	var err error
	if f.view.proof, err = f.room.openProof(f.ctx, f.view.contact); err != nil {
		return err
	}
	return f.update("", talkProof(f.view))
}

// visited draws what she is asked about a guest, when that has changed.
func (f *follower) visited() error {
	now, err := f.room.visited(f.ctx, f.id)
	if err != nil || now == f.view.visit {
		return err
	}
	f.view.visit = now
	return f.update("", talkVisit(f.say, now))
}

func (f *follower) remember(m chat.Message) {
	if m.From != chat.Visitor {
		return
	}
	if len(f.unseen) == maxUnseen {
		f.unseen = f.unseen[1:]
	}
	f.unseen = append(f.unseen, unseen{id: m.ID, seq: m.Seq, delivery: ui.Sent})
}

func (f *follower) marks(mark chat.Mark) error {
	f.view.reader.Marks = mark
	var pieces []templ.Component
	kept := f.unseen[:0]
	for _, u := range f.unseen {
		now := u.delivery
		switch {
		case mark.Seen >= u.seq:
			now = ui.Seen
		case mark.Delivered >= u.seq:
			now = ui.Delivered
		}
		if now != u.delivery {
			u.delivery = now
			pieces = append(pieces, ui.DeliveryMark(f.say, u.id, now))
		}
		if now != ui.Seen {
			kept = append(kept, u)
		}
	}
	f.unseen = kept
	if len(pieces) == 0 {
		return nil
	}
	return f.update("", pieces...)
}

// session ends the stream of a page whose session ended: when somebody came back elsewhere with the four
// words, whoever has this page open must not read on beside her.
func (f *follower) session() error {
	_, err := f.room.Contacts.SessionNow(f.ctx, f.token)
	if !fault.Is(err, fault.Unauthenticated) {
		return err
	}
	f.stream.Push(live.Signal("over", "session"))
	f.stream.End()
	return nil
}

// state draws where she stands; when the conversation is over, or its past is shown again, the page is
// loaded anew.
func (f *follower) state(ct contact.Contact) error {
	before := f.view.contact
	proof, asked := f.view.proof, f.view.visit
	marks := f.view.reader.Marks
	f.view = f.room.frame(f.ctx, f.say, ct)
	f.view.proof, f.view.reader.Marks, f.view.visit = proof, marks, asked
	if !ct.State.Open() || ct.State == contact.Left || ct.IsLetter() || before.ID != "" && before.ShownAfter > ct.ShownAfter {
		f.stream.Push(live.Signal("over", string(ct.State)))
		return nil
	}
	if err := f.room.place(f.ctx, &f.view); err != nil {
		return err
	}
	if err := f.visited(); err != nil {
		return err
	}
	return f.update("", talkState(f.view))
}
