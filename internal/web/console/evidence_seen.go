package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// hardSeen is what somebody has looked at today.
type hardSeen struct {
	today time.Duration
	much  bool // more than the catalogue holds good for a day
}

// midnight is when today began.
func (c *Room) midnight() time.Time {
	now := c.Now().In(i18n.Paris)
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, i18n.Paris)
}

func (c *Room) hardSeen(ctx context.Context, staffID string) (hardSeen, error) {
	all, err := c.Evidence.SeenSince(ctx, c.midnight())
	today := all[staffID]
	return hardSeen{today, today >= c.Catalogue().Lines.HardLimit()}, err
}

// minutes are whole ones, the begun one counted.
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// evidenceAt is the item of an address, when she may read its file.
func (c *Room) evidenceAt(r *http.Request) (act, id string, err error) {
	fileID := r.PathValue("file")
	if _, err := c.mayCase(r, fileID); err != nil {
		return "", "", err
	}
	item, err := c.Evidence.Item(r.Context(), r.PathValue("item"))
	if err == nil && item.FileID != fileID {
		err = fault.New(fault.NotFound, "fault.evidence.unknown")
	}
	return "/desk/cases/" + fileID + "/evidence/" + item.ID, item.ID, err
}

// EvidencePicture is a kept picture, covered unless the address names a look of hers.
func (c *Room) EvidencePicture(w http.ResponseWriter, r *http.Request) error {
	_, id, err := c.evidenceAt(r)
	if err != nil {
		return err
	}
	picture, err := c.Evidence.Picture(r.Context(), id, r.URL.Query().Get("look"), me(r))
	if err != nil {
		return err
	}
	showPicture(w, picture)
	return nil
}

// LookAtEvidence uncovers a picture: it is in its custody before anything of it is shown.
func (c *Room) LookAtEvidence(w http.ResponseWriter, r *http.Request) error {
	act, id, err := c.evidenceAt(r)
	if err != nil {
		return err
	}
	look, err := c.Evidence.Uncover(r.Context(), id, me(r))
	if err != nil {
		return err
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, act+"/picture?look="+look, http.StatusSeeOther)
		return nil
	}
	answer.Fragment(w, r, uncoveredPicture(answer.Printer(r), act, id, look))
	return nil
}

// CoverEvidence covers a picture again, and counts how long it was seen.
func (c *Room) CoverEvidence(w http.ResponseWriter, r *http.Request) error {
	act, id, err := c.evidenceAt(r)
	if err != nil {
		return err
	}
	seen, err := c.countSeen(w, r)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	answer.Fragment(w, r, together(coveredPicture(say, act, id), seenToday(say, seen)))
	return nil
}

// countSeen counts how long she looked, as her page says it, and returns what she has seen today.
func (c *Room) countSeen(w http.ResponseWriter, r *http.Request) (hardSeen, error) {
	form, err := answer.Form(w, r)
	if err != nil {
		return hardSeen{}, err
	}
	seconds, err := strconv.Atoi(form.Get("seconds"))
	if err != nil || seconds < 0 {
		seconds = 0
	}
	if err := c.Evidence.Seen(r.Context(), form.Get("look"), time.Duration(min(seconds, 3600))*time.Second, me(r)); err != nil {
		return hardSeen{}, err
	}
	return c.hardSeen(r.Context(), session.Staff(r).ID)
}
