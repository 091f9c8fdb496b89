package datarequest_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/datarequest"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// Noted twice it is one request; what was written and who wrote it are sealed; what cannot be one has its sentence.
func TestARequestIsNoted(t *testing.T) {
	onEach(t, func(w *world) {
		b := datarequest.Booking{ID: store.NewID(), Kind: datarequest.Access, Who: "parent", Way: "letter", Lang: "fr", ReceivedOn: "2026-11-20", Content: datarequest.Content{Name: "Madame Durand", Words: "Ma fille Inès."}}
		first, err := w.Book(w.Ctx, b, claire)
		w.Must(err)
		second, err := w.Book(w.Ctx, b, claire)
		w.Must(err)
		if first.Reference != second.Reference || first.State != datarequest.Received || first.DueOn != "2026-12-21" || second.Content.Words != "Ma fille Inès." {
			w.T.Errorf("%+v, %+v", first, second)
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'data_request'`); n != 1 {
			w.T.Errorf("%d keys", n)
		}
		sealed, err := store.One(w.Ctx, w.DB, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT content_sealed FROM data_request`)
		w.Must(err)
		if bytes.Contains(sealed, []byte("Durand")) {
			w.T.Error("a name lies in clear")
		}
		for key, change := range map[string]func(*datarequest.Booking){
			"fault.request.kind":     func(b *datarequest.Booking) { b.Kind = "gossip" },
			"fault.request.who":      func(b *datarequest.Booking) { b.Who = "ghost" },
			"fault.request.way":      func(b *datarequest.Booking) { b.Way = "dream" },
			"fault.request.lang":     func(b *datarequest.Booking) { b.Lang = "de" },
			"fault.request.received": func(b *datarequest.Booking) { b.ReceivedOn = "2026-11-24" },
			"fault.request.empty":    func(b *datarequest.Booking) { b.Content.Words = " \n" },
			"fault.request.long":     func(b *datarequest.Booking) { b.Content.Words = strings.Repeat("é", 8001) },
			"fault.request.id":       func(b *datarequest.Booking) { b.ID = "1" },
		} {
			bad := b
			bad.ID = store.NewID()
			change(&bad)
			_, err := w.Book(w.Ctx, bad, claire)
			w.Refused(err, key)
		}
		if n := w.Count(`SELECT count(*) FROM data_request`); n != 1 {
			w.T.Errorf("%d requests are kept", n)
		}
	})
}

// A month ends on the day of the same number, or on the last day of a shorter month, and never on a Saturday, a Sunday or a public
// holiday (Regulation 1182/71, Art. 3); the first is the example of the EDPB (Guidelines 01/2022, section 5.3).
func TestADayInAMonth(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	for received, due := range map[string]string{
		"2026-03-05": "2026-04-07", // 5 April 2026 is Easter Sunday, 6 April Easter Monday
		"2025-12-01": "2026-01-02", // 1 January
		"2026-01-31": "2026-03-02", // 28 February is a Saturday
		"2026-08-31": "2026-09-30",
		"2026-10-11": "2026-11-12", // 11 November
		"2026-11-13": "2026-12-14", // a Sunday
	} {
		r, err := w.Book(w.Ctx, datarequest.Booking{ID: store.NewID(), Kind: datarequest.Access, Who: datarequest.Young, Way: "email", Lang: "fr", ReceivedOn: received, Content: datarequest.Content{Words: "ma copie"}}, claire)
		w.Must(err)
		if r.DueOn != due {
			t.Errorf("received on %s, due on %s, want %s", received, r.DueOn, due)
		}
	}
}

// Every state and event: the table of moves and nothing else; and of two people at once one is told that she was too late.
func TestEveryMove(t *testing.T) {
	onEach(t, func(w *world) {
		allowed := map[datarequest.State][]datarequest.Event{
			datarequest.Received:  {datarequest.Ask, datarequest.Begin, datarequest.Refuse},
			datarequest.Identity:  {datarequest.Prove, datarequest.Refuse},
			datarequest.Answering: {datarequest.Ask, datarequest.Answer, datarequest.Refuse},
			datarequest.Answered:  {datarequest.Close, datarequest.Reopen},
			datarequest.Refused:   {datarequest.Close, datarequest.Reopen},
			datarequest.Closed:    {datarequest.Reopen},
		}
		ways := map[datarequest.State][]datarequest.Event{
			datarequest.Received: {}, datarequest.Identity: {datarequest.Ask}, datarequest.Answering: {datarequest.Begin}, datarequest.Answered: {datarequest.Begin, datarequest.Answer},
			datarequest.Refused: {datarequest.Refuse}, datarequest.Closed: {datarequest.Refuse, datarequest.Close},
		}
		do := func(r datarequest.Request, ev datarequest.Event) error {
			if ev == datarequest.Refuse {
				return w.Refuse(w.Ctx, r.ID, w.again(r).Rev, "others", maelle)
			}
			return w.Move(w.Ctx, r.ID, w.again(r).Rev, ev, maelle)
		}
		for state, way := range ways {
			for _, ev := range []datarequest.Event{datarequest.Ask, datarequest.Prove, datarequest.Begin, datarequest.Answer, datarequest.Refuse, datarequest.Close, datarequest.Reopen} {
				r := w.booked(datarequest.Young, datarequest.Objection)
				w.sent(r, "other", "")
				w.sent(r, "refusal", "others")
				for _, step := range way {
					w.Must(do(r, step))
				}
				err := do(r, ev)
				if may := slices.Contains(allowed[state], ev); may && err != nil || !may && (!fault.Is(err, fault.Conflict) || w.again(r).State != state) {
					w.T.Errorf("%s, %s: %v, now %s", state, ev, err, w.again(r).State)
				}
			}
		}
		r := w.booked(datarequest.Young, datarequest.Objection)
		errs := make([]error, 2)
		var both sync.WaitGroup
		for i := range errs {
			both.Go(func() { errs[i] = w.Move(w.Ctx, r.ID, r.Rev, datarequest.Begin, maelle) })
		}
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			w.T.Errorf("both at once: %v, %v", errs[0], errs[1])
		}
	})
}

// No request is over before she was told: what was done, or why not and to whom she can turn.
func TestSheIsToldFirst(t *testing.T) {
	onEach(t, func(w *world) {
		r := w.booked(datarequest.Young, datarequest.Rectification)
		w.Refused(w.Refuse(w.Ctx, r.ID, r.Rev, "", maelle), "fault.request.ground")
		w.Refused(w.Refuse(w.Ctx, r.ID, r.Rev, "duty", maelle), "fault.request.no_letter")
		w.Must(w.Move(w.Ctx, r.ID, r.Rev, datarequest.Begin, maelle))
		w.Refused(w.Move(w.Ctx, r.ID, w.again(r).Rev, datarequest.Answer, maelle), "fault.request.no_letter")
		l := w.sent(r, "refusal", "duty")
		for _, words := range []string{"17.3 b", "CNIL", "juge", "Tu nous as écrit"} {
			if !strings.Contains(l.Text, words) {
				w.T.Errorf("the letter does not say %q:\n%s", words, l.Text)
			}
		}
		w.Refused(w.SaveLetter(w.Ctx, r.ID, l.ID, l.Rev+1, "autre chose", maelle), "fault.request.letter_sent")
		w.Refused(w.LetterSent(w.Ctx, r.ID, l.ID, l.Rev+1, "2026-11-23", maelle), "fault.request.letter_sent")
		w.Refused(w.Move(w.Ctx, r.ID, w.again(r).Rev, datarequest.Answer, maelle), "fault.request.no_letter") // a refusal is no answer
		w.Must(w.Refuse(w.Ctx, r.ID, w.again(r).Rev, "duty", maelle))
		pdf, err := w.LetterPDF(w.again(r), l)
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
			w.T.Errorf("on paper: %v", err)
		}
	})
}

// The letter of two tabs: what one saved is not overwritten by what the other saw.
func TestALetterIsWritten(t *testing.T) {
	onEach(t, func(w *world) {
		r := w.booked("parent", datarequest.Access)
		id := store.NewID()
		w.Must(w.WriteLetter(w.Ctx, r.ID, r.Rev, id, "neither", "en", "", maelle))
		w.Must(w.SaveLetter(w.Ctx, r.ID, id, 1, "We tell nobody.", maelle))
		w.Refused(w.SaveLetter(w.Ctx, r.ID, id, 1, "Something else.", nadia), "fault.request.changed")
		w.Refused(w.SaveLetter(w.Ctx, r.ID, id, 2, " ", maelle), "fault.request.empty")
		w.Refused(w.LetterSent(w.Ctx, r.ID, id, 2, "2026-11-24", maelle), "fault.request.sent_on")
		w.Refused(w.LetterSent(w.Ctx, r.ID, id, 2, "2026-11-22", maelle), "fault.request.sent_on")
		if l, err := w.Letter(w.Ctx, r.ID, id); err != nil || l.Text != "We tell nobody." || l.SentOn != "" {
			w.T.Errorf("%+v, %v", l, err)
		}
	})
}

// Asked who she is within a week of her request, the time stands still until she says so; asked later, it does not.
func TestTheTimeStandsStill(t *testing.T) {
	onEach(t, func(w *world) {
		soon, late := w.booked(datarequest.Young, datarequest.Access), w.booked(datarequest.Young, datarequest.Access)
		w.Forward(2 * 24 * time.Hour)
		w.Must(w.Move(w.Ctx, soon.ID, soon.Rev, datarequest.Ask, maelle))
		w.Forward(10 * 24 * time.Hour)
		w.Must(w.Move(w.Ctx, late.ID, late.Rev, datarequest.Ask, maelle))
		w.Forward(30 * 24 * time.Hour) // past the month
		if s, l := w.again(soon), w.again(late); !s.Paused() || w.Overdue(s) || l.Paused() || !w.Overdue(l) {
			w.T.Errorf("paused %v, overdue %v; asked late: %v, %v", s.Paused(), w.Overdue(s), l.Paused(), w.Overdue(l))
		}
		w.Must(w.Move(w.Ctx, soon.ID, w.again(soon).Rev, datarequest.Prove, maelle))
		w.Must(w.Move(w.Ctx, late.ID, w.again(late).Rev, datarequest.Prove, maelle))
		if s, l := w.again(soon), w.again(late); s.Waited != 40 || s.DueOn != "2027-02-01" || l.Waited != 0 || l.DueOn != late.DueOn {
			w.T.Errorf("due on %s after %d days, and on %s after %d", s.DueOn, s.Waited, l.DueOn, l.Waited)
		}
	})
}

// Two further months, once, for a reason that is in a letter of its own, within the first month.
func TestTwoFurtherMonths(t *testing.T) {
	onEach(t, func(w *world) {
		r := w.booked(datarequest.Young, datarequest.Access)
		w.Refused(w.Extend(w.Ctx, r.ID, r.Rev, "vite", maelle), "fault.request.why")
		w.Must(w.Extend(w.Ctx, r.ID, r.Rev, "Douze dossiers sont arrivés le même jour.", maelle))
		got := w.again(r)
		if got.DueOn != "2027-02-23" || got.Content.Extension == "" {
			w.T.Errorf("due on %s", got.DueOn)
		}
		letters, err := w.Letters(w.Ctx, r.ID)
		w.Must(err)
		if len(letters) != 1 || letters[0].Kind != "extension" || !strings.Contains(letters[0].Text, "Douze dossiers") || !strings.Contains(letters[0].Text, "février 2027") {
			w.T.Errorf("%+v", letters)
		}
		w.Refused(w.Extend(w.Ctx, r.ID, got.Rev, "Encore un peu de temps.", maelle), "fault.request.extended")
		late := w.booked(datarequest.Young, datarequest.Access)
		w.Forward(40 * 24 * time.Hour)
		w.Refused(w.Extend(w.Ctx, late.ID, late.Rev, "Douze dossiers sont arrivés.", maelle), "fault.request.late")
	})
}

// What is due within the week, and what is overdue, says so once each, on whatever node, and stands on top of the list.
func TestWhatIsDueRemindsOfItself(t *testing.T) {
	onEach(t, func(w *world) {
		r := w.booked(datarequest.Young, datarequest.Access)
		w.Forward(20 * 24 * time.Hour)
		newer := w.booked("parent", datarequest.Access)
		done := w.booked("parent", datarequest.Access)
		w.sent(done, "neither", "")
		w.Must(w.Refuse(w.Ctx, done.ID, w.again(done).Rev, "neither", maelle))
		w.Must(w.Tend(w.Ctx))
		w.Forward(5 * 24 * time.Hour)
		for range 2 {
			w.Must(w.Tend(w.Ctx))
		}
		w.Forward(7 * 24 * time.Hour)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := w.Tend(w.Ctx); err != nil {
					w.T.Error(err)
				}
			})
		}
		both.Wait()
		for what, want := range map[string]int{"request.due_soon": 1, "request.overdue": 1} {
			if n := w.Count(`SELECT count(*) FROM audit WHERE act = $1 AND object_id = $2`, what, r.ID); n != want {
				w.T.Errorf("%s %d times, want %d", what, n, want)
			}
		}
		all, err := w.List(w.Ctx)
		w.Must(err)
		if len(all) != 3 || all[0].ID != r.ID || all[1].ID != newer.ID || all[2].ID != done.ID || !w.Overdue(all[0]) || w.Overdue(all[1]) {
			w.T.Errorf("the list is %+v", all)
		}
	})
}

// unzipped are the files of a copy.
func unzipped(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A child has her copy: by her four words, and in a conversation whose counsellor opened it to her. Her mother's words, notes of the staff
// and an author are not in it; the copy goes when its time is over, with its key.
func TestAChildHasHerCopy(t *testing.T) {
	onEach(t, func(w *world) {
		ct, words := w.talks(casefile.RoomChild, "Il menace de montrer ma photo.")
		mother, hers := w.talks(casefile.RoomParent, "Ma fille ne dort plus.")
		file, err := w.Files.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
		w.Must(err)
		w.Must(w.Files.AddContact(w.Ctx, file.ID, mother.ID, casefile.RoomParent, claire))
		w.Must(w.Files.AddNote(w.Ctx, file.ID, store.NewID(), "Sa sœur sait.", claire))
		w.Must(w.Files.SavePerson(w.Ctx, casefile.Person{ID: store.NewID(), FileID: file.ID, Part: casefile.Author, Content: casefile.PersonContent{Handle: "@dark.wolf"}}, claire))
		r := w.booked(datarequest.Young, datarequest.Access)
		w.Refused(w.MakeCopy(w.Ctx, r.ID, r.Rev, maelle), "fault.request.move")
		w.Refused(w.Identify(w.Ctx, r.ID, r.Rev, "un deux trois", "here", maelle), "fault.contact.resume_four")
		w.Must(w.Identify(w.Ctx, r.ID, r.Rev, words, "here", maelle))
		got := w.again(r)
		if got.PersonID != ct.PersonID || got.State != datarequest.Answering {
			w.T.Fatalf("%+v", got)
		}
		w.Must(w.MakeCopy(w.Ctx, r.ID, got.Rev, maelle))
		_, err = w.Fetch(w.Ctx, ct.ID, words, "there")
		w.Refused(err, "fault.request.no_copy") // nobody opened it yet
		w.Refused(w.OpenCopy(w.Ctx, mother.ID, claire, false), "fault.request.no_copy")
		w.Refused(w.OpenCopy(w.Ctx, ct.ID, nadia, false), "fault.contact.not_yours")
		w.Must(w.OpenCopy(w.Ctx, ct.ID, claire, false))
		_, err = w.Fetch(w.Ctx, ct.ID, hers, "there")
		w.Refused(err, "fault.request.other_words")
		packed, err := w.Fetch(w.Ctx, ct.ID, words, "there")
		w.Must(err)
		files := unzipped(w.T, packed)
		var said struct {
			Contacts []struct {
				Messages []struct{ From, Text string }
			}
		}
		w.Must(json.Unmarshal(files["copie.json"], &said))
		if len(said.Contacts) != 1 || len(said.Contacts[0].Messages) < 2 || said.Contacts[0].Messages[0].Text != "Il menace de montrer ma photo." || said.Contacts[0].Messages[0].From != "Toi" {
			w.T.Errorf("%s", files["copie.json"])
		}
		for _, word := range []string{"Ma fille", "sœur sait", "dark.wolf"} {
			if bytes.Contains(files["copie.json"], []byte(word)) {
				w.T.Errorf("%q is in her copy", word)
			}
		}
		if !bytes.HasPrefix(files["copie.pdf"], []byte("%PDF")) {
			w.T.Error("there is no PDF")
		}
		printed, err := w.PrintCopy(w.Ctx, r.ID, nadia)
		if err != nil || !bytes.Equal(printed, files["copie.pdf"]) {
			w.T.Errorf("on paper: %v", err)
		}
		sealed, err := store.One(w.Ctx, w.DB, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT copy_sealed FROM data_request_copy`)
		w.Must(err)
		if bytes.Contains(sealed, []byte("copie.json")) {
			w.T.Error("the copy lies in clear")
		}
		for _, act := range []string{"request.words", "request.copy", "request.copy_shown", "request.copy_fetched", "request.copy_printed"} {
			if n := w.Count(`SELECT count(*) FROM audit WHERE act = $1 AND object_id = $2`, act, r.ID); n != 1 {
				w.T.Errorf("%s is in the log %d times", act, n)
			}
		}
		w.Must(w.MakeCopy(w.Ctx, r.ID, w.again(r).Rev, maelle)) // made again, it has to be opened again
		_, err = w.Fetch(w.Ctx, ct.ID, words, "there")
		w.Refused(err, "fault.request.no_copy")
		w.Forward(31 * 24 * time.Hour)
		w.Must(w.Tend(w.Ctx))
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'data_copy'`) + w.Count(`SELECT count(*) FROM data_request_copy`); n != 0 {
			w.T.Errorf("%d keys and copies are left", n)
		}
	})
}

// What is erased does not live on in a copy.
func TestAnErasedContactTakesTheCopyWithIt(t *testing.T) {
	onEach(t, func(w *world) {
		ct, words := w.talks(casefile.RoomChild, "Il menace.")
		r := w.booked(datarequest.Young, datarequest.Access)
		w.Must(w.Identify(w.Ctx, r.ID, r.Rev, words, "here", maelle))
		w.Must(w.MakeCopy(w.Ctx, r.ID, w.again(r).Rev, maelle))
		w.Must(w.Contacts.Erase(w.Ctx, ct.ID, nadia, "request"))
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'data_copy'`) + w.Count(`SELECT count(*) FROM data_request_copy`); n != 0 {
			w.T.Errorf("%d keys and copies are left", n)
		}
		w.Refused(w.MakeCopy(w.Ctx, r.ID, w.again(r).Rev, maelle), "fault.request.nothing")
	})
}

// An erasure needs her four words, and is begun once: by the person's own rule where there is one, else booked for a supervisor.
func TestAnErasureIsBegun(t *testing.T) {
	onEach(t, func(w *world) {
		ct, words := w.talks(casefile.RoomChild, "Il menace.")
		r := w.booked(datarequest.Young, datarequest.Erasure)
		w.Must(w.Move(w.Ctx, r.ID, r.Rev, datarequest.Begin, maelle))
		w.Refused(w.EraseHers(w.Ctx, r.ID, w.again(r).Rev, maelle), "fault.request.words_first")
		w.Must(w.Identify(w.Ctx, r.ID, w.again(r).Rev, words, "here", maelle))
		w.Must(w.EraseHers(w.Ctx, r.ID, w.again(r).Rev, maelle))
		w.Must(w.EraseHers(w.Ctx, r.ID, w.again(r).Rev, maelle))
		if _, asked, err := w.Contacts.Forgetting(w.Ctx, ct.ID); err != nil || !asked || w.again(r).ErasedAt == 0 {
			w.T.Errorf("booked: %v, %v", asked, err)
		}

		var begun []string
		w.open(func(_ context.Context, personID string, by audit.Actor) error {
			begun = append(begun, personID)
			return nil
		})
		other := w.booked(datarequest.Young, datarequest.Erasure)
		w.Must(w.Identify(w.Ctx, other.ID, other.Rev, words, "here", maelle))
		w.Must(w.EraseHers(w.Ctx, other.ID, w.again(other).Rev, maelle))
		if !slices.Equal(begun, []string{ct.PersonID}) || !w.ErasesByItself() {
			w.T.Errorf("begun for %v", begun)
		}
	})
}

// A request that was answered goes by its rule, with its letters, its copy and their keys; one that waits for its answer stays.
func TestAnAnsweredRequestGoes(t *testing.T) {
	onEach(t, func(w *world) {
		_, words := w.talks(casefile.RoomChild, "Il menace.")
		open := w.booked("parent", datarequest.Access)
		r := w.booked(datarequest.Young, datarequest.Access)
		w.Must(w.Identify(w.Ctx, r.ID, r.Rev, words, "here", maelle))
		w.Must(w.MakeCopy(w.Ctx, r.ID, w.again(r).Rev, maelle))
		w.sent(w.again(r), datarequest.Access, "")
		w.Must(w.Move(w.Ctx, r.ID, w.again(r).Rev, datarequest.Answer, maelle))
		standing := func() (ids []string) {
			all, err := store.All(w.Ctx, w.DB, func(row store.Row) (id string, err error) {
				var since int64
				var name string
				return id, row.Scan(&id, &since, &name)
			}, datarequest.KeptRequests)
			w.Must(err)
			return all
		}
		if got := standing(); !slices.Equal(got, []string{r.ID}) {
			w.T.Fatalf("what may go is %v", got)
		}
		none := func(context.Context, *store.Tx) error { return nil }
		w.Refused(w.EraseRequest(w.Ctx, open.ID, maelle, none), "fault.request.changed")
		w.Must(w.EraseRequest(w.Ctx, r.ID, maelle, none))
		w.Must(w.EraseRequest(w.Ctx, r.ID, maelle, none)) // again
		for _, table := range []string{"data_request_letter", "data_request_copy"} {
			if n := w.Count(`SELECT count(*) FROM ` + table); n != 0 {
				w.T.Errorf("%d rows are left in %s", n, table)
			}
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind IN ('data_request', 'data_copy')`); n != 1 {
			w.T.Errorf("%d keys are left; the other request has one", n)
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act = 'request.erase'`); n != 1 {
			w.T.Errorf("it is %d times in the log", n)
		}
		w.again(open)
	})
}

// A parent reads the same letter whether the child contacted us or not: nothing of the record is in it.
func TestAParentReadsTheSameLetter(t *testing.T) {
	onEach(t, func(w *world) {
		letter := func(who string) string {
			r := w.booked(who, datarequest.Access)
			text := strings.ReplaceAll(w.sent(r, "neither", "").Text, r.Reference, "")
			return text
		}
		before := letter("parent")
		ct, _ := w.talks(casefile.RoomChild, "Je m'appelle Inès Durand.")
		_, err := w.Files.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
		w.Must(err)
		if after := letter("parent"); after != before {
			w.T.Errorf("it changed:\n%s\n%s", before, after)
		}
		for _, words := range []string{"ne confirme rien et ne dément rien", "considérant 38", "article 15.4", "CNIL", "juge"} {
			if !strings.Contains(before, words) {
				w.T.Errorf("the letter does not say %q:\n%s", words, before)
			}
		}
		if strings.Contains(before, "Inès") || strings.Contains(before, "{") {
			w.T.Errorf("the letter says:\n%s", before)
		}
		if police := letter("authority"); !strings.Contains(police, "77-1-1") || !strings.Contains(police, "ne confirme rien") {
			w.T.Errorf("the letter says:\n%s", police)
		}
	})
}
