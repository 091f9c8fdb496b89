// Package network is a small social network that does not exist, for the demonstration to have content taken down from: a few
// accounts, a few posts that hurt somebody made up, moderators who take their time. It speaks as much of the Mastodon API as
// reporting needs, in GoToSocial's way (it alone keeps a list of one's own reports), and shows each post as a page.
//
// Its moderators decide by the post: most reports end in a removal, some in a refusal, some are never answered, so that a desk
// has something to follow up.
package network

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fate is what the moderators do about a post that is reported.
type Fate string

// The fates.
const (
	Removed Fate = "removed"
	Refused Fate = "refused"
	Ignored Fate = "ignored"
)

// Post is something on the network.
type Post struct {
	ID, Account, Text string
	Fate              Fate
}

// Posts are what is there at the beginning. Nobody in it exists.
var Posts = []Post{
	{"112233", "loup.noir", "Regardez sa tête sur la photo de classe. Tout le collège doit la voir.", Removed},
	{"112234", "loup.noir", "Envoyez-lui tous un message ce soir, qu'elle comprenne.", Removed},
	{"112250", "max_officiel", "Compte parodique, ou pas. Devinez qui je suis.", Refused},
	{"112251", "team.4b", "Liste des plus moches de la 4e B, votez.", Ignored},
}

// Token is how the demonstration's helpline is known there.
const Token = "pretend-network"

// Network is the network. It is an http.Handler, safe for concurrent use.
type Network struct {
	// After is how long the moderators take; Now the clock.
	after time.Duration
	now   func() time.Time

	mu      sync.Mutex
	posts   []Post
	gone    map[string]bool
	reports []*report
}

type report struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created_at"`
	Taken    bool      `json:"action_taken"`
	TakenAt  any       `json:"action_taken_at"`
	Said     any       `json:"action_taken_comment"`
	Category string    `json:"category"`
	Comment  string    `json:"comment"`
	Forward  bool      `json:"forwarded"`
	Statuses []string  `json:"status_ids"`
	Rules    []string  `json:"rule_ids"`
	Target   account   `json:"target_account"`
}

type account struct {
	ID   string `json:"id"`
	Name string `json:"username"`
	Acct string `json:"acct"`
}

// New is a network whose moderators take so long.
func New(after time.Duration, now func() time.Time) *Network {
	return &Network{after: after, now: now, posts: slices.Clone(Posts), gone: map[string]bool{}}
}

// act has the moderators do what is due. Called with mu held.
func (n *Network) act() {
	now := n.now()
	for _, r := range n.reports {
		if r.Taken || now.Sub(r.Created) < n.after {
			continue
		}
		for _, id := range r.Statuses {
			post, ok := n.post(id)
			switch {
			case !ok || post.Fate == Ignored:
				continue
			case post.Fate == Removed:
				n.gone[id] = true
				r.Said = "Publication retirée."
			default:
				r.Said = "Nos règles ne sont pas enfreintes."
			}
			r.Taken, r.TakenAt = true, now.UTC().Format(time.RFC3339)
		}
	}
}

func (n *Network) post(id string) (Post, bool) {
	i := slices.IndexFunc(n.posts, func(p Post) bool { return p.ID == id })
	if i < 0 {
		return Post{}, false
	}
	return n.posts[i], true
}

func accountOf(name string) account { return account{ID: "a-" + name, Name: name, Acct: name} }

// ServeHTTP shows posts as pages, and answers the API.
func (n *Network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.act()
	if strings.HasPrefix(r.URL.Path, "/api/") {
		n.api(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	if r.URL.Path == "/" {
		_ = pages.ExecuteTemplate(w, "home", n.visible())
		return
	}
	name, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/@"), "/")
	post, ok := n.post(id)
	if !ok || n.gone[id] || post.Account != name {
		w.WriteHeader(http.StatusNotFound)
		_ = pages.ExecuteTemplate(w, "gone", nil)
		return
	}
	_ = pages.ExecuteTemplate(w, "post", post)
}

func (n *Network) visible() []Post {
	return slices.DeleteFunc(slices.Clone(n.posts), func(p Post) bool { return n.gone[p.ID] })
}

// api is what of the Mastodon client API reporting needs (docs.joinmastodon.org/methods/reports).
func (n *Network) api(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	notFound := map[string]string{"error": "Not Found"}
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch path := r.URL.Path; {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		answer(http.StatusUnauthorized, map[string]string{"error": "Unauthorized: token not supplied"})
	case path == "/api/v2/instance":
		answer(http.StatusOK, map[string]string{"domain": r.Host, "title": "La Cour", "version": "0.19.2", "source_url": "https://codeberg.org/superseriousbusiness/gotosocial"})
	case strings.HasPrefix(path, "/api/v1/statuses/"):
		if post, ok := n.post(id); ok && !n.gone[id] {
			answer(http.StatusOK, map[string]any{"id": post.ID, "account": accountOf(post.Account)})
		} else {
			answer(http.StatusNotFound, notFound)
		}
	case path == "/api/v1/accounts/relationships":
		answer(http.StatusOK, []any{map[string]any{"id": r.FormValue("id[]"), "blocked_by": false}})
	case path == "/api/v1/accounts/lookup", strings.HasPrefix(path, "/api/v1/accounts/"):
		name := cmp.Or(r.FormValue("acct"), strings.TrimPrefix(id, "a-"))
		if slices.ContainsFunc(n.posts, func(p Post) bool { return p.Account == name }) {
			answer(http.StatusOK, accountOf(name))
		} else {
			answer(http.StatusNotFound, notFound)
		}
	case path == "/api/v2/search":
		answer(http.StatusOK, map[string]any{"statuses": []any{}, "accounts": []any{}})
	case path == "/api/v1/reports" && r.Method == http.MethodPost:
		filed := &report{ID: rand.Text(), Created: n.now().UTC(), Category: "other", Comment: r.FormValue("comment"), Statuses: slices.Clone(r.Form["status_ids[]"]), Rules: []string{},
			Target: accountOf(strings.TrimPrefix(r.FormValue("account_id"), "a-"))}
		if len([]rune(filed.Comment)) > 1000 {
			answer(http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("Bad Request: comment length must be no more than 1000 chars, provided comment was %d chars", len([]rune(filed.Comment)))})
			return
		}
		n.reports = append(n.reports, filed)
		answer(http.StatusOK, filed)
	case path == "/api/v1/reports":
		page := []*report{}
		for _, filed := range slices.Backward(n.reports) {
			if filed.Target.ID == r.FormValue("target_account_id") && r.FormValue("max_id") == "" {
				page = append(page, filed)
			}
		}
		answer(http.StatusOK, page)
	default:
		for _, filed := range n.reports {
			if path == "/api/v1/reports/"+filed.ID {
				answer(http.StatusOK, filed)
				return
			}
		}
		answer(http.StatusNotFound, notFound)
	}
}

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html><html lang="fr"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>La Cour</title><main><h1>La Cour</h1><p>Un réseau inventé, pour la démonstration.</p>{{end}}
{{define "home"}}{{template "head"}}<ul>{{range .}}<li><a href="/@{{.Account}}/{{.ID}}">@{{.Account}}</a> : {{.Text}}</li>{{end}}</ul></main></html>{{end}}
{{define "post"}}{{template "head"}}<article><h2>@{{.Account}}</h2><p>{{.Text}}</p></article></main></html>{{end}}
{{define "gone"}}{{template "head"}}<p>Cette publication n'est plus là.</p></main></html>{{end}}
`))
