package public

import (
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/web/answer"
)

// earlier brings the messages of her conversation up to a number: as pieces for the page that is there,
// or without a script as a page of their own. A past that is hidden from her stays so.
func (p *Room) earlier(w http.ResponseWriter, r *http.Request, ct contact.Contact, before int64) error {
	say := answer.Printer(r)
	messages, err := p.Chats.ShownTo(r.Context(), ct, before+1, shown+1)
	if err != nil {
		return err
	}
	reader := p.reader(r.Context(), say, logID)
	reader.ShownAfter = ct.ShownAfter
	if _, reader.Marks, err = p.Chats.Marks(r.Context(), ct.ID); err != nil {
		return err
	}
	if answer.Scripted(r) {
		answer.Fragment(w, r, reader.Above(messages))
		return nil
	}
	props := p.page(r, "", "public.chat_title")
	props.Script = "chat.js"
	answer.Page(w, r, http.StatusOK, earlierPage(say, props, reader.Log(messages)))
	return nil
}
