// Package talk draws one conversation for whoever reads it: the person on her phone, or the counsellor
// at the desk. The two see the same messages from two sides.
package talk

import (
	"strconv"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/chat"
	"vigie/internal/guide"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// Reader is somebody who reads a conversation.
type Reader struct {
	Printer *i18n.Printer
	// Side is ui.FromVisitor or ui.FromStaff.
	Side string
	// Me is the id of the member of staff who reads: what a colleague wrote bears the colleague's name.
	Me string
	// Into is the id of the list of messages.
	Into string
	// Alias names a member of staff as the person knows her.
	Alias func(staffID string) string
	// Card finds what a counsellor sent to read, in a language.
	Card func(lang, body string) (guide.Card, bool)
	// File draws what stands for an attachment; nil draws its line only.
	File func(m chat.Message) *ui.FileProps
	// Asked draws a counsellor's request for one proof; nil draws its line only.
	Asked func(m chat.Message) templ.Component
	// Marks are how far the other side has received and seen.
	Marks chat.Mark
	// Earlier is the address of the messages before a number.
	Earlier func(before int64) string
	// ShownAfter is the number up to which the past is hidden from her; 0 hides nothing.
	ShownAfter int64
}

// Bubble draws one message; days, when not nil, is the day of the message before it, and a separator
// is drawn first where the day changes.
func (v Reader) Bubble(m chat.Message) templ.Component {
	b := ui.BubbleProps{
		ID: m.ID, Seq: m.Seq, Into: v.Into, From: m.From, Mine: m.From == v.Side, At: time.UnixMilli(m.At), Body: m.Body,
	}
	switch m.From {
	case chat.Staff:
		b.Name = v.Alias(m.AuthorID)
	case chat.Visitor:
		b.Name = v.Printer.T("talk.person")
	}
	if b.Mine {
		if b.Colleague = m.From == chat.Staff && m.AuthorID != v.Me; !b.Colleague {
			b.Name = v.Printer.T("chat.you." + v.Side)
		}
		b.Delivery = v.delivery(m.Seq)
	}
	switch m.Kind {
	case chat.Card:
		b.Body = ""
		b.Card = v.card(m.Body)
	case chat.Attachment:
		b.Body = v.Printer.T("talk.file")
		if v.File != nil {
			b.Body, b.File = "", v.File(m)
		}
	case chat.Ask:
		b.Body = v.Printer.T("talk.asked", "what", v.Printer.T("proof."+chat.ReadAsked(m.Body).Label))
		if v.Asked != nil {
			return join(ui.Bubble(v.Printer, b), v.Asked(m))
		}
	}
	return ui.Bubble(v.Printer, b)
}

func join(all ...templ.Component) templ.Component { return templ.Join(all...) }

func (v Reader) card(body string) *ui.CardProps {
	card, ok := v.Card(v.Printer.Lang(), body)
	if !ok {
		return &ui.CardProps{Title: v.Printer.T("talk.card_gone")}
	}
	return &ui.CardProps{Title: v.Printer.Text(card.Title), Text: v.Printer.Text(card.Text), Href: v.Printer.Path(card.Path)}
}

func (v Reader) delivery(seq int64) ui.Delivery {
	switch {
	case v.Marks.Seen >= seq:
		return ui.Seen
	case v.Marks.Delivered >= seq:
		return ui.Delivered
	}
	return ui.Sent
}

// Log draws messages in their order, with the days between them, and above them the way to those before.
func (v Reader) Log(messages []chat.Message) templ.Component {
	var all []templ.Component
	if len(messages) > 0 && v.hasEarlier(messages[0].Seq) {
		all = append(all, v.earlier(messages[0].Seq))
	}
	day := ""
	for _, m := range messages {
		if d := v.day(m); d != day {
			day = d
			all = append(all, ui.DaySeparator(v.dayID(m), v.Into, m.Seq, day))
		}
		all = append(all, v.Bubble(m))
	}
	return templ.Join(all...)
}

// Above draws earlier messages as pieces that come above those a page already shows; the last of them is
// the first that the page has. The way to still earlier ones moves up, or says that there are none, and a
// day that goes on is named once.
func (v Reader) Above(messages []chat.Message) templ.Component {
	n := len(messages) - 1
	if n < 0 {
		return templ.NopComponent
	}
	all := []templ.Component{v.Log(messages[:n])}
	if n > 0 && v.day(messages[n-1]) == v.day(messages[n]) {
		all = append(all, ui.Gone(v.dayID(messages[n])))
	}
	if !v.hasEarlier(messages[0].Seq) {
		all = append(all, v.earlier(messages[0].Seq))
	}
	return templ.Join(all...)
}

func (v Reader) hasEarlier(first int64) bool { return v.Earlier != nil && first > v.ShownAfter+1 }

func (v Reader) earlier(first int64) templ.Component {
	href := ""
	if v.hasEarlier(first) {
		href = v.Earlier(first)
	}
	return ui.Earlier(v.Printer, v.Into, first, href)
}

func (v Reader) day(m chat.Message) string { return v.Printer.Date(time.UnixMilli(m.At)) }

func (v Reader) dayID(m chat.Message) string {
	return "day-" + strconv.FormatInt(m.Seq, 10) + "-" + v.Into
}
