package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"vigie/internal/config"
)

type program struct {
	config.Config `embed:""`
	File          config.File `name:"config" help:"file"`
}

func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	var p program
	parser, err := kong.New(&p, config.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return p.Config, err
}

// A flag wins over the environment, which wins over the file, which wins over the default.
func TestOrderOfSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vigie.toml")
	if err := os.WriteFile(file, []byte("listen = \"file:1\"\npublic-url = \"https://file.example\"\ndesk-grace = \"3m\"\ntrusted-proxies = [\"192.0.2.0/24\", \"2001:db8::1\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VIGIE_PUBLIC_URL", "https://env.example")
	t.Setenv("VIGIE_LISTEN", "env:1")
	c, err := parse(t, "--config", file, "--listen", "flag:1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "flag:1" || c.PublicURL != "https://env.example" || c.DeskGrace != 3*time.Minute || c.OfferFor != 20*time.Second || len(c.TrustedProxies) != 2 {
		t.Errorf("got %+v", c)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// Nothing by which a stranger could come in is printed, wherever it is written.
func TestSecretsAreNotPrinted(t *testing.T) {
	for _, args := range [][]string{
		{"--bus-cluster-secret", "hunter2"},
		{"--bus-url", "nats://vigie:hunter2@one:4222,nats://two:4222"},
		{"--bus-url", "nats://hunter2@one:4222"},
		{"--bus-url", "one:4222,vigie:hunter2@two:4222"},
		{"--bus-routes", "nats-route://vigie:hunter2@one:6222"},
		{"--database", "postgres://vigie:hunter2@host/vigie"},
		{"--database", "postgres:///vigie?host=/run&password=hunter2"},
	} {
		c, err := parse(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Settings() {
			if strings.Contains(s.Value, "hunter2") || "--"+s.Name == args[0] && s.Value != "(set)" {
				t.Errorf("%v: %s is printed as %q", args, s.Name, s.Value)
			}
		}
	}
	c, err := parse(t, "--bus-url", "nats://one:4222,nats://two:4222", "--database", "sqlite:/var/vigie.db")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		if s.Name == "bus-url" && s.Value != "nats://one:4222,nats://two:4222" || s.Name == "database" && s.Value != "sqlite:/var/vigie.db" {
			t.Errorf("%s, which is no secret, is printed as %q", s.Name, s.Value)
		}
	}
}

// A misspelt key is said, not ignored; so is a file that is not there.
func TestFilesAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vigie.toml")
	if err := os.WriteFile(file, []byte("second-facto = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "x"} {
		if _, err := parse(t, "--config", path); err == nil {
			t.Errorf("%s was taken", filepath.Base(path))
		}
	}
}

// Each setting that cannot be is refused in words.
func TestValidate(t *testing.T) {
	good, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Validate(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	for name, spoil := range map[string]func(*config.Config){
		"public url":  func(c *config.Config) { c.PublicURL = "localhost" },
		"quit":        func(c *config.Config) { c.QuitTo = "http://plain.example" },
		"half of tls": func(c *config.Config) { c.TLSCert = "cert.pem" },
		"proxies":     func(c *config.Config) { c.TrustedProxies = []string{"everyone"} },
		"capacity":    func(c *config.Config) { c.ChatCapacity = 0 },
	} {
		c := good
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// What is printed hides secrets, also the password inside a database address.
func TestSettingsHideSecrets(t *testing.T) {
	c := config.Config{BusClusterSecret: "lamp", Database: "postgres://vigie:lamp@host/x"}
	for _, s := range c.Settings() {
		if s.Value == "lamp" || s.Name == "database" && s.Value != "(set)" {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
		if s.Help == "" || s.Group == "" {
			t.Errorf("%s is not documented", s.Name)
		}
	}
}

func TestFlagName(t *testing.T) {
	for field, want := range map[string]string{"PublicURL": "public-url", "TLSCert": "tls-cert", "ACMEHost": "acme-host", "Data": "data", "BusURL": "bus-url", "SessionIdle": "session-idle"} {
		if got := config.FlagName(field); got != want {
			t.Errorf("%s → %s, want %s", field, got, want)
		}
	}
}
