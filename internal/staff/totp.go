package staff

import (
	"context"
	"fmt"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp/totp"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Enrolment is a code generator being added: what the person's phone needs, shown once.
type Enrolment struct {
	// Ceremony is what FinishTOTP takes; it lives fifteen minutes.
	Ceremony string
	// Secret is for typing (base32), URL for the QR picture ("otpauth://totp/…"). Neither may be logged.
	Secret, URL string
}

// QR draws the URL: true is dark. The quiet zone around it is the page's.
func (e Enrolment) QR() ([][]bool, error) {
	code, err := qr.Encode(e.URL, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("staff: QR: %w", err)
	}
	size := code.Bounds().Dx()
	modules := make([][]bool, size)
	for y := range modules {
		modules[y] = make([]bool, size)
		for x := range modules[y] {
			red, _, _, _ := code.At(x, y).RGBA()
			modules[y][x] = red == 0
		}
	}
	return modules, nil
}

// BeginTOTP offers a code generator to a person who has none.
//
// fault.Forbidden "fault.staff.confirm"; fault.Conflict "fault.staff.totp_there".
func (s *Staff) BeginTOTP(ctx context.Context, session Session) (Enrolment, error) {
	if err := s.fresh(session); err != nil {
		return Enrolment{}, err
	}
	a, err := s.account(ctx, s.db, session.PersonID)
	if err != nil {
		return Enrolment{}, err
	}
	if a.hasTOTP {
		return Enrolment{}, fault.New(fault.Conflict, "fault.staff.totp_there")
	}
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return Enrolment{}, err
	}
	generated, err := totp.Generate(totp.GenerateOpts{Issuer: s.o.Name, AccountName: a.Login, Period: codePeriod, Digits: codeDigits})
	if err != nil {
		return Enrolment{}, fmt.Errorf("staff: %w", err)
	}
	e := Enrolment{Secret: generated.Secret(), URL: generated.URL()}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		e.Ceremony, err = s.begin(ctx, tx, addTOTP, a, key, []byte(e.Secret), addTOTPFor)
		return err
	})
	return e, err
}

// FinishTOTP enrols the code generator once it has shown a right code, and returns ten recovery codes,
// to be shown once. The person's other sessions end.
//
// fault.Gone "fault.staff.ceremony_over"; fault.Invalid "fault.staff.totp_code" (try the next code);
// fault.Conflict "fault.staff.totp_there".
func (s *Staff) FinishTOTP(ctx context.Context, session Session, ceremonyToken, code string) ([]string, error) {
	c, a, err := s.begun(ctx, addTOTP, ceremonyToken)
	if err != nil {
		return nil, err
	}
	if a.ID != session.PersonID {
		return nil, errCeremony()
	}
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return nil, err
	}
	secret, err := key.OpenText(bodyField(c.id), c.body)
	if err != nil {
		return nil, err
	}
	step := matchStep(secret, digits(code), s.o.Now())
	if step == 0 {
		return nil, fault.New(fault.Invalid, "fault.staff.totp_code")
	}
	var codes []string
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if err := s.finish(ctx, tx, c); err != nil {
			return err
		}
		if a.hasTOTP {
			return fault.New(fault.Conflict, "fault.staff.totp_there")
		}
		if _, err := tx.Exec(ctx, insertTOTP, a.ID, key.SealText(secretField(a.ID), secret), step, store.Millis(s.o.Now())); err != nil {
			return err
		}
		if codes, err = s.writeRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := s.endSessions(ctx, tx, a, session.ID); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.totp_add", a.ID))
	})
	return codes, err
}

// RemoveTOTP takes a person's own code generator away. Recovery codes go with the last factor.
//
// fault.Forbidden "fault.staff.confirm"; fault.Conflict "fault.staff.last_factor" where the house asks
// for a second factor and this is the only one.
func (s *Staff) RemoveTOTP(ctx context.Context, session Session) error {
	if err := s.fresh(session); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, session.PersonID)
		if err != nil || !a.hasTOTP {
			return err
		}
		if err := s.mayLose(ctx, tx, a, a.hasPasskey); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteFactorsTOTP, a.ID); err != nil {
			return err
		}
		if err := s.endSessions(ctx, tx, a, session.ID); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.totp_remove", a.ID))
	})
}

// mayLose refuses to take the last factor away where one is asked for, and takes the recovery codes
// with it elsewhere.
func (s *Staff) mayLose(ctx context.Context, tx *store.Tx, a account, anotherStays bool) error {
	if anotherStays {
		return nil
	}
	if s.o.SecondFactor {
		return fault.New(fault.Conflict, "fault.staff.last_factor")
	}
	_, err := tx.Exec(ctx, deleteFactorsRecovery, a.ID)
	return err
}

// Factors is how a person can show who she is, besides her password.
type Factors struct {
	TOTP     bool
	Passkeys []Passkey
	// RecoveryLeft counts the recovery codes not used yet.
	RecoveryLeft int
	// Needed says that the house asks for a second factor.
	Needed bool
}

// Factors returns a person's factors. fault.NotFound "fault.staff.unknown".
func (s *Staff) Factors(ctx context.Context, personID string) (Factors, error) {
	a, err := s.account(ctx, s.db, personID)
	if err != nil {
		return Factors{}, err
	}
	f := Factors{TOTP: a.hasTOTP, Needed: s.o.SecondFactor}
	if a.hasPasskey {
		if f.Passkeys, err = s.passkeys(ctx, a); err != nil {
			return Factors{}, err
		}
	}
	left, err := store.One(ctx, s.db, scanInt, countRecovery, personID)
	f.RecoveryLeft = int(left)
	return f, err
}

// ResetFactors takes all of a person's factors away on behalf of by, for somebody who lost her phone
// and her paper, and ends her sessions.
//
// fault.NotFound "fault.staff.unknown".
func (s *Staff) ResetFactors(ctx context.Context, personID string, by audit.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, personID)
		if err != nil {
			return err
		}
		for _, query := range []string{deleteFactorsTOTP, deleteFactorsPasskeys, deleteFactorsRecovery} {
			if _, err := tx.Exec(ctx, query, a.ID); err != nil {
				return err
			}
		}
		if err := s.endSessions(ctx, tx, a, ""); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(by, "staff.factors_reset", a.ID))
	})
}

// digits keeps the digits of what was typed: "123 456".
func digits(text string) string {
	kept := make([]byte, 0, 6)
	for i := range len(text) {
		if text[i] >= '0' && text[i] <= '9' {
			kept = append(kept, text[i])
		}
	}
	return string(kept)
}

func secretField(personID string) seal.Field {
	return seal.Field{Table: "staff_totp", Column: "secret_sealed", Row: personID, Version: 1}
}
