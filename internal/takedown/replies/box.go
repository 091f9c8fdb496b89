package replies

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"vigie/internal/fault"
)

// Account is the mailbox that answers come to.
type Account struct {
	Server string `json:"server"` // host and port, "imap.helpline.example:993"
	// TLS is "" for TLS from the first byte (RFC 8314, port 993), "starttls" (port 143), or "none", which is taken for this
	// machine only.
	TLS      string `json:"tls,omitempty"`
	User     string `json:"user"`
	Password string `json:"password"`
	Folder   string `json:"folder,omitempty"` // "" for INBOX
}

// The values of Account.TLS.
const (
	implicitTLS = ""
	startTLS    = "starttls"
	noTLS       = "none"
)

// Kept is the flag of the messages that the caller has kept. It is ours alone: read or unread is for the people who share the
// mailbox.
const Kept = "$VigieKept"

// Reply is a message with what it was found to be.
type Reply struct {
	Message
	// ID is the same whenever the message is read: the folder, its UIDVALIDITY and the message's UID (RFC 9051 §2.3.1.1).
	ID         string
	Received   time.Time // when our mail server had it
	Verdict    Verdict
	Candidates []Candidate
}

// Box reads one mailbox.
type Box struct {
	account Account
	roots   *x509.CertPool
	// Patience is how long one reading may take; 0 for 50 seconds: a job has a minute.
	Patience time.Duration
}

// New returns the box of an account, which is reached only through certificates of these authorities; nil for the machine's.
func New(a Account, roots *x509.CertPool) *Box { return &Box{account: a, roots: roots} }

// atOnce is how many messages one reading takes: the next one takes the rest.
const atOnce = 100

// Read gives each message that was not kept yet to keep, the oldest first, and flags it once keep has returned without an
// error. A message whose keeping or flagging fails comes again, with the same ID; so whoever keeps it must look whether she has
// it. It returns how many were kept. Nothing is deleted, moved or marked as read by a person.
//
// It fails with "fault.replies.account", "fault.replies.login", "fault.replies.tls", "fault.replies.folder",
// "fault.replies.flags" (the server keeps no flag of ours), or "fault.replies.unreachable", which passes by itself. Errors of
// keep are returned with the others; they stop nothing, so that one message does not stand before all the rest.
func (b *Box) Read(ctx context.Context, threads Threads, keep func(context.Context, Reply) error) (int, error) {
	patience := b.Patience
	if patience <= 0 {
		patience = 50 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, end, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	folder := b.account.Folder
	if folder == "" {
		folder = "INBOX"
	}
	selected, err := c.Select(folder, nil).Wait()
	if err != nil {
		return 0, said(err, "fault.replies.folder")
	}
	if !slices.Contains(selected.PermanentFlags, imap.FlagWildcard) && !slices.Contains(selected.PermanentFlags, imap.Flag(Kept)) {
		return 0, fault.New(fault.Unsupported, "fault.replies.flags")
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{Kept}}, nil).Wait()
	if err != nil {
		return 0, said(err, "fault.replies.unreachable")
	}
	uids := found.AllUIDs()
	slices.Sort(uids)
	kept := 0
	var failures []error
	for _, uid := range uids[:min(len(uids), atOnce)] {
		reply, ok, err := fetch(c, uid)
		if err != nil {
			return kept, errors.Join(append(failures, said(err, "fault.replies.unreachable"))...)
		}
		if !ok {
			continue // somebody has taken it away meanwhile
		}
		reply.ID = fmt.Sprintf("%s/%d/%d", folder, selected.UIDValidity, uid)
		if reply.Verdict, reply.Candidates, err = Judge(ctx, reply.Message, threads); err != nil {
			return kept, errors.Join(append(failures, err)...)
		}
		if err := keep(ctx, reply); err != nil {
			failures = append(failures, err)
			continue
		}
		if err := ctx.Err(); err != nil {
			return kept, errors.Join(append(failures, said(err, "fault.replies.unreachable"))...)
		}
		flag := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{Kept}}
		if err := c.Store(imap.UIDSetNum(uid), flag, nil).Close(); err != nil {
			return kept, errors.Join(append(failures, said(err, "fault.replies.unreachable"))...)
		}
		kept++
	}
	return kept, errors.Join(failures...)
}

// fetch reads one message without marking it as read (BODY.PEEK), and no more of it than there is room for.
func fetch(c *imapclient.Client, uid imap.UID) (Reply, bool, error) {
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Offset: 0, Size: tooBig}}
	all, err := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{
		UID: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{section},
	}).Collect()
	if err != nil || len(all) == 0 || len(all[0].BodySection) == 0 {
		return Reply{}, false, err
	}
	r := Reply{Message: Parse(all[0].BodySection[0].Bytes), Received: all[0].InternalDate}
	if all[0].RFC822Size > tooBig {
		r.Cut = true
	}
	return r, true, nil
}

// open connects and logs in. end takes leave.
func (b *Box) open(ctx context.Context) (*imapclient.Client, func(), error) {
	a := b.account
	host, _, err := net.SplitHostPort(a.Server)
	if err != nil || host == "" || a.User == "" || a.TLS != implicitTLS && a.TLS != startTLS && !(a.TLS == noTLS && here(host)) {
		return nil, nil, fault.New(fault.Invalid, "fault.replies.account")
	}
	config := &tls.Config{ServerName: host, RootCAs: b.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"imap"}}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", a.Server)
	if err != nil {
		return nil, nil, said(err, "fault.replies.unreachable")
	}
	// Whoever gives up is not kept waiting by a server that is silent.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	end := func() { stop(); conn.Close() }
	var c *imapclient.Client
	switch a.TLS {
	case startTLS:
		// A server that does not offer it is refused: NewStartTLS sends nothing in clear but the wish for it.
		config.NextProtos = nil
		c, err = imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: config})
		if err != nil {
			end()
			return nil, nil, said(err, "fault.replies.tls")
		}
	case implicitTLS:
		enciphered := tls.Client(conn, config)
		if err := enciphered.HandshakeContext(ctx); err != nil {
			end()
			return nil, nil, said(err, "fault.replies.tls")
		}
		c = imapclient.New(enciphered, nil)
	default:
		c = imapclient.New(conn, nil)
	}
	if err := c.Login(a.User, a.Password).Wait(); err != nil {
		c.Close()
		end()
		return nil, nil, said(err, "fault.replies.login")
	}
	return c, func() {
		if ctx.Err() == nil {
			conn.SetDeadline(time.Now().Add(time.Second))
			c.Logout().Wait()
		}
		c.Close()
		end()
	}, nil
}

// said is a failure: with this key where the server said no, or its certificate is not believed; unreachable where the
// connection broke.
func said(err error, key string) error {
	var no *imap.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record):
		return fault.Wrap(err, fault.Invalid, "fault.replies.tls")
	case errors.As(err, &no) && no.Code != imap.ResponseCodeUnavailable && no.Type != imap.StatusResponseTypeBye:
		// Its words may hold the mailbox.
		return fault.Wrap(fmt.Errorf("IMAP %s [%s]", no.Type, no.Code), fault.Invalid, key)
	}
	return fault.Wrap(err, fault.Unavailable, "fault.replies.unreachable")
}

// here says whether a host is this machine.
func here(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
