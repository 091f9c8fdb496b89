// Package app puts the house together: which room gets which, what starts first and stops last, and
// the commands of the program. It is the only room that imports all the others.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/config"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/evidence"
	"vigie/internal/exposure"
	"vigie/internal/guide"
	"vigie/internal/jobs"
	"vigie/internal/keeping"
	"vigie/internal/listening"
	"vigie/internal/phone"
	"vigie/internal/picture"
	"vigie/internal/push"
	"vigie/internal/quality"
	"vigie/internal/referral"
	"vigie/internal/rehearsal"
	"vigie/internal/rota"
	"vigie/internal/routing"
	"vigie/internal/routing/flood"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/stats"
	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/team"
	"vigie/internal/trainee"
	"vigie/internal/visit"
	"vigie/internal/web"
	"vigie/internal/web/admin"
	"vigie/internal/web/console"
	"vigie/internal/web/figures"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/public"
	"vigie/internal/web/session"
	"vigie/internal/web/site"
	"vigie/internal/web/ui"
	"vigie/internal/web/wall"
)

// App is the house with its rooms open.
type App struct {
	config config.Config

	DB        *store.DB
	Bus       *bus.Bus
	Keys      *seal.Keeper
	Audit     *audit.Log
	Files     *blob.Disk
	Jobs      *jobs.Jobs
	Catalogue *catalogue.Catalogue
	Staff     *staff.Staff
	Contacts  *contact.Contacts
	Chats     *chat.Chats
	Router    *routing.Router
	Phone     *phone.Phone
	Cases     *casefile.Files
	Evidence  *evidence.Evidence
	Takedown  *takedown.Takedown
	Referrals *referral.Referrals
	Keeping   *keeping.Keeping
	Requests  *datarequest.Requests
	Stats     *stats.Stats
	Team      *team.Team
	Exposure  *exposure.Exposure
	Quality   *quality.Quality
	Visits    *visit.Visits
	Trainees  *trainee.Trainees
	Exercises *rehearsal.Exercises
	Listening *listening.Room
	Rota      *rota.Rota
	Guard     *flood.Guard
	Guides    *guide.Guides
	Push      *push.Push

	pictures *picture.Process

	web   *web.Handler
	wall  *wall.Room
	today func() catalogue.OpenState
	now   func() time.Time
	close []func() error
}

// Options are what a command changes of the house; the zero value is the house as it serves.
type Options struct {
	// Mail stands in the place of the mail server that the configuration names: the demonstration's.
	Mail *takedown.Mail
	// AlwaysOpen keeps the demonstration and the bench open at night; a supervisor may close them all the same.
	AlwaysOpen bool
	// Now is the rooms' clock; nil is time.Now. The demonstration writes its past with another.
	Now func() time.Time
	// Synchronous and AckEarly break the house on purpose, for the crash harness of a test build.
	Synchronous string
	AckEarly    bool
}

func (o Options) clock() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

// Open opens the record and every room on it. The record must be migrated.
func Open(ctx context.Context, c config.Config, o Options) (a *App, err error) {
	a = &App{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
			a = nil
		}
	}()
	if err := a.openRecord(ctx, o); err != nil {
		return a, err
	}
	a.Bus, err = bus.Open(ctx, bus.Options{URLs: c.BusURL, ClusterListen: c.BusClusterListen, Routes: c.BusRoutes, ClusterSecret: c.BusClusterSecret})
	if err != nil {
		return a, err
	}
	a.onClose(func() error { a.Bus.Close(); return nil })
	forget, err := a.Bus.Subscribe("key.*", func(subject string, _ []byte) { a.Keys.Forget(subject[len("key."):]) })
	if err != nil {
		return a, err
	}
	a.onClose(func() error { forget(); return nil })
	now := o.clock()
	a.now = now
	a.today = func() catalogue.OpenState { return a.Catalogue.Current().Hours.At(now()) }
	if o.AlwaysOpen {
		a.today = func() catalogue.OpenState {
			until, reason, closed := a.Catalogue.Current().Hours.ClosedAt(now())
			return catalogue.OpenState{Open: !closed, Closed: closed, OpensAt: until, Note: reason}
		}
	}
	if err := a.openRooms(ctx, o); err != nil {
		return a, err
	}
	return a, a.openWeb()
}

// Fresh migrates the record and opens the house.
func Fresh(ctx context.Context, c config.Config, o Options) (*App, error) {
	if err := migrate(ctx, c); err != nil {
		return nil, err
	}
	return Open(ctx, c, o)
}

// openRecord opens what every command needs: the record, its keys and the audit.
func (a *App) openRecord(ctx context.Context, o Options) error {
	var err error
	if err = os.MkdirAll(a.config.Data, 0o700); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	if a.DB, err = store.Open(ctx, a.config.DSN(), store.Options{Connections: a.config.Connections, Synchronous: o.Synchronous, AckEarly: o.AckEarly}); err != nil {
		return err
	}
	a.onClose(a.DB.Close)
	if pending, err := a.DB.Pending(ctx); err != nil {
		return err
	} else if pending {
		return errors.New("the database is not in the newest form: run `vigie migrate` first")
	}
	custodian, err := seal.FileCustodian(a.config.KeyPath())
	if err != nil {
		return err
	}
	if a.Keys, err = seal.Open(ctx, a.DB, custodian, o.clock()); err != nil {
		return err
	}
	a.Audit = audit.Open(a.DB, a.Keys.Derive("audit"), store.NewID(), o.clock())
	return nil
}

func (a *App) openRooms(ctx context.Context, o Options) error {
	var err error
	if a.Files, err = blob.OpenDisk(a.config.FilesPath()); err != nil {
		return err
	}
	a.pictures = picture.New()
	a.Jobs = jobs.New(jobs.Options{DB: a.DB, Bus: a.Bus, Now: o.Now})
	if a.Catalogue, err = catalogue.Open(ctx, a.DB, a.Audit, a.Bus); err != nil {
		return err
	}
	a.onClose(func() error { a.Catalogue.Close(); return nil })
	if a.Guides, err = guide.Open(ctx, guide.Options{DB: a.DB, Audit: a.Audit, Bus: a.Bus, Catalogue: a.Catalogue.Current, Pictures: a.pictures, Now: o.clock()}); err != nil {
		return err
	}
	a.onClose(func() error { a.Guides.Close(); return nil })
	public, _ := url.Parse(a.config.PublicURL) // Validate has read it
	if a.Staff, err = staff.New(a.DB, a.Keys, a.Audit, a.Bus, staff.Options{
		Idle: a.config.SessionIdle, Absolute: a.config.SessionAbsolute, SecondFactor: a.config.SecondFactor,
		Name: a.config.HelplineName, Now: o.Now, RelyingParty: public.Hostname(), Origins: []string{a.config.PublicURL},
	}); err != nil {
		return err
	}
	a.onClose(func() error { a.Staff.Close(); return nil })
	if a.Contacts, err = contact.New(contact.Options{
		DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Catalogue: a.Catalogue.Current, Now: o.Now,
		StillHas: func(ctx context.Context, staffID, contactID string) bool {
			return a.Router.StillHas(ctx, staffID, contactID)
		},
	}); err != nil {
		return err
	}
	a.onClose(func() error { a.Contacts.Stop(); return nil })
	// Before the rooms that take a contact out of their rows when it is erased: what is due is counted with them.
	a.Stats = stats.New(stats.Options{
		DB: a.DB, Audit: a.Audit, Contacts: a.Contacts, Catalogue: a.Catalogue.Current, Keys: a.Keys, Blobs: a.Files, Jobs: a.Jobs, Words: figures.Words(a.Catalogue.Current), Now: o.Now,
	})
	if a.Chats, err = chat.New(chat.Options{
		DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Contacts: a.Contacts, Blobs: a.Files, Catalogue: a.Catalogue.Current, Alias: a.alias,
		HoldIllegal: a.config.IllegalFiles == "hold", Pictures: a.pictures, Now: o.Now,
		AlsoNamed: func(ctx context.Context, blobID string) (bool, error) {
			for _, names := range []func(context.Context, string) (bool, error){a.Evidence.Names, a.Phone.Names, a.Stats.Names} {
				if named, err := names(ctx, blobID); err != nil || named {
					return named, err
				}
			}
			return false, nil
		},
	}); err != nil {
		return err
	}
	a.onClose(func() error { a.Chats.Close(); return nil })
	if err := a.openCases(o); err != nil {
		return err
	}
	a.Guard = flood.New(flood.Options{ProofKey: a.Keys.Derive("proof"), Now: o.Now})
	if a.config.ProofOfWork {
		a.Guard.SetProof(flood.Always, 0)
	}
	a.Router, err = routing.New(ctx, routing.Options{
		DB: a.DB, Bus: a.Bus, Keys: a.Keys, Audit: a.Audit, Contacts: a.Contacts, People: a.Staff, Catalogue: a.Catalogue.Current,
		Guard: a.Guard, OnCall: onCall(a.config.OnCallCommand), Today: a.today, Times: routing.Times{Offer: a.config.OfferFor, Lost: a.config.DeskGrace}, ChatCapacity: a.config.ChatCapacity, Now: o.Now,
	})
	if err != nil {
		return err
	}
	a.onClose(func() error { a.Router.Close(); return nil })
	if err := a.openPhone(ctx, o); err != nil {
		return err
	}
	if err := a.openPush(o); err != nil {
		return err
	}
	a.openTeam(o)
	a.Listening = listening.New(listening.Options{DB: a.DB, Audit: a.Audit, Contacts: a.Contacts, Chats: a.Chats, Router: a.Router, Phone: a.Phone, Now: o.Now})
	a.openKeeping(o)
	a.Rota = rota.New(rota.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Catalogue: a.Catalogue.Current, People: a.Staff, ChatCapacity: a.config.ChatCapacity, Now: o.Now})
	return nil
}

// openCases opens the rooms of case files, and what hangs on them.
func (a *App) openCases(o Options) error {
	a.Cases = casefile.New(casefile.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Contacts: a.Contacts, Catalogue: a.Catalogue.Current, Jobs: a.Jobs, Works: a.worksOnCases, Now: o.Now})
	authority, roots, err := a.authority(o.clock())
	if err != nil {
		return err
	}
	a.Evidence = evidence.New(evidence.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Files: a.Cases, Blobs: a.Files, Catalogue: a.Catalogue.Current, Sniff: chat.Sniff, Max: a.config.FilesMax, Jobs: a.Jobs, Authority: authority, Roots: roots, Pictures: a.pictures, Bus: a.Bus, Now: o.Now})
	say := func(lang, key string, args ...any) string { return i18n.For(lang).ToAdults().T(key, args...) }
	pages := a.pages()
	post, err := a.mail()
	if err != nil {
		return err
	}
	if o.Mail != nil {
		post = o.Mail
	}
	a.Referrals = referral.New(referral.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Files: a.Cases, Catalogue: a.Catalogue.Current, Say: say, Post: sealedPost(post), Jobs: a.Jobs, Helpline: a.config.HelplineName, Now: o.Now})
	a.Takedown = takedown.New(takedown.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Files: a.Cases, Jobs: a.Jobs, Pages: pages, Remote: remote(pages, a.config.TakedownPorts...), Mail: post, Apart: a.config.TakedownApart, Catalogue: a.Catalogue.Current, Now: o.Now})
	a.Takedown.Ports(a.config.TakedownPorts...)
	a.Requests = datarequest.New(datarequest.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Jobs: a.Jobs, Contacts: a.Contacts, Chats: a.Chats, Files: a.Cases, Referrals: a.Referrals, Takedown: a.Takedown,
		Catalogue: a.Catalogue.Current, Words: words, Alias: a.alias, House: a.config.HelplineName, Now: o.Now,
		Card: func(lang, body string) string { card, _ := a.Guides.Card(lang, body); return card.Title },
		Erase: func(ctx context.Context, personID string, _ audit.Actor) error {
			_, err := a.Keeping.Ask(ctx, personID)
			return err
		}})
	a.Visits = visit.New(visit.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Contacts: a.Contacts, Chats: a.Chats, Now: o.Now})
	a.Trainees = trainee.New(trainee.Options{DB: a.DB, Audit: a.Audit, Bus: a.Bus, Contacts: a.Contacts, Now: o.Now})
	a.Exercises = rehearsal.New(rehearsal.Options{DB: a.DB, Keys: a.Keys, Audit: a.Audit, Bus: a.Bus, Now: o.Now})
	return nil
}

func (a *App) openWeb() error {
	helpline := ui.Site{Name: a.config.HelplineName, Phone: a.config.HelplineCall, Quit: "/quit", URL: strings.TrimSuffix(a.config.PublicURL, "/")}
	trusted, err := config.Networks(a.config.TrustedProxies)
	if err != nil {
		return err
	}
	streams := live.New()
	board, err := a.Router.NewBoard()
	if err != nil {
		return err
	}
	a.onClose(func() error { board.Close(); return nil })
	desk := &console.Room{
		Site: helpline, Contacts: a.Contacts, Chats: a.Chats, Router: a.Router, Board: board, Phone: a.Phone, Files: a.Cases, Evidence: a.Evidence, Takedown: a.Takedown, Referrals: a.Referrals, Keeping: a.Keeping, Requests: a.Requests, Watching: a.Visits, Trainees: a.Trainees, Exercises: a.Exercises, Guides: a.Guides, Listening: a.Listening, Rota: a.Rota, Team: a.Team, Exposure: a.Exposure, Quality: a.Quality, Guard: a.Guard, Streams: streams, Staff: a.Staff,
		Catalogue: a.Catalogue.Current, Documents: a.Catalogue, Alias: a.alias, Today: a.today, Now: a.now, Audit: a.Audit, Bus: a.Bus,
	}
	leave, err := desk.Listen()
	if err != nil {
		return err
	}
	a.onClose(func() error { leave(); return nil })
	house := &admin.Room{
		Site: helpline, Staff: a.Staff, Audit: a.Audit, Catalogue: a.Catalogue, Guides: a.Guides, Phone: a.Phone, Contacts: a.Contacts, Kept: a.Keeping, Requests: a.Requests, Now: a.now,
		Look: func(ctx context.Context, e audit.Entry) error { return a.DB.Tx(ctx, recordIn(ctx, a.Audit, e)) },
	}
	frame := func(r *http.Request, title string) ui.DeskProps {
		if session.Staff(r).Can(staff.DeskUse) {
			return desk.Frame(r, title)
		}
		return house.Frame(r, title)
	}
	a.wall = &wall.Room{Site: helpline, Stats: a.Stats, Router: a.Router, Streams: streams, Bus: a.Bus, Catalogue: a.Catalogue.Current, Today: a.today, Frame: frame, Now: a.now}
	a.web = web.New(web.Options{
		Site: helpline, Secure: a.config.Secure(), Trusted: trusted, Staff: a.Staff, Streams: streams,
		Public: &public.Room{
			Site: helpline, Contacts: a.Contacts, Chats: a.Chats, Router: a.Router, Guard: a.Guard, Streams: streams, Referrals: a.Referrals, Requests: a.Requests, Visits: a.Visits, Listening: a.Listening, Erase: a.Keeping.Ask, Push: a.Push, Guides: a.Guides,
			Catalogue: a.Catalogue.Current, Alias: a.alias, QuitTo: a.config.QuitTo, FilesMax: a.config.FilesMax, Today: a.today, Now: a.now,
		},
		Pages:   &site.Room{Site: helpline, Guides: a.Guides, Catalogue: a.Catalogue.Current, App: site.AppOptions{Package: a.config.AppAndroidPackage, SHA256: a.config.AppAndroidSHA256, EmbedOrigins: a.config.EmbedOrigins}, Now: a.now},
		Console: desk,
		Admin:   house,
		Figures: &figures.Room{Site: helpline, Stats: a.Stats, Takedown: a.Takedown, Referrals: a.Referrals, Catalogue: a.Catalogue.Current, Streams: streams, Frame: frame, Now: a.now},
		Wall:    a.wall,
	})
	return nil
}

// words speaks a language, to an adult or to somebody young.
func words(lang string, adult bool) datarequest.Words {
	if say := i18n.For(lang); adult {
		return say.ToAdults()
	} else {
		return say
	}
}

// alias is how a child knows a counsellor.
func (a *App) alias(ctx context.Context, staffID string) string {
	p, err := a.Staff.Colleague(ctx, staffID)
	if err != nil {
		return a.config.HelplineName
	}
	return p.Alias
}

// worksOnCases says whether somebody still works with case files here.
func (a *App) worksOnCases(ctx context.Context, staffID string) bool {
	p, err := a.Staff.Colleague(ctx, staffID)
	return err == nil && p.Can(staff.CaseUse)
}

// epochPeriod is how long an epoch lasts; docs/SECURITY.md promises that what was erased is nowhere
// readable after it.
const epochPeriod = 30 * 24 * time.Hour

// Background starts what runs beside the pages, until ctx ends.
func (a *App) Background(ctx context.Context) *sync.WaitGroup {
	var all sync.WaitGroup
	all.Go(func() { a.Audit.Run(ctx) })
	all.Go(func() { a.Keys.Run(ctx, epochPeriod) })
	all.Go(func() { a.Staff.Run(ctx) })
	all.Go(func() { a.Contacts.Run(ctx) })
	all.Go(func() { a.Cases.Run(ctx) })
	all.Go(func() { a.Evidence.Run(ctx) })
	all.Go(func() { a.Chats.Run(ctx) })
	all.Go(func() { a.Router.Run(ctx) })
	all.Go(func() { a.Phone.Run(ctx) })
	all.Go(func() { a.Team.Run(ctx) })
	all.Go(func() { a.Exposure.Run(ctx) })
	all.Go(func() { a.Listening.Run(ctx) })
	all.Go(func() { a.Jobs.Run(ctx) })
	all.Go(func() { a.Push.Run(ctx) })
	all.Go(func() { a.Rota.Run(ctx) })
	for what, forget := range map[string]func(context.Context) error{"grids": a.Quality.Forget, "visits": a.Visits.Forget, "exercises": a.Exercises.Forget, "workbooks": a.Stats.Forget} {
		all.Go(func() { hourly(ctx, what, forget) })
	}
	all.Go(func() { a.Stats.Run(ctx) })
	all.Go(func() { a.wall.Run(ctx) })
	all.Go(func() {
		if err := a.Takedown.ReadReplies(ctx); err != nil {
			slog.Error("takedown: the mailbox of answers is not read", "error", err)
		}
		if err := a.Takedown.ForgetReplies(ctx); err != nil {
			slog.Error("takedown: what was set aside is not forgotten", "error", err)
		}
	})
	all.Go(func() {
		if err := a.Keeping.Begin(ctx); err != nil {
			slog.Error("keeping: the durations are not gone through", "error", err)
		}
		if err := a.Cases.Archiving(ctx); err != nil {
			slog.Error("casefile: nothing is archived", "error", err)
		}
		if err := a.Requests.Tending(ctx); err != nil {
			slog.Error("datarequest: nothing is reminded of", "error", err)
		}
	})
	all.Go(func() { giveRoom(ctx) })
	return &all
}

// hourly has what is older than it is kept forgotten, until ctx ends.
func hourly(ctx context.Context, what string, forget func(context.Context) error) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := forget(ctx); err != nil && ctx.Err() == nil {
			slog.Error("what is old could not be forgotten; again in an hour", "what", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *App) onClose(f func() error) { a.close = append(a.close, f) }

// Close closes the rooms, the last opened first.
func (a *App) Close() error {
	var err error
	for i := len(a.close) - 1; i >= 0; i-- {
		err = errors.Join(err, a.close[i]())
	}
	a.close = nil
	if err != nil {
		slog.Error("closing", "error", err)
	}
	return err
}

// Handler answers the pages, without /healthz and its neighbours.
func (a *App) Handler() *web.Handler { return a.web }
