package admin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// soundsView is the page of the announcements.
type soundsView struct {
	sounds   []phone.Sound
	writable bool
	done     bool
	wrong    string // what is wrong with the file that was sent
	wrongFor string // the sound it was meant for
}

// Sounds lists what callers hear, to be listened to and replaced.
func (a *Room) Sounds(w http.ResponseWriter, r *http.Request) error {
	return a.sounds(w, r, http.StatusOK, soundsView{done: r.URL.Query().Has("done")})
}

func (a *Room) sounds(w http.ResponseWriter, r *http.Request, code int, v soundsView) error {
	var err error
	if v.sounds, err = a.Phone.Sounds(r.Context()); err != nil {
		return err
	}
	v.writable = session.Staff(r).Can(staff.CatalogueEdit)
	answer.Page(w, r, code, soundsPage(answer.Printer(r), a.shell(r, "admin.sounds"), v))
	return nil
}

// SetSound takes the place of one sound by a file. What is wrong with it is said beside it.
func (a *Room) SetSound(w http.ResponseWriter, r *http.Request) error {
	code := r.PathValue("code")
	lang, file, err := soundFile(w, r)
	if err == nil {
		err = a.Phone.SetSound(r.Context(), code, lang, file, me(r))
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = fault.New(fault.TooLarge, "fault.phone.prompt_too_large", "max", phone.LargestSound>>20)
	}
	if f := fault.As(err); f != nil && f.Kind != fault.Internal {
		return a.sounds(w, r, answer.Status(err), soundsView{wrong: answer.Printer(r).Fault(err), wrongFor: code + lang})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/sounds?done", http.StatusSeeOther)
	return nil
}

// soundFile reads the form up to its file; the language comes first.
func soundFile(w http.ResponseWriter, r *http.Request) (lang string, file io.Reader, err error) {
	broken := fault.New(fault.Invalid, "fault.form.broken")
	r.Body = http.MaxBytesReader(w, r.Body, phone.LargestSound+answer.MaxForm)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(2 * time.Minute))
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, broken
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return "", nil, broken
		}
		switch part.FormName() {
		case "lang":
			value, err := io.ReadAll(io.LimitReader(part, 16))
			if err != nil {
				return "", nil, broken
			}
			lang = string(value)
		case "file":
			return lang, part, nil
		}
	}
}

// ResetSound goes back to our own.
func (a *Room) ResetSound(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := a.Phone.ResetSound(r.Context(), r.PathValue("code"), form.Get("lang"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/sounds?done", http.StatusSeeOther)
	return nil
}

// SoundFile is a sound to be listened to.
func (a *Room) SoundFile(w http.ResponseWriter, r *http.Request) error {
	var wav bytes.Buffer
	if err := a.Phone.SoundFile(r.PathValue("code"), r.URL.Query().Get("lang"), &wav); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Content-Length", strconv.Itoa(wav.Len()))
	_, _ = w.Write(wav.Bytes())
	return nil
}
