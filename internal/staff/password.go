package staff

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/slowhash"
	"vigie/internal/store"
)

// A password is long and not among the first an attacker tries; nothing says which kinds of characters
// it must have, and nothing makes people change it (ANSSI-PG-078 v2, ASVS 5.0 V6.2).
const (
	minPassword = 12
	maxPassword = 256
	// A password of which fewer letters than this are left when what everybody guesses is taken out
	// is made of what everybody guesses.
	ownLetters = 4
	// fewSigns is how many different characters "aaaaaaaaaaaa" and "121212121212" stay under.
	fewSigns = 5
)

// checkPassword says in a sentence why a password is refused: fault.Invalid "fault.staff.password_short",
// "fault.staff.password_long", "fault.staff.password_common".
func checkPassword(password string, p Person) error {
	password = norm.NFC.String(password)
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword:
		return fault.New(fault.Invalid, "fault.staff.password_short", "min", minPassword)
	case n > maxPassword || !utf8.ValidString(password):
		return fault.New(fault.Invalid, "fault.staff.password_long", "max", maxPassword)
	}
	own := append(strings.FieldsFunc(fold(p.Login), notLetter), strings.FieldsFunc(fold(p.Alias), notLetter)...)
	own = append(own, strings.FieldsFunc(fold(p.Name), notLetter)...)
	folded := fold(password)
	if guessable(folded, own) || guessable(unleet.Replace(folded), own) {
		return fault.New(fault.Invalid, "fault.staff.password_common")
	}
	return nil
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// unleet reads "p4ssw0rd" as it was meant.
var unleet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// guessable says whether a folded password is made of common words, the person's own names, and signs
// around them; or, without letters, of a few signs or a row of digits.
func guessable(password string, own []string) bool {
	signs := map[rune]bool{}
	letters, rows := 0, 0
	var before rune
	for _, r := range password {
		signs[r] = true
		if unicode.IsLetter(r) {
			letters++
		}
		if d := r - before; d == 1 || d == -1 || d == 0 {
			rows++
		}
		before = r
	}
	if len(signs) < fewSigns || rows*4 >= utf8.RuneCountInString(password)*3 {
		return true
	}
	if letters == 0 {
		return false
	}
	// left[i] is the smallest number of letters of password[:i] that no word covers, at each end of a rune.
	left := make([]int, len(password)+1)
	i := 0
	for _, r := range password {
		before := left[i]
		i += utf8.RuneLen(r)
		left[i] = before
		if unicode.IsLetter(r) {
			left[i]++
		}
		for _, words := range [...][]string{commonWords, own} {
			for _, word := range words {
				if len(word) >= 3 && strings.HasSuffix(password[:i], word) {
					left[i] = min(left[i], left[i-len(word)])
				}
			}
		}
	}
	return left[len(password)] < ownLetters
}

// secret is what is hashed for a password: peppered, so that a copy of the database alone does not even
// let anybody guess. Accented letters have several spellings; all count as one (RFC 8265 §4.2).
func (s *Staff) secret(password string) []byte {
	mac := hmac.New(sha256.New, s.pepper)
	mac.Write([]byte(norm.NFC.String(password)))
	return mac.Sum(nil)
}

// hash checks a new password and hashes it.
func (s *Staff) hash(ctx context.Context, password string, p Person) (string, error) {
	if err := checkPassword(password, p); err != nil {
		return "", err
	}
	return s.rehash(ctx, password)
}

// hashFor is hash for somebody who is here: her real name is no password either.
func (s *Staff) hashFor(ctx context.Context, a account, password string) (string, error) {
	people, err := s.named(ctx, []account{a})
	if err != nil {
		return "", err
	}
	return s.hash(ctx, password, people[0])
}

// rehash hashes a password that was checked when it was chosen.
func (s *Staff) rehash(ctx context.Context, password string) (string, error) {
	sum, err := slowhash.Hash(ctx, s.secret(password), s.o.Costs)
	return sum.String(), err
}

// verify takes the time of a hash in every case: a is nil, or without a password, for a login that
// does not exist or cannot log in.
func (s *Staff) verify(ctx context.Context, a *account, password string) (right, stale bool, err error) {
	sum := s.decoy
	known := false
	if a != nil && a.password != "" {
		if sum, err = slowhash.Parse(a.password); err != nil {
			return false, false, err
		}
		known = true
	}
	right, err = sum.Verify(ctx, s.secret(password))
	return right && known, sum.Params != s.o.Costs, err
}

// SetPassword gives a person a password on behalf of by (an administrator, the command line) and ends
// her sessions. With given she is asked for one of her own before anything else.
//
// fault.NotFound "fault.staff.unknown"; fault.Gone "fault.staff.forgotten"; fault.Invalid as checkPassword.
func (s *Staff) SetPassword(ctx context.Context, id, password string, given bool, by audit.Actor) error {
	a, err := s.account(ctx, s.db, id)
	if err != nil {
		return err
	}
	if a.Forgotten() {
		return fault.New(fault.Gone, "fault.staff.forgotten")
	}
	hashed, err := s.hashFor(ctx, a, password)
	if err != nil {
		return err
	}
	return s.writePassword(ctx, id, hashed, given, "", entry(by, "staff.password_reset", id))
}

// ChangePassword is a person changing her own: she shows the old one, and all her other sessions end.
//
// fault.Unauthenticated "fault.staff.password_wrong" and fault.TooMany "fault.staff.wait" (the attempts
// count as log-ins do); fault.Invalid "fault.staff.password_same" and as checkPassword.
func (s *Staff) ChangePassword(ctx context.Context, session Session, old, password, network string) error {
	a, err := s.proven(ctx, session.PersonID, old, network)
	if err != nil {
		return err
	}
	if norm.NFC.String(old) == norm.NFC.String(password) {
		return fault.New(fault.Invalid, "fault.staff.password_same")
	}
	hashed, err := s.hashFor(ctx, a, password)
	if err != nil {
		return err
	}
	return s.writePassword(ctx, a.ID, hashed, false, session.ID, entry(herself(a.ID), "staff.password", a.ID))
}

func (s *Staff) writePassword(ctx context.Context, id, hashed string, given bool, keepSession string, e audit.Entry) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, updatePassword, id, hashed, given); err != nil {
			return err
		}
		if err := s.endSessions(ctx, tx, a, keepSession); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, e)
	})
}

// proven returns the account of somebody who is logged in and has just shown her password again.
func (s *Staff) proven(ctx context.Context, personID, password, network string) (account, error) {
	a, err := s.account(ctx, s.db, personID)
	if err != nil {
		return account{}, err
	}
	attempt, wait := s.delays.begin(passwordAttempt(a.Login, network))
	if wait > 0 {
		return account{}, tooFast(wait)
	}
	right, _, err := s.verify(ctx, &a, password)
	if err != nil {
		attempt.forgive()
		return account{}, err
	}
	if !right || !a.Active {
		s.failures.note(a.ID, "confirm")
		return account{}, fault.New(fault.Unauthenticated, "fault.staff.password_wrong")
	}
	attempt.succeed()
	return a, nil
}

// tooFast tells how many seconds to wait, rounded up.
func tooFast(wait time.Duration) error {
	return fault.New(fault.TooMany, "fault.staff.wait", "seconds", int((wait+time.Second-1)/time.Second))
}

// MakePassword returns a password to be given to somebody: 20 signs of a set without look-alikes, in
// groups to be read aloud, 100 bits.
func MakePassword() string { return strings.ToLower(randomSigns(20, 5)) }

// signs are Crockford's: no I, L, O or U.
const signs = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// randomSigns returns n random signs, with a dash between groups.
func randomSigns(n, group int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	var b strings.Builder
	for i, r := range raw {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(signs[r%32])
	}
	return b.String()
}
