package guide

import (
	"cmp"
	"embed"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"vigie/internal/catalogue"
)

//go:embed content/*.md news/*.md about/*.md
var seeds embed.FS

// Library is everything that is published, at one moment. It is never changed, so it is shared by all without a lock.
type Library struct {
	bySlug  map[string]Page
	guides  []Page // by reader, kind and place
	news    []Page // the newest first
	abouts  []Page
	indexes map[string]func() *index // made by the first search in a language
}

func newLibrary(pages []Page) *Library {
	l := &Library{bySlug: map[string]Page{}, indexes: map[string]func() *index{}}
	for _, p := range pages {
		l.bySlug[p.Slug] = p
		switch p.Kind() {
		case News:
			l.news = append(l.news, p)
		case About:
			l.abouts = append(l.abouts, p)
		default:
			l.guides = append(l.guides, p)
		}
	}
	l.guides, l.news, l.abouts = inOrder(l.guides), inOrder(l.news), inOrder(l.abouts)
	for _, lang := range Languages {
		l.indexes[lang] = sync.OnceValue(func() *index { return newIndex(lang, slices.Concat(l.guides, l.news)) })
	}
	return l
}

// inOrder are pages as they are listed: guides by reader, kind and place, then news, the newest first.
func inOrder(pages []Page) []Page {
	kinds := []Kind{Topic, Platform, Easy, News, About}
	return slices.SortedFunc(slices.Values(pages), func(a, b Page) int {
		x, y := a.Facts(), b.Facts()
		return cmp.Or(cmp.Compare(slices.Index(kinds, x.Kind)/3, slices.Index(kinds, y.Kind)/3), strings.Compare(y.PublishedOn, x.PublishedOn),
			cmp.Compare(slices.Index(Readers, x.For), slices.Index(Readers, y.For)), cmp.Compare(slices.Index(kinds, x.Kind), slices.Index(kinds, y.Kind)),
			place(a.Slug)-place(b.Slug), strings.Compare(a.Slug, b.Slug))
	})
}

// order is that of the topics on a page: what is sought in fear first, what is read at leisure last.
var order = []string{
	"sextortion", "intimate-images", "cyberbullying", "grooming", "self-harm", "money-or-gifts", "prostitution", "hacked-account", "impersonation", "doxxing", "deepfakes",
	"hate", "pornography", "complain", "contact-us", "law", "screens-and-sleep", "games-and-spending", "first-phone", "parental-control",
	"snapchat", "tiktok", "instagram", "whatsapp", "discord", "youtube", "facebook", "x", "twitch", "telegram", "bereal", "roblox", "fortnite", "minecraft", "playstation", "xbox", "nintendo",
}

// place is where a page stands among those of its reader and kind: where order names it, or at the end.
func place(slug string) int {
	slug = strings.TrimSuffix(strings.TrimSuffix(slug, "-parents"), "-easy")
	if i := slices.Index(order, slug); i >= 0 {
		return i
	}
	return len(order)
}

// Page is a page that is published.
func (l *Library) Page(slug string) (Page, bool) {
	p, ok := l.bySlug[slug]
	return p, ok
}

// Guides are those for a reader, of a kind ("" for all).
func (l *Library) Guides(reader string, kind Kind) []Page {
	var all []Page
	for _, p := range l.guides {
		if f := p.Facts(); f.For == reader && (kind == "" || f.Kind == kind) {
			all = append(all, p)
		}
	}
	return all
}

// News are the articles, the newest first.
func (l *Library) News() []Page { return l.news }

// All are all pages: guides in their order, then news, then those about the helpline.
func (l *Library) All() []Page { return slices.Concat(l.guides, l.news, l.abouts) }

// Related are the pages that a page leads to at its end.
func (l *Library) Related(p Page) []Page {
	var all []Page
	for _, slug := range p.Facts().Related {
		if other, ok := l.bySlug[slug]; ok {
			all = append(all, other)
		}
	}
	return all
}

// EasyOf is the easy-to-read page of a topic.
func (l *Library) EasyOf(slug string) (Page, bool) {
	i := slices.IndexFunc(l.guides, func(p Page) bool { return p.Kind() == Easy && p.Facts().EasyOf == slug })
	if i < 0 {
		return Page{}, false
	}
	return l.guides[i], true
}

// Search finds pages in a language, the best first, for a reader ("" for everybody; news are for everybody). Accents, endings and small mistakes are forgiven. cut
// says that the words were more than MaxQuery characters, of which the first ones were looked for.
func (l *Library) Search(lang, typed, reader string) (hits []Hit, cut bool) {
	indexed, ok := l.indexes[lang]
	if !ok {
		indexed = l.indexes[Languages[0]]
	}
	return indexed().search(typed, func(p Page) bool { f := p.Facts(); return reader == "" || f.For == reader || f.Kind == News })
}

// ours are addresses of the site that a text may lead to, besides guides and news.
var ours = []string{"/", "/chat", "/message", "/numbers", "/privacy", "/resume", "/guides", "/news", "/young", "/parents", "/professionals", "/quiz", "/quiz/parents", "/vault", "/app", "/legal", "/accessibility", "/partners", "/press", "/figures", "/embed"}

// Join says what is wrong with a page among the others: what it leads to, and whether its numbers and its law are those of the
// catalogue.
func (l *Library) Join(p Page, set *catalogue.Set) (flaws Flaws) {
	flaw := func(key string, args ...any) { flaws = append(flaws, Flaw{Key: "fault.guide." + key, Args: args}) }
	f := p.Facts()
	leads := func(slug string) {
		if _, ok := l.bySlug[slug]; slug != "" && !ok {
			flaw("leads_nowhere", "to", slug)
		}
	}
	leads(f.EasyOf)
	leads(f.Pair)
	for _, slug := range f.Related {
		leads(slug)
	}
	if f.Platform != "" {
		if _, ok := set.Platforms.ByCode(f.Platform); !ok {
			flaw("platform")
		}
	}
	if f.Danger != "" {
		if _, ok := set.Taxonomy.Danger(f.Danger); !ok {
			flaw("danger", "danger", f.Danger)
		}
	}
	for _, lang := range Languages {
		t := p.In(lang)
		for _, to := range t.links {
			if !inside(to.to) {
				continue
			}
			path := pathOf(to.to)
			slug, isGuide := strings.CutPrefix(path, "/guides/")
			article, isNews := strings.CutPrefix(path, "/news/")
			other, there := l.bySlug[cmp.Or(slug, article)]
			if (isGuide || isNews) && there && other.Path() == path || slices.Contains(ours, path) || strings.HasPrefix(path, "/cards/") {
				continue
			}
			flaws = append(flaws, Flaw{lang, "fault.guide.leads_nowhere", []any{"to", to.to}})
		}
		flaws = append(flaws, held(lang, t, set)...)
	}
	return flaws
}

// pathOf is an address without what follows its path.
func pathOf(to string) string {
	path, _, _ := strings.Cut(to, "#")
	path, _, _ = strings.Cut(path, "?")
	return path
}

// seedSources are the pages as Vigie brings them: by slug, the sources by language.
func seedSources() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, folder := range []string{"content", "news", "about"} {
		files, err := fs.ReadDir(seeds, folder)
		if err != nil {
			panic("guide: " + err.Error()) // the folder is embedded above
		}
		for _, file := range files {
			slug, lang, ok := strings.Cut(strings.TrimSuffix(file.Name(), ".md"), ".")
			if !ok {
				continue
			}
			source, err := fs.ReadFile(seeds, folder+"/"+file.Name())
			if err != nil {
				panic("guide: " + err.Error())
			}
			if all[slug] == nil {
				all[slug] = map[string]string{}
			}
			all[slug][lang] = string(source)
		}
	}
	return all
}

// Seeds is the library as Vigie brings it, without a database. A page with a flaw is left out; a test sees that none has. It is
// read once a process.
var Seeds = sync.OnceValue(func() *Library {
	var pages []Page
	for slug, sources := range allSeeds() {
		if p, flaws := Read(slug, sources); len(flaws) == 0 {
			pages = append(pages, p)
		}
	}
	return newLibrary(pages)
})
