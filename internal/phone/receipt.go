package phone

import (
	"context"
	"errors"
	"strings"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/spoken"
	"vigie/internal/store"
)

// Receipt is what a partner line gets for a caller whom it sends: it can be said by telephone, and asked about later.
type Receipt struct {
	ContactID string
	// Partner is the code of the line in the catalogue, as it was when the call came.
	Partner string
	// MadeAt is when the call was received, Unix milliseconds.
	MadeAt int64

	lookup, callID string
}

// String is the code as it is read and said: "119-7K4M".
func (r Receipt) String() string {
	cut := max(0, len(r.lookup)-receiptLength)
	return r.lookup[:cut] + "-" + r.lookup[cut:]
}

// receiptLength is how many signs of a receipt are by chance.
const receiptLength = 4

// receiptLookup is a code as it is looked for, however it was typed: "119 - 7k4m" is "1197K4M".
func receiptLookup(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return -1
	}, typed)
}

// receipt writes the receipt of a call that a partner line sent, with its contact; none for other calls.
func (c *call) receipt(ctx context.Context, tx *store.Tx, contactID string) error {
	if c.partner == nil {
		return nil
	}
	const tries = 50 // of 104,976 codes a line, some thousands are taken after years
	for range tries {
		n, err := tx.Exec(ctx, `INSERT INTO phone_receipt (lookup, contact_id, call_id, partner, made_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (lookup) DO NOTHING`, receiptLookup(c.partner.Code)+spoken.Code(receiptLength), contactID, c.id, c.partner.Code, store.Millis(c.phone.now()))
		if err != nil || n == 1 {
			return err
		}
	}
	return errors.New("phone: no receipt is free for a partner line")
}

const selectReceipt = `SELECT lookup, contact_id, call_id, partner, made_at FROM phone_receipt`

func scanReceipt(r store.Row) (t Receipt, err error) {
	return t, r.Scan(&t.lookup, &t.ContactID, &t.callID, &t.Partner, &t.MadeAt)
}

// Receipt returns that of a contact; ok is false for one that no partner line sent.
func (p *Phone) Receipt(ctx context.Context, contactID string) (r Receipt, ok bool, err error) {
	r, err = store.One(ctx, p.db, scanReceipt, selectReceipt+` WHERE contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return Receipt{}, false, nil
	}
	return r, err == nil, err
}

// PartnerOf is the partner line of a receipt; one that is no longer in the catalogue has its code for a name.
func (p *Phone) PartnerOf(r Receipt) catalogue.Partner {
	for _, partner := range p.rules().Partners {
		if partner.Code == r.Partner {
			return partner
		}
	}
	return catalogue.Partner{Code: r.Partner, Label: catalogue.Text{"fr": r.Partner}}
}

// Told is all that a partner line may be told of a caller whom it sent: times, as Unix milliseconds, 0 for not (yet). Who
// she is, what it was about and who answered are not in it.
type Told struct {
	Receipt      Receipt
	Answer       Answered
	AnsweredAt   int64 // with ByVoice only
	CalledBackAt int64
	ClosedAt     int64
}

// Answered is what became of a call.
type Answered string

// The ways.
const (
	ByVoice Answered = "voice"   // somebody spoke with her
	Waits   Answered = "waits"   // she waits still
	HungUp  Answered = "hung_up" // she left before anybody spoke with her
	Cut     Answered = "cut"     // her call was lost with us before anybody spoke with her
	OnTape  Answered = "tape"    // she spoke to the tape while we were closed
)

// ReceiptOf finds the receipt that somebody typed. Whoever calls it has slowed the guessing. It returns fault.NotFound
// "fault.phone.receipt" for one that we did not give, or whose contact was erased; either is in the log, without what was
// typed.
func (p *Phone) ReceiptOf(ctx context.Context, typed string, by audit.Actor) (r Receipt, err error) {
	entry := audit.Entry{Actor: by, Act: "phone.receipt_read", Object: "contact"}
	r, err = store.One(ctx, p.db, scanReceipt, selectReceipt+` WHERE lookup = $1`, receiptLookup(typed))
	switch {
	case errors.Is(err, store.ErrNoRow):
		entry.Act, entry.Object, err = "phone.receipt_unknown", "", fault.New(fault.NotFound, "fault.phone.receipt")
	case err != nil:
		return r, err
	default:
		entry.ObjectID = r.ContactID
	}
	if logged := p.db.Tx(ctx, func(tx *store.Tx) error { return p.audit.Record(ctx, tx, entry) }); logged != nil {
		return Receipt{}, logged
	}
	return r, err
}

// ToldOf reads what may be told of a caller to the line that has her receipt.
func (p *Phone) ToldOf(ctx context.Context, r Receipt) (t Told, err error) {
	ct, err := p.contacts.Get(ctx, r.ContactID)
	if err != nil {
		return t, err
	}
	type first struct {
		answered, ended int64
		outcome         string
	}
	c, err := store.One(ctx, p.db, func(r store.Row) (c first, err error) { return c, r.Scan(&c.answered, &c.ended, &c.outcome) },
		`SELECT answered_at, ended_at, outcome FROM phone_call WHERE id = $1`, r.callID)
	if err != nil {
		return t, err
	}
	_, spoken, err := p.Message(ctx, ct.ID)
	if err != nil {
		return t, err
	}
	t = Told{Receipt: r, AnsweredAt: c.answered, ClosedAt: ct.ClosedAt, Answer: Waits}
	switch {
	case c.answered > 0:
		t.Answer = ByVoice
	case spoken:
		t.Answer = OnTape
	case c.ended > 0 && (c.outcome == ByCaller || c.outcome == BySilence):
		t.Answer = HungUp
	case c.ended > 0:
		t.Answer = Cut
	}
	// Calls to whoever said to be the police are not calls to her.
	t.CalledBackAt, err = store.One(ctx, p.db, scanInt, `SELECT coalesce(min(answered_at), 0) FROM phone_call c WHERE contact_id = $1 AND direction = 'out'
		AND answered_at > 0 AND NOT EXISTS (SELECT 1 FROM phone_check k WHERE k.call_id = c.id)`, ct.ID)
	return t, err
}
