package evidence

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/picture/pdq"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// What is known of two pictures that look alike.
const (
	MatchOpen  = "open"  // nobody has looked yet
	MatchSame  = "same"  // somebody looked: it is the same picture
	MatchOther = "other" // somebody looked: they only look alike
)

// verdicts is the one table of what may be said of a match, by what was said before: whoever was wrong may say so.
var verdicts = map[string][]string{MatchOpen: {MatchSame, MatchOther}, MatchSame: {MatchOther}, MatchOther: {MatchSame}}

// Match is two kept pictures whose hashes are near: a lead for somebody who looks, and nothing else follows from it. It is in
// ids, codes and times; what is in the items is asked for by whoever may read their files.
type Match struct {
	ID string
	// Earlier is the one that was kept first.
	Earlier, Later Side
	// Distance is in bits of 256: 0 for the same picture, pdq.Threshold at most.
	Distance int
	// Form is how the later one lies beside the earlier: a form of pdq as a code, "flip_y".
	Form     string
	State    string
	FoundAt  int64 // Unix milliseconds, 0 for "not yet"
	JudgedAt int64
	JudgedBy string
}

// Side is one of the two pictures of a match, and the file that it is in now.
type Side struct {
	ItemID, FileID string
	Number         int64
}

// Across says whether the two are of different files.
func (m Match) Across() bool { return m.Earlier.FileID != m.Later.FileID }

// Beside returns the two pictures of a match as somebody sees them who is in a file: hers, and the other one. Where both are
// hers, hers is the later.
func (m Match) Beside(fileID string) (hers, other Side) {
	if m.Later.FileID == fileID {
		return m.Later, m.Earlier
	}
	return m.Earlier, m.Later
}

// mostMatches is how many pictures one is matched with, the nearest: of one that the whole country sends on, these are enough to
// know it by.
const mostMatches = 50

// untilKnown is after how long a search is tried again that came before this node knew the pictures that are kept.
const untilKnown = 2 * time.Second

// matchItem is the job that looks for pictures like one that was just hashed. The one of two that was hashed later finds the
// other in the record, on whatever nodes that was, so no pair is lost.
func (e *Evidence) matchItem(ctx context.Context, job jobs.Job[pictureArgs]) error {
	if !e.known.loaded.Load() {
		return jobs.Again(e.now().Add(untilKnown))
	}
	item, err := e.Item(ctx, string(job.Args.Item))
	if lost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if withheld, err := e.withheld(ctx, item); err != nil || withheld || item.Hash != Hashed {
		return err
	}
	hash, _, err := e.hashOf(ctx, item)
	if err != nil {
		return err
	}
	if err := e.refreshFor(ctx, item.ID); err != nil {
		return err
	}
	found := make([]Match, 0, mostMatches)
	for _, hit := range e.known.bank.NearForms(hash.Forms, pdq.Threshold) {
		if hit.ID == item.ID || len(found) == mostMatches {
			continue
		}
		other, err := e.Item(ctx, hit.ID)
		if lost(err) {
			continue
		}
		if err != nil {
			return err
		}
		if withheld, err := e.withheld(ctx, other); err != nil {
			return err
		} else if !withheld {
			found = append(found, matchOf(item, other, hit))
		}
	}
	return e.insertMatches(ctx, found)
}

// lost says that an item was erased, or that its file went into the archive, where nothing is compared.
func lost(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) || seal.IsShelved(err)
}

// busy says whether a file has pictures that look like others and of which nobody has said what they are.
func (e *Evidence) busy(ctx context.Context, q store.Querier, fileID string) (bool, error) {
	n, err := store.One(ctx, q, scanInt, `SELECT count(*) FROM evidence_match WHERE state = 'open'
		AND (earlier_id IN (SELECT id FROM evidence_item WHERE file_id = $1) OR later_id IN (SELECT id FROM evidence_item WHERE file_id = $1))`, fileID)
	return n > 0, err
}

// matchOf is the match of an item with another that is near it.
func matchOf(item, other Item, hit pdq.Hit) Match {
	m := Match{Distance: hit.Distance, Earlier: Side{ItemID: item.ID, FileID: item.FileID}, Later: Side{ItemID: other.ID, FileID: other.FileID}}
	form := hit.Form
	if other.AddedAt < item.AddedAt || other.AddedAt == item.AddedAt && other.ID < item.ID {
		m.Earlier, m.Later = m.Later, m.Earlier
		form = form.Back()
	}
	m.Form = strings.ReplaceAll(form.String(), " ", "_")
	return m
}

// insertMatches writes pairs that are not known yet, in an order that keeps two nodes from waiting for each other.
func (e *Evidence) insertMatches(ctx context.Context, found []Match) error {
	slices.SortFunc(found, func(a, b Match) int {
		return strings.Compare(a.Earlier.ItemID+a.Later.ItemID, b.Earlier.ItemID+b.Later.ItemID)
	})
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		for _, m := range found {
			n, err := tx.Exec(ctx, `INSERT INTO evidence_match (id, earlier_id, later_id, distance, form, found_at) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (earlier_id, later_id) DO NOTHING`, store.NewID(), m.Earlier.ItemID, m.Later.ItemID, m.Distance, m.Form, store.Millis(e.now()))
			if err != nil {
				return err
			}
			if n > 0 {
				tx.AfterCommit(func() { e.files.Changed(m.Earlier.FileID); e.files.Changed(m.Later.FileID) })
			}
		}
		return nil
	})
}

const selectMatch = `SELECT m.id, m.distance, m.form, m.state, m.found_at, m.judged_at, m.judged_by, a.id, a.file_id, a.number, b.id, b.file_id, b.number
	FROM evidence_match m JOIN evidence_item a ON a.id = m.earlier_id JOIN evidence_item b ON b.id = m.later_id`

func scanMatch(r store.Row) (m Match, err error) {
	return m, r.Scan(&m.ID, &m.Distance, &m.Form, &m.State, &m.FoundAt, &m.JudgedAt, &m.JudgedBy,
		&m.Earlier.ItemID, &m.Earlier.FileID, &m.Earlier.Number, &m.Later.ItemID, &m.Later.FileID, &m.Later.Number)
}

// matchesAtOnce is how many matches are listed at most.
const matchesAtOnce = 200

// MatchesOf returns the matches of a file's pictures, those that nobody has judged first, then the newest: 200 at most. Those
// with a picture that nobody may hold any more are not among them.
func (e *Evidence) MatchesOf(ctx context.Context, fileID string) ([]Match, error) {
	all, err := store.All(ctx, e.db, scanMatch, selectMatch+` WHERE a.file_id = $1 AND a.pdq = 'hashed'
		UNION `+selectMatch+` WHERE b.file_id = $1 AND b.pdq = 'hashed'`, fileID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(x, y Match) int {
		if (x.State == MatchOpen) != (y.State == MatchOpen) {
			if x.State == MatchOpen {
				return -1
			}
			return 1
		}
		return strings.Compare(y.ID, x.ID) // ids are in the order of time
	})
	return e.shown(ctx, all[:min(len(all), matchesAtOnce)])
}

// OpenMatches returns the matches that nobody has judged, the oldest first: 200 at most. Otherwise as MatchesOf.
func (e *Evidence) OpenMatches(ctx context.Context) ([]Match, error) {
	all, err := store.All(ctx, e.db, scanMatch, selectMatch+` WHERE m.state = 'open' ORDER BY m.found_at, m.id LIMIT $1`, matchesAtOnce)
	if err != nil {
		return nil, err
	}
	return e.shown(ctx, all)
}

// shown leaves out the matches whose pictures nobody may hold any more.
func (e *Evidence) shown(ctx context.Context, all []Match) ([]Match, error) {
	withheld := map[string]bool{}
	ask := func(fileID string) error {
		if _, asked := withheld[fileID]; asked {
			return nil
		}
		file, err := e.files.Get(ctx, fileID)
		withheld[fileID] = err == nil && e.NoCapture(file)
		return err
	}
	shown := make([]Match, 0, len(all))
	for _, m := range all {
		if err := errors.Join(ask(m.Earlier.FileID), ask(m.Later.FileID)); fault.Is(err, fault.NotFound) { // erased meanwhile
			continue
		} else if err != nil {
			return nil, err
		}
		if !withheld[m.Earlier.FileID] && !withheld[m.Later.FileID] {
			shown = append(shown, m)
		}
	}
	return shown, nil
}

// Match returns one match. It returns fault.NotFound "fault.evidence.match_unknown" when there is none that is shown.
func (e *Evidence) Match(ctx context.Context, id string) (Match, error) {
	all, err := store.All(ctx, e.db, scanMatch, selectMatch+` WHERE m.id = $1`, id)
	if err == nil {
		all, err = e.shown(ctx, all)
	}
	if err == nil && len(all) == 0 {
		err = fault.New(fault.NotFound, "fault.evidence.match_unknown")
	}
	if err != nil {
		return Match{}, err
	}
	return all[0], nil
}

// Judge writes what somebody who looked says of a match: MatchSame or MatchOther. before is what it said on her page:
// fault.Conflict "fault.evidence.match_judged" when somebody said something else meanwhile. Said again, it changes nothing. It
// returns fault.Invalid "fault.evidence.verdict" for what nobody can say, and otherwise what Match does. Whether she may is asked
// before.
func (e *Evidence) Judge(ctx context.Context, id, before, verdict string, by audit.Actor) error {
	if !slices.Contains(verdicts[before], verdict) {
		return fault.New(fault.Invalid, "fault.evidence.verdict")
	}
	m, err := e.Match(ctx, id)
	if err != nil || m.State == verdict {
		return err
	}
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE evidence_match SET state = $3, judged_at = $4, judged_by = $5 WHERE id = $1 AND state = $2`, id, before, verdict, store.Millis(e.now()), by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.evidence.match_judged")
		}
		if err := e.judged(ctx, tx, m, verdict, by); err != nil {
			return err
		}
		return e.record(ctx, tx, by, "evidence.match", id, map[string]string{"earlier": m.Earlier.ItemID, "later": m.Later.ItemID, "verdict": verdict})
	})
}

// judged writes a verdict into the custody of both pictures and the timelines of their files, where they are now.
func (e *Evidence) judged(ctx context.Context, tx *store.Tx, m Match, verdict string, by audit.Actor) error {
	told := map[string]bool{}
	for _, side := range []Side{m.Earlier, m.Later} {
		if err := e.custody(ctx, tx, side.ItemID, "described", "picture_"+verdict, 0, by); err != nil {
			return err
		}
		fileID, err := store.One(ctx, tx, scanID, `SELECT file_id FROM evidence_item WHERE id = $1`, side.ItemID)
		if err != nil {
			return err
		}
		if told[fileID] {
			continue
		}
		told[fileID] = true
		if err := e.files.Happened(ctx, tx, fileID, by, "match_"+verdict, m.ID, ""); err != nil {
			return err
		}
	}
	return nil
}
