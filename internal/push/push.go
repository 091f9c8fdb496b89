// Package push tells a browser that somebody answered: a child who closed the page need not look again and again.
//
// What goes out is an empty request (Web Push, RFC 8030): no word, no name, no topic, nothing to encrypt. The browser's push service
// learns that this browser was told something by this helpline, and when; that is more than nothing, so nobody is asked at a page's load, and the
// sentence beside the button says it. What the telephone shows is in the service worker (assets/sw/sw.ts), and says nothing either.
//
// A contact's person is told when staff wrote to her and none of her pages took it in for a minute; a contact once in ten minutes at the most.
// A sweep on each node finds them: one conditional write decides which node promises the jobs. What she asked for ends with what she waits for.
package push

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
)

const (
	// patience is how long a message may lie before its person is told elsewhere.
	patience = time.Minute
	// apart is how long two notices of one contact lie apart.
	apart = 10 * time.Minute
	// every is how often a node looks.
	every = 15 * time.Second
	// keepFor ends a wait that nothing else ended.
	keepFor = 30 * 24 * time.Hour
	// most is how many browsers are told of one contact: a telephone, a computer, and what was installed anew.
	most = 5
	// maxEndpoint bounds the address that a browser names, in bytes; they are of some hundred.
	maxEndpoint = 2048
)

// Services are the push services of the browsers: Chromium, Firefox, Safari, Edge. A star stands for one name or more.
var Services = []string{"fcm.googleapis.com", "updates.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com"}

// Carrier makes one request to a push service and reads nothing of its answer but the head.
type Carrier interface {
	Do(r *http.Request) (*http.Response, error)
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Keys     *seal.Keeper
	Contacts *contact.Contacts
	Jobs     *jobs.Jobs
	Carrier  Carrier
	// Services are the hosts that may be asked; none switches push off.
	Services []string
	// Ports are those beside 443 on which they may be, for tests.
	Ports []string
	// Subject is whom a push service may turn to: the helpline's address, "https://…"; "" says none.
	Subject string
	Now     func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Push is the room. It is safe for concurrent use, and any number may work on one record.
type Push struct {
	o    Options
	key  *ecdsa.PrivateKey
	mark []byte
	tell *jobs.Kind[telling]
}

// New opens the room, before the jobs run.
func New(o Options) (*Push, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	key, err := signer(o.Keys.Derive)
	if err != nil {
		return nil, err
	}
	p := &Push{o: o, key: key, mark: o.Keys.Derive("push-mark")}
	p.tell = jobs.Register(o.Jobs, "push.tell", jobs.Rules{Tries: 8, First: 30 * time.Second, Longest: time.Hour, Timeout: 30 * time.Second}, p.deliver)
	o.Contacts.OnMove(p.follow)
	return p, nil
}

// On says whether anybody can be told.
func (p *Push) On() bool { return p != nil && len(p.o.Services) > 0 }

// Run looks for who is to be told, until ctx ends. Every node runs it.
func (p *Push) Run(ctx context.Context) {
	if !p.On() {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := p.Sweep(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.Error("push: who is to be told could not be looked for; again in a moment", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Subscribe has the browser at an address told of a contact that waits for an answer. Asked twice it is one. It returns fault.Unavailable
// "fault.push.off" where push is off, fault.Invalid "fault.push.endpoint" for an address that is no push service's, fault.Conflict
// "fault.push.over" where the contact is over, and fault.TooMany "fault.push.many".
func (p *Push) Subscribe(ctx context.Context, contactID, endpoint string) error {
	if !p.On() {
		return fault.New(fault.Unavailable, "fault.push.off")
	}
	if _, err := p.place(endpoint); err != nil {
		return err
	}
	ct, err := p.o.Contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	if !waits(ct) {
		return fault.New(fault.Conflict, "fault.push.over")
	}
	key, err := p.o.Contacts.Key(ctx, contactID)
	if err != nil {
		return err
	}
	id := store.NewID()
	return p.o.DB.Tx(ctx, func(tx *store.Tx) error {
		others, err := store.All(ctx, tx, scanText, `SELECT mark FROM push_subscription WHERE contact_id = $1`, contactID)
		if err != nil {
			return err
		}
		// Meanwhile she may have left quickly, or somebody ended it.
		if ct, err := p.o.Contacts.GetWithin(ctx, tx, contactID); err != nil || !waits(ct) {
			return errors.Join(err, fault.New(fault.Conflict, "fault.push.over"))
		}
		mark := p.markOf(contactID, endpoint)
		switch {
		case slices.Contains(others, mark):
			return nil
		case len(others) >= most:
			return fault.New(fault.TooMany, "fault.push.many")
		}
		_, err = tx.Exec(ctx, insertSubscription, id, contactID, mark, store.Millis(p.o.Now()), key.SealText(endpointField(id), endpoint))
		return err
	})
}

// Unsubscribe takes one browser back, or with "" all of a contact's.
func (p *Push) Unsubscribe(ctx context.Context, contactID, endpoint string) error {
	if endpoint == "" {
		_, err := p.o.DB.Exec(ctx, `DELETE FROM push_subscription WHERE contact_id = $1`, contactID)
		return err
	}
	_, err := p.o.DB.Exec(ctx, `DELETE FROM push_subscription WHERE contact_id = $1 AND mark = $2`, contactID, p.markOf(contactID, endpoint))
	return err
}

// Waiting says whether any browser is told of a contact.
func (p *Push) Waiting(ctx context.Context, contactID string) (bool, error) {
	n, err := store.One(ctx, p.o.DB, scanInt, `SELECT count(*) FROM push_subscription WHERE contact_id = $1`, contactID)
	return n > 0, err
}

// waits says whether somebody may still be answered in a contact.
func waits(ct contact.Contact) bool {
	return ct.State.Open() && (ct.Channel == contact.ChannelChat || ct.Channel == contact.ChannelMessage)
}

// follow ends what was asked for when the contact is over: nobody is told of a goodbye. A message that was answered stays until its
// person was told, which ends it (deliver). Whoever left quickly may have somebody beside her: her telephone stays dark.
func (p *Push) follow(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	if m.After.State.Open() && m.Event != contact.Leave {
		return nil
	}
	query := `DELETE FROM push_subscription WHERE contact_id = $1`
	if m.After.Channel == contact.ChannelMessage && m.Event != contact.Leave {
		query += ` AND NOT EXISTS (SELECT 1 FROM message WHERE message.contact_id = push_subscription.contact_id AND sender = 'staff')`
	}
	_, err := tx.Exec(ctx, query, m.After.ID)
	return err
}

// place reads an address that a browser named.
func (p *Push) place(endpoint string) (*url.URL, error) {
	refused := fault.New(fault.Invalid, "fault.push.endpoint")
	if len(endpoint) > maxEndpoint {
		return nil, refused
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Port() != "" && u.Port() != "443" && !slices.Contains(p.o.Ports, u.Port()) {
		return nil, refused
	}
	host := strings.ToLower(u.Hostname())
	if !slices.ContainsFunc(p.o.Services, func(service string) bool { return isOf(host, service) }) {
		return nil, refused
	}
	return u, nil
}

// isOf says whether a host is a service, or one below it where the service begins with a star.
func isOf(host, service string) bool {
	if domain, any := strings.CutPrefix(service, "*."); any {
		_, err := netip.ParseAddr(host)
		return err != nil && strings.HasSuffix(host, "."+domain)
	}
	return host == service
}

func (p *Push) markOf(contactID, endpoint string) string {
	mac := hmac.New(sha256.New, p.mark)
	mac.Write([]byte(contactID + "|" + endpoint))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func endpointField(id string) seal.Field {
	return seal.Field{Table: "push_subscription", Column: "endpoint_sealed", Row: id, Version: 1}
}

// Sweep promises to tell everybody who is to be told now, and forgets waits that nothing ended.
func (p *Push) Sweep(ctx context.Context) error {
	now := p.o.Now()
	due, err := store.All(ctx, p.o.DB, scanDue, selectDue, store.Millis(now.Add(-apart)), store.Millis(now.Add(-patience)))
	if err != nil {
		return err
	}
	for _, d := range due {
		if err := p.promise(ctx, d, now); err != nil {
			return err
		}
	}
	_, err = p.o.DB.Exec(ctx, `DELETE FROM push_subscription WHERE made_at < $1`, store.Millis(now.Add(-keepFor)))
	return err
}

// promise enqueues the jobs of a contact, on the one node whose write came first.
func (p *Push) promise(ctx context.Context, d due, now time.Time) error {
	return p.o.DB.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE push_subscription SET told_seq = $2, told_at = $3 WHERE contact_id = $1 AND told_seq < $2 AND told_at <= $4`,
			d.contactID, d.seq, store.Millis(now), store.Millis(now.Add(-apart)))
		if err != nil || n == 0 {
			return err
		}
		ids, err := store.All(ctx, tx, scanText, `SELECT id FROM push_subscription WHERE contact_id = $1 AND told_seq = $2 AND told_at = $3`, d.contactID, d.seq, store.Millis(now))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := p.tell.Enqueue(ctx, tx, telling{jobs.ID(id)}, jobs.Unique(jobs.ID(id))); err != nil {
				return err
			}
		}
		return nil
	})
}

// lost says that a row, its contact or its key is gone: nobody is to be told any more.
func lost(err error) bool {
	return errors.Is(err, store.ErrNoRow) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone)
}
