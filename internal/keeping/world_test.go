package keeping_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/evidence"
	"vigie/internal/jobs"
	"vigie/internal/keeping"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var claire, karim, nadia = casetest.Claire, casetest.Karim, casetest.Nadia

const day = 24 * time.Hour

var start = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)

// world is a helpline that keeps contacts and case files with their evidence, by rules that a test may change.
type world struct {
	*casetest.World
	*keeping.Keeping
	jobs     *jobs.Jobs
	evidence *evidence.Evidence
	rules    catalogue.Keeping
	decided  bool
	blobs    string // the folder of sealed files
	// halt is called before a contact is erased by rule, and before, within and after the transaction that erases a file.
	halt func(place string)
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(open(t, t.TempDir(), db, start)) })
}

// open opens a record again where there was one: whoever does needs the same folder.
func open(t *testing.T, folder string, db *store.DB, at time.Time) *world {
	t.Helper()
	w := &world{World: casetest.In(t, folder, db, at), decided: true, blobs: filepath.Join(folder, "files"), halt: func(string) {}}
	w.rules = *w.Set.Keeping
	quiet := slog.New(slog.DiscardHandler)
	w.jobs = jobs.New(jobs.Options{DB: db, Bus: w.Bus, Now: w.Now, Poll: 50 * time.Millisecond})
	disk, err := blob.OpenDisk(w.blobs)
	w.Must(err)
	w.evidence = evidence.New(evidence.Options{DB: db, Keys: w.Keys, Audit: w.Log, Files: w.Files, Blobs: disk, Catalogue: w.Catalogue, Now: w.Now, Max: 1 << 20, Sniff: func([]byte) string { return "image/png" }})
	w.Keeping = keeping.New(keeping.Options{DB: db, Jobs: w.jobs, Contacts: w.Contacts, Files: w.Files, Now: w.Now, Log: quiet,
		Rules: func() *catalogue.Keeping { return &w.rules }, Decided: func() bool { return w.decided }})
	halting := func(within func(context.Context, *store.Tx) error) func(context.Context, *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error {
			err := within(ctx, tx)
			w.halt("within")
			return err
		}
	}
	w.Keep(
		keeping.Kind{Rule: catalogue.KeepContact, Things: casefile.KeptContacts, Erase: func(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
			w.halt("contact")
			return w.Contacts.EraseBy(ctx, id, by, "rule", within)
		}},
		keeping.Kind{Rule: catalogue.KeepCase, Things: casefile.KeptFiles, Erase: func(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
			w.halt("before")
			err := w.Files.EraseAll(ctx, id, by, "rule", halting(within))
			w.halt("after")
			return err
		}},
		keeping.Kind{Rule: catalogue.KeepSeen, Things: evidence.KeptLooks, Erase: w.evidence.EraseLook},
	)
	w.Hold(
		keeping.Hold{Rule: catalogue.KeepContact, Code: "hold", IDs: casefile.HeldContacts},
		keeping.Hold{Rule: catalogue.KeepContact, Code: "danger", IDs: contact.NetworkHeld},
		keeping.Hold{Rule: catalogue.KeepContact, Code: "open", IDs: contact.StillOpen},
		keeping.Hold{Rule: catalogue.KeepCase, Code: "hold", IDs: casefile.HeldFiles},
		keeping.Hold{Rule: catalogue.KeepCase, Code: "open", IDs: casefile.FilesOf(contact.StillOpen)},
		keeping.Hold{Rule: catalogue.KeepCase, Code: keeping.HeldWatch, IDs: `SELECT file_id FROM case_task WHERE state = 'open'`},
	)
	return w
}

// lasts gives a rule another duration.
func (w *world) lasts(rule string, days int) {
	w.T.Helper()
	w.rules.All = slices.Clone(w.rules.All)
	for i := range w.rules.All {
		if w.rules.All[i].Code == rule {
			w.rules.All[i].Days, w.rules.All[i].Unlimited = days, days == 0
			return
		}
	}
	w.T.Fatalf("there is no rule %q", rule)
}

// closed is a contact of a person ("" for somebody new) that has just ended.
func (w *world) closed(personID string) contact.Contact {
	w.T.Helper()
	ct := w.Child(personID)
	w.ends(ct.ID)
	return ct
}

// ends closes a contact, as its end and its form would.
func (w *world) ends(id string) {
	w.T.Helper()
	_, err := w.DB.Exec(w.Ctx, `UPDATE contact SET state = 'closed', state_since = $2, closed_at = $2 WHERE id = $1`, id, store.Millis(w.Now()))
	w.Must(err)
}

// file is the closed file of a contact, with somebody in it, a note and a picture as evidence.
func (w *world) file(contactID string) casefile.File {
	w.T.Helper()
	f, err := w.Files.OpenFor(w.Ctx, contactID, casefile.RoomChild, claire)
	w.Must(err)
	w.Must(w.Files.AddNote(w.Ctx, f.ID, store.NewID(), "Le compte dark.wolf menace de publier.", claire))
	w.Must(w.Files.SavePerson(w.Ctx, casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Handle: "lou.2012"}}, claire))
	w.Must(w.evidence.AddLink(w.Ctx, f.ID, store.NewID(), evidence.Content{Address: "https://instagram.com/p/abc"}, claire))
	w.Must(w.evidence.AddFile(w.Ctx, f.ID, store.NewID(), "", evidence.Content{Name: "capture.png"}, bytes.NewReader(make([]byte, 5000)), claire))
	w.Must(w.Files.Close(w.Ctx, f.ID, "solved", claire))
	return f
}

// round goes through the durations.
func (w *world) round() {
	w.T.Helper()
	more, err := w.Round(w.Ctx)
	w.Must(err)
	if more {
		w.T.Error("there was more than a round may do")
	}
}

// there says whether a contact is.
func (w *world) there(id string) bool {
	w.T.Helper()
	return w.Count(`SELECT count(*) FROM contact WHERE id = $1`, id) == 1
}

func (w *world) fileThere(id string) bool {
	w.T.Helper()
	return w.Count(`SELECT count(*) FROM case_file WHERE id = $1`, id) == 1
}

// done is how many of a rule were counted as erased.
func (w *world) done(rule string) int {
	w.T.Helper()
	return w.Count(`SELECT CAST(coalesce(sum(erased), 0) AS BIGINT) FROM keeping_done WHERE rule = $1`, rule)
}

// stored counts the sealed files on the disk.
func (w *world) stored() (n int) {
	w.T.Helper()
	w.Must(filepath.WalkDir(w.blobs, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	}))
	return n
}

// naming are the tables in which any column holds a value, but for those where ids may stay.
func (w *world) naming(value string) []string {
	w.T.Helper()
	query := `SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns WHERE table_schema IN ('public', 'keys') AND data_type = 'text'`
	if w.DB.Engine() == store.SQLite {
		query = `SELECT 'main.' || t.name, c.name FROM main.sqlite_master t, pragma_table_xinfo(t.name, 'main') c WHERE t.type = 'table' AND c.type = 'TEXT'
			UNION SELECT 'keys.' || t.name, c.name FROM keys.sqlite_master t, pragma_table_xinfo(t.name, 'keys') c WHERE t.type = 'table' AND c.type = 'TEXT'`
	}
	columns, err := store.All(w.Ctx, w.DB, func(r store.Row) (c [2]string, err error) { return c, r.Scan(&c[0], &c[1]) }, query)
	w.Must(err)
	if len(columns) < 100 {
		w.T.Fatalf("only %d columns are looked through", len(columns))
	}
	found := map[string]bool{}
	for _, c := range columns {
		if table := c[0][strings.IndexByte(c[0], '.')+1:]; table != "audit" && w.Count(`SELECT count(*) FROM `+c[0]+` WHERE `+c[1]+` LIKE $1`, "%"+value+"%") > 0 {
			found[table] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// works has the jobs of the record worked until the test ends.
func (w *world) works() {
	ctx, stop := context.WithCancel(w.Ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); w.jobs.Run(ctx) }()
	w.T.Cleanup(func() { stop(); <-ended })
}

// until tries again for a while: what is looked for is brought by a job.
func (w *world) until(what string, ok func() bool) {
	w.T.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatalf("waited in vain: %s", what)
		}
	}
}
