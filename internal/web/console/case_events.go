package console

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// A page of a case file stays as it was opened, because she may be writing in it. That something changed meanwhile — a colleague
// wrote, a network answered, a time stamp came — is said, and she has the page drawn anew when it suits her.

// changeSaidAfter gathers what belongs together: one act writes several events.
const changeSaidAfter = 300 * time.Millisecond

// caseShell is the frame of a page about a case file. Where the page is a desk with a telephone, its stream brings the changes of
// the file too; elsewhere changes is the address of a stream of their own.
func (c *Room) caseShell(r *http.Request, say *i18n.Printer, file casefile.File, title string) (d ui.DeskProps, changes string) {
	d = c.shell(r, say, session.Staff(r), title)
	since := url.Values{"since": {strconv.FormatInt(file.MovedAt, 10)}}
	if d.Live == "" {
		return d, "/desk/cases/" + file.ID + "/events?" + since.Encode()
	}
	since.Set("case", file.ID)
	d.Live += "?" + since.Encode()
	return d, ""
}

// CaseEvents is the stream of a page about a case file, of somebody who is not at her telephone there.
func (c *Room) CaseEvents(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("file")
	if _, err := c.mayCase(r, id); err != nil {
		return err
	}
	return c.Streams.Serve(w, r, session.Staff(r).ID, func(s *live.Stream) (func(), error) { return c.followCase(r, id, s) })
}

// followCase has a stream say that a file has moved since its page was drawn, until stop.
func (c *Room) followCase(r *http.Request, id string, s *live.Stream) (stop func(), err error) {
	ctx, say, token := context.WithoutCancel(r.Context()), answer.Printer(r), session.StaffToken(r)
	tell := func() {
		_, reader, err := c.Staff.Peek(ctx, token)
		if fault.Is(err, fault.Unauthenticated) {
			s.End()
			return
		}
		if err != nil {
			return
		}
		// Whoever may read it no more is told nothing of it.
		if how, err := c.Files.May(ctx, id, reader.ID, reader.Can(staff.CaseAll)); err != nil || how == "" {
			return
		}
		e, err := live.Update(ctx, "", caseChanged(say, true))
		if err != nil {
			slog.Error("that a case file changed could not be drawn", "case", id, "error", err)
			return
		}
		s.Push(e)
	}
	var waits atomic.Bool
	changed := func(string, []byte) {
		if waits.CompareAndSwap(false, true) {
			time.AfterFunc(changeSaidAfter, func() { waits.Store(false); tell() })
		}
	}
	unsubscribe, err := c.Bus.Subscribe("case."+id, changed)
	if err != nil {
		return nil, err
	}
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	compare := func() {
		if file, err := c.Files.Get(ctx, id); err == nil && file.MovedAt > since {
			tell()
		}
	}
	stopBack := c.Bus.OnReconnect(compare) // what was said meanwhile was not heard
	compare()
	return func() { unsubscribe(); stopBack() }, nil
}
