package app

import (
	"strings"

	"vigie/internal/config"
	"vigie/internal/push"
	"vigie/internal/takedown/fetch"
)

// openPush opens the room that tells browsers that somebody answered. They are told through the same careful client as the networks of
// the takedown desk: it speaks to the services that the configuration names, never to an address of ours.
func (a *App) openPush(o Options) error {
	var exact, below []string
	for _, service := range a.config.PushServices {
		if domain, any := strings.CutPrefix(service, "*."); any {
			below = append(below, domain)
		} else {
			exact = append(exact, service)
		}
	}
	allowed, _ := config.Networks(a.config.TakedownAllow) // Validate has read it
	subject := ""
	if a.config.Secure() {
		subject = strings.TrimSuffix(a.config.PublicURL, "/")
	}
	var err error
	a.Push, err = push.New(push.Options{
		DB: a.DB, Keys: a.Keys, Contacts: a.Contacts, Jobs: a.Jobs, Services: a.config.PushServices, Subject: subject, Now: o.Now,
		Carrier: fetch.New(fetch.Options{Allow: allowed}).Client(fetch.Scope{Hosts: exact, Domains: below}, fetch.Limits{Wire: 64 << 10, Unpacked: 64 << 10}),
	})
	return err
}
