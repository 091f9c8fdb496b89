// Package answer is how the web rooms answer: a page in the visitor's language, a sentence for a
// fault, a way back after a form. It knows requests and responses, and nothing of what is served.
package answer

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/fault"
	"vigie/internal/web/i18n"
)

// status is what each kind of fault answers with; the one place where kinds meet HTTP.
var status = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Gone: http.StatusGone,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.TooMany: http.StatusTooManyRequests,
	fault.Unsupported: http.StatusUnsupportedMediaType, fault.Unavailable: http.StatusServiceUnavailable,
}

// Status is the HTTP status of an error.
func Status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	return status[fault.KindOf(err)]
}

// Handler answers a request, or says why it cannot; the web turns the fault into a page.
type Handler func(w http.ResponseWriter, r *http.Request) error

type contextKey int

const (
	langKey contextKey = iota
	adultKey
	clientKey
)

// WithLang notes the language a page is asked in.
func WithLang(r *http.Request, lang string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), langKey, lang))
}

// WithAdult notes whether an adult asks, who is spoken to as one.
func WithAdult(r *http.Request, adult bool) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), adultKey, adult))
}

// Printer speaks the language of the request, as whoever asks is spoken to: as a child, unless it is noted
// that she is an adult.
func Printer(r *http.Request) *i18n.Printer {
	lang, _ := r.Context().Value(langKey).(string)
	say := i18n.For(lang)
	if adult, _ := r.Context().Value(adultKey).(bool); adult {
		return say.ToAdults()
	}
	return say
}

// WithClient notes the network address the request came from, as the trusted proxies tell it.
func WithClient(r *http.Request, addr netip.AddrPort) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), clientKey, addr))
}

// Client is the network address of the request; it is never logged.
func Client(r *http.Request) netip.AddrPort {
	addr, _ := r.Context().Value(clientKey).(netip.AddrPort)
	return addr
}

var gzips = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed); return w }}

// Page writes a whole page. It is rendered before the first byte is sent, so that a fault in the
// middle becomes an error page and not half a page.
func Page(w http.ResponseWriter, r *http.Request, code int, page templ.Component) {
	b := templ.GetBuffer()
	defer templ.ReleaseBuffer(b)
	if err := page.Render(r.Context(), b); err != nil {
		level := slog.LevelError
		if r.Context().Err() != nil { // nobody is there any more to read it
			level = slog.LevelDebug
		}
		slog.Log(r.Context(), level, "rendering failed", "route", r.Pattern, "error", err)
		http.Error(w, Printer(r).T("fault.internal"), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Add("Vary", "Accept-Encoding")
	if b.Len() < 1400 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.WriteHeader(code)
		_, _ = w.Write(b.Bytes())
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(code)
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(w)
	_, _ = z.Write(b.Bytes())
	_ = z.Close()
}

// Fragment writes a piece of a page for a script.
func Fragment(w http.ResponseWriter, r *http.Request, piece templ.Component) {
	Page(w, r, http.StatusOK, piece)
}

// Scripted says whether the request was made by one of our scripts.
func Scripted(r *http.Request) bool {
	return r.Header.Get("Vigie-Script") != "" || r.Header.Get("HX-Request") == "true"
}

// Log writes what went wrong: kind, key and cause, the route's pattern, never the address or a word.
// Faults a person can put right are debug lines, ours are errors.
func Log(r *http.Request, err error) {
	level := slog.LevelDebug
	switch fault.KindOf(err) {
	case fault.Internal:
		level = slog.LevelError
		if errors.Is(err, context.Canceled) {
			level = slog.LevelDebug
		}
	case fault.Unavailable:
		level = slog.LevelWarn
	}
	slog.Log(r.Context(), level, "refused", "route", r.Pattern, "kind", fault.KindOf(err), "error", err)
}

// MaxForm bounds the body of an ordinary form: a message of 4,000 characters fits many times.
const MaxForm = 64 << 10

// Screen is the mark a tab gives itself, so that what it saved is not told back to it; "" for what cannot
// be one. It is random, and means nothing to anybody.
func Screen(mark string) string {
	if len(mark) > 36 || strings.Trim(mark, "0123456789abcdef-") != "" {
		return ""
	}
	return mark
}

// formWithin is how long a form may take to arrive: a slow phone needs seconds, and only a program that
// holds connections needs more.
const formWithin = 30 * time.Second

// Form reads the form of a request. It returns fault.TooLarge "fault.form.too_large" for a body over
// MaxForm and fault.Invalid "fault.form.broken" for one that cannot be read.
func Form(w http.ResponseWriter, r *http.Request) (url.Values, error) { return form(w, r, MaxForm) }

// MaxLongForm is the largest body of a form in which staff paste much: 2,000 addresses (LongForm).
const MaxLongForm = 2 << 20

// LongForm is Form for such a one.
func LongForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	return form(w, r, MaxLongForm)
}

func form(w http.ResponseWriter, r *http.Request, most int64) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	arrives := http.NewResponseController(w)
	_ = arrives.SetReadDeadline(time.Now().Add(formWithin))
	defer func() { _ = arrives.SetReadDeadline(time.Time{}) }()
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(most)
	} else {
		err = r.ParseForm()
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return r.PostForm, nil
	case errors.As(err, &large):
		return nil, fault.Wrap(err, fault.TooLarge, "fault.form.too_large")
	default:
		return nil, fault.Wrap(errors.New("unreadable form"), fault.Invalid, "fault.form.broken")
	}
}
