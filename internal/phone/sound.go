package phone

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/prompt"
	"vigie/internal/store"
)

// Music is the code of what is heard while one waits; all others are announcements, prompt.Codes.
const Music = "music"

// What an administrator may give us.
const (
	// LargestSound is the size of a file, in bytes.
	LargestSound = 20 << 20
	// LongestPrompt and LongestMusic are what of it is heard.
	LongestPrompt = 2 * time.Minute
	LongestMusic  = 10 * time.Minute
)

// sounds are the announcements and the music as they are now: what the administrator gave, else our own.
type sounds struct {
	mu  sync.Mutex
	own map[[2]string]*audio.Clip // by code and language
}

func (s *sounds) read(ctx context.Context, db *store.DB) error {
	type row struct {
		code, lang string
		law        []byte
	}
	rows, err := store.All(ctx, db, func(r store.Row) (w row, err error) { return w, r.Scan(&w.code, &w.lang, &w.law) }, `SELECT code, lang, sound FROM phone_prompt`)
	if err != nil {
		return err
	}
	own := make(map[[2]string]*audio.Clip, len(rows))
	for _, w := range rows {
		own[[2]string{w.code, w.lang}] = audio.FromLaw(audio.PCMA, w.law)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = own
	return nil
}

// get returns an announcement in a language, or in French where there is none; nil for one that nobody made.
func (s *sounds) get(code, lang string) *audio.Clip {
	s.mu.Lock()
	clip := s.own[[2]string{code, lang}]
	if clip == nil && code == Music {
		clip = s.own[[2]string{Music, ""}]
	}
	s.mu.Unlock()
	if clip != nil {
		return clip
	}
	if code == Music {
		return prompt.Music()
	}
	if clip, ok := prompt.Default(code, lang); ok {
		return clip
	}
	clip, _ = prompt.Default(code, "fr")
	return clip
}

// all are announcements in a language, one after the other; one that there is not is left out.
func (s *sounds) all(lang string, codes ...string) (all []clip) {
	for _, code := range codes {
		if clip := s.get(code, lang); clip != nil {
			all = append(all, clip)
		}
	}
	return all
}

// given says whether an administrator has given an announcement in a language.
func (s *sounds) given(code, lang string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own[[2]string{code, lang}] != nil
}

func (p *Phone) soundsChanged() {
	ctx, cancel := context.WithTimeout(p.running, 10*time.Second)
	defer cancel()
	if err := p.sounds.read(ctx, p.db); err != nil {
		p.log.Error("phone: the announcements could not be read again", "error", err)
	}
}

// Sound is an announcement, or the music, as an administrator sees it.
type Sound struct {
	Code, Lang string
	// Text is what our own announcement says; "" for the music.
	Text   string
	Length time.Duration
	// Own says that an administrator gave it (SetAt, Unix milliseconds, and SetBy); else it is ours.
	Own   bool
	SetAt int64
	SetBy string
}

// Sounds lists what is said and played in the languages of the helpline, the music first.
func (p *Phone) Sounds(ctx context.Context) ([]Sound, error) {
	rows, err := store.All(ctx, p.db, func(r store.Row) (s Sound, err error) {
		var ms int64
		err = r.Scan(&s.Code, &s.Lang, &ms, &s.SetAt, &s.SetBy)
		s.Own, s.Length = true, time.Duration(ms)*time.Millisecond
		return s, err
	}, `SELECT code, lang, length_ms, set_at, set_by FROM phone_prompt`)
	if err != nil {
		return nil, err
	}
	given := map[[2]string]Sound{}
	for _, s := range rows {
		given[[2]string{s.Code, s.Lang}] = s
	}
	sound := func(code, lang string) Sound {
		s, ok := given[[2]string{code, lang}]
		if !ok {
			s = Sound{Code: code, Lang: lang}
			if clip := p.sounds.get(code, lang); clip != nil {
				s.Length = clip.Length()
			}
		}
		s.Text = prompt.Text(code, lang)
		return s
	}
	all := []Sound{sound(Music, "")}
	for _, code := range prompt.Codes() {
		if strings.HasPrefix(code, "demo_") || prompt.IsWord(code) {
			continue
		}
		for _, lang := range []string{"fr", "en"} {
			all = append(all, sound(code, lang))
		}
	}
	return all, nil
}

// SetSound takes the place of an announcement or of the music: a WAV or MP3 file, converted to what the
// telephone carries. It returns fault.Invalid or fault.TooLarge with the sentence of what is wrong with the
// file (audio.Read), fault.NotFound "fault.phone.sound_unknown" for a code that is none.
func (p *Phone) SetSound(ctx context.Context, code, lang string, file io.Reader, by audit.Actor) error {
	longest, err := p.soundFor(code, lang)
	if err != nil {
		return err
	}
	all := &io.LimitedReader{R: file, N: LargestSound + 1}
	clip, err := audio.Read(all, longest)
	if all.N == 0 { // what is cut off must not be taken for the whole
		return fault.New(fault.TooLarge, "fault.phone.prompt_too_large", "max", LargestSound>>20)
	}
	if err != nil {
		return err
	}
	clip = clip.Normalised()
	now := store.Millis(p.now())
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO phone_prompt (code, lang, rev, sound, length_ms, set_at, set_by) VALUES ($1, $2, 1, $3, $4, $5, $6)
			ON CONFLICT (code, lang) DO UPDATE SET rev = phone_prompt.rev + 1, sound = excluded.sound, length_ms = excluded.length_ms,
			set_at = excluded.set_at, set_by = excluded.set_by`, code, lang, clip.Encoded(audio.PCMA), clip.Length().Milliseconds(), now, by.ID); err != nil {
			return err
		}
		return p.soundSet(ctx, tx, by, "phone.sound_set", code, lang)
	})
}

// ResetSound goes back to our own announcement.
func (p *Phone) ResetSound(ctx context.Context, code, lang string, by audit.Actor) error {
	if _, err := p.soundFor(code, lang); err != nil {
		return err
	}
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM phone_prompt WHERE code = $1 AND lang = $2`, code, lang)
		if err != nil || n == 0 {
			return err
		}
		return p.soundSet(ctx, tx, by, "phone.sound_reset", code, lang)
	})
}

func (p *Phone) soundSet(ctx context.Context, tx *store.Tx, by audit.Actor, act, code, lang string) error {
	tx.AfterCommit(func() {
		p.soundsChanged()
		p.bus.PublishElsewhere("phone.sounds", []byte("{}"))
	})
	return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "prompt", ObjectID: code, Detail: map[string]string{"lang": lang}})
}

// soundFor says how long a sound may be, and whether there is such a one.
func (p *Phone) soundFor(code, lang string) (time.Duration, error) {
	if code == Music && lang == "" {
		return LongestMusic, nil
	}
	if prompt.Text(code, lang) == "" {
		return 0, fault.New(fault.NotFound, "fault.phone.sound_unknown")
	}
	return LongestPrompt, nil
}

// SoundFile writes a sound as a WAV file, to be listened to.
func (p *Phone) SoundFile(code, lang string, w io.Writer) error {
	if _, err := p.soundFor(code, lang); err != nil {
		return err
	}
	clip := p.sounds.get(code, lang)
	if clip == nil {
		return fault.New(fault.NotFound, "fault.phone.sound_unknown")
	}
	return audio.WriteWAV(w, clip.Samples())
}
