package referral_test

import (
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/referral"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var claire, nadia = casetest.Claire, casetest.Nadia

// world is a helpline whose 119 has a key of its own.
type world struct {
	*casetest.World
	*referral.Referrals
	partner *age.X25519Identity
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC))}
		var err error
		w.partner, err = age.GenerateX25519Identity()
		w.Must(err)
		for i := range w.Set.Partners.All {
			if w.Set.Partners.All[i].Code == "119" {
				w.Set.Partners.All[i].Key = w.partner.Recipient().String()
			}
		}
		say := func(_, key string, args ...any) string {
			for i := 1; i < len(args); i += 2 {
				key += " " + args[i].(string)
			}
			return key
		}
		w.Referrals = referral.New(referral.Options{DB: db, Keys: w.Keys, Audit: w.Log, Files: w.Files, Catalogue: w.Catalogue, Say: say, Now: w.Now})
		test(w)
	})
}

// paper is one that may be decided on: she agrees, and knows what is sent.
func paper() referral.Paper {
	return referral.Paper{Fields: map[string]string{"facts": "Elle a peur de rentrer."}, Consent: referral.ConsentYes, Told: "Le 119 saura ce qu'elle a dit ; sa mère aussi, plus tard.", Ground: "Danger à la maison."}
}

// draft is a new referral of a file to a partner.
func (w *world) draft(file casefile.File, partner string, p referral.Paper) referral.Referral {
	w.T.Helper()
	id := store.NewID()
	w.Must(w.Referrals.Open(w.Ctx, file.ID, id, partner, p, claire))
	return w.get(id)
}

func (w *world) get(id string) referral.Referral {
	w.T.Helper()
	f, err := w.Get(w.Ctx, id)
	w.Must(err)
	return f
}

// decided is one that is to be sent to the 119.
func (w *world) decided(file casefile.File) referral.Referral {
	w.T.Helper()
	d := w.draft(file, "119", paper())
	d, err := w.Decide(w.Ctx, d.ID, d.Rev, claire)
	w.Must(err)
	return d
}

// tasks are the open tasks of a file, in words.
func (w *world) tasks(fileID string) string {
	w.T.Helper()
	all, err := w.Files.Tasks(w.Ctx, fileID)
	w.Must(err)
	var open []string
	for _, t := range all {
		if t.State == casefile.TaskOpen {
			key, _, _ := strings.Cut(t.Text, " ")
			open = append(open, key+" "+time.UnixMilli(t.DueAt).UTC().Format("02 15:04"))
		}
	}
	return strings.Join(open, ", ")
}
