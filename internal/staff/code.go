package staff

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"vigie/internal/fault"
	"vigie/internal/store"
)

const (
	codeDigits = otp.DigitsSix
	codePeriod = 30 // seconds (RFC 6238 §5.2)
	// skew is how many periods a phone's clock may be off, either way.
	skew = 1

	// Six digits are a million: wrong ones are counted in the account's row, so that neither many nodes
	// nor a restart give more tries. Whoever gets here knows the password already. At the longest delay
	// a guesser finds the code after five years on average; a passkey or another person's log-in is not
	// held up.
	freeCodes      = 4
	firstCodeDelay = 5 * time.Second
	maxCodeDelay   = 5 * time.Minute
)

// Code finishes a log-in that asked for one: six digits from the phone, or one of the ten recovery
// codes. A code is taken once, whoever sends it, on however many nodes at once.
//
// fault.Gone "fault.staff.ceremony_over" when the log-in must start again from the password;
// fault.Unauthenticated "fault.staff.code" for a code that is wrong, used or too old (another may be
// tried); fault.TooMany "fault.staff.wait".
func (s *Staff) Code(ctx context.Context, halfToken, code, device string) (LoginStep, error) {
	c, a, err := s.begun(ctx, half, halfToken)
	if err != nil {
		return LoginStep{}, err
	}
	// What needs a key is done before the transaction, which then only compares and counts.
	shown, err := s.claim(ctx, a, code)
	if err != nil {
		return LoginStep{}, err
	}
	step := LoginStep{Person: a.Person}
	var refused error
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		wait, err := s.countCode(ctx, tx, a)
		if err != nil {
			return err
		}
		if wait > 0 {
			refused = tooFast(wait)
			return nil
		}
		taken, err := s.take(ctx, tx, a, shown)
		if err != nil {
			return err
		}
		if !taken {
			refused = fault.New(fault.Unauthenticated, "fault.staff.code")
			return nil // the count stays
		}
		if err := s.finish(ctx, tx, c); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, resetCodes, a.ID); err != nil {
			return err
		}
		step.Token, step.Session, err = s.openSession(ctx, tx, a, shown.how(), device)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			s.failures.note(a.ID, "code")
		}
		return LoginStep{}, err
	}
	if step.Session.Needs != NeedNothing {
		step.Person.Roles = []Role{Pending}
	}
	return step, nil
}

// claim is what somebody showed: a step of the code generator, the hash of a recovery code, or nothing
// that can be right.
type claim struct {
	step     int64
	recovery []byte
}

func (c claim) how() string {
	if c.recovery != nil {
		return "password-recovery"
	}
	return "password-code"
}

func (s *Staff) claim(ctx context.Context, a account, code string) (claim, error) {
	code = strings.ToUpper(strings.Join(strings.FieldsFunc(code, func(r rune) bool { return r == ' ' || r == '-' || r == '\u00a0' || r == '\u202f' }), ""))
	if len(code) == recoverySize {
		return claim{recovery: s.recoveryHash(a.ID, code)}, nil
	}
	if !a.hasTOTP {
		return claim{}, nil
	}
	secret, err := s.totpSecret(ctx, a)
	if err != nil {
		return claim{}, err
	}
	return claim{step: matchStep(secret, code, s.o.Now())}, nil
}

// take uses the claim up; false when it is not right or was used before. The comparison with what was
// used is the write itself, so of two at the same moment one is taken.
func (s *Staff) take(ctx context.Context, tx *store.Tx, a account, c claim) (bool, error) {
	var n int64
	var err error
	switch {
	case c.recovery != nil:
		n, err = tx.Exec(ctx, useRecovery, a.ID, c.recovery, store.Millis(s.o.Now()))
	case c.step > 0:
		n, err = tx.Exec(ctx, useStep, a.ID, c.step)
	}
	return n == 1, err
}

// countCode counts a try as wrong before it is looked at, and says how long to wait when it is too
// early. A try that is refused for that is not counted.
func (s *Staff) countCode(ctx context.Context, tx *store.Tx, a account) (time.Duration, error) {
	now := s.o.Now()
	// A delay longer than the longest is a clock that was put back.
	if wait := a.codeNextAt.Sub(now); wait > 0 && wait <= maxCodeDelay {
		return wait, nil
	}
	n, err := tx.Exec(ctx, countCode, a.ID, a.epoch, a.codeFailures, store.Millis(now.Add(codeDelay(a.codeFailures+1))))
	if err == nil && n == 0 {
		return time.Second, nil // another try was counted, or the account changed, since it was read
	}
	return 0, err
}

// codeDelay is what comes after so many wrong codes in a row.
func codeDelay(failures int64) time.Duration {
	n := failures - freeCodes
	switch {
	case n <= 0:
		return 0
	case n > 10:
		return maxCodeDelay
	}
	return min(firstCodeDelay<<(n-1), maxCodeDelay)
}

// matchStep returns the step of which code is the code at now, or 0. It compares with every step that
// is allowed, in the same time whichever is right.
func matchStep(secret, code string, now time.Time) int64 {
	current := now.Unix() / codePeriod
	var found int64
	for step := current - skew; step <= current+skew; step++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step
		}
	}
	return found
}

// totpSecret opens the secret of a person's code generator.
func (s *Staff) totpSecret(ctx context.Context, a account) (string, error) {
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return "", err
	}
	sealed, err := store.One(ctx, s.db, scanBytes, selectTOTP, a.ID)
	if errors.Is(err, store.ErrNoRow) {
		return "", errCeremony() // removed this instant
	}
	if err != nil {
		return "", fmt.Errorf("staff: %w", err)
	}
	return key.OpenText(secretField(a.ID), sealed)
}

// The recovery codes: ten, of twelve signs in three groups, about as long as one copies without error.
const (
	recoveryCodes = 10
	recoverySize  = 12
	recoveryGroup = 4
)

// recoveryHash is what is kept of a recovery code. Sixty bits and a key that is not in the database
// need no slow hash.
func (s *Staff) recoveryHash(personID, code string) []byte {
	mac := hmac.New(sha256.New, s.recoveryKey)
	mac.Write([]byte(personID))
	mac.Write([]byte{0})
	// Read aloud, O is 0 and I or L is 1 (Crockford's base 32).
	mac.Write([]byte(strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(code)))
	return mac.Sum(nil)
}

// writeRecovery replaces a person's recovery codes and returns the new ones, to be shown once.
func (s *Staff) writeRecovery(ctx context.Context, tx *store.Tx, personID string) ([]string, error) {
	if _, err := tx.Exec(ctx, deleteFactorsRecovery, personID); err != nil {
		return nil, err
	}
	codes := make([]string, recoveryCodes)
	for i := range codes {
		codes[i] = randomSigns(recoverySize, recoveryGroup)
		if _, err := tx.Exec(ctx, insertRecovery, personID, s.recoveryHash(personID, strings.ReplaceAll(codes[i], "-", ""))); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// NewRecoveryCodes replaces a person's recovery codes; they are shown once.
//
// fault.Forbidden "fault.staff.confirm"; fault.Conflict "fault.staff.no_factor" for somebody who has
// nothing that they could stand in for.
func (s *Staff) NewRecoveryCodes(ctx context.Context, session Session) ([]string, error) {
	if err := s.fresh(session); err != nil {
		return nil, err
	}
	var codes []string
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, session.PersonID)
		if err != nil {
			return err
		}
		if !a.hasTOTP && !a.hasPasskey {
			return fault.New(fault.Conflict, "fault.staff.no_factor")
		}
		if codes, err = s.writeRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.recovery_new", a.ID))
	})
	return codes, err
}
