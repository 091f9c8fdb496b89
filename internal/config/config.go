// Package config holds everything that can be set, once: the struct below is at the same time the
// flags, the environment (VIGIE_ and the flag's name), the file (TOML, the flag's name as key) and the
// documentation, which `vigie config` prints.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is what a running Vigie was told. Flags win over the environment, which wins over the file.
type Config struct {
	Listen         string        `default:"localhost:8018" group:"Network" help:"Address to serve on."`
	PublicURL      string        `default:"http://localhost:8018" group:"Network" help:"Address people see; passkeys and links are bound to it."`
	TLSCert        string        `group:"Network" help:"TLS certificate file (PEM); with --tls-key Vigie serves HTTPS and HTTP/2 itself."`
	TLSKey         string        `group:"Network" help:"TLS key file (PEM)."`
	ACMEHost       []string      `group:"Network" help:"Host names to obtain certificates for by ACME, instead of --tls-cert."`
	TrustedProxies []string      `group:"Network" help:"Networks (CIDR) of the proxies in front, whose X-Forwarded-For and -Proto are believed."`
	MetricsFrom    []string      `default:"127.0.0.0/8,::1/128" group:"Network" help:"Networks that may read /metrics."`
	DrainFor       time.Duration `default:"10s" group:"Network" help:"How long a stopping server lets requests finish."`

	Data        string `default:"var" group:"Record" help:"Folder of the embedded database, the sealed files and, by default, the key file."`
	Database    string `group:"Record" help:"Database: sqlite:/path/vigie.db or postgres://user@host/name. Default: SQLite in the data folder." secret:"address"`
	Connections int    `default:"0" group:"Record" help:"Database connections; 0 chooses (SQLite 4 readers, PostgreSQL 16)."`
	KeyFile     string `group:"Record" help:"File that keeps the root and epoch keys (mode 0600). Default: vigie.key in the data folder. Back it up apart from the data."`

	BusURL           []string `group:"Bus" help:"NATS cluster to join (nats://host:4222). Default: embedded." secret:"address"`
	BusClusterListen string   `group:"Bus" help:"Address where the embedded bus lets other nodes in."`
	BusRoutes        []string `group:"Bus" help:"The other nodes' cluster addresses." secret:"address"`
	BusClusterSecret string   `group:"Bus" help:"Secret the nodes show one another." secret:""`

	HelplineName string `default:"Vigie" group:"Helpline" help:"Name shown on the pages."`
	HelplineCall string `default:"3018" group:"Helpline" help:"Number to call, shown everywhere."`
	QuitTo       string `default:"https://meteofrance.com/" group:"Helpline" help:"Neutral page the quick exit ends on."`

	AppAndroidPackage string   `group:"App" help:"Android package (a trusted web activity) that may open as this site, as docs/APP.md tells: org.example.helpline."`
	AppAndroidSHA256  string   `group:"App" help:"SHA-256 of the certificate that the package is signed with: AB:CD:…"`
	PushServices      []string `default:"fcm.googleapis.com,updates.push.services.mozilla.com,*.push.apple.com,*.notify.windows.com" group:"App" help:"Push services of browsers that may be asked to tell somebody that she was answered; they learn that, and nothing else. Empty: nobody is told."`
	EmbedOrigins      []string `group:"App" help:"Sites that may show the chat button in their pages: https://school.example. None: nobody may."`

	SecondFactor    bool          `group:"Staff" help:"Every member of staff must use a passkey or a one-time code." negatable:""`
	SessionIdle     time.Duration `default:"30m" group:"Staff" help:"A staff session ends after this long without a request."`
	SessionAbsolute time.Duration `default:"12h" group:"Staff" help:"A staff session ends after this long whatever happens."`

	ChatCapacity int           `default:"3" group:"Floor" help:"Chats a counsellor takes at once, where her account says nothing else."`
	OfferFor     time.Duration `default:"20s" group:"Floor" help:"How long a contact rings at one counsellor."`
	DeskGrace    time.Duration `default:"2m" group:"Floor" help:"How long the chats of a counsellor whose desk vanished wait for her."`

	OnCallCommand string `group:"Floor" help:"Program that calls the supervisor on call: run with one word, danger or threat, when nobody has seen an alarm in time, or surge when a surge begins."`

	TakedownApart time.Duration `default:"3h" group:"Takedown" help:"How long two looks that find content gone lie apart at least, before it counts as removed."`
	TakedownPorts []uint16      `group:"Takedown" help:"Ports besides 80 and 443 on which pages may be looked at and APIs spoken to."`
	TakedownAllow []string      `group:"Takedown" help:"Networks that may be spoken to although they are not public (127.0.0.0/8 for a test network): never a network of your own house."`

	StampURL         string `group:"Evidence" help:"Authority for time stamps (RFC 3161) that is asked about each piece of evidence: it gets a SHA-256 and nothing else. None: nothing is stamped."`
	StampRoots       string `group:"Evidence" help:"File (PEM) of the root certificates whose time stamps are believed; keep those of earlier authorities in it."`
	StampUser        string `group:"Evidence" help:"User at the authority, where it wants one."`
	StampPassword    string `group:"Evidence" help:"Password at the authority." secret:""`
	TakedownMail     string `group:"Takedown" help:"Mail server that letters to platforms go out by: smtp://user:password@smtp.example.org:587 (STARTTLS) or smtps://…:465. None: they are copied by hand." secret:"address"`
	TakedownMailFrom string `group:"Takedown" help:"Mailbox that writes, and that answers come to: notices@helpline.example."`
	TakedownReplies  string `group:"Takedown" help:"Mailbox in which answers are read: imaps://user:password@imap.example.org:993/INBOX, or imap://…:143 (STARTTLS). None: they are read by hand." secret:"address"`
	TakedownMailCA   string `group:"Takedown" help:"File (PEM) of the authorities that the mail servers' certificates are from, where they are not the machine's."`

	PhoneListen     []string      `group:"Phone" help:"Addresses to take SIP on: udp:192.0.2.1:5060, tcp:…, tls:… (with --tls-cert). None: no phone."`
	PhoneTrunks     string        `group:"Phone" help:"File (TOML) of the trunks: who may call us and whom we call through; see docs/OPERATIONS.md."`
	PhonePublicIP   string        `group:"Phone" help:"Address that telephones and browsers reach us at, where it is not one of this machine's (NAT)."`
	PhonePorts      string        `default:"20000-29999" group:"Phone" help:"UDP ports of the telephone lines' sound."`
	PhoneWeb        string        `default:":8019" group:"Phone" help:"UDP address where counsellors' browsers bring and fetch the sound of calls."`
	PhoneWebTCP     string        `group:"Phone" help:"The same over TCP, for networks that let no UDP through."`
	PhoneTURN       []string      `group:"Phone" help:"TURN servers that browsers may use: turn:turn.example.org:3478."`
	PhoneTURNSecret string        `group:"Phone" help:"Secret that we share with the TURN servers." secret:""`
	PhoneGrace      time.Duration `default:"20s" group:"Phone" help:"How long a caller waits for a counsellor whose browser is gone."`
	PhoneLang       string        `default:"fr" enum:"fr,en" group:"Phone" help:"Language in which callers are greeted."`
	PhoneDrain      time.Duration `default:"30m" group:"Phone" help:"How long a stopping server lets calls finish."`

	IllegalFiles string `default:"hold" enum:"hold,destroy" group:"Files" help:"What the written protocol with the prosecutor says of a possibly illegal file: hold or destroy."`
	FilesMax     int64  `default:"26214400" group:"Files" help:"Largest file taken, in bytes; 26214400 at most."`

	ProofOfWork bool `group:"Floods" help:"Ask browsers for a silent proof of work before a chat starts (otherwise only above the threshold)."`

	LogLevel  string `default:"info" enum:"debug,info,warn,error" group:"Log" help:"Least level logged."`
	LogFormat string `default:"text" enum:"text,json" group:"Log" help:"Form of the log."`
}

// LargestFile is the most that files-max may be: a picture is decoded whole in memory to be shown.
const LargestFile = 25 << 20

// PhonePortRange is the first and the last UDP port of the telephone lines.
func (c Config) PhonePortRange() (low, high uint16, err error) {
	if _, err := fmt.Sscanf(c.PhonePorts, "%d-%d", &low, &high); err != nil || low < 1024 || high <= low {
		return 0, 0, fmt.Errorf("phone-ports %q is a range such as 20000-29999", c.PhonePorts)
	}
	return low, high, nil
}

// DSN is the address of the record.
func (c Config) DSN() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "vigie.db")
}

// KeyPath is where the key file is.
func (c Config) KeyPath() string {
	if c.KeyFile != "" {
		return c.KeyFile
	}
	return filepath.Join(c.Data, "vigie.key")
}

// FilesPath is the folder of the sealed files.
func (c Config) FilesPath() string { return filepath.Join(c.Data, "files") }

// Secure says whether people reach us over HTTPS.
func (c Config) Secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// Validate says in one sentence what cannot be as it is.
func (c Config) Validate() error {
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("public-url %q must be an http or https address", c.PublicURL)
	}
	if u, err := url.Parse(c.QuitTo); err != nil || u.Host == "" || u.Scheme != "https" {
		return fmt.Errorf("quit-to %q must be an https address", c.QuitTo)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("tls-cert and tls-key go together")
	}
	if c.TLSCert != "" && len(c.ACMEHost) > 0 {
		return errors.New("choose either tls-cert or acme-host")
	}
	if _, err := Networks(c.TrustedProxies); err != nil {
		return fmt.Errorf("trusted-proxies: %w", err)
	}
	if _, err := Networks(c.TakedownAllow); err != nil {
		return fmt.Errorf("takedown-allow: %w", err)
	}
	if err := c.checkMail(); err != nil {
		return err
	}
	if _, err := Networks(c.MetricsFrom); err != nil {
		return fmt.Errorf("metrics-from: %w", err)
	}
	if err := c.checkApp(); err != nil {
		return err
	}
	if c.ChatCapacity < 1 || c.ChatCapacity > 100 {
		return errors.New("chat-capacity is between 1 and 100")
	}
	if c.OnCallCommand != "" && !filepath.IsAbs(c.OnCallCommand) {
		return fmt.Errorf("on-call-command %q must be the whole path of a program, without arguments", c.OnCallCommand)
	}
	if c.PhonePublicIP != "" {
		if _, err := netip.ParseAddr(c.PhonePublicIP); err != nil {
			return fmt.Errorf("phone-public-ip %q is not an address", c.PhonePublicIP)
		}
	}
	if c.StampURL != "" {
		if u, err := url.Parse(c.StampURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
			return errors.New("stamp-url must be an http or https address, without a password in it")
		}
		if c.StampRoots == "" {
			return errors.New("stamp-url needs stamp-roots: whose time stamps are believed")
		}
	}
	if _, _, err := c.PhonePortRange(); err != nil {
		return err
	}
	if c.FilesMax < 1 || c.FilesMax > LargestFile {
		return fmt.Errorf("files-max is between 1 and %d bytes (%d MB): a larger file could not be shown", LargestFile, LargestFile>>20)
	}
	return nil
}

var (
	androidPackage = regexp.MustCompile(`^[A-Za-z]\w*(\.[A-Za-z]\w*)+$`)
	fingerprint    = regexp.MustCompile(`^[0-9A-F]{2}(:[0-9A-F]{2}){31}$`)
)

// checkApp looks at what is said of the app and of the button.
func (c Config) checkApp() error {
	if (c.AppAndroidPackage == "") != (c.AppAndroidSHA256 == "") {
		return errors.New("app-android-package and app-android-sha256 go together")
	}
	if c.AppAndroidPackage != "" && !androidPackage.MatchString(c.AppAndroidPackage) {
		return fmt.Errorf("app-android-package %q is a name such as org.example.helpline", c.AppAndroidPackage)
	}
	if c.AppAndroidSHA256 != "" && !fingerprint.MatchString(c.AppAndroidSHA256) {
		return errors.New("app-android-sha256 is 32 pairs of digits and capitals with : between them, as `keytool -list -v` prints them")
	}
	for _, service := range c.PushServices {
		if !pushHost.MatchString(service) {
			return fmt.Errorf("push-services: %q is not a host such as fcm.googleapis.com or *.push.apple.com", service)
		}
	}
	for _, origin := range c.EmbedOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && !(u.Scheme == "http" && u.Hostname() == "localhost") || u.Host == "" || origin != u.Scheme+"://"+u.Host || !embedHost.MatchString(u.Host) {
			return fmt.Errorf("embed-origins: %q is not a site such as https://school.example (no path, no slash at its end)", origin)
		}
	}
	return nil
}

// pushHost is a name with a dot in it: a domain alone would be half the world.
var pushHost = regexp.MustCompile(`^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// embedHost is a host that may be written into a header: nothing in it ends a source.
var embedHost = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?$`)

// checkMail looks at the mail servers. What it says names no address: a password may be in it.
func (c Config) checkMail() error {
	for _, m := range []struct {
		name, text string
		schemes    []string
	}{
		{"takedown-mail", c.TakedownMail, []string{"smtp", "smtps"}},
		{"takedown-replies", c.TakedownReplies, []string{"imap", "imaps"}},
	} {
		if m.text == "" {
			continue
		}
		if u, err := url.Parse(m.text); err != nil || u.Hostname() == "" || u.Port() == "" || !slices.Contains(m.schemes, u.Scheme) {
			return fmt.Errorf("%s is an address such as %s://user:password@mail.example.org:%s; signs that have a meaning in an address are written %%40", m.name, m.schemes[0], map[string]string{"smtp": "587", "imap": "143"}[m.schemes[0]])
		}
	}
	if (c.TakedownMail == "") != (c.TakedownMailFrom == "") {
		return errors.New("takedown-mail and takedown-mail-from go together")
	}
	if c.TakedownReplies != "" && c.TakedownMail == "" {
		return errors.New("takedown-replies needs takedown-mail: what we did not send has no answers")
	}
	return nil
}

// Networks parses CIDRs; a bare address stands for itself.
func Networks(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 192.0.2.0/24", text)
		}
		all = append(all, netip.PrefixFrom(a, a.BitLen()))
	}
	return all, nil
}

// Setting is one line of what can be set.
type Setting struct {
	Name, Env, Group, Help, Default, Value string
}

// Settings lists everything that can be set, in the order of the struct; secrets are masked.
func (c Config) Settings() []Setting {
	v := reflect.ValueOf(c)
	all := make([]Setting, v.NumField())
	for i := range all {
		f := v.Type().Field(i)
		name := FlagName(f.Name)
		value := fmt.Sprint(v.Field(i).Interface())
		if list, ok := v.Field(i).Interface().([]string); ok {
			value = strings.Join(list, ",")
		}
		if secret, ok := f.Tag.Lookup("secret"); ok {
			value = masked(secret, value)
		}
		all[i] = Setting{
			Name: name, Env: "VIGIE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")),
			Group: f.Tag.Get("group"), Help: f.Tag.Get("help"), Default: f.Tag.Get("default"), Value: value,
		}
	}
	return all
}

// masked keeps what nobody may read over a shoulder out of a value: all of it, or of an address (secret
// "address") all of it when it names somebody or has parameters, where a password may be.
func masked(secret, value string) string {
	if value == "" || secret == "address" && !strings.ContainsAny(value, "@?") {
		return value
	}
	return "(set)"
}

// FlagName is how a field is called outside: "PublicURL" → "public-url", "TLSCert" → "tls-cert".
func FlagName(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 {
			before := runes[i-1] >= 'A' && runes[i-1] <= 'Z'
			after := i+1 < len(runes) && runes[i+1] >= 'a' && runes[i+1] <= 'z'
			if !before || after {
				b.WriteByte('-')
			}
		}
		if upper {
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
