package config

import (
	"strings"
	"testing"
)

// A mail server is written as an address of its kind, and no sentence about a wrong one says the password that is in it.
func TestMailServers(t *testing.T) {
	good := Config{TakedownMail: "smtp://u:p4ss@smtp.example.org:587", TakedownMailFrom: "n@example.org", TakedownReplies: "imaps://u:p4ss@imap.example.org:993/INBOX"}
	if err := good.checkMail(); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(c *Config){
		"another kind":      func(c *Config) { c.TakedownMail = "https://u:p4ss@smtp.example.org:587" },
		"no port":           func(c *Config) { c.TakedownMail = "smtp://u:p4ss@smtp.example.org" },
		"no address":        func(c *Config) { c.TakedownReplies = "imaps://u:p4ss%zz@imap.example.org:993" },
		"nobody writes":     func(c *Config) { c.TakedownMailFrom = "" },
		"answers to nobody": func(c *Config) { c.TakedownMail, c.TakedownMailFrom = "", "" },
	} {
		c := good
		change(&c)
		if err := c.checkMail(); err == nil || strings.Contains(err.Error(), "p4ss") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, s := range good.Settings() {
		if strings.Contains(s.Value, "p4ss") {
			t.Errorf("%s shows its password", s.Name)
		}
	}
}
