package console

import (
	"context"
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// copyLink is what the form beside a conversation says of the copy of her data that is ready for its person.
type copyLink struct{ ready, shown bool }

func (c *Room) copyOf(ctx context.Context, ct contact.Contact) (copyLink, error) {
	if ct.State != contact.Talking {
		return copyLink{}, nil
	}
	made, ok, err := c.Requests.CopyOf(ctx, ct.PersonID)
	return copyLink{ready: ok, shown: ok && made.ShownTo == ct.ID}, err
}

// OpenCopy opens the copy of her data to the person of a conversation: her counsellor has agreed with her that she is alone.
func (c *Room) OpenCopy(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	if err := c.Requests.OpenCopy(r.Context(), ct.ID, me(r), session.Staff(r).Can(staff.ContactAll)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk?c="+ct.ID, http.StatusSeeOther)
	return nil
}

// copyText says how it stands with a copy.
func copyText(say *i18n.Printer, l copyLink) string {
	if l.shown {
		return say.T("copy.desk_shown")
	}
	return say.T("copy.desk_ready")
}
