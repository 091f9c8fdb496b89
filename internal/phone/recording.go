package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// legTape is the leg that records a conversation, where the helpline records.
const legTape = "recording"

// longestRecording bounds a recording, in hours no conversation has.
const longestRecording = 6 * time.Hour

// recording is a conversation on its way into a sealed file. What is sealed never lies in clear on a disk.
type recording struct {
	leg    *media.Recorder
	pipe   *io.PipeWriter
	stored chan stored
}

type stored struct {
	blob.Stored
	err error
}

// startRecording begins to record, once, where the helpline's rules say so and the caller was told. So a call that
// was there before the rules said so is not recorded, nor is anybody whom we call: whoever picks up there is told by
// no machine who calls.
func (c *call) startRecording() {
	if c.tape != nil || !c.told || !c.phone.rules().Record {
		return
	}
	read, write := io.Pipe()
	r := &recording{pipe: write, stored: make(chan stored, 1)}
	r.leg = media.NewRecorder(media.RecorderOptions{ID: legTape, Mixed: write, Max: longestRecording})
	c.tape = r
	if err := c.room.Add(r.leg); err != nil {
		c.log.Error("phone: a call cannot be recorded", "error", err)
		_ = write.CloseWithError(err)
		r.stored <- stored{err: err}
		return
	}
	ctx := context.WithoutCancel(c.ctx)
	go func() {
		s, err := c.phone.blobs.Put(ctx, io.MultiReader(bytes.NewReader(audio.WAVHead(-1)), read), int64(longestRecording/time.Second)*audio.Rate*2+1024)
		_ = read.CloseWithError(err)
		r.stored <- stored{s, err}
	}()
}

// keepRecording ends the recording and writes its row.
func (c *call) keepRecording() {
	r := c.tape
	if r == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 20*time.Second)
	defer cancel()
	c.room.Remove(legTape)
	r.leg.Stop()
	<-r.leg.Done()
	_ = r.pipe.Close()
	s := <-r.stored
	if s.err == nil {
		s.err = c.recorded(ctx, s.Stored, r.leg.Length())
	}
	if s.err != nil {
		c.log.Error("phone: a recording could not be kept", "error", s.err)
	}
}

func recordingField(id string) seal.Field {
	return seal.Field{Table: "phone_recording", Column: "content_sealed", Row: id, Version: 1}
}

func (c *call) recorded(ctx context.Context, s blob.Stored, length time.Duration) error {
	p := c.phone
	key, err := p.contacts.Key(ctx, c.row.contactID)
	if err != nil {
		return errors.Join(err, p.blobs.Remove(ctx, s.ID))
	}
	content, err := json.Marshal(voiceContent{Identity: s.Identity, SHA256: s.SHA256})
	if err != nil {
		return err
	}
	id := store.NewID()
	_, err = p.db.Exec(ctx, `INSERT INTO phone_recording (id, contact_id, call_id, blob_id, length_ms, saved_at, content_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, c.row.contactID, c.id, s.ID, length.Milliseconds(), store.Millis(p.now()), key.Seal(recordingField(id), content))
	if err != nil {
		return errors.Join(err, p.blobs.Remove(ctx, s.ID))
	}
	p.changed(c.row.contactID)
	return nil
}

// Recording is a conversation that was recorded.
type Recording struct {
	ID, ContactID string
	Length        time.Duration
	SavedAt       int64 // Unix milliseconds

	blobID string
	sealed []byte
}

const selectRecordings = `SELECT id, contact_id, blob_id, length_ms, saved_at, content_sealed FROM phone_recording`

func scanRecording(r store.Row) (rec Recording, err error) {
	var ms int64
	err = r.Scan(&rec.ID, &rec.ContactID, &rec.blobID, &ms, &rec.SavedAt, &rec.sealed)
	rec.Length = time.Duration(ms) * time.Millisecond
	return rec, err
}

// Recordings are those of a contact, the oldest first.
func (p *Phone) Recordings(ctx context.Context, contactID string) ([]Recording, error) {
	return store.All(ctx, p.db, scanRecording, selectRecordings+` WHERE contact_id = $1 ORDER BY saved_at, id`, contactID)
}

// PlayRecording opens a recording to be listened to, as WAV; each listening is in the log. Whoever calls it has
// checked that the contact is hers to read. It returns fault.Gone "fault.phone.no_message" when there is none.
func (p *Phone) PlayRecording(ctx context.Context, contactID, id string, by audit.Actor) (io.ReadCloser, Recording, error) {
	rec, err := store.One(ctx, p.db, scanRecording, selectRecordings+` WHERE id = $1 AND contact_id = $2`, id, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return nil, rec, fault.New(fault.Gone, "fault.phone.no_message")
	}
	if err != nil {
		return nil, rec, err
	}
	key, err := p.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, rec, err
	}
	plain, err := key.Open(recordingField(id), rec.sealed)
	if err != nil {
		return nil, rec, err
	}
	var content voiceContent
	if err := json.Unmarshal(plain, &content); err != nil {
		return nil, rec, err
	}
	if err := p.db.Tx(ctx, func(tx *store.Tx) error {
		return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "phone.recording_heard", Object: "contact", ObjectID: contactID, Detail: map[string]string{"recording": id}})
	}); err != nil {
		return nil, rec, err
	}
	sound, err := p.blobs.Get(ctx, rec.blobID, content.Identity)
	if err != nil {
		return nil, rec, err
	}
	// Its head was written before its length was known.
	if _, err := io.CopyN(io.Discard, sound, audio.WAVHeadSize); err != nil {
		return nil, rec, errors.Join(err, sound.Close())
	}
	return &headed{Reader: io.MultiReader(bytes.NewReader(audio.WAVHead(rec.samples())), sound), Closer: sound}, rec, nil
}

// headed is a recording with its own head.
type headed struct {
	io.Reader
	io.Closer
}

func (r Recording) samples() int64 { return r.Length.Milliseconds() * audio.Rate / 1000 }

// Bytes is how long its WAV file is.
func (r Recording) Bytes() int64 { return audio.WAVHeadSize + 2*r.samples() }
