package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/picture"
	"vigie/internal/staff"
)

// operator is whoever has the machine, as the audit names her.
var operator = audit.Actor{Kind: "operator", ID: "cli"}

// withRecord opens the record, its keys and the audit, and no more.
func withRecord(ctx context.Context, c config.Config, do func(a *App) error) (err error) {
	a := &App{config: c}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.openRecord(ctx, Options{}); err != nil {
		return err
	}
	return do(a)
}

func withStaff(ctx context.Context, c config.Config, do func(a *App) error) error {
	return withRecord(ctx, c, func(a *App) error {
		var err error
		if a.Staff, err = staff.New(a.DB, a.Keys, a.Audit, nil, staff.Options{}); err != nil {
			return err
		}
		defer a.Staff.Close()
		return do(a)
	})
}

type userCommand struct {
	Add      userAdd      `cmd:"" help:"Make an account; the password is read from standard input, or made and printed."`
	Change   userChange   `cmd:"" help:"Change an account: only what is given changes."`
	List     userList     `cmd:"" help:"List the accounts."`
	Password userPassword `cmd:"" help:"Give a new password."`
	Reset    userReset    `cmd:"" help:"Take all second factors away, for somebody who lost her phone and her paper."`
	Disable  userDisable  `cmd:"" help:"Close an account and end its sessions."`
	Enable   userEnable   `cmd:"" help:"Open an account again."`
	Forget   userForget   `cmd:"" help:"Erase the name and the log-in of somebody whose account is closed; the alias stays."`
}

type userAdd struct {
	Login    string   `arg:"" help:"What she types to log in."`
	Alias    string   `required:"" help:"What children see."`
	Name     string   `help:"Real name; it is sealed."`
	Role     []string `required:"" enum:"counsellor,supervisor,editor,administrator,officer" help:"counsellor, supervisor, editor, administrator, officer (data protection)."`
	Lang     []string `default:"fr" help:"Languages she answers in."`
	Skill    []string `help:"Skills: codes of topics and publics."`
	Capacity int      `help:"Chats at once; 0 is the house's own number."`
	Stdin    bool     `name:"password-stdin" help:"Read the password from standard input."`
}

func (u userAdd) Run(ctx context.Context, c config.Config, term Terminal) error {
	if err := migrate(ctx, c); err != nil {
		return err
	}
	return withStaff(ctx, c, func(a *App) error {
		password, made, err := readPassword(u.Stdin, term)
		if err != nil {
			return err
		}
		n := staff.NewPerson{Login: u.Login, Alias: u.Alias, Name: u.Name, Langs: u.Lang, Skills: u.Skill, ChatCapacity: u.Capacity, Password: password, Given: made}
		n.Roles = rolesOf(u.Role)
		p, err := a.Staff.Add(ctx, n, operator)
		if err != nil {
			return err
		}
		fmt.Fprintf(term.Out, "%s can log in as %s.\n", p.Alias, p.Login)
		if made {
			fmt.Fprintf(term.Out, "First password, to be changed at the first log-in: %s\n", password)
		}
		return nil
	})
}

func rolesOf(codes []string) []staff.Role {
	roles := make([]staff.Role, len(codes))
	for i, code := range codes {
		roles[i] = staff.Role(code)
	}
	return roles
}

type userChange struct {
	Login    string   `arg:"" help:"Whose account."`
	Alias    *string  `help:"What children see."`
	Name     *string  `help:"Real name; it is sealed."`
	Role     []string `enum:"counsellor,supervisor,editor,administrator" help:"All her roles from now on: counsellor, supervisor, editor, administrator."`
	Lang     []string `help:"All the languages she answers in."`
	Skill    []string `xor:"skills" help:"All her skills: codes that the queues ask for."`
	NoSkill  bool     `xor:"skills" help:"No skill any more."`
	Capacity *int     `help:"Chats at once; 0 is the house's own number."`
}

func (u userChange) Run(ctx context.Context, c config.Config, term Terminal) error {
	change := staff.Change{Alias: u.Alias, Name: u.Name, ChatCapacity: u.Capacity}
	if u.Role != nil {
		roles := rolesOf(u.Role)
		change.Roles = &roles
	}
	if u.Lang != nil {
		change.Langs = &u.Lang
	}
	if u.Skill != nil || u.NoSkill {
		change.Skills = &u.Skill
	}
	if change == (staff.Change{}) {
		return errors.New("nothing to change was given; see vigie user change --help")
	}
	return withStaff(ctx, c, func(a *App) error {
		p, err := a.Staff.ByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		if p, err = a.Staff.Change(ctx, p.ID, change, operator); err != nil {
			return err
		}
		fmt.Fprintf(term.Out, "%s is changed. A server that runs goes by it within a few seconds.\n", p.Alias)
		return nil
	})
}

// readPassword reads the first line of standard input, or makes a password to be given.
func readPassword(stdin bool, term Terminal) (password string, made bool, err error) {
	if !stdin {
		return staff.MakePassword(), true, nil
	}
	line, err := bufio.NewReader(term.In).ReadString('\n')
	password = strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", false, errors.Join(errors.New("no password came on standard input"), ignoreEOF(err))
	}
	return password, false, nil
}

func ignoreEOF(err error) error {
	if err != nil && err.Error() == "EOF" {
		return nil
	}
	return err
}

type userList struct{}

func (userList) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withStaff(ctx, c, func(a *App) error {
		people, err := a.Staff.List(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(term.Out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(table, "LOGIN\tALIAS\tROLES\tLANGUAGES\tACTIVE\tSKILLS")
		for _, p := range people {
			roles := make([]string, len(p.Roles))
			for i, r := range p.Roles {
				roles[i] = string(r)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%v\t%s\n", p.Login, p.Alias, strings.Join(roles, ","), strings.Join(p.Langs, ","), p.Active, strings.Join(p.Skills, ","))
		}
		return table.Flush()
	})
}

type userPassword struct {
	Login string `arg:"" help:"Whose password."`
	Stdin bool   `name:"password-stdin" help:"Read the password from standard input."`
}

func (u userPassword) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withStaff(ctx, c, func(a *App) error {
		p, err := a.Staff.ByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		password, made, err := readPassword(u.Stdin, term)
		if err != nil {
			return err
		}
		if err := a.Staff.SetPassword(ctx, p.ID, password, made, operator); err != nil {
			return err
		}
		if made {
			fmt.Fprintf(term.Out, "New password, to be changed at the next log-in: %s\n", password)
		}
		return nil
	})
}

type userReset struct {
	Login string `arg:"" help:"Whose factors."`
}

func (u userReset) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withStaff(ctx, c, func(a *App) error {
		p, err := a.Staff.ByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		if err := a.Staff.ResetFactors(ctx, p.ID, operator); err != nil {
			return err
		}
		fmt.Fprintf(term.Out, "%s logs in with her password alone until she adds a factor again. Her sessions are over.\n", p.Alias)
		return nil
	})
}

type userDisable struct {
	Login string `arg:"" help:"Whose account."`
}

func (u userDisable) Run(ctx context.Context, c config.Config) error {
	return setActive(ctx, c, u.Login, false)
}

type userEnable struct {
	Login string `arg:"" help:"Whose account."`
}

func (u userEnable) Run(ctx context.Context, c config.Config) error {
	return setActive(ctx, c, u.Login, true)
}

func setActive(ctx context.Context, c config.Config, login string, active bool) error {
	return withStaff(ctx, c, func(a *App) error {
		p, err := a.Staff.ByLogin(ctx, login)
		if err != nil {
			return err
		}
		return a.Staff.SetActive(ctx, p.ID, active, operator)
	})
}

type userForget struct {
	Login string `arg:"" help:"Whose account; it must be closed already."`
	Yes   bool   `help:"Do not ask."`
}

func (u userForget) Run(ctx context.Context, c config.Config, term Terminal) error {
	if !u.Yes && !typedAgain(term, "Her name, log-in and factors will be known by nobody, for ever. Type the log-in again: ", u.Login) {
		return errNothingErased
	}
	return withStaff(ctx, c, func(a *App) error {
		p, err := a.Staff.ByLogin(ctx, u.Login)
		if err != nil {
			return err
		}
		if err := a.Staff.Forget(ctx, p.ID, operator); err != nil {
			return err
		}
		fmt.Fprintf(term.Out, "Forgotten. The alias %s stays, because conversations and the log name it.\n", p.Alias)
		return nil
	})
}

var errNothingErased = errors.New("nothing was erased")

// typedAgain warns, and says whether the same word came back.
func typedAgain(term Terminal, warning, word string) bool {
	fmt.Fprint(term.Out, warning)
	line, _ := bufio.NewReader(term.In).ReadString('\n')
	return strings.TrimSpace(line) == word
}

type eraseCommand struct {
	Contact string `arg:"" help:"Id of the contact."`
	Purpose string `required:"" help:"Why, as a code: request, retention, mistake."`
	Yes     bool   `help:"Do not ask."`
}

func (e eraseCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	if !e.Yes && !typedAgain(term, "What was said in this contact will be readable by nobody, for ever. Type the id again: ", e.Contact) {
		return errNothingErased
	}
	a, err := Open(ctx, c, Options{})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Contacts.Erase(ctx, e.Contact, operator, e.Purpose); err != nil {
		return err
	}
	fmt.Fprintln(term.Out, "Erased. Copies of the keys made before now still open it until they are destroyed, at the latest with their epoch.")
	return nil
}

type pictureCommand struct{}

func (pictureCommand) Run(term Terminal) error { return picture.Run(os.Stdin, term.Out) }
