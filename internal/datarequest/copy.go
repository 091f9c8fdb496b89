package datarequest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/paper"
	"vigie/internal/referral"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// A copy is what Art. 15(3) gives the person: what she and we said, what was noted of her on the form, when she called, to whom
// something was handed on (Art. 15(1)(c)), and what the law has us say with it (Art. 15(1)). What is about other people is not in it
// (Art. 15(4)): no note of the staff, nothing of another room of her file, nothing of an author.

// copyFor is how long a copy may be fetched.
const copyFor = 30 * 24 * time.Hour

// Copy is a copy that is ready.
type Copy struct {
	ID, RequestID, PersonID string
	MadeAt, Until           int64
	// ShownTo is the contact in which her counsellor opened it to her, "" for none yet.
	ShownTo   string
	ShownBy   string
	FetchedAt int64

	keyID  string
	sealed []byte
}

// The names of what is in a copy's ZIP.
const (
	copyPDF  = "copie.pdf"
	copyJSON = "copie.json"
)

func copyField(id string) seal.Field {
	return seal.Field{Table: "data_request_copy", Column: "copy_sealed", Row: id, Version: 1}
}

// account is a copy as its JSON says it. Times are RFC 3339.
type account struct {
	Made     time.Time  `json:"made"`
	Contacts []told     `json:"contacts"`
	Handed   []handed   `json:"handed_on"`
	About    []sentence `json:"about"`
}

type sentence struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

type told struct {
	Opened   time.Time  `json:"opened"`
	Answered *time.Time `json:"answered,omitempty"`
	Ended    *time.Time `json:"ended,omitempty"`
	Channel  string     `json:"channel"`
	Form     []field    `json:"form,omitempty"`
	Messages []said     `json:"messages,omitempty"`
}

type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type said struct {
	At   time.Time `json:"at"`
	From string    `json:"from"`
	Text string    `json:"text"`
}

type handed struct {
	On   time.Time `json:"on"`
	To   string    `json:"to"`
	What string    `json:"what"`
}

// MakeCopy makes the copy of what we hold of whose four words were given. Made again it takes the place of the one before. The officer who has it
// made reads nothing of it. It returns fault.Invalid "fault.request.words_first" unless her four words were given, fault.Conflict
// "fault.request.move" for a request that asks for something else or is not being answered.
func (r *Requests) MakeCopy(ctx context.Context, id string, rev int64, by audit.Actor) error {
	req, err := r.Get(ctx, id)
	switch {
	case err != nil:
		return err
	case req.Kind != Access || req.State != Answering:
		return fault.New(fault.Conflict, "fault.request.move")
	case req.PersonID == "":
		return fault.New(fault.Invalid, "fault.request.words_first")
	}
	packed, err := r.pack(ctx, req)
	if err != nil {
		return err
	}
	copyID := store.NewID()
	key, err := r.keys.NewKey(ctx, KeyOfCopy, copyID)
	if err != nil {
		return err
	}
	err = r.act(ctx, id, rev, "", by, func(s *step) error {
		s.kind = "copy"
		if err := r.dropCopies(ctx, s.tx, `request_id = $1`, id); err != nil {
			return err
		}
		now := r.now()
		_, err := s.tx.Exec(ctx, `INSERT INTO data_request_copy (id, request_id, key_id, person_id, made_at, until, copy_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			copyID, id, key.ID(), req.PersonID, store.Millis(now), store.Millis(now.Add(copyFor)), key.Seal(copyField(copyID), packed))
		s.tx.AfterCommit(func() { r.shownAgain(context.WithoutCancel(ctx), req.PersonID) })
		return err
	})
	if err != nil {
		err = errors.Join(err, r.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return err
}

// shownAgain has the desks that have one of a person's contacts in hand draw it again.
func (r *Requests) shownAgain(ctx context.Context, personID string) {
	all, err := r.o.Contacts.OfPerson(ctx, personID)
	if err != nil {
		r.o.Log.Warn("datarequest: a conversation is not drawn again", "error", err)
	}
	for _, ct := range all {
		if ct.State.Open() {
			r.announce(ct)
		}
	}
}

// announce has the pages of a contact drawn again.
func (r *Requests) announce(ct contact.Contact) {
	r.o.Bus.Publish("contact."+ct.ID+".form", []byte("{}"))
	payload, _ := json.Marshal(contact.MovedEvent{State: ct.State})
	r.o.Bus.Publish("contact."+ct.ID+".state", payload)
}

// CopyOf returns the copy that is ready for a person; ok is false for none.
func (r *Requests) CopyOf(ctx context.Context, personID string) (c Copy, ok bool, err error) {
	if personID == "" {
		return Copy{}, false, nil
	}
	return r.copy(ctx, `person_id = $1 AND until > $2 ORDER BY made_at DESC LIMIT 1`, personID, store.Millis(r.now()))
}

// CopyFor returns the copy that was made for a request; ok is false for none.
func (r *Requests) CopyFor(ctx context.Context, requestID string) (c Copy, ok bool, err error) {
	return r.copy(ctx, `request_id = $1`, requestID)
}

func (r *Requests) copy(ctx context.Context, where string, args ...any) (c Copy, ok bool, err error) {
	c, err = store.One(ctx, r.db, scanCopy, selectCopy+` WHERE `+where, args...)
	if errors.Is(err, store.ErrNoRow) {
		return Copy{}, false, nil
	}
	return c, err == nil, err
}

// Copies returns the copies that are ready, the newest first: for whoever prints one.
func (r *Requests) Copies(ctx context.Context) ([]Copy, error) {
	return store.All(ctx, r.db, scanCopy, selectCopy+` WHERE until > $1 ORDER BY made_at DESC, request_id LIMIT 100`, store.Millis(r.now()))
}

// OpenCopy is a counsellor's word that the person she talks with is alone and may have her copy, in this conversation: as she
// releases the past (contact.ReleasePast). It returns fault.NotFound "fault.request.no_copy" when none is ready, fault.Forbidden
// "fault.contact.not_yours" for a conversation that is not hers.
func (r *Requests) OpenCopy(ctx context.Context, contactID string, by audit.Actor, supervising bool) error {
	ct, err := r.o.Contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	if ct.State != contact.Talking || ct.CounsellorID != by.ID && !supervising {
		return fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	c, ok, err := r.CopyOf(ctx, ct.PersonID)
	if err != nil || !ok {
		return errors.Join(err, fault.New(fault.NotFound, "fault.request.no_copy"))
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE data_request_copy SET shown_to = $2, shown_by = $3 WHERE request_id = $1 AND shown_to <> $2`, c.RequestID, contactID, by.ID)
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { r.announce(ct) })
		return r.happened(ctx, tx, c.RequestID, by, "copy_shown", "")
	})
}

// Fetch hands a person her copy as a ZIP, in the conversation in which it was opened to her and for her four words: who only has
// her telephone has not got them. It returns fault.NotFound "fault.request.no_copy" where it was not opened, fault.Forbidden
// "fault.request.other_words" for words that are another's, and the faults of contact.ByResumeCode.
func (r *Requests) Fetch(ctx context.Context, contactID, words, network string) ([]byte, error) {
	ct, err := r.o.Contacts.Get(ctx, contactID)
	if err != nil {
		return nil, err
	}
	c, ok, err := r.CopyOf(ctx, ct.PersonID)
	if err != nil {
		return nil, err
	}
	if !ok || c.ShownTo != contactID {
		return nil, fault.New(fault.NotFound, "fault.request.no_copy")
	}
	found, err := r.o.Contacts.ByResumeCode(ctx, words, network)
	if err != nil {
		return nil, err
	}
	if found.PersonID != ct.PersonID {
		return nil, fault.New(fault.Forbidden, "fault.request.other_words")
	}
	packed, err := r.openCopy(ctx, c)
	if err != nil {
		return nil, err
	}
	return packed, r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE data_request_copy SET fetched_at = $2 WHERE request_id = $1`, c.RequestID, store.Millis(r.now())); err != nil {
			return err
		}
		return r.happened(ctx, tx, c.RequestID, contact.VisitorOf(contactID), "copy_fetched", "")
	})
}

// PrintCopy is the PDF of a copy, for a supervisor who gives it to the person on paper. That she has it printed is in the log before
// a page of it exists. It returns fault.NotFound "fault.request.no_copy".
func (r *Requests) PrintCopy(ctx context.Context, requestID string, by audit.Actor) ([]byte, error) {
	c, ok, err := r.CopyFor(ctx, requestID)
	if err != nil {
		return nil, err
	}
	if !ok || c.Until <= store.Millis(r.now()) {
		return nil, fault.New(fault.NotFound, "fault.request.no_copy")
	}
	if err := r.db.Tx(ctx, func(tx *store.Tx) error { return r.happened(ctx, tx, requestID, by, "copy_printed", "") }); err != nil {
		return nil, err
	}
	packed, err := r.openCopy(ctx, c)
	if err != nil {
		return nil, err
	}
	read, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	f, err := read.Open(copyPDF)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func (r *Requests) openCopy(ctx context.Context, c Copy) ([]byte, error) {
	key, err := r.keys.Key(ctx, c.keyID)
	if err != nil {
		return nil, err
	}
	return key.Open(copyField(c.ID), c.sealed)
}

// endCopies destroys the copies whose time is over.
func (r *Requests) endCopies(ctx context.Context) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error { return r.dropCopies(ctx, tx, `until <= $1`, store.Millis(r.now())) })
}

// contactErased destroys the copies of a person one of whose contacts is erased: what is erased must not live on in a copy.
func (r *Requests) contactErased(ctx context.Context, tx *store.Tx, contactID string) error {
	return r.dropCopies(ctx, tx, `person_id = (SELECT person_id FROM contact WHERE id = $1)`, contactID)
}

// dropCopies destroys copies with their keys.
func (r *Requests) dropCopies(ctx context.Context, tx *store.Tx, where string, arg any) error {
	keys, err := store.All(ctx, tx, scanText, `SELECT key_id FROM data_request_copy WHERE `+where, arg)
	if err != nil {
		return err
	}
	if err := r.dropKeys(ctx, tx, keys); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM data_request_copy WHERE `+where, arg)
	return err
}

// dropKeys destroys keys, which every node forgets.
func (r *Requests) dropKeys(ctx context.Context, tx *store.Tx, keys []string) error {
	for _, key := range keys {
		if err := r.keys.Drop(ctx, tx, key); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.o.Bus.Publish("key."+key, []byte(`{"destroyed":true}`)) })
	}
	return nil
}

const selectCopy = `SELECT id, request_id, key_id, person_id, made_at, until, shown_to, shown_by, fetched_at, copy_sealed FROM data_request_copy`

func scanCopy(row store.Row) (c Copy, err error) {
	return c, row.Scan(&c.ID, &c.RequestID, &c.keyID, &c.PersonID, &c.MadeAt, &c.Until, &c.ShownTo, &c.ShownBy, &c.FetchedAt, &c.sealed)
}

// pack is the ZIP of a copy.
func (r *Requests) pack(ctx context.Context, req Request) ([]byte, error) {
	hers, err := r.o.Contacts.OfPerson(ctx, req.PersonID)
	if err != nil {
		return nil, err
	}
	if len(hers) == 0 {
		return nil, fault.New(fault.NotFound, "fault.request.nothing")
	}
	last := hers[len(hers)-1]
	words := r.o.Words(req.Lang, r.o.Catalogue().Questions.Speaks(last.Public) == catalogue.Adult)
	a := account{Made: r.now().UTC().Truncate(time.Second)}
	for _, ct := range hers {
		one, err := r.conversation(ctx, words, ct)
		if err != nil {
			return nil, err
		}
		a.Contacts = append(a.Contacts, one)
	}
	if a.Handed, err = r.handedOn(ctx, words, hers); err != nil {
		return nil, err
	}
	for _, part := range []string{"why", "what", "who", "how_long", "rights", "source", "left_out"} {
		a.About = append(a.About, sentence{words.T("copy." + part + "_title"), words.T("copy." + part)})
	}
	pdf, err := r.paper(words, a)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range []struct {
		name string
		body []byte
	}{{copyPDF, pdf}, {copyJSON, text}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: a.Made})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return out.Bytes(), err
}

// portion is how many messages are read at once.
const portion = 500

// conversation is one contact of hers.
func (r *Requests) conversation(ctx context.Context, words Words, ct contact.Contact) (told, error) {
	t := told{Opened: store.Time(ct.OpenedAt).UTC(), Answered: when(ct.AnsweredAt), Ended: when(ct.ClosedAt), Channel: words.T("copy.channel." + ct.Channel)}
	answers, err := r.o.Contacts.Form(ctx, ct.ID)
	if err != nil {
		return t, err
	}
	form := r.o.Catalogue().Form
	for _, code := range slices.Sorted(maps.Keys(answers)) {
		if f, ok := form.Field(code); ok && answers[code].Value != "" {
			t.Form = append(t.Form, field{words.Text(f.Label.In(words.Lang())), form.Say(code, answers[code].Value, words.Lang())})
		}
	}
	for after := int64(0); ; {
		all, err := r.o.Chats.Messages(ctx, ct.ID, after, portion)
		if err != nil || len(all) == 0 {
			return t, err
		}
		for _, m := range all {
			t.Messages = append(t.Messages, said{store.Time(m.At).UTC(), r.speaker(ctx, words, m), r.said(words, m)})
		}
		after = all[len(all)-1].Seq
	}
}

func when(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := store.Time(ms).UTC()
	return &t
}

func (r *Requests) speaker(ctx context.Context, words Words, m chat.Message) string {
	switch {
	case m.From == chat.Visitor:
		return words.T("copy.you")
	case m.AuthorID != "":
		return r.o.Alias(ctx, m.AuthorID)
	}
	return r.o.House
}

// said is what stands in a message, in words. What was attached is named and not in the copy.
func (r *Requests) said(words Words, m chat.Message) string {
	switch m.Kind {
	case chat.Card:
		return words.T("copy.card", "title", cmp.Or(words.Text(r.o.Card(words.Lang(), m.Body)), m.Body))
	case chat.Ask:
		return words.T("copy.asked")
	case chat.Attachment:
		return words.T("copy.file")
	}
	return m.Body
}

// handedOn is to whom something of her was given: partners to whom a referral of her file went, and networks that were notified for it.
// Only where her contact is in the child's room, whose they are: a parent's own copy says nothing of her child's.
func (r *Requests) handedOn(ctx context.Context, words Words, hers []contact.Contact) ([]handed, error) {
	var all []handed
	seen := map[string]bool{}
	for _, ct := range hers {
		file, ok, err := r.o.Files.OfContact(ctx, ct.ID)
		if err != nil {
			return nil, err
		}
		if !ok || seen[file.ID] {
			continue
		}
		child, err := r.o.Files.InChildsRoom(ctx, ct.ID)
		if err != nil {
			return nil, err
		}
		if !child {
			continue
		}
		seen[file.ID] = true
		referrals, err := r.o.Referrals.Of(ctx, file.ID)
		if err != nil {
			return nil, err
		}
		for _, ref := range referrals {
			if ref.SentAt > 0 || ref.CalledAt > 0 {
				all = append(all, handed{store.Time(max(ref.SentAt, ref.CalledAt)).UTC(), r.partner(words, ref), words.T("copy.referral")})
			}
		}
		notified, err := r.o.Takedown.Recipients(ctx, file.ID)
		if err != nil {
			return nil, err
		}
		for _, n := range notified {
			all = append(all, handed{store.Time(n.SubmittedAt).UTC(), r.platform(words, n.Platform), words.T("copy.notice")})
		}
	}
	slices.SortStableFunc(all, func(a, b handed) int { return a.On.Compare(b.On) })
	return all, nil
}

func (r *Requests) partner(words Words, ref referral.Referral) string {
	if p, ok := r.o.Catalogue().Partners.ByCode(ref.Partner); ok {
		return words.Text(p.Label.In(words.Lang()))
	}
	return ref.Partner
}

func (r *Requests) platform(words Words, code string) string {
	if p, ok := r.o.Catalogue().Platforms.ByCode(code); ok {
		return words.Text(p.Name)
	}
	return words.T("copy.host")
}

// paper lays a copy out.
func (r *Requests) paper(words Words, a account) ([]byte, error) {
	d := paper.Document{Lang: words.Lang(), Title: words.T("copy.title"), Author: r.o.House, Header: r.o.House, Footer: words.T("copy.made", "when", words.DateTime(a.Made)),
		Page: words.T("print.page", "page", "{page}", "pages", "{pages}"), Missing: words.T("print.missing"), At: r.now()}
	d.Head(d.Title)
	d.Text(words.T("copy.lead"))
	for _, t := range a.Contacts {
		d.Heading(words.T("copy.contact", "channel", t.Channel, "when", words.DateTime(t.Opened)))
		facts := []paper.Fact{{Name: words.T("copy.answered"), Value: dateTime(words, t.Answered)}, {Name: words.T("copy.ended"), Value: dateTime(words, t.Ended)}}
		for _, f := range t.Form {
			facts = append(facts, paper.Fact{Name: f.Name, Value: f.Value})
		}
		d.Facts(facts...)
		for _, m := range t.Messages {
			d.Small(m.From + ", " + words.DateTime(m.At))
			d.Text(m.Text)
		}
	}
	d.Heading(words.T("copy.handed"))
	if len(a.Handed) == 0 {
		d.Text(words.T("copy.handed_none"))
	}
	var lines []string
	for _, h := range a.Handed {
		lines = append(lines, strings.Join([]string{words.DateTime(h.On), h.To, h.What}, " · "))
	}
	d.List(lines...)
	for _, s := range a.About {
		d.Heading(s.Title)
		d.Text(s.Text)
	}
	return d.PDF()
}

func dateTime(words Words, t *time.Time) string {
	if t == nil {
		return ""
	}
	return words.DateTime(*t)
}
