package fetch_test

import (
	"testing"

	"vigie/internal/takedown/fetch"
)

// What a look means, as sentences: gone and there need a reason, and whatever has none is for a human.
func TestJudging(t *testing.T) {
	const asked = "https://www.example.net/p/123?lang=fr"
	rules := fetch.Rules{
		Gone:   []string{"Cette page n'est  pas disponible", "This page isn't available"},
		There:  []string{"Voir les commentaires"},
		Walls:  []string{"Connecte-toi pour voir"},
		Logins: []string{"/members/enter/"},
	}
	honest := rules
	honest.Honest = true
	words := func(text string) func(*fetch.Result) { return func(r *fetch.Result) { r.Page.Text = text } }
	status := func(n int) func(*fetch.Result) { return func(r *fetch.Result) { r.Status = n } }
	sentTo := func(address string) func(*fetch.Result) {
		return func(r *fetch.Result) { r.Address, r.Hops = address, 1 }
	}
	failed := func(kind fetch.Kind, code fetch.Code) func(*fetch.Result) {
		return func(r *fetch.Result) { r.Failure = &fetch.Failure{Kind: kind, Code: code} }
	}
	all := func(changes ...func(*fetch.Result)) func(*fetch.Result) {
		return func(r *fetch.Result) {
			for _, c := range changes {
				c(r)
			}
		}
	}
	for _, row := range []struct {
		says   string
		rules  fetch.Rules
		result func(*fetch.Result)
		found  fetch.Found
		why    fetch.Why
	}{
		{"404 is gone", rules, status(404), fetch.Gone, fetch.WhyStatus},
		{"410 is gone", rules, status(410), fetch.Gone, fetch.WhyStatus},
		{"404 with a picture is gone", rules, all(status(404), failed(fetch.NotText, fetch.Declared)), fetch.Gone, fetch.WhyStatus},
		{"404 to whoever asked for the status alone is gone", rules, func(r *fetch.Result) { r.Status, r.Mode = 404, fetch.Status }, fetch.Gone, fetch.WhyStatus},
		{"200 that says that it is gone is gone", rules, words("Sorry\nThis page isn’t AVAILABLE\nLog in"), fetch.Gone, fetch.WhyMark},
		{"200 whose title says that it is gone is gone", rules, func(r *fetch.Result) { r.Page.Title = "Cette page n’est pas disponible" }, fetch.Gone, fetch.WhyMark},
		{"200 that says so over two lines, in capitals, is gone", rules, words("CETTE  PAGE N'EST\n PAS DISPONIBLE"), fetch.Gone, fetch.WhyMark},
		{"200 with nothing on it is unsure", rules, words(""), fetch.Unsure, fetch.WhyUnmarked},
		{"200 with the mark of what is there is there", rules, words("Voir les\u00a0commentaires"), fetch.There, fetch.WhyMark},
		{"200 with both marks is unsure: the author may have written one", rules, words("This page isn't available, ha ha\nVoir les commentaires"), fetch.Unsure, fetch.WhyBoth},
		{"200 behind a wall is unsure", rules, words("Connecte-toi pour voir"), fetch.Unsure, fetch.WhyWall},
		{"200 behind a wall that says gone is unsure", rules, words("Connecte-toi pour voir. This page isn't available."), fetch.Unsure, fetch.WhyBoth},
		{"200 behind a wall is unsure on an honest platform too", honest, words("Connecte-toi pour voir"), fetch.Unsure, fetch.WhyWall},
		{"200 without a mark is unsure", rules, words("Something"), fetch.Unsure, fetch.WhyUnmarked},
		{"200 without any rules is unsure", fetch.Rules{}, words("Something"), fetch.Unsure, fetch.WhyUnmarked},
		{"a mark of nothing marks nothing", fetch.Rules{Gone: []string{"", "  "}}, words("Something"), fetch.Unsure, fetch.WhyUnmarked},
		{"200 of an honest platform is there", honest, words("Something"), fetch.There, fetch.WhyStatus},
		{"200 of an honest platform with a language added is there", honest, all(words("Something"), sentTo(asked+"&x=1")), fetch.There, fetch.WhyStatus},
		{"200 of an honest platform elsewhere is unsure", honest, all(words("Something"), sentTo("https://www.example.net/p")), fetch.Unsure, fetch.WhyMoved},
		{"200 of an honest platform without what was asked for is unsure", honest, all(words("Something"), sentTo("https://www.example.net/p/123")), fetch.Unsure, fetch.WhyMoved},
		{"200 that goes on by itself is unsure", honest, func(r *fetch.Result) { r.Page.Refresh = true }, fetch.Unsure, fetch.WhyMoved},
		{"200 that calls itself the beginning of the site is unsure", honest, func(r *fetch.Result) { r.Page.Canonical = "https://www.example.net/" }, fetch.Unsure, fetch.WhyHome},
		{"200 of an honest platform that has another name for itself is there", honest, func(r *fetch.Result) { r.Page.Canonical = "https://www.example.net/p/123" }, fetch.There, fetch.WhyStatus},
		{"the beginning of a site that was asked for is there", honest, func(r *fetch.Result) {
			r.Asked, r.Address, r.Page.Canonical = "https://www.example.net", "https://www.example.net", "https://www.example.net/"
		}, fetch.There, fetch.WhyStatus},
		{"a redirect to the beginning of the site is unsure", honest, sentTo("https://www.example.net/"), fetch.Unsure, fetch.WhyHome},
		{"a redirect to the beginning in a language is unsure", honest, sentTo("https://www.example.net/fr-FR/?from=p"), fetch.Unsure, fetch.WhyHome},
		{"a redirect to the beginning with marks of what is there is unsure", rules, all(words("Voir les commentaires"), sentTo("https://www.example.net")), fetch.Unsure, fetch.WhyHome},
		{"a redirect to the log-in is unsure", honest, sentTo("https://www.example.net/accounts/login/?next=/p/123"), fetch.Unsure, fetch.WhyLogin},
		{"a redirect to the log-in of another host is unsure", honest, sentTo("https://login.example.net/p/123x"), fetch.Unsure, fetch.WhyLogin},
		{"a redirect to the platform's own log-in is unsure", honest, sentTo("https://www.example.net/members/enter/now"), fetch.Unsure, fetch.WhyLogin},
		{"a redirect out of the scope is unsure", rules, func(r *fetch.Result) {
			r.Status, r.Outside, r.Failure = 302, "https://example.org/", &fetch.Failure{Kind: fetch.Refused, Code: fetch.ByScope}
		}, fetch.Unsure, fetch.WhyOutside},
		{"a redirect without a place is unsure", rules, status(302), fetch.Unsure, fetch.WhyStatus},
		{"204 is unsure", rules, status(204), fetch.Unsure, fetch.WhyStatus},
		{"401 is a wall", rules, status(401), fetch.Unsure, fetch.WhyWall},
		{"403 is a wall", rules, status(403), fetch.Unsure, fetch.WhyWall},
		{"429 is no time for us", rules, status(429), fetch.Unsure, fetch.WhyBusy},
		{"503 is no time for us", rules, status(503), fetch.Unsure, fetch.WhyBusy},
		{"451 is shut off here, perhaps not elsewhere", rules, status(451), fetch.Unsure, fetch.WhyWithheld},
		{"200 to whoever asked for the status alone is unsure", honest, func(r *fetch.Result) { r.Mode = fetch.Status }, fetch.Unsure, fetch.WhyUnread},
		{"an address that answers with the picture is there", rules, all(failed(fetch.NotText, fetch.Declared), func(r *fetch.Result) { r.Type = "image/jpeg" }), fetch.There, fetch.WhyMedia},
		{"an address that sends to a picture is unsure: it may be the one of what is gone", rules, all(failed(fetch.NotText, fetch.Declared), sentTo("https://www.example.net/removed.png"), func(r *fetch.Result) { r.Type = "image/png" }), fetch.Unsure, fetch.Why(fetch.NotText)},
		{"an address that answers with bytes of no kind is unsure", rules, all(failed(fetch.NotText, fetch.Declared), func(r *fetch.Result) { r.Type = "application/octet-stream" }), fetch.Unsure, fetch.Why(fetch.NotText)},
		{"a server out of reach is unsure", rules, all(status(0), failed(fetch.Unreachable, fetch.NoConnection)), fetch.Unsure, fetch.Why(fetch.Unreachable)},
		{"a name that does not exist is unsure", rules, all(status(0), failed(fetch.Unreachable, fetch.NoSuchName)), fetch.Unsure, fetch.WhyNoSuch},
		{"half of a page is unsure, whatever it says", rules, all(words("This page isn't available"), failed(fetch.TooSlow, fetch.SlowPace)), fetch.Unsure, fetch.Why(fetch.TooSlow)},
		{"what our own rules refuse is unsure", honest, all(status(302), failed(fetch.Refused, fetch.ByNetwork)), fetch.Unsure, fetch.Why(fetch.Refused)},
		{"nothing at all is unsure", honest, func(r *fetch.Result) { *r = fetch.Result{} }, fetch.Unsure, fetch.WhyStatus},
	} {
		r := fetch.Result{Mode: fetch.Text, Asked: asked, Address: asked, Status: 200, Type: "text/html"}
		row.result(&r)
		if got := fetch.Judge(row.rules, r); got != (fetch.Verdict{Found: row.found, Why: row.why}) {
			t.Errorf("%s: %s (%s), want %s (%s)", row.says, got.Found, got.Why, row.found, row.why)
		}
	}
}

// A page that is asked for by a word behind the path is not the page without it.
func TestASpotIsItsQueryToo(t *testing.T) {
	r := fetch.Result{Mode: fetch.Text, Asked: "https://www.example.net/index.php?topic=12", Address: "https://www.example.net/index.php", Hops: 1, Status: 200}
	if got := fetch.Judge(fetch.Rules{Honest: true}, r); got != (fetch.Verdict{Found: fetch.Unsure, Why: fetch.WhyHome}) {
		t.Errorf("%v", got)
	}
}
