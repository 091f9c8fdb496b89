// Package keeping ends what the helpline keeps (GDPR Art. 5(1)(e) and 17): by rule, when a duration is over that the data protection
// officer decided, and by code, when a person asks with her four words that all she told us be erased.
//
// What is kept is the other rooms'. Each registers its kinds: a query of what there is and since when, queries of what may not go
// yet, and how one thing is erased. This room decides when.
//
// By rule nothing goes that was not on the preview for some days (keeping_due): a duration that was made shorter, a hold that was
// lifted, a document published for the first time never erase at once. Until somebody has published the durations nothing is
// erased by rule at all.
//
// An erasure is one transaction: the keys, the rows, what is counted of it and its place on the preview go together. Files on the disk
// go before it, repeatably. So a process that dies leaves a thing whole or gone, and the next round goes on.
package keeping

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/jobs"
	"vigie/internal/store"
)

// Kind is one kind of data with a duration. Its queries are constants of the room whose data it is, never input.
type Kind struct {
	// Rule is the code of its rule in the catalogue.
	Rule string
	// Things is a query of three columns: id, since (Unix milliseconds, from when the duration counts) and name, by which people
	// call it, or ''. Only what a rule may erase at all is in it.
	Things string
	// Erase erases one thing, with within in the same transaction, whose error undoes it. It is repeatable; what is gone already is
	// no error. It writes its own row of the log.
	Erase func(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error
}

// Hold is a reason why things of a kind may not go yet. Every room may have some.
type Hold struct {
	Rule string
	// Code names the reason ("hold", "watch"); a page has a sentence for each.
	Code string
	// IDs is a query of one column: the things that it keeps.
	IDs string
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Jobs     *jobs.Jobs
	Contacts *contact.Contacts
	Files    *casefile.Files
	// Rules are the durations as they are now, Decided that somebody published them.
	Rules   func() *catalogue.Keeping
	Decided func() bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Keeping is the room. It is safe for concurrent use.
type Keeping struct {
	db       *store.DB
	contacts *contact.Contacts
	files    *casefile.Files
	rules    func() *catalogue.Keeping
	decided  func() bool
	now      func() time.Time
	slog     *slog.Logger
	kinds    []Kind
	holds    []Hold
	rounds   *jobs.Kind[roundArgs]
	persons  *jobs.Kind[personArgs]
}

// New opens the room.
func New(o Options) *Keeping {
	k := &Keeping{db: o.DB, contacts: o.Contacts, files: o.Files, rules: o.Rules, decided: o.Decided, now: o.Now, slog: o.Log}
	if k.now == nil {
		k.now = time.Now
	}
	if k.slog == nil {
		k.slog = slog.Default()
	}
	k.rounds = jobs.Register(o.Jobs, "keeping.round", jobs.Rules{Tries: 1000, Longest: time.Hour, Timeout: 10 * time.Minute, AtOnce: 1}, k.goRound)
	k.persons = jobs.Register(o.Jobs, "keeping.person", jobs.Rules{Tries: 1000, Longest: time.Hour, Timeout: 5 * time.Minute, AtOnce: 1}, k.person)
	return k
}

// Keep adds kinds of data, and Hold reasons why some may not go. Call them while wiring.
func (k *Keeping) Keep(kinds ...Kind) { k.kinds = append(k.kinds, kinds...) }

// Hold adds reasons; the first that fits is the one that is said.
func (k *Keeping) Hold(holds ...Hold) { k.holds = append(k.holds, holds...) }

// Decided says that somebody published the durations: before, nothing is erased by rule.
func (k *Keeping) Decided() bool { return k.decided() }

// standing is a query of all things of a kind as they stand: id, since, name, and held, the code of what keeps one or ”.
func (k *Keeping) standing(kind Kind) string {
	return `(SELECT t.id, t.since, t.name, ` + k.heldCase(kind.Rule, "t.id") + ` AS held FROM (` + kind.Things + `) t)`
}

// heldCase is an expression: the code of what keeps the thing of a kind with this id, or ”.
func (k *Keeping) heldCase(rule, id string) string {
	var b strings.Builder
	for _, h := range k.holds {
		if h.Rule == rule {
			b.WriteString(` WHEN ` + id + ` IN (` + h.IDs + `) THEN '` + h.Code + `'`)
		}
	}
	if b.Len() == 0 {
		return `''`
	}
	return `CASE` + b.String() + ` ELSE '' END`
}

// heldBy says what keeps one thing now, "" when nothing does.
func (k *Keeping) heldBy(ctx context.Context, q store.Querier, rule, id string) (string, error) {
	return store.One(ctx, q, scanText, `SELECT `+k.heldCase(rule, "x.id")+` FROM (SELECT CAST($1 AS TEXT) AS id) x`, id)
}

// errMay ends a transaction that only asked.
var errMay = errors.New("keeping: it may go")

// erases has something erased, with asks in its transaction. What asks says is looked at once before, in a transaction that changes
// nothing: files on the disk go before the erasure, and none may go of what is kept.
func (k *Keeping) erases(ctx context.Context, asks func(context.Context, *store.Tx) error, erase func(within func(context.Context, *store.Tx) error) error) error {
	err := k.db.Tx(ctx, func(tx *store.Tx) error {
		if err := asks(ctx, tx); err != nil {
			return err
		}
		return errMay
	})
	if !errors.Is(err, errMay) {
		return err
	}
	return erase(asks)
}

// count notes that one more was erased, in the erasure's own transaction.
func (k *Keeping) count(ctx context.Context, tx *store.Tx, rule string) error {
	_, err := tx.Exec(ctx, `INSERT INTO keeping_done (rule, month, erased) VALUES ($1, $2, 1)
		ON CONFLICT (rule, month) DO UPDATE SET erased = keeping_done.erased + 1`, rule, k.now().UTC().Format("2006-01"))
	return err
}

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }
