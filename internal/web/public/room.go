// Package public is what anybody may open: the home page, the numbers that answer now, and the chat of
// a young person from the first question to the last.
//
// Every page works without JavaScript, by links and form posts; scripts only make it quicker. The chat
// has one address, /chat, which shows whatever is true now, so that a reload, a second tab or a browser
// that comes back after a week all see the same. No cookie is set before a chat is opened.
package public

import (
	"context"
	"net/http"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/guide"
	"vigie/internal/listening"
	"vigie/internal/push"
	"vigie/internal/referral"
	"vigie/internal/routing"
	"vigie/internal/routing/flood"
	"vigie/internal/visit"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/ui"
)

// Room holds what the pages work with.
type Room struct {
	Site      ui.Site
	Contacts  *contact.Contacts
	Chats     *chat.Chats
	Router    *routing.Router
	Guard     *flood.Guard
	Referrals *referral.Referrals
	Requests  *datarequest.Requests
	Visits    *visit.Visits
	Listening *listening.Room
	Streams   *live.Streams
	Catalogue func() *catalogue.Set
	// Guides are what there is to read on the site, and what a counsellor sends of it.
	Guides *guide.Guides
	// Alias is how children know a member of staff.
	Alias func(ctx context.Context, staffID string) string
	// Erase begins the wait of an erasure that a person asked for with her four words.
	Erase func(ctx context.Context, personID string) (contact.Erasure, error)
	// QuitTo is the neutral page at the end of the quick exit.
	QuitTo string
	// Push tells a browser that somebody answered.
	Push *push.Push
	// FilesMax bounds an attachment, in bytes.
	FilesMax int64
	// Today is how the hours stand; a field so that a demonstration can be open at night.
	Today func() catalogue.OpenState
	// Now is the clock of the pages.
	Now func() time.Time
}

// speaks is how a printer speaks to its reader, as the catalogue calls it.
func speaks(say *i18n.Printer) string {
	if say.SpeaksToAdults() {
		return catalogue.Adult
	}
	return catalogue.Young
}

// To notes how somebody is spoken to who said who she is, by the first question ("" has said nothing).
func (p *Room) To(r *http.Request, who string) *http.Request {
	if who == "" {
		return r
	}
	return answer.WithAdult(r, p.Catalogue().Questions.Speaks(who) == catalogue.Adult)
}

func (p *Room) page(r *http.Request, path, title string) ui.PageProps {
	say := answer.Printer(r)
	return ui.PageProps{Site: p.Site, Title: say.T(title), Path: path, Footer: ui.FootLinks(say)}
}

// network is who asks, for what is counted per network: an opaque mark of today, never an address.
func (p *Room) network(r *http.Request) flood.Source {
	return p.Guard.Network(answer.Client(r).Addr())
}
