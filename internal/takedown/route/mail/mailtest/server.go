package mailtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/internal/freeport"
)

// Server is a mail server with two mailboxes: Contact at a platform, and Helpline's. Whoever logs in may send, to both and to
// nobody else.
type Server struct {
	SMTP string // "127.0.0.1:…", STARTTLS and a login
	// IMAPS is with TLS from the first byte, IMAP with STARTTLS.
	IMAPS, IMAP string
	Authority   *Authority
	dir         string
}

// The mailboxes, and the password of both. Their names to log in are what stands before the @.
const (
	Contact  = "trust@reseau.example"
	Helpline = "signalements@ligne.example"
	// Gone is taken by the server, which finds out only later that nobody is there, and sends the letter back.
	Gone     = "gone@reseau.example"
	Password = "corr3ct-h0rse"
)

// Start runs Exim and Dovecot until the end of the test. Both come from Debian (scripts/need.sh) and want to be started by
// root, to become somebody else: elsewhere the test is skipped and says why.
func Start(t *testing.T) *Server {
	t.Helper()
	var programs [2]string
	for i, names := range [][]string{{"exim4", "/usr/sbin/exim4"}, {"dovecot", "/usr/sbin/dovecot"}} {
		for _, name := range names {
			if path, err := exec.LookPath(name); err == nil {
				programs[i] = path
			}
		}
		if programs[i] == "" {
			missing(t, names[0]+" is not installed (make deps)")
		}
	}
	if os.Getuid() != 0 {
		missing(t, "Exim and Dovecot want to be started by root")
	}
	// They write as "mail", in a folder that is short enough for the sockets (108 signs) and open to it.
	mail, err := user.Lookup("mail")
	if err != nil {
		missing(t, "there is no user mail on this machine")
	}
	dir, err := os.MkdirTemp("", "vigie-mail-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	uid, _ := strconv.Atoi(mail.Uid)
	gid, _ := strconv.Atoi(mail.Gid)
	s := &Server{SMTP: freeport.Address(), IMAPS: freeport.Address(), IMAP: freeport.Address(), Authority: NewAuthority(t), dir: dir}
	for _, sub := range []string{"", "spool", "log", "box", "run", "state"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, 0o755)
		if sub != "run" && sub != "state" && sub != "" {
			os.Chown(path, uid, gid)
		}
	}
	cert, key := s.Authority.PEM(t, "127.0.0.1")
	_, smtpPort, _ := net.SplitHostPort(s.SMTP)
	_, imapsPort, _ := net.SplitHostPort(s.IMAPS)
	_, imapPort, _ := net.SplitHostPort(s.IMAP)
	fill := strings.NewReplacer("DIR", dir, "SMTPPORT", smtpPort, "IMAPSPORT", imapsPort, "IMAPPORT", imapPort, "PASSWORD", Password,
		"UID", mail.Uid, "GID", mail.Gid).Replace
	for name, text := range map[string]string{"cert.pem": string(cert), "key.pem": string(key), "exim.conf": fill(eximConf), "dovecot.conf": fill(dovecotConf), "boxes": "trust\nsignalements\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Chown(filepath.Join(dir, "key.pem"), uid, gid)
	s.run(t, exec.Command(programs[0], "-C", filepath.Join(dir, "exim.conf"), "-bdf"), s.SMTP)
	s.run(t, exec.Command(programs[1], "-F", "-c", filepath.Join(dir, "dovecot.conf")), s.IMAPS, s.IMAP)
	return s
}

const eximConf = `
primary_hostname = mx.ligne.example
exim_user = mail
exim_group = mail
keep_environment =
spool_directory = DIR/spool
log_file_path = DIR/log/%slog
pid_file_path = DIR/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = SMTPPORT
tls_on_connect_ports =
tls_advertise_hosts = *
tls_certificate = DIR/cert.pem
tls_privatekey = DIR/key.pem
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
smtp_accept_max_per_connection = 1000
host_lookup =
rfc1413_hosts =
chunking_advertise_hosts =
check_spool_space = 0
check_log_space = 0
domainlist ours = reseau.example : ligne.example
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny !authenticated = * 
       message = log in first
  deny !domains = +ours
       message = this server relays to nobody
  deny !local_parts = trust : signalements : gone
       message = no such mailbox here
  accept
begin routers
gone:
  driver = redirect
  local_parts = gone
  allow_fail
  data = :fail: nobody reads this any more
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = DIR/box/${lookup{$local_part}lsearch,ret=key{DIR/boxes}}
  maildir_format
  create_directory
  user = mail
  group = mail
  delivery_date_add
  envelope_to_add
  return_path_add
begin retry
* * F,1h,10m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth3}{PASSWORD}}
  server_set_id = $auth2
`

const dovecotConf = `
protocols = imap
base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/dovecot.log
listen = 127.0.0.1
ssl = required
ssl_cert = <DIR/cert.pem
ssl_key = <DIR/key.pem
mail_location = maildir:DIR/box/%n
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = mail
default_internal_group = mail
default_login_user = mail
disable_plaintext_auth = yes
passdb {
  driver = static
  args = password=PASSWORD
}
userdb {
  driver = static
  args = uid=UID gid=GID home=DIR/box/%n
}
service imap-login {
  chroot =
  inet_listener imap {
    port = IMAPPORT
  }
  inet_listener imaps {
    port = IMAPSPORT
    ssl = yes
  }
}
auth_failure_delay = 0
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`

// run starts a program in a group of its own, and returns once it takes connections at all addresses.
func (s *Server) run(t *testing.T, cmd *exec.Cmd, addresses ...string) {
	t.Helper()
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &words, &words
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Dovecot and Exim leave children behind who hold these ends a moment longer.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-gone
		}
		if t.Failed() {
			t.Logf("%s said:\n%s%s", filepath.Base(cmd.Path), words.String(), s.logs())
		}
	})
	for _, address := range addresses {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				break
			}
			select {
			case <-gone:
				t.Fatalf("%s ended: %s%s", filepath.Base(cmd.Path), words.String(), s.logs())
			default:
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s does not answer: %s", filepath.Base(cmd.Path), s.logs())
			}
		}
	}
}

// logs is what the servers wrote down.
func (s *Server) logs() string {
	var all strings.Builder
	for _, name := range []string{"log/mainlog", "log/paniclog", "log/rejectlog", "dovecot.log"} {
		if text, err := os.ReadFile(filepath.Join(s.dir, name)); err == nil {
			fmt.Fprintf(&all, "--- %s\n%s", name, text)
		}
	}
	return all.String()
}

// Letters are the messages that lie in the mailbox of a name ("trust"), once there are n.
func (s *Server) Letters(t *testing.T, name string, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var all []string
		for _, part := range []string{"new", "cur"} {
			files, _ := filepath.Glob(filepath.Join(s.dir, "box", name, part, "*"))
			for _, file := range files {
				if text, err := os.ReadFile(file); err == nil {
					all = append(all, string(text))
				}
			}
		}
		if len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d letters for %s, not %d\n%s", len(all), name, n, s.logs())
		}
	}
}

// Deliver puts a message into a mailbox, as it is.
func (s *Server) Deliver(t *testing.T, name, message string) {
	t.Helper()
	box := filepath.Join(s.dir, "box", name)
	owner, err := os.Stat(filepath.Join(s.dir, "box"))
	if err != nil {
		t.Fatal(err)
	}
	who := owner.Sys().(*syscall.Stat_t)
	own := func(path string) { os.Chown(path, int(who.Uid), int(who.Gid)) }
	for _, part := range []string{"", "new", "cur", "tmp"} {
		path := filepath.Join(box, part)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		own(path)
	}
	// Its name begins with the time, which is the order in which Dovecot numbers what it finds.
	path := filepath.Join(box, "tmp", fmt.Sprintf("%d.M%09dP1.test", time.Now().Unix(), time.Now().Nanosecond()))
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	own(path)
	if err := os.Rename(path, filepath.Join(box, "new", filepath.Base(path))); err != nil {
		t.Fatal(err)
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
