package guide_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"vigie/internal/catalogue"
	"vigie/internal/guide"
	"vigie/internal/web/i18n/voicetest"
)

// Every page that Vigie brings is whole, leads somewhere, and tells the numbers and the law as the catalogue does.
func TestEveryPageThatWeBring(t *testing.T) {
	set, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	lib := guide.Seeds()
	files := 0
	for _, folder := range []string{"content", "news", "about"} {
		all, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		files += len(all)
	}
	if n := len(lib.All()) * len(guide.Languages); n != files {
		t.Errorf("%d texts of %d files can be used", n, files)
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "guide\twords fr\tease\tlongest\twords en\tease\tlongest")
	for slug, sources := range guide.SeedSources() {
		p, flaws := guide.Read(slug, sources)
		if len(flaws) == 0 {
			flaws = lib.Join(p, set)
		}
		for _, f := range flaws {
			t.Errorf("%s: %v", slug, guide.Flaws{f}.Error())
		}
	}
	for _, p := range lib.All() {
		f := p.Facts()
		fmt.Fprint(table, p.Slug)
		for _, lang := range guide.Languages {
			text := p.In(lang)
			e := guide.EaseOf(lang, text)
			fmt.Fprintf(table, "\t%d\t%.0f\t%d", e.Words, e.Score, e.Longest)
			least := 70.0
			if f.Kind == guide.Easy {
				least = 88
			}
			if e.Score < least {
				t.Errorf("%s.%s has a reading ease of %.0f, less than %.0f", p.Slug, lang, e.Score, least)
			}
		}
		fmt.Fprintln(table)
		said := p.In("fr").Title + ". " + p.In("fr").Summary + ". " + p.In("fr").Body
		if f.For == guide.Young {
			if word := voicetest.Vous(said); word != "" {
				t.Errorf("%s says %q to the young", p.Slug, word)
			}
		} else if word := voicetest.Tu(said); word != "" {
			t.Errorf("%s says %q to adults", p.Slug, word)
		}
	}
	_ = table.Flush()
	t.Log("\n" + out.String())
}

// What the issue of the site asks for is there, for both readers.
func TestWhatMustBeThere(t *testing.T) {
	lib := guide.Seeds()
	have := func(slug string) {
		t.Helper()
		if _, ok := lib.Page(slug); !ok {
			t.Errorf("%s is missing", slug)
		}
	}
	for _, platform := range []string{"snapchat", "tiktok", "instagram", "facebook", "whatsapp", "youtube", "discord", "roblox", "fortnite", "x", "twitch", "telegram", "bereal", "minecraft", "playstation", "xbox", "nintendo"} {
		have(platform)
		have(platform + "-parents")
	}
	for _, topic := range []string{"cyberbullying", "intimate-images", "sextortion", "grooming", "hacked-account", "impersonation", "doxxing", "deepfakes", "hate", "self-harm", "pornography", "screens-and-sleep", "games-and-spending", "first-phone", "contact-us", "complain", "law"} {
		have(topic)
		have(topic + "-parents")
	}
	for _, slug := range []string{"money-or-gifts", "prostitution-parents", "parental-control"} {
		have(slug)
	}
	for _, topic := range []string{"sextortion", "intimate-images", "grooming", "cyberbullying", "self-harm"} {
		if _, ok := lib.EasyOf(topic); !ok {
			t.Errorf("%s has no easy-to-read form", topic)
		}
	}
}

// What editors write and must not.
func TestWhatAPageMayNotHold(t *testing.T) {
	set, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	const facts = "+++\ntitle = \"Un titre\"\nsummary = \"Un résumé.\"\nfor = \"young\"\nkind = \"topic\"\nverified_on = \"2026-11-23\"\n+++\n\n"
	for name, test := range map[string]struct{ body, want string }{
		"script":              {"Bonjour <script>alert(1)</script>", "html"},
		"block of script":     {"<script>\nalert(1)\n</script>", "html"},
		"event":               {`<img src="/media/x" onerror="alert(1)">`, "html"},
		"javascript":          {"[clique](javascript:alert(1))", "link"},
		"data":                {"[clique](data:text/html;base64,xx)", "link"},
		"http":                {"[site](http://example.org)", "link"},
		"no scheme":           {"[site](//example.org)", "link"},
		"foreign picture":     {"![un chat](https://example.org/chat.png)", "picture"},
		"mute picture":        {"![](/media/019a0000-0000-7000-8000-000000000001)", "picture_alt"},
		"beside the pictures": {"![x](/media/../quit)", "picture"},
		"no picture's name":   {"![x](/media/abc)", "picture"},
		"round about":         {"[x](/guides/../quit)", "link"},
		"a link to a picture": {"[x](/media/../quit)", "link"},
		"two hundred":         {strings.Repeat("![un chat](/media/019a0000-0000-7000-8000-000000000001)\n\n", 200), "pictures"},
		"a second title":      {"# Un titre\n\nTexte", "heading"},
		"too long":            {strings.Repeat("mot ", 20_000), "body_long"},
		"nothing":             {"", "body_empty"},
		"nowhere":             {"[lis](/guides/n-existe-pas)", "leads_nowhere"},
		"no page of ours":     {"[lis](/desk)", "leads_nowhere"},
		"unknown number":      {"Appelle le [3020](tel:3020).", "number"},
		"number in words":     {"Appelle le 3114.", "number_bare"},
		"other number":        {"Appelle le [3114](tel:119).", "number_words"},
		"text to no SMS":      {"Écris au [119](sms:119).", "number"},
		"unknown article":     {"C'est l'article 999-1 du code pénal.", "law"},
		"article of no code":  {"C'est l'article 312-10 de la loi.", "law"},
		"wrong penalty":       {"L'article 312-10 du code pénal : 9 ans de prison et 100 000 euros d'amende.", "penalty"},
		"wrong fine":          {"L'article 312-10 du code pénal : 7 ans de prison et 1 000 euros d'amende.", "penalty"},
		"penalty of nothing":  {"On risque 7 ans de prison.", "penalty"},
		"right":               {"L'article 312-10 du code pénal : 7 ans de prison et 100 000 euros d'amende. [3114](tel:3114), [114](sms:114), [lis](/guides/sextortion#x).", ""},
	} {
		p, flaws := guide.Read("essai", map[string]string{"fr": facts + test.body, "en": facts + strings.ReplaceAll(strings.ReplaceAll(test.body, "du code pénal", "of the Criminal Code"), "ans de prison", "years in prison")})
		if len(flaws) == 0 {
			flaws = guide.Seeds().Join(p, set)
		}
		var keys []string
		for _, f := range flaws {
			keys = append(keys, strings.TrimPrefix(f.Key, "fault.guide."))
		}
		if test.want == "" && len(keys) > 0 || test.want != "" && !slices.Contains(keys, test.want) {
			t.Errorf("%s: %v, want %q", name, keys, test.want)
		}
		if html := p.In("fr").HTML; strings.Contains(html, "<script") || strings.Contains(html, "onerror") || strings.Contains(html, "javascript:") || strings.Contains(html, "example.org/chat") {
			t.Errorf("%s is drawn: %s", name, html)
		}
	}
}

// Headings with the same words, as many as somebody writes, each have an address of their own, in time.
func TestManyHeadingsOfTheSameWords(t *testing.T) {
	const facts = "+++\ntitle = \"Un titre\"\nsummary = \"Un résumé.\"\nfor = \"young\"\nkind = \"topic\"\nverified_on = \"2026-11-23\"\n+++\n\n"
	body := facts + strings.Repeat("## Réponse\n\nTexte.\n\n## 🙂\n\nTexte.\n\n", 40)
	p, flaws := guide.Read("essai", map[string]string{"fr": body, "en": body})
	seen := map[string]bool{}
	for _, h := range p.In("fr").Headings {
		seen[h.ID] = true
	}
	if len(flaws) > 0 || len(seen) != 80 {
		t.Errorf("%d addresses of 80 headings, %v", len(seen), flaws)
	}
}

func TestSearch(t *testing.T) {
	lib := guide.Seeds()
	for _, test := range []struct{ lang, typed, reader, first string }{
		{"fr", "harcèlement", guide.Young, "cyberbullying"},
		{"fr", "harcelement", guide.Young, "cyberbullying"},
		{"fr", "arcelement", guide.Young, "cyberbullying"},
		{"fr", "harselement", guide.Young, "cyberbullying"},
		{"fr", "on me harcèle", guide.Young, "cyberbullying"},
		{"fr", "chantage", guide.Young, "sextortion"},
		{"fr", "chantaje nude", guide.Young, "sextortion"},
		{"fr", "snapchat", guide.Young, "snapchat"},
		{"fr", "snpachat", guide.Young, "snapchat"},
		{"fr", "snap", guide.Parent, "snapchat-parents"},
		{"fr", "contrôle parental", guide.Parent, "parental-control"},
		{"fr", "controle parantal", guide.Parent, "parental-control"},
		{"fr", "compte piraté", guide.Young, "hacked-account"},
		{"fr", "porter plainte", guide.Young, "complain"},
		{"fr", "SOMMEIL ÉCRANS", guide.Parent, "screens-and-sleep-parents"},
		{"en", "blackmail", guide.Young, "sextortion"},
		{"en", "bulying", guide.Young, "cyberbullying"},
		{"en", "hacked", guide.Young, "hacked-account"},
	} {
		hits, cut := lib.Search(test.lang, test.typed, test.reader)
		if cut || len(hits) == 0 {
			t.Errorf("%q finds nothing (cut: %v)", test.typed, cut)
			continue
		}
		var first []string
		for _, h := range hits[:min(3, len(hits))] {
			first = append(first, h.Page.Slug)
		}
		if !slices.Contains(first, test.first) {
			t.Errorf("%q finds %v first, want %s among them", test.typed, first, test.first)
		}
	}
	for _, nothing := range []string{"", "   ", "!!!", "zzzzqqqq", "\x00\xff"} {
		if hits, _ := lib.Search("fr", nothing, ""); len(hits) > 0 {
			t.Errorf("%q finds %d pages", nothing, len(hits))
		}
	}
	if _, cut := lib.Search("fr", strings.Repeat("harcèlement ", 1000), ""); !cut {
		t.Error("12,000 characters are looked for in full")
	}
}
