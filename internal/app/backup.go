package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/config"
	"vigie/internal/store"
)

// A backup is two things that must never lie in one place: the data (with the sealed files), which may be
// kept for long, and the keys, which must not be older than an epoch.

type backupCommand struct {
	Data string `required:"" help:"New folder for the data and the sealed files." name:"to-data" placeholder:"DIR"`
	Keys string `required:"" help:"New folder for the wrapped keys and the key file; another disk than the data." name:"to-keys" placeholder:"DIR"`
}

func (b backupCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	for _, dir := range []string{b.Data, b.Keys} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("the folder of a backup must be new: %w", err)
		}
	}
	return withRecord(ctx, c, func(a *App) error {
		m, err := a.begun(ctx)
		if err != nil {
			return err
		}
		err = a.Keys.HoldStill(ctx, func(ctx context.Context) error {
			// Keys first: a key without data is an orphan, data without its key is lost.
			if err := a.copyKeys(ctx, b.Keys); err != nil {
				return err
			}
			return a.copyData(ctx, b.Data)
		})
		if err != nil {
			return err
		}
		if m.Files, m.Bytes, err = measure(filepath.Join(b.Data, "files")); err != nil {
			return err
		}
		if err := m.write(b.Data); err != nil {
			return err
		}
		if err := a.DB.Tx(ctx, recordIn(ctx, a.Audit, audit.Entry{Actor: operator, Act: "backup.make", Object: "record"})); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.Data, keyBackups), nil, 0o600); err != nil {
			return err
		}
		fmt.Fprintf(term.Out, "Data in %s, keys in %s. Destroy the keys' copy before %s: after that it could open what was erased.\n",
			b.Data, b.Keys, time.Now().Add(epochPeriod).Format(time.DateOnly))
		fmt.Fprintf(term.Out, "Head of the log, to be kept elsewhere for `vigie doctor --head`: %s\n", m.Head)
		return nil
	})
}

func (a *App) copyKeys(ctx context.Context, dir string) error {
	if err := copyFile(a.config.KeyPath(), filepath.Join(dir, "vigie.key")); err != nil {
		return err
	}
	if a.DB.Engine() == store.SQLite {
		return a.DB.CopyTo(ctx, "keys", filepath.Join(dir, "keys.db"))
	}
	return dump(ctx, a.config.DSN(), filepath.Join(dir, "keys.dump"), "--schema=keys")
}

func (a *App) copyData(ctx context.Context, dir string) error {
	if a.DB.Engine() == store.SQLite {
		if err := a.DB.CopyTo(ctx, "main", filepath.Join(dir, "vigie.db")); err != nil {
			return err
		}
	} else if err := dump(ctx, a.config.DSN(), filepath.Join(dir, "vigie.dump"), "--exclude-schema=keys"); err != nil {
		return err
	}
	return copyTree(a.config.FilesPath(), filepath.Join(dir, "files"))
}

// dump runs pg_dump.
func dump(ctx context.Context, dsn, to, what string) error {
	return postgres(ctx, "pg_dump", dsn, "--format=custom", "--no-owner", "--file="+to, what)
}

// postgres runs one of PostgreSQL's programs on a database. The password goes by the environment, because
// the command line is seen by everybody on the machine.
func postgres(ctx context.Context, name, dsn string, args ...string) error {
	address, err := url.Parse(dsn)
	if err != nil {
		return errors.New("--database cannot be read as an address")
	}
	password, _ := address.User.Password()
	query := address.Query()
	if query.Has("password") {
		password = query.Get("password")
		query.Del("password")
		address.RawQuery = query.Encode()
	}
	address.User = url.User(address.User.Username())
	cmd := exec.CommandContext(ctx, program(name), append([]string{"--dbname=" + address.String()}, args...)...)
	if cmd.Env = os.Environ(); password != "" {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// program finds one of PostgreSQL's programs on the path, or where Debian puts it.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/lib/postgresql/15/bin/" + name
}

type restoreCommand struct {
	Data string `required:"" help:"Folder of the data." name:"from-data" placeholder:"DIR"`
	Keys string `required:"" help:"Folder of the keys." name:"from-keys" placeholder:"DIR"`
}

func (r restoreCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	m, told, err := readManifest(r.Data)
	if err == nil && told {
		err = m.whole(r.Data)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	// From where to where: the keys come before what they open.
	files := [][2]string{{filepath.Join(r.Keys, "vigie.key"), c.KeyPath()}}
	lite := exists(filepath.Join(r.Data, "vigie.db"))
	if lite {
		path, err := sqlitePath(c)
		if err != nil {
			return err
		}
		files = append(files, [2]string{filepath.Join(r.Keys, "keys.db"), filepath.Join(filepath.Dir(path), "keys.db")},
			[2]string{filepath.Join(r.Data, "vigie.db"), path})
	}
	if !lite {
		for _, file := range r.dumps() {
			if !exists(file) {
				return fmt.Errorf("%s is missing: this is not a whole backup", file)
			}
		}
	}
	for _, f := range files { // before anything is written
		if exists(f[1]) {
			return fmt.Errorf("%s is there already: a restore writes into an empty place", f[1])
		}
		if !exists(f[0]) {
			return fmt.Errorf("%s is missing: this is not a whole backup", f[0])
		}
	}
	if !lite {
		if err := restorePostgres(ctx, c, r); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := copyFile(f[0], f[1]); err != nil {
			return err
		}
	}
	if err := copyTree(filepath.Join(r.Data, "files"), c.FilesPath()); err != nil {
		return err
	}
	// What was erased after the backup is in it again until its epoch ends; the operator erases it anew.
	if err := migrate(ctx, c); err != nil {
		return err
	}
	err = withRecord(ctx, c, func(a *App) error {
		if told {
			if err := a.reaches(ctx, m.Head); err != nil {
				return err
			}
		}
		return a.DB.Tx(ctx, recordIn(ctx, a.Audit, audit.Entry{Actor: operator, Act: "backup.restore", Object: "record"}))
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(term.Out, "Restored. What was erased after the backup was made is back: erase it again. Then run `vigie doctor`.")
	return nil
}

// reaches says whether the log holds, and holds the block at which a backup's manifest says that it stood.
func (a *App) reaches(ctx context.Context, head string) error {
	known, err := audit.ParseHead(head)
	if err != nil {
		return err
	}
	report, err := audit.Verify(ctx, a.DB, a.Keys.Derive("audit"), known)
	if err == nil && report.Broken != "" {
		err = fmt.Errorf("all of it was put back, but its log is not the one of the manifest: %s", report.Broken)
	}
	return err
}

func (r restoreCommand) dumps() []string {
	return []string{filepath.Join(r.Data, "vigie.dump"), filepath.Join(r.Keys, "keys.dump")}
}

// restorePostgres fills an empty database. What the keys' tables are made of (the domain blob) comes with
// the data.
func restorePostgres(ctx context.Context, c config.Config, r restoreCommand) error {
	for _, file := range r.dumps() {
		if err := postgres(ctx, "pg_restore", c.DSN(), "--no-owner", "--exit-on-error", "--single-transaction", file); err != nil {
			return err
		}
	}
	return nil
}

func sqlitePath(c config.Config) (string, error) {
	dsn := c.DSN()
	if len(dsn) < 7 || dsn[:7] != "sqlite:" {
		return "", errors.New("this backup is of an SQLite record; --database names another engine")
	}
	return dsn[7:], nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// copyFile copies durably, to a file that must be new.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// copyTree copies a folder of sealed files; one that does not exist is empty. What is half written is left
// out, and so is a file that is erased while the others are being copied.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() && rel == blob.Unfinished {
			return fs.SkipDir
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if err := copyFile(path, filepath.Join(to, rel)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}
