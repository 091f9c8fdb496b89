package staff

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Passkey is a key in a person's phone, computer or token.
type Passkey struct {
	ID   string
	Name string
	// UsedAt is zero before the first log-in.
	CreatedAt, UsedAt time.Time
}

const (
	maxPasskeys    = 10
	maxPasskeyName = 60
)

// relyingParty prepares passkeys, or returns nil when no site is named to bind them to: an IP address
// is none (WebAuthn §5.1.2).
func relyingParty(o Options) (*webauthn.WebAuthn, error) {
	if o.RelyingParty == "" || len(o.Origins) == 0 || net.ParseIP(o.RelyingParty) != nil {
		return nil, nil
	}
	needed := true
	rp, err := webauthn.New(&webauthn.Config{
		RPID: o.RelyingParty, RPDisplayName: o.Name, RPOrigins: o.Origins,
		// We trust whatever authenticator she has; which one it is we do not ask.
		AttestationPreference: protocol.PreferNoAttestation,
		// In her device, found without a login, and opened by her finger, face or PIN: this is what
		// makes it two factors at once.
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &needed, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
		// We use no extension, and some password managers answer ones that were not asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("staff: passkeys: %w", err)
	}
	return rp, nil
}

// Passkeys says whether the house has passkeys: they need a site to be bound to.
func (s *Staff) Passkeys() bool { return s.rp != nil }

var errNoPasskeys = fault.New(fault.Unsupported, "fault.staff.no_passkeys")

// holder is a person as the passkey library sees her. What goes to her device, and maybe to the maker's
// cloud, is her login and her alias, never her name.
type holder struct {
	account
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.ID) }
func (h holder) WebAuthnName() string                       { return h.Login }
func (h holder) WebAuthnDisplayName() string                { return h.Alias }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

// BeginPasskey begins to add a passkey. options is the JSON for navigator.credentials.create
// ({"publicKey": …}), ceremony what FinishPasskey takes; it lives five minutes.
//
// fault.Forbidden "fault.staff.confirm"; fault.Conflict "fault.staff.passkeys_many"; fault.Unsupported
// "fault.staff.no_passkeys".
func (s *Staff) BeginPasskey(ctx context.Context, session Session) (ceremonyToken string, options []byte, err error) {
	if s.rp == nil {
		return "", nil, errNoPasskeys
	}
	if err := s.fresh(session); err != nil {
		return "", nil, err
	}
	a, err := s.account(ctx, s.db, session.PersonID)
	if err != nil {
		return "", nil, err
	}
	h, key, err := s.holder(ctx, a)
	if err != nil {
		return "", nil, err
	}
	if len(h.credentials) >= maxPasskeys {
		return "", nil, fault.New(fault.Conflict, "fault.staff.passkeys_many", "max", maxPasskeys)
	}
	creation, data, err := s.rp.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.credentials).CredentialDescriptors()))
	if err != nil {
		return "", nil, fmt.Errorf("staff: passkey: %w", err)
	}
	body, err := json.Marshal(data)
	if err != nil {
		return "", nil, fmt.Errorf("staff: passkey: %w", err)
	}
	if options, err = json.Marshal(creation); err != nil {
		return "", nil, fmt.Errorf("staff: passkey: %w", err)
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		ceremonyToken, err = s.begin(ctx, tx, addPasskey, a, key, body, passkeyFor)
		return err
	})
	return ceremonyToken, options, err
}

// AddedPasskey is a passkey that was just added. Recovery holds ten recovery codes, to be shown once, when
// it is her first factor: whoever loses the phone that it is in must not stand before a shut door.
type AddedPasskey struct {
	Passkey
	Recovery []string
}

// FinishPasskey adds the passkey whose response (JSON) navigator.credentials.create gave. The person's
// other sessions end when it is her first factor.
//
// fault.Gone "fault.staff.ceremony_over": a response is heard once, right or not; fault.Invalid
// "fault.staff.passkey_refused", "fault.staff.passkey_name"; fault.Conflict "fault.staff.passkey_there".
func (s *Staff) FinishPasskey(ctx context.Context, session Session, ceremonyToken, name string, response []byte) (AddedPasskey, error) {
	if s.rp == nil {
		return AddedPasskey{}, errNoPasskeys
	}
	name = tidy(name)
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName {
		return AddedPasskey{}, fault.New(fault.Invalid, "fault.staff.passkey_name", "max", maxPasskeyName)
	}
	c, a, err := s.begun(ctx, addPasskey, ceremonyToken)
	if err != nil {
		return AddedPasskey{}, err
	}
	if a.ID != session.PersonID {
		return AddedPasskey{}, errCeremony()
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.finish(ctx, tx, c) }); err != nil {
		return AddedPasskey{}, err
	}
	h, key, err := s.holder(ctx, a)
	if err != nil {
		return AddedPasskey{}, err
	}
	credential, err := s.register(h, key, c, response)
	if err != nil {
		return AddedPasskey{}, err
	}
	p := AddedPasskey{Passkey: Passkey{ID: store.NewID(), Name: name, CreatedAt: s.o.Now().UTC().Truncate(time.Millisecond)}}
	sealed, err := sealCredential(key, p.ID, credential)
	if err != nil {
		return AddedPasskey{}, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		locked, err := s.lock(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if locked.epoch != a.epoch || !locked.Active {
			return errCeremony()
		}
		n, err := tx.Exec(ctx, insertPasskey, p.ID, a.ID, credential.ID, sealed, key.SealText(passkeyField(p.ID, "name_sealed"), name),
			int64(credential.Authenticator.SignCount), store.Millis(p.CreatedAt), maxPasskeys)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.staff.passkey_there")
		}
		if !locked.hasTOTP && !locked.hasPasskey {
			if p.Recovery, err = s.writeRecovery(ctx, tx, a.ID); err != nil {
				return err
			}
			if err := s.endSessions(ctx, tx, locked, session.ID); err != nil {
				return err
			}
		}
		s.tell(tx, a.ID, whatSession)
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.passkey_add", a.ID, "passkey", p.ID))
	})
	if err != nil {
		return AddedPasskey{}, err
	}
	return p, nil
}

// register checks what a device answered to the invitation of a ceremony.
func (s *Staff) register(h holder, key *seal.Key, c ceremony, response []byte) (*webauthn.Credential, error) {
	body, err := key.Open(bodyField(c.id), c.body)
	if err != nil {
		return nil, err
	}
	var data webauthn.SessionData
	if err := json.Unmarshal(body, &data); err != nil {
		return nil, fmt.Errorf("staff: passkey: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "fault.staff.passkey_refused")
	}
	credential, err := s.rp.CreateCredential(h, data, parsed)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "fault.staff.passkey_refused")
	}
	return credential, nil
}

// RenamePasskey gives a person's own passkey another name: the one she takes away one day must be the one
// she means.
//
// fault.Forbidden "fault.staff.confirm"; fault.NotFound "fault.staff.passkey_unknown"; fault.Invalid
// "fault.staff.passkey_name".
func (s *Staff) RenamePasskey(ctx context.Context, session Session, passkeyID, name string) error {
	if err := s.fresh(session); err != nil {
		return err
	}
	name = tidy(name)
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName {
		return fault.New(fault.Invalid, "fault.staff.passkey_name", "max", maxPasskeyName)
	}
	a, err := s.account(ctx, s.db, session.PersonID)
	if err != nil {
		return err
	}
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, renamePasskey, passkeyID, a.ID, key.SealText(passkeyField(passkeyID, "name_sealed"), name))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "fault.staff.passkey_unknown")
		}
		if err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.passkey_rename", a.ID, "passkey", passkeyID))
	})
}

// RemovePasskey takes a person's own passkey away.
//
// fault.Forbidden "fault.staff.confirm"; fault.NotFound "fault.staff.passkey_unknown"; fault.Conflict
// "fault.staff.last_factor".
func (s *Staff) RemovePasskey(ctx context.Context, session Session, passkeyID string) error {
	if err := s.fresh(session); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, session.PersonID)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, deletePasskey, passkeyID, a.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "fault.staff.passkey_unknown")
		}
		left, err := store.One(ctx, tx, scanInt, countPasskeys, a.ID)
		if err != nil {
			return err
		}
		if err := s.mayLose(ctx, tx, a, a.hasTOTP || left > 0); err != nil {
			return err
		}
		// Whoever logged in with it, maybe on a phone that was stolen, is out.
		if err := s.endSessions(ctx, tx, a, session.ID); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.passkey_remove", a.ID, "passkey", passkeyID))
	})
}

// BeginPasskeyLogin returns the JSON for navigator.credentials.get ({"publicKey": …}). It asks for any
// passkey of this site, so it needs no login and tells nothing. It writes nothing either, or anybody
// who opens the log-in page again and again would fill the disk: the challenge carries its own end and
// our mark, and is written down when it has been used.
//
// fault.Unsupported "fault.staff.no_passkeys".
func (s *Staff) BeginPasskeyLogin() ([]byte, error) {
	if s.rp == nil {
		return nil, errNoPasskeys
	}
	assertion, _, err := s.rp.BeginDiscoverableLogin(webauthn.WithChallenge(s.challenge()), webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("staff: passkey: %w", err)
	}
	return json.Marshal(assertion)
}

// A challenge is 16 random bytes, the millisecond when it ends, and the first 16 bytes of an HMAC of both.
const (
	challengeRandom = 16
	challengeBody   = challengeRandom + 8
	challengeSize   = challengeBody + 16
)

func (s *Staff) challenge() []byte {
	c := make([]byte, challengeRandom, challengeSize)
	rand.Read(c)
	c = binary.BigEndian.AppendUint64(c, uint64(store.Millis(s.o.Now().Add(passkeyFor))))
	return append(c, s.challengeMark(c)...)
}

func (s *Staff) challengeMark(body []byte) []byte {
	mac := hmac.New(sha256.New, s.challengeKey)
	mac.Write(body)
	return mac.Sum(nil)[:challengeSize-challengeBody]
}

// challengeEnds returns when one of our challenges ends; false for one that is over or not ours.
func (s *Staff) challengeEnds(challenge []byte) (time.Time, bool) {
	if len(challenge) != challengeSize || !hmac.Equal(challenge[challengeBody:], s.challengeMark(challenge[:challengeBody])) {
		return time.Time{}, false
	}
	ends := store.Time(int64(binary.BigEndian.Uint64(challenge[challengeRandom:challengeBody])))
	left := ends.Sub(s.o.Now())
	return ends, left > 0 && left <= passkeyFor
}

// FinishPasskeyLogin logs in whoever's passkey signed the challenge; response is the JSON that
// navigator.credentials.get gave. It stands for both factors.
//
// fault.Unauthenticated "fault.staff.passkey" whatever was wrong; fault.Gone "fault.staff.ceremony_over"
// for a challenge that was used or is too old; fault.TooMany "fault.staff.wait".
func (s *Staff) FinishPasskeyLogin(ctx context.Context, response []byte, network, device string) (LoginStep, error) {
	if s.rp == nil {
		return LoginStep{}, errNoPasskeys
	}
	attempt, wait := s.delays.begin(passkeyAttempt(network))
	if wait > 0 {
		return LoginStep{}, tooFast(wait)
	}
	used, err := s.assert(ctx, response)
	if err != nil {
		if fault.KindOf(err) == fault.Internal {
			attempt.forgive()
		}
		s.noteRefused(used, err)
		return LoginStep{}, err
	}
	step, err := s.let(ctx, used.account, "passkey", device, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, insertSpent, used.spent, store.Millis(used.ends))
		if err != nil {
			return err
		}
		if n == 0 {
			return errCeremony()
		}
		if n, err = tx.Exec(ctx, usePasskey, used.id, used.account.ID, used.count, used.sealed, store.Millis(s.o.Now())); err != nil {
			return err
		}
		if n == 0 {
			// Removed this instant, or its count was already seen on another node.
			used.copied = true
			return fault.New(fault.Unauthenticated, "fault.staff.passkey")
		}
		return nil
	})
	s.noteRefused(used, err)
	if err == nil {
		attempt.succeed()
	}
	return step, err
}

func (s *Staff) noteRefused(used assertion, err error) {
	if !fault.Is(err, fault.Unauthenticated) {
		return
	}
	stage := "passkey"
	if used.copied {
		stage = "passkey_copied"
	}
	s.failures.note(used.account.ID, stage)
}

// assertion is a passkey that signed one of our challenges.
type assertion struct {
	account account
	id      string // of the passkey
	count   int64
	sealed  []byte // the credential as it is now
	spent   string // the challenge, hashed
	ends    time.Time
	// copied: the count of signatures went back, which is what a second copy of the key looks like.
	copied bool
}

// assert checks a response; it writes nothing. Also with an error, the account is the one
// that was named, if it exists.
func (s *Staff) assert(ctx context.Context, response []byte) (used assertion, err error) {
	refused := func(cause error) error { return fault.Wrap(cause, fault.Unauthenticated, "fault.staff.passkey") }
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return used, refused(err)
	}
	text := parsed.Response.CollectedClientData.Challenge
	challenge, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return used, refused(err)
	}
	ends, ours := s.challengeEnds(challenge)
	if !ours {
		return used, errCeremony()
	}
	sum := sha256.Sum256(challenge)
	used.spent, used.ends = hex.EncodeToString(sum[:]), ends

	used.account, err = s.account(ctx, s.db, string(parsed.Response.UserHandle))
	if fault.Is(err, fault.NotFound) || err == nil && !used.account.Active {
		return used, refused(errors.New("nobody who works here"))
	}
	if err != nil {
		return used, err
	}
	rows, err := store.All(ctx, s.db, scanPasskey, selectPasskeys, used.account.ID)
	if err != nil {
		return used, fmt.Errorf("staff: passkey: %w", err)
	}
	h, key, err := s.open(ctx, used.account, rows)
	if err != nil {
		return used, err
	}
	data := webauthn.SessionData{Challenge: text, RelyingPartyID: s.o.RelyingParty, UserVerification: protocol.VerificationRequired}
	find := func(_, _ []byte) (webauthn.User, error) { return h, nil }
	_, credential, err := s.rp.ValidatePasskeyLogin(find, data, parsed)
	if err != nil {
		return used, refused(err)
	}
	for _, row := range rows {
		if bytes.Equal(row.credentialID, credential.ID) {
			used.id = row.id
		}
	}
	if credential.Authenticator.CloneWarning {
		used.copied = true
		return used, refused(errors.New("its count of signatures went back"))
	}
	used.count = int64(credential.Authenticator.SignCount)
	used.sealed, err = sealCredential(key, used.id, credential)
	return used, err
}

// holder reads a person's passkeys.
func (s *Staff) holder(ctx context.Context, a account) (holder, *seal.Key, error) {
	rows, err := store.All(ctx, s.db, scanPasskey, selectPasskeys, a.ID)
	if err != nil {
		return holder{}, nil, fmt.Errorf("staff: passkeys: %w", err)
	}
	return s.open(ctx, a, rows)
}

func (s *Staff) open(ctx context.Context, a account, rows []passkeyRow) (holder, *seal.Key, error) {
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return holder{}, nil, err
	}
	h := holder{account: a}
	for _, row := range rows {
		text, err := key.Open(passkeyField(row.id, "credential_sealed"), row.credential)
		if err != nil {
			return holder{}, nil, err
		}
		var c webauthn.Credential
		if err := json.Unmarshal(text, &c); err != nil {
			return holder{}, nil, fmt.Errorf("staff: passkey: %w", err)
		}
		c.Authenticator.SignCount = uint32(row.count)
		h.credentials = append(h.credentials, c)
	}
	return h, key, nil
}

// passkeys lists a person's passkeys by name, the oldest first.
func (s *Staff) passkeys(ctx context.Context, a account) ([]Passkey, error) {
	rows, err := store.All(ctx, s.db, scanPasskey, selectPasskeys, a.ID)
	if err != nil {
		return nil, fmt.Errorf("staff: passkeys: %w", err)
	}
	key, err := s.keys.Key(ctx, a.keyID)
	if err != nil {
		return nil, err
	}
	all := make([]Passkey, len(rows))
	for i, row := range rows {
		name, err := key.OpenText(passkeyField(row.id, "name_sealed"), row.name)
		if err != nil {
			return nil, err
		}
		all[i] = Passkey{ID: row.id, Name: name, CreatedAt: store.Time(row.created), UsedAt: store.Time(row.used)}
	}
	return all, nil
}

func sealCredential(key *seal.Key, passkeyID string, c *webauthn.Credential) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("staff: passkey: %w", err)
	}
	return key.Seal(passkeyField(passkeyID, "credential_sealed"), text), nil
}

func passkeyField(id, column string) seal.Field {
	return seal.Field{Table: "staff_passkey", Column: column, Row: id, Version: 1}
}
