package app

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/takedown/fetch"
	"vigie/internal/takedown/replies"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/atproto"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mastodon"
	"vigie/internal/takedown/route/youtube"
)

// pages is the fetcher that reaches public addresses, and what the configuration allows besides.
func (a *App) pages() *fetch.Fetcher {
	allowed, _ := config.Networks(a.config.TakedownAllow) // Validate has read it
	return fetch.New(fetch.Options{Allow: allowed})
}

// remote opens the API of a route for the hosts that a log-in names, and no others.
func remote(pages *fetch.Fetcher, ports ...uint16) takedown.Remote {
	return func(via string, c route.Credentials) (route.Route, error) {
		client := func(hosts ...string) route.Client {
			return takedown.Through(pages.Client(fetch.Scope{Hosts: hosts, Ports: ports}, fetch.Limits{}))
		}
		var named struct{ Server, PDS, View string }
		if err := json.Unmarshal(c, &named); err != nil {
			return nil, route.Refuse("fault.takedown.login")
		}
		switch via {
		case "mastodon":
			return mastodon.New(client(hostOf(named.Server))), nil
		case "atproto":
			view := hostOf(named.View)
			if view == "" {
				view = "public.api.bsky.app"
			}
			return atproto.New(client(hostOf(named.PDS), view)), nil
		case "youtube":
			return youtube.New(client("www.googleapis.com", "youtube.googleapis.com", "oauth2.googleapis.com")), nil
		}
		return nil, route.Refuse("fault.takedown.route")
	}
}

// mail is the helpline's own e-mail as the configuration says; nil without a mail server.
func (a *App) mail() (*takedown.Mail, error) {
	c := a.config
	if c.TakedownMail == "" {
		return nil, nil
	}
	var roots *x509.CertPool
	if c.TakedownMailCA != "" {
		var err error
		if roots, err = certificates("takedown-mail-ca", c.TakedownMailCA); err != nil {
			return nil, err
		}
	}
	if !mail.IsMailbox(c.TakedownMailFrom) {
		return nil, errors.New("takedown-mail-from is a mailbox such as notices@helpline.example")
	}
	u, err := url.Parse(c.TakedownMail)
	if err != nil {
		return nil, errors.New("takedown-mail is no address") // url.Error would say the password
	}
	m := &takedown.Mail{Roots: roots, Account: mail.Account{Server: u.Host, TLS: map[string]string{"smtps": "implicit"}[u.Scheme], User: u.User.Username(), From: c.TakedownMailFrom, Name: c.HelplineName}}
	m.Account.Password, _ = u.User.Password()
	if c.TakedownReplies == "" {
		return m, nil
	}
	if u, err = url.Parse(c.TakedownReplies); err != nil {
		return nil, errors.New("takedown-replies is no address")
	}
	box := replies.Account{Server: u.Host, TLS: map[string]string{"imap": "starttls"}[u.Scheme], User: u.User.Username(), Folder: strings.Trim(u.Path, "/")}
	box.Password, _ = u.User.Password()
	m.Box, m.Source = replies.New(box, roots), box.User+"@"+box.Server
	return m, nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

type loginsCommand struct {
	List loginsList `cmd:"" default:"1" help:"List the networks whose API we have a log-in for."`
	Set  loginsSet  `cmd:"" help:"Keep a log-in, read from standard input as JSON; it replaces the one before."`
}

// withTakedown opens the record and the desk's log-ins, and sends nothing.
func withTakedown(ctx context.Context, c config.Config, do func(t *takedown.Takedown) error) error {
	return withRecord(ctx, c, func(a *App) error {
		return do(takedown.Logbook(takedown.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit}))
	})
}

type loginsList struct{}

func (loginsList) Run(ctx context.Context, c config.Config, term Terminal) error {
	return withTakedown(ctx, c, func(t *takedown.Takedown) error {
		all, err := t.Logins(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			fmt.Fprintln(term.Out, "No log-in is kept: no notice is sent by machine.")
			return nil
		}
		table := tabwriter.NewWriter(term.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ROUTE\tSERVER\tSET")
		for _, l := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\n", l.Route, l.Server, store.Time(l.SetAt).Format(time.RFC3339))
		}
		return table.Flush()
	})
}

type loginsSet struct {
	Route  string `arg:"" help:"mastodon, atproto or youtube."`
	Server string `arg:"" optional:"" help:"The host that it is for: social.example. Without it, every server of the route."`
}

func (l loginsSet) Run(ctx context.Context, c config.Config, term Terminal) error {
	secret, err := io.ReadAll(io.LimitReader(term.In, 64<<10))
	if err != nil {
		return err
	}
	if len(secret) == 0 {
		return errors.New("nothing came on standard input: give the log-in as JSON, {\"server\": \"https://social.example\", \"token\": \"…\"}")
	}
	return withTakedown(ctx, c, func(t *takedown.Takedown) error {
		if err := t.SetLogin(ctx, l.Route, l.Server, secret, audit.Actor{Kind: audit.Operator}); err != nil {
			return fmt.Errorf("the log-in was not kept: %w", err)
		}
		fmt.Fprintln(term.Out, "The log-in is kept, sealed.")
		return nil
	})
}
