package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"vigie/internal/bench"
	"vigie/internal/config"
	"vigie/internal/fault"
	"vigie/internal/web/i18n"
)

// Terminal is where a command reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// commands is everything `vigie` does. The settings are before the command or after it, or in the
// environment, or in a file.
type commands struct {
	config.Config `embed:""`
	File          config.File `name:"config" help:"Configuration file (TOML); default /etc/vigie/vigie.toml where it exists." placeholder:"FILE"`

	Serve   serveCommand   `cmd:"" help:"Serve the helpline."`
	Demo    demoCommand    `cmd:"" help:"Serve a made-up helpline in full life, in a folder of its own."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to the newest form."`
	User    userCommand    `cmd:"" help:"Accounts of the staff."`
	Conf    configCommand  `cmd:"" name:"config" help:"Print every setting, where it comes from and what it is now."`
	Backup  backupCommand  `cmd:"" help:"Copy data and wrapped keys to two separate places."`
	Restore restoreCommand `cmd:"" help:"Put a backup back into an empty data folder."`
	Erase   eraseCommand   `cmd:"" help:"Erase a contact by destroying its key."`
	Keys    keysCommand    `cmd:"" help:"Epochs and wrapped keys."`
	Jobs    jobsCommand    `cmd:"" help:"Slow work: what waits, what failed, and trying that again."`
	Logins  loginsCommand  `cmd:"" help:"How we are known to the networks whose APIs take notices."`
	Doctor  doctorCommand  `cmd:"" help:"Check the record, the audit chain, the keys, the jobs and the files."`
	Verify  verifyCommand  `cmd:"" help:"Check an export of evidence: what holds, and what does not."`
	Vault   vaultCommand   `cmd:"" help:"Read the backup of a young person's vault, given its passphrase on standard input."`
	Call    callCommand    `cmd:"" help:"Be a telephone: call a number, say a file, press keys, and tell what happens."`
	Bench   benchCommand   `cmd:"" help:"Measure this machine with the real program."`
	Picture pictureCommand `cmd:"" hidden:"" help:"Re-encode one picture from standard input; started by the server itself."`
}

// Run is the whole program. It returns the exit status: 0, 1 for what failed, 2 for a command
// that cannot be read, 3 for a measurement that this machine cannot make.
func Run(ctx context.Context, args []string, term Terminal) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c, append(config.Options(), kong.Name("vigie"), kong.Writers(term.Out, term.Err),
		kong.Description("The system a child-online-safety helpline runs on."),
		kong.Exit(func(code int) { exit = code }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))...)
	if err != nil {
		fmt.Fprintln(term.Err, "vigie:", err)
		return 2
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help has answered
		return exit
	}
	if err == nil {
		err = c.Config.Validate()
	}
	if err != nil {
		fmt.Fprintln(term.Err, "vigie:", err)
		return 2
	}
	slog.SetDefault(newLog(c.Config, term.Err))
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(c.Config, term); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(term.Err, "vigie:", sentence(err))
		if errors.As(err, new(bench.NotShown)) {
			return 3
		}
		return 1
	}
	return 0
}

// sentence is how an error is said to an operator: a fault in words, anything else as it is.
func sentence(err error) string {
	if f := fault.As(err); f != nil {
		said := i18n.For(i18n.English).Fault(err)
		if f.Cause != nil {
			return said + " (" + f.Cause.Error() + ")"
		}
		return said
	}
	return err.Error()
}

func newLog(c config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the parser has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func contains(networks []netip.Prefix, host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, n := range networks {
		if n.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

type configCommand struct{}

func (configCommand) Run(c config.Config, term Terminal) error {
	group := ""
	for _, s := range c.Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(term.Out, "\n# %s\n", group)
		}
		fmt.Fprintf(term.Out, "\n# %s\n# --%s, %s", s.Help, s.Name, s.Env)
		if s.Default != "" {
			fmt.Fprintf(term.Out, ", default %s", s.Default)
		}
		fmt.Fprintf(term.Out, "\n%s = %q\n", s.Name, s.Value)
	}
	return nil
}
