package staff

import (
	"context"
	"errors"
	"fmt"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// Next is what a log-in still asks for.
type Next string

// What may come next.
const (
	NextNothing Next = ""        // she is in
	NextCode    Next = "code"    // a code from her phone, or a recovery code: Code
	NextPasskey Next = "passkey" // her passkey (BeginPasskeyLogin), or a recovery code: Code
)

// LoginStep is where a log-in stands.
type LoginStep struct {
	Next Next
	// Half is what Code takes to go on; it lives five minutes. Only with a Next.
	Half string
	// Token is the cookie's value; only once she is in, with the session and the person (without her
	// real name).
	Token   string
	Session Session
	Person  Person
}

// Authenticate is the first step of a log-in by password. network is the caller's opaque key of the
// network the attempt comes from (never an address), device what Device returned.
//
// fault.Unauthenticated "fault.staff.login" whatever was wrong: login, password or an account that is
// not active, after the same time. fault.TooMany "fault.staff.wait" (seconds) when too many attempts
// failed, "fault.staff.busy" when too many people log in at this instant.
func (s *Staff) Authenticate(ctx context.Context, login, password, network, device string) (LoginStep, error) {
	login = foldLogin(login)
	attempt, wait := s.delays.begin(passwordAttempt(login, network))
	if wait > 0 {
		return LoginStep{}, tooFast(wait)
	}
	a, err := s.byLogin(ctx, login)
	if err != nil {
		attempt.forgive()
		return LoginStep{}, err
	}
	right, stale, err := s.verify(ctx, a, password)
	if err != nil {
		attempt.forgive()
		return LoginStep{}, err
	}
	if !right || !a.Active {
		person := ""
		if a != nil {
			person = a.ID
		}
		s.failures.note(person, "password")
		return LoginStep{}, fault.New(fault.Unauthenticated, "fault.staff.login")
	}
	attempt.succeed()
	if stale {
		s.renew(ctx, *a, password)
	}
	return s.afterPassword(ctx, *a, device)
}

// byLogin returns nil for a login that does not exist.
func (s *Staff) byLogin(ctx context.Context, login string) (*account, error) {
	a, err := store.One(ctx, s.db, scanAccount, selectByLogin, login)
	if errors.Is(err, store.ErrNoRow) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("staff: log-in: %w", err)
	}
	return &a, nil
}

// afterPassword asks for the second factor, or opens the session.
func (s *Staff) afterPassword(ctx context.Context, a account, device string) (LoginStep, error) {
	next := NextNothing
	switch {
	case a.hasTOTP:
		next = NextCode
	case a.hasPasskey && s.o.SecondFactor:
		next = NextPasskey
	}
	if next == NextNothing {
		return s.let(ctx, a, "password", device, nil)
	}
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return LoginStep{}, err
	}
	step := LoginStep{Next: next}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		step.Half, err = s.begin(ctx, tx, half, a, key, nil, halfFor)
		return err
	})
	return step, err
}

// let opens the session in one transaction with what led to it. A session of somebody who was
// deactivated, or whose password was changed, at this very moment is written with the epoch that was
// read, and so counts for nothing.
func (s *Staff) let(ctx context.Context, a account, how, device string, before func(tx *store.Tx) error) (LoginStep, error) {
	step := LoginStep{Person: a.Person}
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		var err error
		step.Token, step.Session, err = s.openSession(ctx, tx, a, how, device)
		return err
	})
	if err != nil {
		return LoginStep{}, err
	}
	if step.Session.Needs != NeedNothing {
		step.Person.Roles = []Role{Pending}
	}
	return step, nil
}

// renew writes the password's hash anew when it was made at other costs than today's. It may fail: it
// will be tried again at the next log-in.
func (s *Staff) renew(ctx context.Context, a account, password string) {
	sum, err := s.rehash(ctx, password)
	if err == nil {
		_, err = s.db.Exec(ctx, renewPassword, a.ID, a.password, sum)
	}
	s.complain(err)
}
