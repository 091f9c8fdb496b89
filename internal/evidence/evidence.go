// Package evidence is what is kept as proof in a case file: an address with its account and time, what a counsellor saw
// there in her own words, a picture that a child handed over. It is kept so that a police officer or a lawyer can check it
// without us: the SHA-256 of the untouched original is taken on its way in, and every look, export and handing over is
// an event of its chain of custody.
//
// There are things that nobody may keep. Where a category says "no capture" — sexual images of minors (C. pén. 227-23) —
// an item is an address, an account, a time and a statement, and the file itself is refused.
package evidence

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/picture"
	"vigie/internal/picture/pdq"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// The kinds of items.
const (
	KindLink      = "link"      // an address on a network
	KindStatement = "statement" // what a counsellor saw, in her words
	KindFile      = "file"      // a file, untouched
)

// How far the time stamp of an item is (RFC 3161).
const (
	StampNone   = "none"    // no authority is configured
	StampQueued = "queued"  // the authority has not answered yet; it is asked again
	Stamped     = "stamped" // there is a token
)

// Item is one piece of evidence: what is in clear, and what was sealed of it.
type Item struct {
	ID, FileID string
	// Number is its place in its file, from 1: how people speak of it.
	Number int64
	Kind   string
	// Category is the file's when the item was added: a code of the taxonomy.
	Category  string
	NoCapture bool
	// Source is the id of the proof of a conversation that a file was taken from, "" for none.
	Source string
	// Media is the type found in the content itself, Size its length in bytes; of files only.
	Media     string
	Size      int64
	AddedAt   int64 // Unix milliseconds
	AddedBy   string
	Stamp     string
	StampedAt int64
	// Hash is how far the hash is by which a picture is known again.
	Hash    string
	Content Content

	keyID, blobID      string
	sealed, token, pdq []byte
}

// Content is what is sealed of an item.
type Content struct {
	// Address is where it is, as it was pasted; Account and Platform whose, where that is known.
	Address  string `json:"address,omitempty"`
	Account  string `json:"account,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Seen is when it was seen there, as it was said: the network's own time, or the counsellor's.
	Seen string `json:"seen,omitempty"`
	// Statement is what is there, in the counsellor's words: facts, no opinion.
	Statement string `json:"statement,omitempty"`
	// Name is the file's, as it came; SHA256 (hex) that of the untouched original, or of the item's own fields where
	// there is no file; Identity opens the sealed original.
	Name     string `json:"name,omitempty"`
	SHA256   string `json:"sha256"`
	Identity string `json:"identity,omitempty"`
}

// Custody is one event of an item's chain of custody.
type Custody struct {
	ID, ItemID string
	At         int64
	Actor      audit.Actor
	// Act is "added", "described", "looked", "opened", "exported", "handed_over" or "moved"; Purpose a code.
	Act, Purpose string
	// Seconds is how long a look lasted.
	Seconds int64
}

// Blobs keeps sealed files (blob.Disk does).
type Blobs interface {
	Put(ctx context.Context, r io.Reader, max int64) (blob.Stored, error)
	Get(ctx context.Context, id, identity string) (io.ReadCloser, error)
	Remove(ctx context.Context, id string) error
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Keys      *seal.Keeper
	Audit     *audit.Log
	Files     *casefile.Files
	Blobs     Blobs
	Catalogue func() *catalogue.Set
	// Sniff says the type of a file by its first bytes, "" for what is not taken.
	Sniff func(head []byte) string
	// Max is the largest file taken, in bytes.
	Max int64
	// Jobs asks the Authority for time stamps, whom Roots let us believe; a nil Authority stamps nothing.
	Jobs      *jobs.Jobs
	Authority Authority
	Roots     *x509.CertPool
	// Pictures opens pictures to be shown at the desk and to be hashed by Jobs; nil shows and hashes none.
	Pictures Pictures
	// Bus tells of keys that were destroyed, so that this node forgets what it knows of pictures under them.
	Bus *bus.Bus
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Evidence is the room. It is safe for concurrent use.
type Evidence struct {
	db        *store.DB
	keys      *seal.Keeper
	log       *audit.Log
	files     *casefile.Files
	blobs     Blobs
	catalogue func() *catalogue.Set
	sniff     func(head []byte) string
	max       int64
	now       func() time.Time
	pictures  Pictures
	authority Authority
	roots     *x509.CertPool
	bus       *bus.Bus
	stamps    *jobs.Kind[stampArgs]   // nil without an authority
	hashes    *jobs.Kind[pictureArgs] // nil without pictures
	matches   *jobs.Kind[pictureArgs]
	known     known
}

// Pictures opens what strangers sent, apart from everything else (picture.Process does).
type Pictures interface {
	Draw(ctx context.Context, file io.Reader, cover picture.Cover) ([]byte, error)
	Hash(ctx context.Context, file io.Reader) (pdq.Forms, int, error)
}

// New opens the room.
func New(o Options) *Evidence {
	e := &Evidence{db: o.DB, keys: o.Keys, log: o.Audit, files: o.Files, blobs: o.Blobs, catalogue: o.Catalogue, sniff: o.Sniff, max: o.Max, pictures: o.Pictures, now: o.Now, authority: o.Authority, roots: o.Roots, bus: o.Bus}
	if e.now == nil {
		e.now = time.Now
	}
	if e.authority != nil {
		e.stamps = jobs.Register(o.Jobs, "evidence.stamp", stampRules, e.stampItem)
	}
	if e.pictures != nil {
		e.hashes = jobs.Register(o.Jobs, "evidence.hash", hashRules, e.hashItem)
		e.matches = jobs.Register(o.Jobs, "evidence.match", matchRules, e.matchItem)
	}
	e.files.OnMerge(e.merged)
	e.files.OnErase(e.eraseFiles)
	e.files.OnArchive(e.busy)
	return e
}

// NoCapture says whether a file is about something of which nothing may be kept but the address, the account, the time and
// a statement.
func (e *Evidence) NoCapture(file casefile.File) bool {
	category, ok := e.catalogue().Taxonomy.ByCode(file.Topic)
	return ok && category.Has(catalogue.NoCapture)
}

const (
	maxStatement = 8000
	maxLine      = 2000
)

// AddLink keeps an address, with what is known of it. id is made by the client: sent again, it changes nothing. It returns
// fault.Invalid "fault.evidence.address" without one, "fault.evidence.long" for too long a field, fault.Conflict
// "fault.case.not_open" for a file that is closed.
func (e *Evidence) AddLink(ctx context.Context, fileID, id string, c Content, by audit.Actor) error {
	if c.Address = strings.TrimSpace(c.Address); c.Address == "" || strings.ContainsAny(c.Address, " \t\n") {
		return fault.New(fault.Invalid, "fault.evidence.address")
	}
	return e.addWords(ctx, fileID, id, KindLink, c, by)
}

// AddStatement keeps what a counsellor saw, in her words. It returns fault.Invalid "fault.evidence.statement" without any,
// and otherwise what AddLink does.
func (e *Evidence) AddStatement(ctx context.Context, fileID, id string, c Content, by audit.Actor) error {
	if c.Statement = strings.TrimSpace(c.Statement); c.Statement == "" {
		return fault.New(fault.Invalid, "fault.evidence.statement")
	}
	return e.addWords(ctx, fileID, id, KindStatement, c, by)
}

func (e *Evidence) addWords(ctx context.Context, fileID, id, kind string, c Content, by audit.Actor) error {
	if !store.IsID(id) {
		return fault.New(fault.Invalid, "fault.case.id")
	}
	c = Content{Address: c.Address, Account: c.Account, Platform: c.Platform, Seen: c.Seen, Statement: c.Statement}
	if err := c.tidy(); err != nil {
		return err
	}
	c.SHA256 = c.digest()
	return e.files.Write(ctx, fileID, func(tx *store.Tx, file casefile.File, key *seal.Key) error {
		return e.insert(ctx, tx, file, key, Item{ID: id, Kind: kind, Content: c}, by)
	})
}

// tidy trims what was typed, and refuses what is too long.
func (c *Content) tidy() error {
	for _, f := range []struct {
		text *string
		most int
	}{{&c.Address, maxLine}, {&c.Account, 200}, {&c.Platform, 100}, {&c.Seen, 200}, {&c.Statement, maxStatement}} {
		*f.text = strings.TrimSpace(strings.ToValidUTF8(*f.text, ""))
		if utf8.RuneCountInString(*f.text) > f.most {
			return fault.New(fault.Invalid, "fault.evidence.long", "max", f.most)
		}
	}
	return nil
}

// AddFile keeps a file, untouched: its hash is taken while it is sealed. source is the proof of a conversation that it
// comes from, "" for none; c may say where it was seen. It returns fault.Forbidden "fault.evidence.no_capture" where nothing but words may be kept,
// fault.Unsupported "fault.evidence.media" for a type that is not taken, fault.TooLarge "fault.blob.too_large", and
// otherwise what AddLink does.
func (e *Evidence) AddFile(ctx context.Context, fileID, id, source string, c Content, r io.Reader, by audit.Actor) error {
	file, err := e.files.Get(ctx, fileID)
	if err != nil {
		return err
	}
	if e.NoCapture(file) {
		return fault.New(fault.Forbidden, "fault.evidence.no_capture")
	}
	if !store.IsID(id) {
		return fault.New(fault.Invalid, "fault.case.id")
	}
	if err := c.tidy(); err != nil {
		return err
	}
	if strings.ContainsAny(c.Address, " \t\n") {
		return fault.New(fault.Invalid, "fault.evidence.address")
	}
	if there, err := e.has(ctx, id); err != nil || there {
		return err
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fault.Wrap(err, fault.Invalid, "fault.blob.cut")
	}
	media := e.sniff(head[:n])
	if media == "" {
		return fault.New(fault.Unsupported, "fault.evidence.media")
	}
	stored, err := e.blobs.Put(ctx, io.MultiReader(strings.NewReader(string(head[:n])), r), e.max)
	if err != nil {
		return err
	}
	c.SHA256, c.Identity = hex.EncodeToString(stored.SHA256), stored.Identity
	err = e.files.Write(ctx, fileID, func(tx *store.Tx, file casefile.File, key *seal.Key) error {
		if e.NoCapture(file) { // it has become so meanwhile
			return fault.New(fault.Forbidden, "fault.evidence.no_capture")
		}
		return e.insert(ctx, tx, file, key, Item{ID: id, Kind: KindFile, Source: source, Media: media, Size: stored.Size, Content: c, blobID: stored.ID}, by)
	})
	if err != nil {
		return errors.Join(err, e.blobs.Remove(context.WithoutCancel(ctx), stored.ID))
	}
	return nil
}

func (e *Evidence) has(ctx context.Context, id string) (bool, error) {
	n, err := store.One(ctx, e.db, scanInt, `SELECT count(*) FROM evidence_item WHERE id = $1`, id)
	return n > 0, err
}

// insert writes an item under the next number of its file, with the first event of its custody.
func (e *Evidence) insert(ctx context.Context, tx *store.Tx, file casefile.File, key *seal.Key, item Item, by audit.Actor) error {
	plain, err := json.Marshal(item.Content)
	if err != nil {
		return err
	}
	now, waiting := store.Millis(e.now()), StampNone
	if e.stamps != nil {
		waiting = StampQueued
	}
	item.Hash = HashNone
	if e.hashes != nil && item.Shown() {
		item.Hash = HashQueued
	}
	n, err := tx.Exec(ctx, `INSERT INTO evidence_item (id, file_id, key_id, number, kind, category, no_capture, blob_id, source, media, size, added_at, added_by, content_sealed, stamp, pdq)
		VALUES ($1, $2, $3, (SELECT coalesce(max(number), 0) + 1 FROM evidence_item WHERE file_id = $2), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (id) DO NOTHING`, item.ID, file.ID, key.ID(), item.Kind, file.Topic, e.NoCapture(file), item.blobID, item.Source, item.Media, item.Size, now, by.ID,
		key.Seal(contentField(item.ID), plain), waiting, item.Hash)
	if err != nil || n == 0 {
		return err
	}
	if err := e.custody(ctx, tx, item.ID, "added", "", 0, by); err != nil {
		return err
	}
	if err := e.askLater(ctx, tx, item.ID); err != nil {
		return err
	}
	if err := e.hashLater(ctx, tx, item); err != nil {
		return err
	}
	if err := e.files.Happened(ctx, tx, file.ID, by, "evidence", item.ID, item.Kind); err != nil {
		return err
	}
	if err := e.files.Mentions(ctx, tx, key, file.ID, item.Content.Address); err != nil {
		return err
	}
	return e.record(ctx, tx, by, "evidence.add", item.ID, map[string]string{"case": file.ID, "kind": item.Kind})
}

func contentField(id string) seal.Field {
	return seal.Field{Table: "evidence_item", Column: "content_sealed", Row: id, Version: 1}
}

const selectItem = `SELECT id, file_id, key_id, number, kind, category, no_capture, blob_id, source, media, size, added_at, added_by, stamp, stamped_at, pdq, content_sealed, stamp_sealed, pdq_sealed FROM evidence_item`

func scanItem(r store.Row) (i Item, err error) {
	return i, r.Scan(&i.ID, &i.FileID, &i.keyID, &i.Number, &i.Kind, &i.Category, &i.NoCapture, &i.blobID, &i.Source, &i.Media, &i.Size, &i.AddedAt, &i.AddedBy, &i.Stamp, &i.StampedAt, &i.Hash, &i.sealed, &i.token, &i.pdq)
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

// Items returns the evidence of a file, by number.
func (e *Evidence) Items(ctx context.Context, fileID string) ([]Item, error) {
	items, err := store.All(ctx, e.db, scanItem, selectItem+` WHERE file_id = $1 ORDER BY number`, fileID)
	if err != nil {
		return nil, err
	}
	for i := range items {
		if err := e.unseal(ctx, &items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// Kept is how much evidence a file keeps.
func (e *Evidence) Kept(ctx context.Context, fileID string) (int, error) {
	n, err := store.One(ctx, e.db, scanInt, `SELECT count(*) FROM evidence_item WHERE file_id = $1`, fileID)
	return int(n), err
}

// Item returns one item. It returns fault.NotFound "fault.evidence.unknown" when there is none.
func (e *Evidence) Item(ctx context.Context, id string) (Item, error) {
	item, err := store.One(ctx, e.db, scanItem, selectItem+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return Item{}, fault.New(fault.NotFound, "fault.evidence.unknown")
	}
	if err != nil {
		return Item{}, err
	}
	return item, e.unseal(ctx, &item)
}

func (e *Evidence) unseal(ctx context.Context, item *Item) error {
	key, err := e.keys.Key(ctx, item.keyID)
	if err != nil {
		return err
	}
	plain, err := key.Open(contentField(item.ID), item.sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, &item.Content)
}

// Original opens a file as it came, for a purpose (a code); the opening is in its custody and in the log before a byte of it
// is read. The caller closes it. It returns fault.NotFound "fault.evidence.unknown" for what is no
// file, fault.Forbidden "fault.evidence.no_capture" for one that is of a case of which no picture may be held (any more).
func (e *Evidence) Original(ctx context.Context, id, purpose string, by audit.Actor) (Item, io.ReadCloser, error) {
	item, err := e.Item(ctx, id)
	if err != nil {
		return item, nil, err
	}
	if item.Kind != KindFile {
		return item, nil, fault.New(fault.NotFound, "fault.evidence.unknown")
	}
	if withheld, err := e.withheld(ctx, item); err != nil || withheld {
		if err == nil {
			err = fault.New(fault.Forbidden, "fault.evidence.no_capture")
		}
		return item, nil, err
	}
	if err := e.looked(ctx, item, "opened", purpose, by); err != nil {
		return item, nil, err
	}
	r, err := e.blobs.Get(ctx, item.blobID, item.Content.Identity)
	return item, r, err
}

// withheld says that nobody opens a file any more: it was kept before anybody knew what it is, and what its case is about now
// is something of which no picture may be held.
func (e *Evidence) withheld(ctx context.Context, item Item) (bool, error) {
	if item.Kind != KindFile {
		return false, nil
	}
	file, err := e.files.Get(ctx, item.FileID)
	return item.NoCapture || e.NoCapture(file), err
}

func (e *Evidence) looked(ctx context.Context, item Item, act, purpose string, by audit.Actor) error {
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		if err := e.custody(ctx, tx, item.ID, act, purpose, 0, by); err != nil {
			return err
		}
		return e.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "evidence." + act, Object: "evidence", ObjectID: item.ID, Purpose: purpose})
	})
}

// Chain returns the custody of an item, the oldest first.
func (e *Evidence) Chain(ctx context.Context, id string) ([]Custody, error) {
	return store.All(ctx, e.db, scanCustody, selectCustody+` WHERE item_id = $1 ORDER BY at, id`, id)
}

func (e *Evidence) custody(ctx context.Context, tx *store.Tx, itemID, act, purpose string, seconds int64, by audit.Actor) error {
	return e.custodyAs(ctx, tx, store.NewID(), itemID, act, purpose, seconds, by)
}

func (e *Evidence) custodyAs(ctx context.Context, tx *store.Tx, id, itemID, act, purpose string, seconds int64, by audit.Actor) error {
	_, err := tx.Exec(ctx, `INSERT INTO evidence_custody (id, item_id, at, actor_kind, actor_id, act, purpose, seconds) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, itemID, store.Millis(e.now()), by.Kind, by.ID, act, purpose, seconds)
	return err
}

func (e *Evidence) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, id string, detail map[string]string) error {
	return e.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "evidence", ObjectID: id, Detail: detail})
}

// merged moves the items of a file that was merged, with numbers after those that are there.
func (e *Evidence) merged(ctx context.Context, tx *store.Tx, from, into string) error {
	_, err := tx.Exec(ctx, `UPDATE evidence_item SET number = number + (SELECT coalesce(max(number), 0) FROM evidence_item WHERE file_id = $2), file_id = $2 WHERE file_id = $1`, from, into)
	return err
}

// Taken says which proofs of conversations are items already, by their ids.
func (e *Evidence) Taken(ctx context.Context, fileID string) (map[string]bool, error) {
	sources, err := store.All(ctx, e.db, func(r store.Row) (s string, err error) { return s, r.Scan(&s) },
		`SELECT source FROM evidence_item WHERE file_id = $1 AND source <> ''`, fileID)
	taken := map[string]bool{}
	for _, s := range sources {
		taken[s] = true
	}
	return taken, err
}

// Names says whether an item names a sealed file.
func (e *Evidence) Names(ctx context.Context, blobID string) (bool, error) {
	n, err := store.One(ctx, e.db, scanInt, `SELECT count(*) FROM evidence_item WHERE blob_id = $1`, blobID)
	return n > 0, err
}

// NamedBlobs are the sealed files that an item names: what must be on the disk.
func NamedBlobs(ctx context.Context, q store.Querier) ([]string, error) {
	return store.All(ctx, q, func(r store.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT blob_id FROM evidence_item WHERE blob_id <> ''`)
}
