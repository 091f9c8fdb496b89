package audit

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/store"
)

// maxBlock is the most rows that one block seals, so that a block always fits in memory.
const maxBlock = 2000

// The sealer's lease: who has it seals, and keeps it while it works; when its node dies another takes
// over after lease. Two sealers at once would do no harm, only work for nothing.
const (
	lease = 10 * time.Second
	renew = 5 * time.Second
)

// block is one link of the chain.
type block struct {
	number, at, rows int64
	mac              []byte
}

func scanBlock(s store.Row) (b block, err error) {
	return b, s.Scan(&b.number, &b.at, &b.rows, &b.mac)
}

// link returns the block's mac: a keyed hash of its number, time and count, of the mac before, and of
// every row in the order of their ids.
func (b *block) link(key, before []byte, rows []Row) []byte {
	mac := hmac.New(sha256.New, key)
	head := append(make([]byte, 0, 256), "vigie audit block"...)
	for _, n := range [...]int64{b.number, b.at, b.rows, int64(len(before))} {
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	}
	mac.Write(append(head, before...))
	buffer := make([]byte, 0, 256)
	for i := range rows {
		buffer = rows[i].canonical(buffer[:0])
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(buffer))))
		mac.Write(buffer)
	}
	return mac.Sum(nil)
}

// inOrder sorts rows by id here, because databases do not sort text alike.
func inOrder(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
}

// SealTail seals every row that is not sealed yet and returns how many. When there is none it costs one
// reading; while another node has the lease it leaves the work to it.
func (l *Log) SealTail(ctx context.Context) (int, error) {
	type work struct {
		holder string
		until  int64
		rows   int64
	}
	w, err := store.One(ctx, l.db, func(s store.Row) (w work, err error) { return w, s.Scan(&w.holder, &w.until, &w.rows) }, selectWork)
	if err != nil {
		return 0, fmt.Errorf("audit: looking for work: %w", err)
	}
	now := store.Millis(l.now())
	if w.rows == 0 || w.holder != l.node && w.until > now {
		return 0, nil
	}
	total := 0
	for {
		// Sealing a long tail takes a moment; the lease is taken again with each block then.
		ours := total == 0 && w.holder == l.node && w.until > now+renew.Milliseconds()
		n, err := l.sealBlock(ctx, ours)
		total += n
		if err != nil || n < maxBlock {
			return total, err
		}
	}
}

// sealBlock seals the oldest rows into the next block and returns how many; none when another node was
// quicker.
func (l *Log) sealBlock(ctx context.Context, ours bool) (sealed int, err error) {
	err = l.db.Tx(ctx, func(tx *store.Tx) error {
		sealed = 0
		now := l.now()
		if !ours {
			n, err := tx.Exec(ctx, takeLease, l.node, store.Millis(now.Add(lease)), store.Millis(now))
			if err != nil || n == 0 {
				return err
			}
		}
		last, err := store.One(ctx, tx, scanBlock, selectLastBlock)
		if err != nil && !errors.Is(err, store.ErrNoRow) {
			return err
		}
		next := block{number: last.number + 1, at: store.Millis(now)}
		rows, err := store.All(ctx, tx, scanRow, takeRows, next.number, maxBlock)
		if err != nil || len(rows) == 0 {
			return err
		}
		inOrder(rows)
		next.rows = int64(len(rows))
		if _, err := tx.Exec(ctx, insertBlock, next.number, next.at, next.rows, next.link(l.key, last.mac, rows)); err != nil {
			return err
		}
		sealed = len(rows)
		return nil
	})
	if store.IsConflict(err) {
		return 0, nil // the block exists: another node sealed, and our rows went back
	}
	if err != nil {
		return 0, fmt.Errorf("audit: sealing: %w", err)
	}
	return sealed, nil
}

// Run seals every second until ctx ends, and once more then. Now and then it tells the head of the chain
// to the log, which goes elsewhere than the database and so witnesses that the chain was once so long.
func (l *Log) Run(ctx context.Context) {
	const failuresPerMinute, headEvery = 60, 10 * time.Minute
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failures := 0
	var told Head
	for nextHead := l.now().Add(headEvery); ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if _, err := l.SealTail(last); err != nil {
				slog.Warn("audit: the last rows will be sealed by another node or at the next start", "cause", err)
			}
			return
		case <-tick.C:
		}
		if _, err := l.SealTail(ctx); err != nil && ctx.Err() == nil {
			if failures%failuresPerMinute == 0 {
				slog.Error("audit: the log is not being sealed", "cause", err)
			}
			failures++
			continue
		}
		failures = 0
		if l.now().After(nextHead) {
			nextHead = l.now().Add(headEvery)
			if head, err := l.Head(ctx); err == nil && head != told {
				slog.Info("audit: head of the chain", "head", head.String())
				told = head
			}
		}
	}
}

// Head names the end of the chain. Kept outside the database (a backup's manifest, a log that is shipped
// elsewhere), it lets Verify find that the chain was cut or begun anew.
type Head struct {
	Block int64  // its number; 0 when the chain is empty
	MAC   string // hex
}

// String writes the head in one word, "4711:9f…".
func (h Head) String() string { return strconv.FormatInt(h.Block, 10) + ":" + h.MAC }

// ParseHead reads what String wrote.
func ParseHead(text string) (Head, error) {
	number, mac, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	raw, notHex := hex.DecodeString(mac)
	if err != nil || notHex != nil || n < 0 || n > 0 && len(raw) != sha256.Size || n == 0 && len(raw) != 0 {
		return Head{}, errors.New(`audit: a head is written "number:hex"`)
	}
	return Head{Block: n, MAC: hex.EncodeToString(raw)}, nil
}

// Head returns the end of the chain as it is now.
func (l *Log) Head(ctx context.Context) (Head, error) {
	last, err := lastBlock(ctx, l.db)
	return last.head(), err
}

func lastBlock(ctx context.Context, db *store.DB) (block, error) {
	last, err := store.One(ctx, db, scanBlock, selectLastBlock)
	if err != nil && !errors.Is(err, store.ErrNoRow) {
		return block{}, fmt.Errorf("audit: reading the head: %w", err)
	}
	return last, nil
}

func (b *block) head() Head { return Head{Block: b.number, MAC: hex.EncodeToString(b.mac)} }
