package seal

// One row or none.
const selectEpoch = `SELECT number, proof_sealed FROM keys.epoch ORDER BY number DESC LIMIT 1`

const countKeys = `SELECT count(*) FROM keys.wrapped_key`

const countKeysByKind = `SELECT kind, epoch, count(*) FROM keys.wrapped_key GROUP BY kind, epoch`

const countLookups = `SELECT count(*) FROM lookup`

// insertKey writes nothing, and returns nothing, when the record has gone on to another epoch.
const insertKey = `INSERT INTO keys.wrapped_key (id, kind, owner, epoch, key_sealed, created_at)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), number, CAST($5 AS BLOB), CAST($6 AS BIGINT) FROM keys.epoch WHERE number = $4`

// holdEpoch, on PostgreSQL, makes a rotation wait for this transaction before it leaves the epoch.
// SQLite has one writer, so there nothing can come between.
const holdEpoch = ` FOR SHARE`

const returningID = ` RETURNING id`

const selectKey = `SELECT id, kind, owner, epoch, key_sealed FROM keys.wrapped_key WHERE id = $1`

const selectKeyInUse = selectKey + ` AND NOT EXISTS (SELECT 1 FROM key_shelf s WHERE s.key_id = $1)`

// The list of ids follows, and notOnShelf.
const selectKeys = `SELECT id, kind, owner, epoch, key_sealed FROM keys.wrapped_key AS w WHERE id IN (`

const notOnShelf = `) AND NOT EXISTS (SELECT 1 FROM key_shelf s WHERE s.key_id = w.id)`

const deleteKey = `DELETE FROM keys.wrapped_key WHERE id = $1`

const deleteLookups = `DELETE FROM lookup WHERE key_id = $1`

// The rooms' own query of the owners that exist takes the place of %s.
const selectOrphans = `SELECT id FROM keys.wrapped_key WHERE kind = $1 AND created_at < $2 AND owner NOT IN (%s) ORDER BY id LIMIT $3`

const deleteOrphan = `DELETE FROM keys.wrapped_key WHERE id = $1 AND kind = $2 AND owner NOT IN (%s)`

const countKeysOfKind = `SELECT count(*) FROM keys.wrapped_key WHERE kind = $1`

const insertShelf = `INSERT INTO key_shelf (key_id, since) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING`

const deleteShelf = `DELETE FROM key_shelf WHERE key_id = $1`

const countOnShelf = `SELECT count(*) FROM key_shelf s JOIN keys.wrapped_key w ON w.id = s.key_id WHERE s.key_id = $1`

const countShelf = `SELECT count(*) FROM key_shelf s JOIN keys.wrapped_key w ON w.id = s.key_id`
