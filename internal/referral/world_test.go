package referral_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/referral"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var (
	claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}
	nadia  = audit.Actor{Kind: audit.Staff, ID: "staff-nadia"}
)

// world is a helpline whose 119 has a key of its own, with a clock that goes when it is told to.
type world struct {
	*referral.Referrals
	t        *testing.T
	ctx      context.Context
	db       *store.DB
	files    *casefile.Files
	contacts *contact.Contacts
	partner  *age.X25519Identity
	at       time.Time
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{t: t, ctx: context.Background(), db: db, at: time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC)}
		now := func() time.Time { return w.at }
		custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
		w.must(err)
		keys, err := seal.Open(w.ctx, db, custodian, now)
		w.must(err)
		set, err := catalogue.Seeds()
		w.must(err)
		w.partner, err = age.GenerateX25519Identity()
		w.must(err)
		for i := range set.Partners.All {
			if set.Partners.All[i].Code == "119" {
				set.Partners.All[i].Key = w.partner.Recipient().String()
			}
		}
		b, err := bus.Open(w.ctx, bus.Options{})
		w.must(err)
		t.Cleanup(b.Close)
		log := audit.Open(db, keys.Derive("audit"), b.NodeID(), now)
		current := func() *catalogue.Set { return set }
		w.contacts, err = contact.New(contact.Options{DB: db, Keys: keys, Audit: log, Bus: b, Catalogue: current, Now: now, Log: slog.New(slog.DiscardHandler)})
		w.must(err)
		t.Cleanup(w.contacts.Stop)
		w.files = casefile.New(casefile.Options{DB: db, Keys: keys, Audit: log, Bus: b, Contacts: w.contacts, Catalogue: current, Now: now})
		say := func(_, key string, args ...any) string {
			for i := 1; i < len(args); i += 2 {
				key += " " + args[i].(string)
			}
			return key
		}
		w.Referrals = referral.New(referral.Options{DB: db, Keys: keys, Audit: log, Files: w.files, Catalogue: current, Say: say, Now: now})
		test(w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused wants a fault with this key.
func (w *world) refused(err error, key string) {
	w.t.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.t.Fatalf("%v; want %s", err, key)
	}
}

func (w *world) file() casefile.File {
	w.t.Helper()
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"})
	w.must(err)
	f, err := w.files.OpenFor(w.ctx, ct.ID, casefile.RoomChild, claire)
	w.must(err)
	return f
}

// paper is one that may be decided on: she agrees, and knows what is sent.
func paper() referral.Paper {
	return referral.Paper{Fields: map[string]string{"facts": "Elle a peur de rentrer."}, Consent: referral.ConsentYes, Told: "Le 119 saura ce qu'elle a dit ; sa mère aussi, plus tard.", Ground: "Danger à la maison."}
}

// draft is a new referral of a file to a partner.
func (w *world) draft(file casefile.File, partner string, p referral.Paper) referral.Referral {
	w.t.Helper()
	id := store.NewID()
	w.must(w.Referrals.Open(w.ctx, file.ID, id, partner, p, claire))
	return w.get(id)
}

func (w *world) get(id string) referral.Referral {
	w.t.Helper()
	f, err := w.Get(w.ctx, id)
	w.must(err)
	return f
}

// decided is one that is to be sent to the 119.
func (w *world) decided(file casefile.File) referral.Referral {
	w.t.Helper()
	d := w.draft(file, "119", paper())
	d, err := w.Decide(w.ctx, d.ID, d.Rev, claire)
	w.must(err)
	return d
}

// tasks are the open tasks of a file, in words.
func (w *world) tasks(fileID string) string {
	w.t.Helper()
	all, err := w.files.Tasks(w.ctx, fileID)
	w.must(err)
	var open []string
	for _, t := range all {
		if t.State == casefile.TaskOpen {
			key, _, _ := strings.Cut(t.Text, " ")
			open = append(open, key+" "+time.UnixMilli(t.DueAt).UTC().Format("02 15:04"))
		}
	}
	return strings.Join(open, ", ")
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	n, err := store.One(w.ctx, w.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, query, args...)
	w.must(err)
	return n
}
