package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// The pages of the site are written here: both languages side by side, what it will look like beside them, and a second person who reads it
// before anybody else does.

// oldAfter is how long a guide stands before an editor is reminded to hold it against its sources again.
const oldAfter = 183 * 24 * time.Hour

// pageRow is a page in the list.
type pageRow struct {
	guide.Entry
	old bool
}

// pageList is all pages of a part of the site.
type pageList struct {
	say      *i18n.Printer
	part     string // "guides", "news" or "about"
	rows     []pageRow
	old      int
	waiting  int // to be read by a second person
	mayWrite bool
}

var parts = []string{"guides", "news", "about"}

func partOf(kind guide.Kind) string {
	switch kind {
	case guide.News:
		return "news"
	case guide.About:
		return "about"
	}
	return "guides"
}

// Pages lists what there is to read on the site, and what is being written.
func (a *Room) Pages(w http.ResponseWriter, r *http.Request) error {
	entries, err := a.Guides.Entries(r.Context())
	if err != nil {
		return err
	}
	v := pageList{say: answer.Printer(r), part: r.URL.Query().Get("part"), mayWrite: session.Staff(r).Can(staff.GuideWrite)}
	if !slices.Contains(parts, v.part) {
		v.part = parts[0]
	}
	for _, e := range entries {
		old := e.Shown == guide.Published && e.Page.Old(a.Now(), oldAfter)
		if old {
			v.old++
		}
		if e.Open == guide.Review {
			v.waiting++
		}
		if partOf(e.Page.Kind()) == v.part {
			v.rows = append(v.rows, pageRow{e, old})
		}
	}
	// What somebody has to do comes first.
	slices.SortStableFunc(v.rows, func(a, b pageRow) int { return cmp.Compare(a.rank(), b.rank()) })
	answer.Page(w, r, http.StatusOK, pagesPage(v, a.shell(r, "guide.pages")))
	return nil
}

func (p pageRow) rank() int {
	switch {
	case p.Open == guide.Review:
		return 0
	case p.Open == guide.Draft:
		return 1
	case p.old || p.Newer:
		return 2
	case p.Shown == guide.Archived:
		return 4
	}
	return 3
}

// editing is a page being written.
type editing struct {
	say      *i18n.Printer
	slug     string
	isNew    bool
	version  guide.Version
	texts    map[string]guide.Text // as they are in the fields
	page     guide.Page            // as it would be shown
	flaws    []string
	fault    string
	done     string
	shown    guide.State
	mine     bool // who writes it last may not publish it
	mayWrite bool
	others   []guide.Page
	versions []guide.Version
	names    map[string]string
}

// maxPage bounds a page as it is posted.
const maxPage = 1 << 20

// NewPage asks for the address of a page that is not there yet.
func (a *Room) NewPage(w http.ResponseWriter, r *http.Request) error {
	kind := guide.Topic
	if r.URL.Query().Get("part") == "news" {
		kind = guide.News
	}
	e := editing{say: answer.Printer(r), isNew: true, texts: map[string]guide.Text{}}
	for _, lang := range guide.Languages {
		f := guide.Facts{Kind: kind, For: guide.Young, VerifiedOn: a.Now().Format(time.DateOnly)}
		if kind == guide.News {
			f = guide.Facts{Kind: kind, PublishedOn: a.Now().Format(time.DateOnly)}
		}
		e.texts[lang] = guide.Text{Facts: f}
	}
	return a.edit(w, r, http.StatusOK, e)
}

// EditPage is one page: what is being written of it, or what is shown.
func (a *Room) EditPage(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Guides.Get(r.Context(), r.PathValue("slug"))
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("version")); err == nil { // an older one, to look at or to go on from
		all, err := a.Guides.Versions(r.Context(), v.Slug)
		if err != nil {
			return err
		}
		for _, old := range all {
			if old.Number == n {
				v.Sources = old.Sources
			}
		}
	}
	e := editing{say: answer.Printer(r), slug: v.Slug, version: v, texts: textsOf(v.Sources)}
	if key := "guide.done." + r.URL.Query().Get("done"); e.say.Has(key) {
		e.done = e.say.T(key)
	}
	return a.edit(w, r, http.StatusOK, e)
}

// textsOf parts sources into their fields; what cannot be read stands in the text, so that nothing is lost.
func textsOf(sources map[string]string) map[string]guide.Text {
	all := map[string]guide.Text{}
	for _, lang := range guide.Languages {
		t, ok := guide.Parse(sources[lang])
		if !ok {
			t.Body = sources[lang]
		}
		all[lang] = t
	}
	return all
}

func (a *Room) edit(w http.ResponseWriter, r *http.Request, code int, e editing) error {
	m := session.Staff(r)
	e.mayWrite, e.mine = m.Can(staff.GuideWrite), e.version.WrittenBy == m.ID
	if !e.isNew {
		var err error
		if e.versions, err = a.Guides.Versions(r.Context(), e.slug); err != nil {
			return err
		}
		for _, v := range e.versions {
			if v.State == guide.Published || v.State == guide.Archived {
				e.shown = v.State
			}
		}
		people, err := a.Staff.Roster(r.Context())
		if err != nil {
			return err
		}
		e.names = map[string]string{}
		for _, p := range people {
			e.names[p.ID] = p.Alias
		}
	}
	e.others = a.Guides.Current().All()
	if e.slug != "" {
		a.look(&e)
	}
	title := "guide.edit"
	if e.isNew {
		title = "guide.new"
	}
	answer.Page(w, r, code, editPage(e, a.shell(r, title)))
	return nil
}

// look draws a page as it would be shown, and says what keeps it from being published.
func (a *Room) look(e *editing) {
	page, flaws := a.Guides.Check(e.slug, sourcesOf(e.texts))
	e.page = page
	for _, f := range flaws {
		if f.Lang != "" {
			f.Lang = e.say.T("guide.lang." + f.Lang)
		}
		e.flaws = append(e.flaws, e.say.Fault(f.Fault()))
	}
}

func sourcesOf(texts map[string]guide.Text) map[string]string {
	all := map[string]string{}
	for lang, t := range texts {
		all[lang] = t.Source()
	}
	return all
}

// posted reads the fields of a page.
func (a *Room) posted(w http.ResponseWriter, r *http.Request) (e editing, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPage)
	if err := r.ParseForm(); err != nil {
		return e, fault.Wrap(err, fault.TooLarge, "fault.form.too_large")
	}
	e = editing{say: answer.Printer(r), slug: r.PathValue("slug"), texts: map[string]guide.Text{}}
	e.version.Slug = e.slug
	e.version.Number, _ = strconv.Atoi(r.PostForm.Get("version"))
	e.version.Rev, _ = strconv.Atoi(r.PostForm.Get("rev"))
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	facts := guide.Facts{
		Kind: guide.Kind(field("kind")), For: field("for"), EasyOf: field("easy_of"), Platform: field("platform"), Danger: field("danger"), Pair: field("pair"), Related: list(strings.Split(field("related"), ",")),
		VerifiedOn: field("verified_on"), PublishedOn: field("published_on"), Picture: field("picture"),
	}
	for _, lang := range guide.Languages {
		f := facts
		f.Title, f.Summary, f.Author, f.PictureAlt, f.Words = field("title_"+lang), field("summary_"+lang), field("author_"+lang), field("picture_alt_"+lang), list(strings.Split(field("words_"+lang), ","))
		e.texts[lang] = guide.Text{Facts: f, Body: strings.ReplaceAll(r.PostForm.Get("body_"+lang), "\r\n", "\n")}
	}
	return e, nil
}

// list are the entries that are not empty.
func list(all []string) []string {
	var kept []string
	for _, s := range all {
		if s = strings.TrimSpace(s); s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}

// AddPage begins a page.
func (a *Room) AddPage(w http.ResponseWriter, r *http.Request) error {
	e, err := a.posted(w, r)
	if err != nil {
		return err
	}
	e.slug = strings.TrimSpace(r.PostForm.Get("slug"))
	v, err := a.Guides.Save(r.Context(), e.slug, -1, 0, sourcesOf(e.texts), me(r))
	if err != nil {
		e.isNew, e.fault = true, e.say.Fault(err)
		answer.Log(r, err)
		return a.edit(w, r, answer.Status(err), e)
	}
	http.Redirect(w, r, "/admin/pages/"+v.Slug+"?done=begun", http.StatusSeeOther)
	return nil
}

// ActPage saves a page, or does with it what its writer, or her second pair of eyes, decided.
func (a *Room) ActPage(w http.ResponseWriter, r *http.Request) error {
	e, err := a.posted(w, r)
	if err != nil {
		return err
	}
	ctx, by, v, do := r.Context(), me(r), e.version, r.PostForm.Get("do")
	base, rev := v.Number, v.Rev
	switch do {
	case "save", "keep":
		var saved guide.Version
		if saved, err = a.Guides.Save(ctx, e.slug, base, rev, sourcesOf(e.texts), by); err == nil {
			e.version = saved
		}
	case "submit":
		if e.version, err = a.Guides.Save(ctx, e.slug, base, rev, sourcesOf(e.texts), by); err == nil {
			err = a.Guides.Submit(ctx, e.slug, e.version.Number, e.version.Rev, by)
		} else {
			e.version = v
		}
	case "return":
		err = a.Guides.Return(ctx, e.slug, base, rev, by)
	case "discard":
		err = a.Guides.Discard(ctx, e.slug, base, rev, by)
	case "publish":
		err = a.Guides.Publish(ctx, e.slug, base, rev, by)
	case "archive":
		err = a.Guides.Archive(ctx, e.slug, by)
	case "restore":
		err = a.Guides.Restore(ctx, e.slug, by)
	case "verify":
		err = a.Guides.Verified(ctx, e.slug, by)
	default:
		err = fault.New(fault.Invalid, "fault.form.unknown")
	}
	if do == "keep" { // a script keeps it while it is written, and shows what it will look like
		if err != nil {
			e.fault = e.say.Fault(err)
			answer.Log(r, err)
		}
		a.look(&e)
		answer.Fragment(w, r, pageKept(e))
		return nil
	}
	if err != nil {
		if !slices.Contains([]fault.Kind{fault.Invalid, fault.Conflict, fault.Forbidden, fault.TooLarge}, fault.KindOf(err)) {
			return err
		}
		answer.Log(r, err)
		e.fault = a.said(e.say, err)
		code := answer.Status(err)
		now, err := a.Guides.Get(ctx, e.slug)
		if err != nil {
			return err
		}
		if r.PostForm.Has("title_" + guide.Languages[0]) { // what was typed stays, over the version that it was typed over
			e.version.State, e.version.WrittenBy = now.State, now.WrittenBy
		} else { // a button without the fields: what is kept is shown
			e.version, e.texts = now, textsOf(now.Sources)
		}
		return a.edit(w, r, code, e)
	}
	to := "/admin/pages/" + e.slug + "?" + url.Values{"done": {do}}.Encode()
	if _, err := a.Guides.Get(ctx, e.slug); fault.Is(err, fault.NotFound) { // the draft was all there was
		to = "/admin/pages"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// said is a fault in words, or the first of the flaws behind it.
func (a *Room) said(say *i18n.Printer, err error) string {
	var flaws guide.Flaws
	if errors.As(err, &flaws) && len(flaws) > 1 {
		return say.T("guide.flaws", "n", len(flaws))
	}
	return say.Fault(err)
}

// maxPicture bounds a picture as it is given, in bytes.
const maxPicture = 12 << 20

// AddPicture takes a picture for a page, and answers with what to write where it is to stand.
func (a *Room) AddPicture(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxPicture)
	file, _, err := r.FormFile("picture")
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return fault.Wrap(err, fault.TooLarge, "fault.guide.picture_large", "most", maxPicture>>20)
		}
		return fault.Wrap(err, fault.Invalid, "fault.guide.picture_none")
	}
	defer func() { _ = file.Close() }()
	p, err := a.Guides.AddPicture(r.Context(), file, me(r))
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	if answer.Scripted(r) {
		answer.Fragment(w, r, pictureAdded(say, p))
		return nil
	}
	answer.Page(w, r, http.StatusOK, picturePage(say, p, a.shell(r, "guide.picture")))
	return nil
}
