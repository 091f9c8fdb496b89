// Package caller is a telephone: it rings a number by SIP, says what a sound file says, presses keys, keeps
// what it hears, and tells what happens. Operators try a trunk with it, the demonstration's callers are made
// of it, and tests measure with it.
package caller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/trunk"
)

// Options are how a telephone calls.
type Options struct {
	// To is whom it calls: "sip:3018@192.0.2.1:5060;transport=tcp".
	To string
	// From is its own number, shown to the other end; "" withholds it.
	From string
	// User and Password are the digest that it presents when it is asked.
	User, Password string
	// Says is what it says, again and again with a pause between; nil says nothing.
	Says *audio.Clip
	// Codecs are what it speaks, PCMA and PCMU where it is empty.
	Codecs []audio.Codec
	// Keys are pressed one after the other, each so long after the call was answered.
	Keys []Key
	// Presses are keys that are pressed as they come, after Keys; nil has none.
	Presses <-chan byte
	// For is how long it talks before it hangs up; 0 is until the other end does.
	For time.Duration
	// Ring is how long it lets ring; 0 is a minute.
	Ring time.Duration
	// Heard takes what it hears, 16-bit samples with the little end first; nil keeps nothing.
	Heard io.Writer
	// Packets is called with each packet that it says and hears, at once and from several goroutines; it must not wait.
	// nil is nobody.
	Packets func(Packet)
	// Tell is called with each thing that happens; nil tells nobody.
	Tell func(Event)
	Log  *slog.Logger
}

// Key is a key that is pressed.
type Key struct {
	Digit byte // 0-9, *, #, A-D
	After time.Duration
}

// Packet is a piece of sound on its way, with the moment at which it left this telephone or came to it.
type Packet struct {
	Said bool // by this telephone; otherwise heard by it
	At   time.Time
	// Timestamp counts the samples of who said it, at 8 kHz.
	Sequence  uint16
	Timestamp uint32
	Codec     audio.Codec
	Payload   []byte // only valid during the call
}

// Event is something that happens to a call.
type Event struct {
	// What is "calling", "ringing", "answered", "held", "resumed", "pressed", "digit" (the other end pressed),
	// "refused" or "ended".
	What string
	At   time.Duration // since it began
	// Detail is a status, a key, or who hung up.
	Detail string
}

// Result is how a call went.
type Result struct {
	Answered bool
	// Setup is from the first message to the answer.
	Setup time.Duration
	// Talked is from the answer to the end.
	Talked  time.Duration
	Quality media.Quality
	// Ended is who ended it: "us", "them" or "network"; "" for a call that was refused (Status).
	Ended  string
	Status int
}

// Call makes one call and returns when it is over. A call that is refused is a result and no error.
func Call(ctx context.Context, o Options) (Result, error) {
	user, proxy, err := split(o.To)
	if err != nil {
		return Result{}, err
	}
	server, to, err := proxyAddress(proxy)
	if err != nil {
		return Result{}, err
	}
	local, err := ownAddress(to)
	if err != nil {
		return Result{}, err
	}
	codecs := o.Codecs
	if len(codecs) == 0 {
		codecs = []audio.Codec{audio.PCMA, audio.PCMU}
	}
	t := trunk.Trunk{
		Name: "call", Proxy: server, User: o.User, Password: o.Password, CallerID: o.From, Codecs: codecs,
		Plan: trunk.Plan{Numbers: []string{user}}, MediaPeers: []netip.Prefix{netip.PrefixFrom(to, to.BitLen())},
	}
	telephone, err := trunk.Open(trunk.Options{
		Listen: []string{"udp:" + netip.AddrPortFrom(local, 0).String()}, Trunks: []trunk.Trunk{t},
		Media: phone.Lines(phone.LineOptions{Address: local}), UserAgent: "vigie call", Log: o.Log,
	})
	if err != nil {
		return Result{}, err
	}
	defer telephone.Close()
	return dial(ctx, telephone, o, user)
}

// dial rings, talks and hangs up.
func dial(ctx context.Context, telephone *trunk.Server, o Options, user string) (Result, error) {
	began := time.Now()
	tell := func(what, detail string) {
		if o.Tell != nil {
			o.Tell(Event{What: what, At: time.Since(began), Detail: detail})
		}
	}
	ring := o.Ring
	if ring == 0 {
		ring = time.Minute
	}
	ringing, cancel := context.WithTimeout(ctx, ring)
	defer cancel()
	tell("calling", "")
	c, err := telephone.Dial(ringing, trunk.Dial{Trunk: "call", To: user, Anonymous: o.From == "", Ringing: func(*trunk.Call, bool) { tell("ringing", "") }})
	var no *trunk.Failure
	switch {
	case errors.As(err, &no):
		tell("refused", fmt.Sprint(no.Status))
		return Result{Status: no.Status}, nil
	case err != nil:
		return Result{}, err
	}
	r := Result{Answered: true, Setup: time.Since(began)}
	tell("answered", "")
	answered := time.Now()
	line := phone.LineOf(c)
	line.OnDigit(func(d byte) { tell("digit", string(d)) })
	c.OnHold(func(held bool) {
		if held {
			tell("held", "")
		} else {
			tell("resumed", "")
		}
	})
	room, stop := sound(line, o)
	defer stop()
	_ = room
	over := make(<-chan time.Time)
	if o.For > 0 {
		over = time.After(o.For)
	}
	keys := sync.WaitGroup{}
	pressing, done := context.WithCancel(ctx)
	keys.Go(func() { press(pressing, line, o, answered, tell) })
	select {
	case <-c.Done():
	case <-over:
	case <-ctx.Done():
	}
	done()
	keys.Wait()
	r.Talked, r.Quality = time.Since(answered), line.Quality()
	bye, cancelBye := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancelBye()
	select {
	case <-c.Done():
	default:
		_ = c.Hangup(bye, "")
	}
	r.Ended = c.End().By.String()
	tell("ended", r.Ended)
	return r, nil
}

// sound brings what it says and what it hears together in a room of its own.
func sound(line *media.Line, o Options) (*media.Room, func()) {
	room := media.NewRoom()
	voice := media.NewPlayer("voice", audio.PCMA)
	matrix := media.Matrix{line.ID(): {"voice"}}
	legs := []media.Leg{line, voice}
	if o.Heard != nil {
		legs = append(legs, media.NewRecorder(media.RecorderOptions{ID: "ear", Mixed: o.Heard}))
		matrix["ear"] = []string{line.ID()}
	}
	if o.Packets != nil {
		legs = append(legs, tap{o.Packets})
		matrix[tap{}.ID()] = []string{voice.ID(), line.ID()}
	}
	for _, leg := range legs {
		_ = room.Add(leg) // a new room has nobody of these ids
	}
	room.Set(matrix)
	if o.Says == nil {
		// A telephone that says nothing still sends its silence.
		voice.Loop(audio.NewClip(make([]int16, audio.Rate)))
	} else {
		voice.Loop(audio.NewClip(append(append([]int16{}, o.Says.Samples()...), make([]int16, audio.Rate)...)))
	}
	return room, func() {
		room.Remove(line.ID()) // the call closes its own line
		_ = room.Close()
	}
}

// tap is a leg that hands on what the telephone says and hears.
type tap struct{ take func(Packet) }

func (tap) ID() string { return "tap" }

// Hear hands on a packet: what was heard came when it was read, what is said leaves now.
func (t tap) Hear(speaker string, p *media.Packet) {
	said, at := speaker == "voice", p.At
	if said {
		at = time.Now()
	}
	t.take(Packet{Said: said, At: at, Sequence: p.Sequence, Timestamp: p.Timestamp, Codec: p.Codec, Payload: p.Payload})
}

func (tap) Speaks(func(*media.Packet)) {}
func (tap) Hears([]string)             {}
func (tap) Quality() media.Quality     { return media.Quality{} }
func (tap) Close() error               { return nil }

func press(ctx context.Context, line *media.Line, o Options, answered time.Time, tell func(what, detail string)) {
	for _, k := range o.Keys {
		select {
		case <-ctx.Done():
			return
		case <-time.After(k.After - time.Since(answered)):
		}
		if line.SendDigits(string(k.Digit)) == nil {
			tell("pressed", string(k.Digit))
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case digit := <-o.Presses:
			if line.SendDigits(string(digit)) == nil {
				tell("pressed", string(digit))
			}
		}
	}
}
