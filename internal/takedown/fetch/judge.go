package fetch

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Rules are what is known of how a platform answers. The catalogue fills them. Marks are found in the title or the text of a
// page whatever their letter case, blanks and kinds of apostrophe are. They should be sentences of the platform, as long as can be: its
// users write on its pages too.
type Rules struct {
	// Gone are marks of a page that says that what was there is there no longer: "This page isn't available".
	Gone []string
	// There are marks that only a page with its content has.
	There []string
	// Walls are marks of a page that shows nothing to whoever is not logged in, of a given age, or a human. One that is on
	// pages of what is gone too ("Log in") does not belong here.
	Walls []string
	// Logins are paths to which a wall redirects, with all below them: "/accounts/login".
	Logins []string
	// Honest says that the platform answers 404 or 410 for what is gone, so that a plain 200 at the address that was asked
	// for means that it is there. Without it, 200 without a mark is Unsure.
	Honest bool
}

// Found is what a look says of a page.
type Found string

// What is found.
const (
	Gone   Found = "gone"
	There  Found = "there"
	Unsure Found = "unsure"
)

// Why says what a verdict rests on. With Unsure it may also be a Kind of Failure: "too_slow".
type Why string

// The reasons.
const (
	WhyStatus   Why = "status"       // Gone: 404 or 410. There: 200 of an honest platform. Unsure: one that says nothing of the page
	WhyMark     Why = "mark"         // the words of the page
	WhyMedia    Why = "media"        // There: the address answers with the picture or film itself
	WhyWall     Why = "wall"         // a page, or a status, for whoever is not logged in, old enough or human
	WhyLogin    Why = "login"        // sent to where one logs in
	WhyHome     Why = "home"         // sent to the beginning of the site, or the page says that it is that
	WhyMoved    Why = "moved"        // sent to another address of the site
	WhyOutside  Why = "outside"      // sent out of the scope
	WhyBoth     Why = "both"         // marks that contradict one another
	WhyUnmarked Why = "unmarked"     // 200, and no mark
	WhyUnread   Why = "unread"       // 200, and only its status was asked for
	WhyBusy     Why = "busy"         // the server has no time for us
	WhyWithheld Why = "withheld"     // 451: shut off by law here, perhaps not elsewhere
	WhyNoSuch   Why = "no_such_name" // the name of the site does not exist, today
)

// Verdict is what a Result means.
type Verdict struct {
	Found Found
	Why   Why
}

// Judge says what a look means for the question whether a page is still there. Gone and There need a reason; everything else
// is Unsure, for a human. It is a function of its arguments alone.
func Judge(rules Rules, r Result) Verdict {
	switch r.Status {
	case http.StatusNotFound, http.StatusGone:
		// The head was there whole, whatever became of the body.
		return Verdict{Gone, WhyStatus}
	}
	if f := r.Failure; f != nil {
		switch {
		case r.Left():
			return Verdict{Unsure, WhyOutside}
		case f.Kind == NotText && r.Status == http.StatusOK && r.Hops == 0 && media(r.Type):
			return Verdict{There, WhyMedia}
		case f.Code == NoSuchName:
			return Verdict{Unsure, WhyNoSuch}
		}
		return Verdict{Unsure, Why(f.Kind)}
	}
	switch s := r.Status; {
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired:
		return Verdict{Unsure, WhyWall}
	case s == http.StatusTooManyRequests, s >= 500:
		return Verdict{Unsure, WhyBusy}
	case s == http.StatusUnavailableForLegalReasons:
		return Verdict{Unsure, WhyWithheld}
	case s != http.StatusOK:
		return Verdict{Unsure, WhyStatus}
	}

	asked, at := spotOf(r.Asked), spotOf(r.Address)
	moved := !at.holds(asked)
	if r.Hops > 0 && moved {
		switch {
		case login(rules, r.Address):
			return Verdict{Unsure, WhyLogin}
		case home.MatchString(at.path):
			return Verdict{Unsure, WhyHome}
		}
	}
	if r.Mode == Status {
		return Verdict{Unsure, WhyUnread}
	}

	page := fold(r.Page.Title) + "\n" + fold(r.Page.Text)
	gone, there, wall := marked(page, rules.Gone), marked(page, rules.There), marked(page, rules.Walls)
	switch {
	case gone && (there || wall):
		return Verdict{Unsure, WhyBoth}
	case wall:
		return Verdict{Unsure, WhyWall}
	case gone:
		return Verdict{Gone, WhyMark}
	case there:
		return Verdict{There, WhyMark}
	case r.Page.Refresh, moved:
		return Verdict{Unsure, WhyMoved}
	case r.Page.Canonical != "" && spotOf(r.Page.Canonical).isHome() && !asked.isHome():
		return Verdict{Unsure, WhyHome}
	case rules.Honest:
		return Verdict{There, WhyStatus}
	}
	return Verdict{Unsure, WhyUnmarked}
}

// media are the types that are shown by themselves; a type that is not known may be an error's.
func media(kind string) bool {
	family, _, _ := strings.Cut(kind, "/")
	return family == "image" || family == "audio" || family == "video"
}

// home is the path of a site's beginning, as one whole or in a language: "", "/fr", "/en-us".
var home = regexp.MustCompile(`^(/[a-z]{2}([-_][a-z]{2})?|/home|/index\.[a-z]+)?$`)

// spot is where on a site an address points.
type spot struct {
	path  string // in small letters, without the last slash
	query url.Values
}

func spotOf(address string) spot {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return spot{}
	}
	return spot{strings.ToLower(strings.TrimRight(u.EscapedPath(), "/")), u.Query()}
}

// holds says that one is at the other spot, perhaps with more said: "?lang=fr" added to "/watch?v=1", but not "/watch".
func (s spot) holds(other spot) bool {
	for name, values := range other.query {
		if !slices.Equal(s.query[name], values) {
			return false
		}
	}
	return s.path == other.path
}

func (s spot) isHome() bool { return home.MatchString(s.path) && len(s.query) == 0 }

// logins are names of the place where one logs in, or proves something, on most sites.
var logins = []string{"login", "log-in", "log_in", "signin", "sign-in", "sign_in", "signup", "sign-up", "sign_up", "register", "auth", "oauth", "sso",
	"connexion", "checkpoint", "challenge", "consent", "captcha", "age-verification", "age_verification", "accounts"}

func login(rules Rules, address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(u.Hostname(), ".")
	if slices.Contains(logins, first) {
		return true
	}
	path := strings.ToLower(u.Path)
	for segment := range strings.SplitSeq(path, "/") {
		name, _, _ := strings.Cut(segment, ".")
		if slices.Contains(logins, name) {
			return true
		}
	}
	return slices.ContainsFunc(rules.Logins, func(l string) bool {
		l = strings.ToLower(strings.TrimRight(l, "/"))
		return l != "" && (path == l || strings.HasPrefix(path, l+"/"))
	})
}

func marked(page string, marks []string) bool {
	return slices.ContainsFunc(marks, func(m string) bool {
		m = fold(m)
		return m != "" && strings.Contains(page, m)
	})
}

// fold makes texts alike that read alike.
func fold(text string) string {
	text = strings.NewReplacer("’", "'", "‘", "'", "ʼ", "'", "′", "'", "`", "'", "“", `"`, "”", `"`, "–", "-", "—", "-", "‑", "-", "…", "...").Replace(text)
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}
