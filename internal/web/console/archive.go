package console

import (
	"net/http"
	"strings"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Archive stands before every page and act of one case file: what is archived opens to a supervisor who has just said what for,
// and to nobody else. A page that is asked for without it shows the question in its place.
func (c *Room) Archive(next answer.Handler) answer.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := r.PathValue("file")
		file, err := c.Files.Get(r.Context(), id)
		if err != nil || file.State != casefile.Archived {
			return next(w, r)
		}
		m, say := session.Staff(r), answer.Printer(r)
		how, err := c.mayCase(r, id)
		if err != nil && err != errGlass {
			return err
		}
		stream := r.Header.Get("Accept") == "text/event-stream" // which no page answers
		if how != casefile.AsSupervisor && stream {
			return errGlass
		}
		if how != casefile.AsSupervisor {
			answer.Page(w, r, http.StatusForbidden, archivedPage(say, c.shell(r, say, m, "case.title"), file, false, ""))
			return nil
		}
		if strings.HasPrefix(r.URL.Path, "/desk/cases/"+id+"/archive/") {
			return next(w, r)
		}
		ctx, err := c.Files.InArchive(r.Context(), id, m.ID)
		if fault.Is(err, fault.Forbidden) && r.Method == http.MethodGet && !stream {
			answer.Page(w, r, http.StatusOK, archivedPage(say, c.shell(r, say, m, "case.title"), file, true, ""))
			return nil
		}
		if err != nil {
			return err
		}
		return next(w, r.WithContext(ctx))
	}
}

// LookIntoArchive opens an archived file to a supervisor who says what for.
func (c *Room) LookIntoArchive(w http.ResponseWriter, r *http.Request) error {
	return c.archived(w, r, func(id string, purpose, _, _ string) error {
		return c.Files.LookIntoArchive(r.Context(), id, purpose, me(r))
	})
}

// UnarchiveCase takes a file out of the archive, with a reason.
func (c *Room) UnarchiveCase(w http.ResponseWriter, r *http.Request) error {
	return c.archived(w, r, func(id string, _, note, why string) error {
		return c.Files.Unarchive(r.Context(), id, note, why, me(r))
	})
}

// archived has act change an archived file, and shows it; what cannot be taken is said on the page of the question.
func (c *Room) archived(w http.ResponseWriter, r *http.Request, act func(id, purpose, note, why string) error) error {
	id := r.PathValue("file")
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if _, err := c.mayCase(r, id); err != nil {
		return err
	}
	err = act(id, form.Get("purpose"), form.Get("id"), form.Get("why"))
	if fault.Is(err, fault.Invalid) {
		file, get := c.Files.Get(r.Context(), id)
		if get != nil {
			return get
		}
		say := answer.Printer(r)
		answer.Log(r, err)
		answer.Page(w, r, answer.Status(err), archivedPage(say, c.shell(r, say, session.Staff(r), "case.title"), file, true, say.Fault(err)))
		return nil
	}
	if err != nil {
		return err
	}
	return c.toCase(w, r, id)
}

// unarchivedShown is how long a supervisor sees that a file came out of the archive.
const unarchivedShown = 7 * 24 * time.Hour

// unarchived is a file that came out of the archive lately.
type unarchived struct{ id, reference, line string }

// casesUnarchived are the files that came out of the archive lately, and by whom.
func (c *Room) casesUnarchived(r *http.Request, v *casesView) error {
	ctx := r.Context()
	events, err := c.Files.Unarchived(ctx, c.Now().Add(-unarchivedShown))
	if err != nil {
		return err
	}
	for _, e := range events {
		file, err := c.Files.Get(ctx, e.FileID)
		if err != nil {
			return err
		}
		v.unarchived = append(v.unarchived, unarchived{file.ID, file.Reference, v.say.T("case.unarchived."+e.Code, "who", c.actorName(ctx, v.say, e), "when", v.say.DateTime(at(e.At)))})
	}
	return nil
}

func archivePurposes(say *i18n.Printer) []ui.Option {
	var all []ui.Option
	for _, purpose := range casefile.ArchivePurposes {
		all = append(all, ui.Option{Value: purpose, Label: say.T("case.purpose." + purpose)})
	}
	return all
}
