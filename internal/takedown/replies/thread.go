package replies

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"vigie/internal/takedown/route/mail"
)

// Threads knows our letters. The desk's rows answer it.
type Threads interface {
	// ByMessageID finds the letter that has this Message-ID (mail.MessageID).
	ByMessageID(ctx context.Context, id string) (Thread, bool, error)
	// ByMark finds the notice that has this mark (route.Mark), and the last letter on it.
	ByMark(ctx context.Context, mark string) (Thread, bool, error)
}

// Thread is a notice that was sent by e-mail.
type Thread struct {
	Notice  string // its id
	Contact string // the mailbox to which its letter went
}

// Verdict says how far a message is known to belong to a notice.
type Verdict string

// The verdicts.
const (
	// Certain: it refers to our letter and comes from the contact's domain. It may be put into the thread.
	Certain Verdict = "certain"
	// Guess: something points to one notice or several. A person decides; nothing is put anywhere before.
	Guess Verdict = "guess"
	// None: nothing points to a notice.
	None Verdict = "none"
)

// Pointer is how a message points to a notice.
type Pointer string

// The pointers.
const (
	ByReference Pointer = "reference" // it answers our Message-ID
	ByReturn    Pointer = "return"    // it brings our letter back
	ByMark      Pointer = "mark"      // it has our mark
)

// Candidate is a notice to which a message points.
type Candidate struct {
	Thread
	By   Pointer // the strongest
	Fits bool    // whether it comes from the contact's domain
}

// Judge finds the notices that a message points to, and says whether it is certain that it belongs to one.
func Judge(ctx context.Context, m Message, threads Threads) (Verdict, []Candidate, error) {
	var all []Candidate
	add := func(t Thread, by Pointer) {
		found := Candidate{Thread: t, By: by, Fits: len(m.From) == 1 && fits(m.From[0], t.Contact)}
		i := slices.IndexFunc(all, func(c Candidate) bool { return c.Notice == t.Notice })
		switch {
		case i < 0:
			all = append(all, found)
		case found.By == all[i].By && found.Fits && !all[i].Fits: // a later letter of the same notice, to another mailbox
			all[i] = found
		}
	}
	find := func(signs []string, by Pointer, in func(context.Context, string) (Thread, bool, error)) error {
		for _, sign := range signs {
			t, ok, err := in(ctx, sign)
			if err != nil {
				return err
			}
			if ok {
				add(t, by)
			}
		}
		return nil
	}
	if err := find(m.References, ByReference, threads.ByMessageID); err != nil {
		return None, nil, err
	}
	if m.Returned != "" {
		if err := find([]string{m.Returned}, ByReturn, threads.ByMessageID); err != nil {
			return None, nil, err
		}
	}
	if err := find(m.Marks, ByMark, threads.ByMark); err != nil {
		return None, nil, err
	}
	switch {
	case len(all) == 0:
		return None, nil, nil
	case len(all) == 1 && all[0].By == ByReference && all[0].Fits && m.Kind != Bounce && !m.Odd:
		return Certain, all, nil
	}
	return Guess, all, nil
}

// open are domains where anybody has a mailbox: being there says nothing of who writes.
var open = []string{
	"gmail.com", "googlemail.com", "outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr", "msn.com",
	"yahoo.com", "yahoo.fr", "icloud.com", "me.com", "aol.com", "gmx.com", "gmx.de", "gmx.net", "web.de", "mail.com", "mail.ru", "yandex.ru", "yandex.com",
	"proton.me", "protonmail.com", "pm.me", "tutanota.com", "tuta.com", "orange.fr", "wanadoo.fr", "free.fr", "sfr.fr", "laposte.net", "bbox.fr", "zoho.com",
}

// fits says whether a sender may be the contact: the same mailbox, or one of the same organisation, whose domain is what is
// registered below a public suffix (publicsuffix.org). Platforms answer from other mailboxes than they are written to.
func fits(sender, contact string) bool {
	if strings.EqualFold(sender, contact) {
		return true
	}
	theirs, ours := organisation(sender), organisation(contact)
	return theirs != "" && theirs == ours && !slices.Contains(open, ours)
}

func organisation(mailbox string) string {
	if !strings.Contains(mailbox, "@") {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(mail.Domain(mailbox), "."))
	if err != nil {
		return ""
	}
	return domain
}
