package takedown

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/takedown/route"
)

// KeyOfLogin is the kind of the key of a log-in, OwnersOfLoginKeys its owners, for seal.Keeper.SweepOrphans.
const (
	KeyOfLogin        = "takedown_login"
	OwnersOfLoginKeys = `SELECT id FROM takedown_login`
)

// Login is how we are known to a network's API, without the secret of it.
type Login struct {
	Route, Server string
	SetAt         int64 // Unix milliseconds
	SetBy         string
}

// machineRoutes are the routes that are APIs.
var machineRoutes = []string{"mastodon", "atproto", "youtube"}

// ByAPI says whether a route is an API of a network.
func ByAPI(via string) bool { return slices.Contains(machineRoutes, via) }

func secretField(id string) seal.Field {
	return seal.Field{Table: "takedown_login", Column: "secret_sealed", Row: id, Version: 1}
}

// SetLogin keeps how we are known to an API, in the place of what was known before. secret is JSON of the route's own shape;
// server the host it is for, "" where a network has one API. It returns fault.Invalid "fault.takedown.login" for another route
// or for what is no JSON object.
func (t *Takedown) SetLogin(ctx context.Context, via, server string, secret []byte, by audit.Actor) error {
	var shape map[string]any
	if !ByAPI(via) || json.Unmarshal(secret, &shape) != nil {
		return fault.New(fault.Invalid, "fault.takedown.login")
	}
	id := store.NewID()
	key, err := t.keys.NewKey(ctx, KeyOfLogin, id)
	if err != nil {
		return err
	}
	var old []string
	err = t.db.Tx(ctx, func(tx *store.Tx) error {
		if old, err = store.All(ctx, tx, scanText, `SELECT key_id FROM takedown_login WHERE route = $1 AND server = $2`, via, server); err != nil {
			return err
		}
		for _, k := range old {
			if err := t.keys.Drop(ctx, tx, k); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM takedown_login WHERE route = $1 AND server = $2`, via, server); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO takedown_login (id, route, server, key_id, set_at, set_by, secret_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, via, server, key.ID(), store.Millis(t.now()), by.ID, key.Seal(secretField(id), secret)); err != nil {
			return err
		}
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown.login", Object: "login", ObjectID: id, Detail: map[string]string{"route": via}})
	})
	if err != nil {
		return errors.Join(err, t.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	for _, k := range old {
		err = errors.Join(err, t.keys.Destroy(ctx, k))
	}
	_, orphans := t.keys.SweepOrphans(ctx, KeyOfLogin, OwnersOfLoginKeys) // of an earlier call that was killed
	return errors.Join(err, orphans)
}

// Logins returns the APIs that we are known to.
func (t *Takedown) Logins(ctx context.Context) ([]Login, error) {
	return store.All(ctx, t.db, func(r store.Row) (l Login, err error) {
		return l, r.Scan(&l.Route, &l.Server, &l.SetAt, &l.SetBy)
	}, `SELECT route, server, set_at, set_by FROM takedown_login ORDER BY route, server`)
}

// login opens how we are known to an API; ok is false when we are not.
func (t *Takedown) login(ctx context.Context, via, server string) (c route.Credentials, ok bool, err error) {
	type row struct {
		id, keyID string
		sealed    []byte
	}
	l, err := store.One(ctx, t.db, func(r store.Row) (l row, err error) { return l, r.Scan(&l.id, &l.keyID, &l.sealed) },
		`SELECT id, key_id, secret_sealed FROM takedown_login WHERE route = $1 AND (server = $2 OR server = '') ORDER BY server DESC LIMIT 1`, via, strings.ToLower(server))
	if errors.Is(err, store.ErrNoRow) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	key, err := t.keys.Key(ctx, l.keyID)
	if err != nil {
		return nil, false, err
	}
	plain, err := key.Open(secretField(l.id), l.sealed)
	return route.Credentials(plain), err == nil, err
}

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }
