package evidence

import (
	"context"
	"errors"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/picture"
	"vigie/internal/store"
)

// A picture is covered — grey, blurred, small — until somebody asks to see it. That she asks is a look in its custody, and how
// long it was uncovered counts into what she has seen today: nobody should find out too late that it was too much.

// longestLook is what one look counts for at most, and how long it opens the picture: her page covers it by itself long before.
const longestLook = 10 * time.Minute

// Shown says whether an item is a picture that the desk can draw.
func (i Item) Shown() bool { return i.Kind == KindFile && strings.HasPrefix(i.Media, "image/") }

// Uncover writes that somebody looks at a picture from now on, and returns the id of her look. It returns fault.NotFound
// "fault.evidence.unknown" for what is no picture, fault.Forbidden "fault.evidence.no_capture" for one that nobody may hold any more.
func (e *Evidence) Uncover(ctx context.Context, id string, by audit.Actor) (look string, err error) {
	item, err := e.drawable(ctx, id)
	if err != nil {
		return "", err
	}
	return e.look(ctx, item, "desk", by)
}

// UncoverElsewhere writes that somebody looks from now on at a picture that is no evidence: one that came in a conversation, whose
// own room has the look in its log. It returns the id under which Seen counts how long.
func (e *Evidence) UncoverElsewhere(ctx context.Context, by audit.Actor) (look string, err error) {
	look = store.NewID()
	return look, e.db.Tx(ctx, func(tx *store.Tx) error { return e.began(ctx, tx, look, by) })
}

func (e *Evidence) began(ctx context.Context, tx *store.Tx, look string, by audit.Actor) error {
	_, err := tx.Exec(ctx, `INSERT INTO evidence_seen (id, staff_id, began_at) VALUES ($1, $2, $3)`, look, by.ID, store.Millis(e.now()))
	return err
}

// Picture is a picture as the desk shows it, covered unless look is one of hers that is not over. A look of somebody else, or an
// old one, is fault.Forbidden "fault.evidence.covered".
func (e *Evidence) Picture(ctx context.Context, id, look string, by audit.Actor) ([]byte, error) {
	item, err := e.drawable(ctx, id)
	if err != nil {
		return nil, err
	}
	if look != "" {
		n, err := store.One(ctx, e.db, scanInt, `SELECT count(*) FROM evidence_custody WHERE id = $1 AND item_id = $2 AND actor_id = $3 AND act = 'looked' AND at > $4`,
			look, id, by.ID, store.Millis(e.now().Add(-longestLook)))
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, fault.New(fault.Forbidden, "fault.evidence.covered")
		}
	}
	r, err := e.blobs.Get(ctx, item.blobID, item.Content.Identity)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cover := picture.Uncovered
	if look == "" {
		cover = picture.Covered
	}
	return e.pictures.Draw(ctx, r, cover)
}

func (e *Evidence) drawable(ctx context.Context, id string) (Item, error) {
	item, err := e.Item(ctx, id)
	if err != nil {
		return item, err
	}
	if !item.Shown() || e.pictures == nil {
		return item, fault.New(fault.NotFound, "fault.evidence.unknown")
	}
	if withheld, err := e.withheld(ctx, item); err != nil || withheld {
		return item, errors.Join(err, fault.New(fault.Forbidden, "fault.evidence.no_capture"))
	}
	return item, nil
}

// Seen says how long a look of hers has lasted so far. A page may say it late, twice or wrongly: it only grows, and is never longer
// than the time that has passed. A look that is not hers changes nothing.
func (e *Evidence) Seen(ctx context.Context, look string, lasted time.Duration, by audit.Actor) error {
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		began, err := store.One(ctx, tx, scanInt, `SELECT began_at FROM evidence_seen WHERE id = $1 AND staff_id = $2`, look, by.ID)
		if errors.Is(err, store.ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		passed := e.now().Sub(store.Time(began)) + time.Second
		seconds := int64(max(0, min(lasted, passed, longestLook)) / time.Second)
		for _, table := range []string{"evidence_seen", "evidence_custody"} {
			if _, err := tx.Exec(ctx, `UPDATE `+table+` SET seconds = $2 WHERE id = $1 AND seconds < $2`, look, seconds); err != nil {
				return err
			}
		}
		return nil
	})
}

// Look is how long somebody looked at a picture, from when; not at which.
type Look struct {
	At     time.Time
	Lasted time.Duration
}

// LooksOf are somebody's looks since a time, the oldest first: for herself.
func (e *Evidence) LooksOf(ctx context.Context, staffID string, since time.Time) ([]Look, error) {
	return store.All(ctx, e.db, func(r store.Row) (l Look, err error) {
		var at, seconds int64
		err = r.Scan(&at, &seconds)
		return Look{store.Time(at), time.Duration(seconds) * time.Second}, err
	}, `SELECT began_at, seconds FROM evidence_seen WHERE staff_id = $1 AND began_at >= $2 ORDER BY began_at, id`, staffID, store.Millis(since))
}

// ForgetLooks forgets everybody's looks that began before a time; what is in the custody stays.
func (e *Evidence) ForgetLooks(ctx context.Context, before time.Time) error {
	_, err := e.db.Exec(ctx, `DELETE FROM evidence_seen WHERE began_at < $1`, store.Millis(before))
	return err
}

// SeenSince is how long each member of staff has looked at pictures since a time, by her id; who has not is not in it.
func (e *Evidence) SeenSince(ctx context.Context, since time.Time) (map[string]time.Duration, error) {
	type row struct {
		staff   string
		seconds int64
	}
	rows, err := store.All(ctx, e.db, func(r store.Row) (x row, err error) { return x, r.Scan(&x.staff, &x.seconds) },
		`SELECT staff_id, CAST(sum(seconds) AS BIGINT) FROM evidence_seen WHERE began_at >= $1 GROUP BY staff_id`, store.Millis(since))
	all := map[string]time.Duration{}
	for _, x := range rows {
		all[x.staff] = time.Duration(x.seconds) * time.Second
	}
	return all, err
}

func (e *Evidence) look(ctx context.Context, item Item, purpose string, by audit.Actor) (id string, err error) {
	err = e.db.Tx(ctx, func(tx *store.Tx) error {
		id = store.NewID()
		if err := e.custodyAs(ctx, tx, id, item.ID, "looked", purpose, 0, by); err != nil {
			return err
		}
		if err := e.began(ctx, tx, id, by); err != nil {
			return err
		}
		return e.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "evidence.looked", Object: "evidence", ObjectID: item.ID, Purpose: purpose})
	})
	return id, err
}
