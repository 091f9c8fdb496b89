package public

import (
	"net/http"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// Home has "call" and "chat" first.
func (p *Room) Home(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	props := p.page(r, "/", "")
	props.Index, props.Description, props.Styles = true, say.T("public.description"), []string{"site.css"}
	w.Header().Set("Cache-Control", "no-cache")
	answer.Page(w, r, http.StatusOK, Home(say, p.home(say, props)))
	return nil
}

func (p *Room) home(say *i18n.Printer, page ui.PageProps) HomeProps {
	today := p.Today()
	page.Room = ui.Harbour
	h := HomeProps{
		Page: page, Open: today.Open, ClosingSoon: today.ClosingSoon, Until: today.ClosesAt, Now: p.Now(),
		Chat: say.Path("/chat"), Message: say.Path("/message"), Resume: say.Path("/resume"),
		Young: say.Path("/young"), Parent: say.Path("/parents"), Professional: say.Path("/professionals"), Topics: p.Guides.Current().Guides(readerOf(say), guide.Topic), News: p.Guides.Current().News(), Numbers: p.numbers(say, catalogue.General),
	}
	if !today.Open {
		h.Until = today.OpensAt
	}
	return h
}

// readerOf is for whom the guides are that a printer's reader is shown first.
func readerOf(say *i18n.Printer) string {
	if say.SpeaksToAdults() {
		return guide.Parent
	}
	return guide.Young
}

// Numbers lists who answers now.
func (p *Room) Numbers(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	props := p.page(r, "/numbers", "public.numbers")
	props.Index, props.Description = true, say.T("public.numbers_lead")
	w.Header().Set("Cache-Control", "no-cache")
	answer.Page(w, r, http.StatusOK, numbersPage(say, props, p.numbers(say, catalogue.General)))
	return nil
}

// Privacy says what is kept, for how long, and what we may do when a life is in danger.
func (p *Room) Privacy(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	props := p.page(r, "/privacy", "public.privacy")
	props.Index, props.Description = true, say.T("privacy.lead")
	w.Header().Set("Cache-Control", "no-cache")
	answer.Page(w, r, http.StatusOK, privacyPage(say, props))
	return nil
}

// Card is a guide card that a counsellor sent, as a page to read.
func (p *Room) Card(w http.ResponseWriter, r *http.Request) error {
	guide, ok := p.Catalogue().Guides.ByCode(r.PathValue("code"))
	if !ok {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	say := answer.Printer(r)
	props := p.page(r, "/cards/"+r.PathValue("code"), "public.card_title")
	props.Index, props.Description = true, say.Text(guide.Intro.In(say.Lang()))
	w.Header().Set("Cache-Control", "no-cache")
	answer.Page(w, r, http.StatusOK, cardPage(say, props, guide))
	return nil
}
