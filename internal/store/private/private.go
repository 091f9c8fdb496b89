// Package private starts a PostgreSQL of one's own from Debian's programs, for tests and for the bench:
// on loopback, in a temporary folder, gone with the process that asked for it.
package private

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// Programs is where Debian puts the server's programs.
const Programs = "/usr/lib/postgresql/15/bin"

// Options shapes a cluster.
type Options struct {
	// Forgetful turns fsync off: quick, and right for tests, which never cut the power.
	Forgetful bool
}

// Cluster is a running PostgreSQL. It ends with Stop, or with this process, whatever ends it: a small
// shell holds the other end of a pipe and stops the server when the pipe closes.
type Cluster struct {
	port   int
	admin  *sql.DB
	shell  *exec.Cmd
	hold   io.Closer
	folder string
	once   sync.Once
}

// Possible says whether the programs are there: nil, or what is missing.
func Possible() error {
	if _, err := os.Stat(filepath.Join(Programs, "initdb")); err != nil {
		return errors.New("its programs are not in " + Programs + " (apt-get install postgresql-15)")
	}
	return nil
}

// Start makes an empty cluster and waits until it answers.
func Start(o Options) (*Cluster, error) {
	if err := Possible(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "vigie-postgres-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{folder: dir}
	if err := c.start(o); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(o Options) error {
	attr, err := unprivileged(c.folder)
	if err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(Programs, "initdb"), "-A", "trust", "-U", "vigie", "-E", "UTF8", "--locale=C", "--no-sync", "-D", filepath.Join(c.folder, "data"))
	initdb.SysProcAttr = attr
	initdb.Dir = c.folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if c.port, err = freePort(); err != nil {
		return err
	}
	fsync := "on"
	if o.Forgetful {
		fsync = "off"
	}
	script := `"$0" -D "$1/data" -p "$2" -k "$1" -c listen_addresses=127.0.0.1 -c "fsync=$3" -c max_connections=300 >"$1/log" 2>&1 & pid=$!
read x; kill -INT $pid; wait $pid; rm -rf "$1"/*`
	c.shell = exec.Command("/bin/sh", "-c", script, filepath.Join(Programs, "postgres"), c.folder, strconv.Itoa(c.port), fsync)
	c.shell.SysProcAttr = attr
	c.shell.SysProcAttr.Setpgid = true // an interrupted run must still let it clean up
	c.shell.Dir = c.folder
	if c.hold, err = c.shell.StdinPipe(); err != nil {
		return err
	}
	if err := c.shell.Start(); err != nil {
		c.shell = nil
		return err
	}
	if c.admin, err = sql.Open("pgx", c.Address("postgres")); err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for c.admin.Ping() != nil {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(c.folder, "log"))
			return fmt.Errorf("PostgreSQL did not start: %s", log)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// Address is that of one of its databases.
func (c *Cluster) Address(database string) string {
	return fmt.Sprintf("postgres://vigie@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

// Create makes a database, a copy of template unless that is "".
func (c *Cluster) Create(ctx context.Context, name, template string) error {
	query := `CREATE DATABASE ` + name
	if template != "" {
		query += ` TEMPLATE ` + template
	}
	_, err := c.admin.ExecContext(ctx, query)
	return err
}

// Pid is the process whose children are the server's processes.
func (c *Cluster) Pid() int { return c.shell.Process.Pid }

// Stop ends the server and removes its folder.
func (c *Cluster) Stop() (err error) {
	c.once.Do(func() {
		if c.admin != nil {
			err = c.admin.Close()
		}
		if c.shell != nil {
			err = errors.Join(err, c.hold.Close(), c.shell.Wait())
		}
		err = errors.Join(err, os.RemoveAll(c.folder))
	})
	return err
}

// unprivileged prepares dir for the server, which refuses to run as root.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return nil, errors.New("PostgreSQL does not run as root and there is no user postgres")
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
