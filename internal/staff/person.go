package staff

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Person is somebody who works here. Its lists are shared: do not change them.
type Person struct {
	ID    string
	Login string
	// Alias is what children and, on the floor, colleagues see.
	Alias string
	// Name is the real one. It is sealed, and opened by Get and List only: "" elsewhere, and for
	// somebody whose name was erased.
	Name  string
	Roles []Role
	// Langs are ISO 639 codes; Skills are codes of topics and publics, the catalogue's own.
	Langs, Skills []string
	// ChatCapacity is how many chats she takes at once; 0 is the house's own number.
	ChatCapacity int
	Active       bool
	// Theme is how she wants her screens lit: one of Themes, "" for what the computer asks.
	Theme string
	// ScreenLang is the language of her screens: one of ScreenLangs, "" for what her browser asks.
	ScreenLang string
	CreatedAt  time.Time
}

// Forgotten says that she left and that nothing but her alias is left: see Forget.
func (p Person) Forgotten() bool { return p.Login == p.ID }

// Themes are what a person may choose.
var Themes = []string{"", "light", "dark"}

// ScreenLangs are the languages that the screens of the staff speak.
var ScreenLangs = []string{"", "fr", "en"}

// account is a person with what only this room reads.
type account struct {
	Person
	keyID        string
	nameSealed   []byte
	epoch        int64
	password     string
	given        bool // somebody else chose the password
	codeFailures int64
	codeNextAt   time.Time
	hasTOTP      bool
	hasPasskey   bool
}

// NewPerson is what it takes to begin.
type NewPerson struct {
	// Login is what she types: 2 to 32 of a-z, 0-9, dot, dash, underscore, beginning with a letter.
	Login string
	// Alias is 2 to 24 characters, unlike any other's, and must not give the family name away.
	Alias string
	Name  string
	// Roles is one or more of Roles. Langs is one language or more.
	Roles         []Role
	Langs, Skills []string
	ChatCapacity  int
	// Password may be empty: she cannot log in until SetPassword.
	Password string
	// Given says that somebody else chose it: she is asked for her own before anything else.
	Given bool
}

// Change is what changes in a person; nil leaves as it is.
type Change struct {
	Alias, Name   *string
	Roles         *[]Role
	Langs, Skills *[]string
	ChatCapacity  *int
}

// Add makes an account.
//
// fault.Conflict "fault.staff.login_taken", "fault.staff.alias_taken"; fault.Invalid for what NewPerson
// and the password policy do not allow, each with its sentence.
func (s *Staff) Add(ctx context.Context, n NewPerson, by audit.Actor) (Person, error) {
	p := Person{
		ID: store.NewID(), Login: foldLogin(n.Login), Alias: tidy(n.Alias), Name: tidy(n.Name), Roles: inOrder(n.Roles), Langs: n.Langs, Skills: n.Skills,
		ChatCapacity: n.ChatCapacity, Active: true, CreatedAt: s.o.Now().UTC().Truncate(time.Millisecond),
	}
	if err := p.check(); err != nil {
		return Person{}, err
	}
	if err := s.free(ctx, p); err != nil {
		return Person{}, err
	}
	password := ""
	if n.Password != "" {
		var err error
		if password, err = s.hash(ctx, n.Password, p); err != nil {
			return Person{}, err
		}
	}
	key, err := s.keys.NewKey(ctx, seal.KindStaff, p.ID)
	if err != nil {
		return Person{}, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		wrote, err := tx.Exec(ctx, insertPerson, p.ID, p.Login, p.Alias, fold(p.Alias), key.ID(), key.SealText(nameField(p.ID), p.Name),
			join(p.Roles), join(p.Langs), join(p.Skills), p.ChatCapacity, password, n.Given && password != "", store.Millis(p.CreatedAt))
		if err != nil {
			return err
		}
		if wrote == 0 {
			return errTaken
		}
		s.tell(tx, p.ID, whatAccount)
		return s.trail.Record(ctx, tx, entry(by, "staff.add", p.ID, "roles", listed(p.Roles)))
	})
	if errors.Is(err, errTaken) {
		// Somebody was faster. The key without an owner is swept.
		if err := s.free(ctx, p); err != nil {
			return Person{}, err
		}
		return Person{}, fault.New(fault.Conflict, "fault.staff.login_taken")
	}
	if err != nil {
		return Person{}, fmt.Errorf("staff: adding a person: %w", err)
	}
	return p, nil
}

var errTaken = errors.New("staff: login or alias taken")

// free says in a sentence which of login and alias somebody else has.
func (s *Staff) free(ctx context.Context, p Person) error {
	taken, err := store.One(ctx, s.db, scanTwoBools, selectTaken, p.ID, p.Login, fold(p.Alias))
	switch {
	case err != nil:
		return fmt.Errorf("staff: %w", err)
	case taken[0]:
		return fault.New(fault.Conflict, "fault.staff.login_taken")
	case taken[1]:
		return fault.New(fault.Conflict, "fault.staff.alias_taken")
	}
	return nil
}

// Get returns a person with her real name. fault.NotFound "fault.staff.unknown".
func (s *Staff) Get(ctx context.Context, id string) (Person, error) {
	a, err := s.account(ctx, s.db, id)
	if err != nil {
		return Person{}, err
	}
	people, err := s.named(ctx, []account{a})
	if err != nil {
		return Person{}, err
	}
	return people[0], nil
}

// ByLogin returns a person without her real name; for the command line. fault.NotFound "fault.staff.unknown".
func (s *Staff) ByLogin(ctx context.Context, login string) (Person, error) {
	a, err := store.One(ctx, s.db, scanAccount, selectByLogin, foldLogin(login))
	if errors.Is(err, store.ErrNoRow) {
		return Person{}, fault.New(fault.NotFound, "fault.staff.unknown")
	}
	if err != nil {
		return Person{}, fmt.Errorf("staff: %w", err)
	}
	return a.Person, nil
}

// List returns everybody with her real name, by alias; the ones who left after the ones who are here.
func (s *Staff) List(ctx context.Context) ([]Person, error) {
	accounts, err := store.All(ctx, s.db, scanAccount, selectEverybody)
	if err != nil {
		return nil, fmt.Errorf("staff: %w", err)
	}
	return s.named(ctx, accounts)
}

// Roster returns the active people without their names, by alias: whom the floor can count on. One
// statement.
func (s *Staff) Roster(ctx context.Context) ([]Person, error) {
	accounts, err := store.All(ctx, s.db, scanAccount, selectRoster)
	if err != nil {
		return nil, fmt.Errorf("staff: %w", err)
	}
	people := make([]Person, len(accounts))
	for i, a := range accounts {
		people[i] = a.Person
	}
	return people, nil
}

// Colleague returns a person without her name, as she was a few seconds ago at most: for showing an
// alias beside a message. fault.NotFound "fault.staff.unknown".
func (s *Staff) Colleague(ctx context.Context, id string) (Person, error) {
	if p, ok := s.cache.person(id); ok {
		return p, nil
	}
	ticket := s.cache.ticket()
	a, err := s.account(ctx, s.db, id)
	if err != nil {
		return Person{}, err
	}
	s.cache.putPerson(ticket, a.Person)
	return a.Person, nil
}

// SetScreenLang keeps the language of somebody's screens. fault.Invalid "fault.staff.screen_lang" for what is
// not one of ScreenLangs; fault.NotFound "fault.staff.unknown".
func (s *Staff) SetScreenLang(ctx context.Context, id, lang string) error {
	if !slices.Contains(ScreenLangs, lang) {
		return fault.New(fault.Invalid, "fault.staff.screen_lang")
	}
	return s.setOwn(ctx, id, updateScreenLang, lang)
}

// SetTheme keeps how somebody wants her screens lit. fault.Invalid "fault.staff.theme" for what is not one
// of Themes; fault.NotFound "fault.staff.unknown".
func (s *Staff) SetTheme(ctx context.Context, id, theme string) error {
	if !slices.Contains(Themes, theme) {
		return fault.New(fault.Invalid, "fault.staff.theme")
	}
	return s.setOwn(ctx, id, updateTheme, theme)
}

// setOwn keeps one of the choices that somebody makes for herself.
func (s *Staff) setOwn(ctx context.Context, id, update, choice string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, update, id, choice)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "fault.staff.unknown")
		}
		s.tell(tx, id, whatAccount)
		return err
	})
}

// Change changes a person.
//
// fault.NotFound "fault.staff.unknown"; fault.Conflict "fault.staff.alias_taken" and
// "fault.staff.last_administrator"; fault.Gone "fault.staff.forgotten"; fault.Invalid as Add.
func (s *Staff) Change(ctx context.Context, id string, c Change, by audit.Actor) (Person, error) {
	before, err := s.account(ctx, s.db, id)
	if err != nil {
		return Person{}, err
	}
	if before.Forgotten() {
		return Person{}, fault.New(fault.Gone, "fault.staff.forgotten")
	}
	key, err := s.keys.Key(ctx, before.keyID)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if c.Roles != nil {
			if err := s.takeTurn(ctx, tx); err != nil {
				return err
			}
		}
		a, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		p = a.Person
		if p.Name, err = key.OpenText(nameField(id), a.nameSealed); err != nil {
			return err
		}
		changed := c.apply(&p)
		if len(changed) == 0 {
			return nil
		}
		if err := p.check(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, updatePerson, id, p.Alias, fold(p.Alias), key.SealText(nameField(id), p.Name),
			join(p.Roles), join(p.Langs), join(p.Skills), p.ChatCapacity); err != nil {
			return err
		}
		if err := s.someoneRuns(ctx, tx, a.Person); err != nil {
			return err
		}
		s.tell(tx, id, whatAccount)
		return s.trail.Record(ctx, tx, entry(by, "staff.change", id, "fields", strings.Join(changed, "/"), "roles", listed(p.Roles)))
	})
	if store.IsConflict(err) {
		return Person{}, fault.New(fault.Conflict, "fault.staff.alias_taken")
	}
	return p, err
}

// apply puts the change into p and names the fields that are now different.
func (c Change) apply(p *Person) (changed []string) {
	note := func(field string, different bool) {
		if different {
			changed = append(changed, field)
		}
	}
	if c.Alias != nil {
		alias := tidy(*c.Alias)
		note("alias", alias != p.Alias)
		p.Alias = alias
	}
	if c.Name != nil {
		name := tidy(*c.Name)
		note("name", name != p.Name)
		p.Name = name
	}
	if c.Roles != nil {
		roles := inOrder(*c.Roles)
		note("roles", !slices.Equal(roles, p.Roles))
		p.Roles = roles
	}
	if c.Langs != nil {
		note("langs", !slices.Equal(*c.Langs, p.Langs))
		p.Langs = *c.Langs
	}
	if c.Skills != nil {
		note("skills", !slices.Equal(*c.Skills, p.Skills))
		p.Skills = *c.Skills
	}
	if c.ChatCapacity != nil {
		note("capacity", *c.ChatCapacity != p.ChatCapacity)
		p.ChatCapacity = *c.ChatCapacity
	}
	return changed
}

// SetActive lets a person in or keeps her out; her sessions end at once. Her contacts are routing's
// business, which hears of it on the bus ("account").
//
// fault.NotFound "fault.staff.unknown"; fault.Conflict "fault.staff.last_administrator"; fault.Gone
// "fault.staff.forgotten".
func (s *Staff) SetActive(ctx context.Context, id string, active bool, by audit.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.takeTurn(ctx, tx); err != nil {
			return err
		}
		a, err := s.lock(ctx, tx, id)
		if err != nil || a.Active == active {
			return err
		}
		if active && a.Forgotten() {
			return fault.New(fault.Gone, "fault.staff.forgotten")
		}
		if _, err := tx.Exec(ctx, updateActive, id, active); err != nil {
			return err
		}
		act := "staff.activate"
		if !active {
			act = "staff.deactivate"
			if err := s.endSessions(ctx, tx, a, ""); err != nil {
				return err
			}
		}
		if err := s.someoneRuns(ctx, tx, a.Person); err != nil {
			return err
		}
		s.tell(tx, id, whatAccount)
		return s.trail.Record(ctx, tx, entry(by, act, id))
	})
}

// Forget erases what makes a person who left recognisable: her real name, her login, her passkeys and
// codes. The alias stays, because conversations and the log refer to it.
//
// fault.NotFound "fault.staff.unknown"; fault.Conflict "fault.staff.still_active".
func (s *Staff) Forget(ctx context.Context, id string, by audit.Actor) error {
	var keyID string
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if a.Active {
			return fault.New(fault.Conflict, "fault.staff.still_active")
		}
		keyID = a.keyID
		for _, query := range []string{deleteFactorsTOTP, deleteFactorsPasskeys, deleteFactorsRecovery, deleteSessionsOf, deleteCeremoniesOf, forgetPerson} {
			if _, err := tx.Exec(ctx, query, id); err != nil {
				return err
			}
		}
		s.tell(tx, id, whatAccount)
		return s.trail.Record(ctx, tx, entry(by, "staff.forget", id))
	})
	if err != nil {
		return err
	}
	if err := s.keys.Destroy(ctx, keyID); err != nil {
		return err
	}
	if s.bus != nil {
		s.bus.Publish("key."+keyID, []byte(`{"destroyed":true}`))
	}
	return nil
}

// account reads a person. fault.NotFound "fault.staff.unknown".
func (s *Staff) account(ctx context.Context, q store.Querier, id string) (account, error) {
	a, err := store.One(ctx, q, scanAccount, selectByID, id)
	if errors.Is(err, store.ErrNoRow) {
		return account{}, fault.New(fault.NotFound, "fault.staff.unknown")
	}
	if err != nil {
		return account{}, fmt.Errorf("staff: %w", err)
	}
	return a, nil
}

// lock reads a person and keeps anybody else from changing her until the transaction ends.
func (s *Staff) lock(ctx context.Context, tx *store.Tx, id string) (account, error) {
	if _, err := tx.Exec(ctx, touchPerson, id); err != nil {
		return account{}, err
	}
	return s.account(ctx, tx, id)
}

// takeTurn makes changes of roles wait for one another; it comes before lock, always in this order.
func (s *Staff) takeTurn(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, takeTurn)
	return err
}

// someoneRuns refuses to take the last administrator away; before is the person as she was.
func (s *Staff) someoneRuns(ctx context.Context, tx *store.Tx, before Person) error {
	if !before.Active || !before.Has(Administrator) {
		return nil
	}
	n, err := store.One(ctx, tx, scanInt, countAdministrators)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "fault.staff.last_administrator")
	}
	return err
}

// named opens the real names.
func (s *Staff) named(ctx context.Context, accounts []account) ([]Person, error) {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.keyID
	}
	keys, err := s.keys.Keys(ctx, ids)
	if err != nil {
		return nil, err
	}
	people := make([]Person, len(accounts))
	for i, a := range accounts {
		people[i] = a.Person
		key := keys[a.keyID]
		if key == nil {
			continue // forgotten
		}
		if people[i].Name, err = key.OpenText(nameField(a.ID), a.nameSealed); err != nil {
			return nil, err
		}
	}
	return people, nil
}

func nameField(id string) seal.Field {
	return seal.Field{Table: "staff", Column: "name_sealed", Row: id, Version: 1}
}

var (
	loginForm = regexp.MustCompile(`^[a-z][a-z0-9._-]{1,31}$`)
	langForm  = regexp.MustCompile(`^[a-z]{2,3}$`)
	codeForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._:-]{0,39}$`)
)

const (
	maxName     = 120
	maxAlias    = 24
	maxSkills   = 60
	maxLangs    = 20
	maxCapacity = 50
)

// check says in a sentence what cannot be as it is.
func (p Person) check() error {
	alias, last := fold(p.Alias), lastWord(p.Name)
	switch {
	case !loginForm.MatchString(p.Login):
		return fault.New(fault.Invalid, "fault.staff.login_form")
	case utf8.RuneCountInString(p.Alias) < 2 || utf8.RuneCountInString(p.Alias) > maxAlias || strings.ContainsFunc(p.Alias, notInAlias):
		return fault.New(fault.Invalid, "fault.staff.alias_form", "max", maxAlias)
	case !utf8.ValidString(p.Name) || utf8.RuneCountInString(p.Name) > maxName || strings.ContainsFunc(p.Name, unicode.IsControl):
		return fault.New(fault.Invalid, "fault.staff.name_form", "max", maxName)
	case utf8.RuneCountInString(last) >= 3 && strings.Contains(alias, last):
		return fault.New(fault.Invalid, "fault.staff.alias_tells")
	case len(p.Roles) == 0 || slices.ContainsFunc(p.Roles, func(r Role) bool { return !slices.Contains(Roles, r) }):
		return fault.New(fault.Invalid, "fault.staff.roles")
	case len(p.Langs) == 0 || len(p.Langs) > maxLangs || repeats(p.Langs) || slices.ContainsFunc(p.Langs, func(l string) bool { return !langForm.MatchString(l) }):
		return fault.New(fault.Invalid, "fault.staff.langs")
	case len(p.Skills) > maxSkills || repeats(p.Skills) || slices.ContainsFunc(p.Skills, func(c string) bool { return !codeForm.MatchString(c) }):
		return fault.New(fault.Invalid, "fault.staff.skills")
	case p.ChatCapacity < 0 || p.ChatCapacity > maxCapacity:
		return fault.New(fault.Invalid, "fault.staff.capacity", "max", maxCapacity)
	}
	return nil
}

func notInAlias(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -'’.", r)
}

// lastWord returns the folded family name, where it is written last; "" when there is only one word.
func lastWord(name string) string {
	words := strings.Fields(fold(name))
	if len(words) < 2 {
		return ""
	}
	return words[len(words)-1]
}

func repeats(list []string) bool {
	sorted := slices.Sorted(slices.Values(list))
	return len(slices.Compact(sorted)) != len(list)
}

// inOrder puts roles in the order of Roles, each once; unknown ones stay at the end, to be refused.
func inOrder(roles []Role) []Role {
	rank := func(r Role) int {
		if i := slices.Index(Roles, r); i >= 0 {
			return i
		}
		return len(Roles)
	}
	sorted := slices.Clone(roles)
	slices.SortStableFunc(sorted, func(a, b Role) int { return rank(a) - rank(b) })
	return slices.Compact(sorted)
}

// tidy is a text as it should have been typed: one form of each accented letter, single spaces.
func tidy(text string) string { return strings.Join(strings.Fields(norm.NFC.String(text)), " ") }

// foldLogin is the login behind what somebody typed.
func foldLogin(typed string) string {
	return strings.ToLower(strings.TrimSpace(norm.NFC.String(typed)))
}

// fold takes case and accents away.
func fold(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(text))
	if err != nil {
		return strings.ToLower(text)
	}
	return plain
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, " ")
}

// listed is how roles are written in the log, which takes no spaces.
func listed(roles []Role) string { return strings.ReplaceAll(join(roles), " ", "/") }

func split[T ~string](text string) []T {
	var list []T
	for word := range strings.FieldsSeq(text) {
		list = append(list, T(word))
	}
	return list
}
