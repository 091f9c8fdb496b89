package referral_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/jobs"
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
	work    *jobs.Jobs
	// posts is what our mail server does with a letter; it counts and keeps them.
	posts func(l referral.Letter) error
	mu    sync.Mutex
	sent  []referral.Letter
}

func (w *world) post(_ context.Context, l referral.Letter) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, l)
	if w.posts == nil {
		return nil
	}
	return w.posts(l)
}

// letters are those that our mail server was given so far.
func (w *world) letters() []referral.Letter {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC))}
		var err error
		w.partner, err = age.GenerateX25519Identity()
		w.Must(err)
		for i := range w.Set.Partners.All {
			if p := &w.Set.Partners.All[i]; p.Code == "119" {
				p.Key, p.Mailbox = w.partner.Recipient().String(), "cellule@119.example"
				p.Channels = append(slices.Clone(p.Channels), catalogue.ChannelMail)
			}
		}
		w.work = jobs.New(jobs.Options{DB: db, Now: w.Now, Poll: 20 * time.Millisecond})
		say := func(_, key string, args ...any) string {
			for i := 1; i < len(args); i += 2 {
				key += " " + args[i].(string)
			}
			return key
		}
		w.Referrals = referral.New(referral.Options{DB: db, Keys: w.Keys, Audit: w.Log, Files: w.Files, Catalogue: w.Catalogue, Say: say, Post: w.post, Jobs: w.work, Helpline: "Ligne", Now: w.Now})
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
