package phone_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/caller"
	sound "vigie/internal/phone/media"
	"vigie/internal/phone/prompt"
	"vigie/internal/phone/rtc"
	"vigie/internal/phone/trunk"
	"vigie/internal/routing"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// The cast: Anne and Bilal answer, Sam supervises; whoever rings is +33 6 39 98 00 01.
const (
	anne  = "0197aaaa-0000-7000-8000-00000000000a"
	bilal = "0197aaaa-0000-7000-8000-00000000000b"
	sam   = "0197aaaa-0000-7000-8000-00000000000e"

	child = "+33639980001"
	// overflowPhone is somebody's own telephone, which rings where nobody is at a desk.
	overflowPhone = "+33639980019"
)

// Each party has a tone of its own (Hz): what somebody heard says who was heard.
const (
	childTone  = 440.0
	anneTone   = 880.0
	bilalTone  = 1320.0
	helpTone   = 700.0 // the outside telephone
	musicTone  = 620.0
	loudEnough = 0.1  // of a tone that must be there: half is sent
	silently   = 0.01 // of one that must not
)

type roster []staff.Person

func (r roster) Roster(context.Context) ([]staff.Person, error) { return r, nil }

func theCast() roster {
	person := func(id, alias string, role staff.Role) staff.Person {
		return staff.Person{ID: id, Login: alias, Alias: alias, Roles: []staff.Role{role}, Langs: []string{"fr", "en"}, Active: true}
	}
	return roster{person(anne, "Anne", staff.Counsellor), person(bilal, "Bilal", staff.Counsellor), person(sam, "Sam", staff.Supervisor)}
}

// record is what nodes share.
type record struct {
	t       *testing.T
	db      *store.DB
	keys    *seal.Keeper
	audit   *audit.Log
	blobs   *blob.Disk
	closed  atomic.Bool  // the line is closed: the tape answers
	opening atomic.Int64 // when it opens again, Unix seconds; 0 for never
	ahead   atomic.Int64
}

func (r *record) opensAt() time.Time {
	if at := r.opening.Load(); at != 0 {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

func (r *record) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// world is one node of a helpline with a phone, and the network that rings it.
type world struct {
	*record
	bus      *bus.Bus
	contacts *contact.Contacts
	router   *routing.Router
	trunk    *trunk.Server
	browsers *rtc.Server
	phone    *phone.Phone
	stop     func()

	network *trunk.Server // what is beyond the trunk, for the calls we make
	mu      sync.Mutex
	dialled []*trunk.Call // by us
	beyond  func(*trunk.Call)
	sound   netip.AddrPort // of the line that its trunk opened last
}

type setting struct {
	grace time.Duration
	bus   bus.Options
	rules func(*catalogue.Phone)
	lists []catalogue.Number // besides those of the seed
	at    string             // the address of its trunk, 127.0.0.1 unless said
	t1    time.Duration      // of its SIP, 50 ms unless said
	calls int                // at most at once, of its trunk
	first []trunk.Trunk      // trunks that come before the operator's
	proxy string             // where its calls go, the network beyond unless said
	cast  roster             // theCast unless said
}

func newRecord(t *testing.T) *record {
	t.Helper()
	return newRecordOn(t, storetest.SQLite(t))
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, newRecordOn(t, db).node(setting{})) })
}

func newRecordOn(t *testing.T, db *store.DB) *record {
	t.Helper()
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
	if err != nil {
		t.Fatal(err)
	}
	r := &record{t: t, db: db}
	if r.keys, err = seal.Open(t.Context(), db, custodian, r.now); err != nil {
		t.Fatal(err)
	}
	r.audit = audit.Open(db, r.keys.Derive("audit"), store.NewID(), r.now)
	if r.blobs, err = blob.OpenDisk(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	r.shortSounds()
	return r
}

// shortSounds has every announcement be a tone of 620 Hz: the greeting lasts a second, the others a third of one.
func (r *record) shortSounds() {
	r.t.Helper()
	for _, code := range append(prompt.Codes(), phone.Music) {
		if prompt.IsWord(code) {
			continue
		}
		lang, length := "fr", 300*time.Millisecond
		switch code {
		case "greeting", "greeting_returning":
			length = time.Second
		case phone.Music:
			lang, length = "", 3*time.Second
		}
		law := audio.NewClip(audio.Sine(musicTone, 0.3, length)).Encoded(audio.PCMA)
		if _, err := r.db.Exec(r.t.Context(), `INSERT INTO phone_prompt (code, lang, rev, sound, length_ms, set_at, set_by) VALUES ($1, $2, 1, $3, $4, 1, 'test')`,
			code, lang, law, length.Milliseconds()); err != nil {
			r.t.Fatal(err)
		}
	}
}

// lasts has an announcement last that long.
func (w *world) lasts(code string, length time.Duration) {
	w.t.Helper()
	w.ok(w.phone.SetSound(w.t.Context(), code, "fr", wavOf(audio.Sine(musicTone, 0.3, length)), staffActor(sam)))
}

func wavOf(samples []int16) io.Reader {
	var wav bytes.Buffer
	_ = audio.WriteWAV(&wav, samples)
	return &wav
}

func newWorld(t *testing.T) *world { return newRecord(t).node(setting{}) }

// node opens the rooms on the record, as the program does, with a trunk that is this machine.
func (r *record) node(s setting) *world {
	t := r.t
	t.Helper()
	w := &world{record: r}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	w.bus, err = bus.Open(ctx, s.bus)
	must(err)
	docs, err := catalogue.Open(ctx, r.db, r.audit, w.bus)
	must(err)
	current := docs.Current
	if s.rules != nil || s.lists != nil { // an edition of the rules that somebody published
		current = func() *catalogue.Set {
			set := *docs.Current()
			rules, numbers := *set.Phone, *set.Numbers
			if s.rules != nil {
				s.rules(&rules)
			}
			numbers.All = append(append([]catalogue.Number{}, numbers.All...), s.lists...)
			set.Phone, set.Numbers = &rules, &numbers
			return &set
		}
	}
	w.contacts, err = contact.New(contact.Options{DB: r.db, Keys: r.keys, Audit: r.audit, Bus: w.bus, Catalogue: current, Now: r.now,
		StillHas: func(ctx context.Context, staffID, contactID string) bool {
			return w.router.StillHas(ctx, staffID, contactID)
		}})
	must(err)
	if s.cast == nil {
		s.cast = theCast()
	}
	today := func() catalogue.OpenState { return catalogue.OpenState{Open: !r.closed.Load(), OpensAt: r.opensAt()} }
	w.router, err = routing.New(ctx, routing.Options{DB: r.db, Bus: w.bus, Keys: r.keys, Audit: r.audit, Contacts: w.contacts, People: s.cast, Catalogue: current, Today: today, Now: r.now})
	must(err)
	if s.at == "" {
		s.at = "127.0.0.1"
	}
	if s.t1 == 0 {
		s.t1 = 50 * time.Millisecond
	}
	lines := phone.Lines(phone.LineOptions{Address: netip.MustParseAddr(s.at)})
	w.network, err = trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Media: lines, T1: 50 * time.Millisecond,
		Trunks: []trunk.Trunk{{Name: "us", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Plan: trunk.Plan{Prefixes: []string{"+", "0", "1", "3"}}}}})
	must(err)
	w.network.Incoming(w.dial)
	if s.proxy == "" {
		s.proxy = w.network.Addr("udp").String()
	}
	ours := func(t trunk.Trunk) (trunk.MediaLine, error) {
		line, err := lines(t)
		if err == nil {
			w.mu.Lock()
			w.sound = line.Local()
			w.mu.Unlock()
		}
		return line, err
	}
	w.trunk, err = trunk.Open(trunk.Options{Listen: []string{"udp:" + s.at + ":0"}, Media: ours, T1: s.t1, Calls: s.calls,
		Trunks: append(s.first, trunk.Trunk{
			Name: "operator", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Proxy: "sip:" + s.proxy, CallerID: "3018",
			Plan: trunk.Plan{Numbers: []string{"119", "17", "112", "0199001717", overflowPhone}, Prefixes: []string{"+33"}, Except: []string{"+338"}},
		})})
	must(err)
	ways := []string{}
	for _, t := range s.first {
		ways = append(ways, t.Name)
	}
	ways = append(ways, "operator")
	w.browsers, err = rtc.Open(rtc.Options{UDP: "127.0.0.1:0", Loopback: true})
	must(err)
	w.phone, err = phone.New(ctx, phone.Options{DB: r.db, Keys: r.keys, Audit: r.audit, Bus: w.bus, Contacts: w.contacts, Router: w.router, Blobs: r.blobs,
		Catalogue: current, Today: today, Trunk: w.trunk, Browsers: w.browsers, Grace: s.grace, DialTrunks: ways, Now: r.now})
	must(err)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { w.router.Run(running) })
	background.Go(func() { w.phone.Run(running) })
	w.stop = sync.OnceFunc(func() {
		cancel()
		background.Wait()
		w.phone.Close()
		_ = w.browsers.Close()
		_ = w.trunk.Close()
		_ = w.network.Close()
		w.router.Close()
		w.contacts.Stop()
		docs.Close()
		w.bus.Close()
	})
	t.Cleanup(w.stop)
	return w
}

// lastLine is where the sound of the last call comes in.
func (w *world) lastLine() netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sound
}

// dial is the network being rung by us.
func (w *world) dial(c *trunk.Call) {
	w.mu.Lock()
	w.dialled = append(w.dialled, c)
	beyond := w.beyond
	w.mu.Unlock()
	if beyond != nil {
		beyond(c)
		return
	}
	_ = c.Refuse(486)
}

func (w *world) onDial(beyond func(*trunk.Call)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beyond = beyond
}

func (w *world) dials() []*trunk.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*trunk.Call{}, w.dialled...)
}

// ring is a call that somebody makes.
type ring struct {
	w     *world
	heard *samples
	tell  chan caller.Event
	over  chan struct{}
	end   context.CancelFunc
	keys  chan byte // pressed as they come

	mu     sync.Mutex
	result caller.Result
	err    error
}

type how func(*caller.Options)

func from(number string) how { return func(o *caller.Options) { o.From = number } }

func pressing(keys ...caller.Key) how {
	return func(o *caller.Options) { o.Keys = append(o.Keys, keys...) }
}

// skip presses the key that ends the greeting.
var skip = pressing(caller.Key{Digit: '#', After: 200 * time.Millisecond})

// rings makes a call from +33639980001 with the tone of a child, which ends with the test at the latest.
func (w *world) rings(opts ...how) *ring {
	w.t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(w.t.Context()))
	r := &ring{w: w, heard: &samples{}, tell: make(chan caller.Event, 64), over: make(chan struct{}), end: end, keys: make(chan byte, 16)}
	o := caller.Options{To: "sip:3018@" + w.trunk.Addr("udp").String(), From: child, Presses: r.keys, Says: audio.NewClip(audio.Sine(childTone, 0.5, 30*time.Second)), Heard: r.heard,
		Tell: func(e caller.Event) {
			select {
			case r.tell <- e:
			default:
			}
		}}
	for _, opt := range opts {
		opt(&o)
	}
	go func() {
		defer close(r.over)
		result, err := caller.Call(ctx, o)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.result, r.err = result, err
	}()
	w.t.Cleanup(func() { end(); <-r.over })
	return r
}

// hangsUp is the caller who hangs up.
func (r *ring) hangsUp() { r.end(); <-r.over }

// ends waits until the call is over, and says who ended it.
func (r *ring) ends() string {
	r.w.t.Helper()
	select {
	case <-r.over:
	case <-time.After(40 * time.Second):
		r.w.t.Fatal("the call is not over")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		r.w.t.Fatal(r.err)
	}
	return r.result.Ended
}

// samples keeps what a telephone hears.
type samples struct {
	mu   sync.Mutex
	all  []int16
	seen int // when fresh was asked last
}

func (s *samples) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i+1 < len(b); i += 2 {
		s.all = append(s.all, int16(uint16(b[i])|uint16(b[i+1])<<8))
	}
	return len(b), nil
}

// last is the last half second.
func (s *samples) last() []int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int16{}, s.all[max(0, len(s.all)-audio.Rate/2):]...)
}

// must fails unless the tones are heard, and no others of the cast.
func must(t *testing.T, who string, last func() []int16, tones ...float64) {
	t.Helper()
	var said string
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		heard := last()
		if said = wrong(heard, tones); said == "" {
			return
		}
	}
	t.Fatalf("%s %s", who, said)
}

// wrong says what in a piece of sound is not as it must be.
func wrong(heard []int16, tones []float64) string {
	if len(heard) < audio.Rate/4 {
		return fmt.Sprintf("hears nothing (%d samples)", len(heard))
	}
	for _, tone := range []float64{childTone, anneTone, bilalTone, helpTone, musicTone} {
		there := audio.Goertzel(heard, tone)
		wanted := false
		for _, w := range tones {
			wanted = wanted || w == tone
		}
		switch {
		case wanted && there < loudEnough:
			return fmt.Sprintf("does not hear %.0f Hz (%.3f)", tone, there)
		case !wanted && there > silentlyBeside(tones):
			return fmt.Sprintf("hears %.0f Hz (%.3f), and must not", tone, there)
		}
	}
	return ""
}

// silentlyBeside is what of a tone may be heard beside others: G.711 makes a little of everything.
func silentlyBeside(tones []float64) float64 {
	if len(tones) == 0 {
		return silently
	}
	return 3 * silently
}

// browser is a counsellor's browser, played by pion: it speaks one tone and keeps what it hears.
type browser struct {
	w     *world
	staff string
	id    string
	pc    *webrtc.PeerConnection
	stop  context.CancelFunc

	mu    sync.Mutex
	heard map[uint32]*samples // by track
}

// opens has a counsellor's page open a line to a node.
func (w *world) opens(staffID string, tone float64) *browser { return w.opensTo(w, staffID, tone) }

func (w *world) opensTo(anchor *world, staffID string, tone float64) *browser {
	t := w.t
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine := &webrtc.MediaEngine{}
	for number, mime := range map[webrtc.PayloadType]string{0: webrtc.MimeTypePCMU, 8: webrtc.MimeTypePCMA} {
		fail(engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 8000}, PayloadType: number}, webrtc.RTPCodecTypeAudio))
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine)).NewPeerConnection(webrtc.Configuration{})
	fail(err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	b := &browser{w: w, staff: staffID, id: store.NewID(), pc: pc, stop: stop, heard: map[uint32]*samples{}}
	voice, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}, "voice", "voice")
	fail(err)
	_, err = pc.AddTransceiverFromTrack(voice, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
	fail(err)
	for range rtc.Tracks - 1 {
		_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		fail(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { b.hear(track) })
	offer, err := pc.CreateOffer(nil)
	fail(err)
	gathered := webrtc.GatheringCompletePromise(pc)
	fail(pc.SetLocalDescription(offer))
	<-gathered
	answer, err := w.phone.Offer(t.Context(), staffID, anchor.phone.Node(), b.id, pc.LocalDescription().SDP)
	fail(err)
	fail(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	go b.speak(ctx, voice, tone)
	t.Cleanup(b.leaves)
	b.w.until("the line to the browser opens", func() bool {
		p, ok := anchor.browsers.Peer(b.id)
		return ok && p.State() == rtc.Connected
	})
	return b
}

func (b *browser) hear(track *webrtc.TrackRemote) {
	into := &samples{}
	b.mu.Lock()
	b.heard[uint32(track.SSRC())] = into
	b.mu.Unlock()
	pcm := make([]int16, 8*audio.Frame)
	raw := make([]byte, 16*audio.Frame)
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		n := audio.Codec(p.PayloadType).Decode(pcm, p.Payload)
		for i, s := range pcm[:n] {
			raw[2*i], raw[2*i+1] = byte(uint16(s)), byte(uint16(s)>>8)
		}
		_, _ = into.Write(raw[:2*n])
	}
}

// last mixes what came on all tracks in the last half second, as the browser's ears do.
func (b *browser) last() []int16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	mixed := make([]int16, audio.Rate/2)
	for _, s := range b.heard {
		for i, v := range s.fresh() {
			mixed[i] = int16(max(-32768, min(32767, int(mixed[i])+int(v))))
		}
	}
	return mixed
}

// fresh is the last half second if something came in it: a track that went quiet says nothing any more.
func (s *samples) fresh() []int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.seen
	s.seen = len(s.all)
	if len(s.all) == before || len(s.all) < audio.Rate/2 {
		return nil
	}
	return append([]int16{}, s.all[len(s.all)-audio.Rate/2:]...)
}

func (b *browser) speak(ctx context.Context, voice *webrtc.TrackLocalStaticSample, tone float64) {
	law := audio.NewClip(audio.Sine(tone, 0.5, time.Second)).Encoded(audio.PCMA)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for at := 0; ; at = (at + audio.Frame) % len(law) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = voice.WriteSample(media.Sample{Data: law[at : at+audio.Frame], Duration: 20 * time.Millisecond})
	}
}

// leaves is the browser's tab that is closed, or its network that is gone.
func (b *browser) leaves() {
	b.stop()
	_ = b.pc.Close()
}

// until waits for something to be so.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
	}
	w.t.Fatalf("it never came to it that %s", what)
}

// works has a counsellor at her desk with the phone on.
func (w *world) works(staffID string) {
	w.t.Helper()
	if err := w.router.SetPresence(w.t.Context(), staffID, routing.Available, ""); err != nil {
		w.t.Fatal(err)
	}
	if err := w.router.SetPhone(w.t.Context(), staffID, true); err != nil {
		w.t.Fatal(err)
	}
}

// ringing waits until something rings at a counsellor's desk, and returns its contact.
func (w *world) ringing(staffID string) string {
	w.t.Helper()
	var id string
	w.until("it rings at her desk", func() bool {
		r, ok, err := w.router.RingingAt(w.t.Context(), staffID)
		if err != nil {
			w.t.Fatal(err)
		}
		id = r.ContactID
		return ok
	})
	return id
}

// answers has a counsellor take what rings and attach her browser.
func (w *world) answers(staffID string, b *browser) string {
	w.t.Helper()
	id := w.ringing(staffID)
	w.ok(w.router.Accept(w.t.Context(), staffID, id))
	w.ok(w.phone.Attach(w.t.Context(), staffID, id, b.id, false))
	return id
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, key string) {
	w.t.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.t.Fatalf("it says %v, want %s", err, key)
	}
}

func (w *world) state(id string) contact.State {
	w.t.Helper()
	ct, err := w.contacts.Get(w.t.Context(), id)
	w.ok(err)
	return ct.State
}

// sees waits until the call of a contact is as so says.
func (w *world) sees(id, what string, so func(phone.View) bool) phone.View {
	w.t.Helper()
	var view phone.View
	w.until(what, func() bool {
		v, ok, err := w.phone.View(w.t.Context(), id)
		w.ok(err)
		view = v
		return ok && so(v)
	})
	return view
}

// outcome is how the only call of the record ended, "" while it goes on.
func (w *world) outcome() string {
	w.t.Helper()
	s, err := store.One(w.t.Context(), w.db, func(r store.Row) (string, error) { var s string; return s, r.Scan(&s) }, `SELECT outcome FROM phone_call ORDER BY began_at DESC, id DESC LIMIT 1`)
	w.ok(err)
	return s
}

// sounds has an outside telephone say a tone.
func sounds(c *trunk.Call, tone float64) {
	line := phone.LineOf(c)
	room, voice := sound.NewRoom(), sound.NewPlayer("voice", audio.PCMA)
	_, _ = room.Add(line), room.Add(voice)
	room.Set(sound.Matrix{line.ID(): {"voice"}})
	voice.Loop(audio.NewClip(audio.Sine(tone, 0.5, time.Second)))
	go func() {
		<-c.Done()
		_ = room.Close()
	}()
}

// takes is a plain telephone at which somebody picks up, and says by the key that she is there.
func takes(c *trunk.Call) {
	if c.Ring() != nil || c.Answer(context.Background()) != nil {
		return
	}
	sounds(c, helpTone)
	time.Sleep(400 * time.Millisecond)
	_ = phone.LineOf(c).SendDigits("1")
}

func staffActor(id string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: id} }

func (w *world) reasons(id string) map[string]bool {
	w.t.Helper()
	ct, err := w.contacts.Get(w.t.Context(), id)
	w.ok(err)
	all, err := w.contacts.Reasons(w.t.Context(), ct)
	w.ok(err)
	codes := map[string]bool{}
	for _, r := range all {
		codes[r.Code] = true
	}
	return codes
}

// files are all that the record has on the disk.
func (w *world) files() []string {
	w.t.Helper()
	if w.db.Engine() != store.SQLite {
		w.t.Skip("only SQLite's files can be read")
	}
	path, err := store.One(w.t.Context(), w.db, func(r store.Row) (string, error) {
		var n int
		var name, file string
		return file, r.Scan(&n, &name, &file)
	}, `PRAGMA database_list`)
	w.ok(err)
	all, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	w.ok(err)
	if len(all) == 0 {
		w.t.Fatal("the record has no file, so nothing is shown")
	}
	return all
}
