package seal

// insertLookup writes nothing when the record has gone on to another epoch, when the key is gone, or
// when the same lookup is there already.
const insertLookup = `INSERT INTO lookup (id, field, hash, epoch, owner, key_id, value_sealed, created_at)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BLOB), e.number, CAST($5 AS TEXT), w.id, CAST($7 AS BLOB), CAST($8 AS BIGINT)
FROM keys.epoch e, keys.wrapped_key w
WHERE e.number = $4 AND w.id = $6
AND NOT EXISTS (SELECT 1 FROM lookup l WHERE l.key_id = $6 AND l.owner = $5 AND l.field = $2 AND l.hash = $3)`

const deleteOwnerLookups = `DELETE FROM lookup WHERE key_id = $1 AND owner = $2 AND field = $3`

// selectLookup returns at least the row of the current epoch, so that the one who asks sees whether he
// asked with the right hashes. The list of hashes follows.
const selectLookup = `SELECT e.number, l.id, l.owner FROM keys.epoch e
LEFT JOIN lookup l ON l.field = $1 AND l.hash IN (`
