package evidence

import (
	"context"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// Newest returns the newest items of a file, n at most, by number, and how many older ones there are, which are not opened.
func (e *Evidence) Newest(ctx context.Context, fileID string, n int) (items []Item, older int, err error) {
	items, err = store.All(ctx, e.db, scanItem, selectItem+` WHERE file_id = $1 ORDER BY number DESC LIMIT $2`, fileID, n)
	if err != nil {
		return nil, 0, err
	}
	slices.Reverse(items)
	for i := range items {
		if err := e.unseal(ctx, &items[i]); err != nil {
			return nil, 0, err
		}
	}
	if len(items) == n {
		kept, err := e.Kept(ctx, fileID)
		if err != nil {
			return nil, 0, err
		}
		older = max(0, kept-n)
	}
	return items, older, nil
}

// ChainsOf returns the custody of some items, each the oldest first.
func (e *Evidence) ChainsOf(ctx context.Context, items []Item) (map[string][]Custody, error) {
	chains := map[string][]Custody{}
	for some := range slices.Chunk(items, 500) {
		ids := make([]string, len(some))
		for i, item := range some {
			ids[i] = item.ID
		}
		var b store.Builder
		b.Text(selectCustody)
		store.In(&b, " WHERE item_id", ids)
		b.Text(" ORDER BY at, id")
		all, err := store.All(ctx, e.db, scanCustody, b.SQL(), b.Args()...)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			chains[c.ItemID] = append(chains[c.ItemID], c)
		}
	}
	return chains, nil
}

// Printed writes into the custody of items that what is known of them was printed; the originals are not opened.
func (e *Evidence) Printed(ctx context.Context, items []Item, by audit.Actor) error {
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		for _, item := range items {
			if err := e.custody(ctx, tx, item.ID, "looked", "print", 0, by); err != nil {
				return err
			}
		}
		return nil
	})
}
