package chat_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/picture/picturetest"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func TestErasingAContactLeavesOneRowOfTheAudit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, other := w.talking(claire), w.talking(claire)
		w.says(ct, "je veux mourir")
		w.received(ct, picturetest.PNG(t, picturetest.Chessboard(80, 80)))
		w.says(other, "bonjour")
		w.received(other, picturetest.PNG(t, picturetest.Chessboard(80, 80)))
		token, err := w.contacts.NewSession(w.ctx, ct.ID)
		w.must(err)
		_, err = w.contacts.ResumeCode(w.ctx, ct.ID)
		w.must(err)
		_, err = w.contacts.SaveNote(w.ctx, contact.Note{ID: store.NewID(), ContactID: ct.ID, AuthorID: claire.ID, Text: "une note"})
		w.must(err)
		var l listener
		defer w.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()

		w.must(w.contacts.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"))

		for _, table := range []string{"message", "message_mark", "attachment", "contact_answer", "contact_fact", "contact_note", "contact_network",
			"contact_callback", "contact_satisfaction", "contact_protocol", "visitor_session"} {
			if n := w.count(`SELECT count(*) FROM `+table+` WHERE contact_id = $1`, ct.ID); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
		for kind, left := range map[string]int{"contact": 1, "network": 1, "attachment": 1} { // the other contact's
			if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = $1`, kind); n != left {
				t.Errorf("%d keys of kind %s are left; the other contact has %d", n, kind, left)
			}
		}
		if n := w.count(`SELECT count(*) FROM resume_code`); n != 0 {
			t.Error("her code is left")
		}
		if n := len(w.files()); n != 1 {
			t.Errorf("%d files on the disk; the other contact has one", n)
		}
		if !w.did(ct.ID, "contact.erase") {
			t.Error("the audit does not know that it was erased")
		}
		_, err = w.contacts.Session(w.ctx, token)
		w.refused(err, "fault.contact.session")
		_, err = w.Messages(w.ctx, ct.ID, 0, 10)
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone) {
			t.Errorf("reading it: %v", err)
		}
		eventually(t, "whoever had it open is told", func() bool { _, told := l.heard(chat.EventResync); return told })
		w.refused(w.contacts.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"), "fault.contact.unknown")

		// The other contact is whole.
		if all := w.words(other.ID); len(all) != 3 || all[0].Body != "bonjour" {
			t.Errorf("the other contact: %+v", all)
		}
	})
}

// An erasure that a crash cut short is run again from the beginning.
func TestAnErasureCutShortIsRunAgain(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.received(ct, picturetest.PNG(t, picturetest.Chessboard(80, 80)))
	for _, path := range w.files() { // as far as it came
		w.must(os.Remove(path))
	}
	w.must(w.contacts.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"))
	if n := w.count(`SELECT count(*) FROM contact`); n != 0 {
		t.Error("it is still there")
	}
}

// canaries are words that must be nowhere but under seal.
var canaries = map[string]string{
	"a message":         "canari-mot-du-message",
	"a note":            "canari-mot-de-la-note",
	"a proof's label":   "canari-libelle",
	"a file's name":     "canari-nom-de-fichier",
	"a file's content":  "canari-dans-le-fichier",
	"an answer":         "canari-reponse-libre",
	"a wish":            "canari-rappelez-moi",
	"a satisfaction":    "canari-avis",
	"a phrase of alarm": "canari veux mourir",
}

func TestNoWordIsAnywhereInClear(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var wire syncBuffer
		stop, err := w.bus.Subscribe(">", func(subject string, payload []byte) {
			wire.Write([]byte(subject + " "))
			wire.Write(payload)
			wire.Write([]byte("\n"))
		})
		w.must(err)
		defer stop()

		// Everything that a person or a counsellor can write.
		address := netip.MustParseAddrPort("198.51.100.201:40404")
		ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Network: address})
		w.must(err)
		ct = w.moved(ct.ID, contact.Take, claire, contact.Change{})
		w.says(ct, canaries["a message"])
		w.says(ct, "je "+canaries["a phrase of alarm"]+", je veux mourir")
		p, err := w.Ask(w.ctx, chat.Asking{ID: store.NewID(), ContactID: ct.ID, StaffID: claire.ID, Label: "account_page", Text: canaries["a proof's label"]})
		w.must(err)
		r := sending(ct, p, []byte("\xff\xd8\xff"+strings.Repeat(canaries["a file's content"]+"\n", 5000)))
		r.Name = canaries["a file's name"] + ".jpg"
		_, err = w.Receive(w.ctx, r)
		w.must(err)
		_, _, err = w.Original(w.ctx, p.ID, claire.ID, "proof", false)
		w.must(err)
		_, err = w.contacts.SaveNote(w.ctx, contact.Note{ID: store.NewID(), ContactID: ct.ID, AuthorID: claire.ID, Text: canaries["a note"]})
		w.must(err)
		for _, section := range w.set.Form.Sections {
			for _, f := range section.Fields {
				if f.Type == catalogue.Short || f.Type == catalogue.Long {
					_, err = w.contacts.SaveField(w.ctx, contact.Saving{ContactID: ct.ID, Field: f.Code, Value: canaries["an answer"], By: claire})
					w.must(err)
				}
			}
		}
		code, err := w.contacts.ResumeCode(w.ctx, ct.ID)
		w.must(err)
		_, err = w.contacts.ByResumeCode(w.ctx, strings.Join(code, " "), "network")
		w.must(err)
		_, err = w.contacts.Resume(w.ctx, ct.ID)
		w.must(err)
		token, err := w.contacts.NewSession(w.ctx, ct.ID)
		w.must(err)
		_, _, err = w.LeaveMessage(w.ctx, chat.Leaving{ID: store.NewID(), MessageID: store.NewID(), Lang: "fr", Text: canaries["a message"], Network: address,
			Callback: &contact.Callback{When: canaries["a wish"], On: "06 98 76 54 32", Others: canaries["a wish"]}})
		w.must(err)
		_, _, err = w.contacts.Search(w.ctx, contact.Filter{Exact: "0698765432", By: claire})
		w.must(err)
		ct = w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
		w.must(w.contacts.AnswerSatisfaction(w.ctx, ct.ID, contact.Satisfaction{Code: w.set.Questions.Last.Choices[0].Code, Text: canaries["a satisfaction"]}))
		// And what goes wrong, into the log.
		_, err = w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: canaries["a message"]})
		w.refused(err, "fault.chat.over")
		w.must(w.bus.Flush())

		// A handful of words in clear shows that the search below finds what is there.
		w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(w.ctx, `UPDATE contact SET closing = 'canari.en.clair' WHERE id = $1`, ct.ID)
			return err
		}))

		words := []string{"198.51.100.201", "40404", "698765432", "98 76 54 32", token, strings.Join(code, " "), strings.Join(code, "-")}
		for _, c := range canaries {
			words = append(words, c)
		}
		found := false
		for place, data := range w.everything(&wire) {
			found = found || bytes.Contains(data, []byte("canari.en.clair"))
			for _, word := range words {
				for form, text := range map[string]string{"": word, " in base64": base64.StdEncoding.EncodeToString([]byte(word))[:len(word)],
					" in hex": hex.EncodeToString([]byte(word))} {
					if bytes.Contains(data, []byte(text)) {
						t.Errorf("%q is in %s%s", word, place, form)
					}
				}
			}
		}
		if !found {
			t.Error("the search does not find what is there in clear")
		}
	})
}

// everything is all that an intruder could copy: the record, its logs, the keys, the files, our logs and
// what went over the bus.
func (w *world) everything(wire *syncBuffer) map[string][]byte {
	w.t.Helper()
	all := map[string][]byte{"the logs": []byte(w.logs.String()), "the bus": []byte(wire.String())}
	for _, path := range w.files() {
		data, err := os.ReadFile(path)
		w.must(err)
		all["the sealed file "+filepath.Base(path)] = data
	}
	if w.db.Engine() == store.SQLite {
		dir, err := store.One(w.ctx, w.db, func(r store.Row) (string, error) {
			var n, name, file any
			if err := r.Scan(&n, &name, &file); err != nil {
				return "", err
			}
			return filepath.Dir(file.(string)), nil
		}, `PRAGMA database_list`)
		w.must(err)
		w.must(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			all[filepath.Base(path)] = data
			return err
		}))
		return all
	}
	tables, err := store.All(w.ctx, w.db, func(r store.Row) (string, error) { var s string; return s, r.Scan(&s) },
		`SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'keys')`)
	w.must(err)
	for _, table := range tables {
		rows, err := store.All(w.ctx, w.db, func(r store.Row) (string, error) { var s string; return s, r.Scan(&s) }, `SELECT CAST(x AS TEXT) FROM `+table+` x`)
		w.must(err)
		text := strings.Join(rows, "\n")
		all[table] = []byte(text)
		// bytea columns are written in hex; what they hold is looked at too.
		var raw []byte
		for _, part := range strings.Split(text, `\x`)[1:] {
			end := strings.IndexFunc(part, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
			if end < 0 {
				end = len(part)
			}
			b, _ := hex.DecodeString(part[:end&^1])
			raw = append(append(raw, b...), '\n')
		}
		all["the bytes of "+table] = raw
	}
	return all
}
