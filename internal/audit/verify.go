package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"vigie/internal/store"
)

// Report is what Verify found.
type Report struct {
	Blocks, Rows int // sealed, and in order
	// Unsealed counts the rows that wait for their block, and OldestUnsealed is when the first of them
	// was written; more than a few seconds ago means that nobody seals.
	Unsealed       int
	OldestUnsealed time.Time
	// Late counts rows that were sealed more than a minute after they were written. A server that was
	// down leaves a few; many of them may be the end of a chain that was cut and sealed anew.
	Late int
	// Broken says where the chain first does not agree, with the block's number and the row's id as far
	// as they can be told; "" when all agrees.
	Broken string
	// Head is the end of the chain, to be kept outside and given to the next Verify.
	Head Head
}

// Verify walks the whole log, in bounded memory, while it is being written. It finds any sealed row or
// block that was altered, deleted, inserted, moved or renumbered, and any unsealed row that was altered.
// known are heads that were kept outside the database; with them it also finds that the end of the chain
// was cut off. A broken chain is no error but Report.Broken; an error means that it could not look.
func Verify(ctx context.Context, db *store.DB, key []byte, known ...Head) (Report, error) {
	v := &verifier{db: db, key: key, known: known}
	err := v.walk(ctx)
	var b brokenChain
	if errors.As(err, &b) {
		v.report.Broken = string(b)
		err = nil
	}
	if err != nil {
		return v.report, fmt.Errorf("audit: verifying: %w", err)
	}
	return v.report, nil
}

// brokenChain ends the walk with what is said in Report.Broken.
type brokenChain string

func (b brokenChain) Error() string { return string(b) }

func broken(format string, args ...any) error { return brokenChain(fmt.Sprintf(format, args...)) }

type verifier struct {
	db     *store.DB
	key    []byte
	known  []Head
	report Report
	before []byte // mac of the block before
}

// pageBlocks is how many blocks are read at once.
const pageBlocks = 500

func (v *verifier) walk(ctx context.Context) error {
	last, err := lastBlock(ctx, v.db)
	if err != nil {
		return err
	}
	v.report.Head = last.head()
	if first, err := store.One(ctx, v.db, scanBlock, selectBlockBefore); err == nil {
		return broken("block %d was inserted before the first", first.number)
	} else if !errors.Is(err, store.ErrNoRow) {
		return err
	}
	for next := int64(1); next <= last.number; {
		blocks, err := store.All(ctx, v.db, scanBlock, selectBlocks, next, last.number, pageBlocks)
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			return broken("block %d is missing", next)
		}
		if next, err = v.page(ctx, next, blocks); err != nil {
			return err
		}
	}
	for _, h := range v.known {
		if h.Block > last.number {
			return broken("the chain was cut: it ends with block %d, and block %d was known", last.number, h.Block)
		}
	}
	if id, err := store.One(ctx, v.db, scanID, selectRowBefore); err == nil {
		return broken("row %s belongs to no block", id)
	} else if !errors.Is(err, store.ErrNoRow) {
		return err
	}
	if id, err := store.One(ctx, v.db, scanID, selectRowBeyond, last.number); err == nil {
		return broken("row %s belongs to a block after the last: the chain was cut, or the row inserted", id)
	} else if !errors.Is(err, store.ErrNoRow) {
		return err
	}
	return v.unsealed(ctx)
}

func scanID(s store.Row) (id string, err error) { return id, s.Scan(&id) }

// page checks as many of the blocks as fit in memory with their rows, one at least, and returns the
// number of the block that comes next.
func (v *verifier) page(ctx context.Context, next int64, blocks []block) (int64, error) {
	var rows int64
	for i, b := range blocks {
		missing, absurd := b.number != next+int64(i), b.rows < 1 || b.rows > maxBlock
		if i > 0 && (missing || absurd || rows+b.rows > maxBlock) {
			blocks = blocks[:i] // what comes before is looked at first
			break
		}
		if missing {
			return 0, broken("block %d is missing", next)
		}
		if absurd {
			return 0, broken("block %d was altered: it claims %d rows", b.number, b.rows)
		}
		rows += b.rows
	}
	end := blocks[len(blocks)-1].number
	found, err := store.All(ctx, v.db, scanRow, selectBlockRows, next, end, rows+1)
	if err != nil {
		return 0, err
	}
	for i := range blocks {
		n := 0
		for n < len(found) && found[n].Block == blocks[i].number {
			n++
		}
		if err := v.block(&blocks[i], found[:n]); err != nil {
			return 0, err
		}
		found = found[n:]
	}
	return end + 1, nil
}

// block checks one block with the rows that were found under its number.
func (v *verifier) block(b *block, rows []Row) error {
	inOrder(rows)
	for i := range rows {
		if !hmac.Equal(rows[i].mark, rows[i].sign(v.key)) {
			return broken("row %s of block %d was altered or inserted", rows[i].ID, b.number)
		}
	}
	switch n := int64(len(rows)); {
	case n < b.rows:
		return broken("block %d has lost %d of its %d rows", b.number, b.rows-n, b.rows)
	case n > b.rows:
		return broken("block %d has rows that are not its own", b.number)
	}
	if !hmac.Equal(b.mac, b.link(v.key, v.before, rows)) {
		return broken("block %d was altered, or its rows exchanged with another's", b.number)
	}
	for _, h := range v.known {
		if h.Block == b.number && h != b.head() {
			return broken("block %d is not the one that was known: the chain was cut before it and begun anew", b.number)
		}
	}
	for i := range rows {
		if b.at-rows[i].At > time.Minute.Milliseconds() {
			v.report.Late++
		}
	}
	v.before = bytes.Clone(b.mac)
	v.report.Blocks++
	v.report.Rows += len(rows)
	return nil
}

// unsealed checks the marks of the rows that wait for their block.
func (v *verifier) unsealed(ctx context.Context) error {
	for after := ""; ; {
		rows, err := store.All(ctx, v.db, scanRow, selectUnsealed, after, maxBlock)
		if err != nil {
			return err
		}
		for i := range rows {
			if !hmac.Equal(rows[i].mark, rows[i].sign(v.key)) {
				return broken("row %s was altered or inserted before it was sealed", rows[i].ID)
			}
			if v.report.Unsealed == 0 {
				v.report.OldestUnsealed = store.Time(rows[i].At)
			}
			v.report.Unsealed++
		}
		if len(rows) < maxBlock {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}
