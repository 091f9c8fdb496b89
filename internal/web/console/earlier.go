package console

import (
	"net/http"

	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// Earlier brings the messages of a contact up to a number, for whoever may read the contact: as pieces
// for the page that is there, or without a script as a page of their own. The look is in the audit.
func (c *Room) Earlier(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.pastOf(r)
	if err != nil {
		return err
	}
	holder, ctx, say, m := ct.CounsellorID, r.Context(), answer.Printer(r), session.Staff(r)
	if ct, err = c.Contacts.Look(ctx, ct.ID, me(r), "history"); err != nil {
		return err
	}
	before := number(r.URL.Query().Get("before"))
	messages, err := c.Chats.Latest(ctx, ct.ID, before+1, shown+1)
	if err != nil {
		return err
	}
	reader := c.reader(ctx, say, ct.ID, m.ID)
	if reader.Marks, _, err = c.Chats.Marks(ctx, ct.ID); err != nil {
		return err
	}
	if answer.Scripted(r) {
		answer.Fragment(w, r, reader.Above(messages))
		return nil
	}
	back := "/desk/history/" + ct.ID
	if holder == m.ID && mineStates[ct.State] {
		back = "/desk?c=" + ct.ID
	}
	answer.Page(w, r, http.StatusOK, earlierPage(say, c.shell(r, say, m, "desk.history"), ct, c.title(say, ct), reader.Log(messages), back))
	return nil
}
