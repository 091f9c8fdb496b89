package datarequest_test

import (
	"context"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/jobs"
	"vigie/internal/referral"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/takedown"
	"vigie/internal/web/i18n"
)

var (
	claire, nadia = casetest.Claire, casetest.Nadia
	maelle        = audit.Actor{Kind: audit.Staff, ID: "staff-maelle"}
)

// world is a helpline with its officer's desk.
type world struct {
	*casetest.World
	*datarequest.Requests
	chats *chat.Chats
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(newWorld(t, db)) })
}

// newWorld stands on a Monday in November.
func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
	w.open(nil)
	return w
}

// open opens the rooms that a copy is made from.
func (w *world) open(erase func(ctx context.Context, personID string, by audit.Actor) error) {
	w.T.Helper()
	disk, err := blob.OpenDisk(w.T.TempDir())
	w.Must(err)
	w.chats, err = chat.New(chat.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Blobs: disk, Catalogue: w.Catalogue, Now: w.Now})
	w.Must(err)
	w.T.Cleanup(w.chats.Close)
	work := jobs.New(jobs.Options{DB: w.DB, Bus: w.Bus, Now: w.Now})
	say := func(lang, key string, args ...any) string { return i18n.For(lang).ToAdults().T(key, args...) }
	w.Requests = datarequest.New(datarequest.Options{
		DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Jobs: work, Contacts: w.Contacts, Chats: w.chats, Files: w.Files,
		Referrals: referral.New(referral.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Files: w.Files, Catalogue: w.Catalogue, Say: say, Now: w.Now}),
		Takedown:  takedown.New(takedown.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Files: w.Files, Jobs: work, Catalogue: w.Catalogue, Now: w.Now}),
		Catalogue: w.Catalogue, Alias: func(context.Context, string) string { return "Claire" }, House: "Vigie", Erase: erase, Now: w.Now, Card: func(string, string) string { return "" },
		Words: func(lang string, adult bool) datarequest.Words {
			if adult {
				return i18n.For(lang).ToAdults()
			}
			return i18n.For(lang)
		},
	})
}

// booked is a request that came today.
func (w *world) booked(who, kind string) datarequest.Request {
	w.T.Helper()
	r, err := w.Book(w.Ctx, datarequest.Booking{ID: store.NewID(), Kind: kind, Who: who, Way: "letter", Lang: "fr", ReceivedOn: w.Now().Format(time.DateOnly),
		Content: datarequest.Content{Name: "Madame Durand", Address: "3 rue des Lilas, Rennes", Words: "Dites-moi ce que ma fille Inès vous a raconté."}}, claire)
	w.Must(err)
	return r
}

func (w *world) again(r datarequest.Request) datarequest.Request {
	w.T.Helper()
	r, err := w.Requests.Get(w.Ctx, r.ID)
	w.Must(err)
	return r
}

// talks is a person who talks with Claire: her contact, and her four words.
func (w *world) talks(room casefile.Room, says string) (contact.Contact, string) {
	w.T.Helper()
	ct := w.Child("")
	w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
		_, err := w.Contacts.Move(w.Ctx, tx, ct.ID, contact.Take, claire, contact.Change{})
		return err
	}))
	for _, m := range []chat.Sending{{From: chat.Visitor, AuthorID: ct.PersonID, Body: says}, {From: chat.Staff, AuthorID: claire.ID, Body: "Je te crois."}} {
		m.ID, m.ContactID = store.NewID(), ct.ID
		_, err := w.chats.Send(w.Ctx, m)
		w.Must(err)
	}
	code, err := w.Contacts.ResumeCode(w.Ctx, ct.ID)
	w.Must(err)
	return ct, code[0] + " " + code[1] + " " + code[2] + " " + code[3]
}

// sent writes a letter of a kind and sends it.
func (w *world) sent(r datarequest.Request, kind, ground string) datarequest.Letter {
	w.T.Helper()
	id := store.NewID()
	w.Must(w.WriteLetter(w.Ctx, r.ID, w.again(r).Rev, id, kind, "fr", ground, maelle))
	l, err := w.Letter(w.Ctx, r.ID, id)
	w.Must(err)
	w.Must(w.LetterSent(w.Ctx, r.ID, id, l.Rev, w.Now().Format(time.DateOnly), maelle))
	return l
}
