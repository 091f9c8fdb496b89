package phone

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/prompt"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// leastMessage is what counts as a message: less is somebody who hung up after the tone.
const leastMessage = 1500 * time.Millisecond

// local is a moment on the helpline's own clock.
func (p *Phone) local(t time.Time) time.Time { return t.In(p.catalogue().Hours.Zone()) }

// closedSaid is who answers now, and when we do: by the hours as they are, unless an administrator has recorded it.
func (c *call) closedSaid() []clip {
	if c.phone.sounds.given("closed_hours", c.row.lang) {
		return c.clips("closed", "closed_hours")
	}
	opens := c.phone.today().OpensAt
	return c.clips(append([]string{"closed"}, prompt.When(c.row.lang, c.phone.local(c.phone.now()), c.phone.local(opens))...)...)
}

// closed is what a caller hears when we are closed: who answers now, and, where it is open, the tape.
func (c *call) closed() {
	c.outcome = ByHouse
	digit := c.play(c.closedSaid()...)
	rules := c.phone.rules().Voicemail
	if !rules.Open || c.gone || c.over {
		return
	}
	leave, may := c.phone.tape(c.ctx, c.mark)
	if !may { // she has heard who answers now
		return
	}
	defer leave()
	if digit == 0 {
		c.say("voicemail")
	}
	if c.gone || c.over {
		c.outcome = ByCaller
		return
	}
	spoken := c.takeMessage()
	// Whoever hung up has said what there was to say: it is kept all the same.
	if len(spoken) < samplesOf(leastMessage) {
		if !c.gone {
			c.say("voicemail_empty")
			c.askDanger(spoken) // nobody says nothing for no reason
		}
		return
	}
	c.keeps(spoken)
}

// takeMessage says that the tape runs, and returns what is spoken onto it.
func (c *call) takeMessage() []int16 {
	c.become(Voicemail)
	c.play(audio.NewClip(audio.Sine(1000, 0.2, 400*time.Millisecond)))
	return c.record(c.phone.rules().Voicemail.Max)
}

// keeps keeps a message that was spoken, and says that it has.
func (c *call) keeps(spoken []int16) {
	// The house may be closing, and the line is perhaps over: the message is kept before anything else.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 20*time.Second)
	defer cancel()
	waited := c.row.contactID != ""
	if err := c.keepMessage(ctx, spoken); err != nil {
		if waited && fault.Is(err, fault.Conflict) {
			return // somebody takes her at this very moment: she is answered
		}
		c.log.Error("phone: a voice message could not be kept", "error", err)
		if waited {
			return // she is still in line
		}
		c.outcome = ByBreakdown
		c.say("no_counsellor")
		return
	}
	c.outcome = ByHouse
	c.say("voicemail_saved")
	c.askDanger(nil)
	c.askCallbackAfterwards()
}

// What the tape takes: a flood of calls in the night fills neither the memory nor the disk, and nobody leaves us
// messages alone. Whoever is not let to it has heard all the same who answers now.
const (
	// tapesAtOnce are the messages that are spoken at once on one node.
	tapesAtOnce = 40
	// messagesOfOne are those of one number in tapeDay, and tapeOfAll how long those of all may be together.
	messagesOfOne = 5
	tapeOfAll     = 12 * time.Hour
	tapeDay       = 24 * time.Hour
)

// tape says whether somebody may leave a message, and takes her a place; leave gives it back.
func (p *Phone) tape(ctx context.Context, mark []byte) (leave func(), may bool) {
	leave = func() { p.taping.Add(-1) }
	full := func(why string) (func(), bool) {
		leave()
		p.log.Warn("phone: a caller was not let to the tape", "why", why)
		return nil, false
	}
	if p.taping.Add(1) > tapesAtOnce {
		return full("too many speak at once")
	}
	since := store.Millis(p.now().Add(-tapeDay))
	spoken, err := store.One(ctx, p.db, scanInt, `SELECT CAST(coalesce(sum(length_ms), 0) AS BIGINT) FROM phone_voicemail WHERE saved_at > $1`, since)
	if err == nil && spoken >= tapeOfAll.Milliseconds() {
		return full("the messages of a day are too long together")
	}
	if err == nil && mark != nil {
		var hers int64
		hers, err = store.One(ctx, p.db, scanInt, `SELECT count(*) FROM phone_call c JOIN phone_voicemail v ON v.contact_id = c.contact_id
			WHERE c.mark = $1 AND v.saved_at > $2`, mark, since)
		if err == nil && hers >= messagesOfOne {
			return full("one number leaves too many messages")
		}
	}
	if err != nil {
		p.log.Error("phone: how much is on the tape could not be read", "error", err)
	}
	return leave, true
}

func samplesOf(d time.Duration) int { return int(d * audio.Rate / time.Second) }

// record takes what the caller says until she presses #, hangs up, says nothing for long, or has said enough.
func (c *call) record(longest time.Duration) []int16 {
	var spoken tape
	const quiet = 8 * time.Second
	recorder := media.NewRecorder(media.RecorderOptions{ID: "tape", Mixed: &spoken, Max: longest, Silence: quiet})
	if err := c.room.Add(recorder); err != nil {
		return nil
	}
	c.room.Set(media.Matrix{"tape": {c.leg.ID()}})
	for !c.gone && !c.over {
		select {
		case <-recorder.Done():
		default:
			if c.until(recorder.Done(), 0) == '#' || c.taken() {
				break
			}
			continue
		}
		break
	}
	c.room.Remove("tape")
	recorder.Stop()
	<-recorder.Done()
	c.hears(legMusic)
	return spoken.samples()
}

// tape keeps the samples that a recorder writes (16 bits, little end first).
type tape struct{ bytes.Buffer }

func (t *tape) samples() []int16 {
	b := t.Bytes()
	all := make([]int16, len(b)/2)
	for i := range all {
		all[i] = int16(uint16(b[2*i]) | uint16(b[2*i+1])<<8)
	}
	return all
}

// keepMessage seals a message and opens its contact, both or neither. That of a caller who waited becomes the message:
// fault.Conflict when she does not wait (any more).
func (c *call) keepMessage(ctx context.Context, samples []int16) error {
	p := c.phone
	var wav bytes.Buffer
	if err := audio.WriteWAV(&wav, samples); err != nil {
		return err
	}
	stored, err := p.blobs.Put(ctx, &wav, int64(wav.Len()))
	if err != nil {
		return err
	}
	o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelMessage, Lang: c.row.lang, Number: c.number,
		Reasons: []contact.Reason{c.reason(catalogue.ReasonVoicemail)}}
	now := store.Millis(p.now())
	with := func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
		content, err := json.Marshal(voiceContent{Identity: stored.Identity, SHA256: stored.SHA256})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO phone_voicemail (contact_id, blob_id, length_ms, saved_at, content_sealed) VALUES ($1, $2, $3, $4, $5)`,
			ct.ID, stored.ID, int64(len(samples))*1000/audio.Rate, now, key.Seal(voiceField(ct.ID), content)); err != nil {
			return err
		}
		if number := p.home(c.number); number != "" {
			if err := p.promise(ctx, tx, ct, key, number); err != nil {
				return err
			}
		}
		if _, err = tx.Exec(ctx, updateCall, c.row.id, ct.ID, string(c.row.state), c.row.noListening, c.row.queuedAt, c.row.answeredAt, ""); err != nil {
			return err
		}
		if c.row.contactID != "" { // she waited, and has a receipt since then
			return nil
		}
		return c.receipt(ctx, tx, ct.ID)
	}
	if waited := c.row.contactID; waited != "" {
		o.ID = waited
		_, err = p.contacts.BookWith(ctx, waited, func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
			if _, err := p.contacts.AddReason(ctx, tx, ct.ID, o.Reasons[0]); err != nil {
				return err
			}
			return with(tx, ct, key)
		})
	} else {
		_, err = p.contacts.OpenWith(ctx, o, with)
	}
	if err != nil {
		return errors.Join(err, p.blobs.Remove(context.WithoutCancel(ctx), stored.ID))
	}
	c.row.contactID = o.ID
	return nil
}

// voiceContent is what is sealed of a message.
type voiceContent struct {
	Identity string `json:"identity"`
	SHA256   []byte `json:"sha256"`
}

func voiceField(contactID string) seal.Field {
	return seal.Field{Table: "phone_voicemail", Column: "content_sealed", Row: contactID, Version: 1}
}

// Message is a message that was spoken onto the tape.
type Message struct {
	ContactID string
	Length    time.Duration
	// SavedAt and HeardAt are Unix milliseconds; HeardAt is 0 and HeardBy "" until somebody listened.
	SavedAt, HeardAt int64
	HeardBy          string

	blobID  string
	samples int64
	sealed  []byte
}

// Message returns a contact's voice message; ok is false when it has none.
func (p *Phone) Message(ctx context.Context, contactID string) (m Message, ok bool, err error) {
	m, err = store.One(ctx, p.db, func(r store.Row) (m Message, err error) {
		var ms int64
		err = r.Scan(&m.ContactID, &m.blobID, &ms, &m.SavedAt, &m.HeardAt, &m.HeardBy, &m.sealed)
		m.Length, m.samples = time.Duration(ms)*time.Millisecond, ms*audio.Rate/1000
		return m, err
	}, `SELECT contact_id, blob_id, length_ms, saved_at, heard_at, heard_by, content_sealed FROM phone_voicemail WHERE contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return Message{}, false, nil
	}
	return m, err == nil, err
}

// Hear records that somebody listens to a voice message from now on, and returns the pass with which its sound is opened
// (Play): no sound is handed out before its listening is in the log. Whoever calls it has checked that the contact is hers
// to read. It returns fault.Gone "fault.phone.no_message" when there is none.
func (p *Phone) Hear(ctx context.Context, contactID string, by audit.Actor) (m Message, pass string, err error) {
	err = p.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE phone_voicemail SET heard_at = CASE WHEN heard_at = 0 THEN $2 ELSE heard_at END,
			heard_by = CASE WHEN heard_at = 0 THEN $3 ELSE heard_by END WHERE contact_id = $1`, contactID, store.Millis(p.now()), by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Gone, "fault.phone.no_message")
		}
		return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "phone.message_heard", Object: "contact", ObjectID: contactID})
	})
	if err != nil {
		return m, "", err
	}
	m, ok, err := p.Message(ctx, contactID)
	if err == nil && !ok {
		err = fault.New(fault.Gone, "fault.phone.no_message")
	}
	return m, p.passAt(contactID, by, p.now().Add(passFor)), err
}

// passFor is how long a message may be played, and gone back in, without listening anew: the longest there is, twice.
const passFor = 20 * time.Minute

// passAt is the pass of one listener to one message until a moment: that moment (Unix seconds), and its mark, which any
// node can check and nobody else can make.
func (p *Phone) passAt(contactID string, by audit.Actor, until time.Time) string {
	ends := strconv.FormatInt(until.Unix(), 10)
	mac := hmac.New(sha256.New, p.keys.Derive("voicemail pass"))
	mac.Write([]byte(contactID + "\x00" + by.ID + "\x00" + ends))
	return ends + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}

// passes says whether a pass is of this listener and message, and holds still.
func (p *Phone) passes(contactID string, by audit.Actor, pass string) bool {
	ends, _, _ := strings.Cut(pass, ".")
	until, err := strconv.ParseInt(ends, 10, 64)
	return err == nil && p.now().Unix() < until && hmac.Equal([]byte(pass), []byte(p.passAt(contactID, by, time.Unix(until, 0))))
}

// Play opens the sound of a voice message, as WAV, for who has just said that she listens (Hear); it changes nothing. It
// returns fault.Gone "fault.phone.listen_again" for a pass that is not hers or is over, and
// "fault.phone.no_message" when there is no message (any more).
func (p *Phone) Play(ctx context.Context, contactID, pass string, by audit.Actor) (io.ReadCloser, Message, error) {
	if !p.passes(contactID, by, pass) {
		return nil, Message{}, fault.New(fault.Gone, "fault.phone.listen_again")
	}
	m, ok, err := p.Message(ctx, contactID)
	if err != nil {
		return nil, m, err
	}
	if !ok {
		return nil, m, fault.New(fault.Gone, "fault.phone.no_message")
	}
	key, err := p.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, m, err
	}
	plain, err := key.Open(voiceField(contactID), m.sealed)
	if err != nil {
		return nil, m, err
	}
	var content voiceContent
	if err := json.Unmarshal(plain, &content); err != nil {
		return nil, m, err
	}
	r, err := p.blobs.Get(ctx, m.blobID, content.Identity)
	return r, m, err
}

// Bytes is how long the WAV file of the message is: a head of 44 bytes and two bytes a sample.
func (m Message) Bytes() int64 { return audio.WAVHeadSize + 2*m.samples }

// eraseSounds removes what was spoken in a contact that is erased.
func (p *Phone) eraseSounds(ctx context.Context, contactID string) error {
	blobs, err := store.All(ctx, p.db, scanText, `SELECT blob_id FROM phone_voicemail WHERE contact_id = $1
		UNION SELECT blob_id FROM phone_recording WHERE contact_id = $1`, contactID)
	for _, id := range blobs {
		err = errors.Join(err, p.blobs.Remove(ctx, id))
	}
	return err
}

// Names says whether a row of this room names a sealed file.
func (p *Phone) Names(ctx context.Context, blobID string) (bool, error) {
	n, err := store.One(ctx, p.db, scanInt, `SELECT (SELECT count(*) FROM phone_voicemail WHERE blob_id = $1) + (SELECT count(*) FROM phone_recording WHERE blob_id = $1)`, blobID)
	return n > 0, err
}

// NamedBlobs are the sealed files that a row of this room names: a sweep leaves them.
func NamedBlobs(ctx context.Context, q store.Querier) ([]string, error) {
	return store.All(ctx, q, scanText, `SELECT blob_id FROM phone_voicemail UNION SELECT blob_id FROM phone_recording`)
}
