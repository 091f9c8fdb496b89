package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"vigie/internal/catalogue"
	"vigie/internal/config"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
	"vigie/internal/phone/trunk"
)

// trunkFile is the file of --phone-trunks; docs/OPERATIONS.md explains it.
type trunkFile struct {
	Trunk []trunkEntry `toml:"trunk"`
}

// trunkEntry is one trunk, as an operator writes it; see trunk.Trunk.
type trunkEntry struct {
	Name           string        `toml:"name"`
	Peers          []string      `toml:"peers"`
	MediaPeers     []string      `toml:"media_peers"`
	Proxy          string        `toml:"proxy"`
	User           string        `toml:"user"`
	Password       string        `toml:"password"`
	Realm          string        `toml:"realm"`
	Challenge      bool          `toml:"challenge"`
	Register       bool          `toml:"register"`
	Numbers        []string      `toml:"numbers"`
	CallerID       string        `toml:"caller_id"`
	Codecs         []string      `toml:"codecs"`
	SRTP           string        `toml:"srtp"`
	SessionExpires time.Duration `toml:"session_expires"`
	KeepAlive      time.Duration `toml:"keep_alive"`
	SharedPort     string        `toml:"shared_port"`
	Level          bool          `toml:"level"`
	Dial           dialEntry     `toml:"dial"`
	Calls          int           `toml:"calls"`
}

// dialEntry is what may be called by a trunk besides the numbers of the catalogue.
type dialEntry struct {
	Prefixes []string `toml:"prefixes"`
	Except   []string `toml:"except"`
}

// readTrunks reads the file, and says in a sentence what in it cannot be.
func readTrunks(path string) ([]trunkEntry, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("phone-trunks: %w", err)
	}
	var f trunkFile
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) { // the library's own text quotes the line, and a password may be on it
			return nil, fmt.Errorf("phone-trunks: line %d cannot be read: %s", parse.Position.Line, parse.Message)
		}
		return nil, errors.New("phone-trunks: a value has the wrong type")
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("phone-trunks: there is no setting %q", unknown[0].String())
	}
	return f.Trunk, nil
}

// trunk is the entry as the room trunk takes it. What numbers returns may always be called.
func (e trunkEntry) trunk(numbers func() []string) (trunk.Trunk, error) {
	t := trunk.Trunk{
		Name: e.Name, Proxy: e.Proxy, User: e.User, Password: e.Password, Realm: e.Realm, Challenge: e.Challenge, Register: e.Register,
		Numbers: e.Numbers, CallerID: e.CallerID, SRTP: e.SRTP, SessionExpires: e.SessionExpires, Options: e.KeepAlive, Calls: e.Calls,
		Plan: trunk.Plan{Named: numbers, Prefixes: e.Dial.Prefixes, Except: e.Dial.Except},
	}
	var err error
	if t.Peers, err = config.Networks(e.Peers); err != nil {
		return t, fmt.Errorf("phone-trunks: trunk %s: peers: %w", e.Name, err)
	}
	if t.MediaPeers, err = config.Networks(e.MediaPeers); err != nil {
		return t, fmt.Errorf("phone-trunks: trunk %s: media_peers: %w", e.Name, err)
	}
	if len(t.MediaPeers) == 0 {
		t.MediaPeers = t.Peers
	}
	for _, name := range e.Codecs {
		switch name {
		case "PCMA":
			t.Codecs = append(t.Codecs, audio.PCMA)
		case "PCMU":
			t.Codecs = append(t.Codecs, audio.PCMU)
		case "opus":
			t.Codecs = append(t.Codecs, audio.Opus)
		default:
			return t, fmt.Errorf("phone-trunks: trunk %s: a codec is PCMA, PCMU or opus, not %q", e.Name, name)
		}
	}
	return t, nil
}

// openPhone opens the phone, where one is configured.
func (a *App) openPhone(ctx context.Context, o Options) error {
	c := a.config
	opt := phone.Options{
		DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Contacts: a.Contacts, Router: a.Router, Blobs: a.Files,
		Catalogue: a.Catalogue.Current, Today: a.today, Grace: c.PhoneGrace, Lang: c.PhoneLang, Lost: a.Stats.Lost, Now: o.Now,
	}
	if len(c.PhoneListen) > 0 {
		if err := a.openLines(&opt); err != nil {
			return err
		}
	}
	var err error
	if a.Phone, err = phone.New(ctx, opt); err != nil {
		return err
	}
	a.onClose(func() error { a.Phone.Close(); return nil })
	return nil
}

// openLines opens the way to the telephone network and the way to the counsellors' browsers.
func (a *App) openLines(opt *phone.Options) error {
	c := a.config
	entries, err := readTrunks(c.PhoneTrunks)
	if err != nil {
		return err
	}
	var public netip.Addr
	if c.PhonePublicIP != "" {
		public = netip.MustParseAddr(c.PhonePublicIP) // Validate has read it
	}
	low, high, err := c.PhonePortRange()
	if err != nil {
		return err
	}
	ports, err := media.NewPorts(low, high)
	if err != nil {
		return err
	}
	at, err := soundAddress(c.PhoneListen[0])
	if err != nil {
		return err
	}
	if at.IsUnspecified() && !public.IsValid() {
		return fmt.Errorf("phone-listen %q: telephones must be told one address to send their sound to: name it here, or with --phone-public-ip", c.PhoneListen[0])
	}
	shared, level := map[string]*media.Shared{}, map[string]bool{}
	to := trunk.Options{Listen: c.PhoneListen, PublicIP: public}
	for _, e := range entries {
		t, err := e.trunk(func() []string { return callable(a.Catalogue.Current()) })
		if err != nil {
			return err
		}
		to.Trunks = append(to.Trunks, t)
		level[e.Name] = e.Level
		opt.Trunks = append(opt.Trunks, e.Name)
		if e.SharedPort != "" {
			port, err := netip.ParseAddrPort(e.SharedPort)
			if err != nil {
				return fmt.Errorf("phone-trunks: trunk %s: shared_port %q is written 192.0.2.1:20000", e.Name, e.SharedPort)
			}
			if shared[e.Name], err = media.OpenShared(port); err != nil {
				return fmt.Errorf("phone-trunks: trunk %s: shared_port: %w", e.Name, err)
			}
			a.onClose(shared[e.Name].Close)
		}
	}
	if len(to.Trunks) == 0 {
		return errors.New("phone-listen needs phone-trunks: a file that says who may call us")
	}
	if c.TLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("the certificate of tls-cert: %w", err)
		}
		to.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	to.Media = phone.Lines(phone.LineOptions{Address: at, Ports: ports, Shared: shared, Level: level})
	if opt.Trunk, err = trunk.Open(to); err != nil {
		return err
	}
	a.onClose(opt.Trunk.Close)
	opt.DialTrunks = dialTrunks(entries)
	web := rtc.Options{UDP: c.PhoneWeb, TCP: c.PhoneWebTCP, Loopback: at.IsLoopback()}
	if c.PhonePublicIP != "" {
		web.PublicIPs = []string{c.PhonePublicIP}
	}
	for _, url := range c.PhoneTURN {
		web.TURN = append(web.TURN, rtc.TURNServer{URL: url, Secret: c.PhoneTURNSecret})
	}
	if opt.Browsers, err = rtc.Open(web); err != nil {
		return err
	}
	a.onClose(opt.Browsers.Close)
	return nil
}

// soundAddress is the address at which telephones bring their sound: the one at which they signal.
func soundAddress(listen string) (netip.Addr, error) {
	_, hostPort, _ := strings.Cut(listen, ":")
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("phone-listen %q is written udp:192.0.2.1:5060", listen)
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("phone-listen %q: the address of this machine, so that telephones know where to send their sound", listen)
	}
	return at, nil
}

// callable are the numbers of the catalogue that may be called: short numbers of help, and the plain telephones that
// ring when nobody is there.
func callable(set *catalogue.Set) []string {
	var all []string
	for _, n := range set.Numbers.All {
		if n.Callable() {
			all = append(all, n.Dial())
		}
	}
	for _, n := range set.Phone.Overflow.Numbers {
		all = append(all, contact.NormalNumber(n))
	}
	return all
}

// dialTrunks are the trunks by which we call: those that have a proxy.
func dialTrunks(entries []trunkEntry) []string {
	var all []string
	for _, e := range entries {
		if e.Proxy != "" {
			all = append(all, e.Name)
		}
	}
	return all
}

// drainCalls lets the calls of a stopping node finish, and takes no new ones: their counsellors' pages stay
// served meanwhile. A second signal ends the program at once.
func (a *App) drainCalls() {
	if !a.Phone.On() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.config.PhoneDrain)
	defer cancel()
	if calls := a.Phone.Calls(); calls > 0 {
		slog.Info("stopping: calls go on, and no new one is taken", "calls", calls)
	}
	a.Phone.Drain(ctx)
}
