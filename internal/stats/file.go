package stats

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/workbook"
)

// A file is a workbook, of whole months that are over, with a line for each contact that is still there, for whoever works with figures in a program of her own. It says of
// each what its line says, but for the day and the hour: the month. It is made by a job, on any node, sealed under a key of its own; who
// asked for it may fetch it for a day.

// File is such a workbook.
type File struct {
	ID, StaffID string
	// From is the first day, Until the day after the last (20261128).
	From, Until int64
	Channels    []string
	Chosen      []Said
	Lang        string
	State       FileState
	// Done is how many contacts are written of Whole.
	Done, Whole int64
	AskedAt     int64
	// Size is in bytes, once it is ready.
	Size   int64
	keyID  string
	blobID string
	sealed []byte
}

// FileState is how far a file is.
type FileState string

// The states of a file.
const (
	Making FileState = "making"
	Ready  FileState = "ready"
	Failed FileState = "failed"
)

const (
	// FileKept is how long a file can be fetched.
	FileKept  = 24 * time.Hour
	mostFiles = 5
	// tellEvery is after how many lines the record is told how far a file is.
	tellEvery   = 5000
	largestFile = 1 << 30
)

// KeyOfFile is the kind of the key of a file, OwnersOfFileKeys its owners, for seal.Keeper.SweepOrphans.
const (
	KeyOfFile        = "stat_file"
	OwnersOfFileKeys = `SELECT id FROM stat_file`
)

func identityField(id string) seal.Field {
	return seal.Field{Table: "stat_file", Column: "identity_sealed", Row: id, Version: 1}
}

// Told is what a file tells of a contact: by dimension its codes, in the month (202611) it arrived in.
type Told struct {
	Month int64
	said  []Said
}

// Codes are those of a dimension.
func (t Told) Codes(d Dim) []string {
	var all []string
	for _, s := range t.said {
		if s.Dim == d {
			all = append(all, s.Code)
		}
	}
	return all
}

// Words say what a file tells in a language: the name of its sheet, its heads, and the cells of a contact.
type Words func(lang string) (sheet string, heads []string, row func(Told) []any)

type fileArgs struct{ File jobs.ID }

// Choice is of which contacts a file is.
type Choice struct {
	Channels []string `json:"channels,omitempty"`
	Said     []Said   `json:"said,omitempty"`
}

// AskFile has a file made of the months that a time touches and that are over, and returns its id: who asks twice must not learn from what
// came between. It returns fault.Invalid "fault.stats.file_month" where there is none, and fault.TooMany "fault.stats.files" for somebody who
// has many.
func (s *Stats) AskFile(ctx context.Context, q Query, chosen []Said, lang string, by audit.Actor) (id string, err error) {
	q, ok := q.MonthsOver(s.now())
	if !ok {
		return "", fault.New(fault.Invalid, "fault.stats.file_month")
	}
	text, err := json.Marshal(Choice{q.Channels, chosen})
	if err != nil {
		return "", err
	}
	id = store.NewID()
	key, err := s.keys.NewKey(ctx, KeyOfFile, id)
	if err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM stat_file WHERE staff_id = $1`, by.ID)
		if err != nil {
			return err
		}
		if n >= mostFiles {
			return fault.New(fault.TooMany, "fault.stats.files", "max", mostFiles)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO stat_file (id, staff_id, key_id, from_day, until_day, chosen, lang, state, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'making', $8)`,
			id, by.ID, key.ID(), DayOf(q.From), DayOf(q.Until), string(text), lang, store.Millis(s.now())); err != nil {
			return err
		}
		if err := s.files.Enqueue(ctx, tx, fileArgs{jobs.ID(id)}); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "stats.file", Object: "file", ObjectID: id})
	})
	if err != nil {
		return "", errors.Join(err, s.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return id, nil
}

const selectFiles = `SELECT id, staff_id, key_id, from_day, until_day, chosen, lang, state, done, whole, asked_at, blob_id, size, identity_sealed FROM stat_file`

func scanFile(r store.Row) (f File, err error) {
	var text string
	if err = r.Scan(&f.ID, &f.StaffID, &f.keyID, &f.From, &f.Until, &text, &f.Lang, &f.State, &f.Done, &f.Whole, &f.AskedAt, &f.blobID, &f.Size, &f.sealed); err != nil {
		return f, err
	}
	var c Choice
	err = json.Unmarshal([]byte(text), &c)
	f.Channels, f.Chosen = c.Channels, c.Said
	return f, err
}

// Files returns those of a member of staff, the newest first.
func (s *Stats) Files(ctx context.Context, staffID string) ([]File, error) {
	return store.All(ctx, s.db, scanFile, selectFiles+` WHERE staff_id = $1 ORDER BY asked_at DESC, id DESC`, staffID)
}

// File returns one of a member of staff. It returns fault.NotFound "fault.stats.no_file" for another's, and for one that is gone.
func (s *Stats) File(ctx context.Context, id, staffID string) (File, error) {
	f, err := store.One(ctx, s.db, scanFile, selectFiles+` WHERE id = $1 AND staff_id = $2`, id, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return f, fault.New(fault.NotFound, "fault.stats.no_file")
	}
	return f, err
}

// OpenFile opens one that is ready, for who asked for it. It returns what File does, and fault.Conflict "fault.stats.file_not_ready".
func (s *Stats) OpenFile(ctx context.Context, id string, by audit.Actor) (File, io.ReadCloser, error) {
	f, err := s.File(ctx, id, by.ID)
	if err == nil && f.AskedAt < store.Millis(s.now().Add(-FileKept)) {
		err = fault.New(fault.NotFound, "fault.stats.no_file")
	}
	if err != nil {
		return f, nil, err
	}
	if f.State != Ready {
		return f, nil, fault.New(fault.Conflict, "fault.stats.file_not_ready")
	}
	key, err := s.keys.Key(ctx, f.keyID)
	if err != nil {
		return f, nil, err
	}
	identity, err := key.OpenText(identityField(f.ID), f.sealed)
	if err != nil {
		return f, nil, err
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error {
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "stats.file_fetch", Object: "file", ObjectID: id})
	}); err != nil {
		return f, nil, err
	}
	r, err := s.blobs.Get(ctx, f.blobID, identity)
	return f, r, err
}

// RemoveFile takes one away before its time. It returns what File does.
func (s *Stats) RemoveFile(ctx context.Context, id string, by audit.Actor) error {
	f, err := s.File(ctx, id, by.ID)
	if err != nil {
		return err
	}
	return s.drop(ctx, f, by)
}

func (s *Stats) drop(ctx context.Context, f File, by audit.Actor) error {
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM stat_file WHERE id = $1`, f.ID)
		if err != nil || n == 0 {
			return err
		}
		if err := s.keys.Drop(ctx, tx, f.keyID); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "stats.file_remove", Object: "file", ObjectID: f.ID})
	})
	if err != nil || f.blobID == "" {
		return err
	}
	return s.blobs.Remove(ctx, f.blobID) // else nobody can open it, and it is set aside later
}

// dropFilesOf takes away the files that have, or may have, the line of a contact, in the transaction that erases it. Nobody can open what is
// left of them, and it is set aside later.
func (s *Stats) dropFilesOf(ctx context.Context, tx *store.Tx, contactID string) error {
	if s.files == nil {
		return nil
	}
	keys, err := store.All(ctx, tx, scanText, `DELETE FROM stat_file WHERE from_day <= (SELECT day FROM stat_counted WHERE contact_id = $1)
		AND until_day > (SELECT day FROM stat_counted WHERE contact_id = $1) RETURNING key_id`, contactID)
	for _, key := range keys {
		err = errors.Join(err, s.keys.Drop(ctx, tx, key))
	}
	return err
}

// Forget takes away files whose day is over.
func (s *Stats) Forget(ctx context.Context) error {
	old, err := store.All(ctx, s.db, scanFile, selectFiles+` WHERE asked_at < $1`, store.Millis(s.now().Add(-FileKept)))
	for _, f := range old {
		err = errors.Join(err, s.drop(ctx, f, audit.Actor{Kind: audit.System, ID: "stats"}))
	}
	_, orphans := s.keys.SweepOrphans(ctx, KeyOfFile, OwnersOfFileKeys)
	return errors.Join(err, orphans)
}

// NamedBlobs are the sealed files that this room's rows name.
func NamedBlobs(ctx context.Context, q store.Querier) ([]string, error) {
	return store.All(ctx, q, scanText, `SELECT blob_id FROM stat_file WHERE blob_id <> ''`)
}

// Names says whether a row of this room names a sealed file.
func (s *Stats) Names(ctx context.Context, blobID string) (bool, error) {
	n, err := store.One(ctx, s.db, scanInt, `SELECT count(*) FROM stat_file WHERE blob_id = $1`, blobID)
	return n > 0, err
}

// makeFile is the job. Begun anew, it makes the file anew.
func (s *Stats) makeFile(ctx context.Context, job jobs.Job[fileArgs]) (err error) {
	f, err := store.One(ctx, s.db, scanFile, selectFiles+` WHERE id = $1`, string(job.Args.File))
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil || f.State != Making {
		return err
	}
	defer func() {
		if err != nil && (job.Last || errors.Is(err, errTooLong)) {
			_, told := s.db.Exec(context.WithoutCancel(ctx), `UPDATE stat_file SET state = 'failed' WHERE id = $1 AND state = 'making'`, f.ID)
			err = errors.Join(jobs.GiveUp(err), told)
		}
	}()
	key, err := s.keys.Key(ctx, f.keyID)
	if fault.Is(err, fault.Gone) {
		return nil // it was taken away
	}
	if err != nil {
		return err
	}
	if err := s.foldSoon(ctx); err != nil {
		return err
	}
	out, in := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := errors.New("stats: the writer of a file panicked")
		defer func() {
			if p := recover(); p != nil {
				s.slog.Error("stats: the writer of a file panicked", "file", f.ID, "panic", p)
			}
			written <- err
			in.CloseWithError(err)
		}()
		err = s.writeFile(ctx, f, in)
	}()
	stored, err := s.blobs.Put(ctx, out, largestFile)
	_ = out.CloseWithError(err) // so that nobody writes on for nobody
	if wrote := <-written; wrote != nil && err != nil {
		err = wrote // the reason, of which the store knows only that it was cut
	}
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := s.db.Exec(ctx, `UPDATE stat_file SET state = 'ready', blob_id = $2, size = $3, identity_sealed = $4 WHERE id = $1 AND state = 'making'`,
		f.ID, stored.ID, stored.Size, key.SealText(identityField(f.ID), stored.Identity))
	if err != nil || n == 0 {
		return errors.Join(err, s.blobs.Remove(context.WithoutCancel(ctx), stored.ID))
	}
	return nil
}

// errGone says that a file was taken away while it was made, errTooLong that it would have more rows than a sheet.
var (
	errGone    = errors.New("stats: the file was taken away")
	errTooLong = errors.New("stats: the file would have more rows than a sheet")
)

// writeFile writes the workbook, a month after another, and tells the record how far it is.
func (s *Stats) writeFile(ctx context.Context, f File, to io.Writer) error {
	q := Query{From: DateOf(f.From, s.zone()), Until: DateOf(f.Until, s.zone()), Channels: f.Channels}
	pieces := q.pieces()
	var whole int64
	for _, p := range pieces {
		n, err := s.numLines(ctx, q, p, f.Chosen)
		if err != nil {
			return err
		}
		whole += n
	}
	if whole >= workbook.MostRows {
		return errTooLong
	}
	tell := func(done, whole int64) error {
		n, err := s.db.Exec(ctx, `UPDATE stat_file SET done = $2, whole = $3 WHERE id = $1 AND state = 'making'`, f.ID, done, max(done, whole))
		if err == nil && n == 0 {
			err = errGone
		}
		return err
	}
	if err := tell(0, whole); err != nil {
		return err
	}
	sheet, heads, row := s.words(f.Lang)
	book, err := workbook.New(to, sheet, heads)
	if err != nil {
		return err
	}
	var done int64
	for _, p := range pieces {
		lines, err := s.lines(ctx, q, p, f.Chosen)
		if err != nil {
			return err
		}
		told := make([]Told, len(lines))
		for i, l := range lines {
			told[i].Month = l.day / 100
			for d, code := range saidIn(l.text) {
				if d != Hour {
					told[i].said = append(told[i].said, Said{d, code})
				}
			}
		}
		// In no order that tells who came first, or when: that of what they say.
		slices.SortFunc(told, func(a, b Told) int { return slices.CompareFunc(a.said, b.said, Said.compare) })
		for _, t := range told {
			if err := book.Row(row(t)...); err != nil {
				return err
			}
			if done++; done%tellEvery == 0 {
				if err := tell(done, whole); err != nil {
					return err
				}
			}
		}
	}
	if err := book.Close(); err != nil {
		return err
	}
	return tell(done, done)
}
