package takedown_test

import (
	"strings"
	"testing"

	"vigie/internal/store"
	"vigie/internal/takedown"
)

// A draft with several addresses becomes one an address: what was said of all of them stays said of each, once whoever presses.
func TestADraftIsSplit(t *testing.T) {
	onEach(t, func(w *world) {
		w.Must(w.SetLogin(w.Ctx, "mastodon", "social.example", []byte(`{"server":"https://social.example","token":"t0p"}`), nadia))
		id, file := store.NewID(), w.file()
		links := []string{"https://social.example/@dark/1", "https://social.example/@dark/2", "https://social.example/@ombre"}
		w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: file, Kind: "post", Ground: "harassment", Minor: true,
			Content: takedown.Content{Addresses: links, Host: "social.example", Account: "dark", Item: "1", Seen: "hier", Facts: "Des insultes."}}, claire))
		w.Must(w.Consented(w.Ctx, id, "", claire))
		n := w.is(id, takedown.Draft)
		if open, err := w.ByMachine(w.Ctx, n); err != nil || len(open) != 0 {
			w.T.Errorf("several addresses go by %v, %v", open, err)
		}
		if open, err := w.OneByOne(w.Ctx, n); err != nil || len(open) != 1 {
			w.T.Errorf("one by one they go by %v, %v", open, err)
		}
		parts := []takedown.Part{{ID: id, Address: links[0], Kind: "post", Account: "dark", Item: "1"}, {ID: store.NewID(), Address: links[1], Kind: "post", Account: "dark", Item: "2"},
			{ID: store.NewID(), Address: links[2], Kind: "profile", Account: "ombre"}}
		w.Refused(w.Split(w.Ctx, id, n.Rev, parts[:2], claire), "fault.takedown.changed")
		w.Refused(w.Split(w.Ctx, id, n.Rev-1, parts, claire), "fault.takedown.changed")
		w.Must(w.Split(w.Ctx, id, n.Rev, parts, claire))
		w.Refused(w.Split(w.Ctx, id, n.Rev, parts, claire), "fault.takedown.changed") // pressed twice
		all, err := w.Of(w.Ctx, file)
		w.Must(err)
		if len(all) != 3 {
			w.T.Fatalf("%d notices", len(all))
		}
		for i, p := range parts {
			n := w.is(p.ID, takedown.Draft)
			if c := n.Content; len(c.Addresses) != 1 || c.Addresses[0] != links[i] || c.Account != p.Account || c.Item != p.Item || n.Kind != p.Kind || n.Consent != "yes" || n.DraftedBy != claire.ID {
				w.T.Errorf("part %d is %+v", i, n)
			}
			for j, link := range links {
				if strings.Contains(n.Content.Statement, link) != (i == j) {
					w.T.Errorf("the statement of part %d: %s", i, n.Content.Statement)
				}
			}
			w.Must(w.ApproveNotice(w.Ctx, p.ID, 1, claire))
			if open, err := w.ByMachine(w.Ctx, w.is(p.ID, takedown.Ready)); err != nil || len(open) != 1 {
				w.T.Errorf("part %d goes by %v, %v", i, open, err)
			}
		}
	})
}
