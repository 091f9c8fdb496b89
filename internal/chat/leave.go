package chat

import (
	"context"
	"net/netip"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Leaving is a message left while nobody is there to answer.
type Leaving struct {
	// ID is the contact's, MessageID the message's; both are made by the client.
	ID, MessageID                string
	Lang, Public, AgeBand, Topic string
	PersonID                     string // of a person who came back with her code
	Text                         string
	// Quotes are what of the text stands in our words.
	Quotes []Quote
	// Callback is how she wishes to be called back; nil when she does not.
	Callback *contact.Callback
	Network  netip.AddrPort
}

// LeaveMessage takes a message that is left while we are closed: contact, words and wish are committed
// together. Its words pass the danger lexicon; alarmed says that they mean a life may be in danger, so
// that the page shows first who answers now (OnDanger rings the supervisor on call). Left again under
// the same ids, it returns what is there. Faults of Contacts.Open, Send and Callback.Check.
func (c *Chats) LeaveMessage(ctx context.Context, l Leaving) (ct contact.Contact, alarmed bool, err error) {
	if !isID(l.MessageID) {
		return contact.Contact{}, false, fault.New(fault.Invalid, "fault.chat.id")
	}
	body, err := Clean(l.Text)
	if err != nil {
		return contact.Contact{}, false, err
	}
	if l.Callback != nil {
		if err := l.Callback.Check(); err != nil {
			return contact.Contact{}, false, err
		}
	}
	reasons, danger := c.tells(body, l.Quotes)
	o := contact.Opening{
		ID: l.ID, Channel: contact.ChannelMessage, Lang: l.Lang, Public: l.Public, AgeBand: l.AgeBand, Topic: l.Topic,
		PersonID: l.PersonID, Network: l.Network, Reasons: reasons, Danger: danger,
	}
	ct, err = c.contacts.OpenWith(ctx, o, func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
		m := Message{ID: l.MessageID, ContactID: ct.ID, From: Visitor, Kind: Text, Body: body, At: ct.WaitingSince}
		if err := c.addWithin(ctx, tx, m, key, ct.PersonID); err != nil {
			return err
		}
		if l.Callback != nil {
			return c.contacts.SetCallback(ctx, tx, ct.ID, key, *l.Callback)
		}
		return nil
	})
	return ct, danger || ct.Danger, err
}
