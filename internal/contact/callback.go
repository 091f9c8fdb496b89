package contact

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// Callback is how a person wishes to be called back, in her own words. Nobody calls without it: when,
// on what, who else may answer, and what we then say.
type Callback struct {
	When   string `json:"when"`
	On     string `json:"on"`
	Others string `json:"others"`
	// Say is what we say when somebody else answers; "" is a wrong number.
	Say string `json:"say"`
	// Voicemail says that we may leave a message. Without her yes we never do.
	Voicemail bool `json:"voicemail"`
	// Key are answers that were given by a key of the telephone, instead of her words: codes of the room phone.
	Key struct {
		When   string `json:"when,omitempty"`
		Others string `json:"others,omitempty"`
	} `json:"key"`
	// ShowNumber says that our number may be seen on her phone. Without her yes it never is.
	ShowNumber bool `json:"show_number"`
}

const maxCallback = 500

func callbackField(contactID string) seal.Field {
	return seal.Field{Table: "contact_callback", Column: "wish_sealed", Row: contactID, Version: 1}
}

// Check cleans the wish. It returns fault.Invalid "fault.contact.callback" when it is too long, or
// says when and not on what.
func (b *Callback) Check() error {
	for _, s := range []*string{&b.When, &b.On, &b.Others, &b.Say} {
		*s = typed.Text(*s)
		if utf8.RuneCountInString(*s) > maxCallback {
			return fault.New(fault.Invalid, "fault.contact.callback", "max", maxCallback)
		}
	}
	if b.On == "" {
		return fault.New(fault.Invalid, "fault.contact.callback", "max", maxCallback)
	}
	return nil
}

// SetCallback keeps the wish, in the transaction that opens the contact or later. The number can then
// be found by the exact number only.
func (c *Contacts) SetCallback(ctx context.Context, tx *store.Tx, contactID string, key *seal.Key, b Callback) error {
	plain, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO contact_callback (contact_id, wish_sealed) VALUES ($1, $2)
		ON CONFLICT (contact_id) DO UPDATE SET wish_sealed = excluded.wish_sealed`, contactID, key.Seal(callbackField(contactID), plain)); err != nil {
		return err
	}
	for _, fn := range c.onCallback {
		if err := fn(ctx, tx, contactID, key, b); err != nil {
			return err
		}
	}
	values := map[string][]string{}
	if number := NormalPhone(b.On); number != "" {
		values[kindPhone] = []string{number}
	} else if handle := NormalHandle(b.On); handle != "" {
		values[kindHandle] = []string{handle}
	}
	return c.index(ctx, tx, key, contactID, "callback", values)
}

// OnCallback has fn called within the transaction that keeps a wish; a fault of fn undoes it. fn must be repeatable. Call
// it while wiring.
func (c *Contacts) OnCallback(fn func(ctx context.Context, tx *store.Tx, contactID string, key *seal.Key, b Callback) error) {
	c.onCallback = append(c.onCallback, fn)
}

// Callback returns the wish, and whether there is one.
func (c *Contacts) Callback(ctx context.Context, contactID string) (Callback, bool, error) {
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return Callback{}, false, err
	}
	sealed, err := store.One(ctx, c.db, func(r store.Row) ([]byte, error) { var b []byte; return b, r.Scan(&b) },
		`SELECT wish_sealed FROM contact_callback WHERE contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return Callback{}, false, nil
	}
	if err != nil {
		return Callback{}, false, err
	}
	plain, err := key.Open(callbackField(contactID), sealed)
	if err != nil {
		return Callback{}, false, err
	}
	var b Callback
	return b, true, json.Unmarshal(plain, &b)
}
