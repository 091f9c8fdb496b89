package mail

import (
	"bytes"
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"

	"vigie/internal/takedown/route"
)

// Sealed is a letter with one file that only its reader can open, and no word of what is in it.
type Sealed struct {
	// ID names the letter: the same for every sending, and nothing by itself.
	ID            string
	To            string
	Subject, Text string
	Lang          string
	// Name is the file's, File its bytes.
	Name    string
	File    []byte
	Written time.Time
}

// SendSealed sends a sealed letter from an account, once. It refuses with what Route.Send refuses with.
func (p Post) SendSealed(ctx context.Context, a Account, s Sealed) (route.Sent, error) {
	if err := a.check(); err != nil {
		return route.Sent{}, err
	}
	message, err := s.bytes(a)
	if err != nil {
		return route.Sent{}, err
	}
	return p.send(ctx, a, s.To, message)
}

// bytes is the letter as it is sent, its lines ended by CRLF; the same letter gives the same bytes.
func (s Sealed) bytes(a Account) ([]byte, error) {
	if err := checkMailbox(s.To); err != nil {
		return nil, err
	}
	for _, line := range []struct{ what, text string }{{"id", s.ID}, {"subject", s.Subject}, {"file", s.Name}} {
		if line.text == "" || strings.ContainsFunc(line.text, unseen) || !utf8.ValidString(line.text) {
			return nil, route.Refuse("fault.route.letter", "what", line.what)
		}
	}
	if s.Written.IsZero() {
		return nil, route.Refuse("fault.route.letter", "what", "written")
	}
	var h gomail.Header
	h.Set("MIME-Version", "1.0")
	h.SetMessageID("sealed." + made(s.ID, "sealed")[:32] + "@" + Domain(a.From))
	h.SetDate(s.Written.UTC())
	h.AddRaw(subjectField(s.Subject))
	h.SetAddressList("To", []*gomail.Address{{Address: s.To}})
	h.SetAddressList("From", []*gomail.Address{{Address: a.From, Name: a.Name}})
	if s.Lang != "" {
		h.Set("Content-Language", wordsIn(s.Lang).lang) // RFC 3282
	}
	h.SetContentType("multipart/mixed", map[string]string{"boundary": "vigie-" + made(s.ID, "boundary")[:32]})
	var b bytes.Buffer
	w, err := message.CreateWriter(&b, h.Header)
	if err != nil {
		return nil, err
	}
	var text, file message.Header
	plainText(&text)
	p, err := w.CreatePart(text)
	if err := fill(p, err, clean(s.Text)); err != nil {
		return nil, err
	}
	file.SetContentType("application/octet-stream", map[string]string{"name": s.Name})
	file.SetContentDisposition("attachment", map[string]string{"filename": s.Name})
	file.Set("Content-Transfer-Encoding", "base64")
	p, err = w.CreatePart(file)
	if err := fill(p, err, string(s.File)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
