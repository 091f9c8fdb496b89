package seal

const insertEpoch = `INSERT INTO keys.epoch (number, began_at, proof_sealed) VALUES ($1, $2, $3) ON CONFLICT (number) DO NOTHING`

// Waits for everything that holds the epoch (holdEpoch).
const leaveEpochs = `DELETE FROM keys.epoch WHERE number < $1`

const selectKeysToRewrap = `SELECT id, kind, owner, epoch, key_sealed FROM keys.wrapped_key WHERE epoch < $1 AND id > $2 ORDER BY id LIMIT $3`

// The portion's rows follow: id, its epoch, the key wrapped again. A key that was destroyed meanwhile
// does not come back.
const rewrapKeys = `UPDATE keys.wrapped_key AS w SET epoch = $1, key_sealed = v.column3 FROM (VALUES `

const rewrapKeysEnd = `) AS v WHERE w.id = v.column1 AND w.epoch = v.column2`

const countKeysUnder = `SELECT count(*) FROM keys.wrapped_key WHERE epoch = $1`

const selectLookupsToReindex = `SELECT l.id, l.field, l.epoch, l.key_id, l.value_sealed, w.kind, w.epoch, w.key_sealed
FROM lookup l LEFT JOIN keys.wrapped_key w ON w.id = l.key_id
WHERE l.epoch < $1 AND l.id > $2 ORDER BY l.id LIMIT $3`

// The portion's rows follow: id, its epoch, the next hash.
const reindexLookups = `UPDATE lookup AS w SET epoch = $1, hash = v.column3 FROM (VALUES `

const reindexLookupsEnd = `) AS v WHERE w.id = v.column1 AND w.epoch = v.column2`

const deleteDeadLookup = `DELETE FROM lookup WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM keys.wrapped_key w WHERE w.id = $2)`
