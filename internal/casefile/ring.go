package casefile

import (
	"context"
	"encoding/json"

	"vigie/internal/seal"
	"vigie/internal/store"
)

// ring opens what is sealed in a file, by whatever key of it.
type ring struct {
	keys *seal.Keeper
	have map[string]*seal.Key
}

func (f *Files) ring() *ring { return &ring{keys: f.keys, have: map[string]*seal.Key{}} }

// open opens a sealed value. fault.Gone "fault.seal.destroyed" when its key is gone.
func (r *ring) open(ctx context.Context, keyID string, field seal.Field, sealed []byte) ([]byte, error) {
	key, ok := r.have[keyID]
	if !ok {
		var err error
		if key, err = r.keys.Key(ctx, keyID); err != nil {
			return nil, err
		}
		r.have[keyID] = key
	}
	return key.Open(field, sealed)
}

func (r *ring) openJSON(ctx context.Context, keyID string, field seal.Field, sealed []byte, v any) error {
	plain, err := r.open(ctx, keyID, field, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

// OwnersOfFileKeys are the owners of this room's keys, for seal.Keeper.SweepOrphans: the files that keys were made for,
// whatever file they are in by now.
const OwnersOfFileKeys = `SELECT made_for FROM case_key`

// sweep destroys keys that were made for a file which was then not written.
func (f *Files) sweep(ctx context.Context) error {
	_, err := f.keys.SweepOrphans(ctx, seal.KindFile, OwnersOfFileKeys)
	return err
}

// keyIDs are the ring of a file.
func keyIDs(ctx context.Context, q store.Querier, fileID string) ([]string, error) {
	return store.All(ctx, q, scanText, `SELECT key_id FROM case_key WHERE file_id = $1 ORDER BY since, key_id`, fileID)
}
