package routing

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/store"
)

// Surge is the switch of a media campaign or a lockdown: whoever takes several chats takes some more, callers are offered a
// call-back instead of waiting, and whoever is off duty is appealed to once.
type Surge struct {
	On bool `json:"on"`
	// Extra is how many more, 1 to MaxExtra.
	Extra int `json:"extra"`
}

// MaxExtra bounds a surge: beyond, nobody is listened to.
const MaxExtra = 3

// Proof is the operator's switch of the silent proof of work, for all nodes.
type Proof struct {
	Mode flood.Mode `json:"mode"`
	Bits int        `json:"bits"`
}

// settings are the stored switches as this node read them last.
type settings struct {
	mu      sync.RWMutex
	surging Surge
	proof   Proof
	appeal  Appeal
}

func (s *settings) surge() Surge {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.surging
}

// Surge returns the switch as it stands.
func (r *Router) Surge() Surge { return r.settings.surge() }

// SetSurge turns the surge on or off on every node. When it ends nobody loses a chat she has: she gets
// nothing new until she is below her own number again. fault.Invalid "fault.routing.surge" for an Extra
// out of range.
func (r *Router) SetSurge(ctx context.Context, staffID string, s Surge) error {
	if s.On && (s.Extra < 1 || s.Extra > MaxExtra) {
		return fault.New(fault.Invalid, "fault.routing.surge", "max", MaxExtra)
	}
	return r.switchSetting(ctx, staffID, "surge", s, map[string]string{"on": strconv.FormatBool(s.On), "extra": strconv.Itoa(s.Extra)},
		func(tx *store.Tx, before string) error { return r.appealFor(ctx, tx, s, before) },
		func(tx *store.Tx, before string) error { return r.logSurge(ctx, tx, staffID, s, before) })
}

// Proof returns the switch as it stands. Its zero value says that nobody ever touched it here: then the
// guard is as the configuration made it.
func (r *Router) Proof() Proof {
	r.settings.mu.RLock()
	defer r.settings.mu.RUnlock()
	return r.settings.proof
}

// SetProof switches the proof of work on every node. fault.Invalid "fault.routing.proof" for an unknown
// mode, or a work out of flood.MinBits to flood.MaxBits (0 is the default).
func (r *Router) SetProof(ctx context.Context, staffID string, p Proof) error {
	switch p.Mode {
	case flood.Never, flood.Auto, flood.Always:
	default:
		return fault.New(fault.Invalid, "fault.routing.proof")
	}
	if p.Bits == 0 {
		p.Bits = flood.DefaultBits
	}
	if p.Bits < flood.MinBits || p.Bits > flood.MaxBits {
		return fault.New(fault.Invalid, "fault.routing.proof")
	}
	return r.switchSetting(ctx, staffID, "proof", p, map[string]string{"mode": string(p.Mode), "bits": strconv.Itoa(p.Bits)})
}

func (r *Router) switchSetting(ctx context.Context, staffID, name string, value any, detail map[string]string, also ...func(tx *store.Tx, before string) error) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	now := store.Millis(r.now())
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		for _, fn := range also {
			before, err := store.One(ctx, tx, scanID, `SELECT value FROM routing_setting WHERE name = $1`, name)
			if err != nil {
				return err
			}
			if err := fn(tx, before); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE routing_setting SET value = $2, rev = rev + 1, set_at = $3, set_by = $4 WHERE name = $1`,
			name, string(text), now, staffID); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.bus.Publish("routing.setting", []byte("{}")) })
		return r.record(ctx, tx, byStaff(staffID), "routing."+name, "setting", name, detail)
	})
	if err != nil {
		return err
	}
	// The one who switched sees it at once, whatever the bus does.
	if err := r.readSettings(ctx); err != nil {
		return err
	}
	r.announceQueue()
	return nil
}

// readSettings reads the stored switches, and has the guard follow.
func (r *Router) readSettings(ctx context.Context) error {
	type row struct{ name, value string }
	rows, err := store.All(ctx, r.db, func(s store.Row) (w row, err error) { return w, s.Scan(&w.name, &w.value) },
		`SELECT name, value FROM routing_setting WHERE name IN ('surge', 'proof', 'appeal')`)
	if err != nil {
		return err
	}
	surge, proof, appeal := Surge{}, Proof{}, Appeal{}
	for _, w := range rows {
		switch w.name {
		case "surge":
			err = json.Unmarshal([]byte(w.value), &surge)
		case "proof":
			err = json.Unmarshal([]byte(w.value), &proof)
		case "appeal":
			err = json.Unmarshal([]byte(w.value), &appeal)
		}
		if err != nil {
			return err
		}
	}
	if proof.Mode != "" && r.guard != nil {
		r.guard.SetProof(proof.Mode, proof.Bits)
	}
	r.settings.mu.Lock()
	r.settings.surging, r.settings.proof, r.settings.appeal = surge, proof, appeal
	r.settings.mu.Unlock()
	return nil
}

func (r *Router) settingsChanged() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.readSettings(ctx); err != nil {
		r.log.Error("routing: the settings could not be read; the old ones go on", "error", err)
		return
	}
	r.nudge()
}
