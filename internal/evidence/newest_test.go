package evidence_test

import (
	"fmt"
	"testing"

	"vigie/internal/evidence"
	"vigie/internal/store"
)

// Of many items the newest are opened and the others counted; what is printed, and nothing else, is in the custody as printed.
func TestTheNewestAreShownAndPrinted(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		for i := range 7 {
			w.Must(w.AddLink(w.Ctx, file, store.NewID(), evidence.Content{Address: fmt.Sprintf("https://example.org/p/%d", i)}, claire))
		}
		items, older, err := w.Newest(w.Ctx, file, 3)
		w.Must(err)
		if len(items) != 3 || older != 4 || items[0].Number != 5 || items[2].Number != 7 || items[2].Content.Address != "https://example.org/p/6" {
			w.T.Fatalf("%d older than %+v", older, items)
		}
		for _, n := range []int{7, 8} {
			if all, older, err := w.Newest(w.Ctx, file, n); err != nil || len(all) != 7 || older != 0 {
				w.T.Errorf("of %d: %d and %d older, %v", n, len(all), older, err)
			}
		}
		w.Must(w.Printed(w.Ctx, items, nadia))
		chains, err := w.ChainsOf(w.Ctx, items)
		w.Must(err)
		if len(chains) != 3 {
			w.T.Errorf("%d chains of three items", len(chains))
		}
		for _, chain := range chains {
			if last := chain[len(chain)-1]; last.Purpose != "print" || last.Actor.ID != nadia.ID {
				w.T.Errorf("%+v", last)
			}
		}
		if n := w.Count(`SELECT count(*) FROM evidence_custody WHERE purpose = 'print'`); n != 3 {
			w.T.Errorf("%d items were printed, says the custody", n)
		}
	})
}
