package guide_test

import (
	"slices"
	"testing"

	"vigie/internal/catalogue"
	"vigie/internal/guide"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// What can be sent is found again by what its message names it by, and what is about her danger stands first.
func TestWhatCanBeSent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for _, speaks := range []string{catalogue.Young, catalogue.Adult} {
			all := w.here.Cards("fr", speaks, "sextortion")
			kinds := map[guide.Kind]int{}
			last := 0
			for i, c := range all {
				kinds[c.Kind]++
				if found, ok := w.here.Card("fr", c.Body); !ok || found != c {
					t.Errorf("%s is found as %+v, want %+v", c.Body, found, c)
				}
				if c.Danger == "sextortion" {
					last = i
				}
			}
			if kinds[""] < 10 || kinds[guide.Topic] < 10 || kinds[guide.Platform] < 15 || kinds[guide.News] > 0 || kinds[guide.About] > 0 {
				t.Errorf("to %s can be sent %v", speaks, kinds)
			}
			if last == 0 || last != slices.IndexFunc(all, func(c guide.Card) bool { return c.Danger != "sextortion" })-1 {
				t.Errorf("what is about blackmail does not stand first: the last at %d", last)
			}
		}
		for _, gone := range []string{"", "nothing", "guides/nothing", "news/sextortion", "guides/school-autumn", "/guides/sextortion", "partners", "../guides/sextortion"} {
			if c, ok := w.here.Card("fr", gone); ok {
				t.Errorf("%q is %+v", gone, c)
			}
		}
		if c, ok := w.here.Card("en", "news/school-autumn"); !ok || c.Path != "/news/school-autumn" {
			t.Errorf("an article is %+v, %v", c, ok)
		}
	})
}
