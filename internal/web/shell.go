package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/internal/web/answer"
)

// policy is the content security policy of every page. Nothing is allowed that we do not serve
// ourselves, and text becomes HTML through one door only (assets/ts/html.ts).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; media-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; " +
	"require-trusted-types-for 'script'; trusted-types vigie"

// policies are those of the routes whose page needs more: the vault shows pictures and films that the browser itself opened, and has
// a worker of ours.
var policies = map[string]string{
	"/vault": strings.NewReplacer("img-src 'self'", "img-src 'self' blob:", "media-src 'self'", "media-src 'self' blob:", "script-src 'self'", "script-src 'self'; worker-src 'self'").Replace(policy),
}

// headers are the same everywhere; a route adds, none removes.
func headers(secure bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // old browsers say by it, and by nothing else, that a form is ours
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self), interest-cohort=()")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// clients finds the address a request came from. X-Forwarded-For is believed only as far as the chain
// of trusted proxies reaches from our side: the last address that is not one of them is the client.
func clients(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, answer.WithClient(r, clientOf(r, trusted)))
	})
}

func clientOf(r *http.Request, trusted []netip.Prefix) netip.AddrPort {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(trusted, client.Addr()); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = netip.AddrPortFrom(hop.Addr().Unmap(), hop.Port())
	}
	return client
}

// parseHop reads one address of X-Forwarded-For. A proxy may add the port, without which somebody behind a
// carrier's shared address cannot be found again; 0 says that it did not.
func parseHop(hop string) (netip.AddrPort, error) {
	if client, err := netip.ParseAddrPort(hop); err == nil {
		return client, nil
	}
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return netip.AddrPortFrom(addr, 0), err
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// requests counts and times requests by the pattern of their route: never by address, which could
// name a contact.
var requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name: "vigie_request_seconds", Help: "Time to answer, by route and status class.",
	Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5},
}, []string{"route", "class"})

// recorded notices the status of an answer; Unwrap lets http.ResponseController through.
type recorded struct {
	http.ResponseWriter
	code int
}

func (w *recorded) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorded) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// watched measures a route, and turns a panic into an error page and a line with its stack.
func watched(route string, fail func(http.ResponseWriter, *http.Request, error), next http.HandlerFunc) http.HandlerFunc {
	classes := [6]prometheus.Observer{}
	for i := range classes {
		classes[i] = requests.WithLabelValues(route, string(rune('0'+i))+"xx")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		out := &recorded{ResponseWriter: w}
		began := time.Now()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				slog.ErrorContext(r.Context(), "panic", "route", route, "stack", string(debug.Stack()))
				if out.code == 0 {
					fail(out, r, errPanic)
				}
			}
			if out.code == 0 {
				out.code = http.StatusOK
			}
			classes[min(out.code/100, 5)].Observe(time.Since(began).Seconds())
		}()
		next(out, r)
	}
}

var errPanic = errors.New("web: a handler panicked")
