package public

import (
	"net/http"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/talk"
	"vigie/internal/web/ui"
)

// reply is a message that was left, as its person finds it again.
type reply struct {
	lead     string
	hidden   string // why her own words are not shown; "" when they are
	messages []chat.Message
	reader   talk.Reader
	numbers  []ui.NumberProps
	freshID  string
	open     bool
	erasing  *ui.NoticeProps // nil unless she asked for erasure with her four words
	push     ui.PushProps    // the button to be told of the answer, while there is none
}

// reply shows a message that was left, and our answer once there is one, to read. To whoever came back
// with the four words her own words stay hidden, as in a conversation; the answer is what she came for.
func (p *Room) reply(w http.ResponseWriter, r *http.Request, code int, ct contact.Contact) error {
	say := answer.Printer(r)
	today := p.Today()
	v := reply{open: today.Open, freshID: newID(), reader: p.reader(r.Context(), say, "letter-log")}
	v.reader.Earlier = nil // a letter is read whole
	all, err := p.Chats.Latest(r.Context(), ct.ID, 0, shown)
	if err != nil {
		return err
	}
	answered := slices.ContainsFunc(all, func(m chat.Message) bool { return m.From == chat.Staff })
	for _, m := range all {
		switch {
		case m.From == chat.Staff, m.From == chat.Visitor && m.Seq > ct.ShownAfter:
			v.messages = append(v.messages, m)
		case m.From == chat.Visitor:
			v.hidden = say.T("reply.hidden")
		}
	}
	if v.erasing, err = p.eraseNotice(r.Context(), say, ct.PersonID); err != nil {
		return err
	}
	if !answered {
		if v.push, err = p.pushNow(r.Context(), say, ct); err != nil {
			return err
		}
	}
	v.lead = replyLead(say, ct, answered, today, p.Now())
	if danger := p.dangerOf(r.Context(), ct); ct.Danger || !today.Open {
		v.numbers = p.numbers(say, danger)
	}
	props := p.page(r, "", "public.letter_title")
	props.Script, props.Scripts = "chat.js", p.pushScripts()
	answer.Page(w, r, code, replyPage(say, props, v))
	return nil
}

// replyLead says where the message stands.
func replyLead(say *i18n.Printer, ct contact.Contact, answered bool, today catalogue.OpenState, now time.Time) string {
	switch {
	case answered:
		return say.T("reply.answered")
	case !ct.State.Open():
		return say.T("reply.read")
	case today.Open:
		return say.T("reply.here")
	case today.OpensAt.IsZero():
		return say.T("reply.later")
	}
	return say.T("reply.waits", "day", say.Day(today.OpensAt, now), "time", say.Time(today.OpensAt))
}
