package staff

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// ceremonyKind is what was begun.
type ceremonyKind string

const (
	half       ceremonyKind = "login"   // the password was right; a code or passkey is to follow
	addTOTP    ceremonyKind = "totp"    // a code generator is being enrolled
	addPasskey ceremonyKind = "passkey" // a passkey is being enrolled
)

// How long each may take: finding the phone, installing an app.
const (
	halfFor    = 5 * time.Minute
	addTOTPFor = 15 * time.Minute
	passkeyFor = 5 * time.Minute
)

// ceremony is something begun that waits for its second half, on whatever node. It is bound to the
// account's epoch: when her password changes meanwhile, it is over.
type ceremony struct {
	id       string
	kind     ceremonyKind
	personID string
	epoch    int64
	body     []byte // sealed
}

// errCeremony is the one answer for what is unknown, expired, finished or begun for another purpose.
func errCeremony() error { return fault.New(fault.Gone, "fault.staff.ceremony_over") }

// begin writes a ceremony down and returns the token that finishes it.
func (s *Staff) begin(ctx context.Context, tx *store.Tx, kind ceremonyKind, a account, key *seal.Key, body []byte, lives time.Duration) (string, error) {
	token, hash := newToken()
	id := hex.EncodeToString(hash[:])
	_, err := tx.Exec(ctx, insertCeremony, id, string(kind), a.ID, a.epoch, key.Seal(bodyField(id), body), store.Millis(s.o.Now().Add(lives)))
	return token, err
}

// begun reads a ceremony and its person; fault.Gone "fault.staff.ceremony_over" when it cannot be finished.
func (s *Staff) begun(ctx context.Context, kind ceremonyKind, token string) (ceremony, account, error) {
	hash, ok := hashToken(token)
	if !ok {
		return ceremony{}, account{}, errCeremony()
	}
	c, err := store.One(ctx, s.db, scanCeremony, selectCeremony, hex.EncodeToString(hash[:]), string(kind), store.Millis(s.o.Now()))
	if errors.Is(err, store.ErrNoRow) {
		return ceremony{}, account{}, errCeremony()
	}
	if err != nil {
		return ceremony{}, account{}, fmt.Errorf("staff: %w", err)
	}
	a, err := s.account(ctx, s.db, c.personID)
	if err != nil {
		return ceremony{}, account{}, err
	}
	if !a.Active || a.epoch != c.epoch {
		return ceremony{}, account{}, errCeremony()
	}
	return c, a, nil
}

// finish takes the ceremony away; of several at once, one succeeds, the others get errCeremony.
func (s *Staff) finish(ctx context.Context, tx *store.Tx, c ceremony) error {
	n, err := tx.Exec(ctx, deleteCeremony, c.id)
	if err == nil && n == 0 {
		return errCeremony()
	}
	return err
}

func bodyField(id string) seal.Field {
	return seal.Field{Table: "staff_ceremony", Column: "body_sealed", Row: id, Version: 1}
}
