package media_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

// The parties of every call of these tests, each with a tone of its own. No two are harmonics of each other, and
// all are 20 Hz apart, or a multiple of it.
var cast = map[media.Part]float64{
	media.Caller: 440, media.Counsellor: 900, media.Colleague: 1100, media.Outside: 1360,
	media.Listener: 1580, media.Whisperer: 1820, media.Joined: 2080, media.Music: 620,
}

// everybody is the cast as parties of one call.
func everybody() []media.Party {
	var all []media.Party
	for part := range cast {
		all = append(all, media.Party{ID: string(part), Part: part})
	}
	all = append(all, media.Party{ID: "recording", Part: media.Recording})
	slices.SortFunc(all, func(a, b media.Party) int { return int(cast[a.Part]) - int(cast[b.Part]) })
	return all
}

// Who hears whom, whole: in each mode with everybody there, each row is a listener and all she hears. What is
// not in a row must not be heard.
func TestPlanSaysWhoHearsWhom(t *testing.T) {
	want := map[media.Mode]map[media.Part][]media.Part{
		media.Waiting: {media.Caller: {media.Music}},
		media.Talking: {
			media.Caller:     {media.Counsellor, media.Colleague, media.Outside, media.Joined},
			media.Counsellor: {media.Caller, media.Colleague, media.Outside, media.Whisperer, media.Joined},
			media.Colleague:  {media.Caller, media.Counsellor, media.Outside, media.Joined},
			media.Outside:    {media.Caller, media.Counsellor, media.Colleague, media.Joined},
			media.Listener:   {media.Caller, media.Counsellor, media.Colleague, media.Outside, media.Joined},
			media.Whisperer:  {media.Caller, media.Counsellor, media.Colleague, media.Outside, media.Joined},
			media.Joined:     {media.Caller, media.Counsellor, media.Colleague, media.Outside},
			media.Recording:  {media.Caller, media.Counsellor, media.Colleague, media.Outside, media.Joined},
		},
		media.Holding: {
			media.Caller:     {media.Music},
			media.Counsellor: {media.Whisperer},
			media.Whisperer:  {media.Counsellor},
		},
		media.Consulting: {
			media.Caller:     {media.Music},
			media.Counsellor: {media.Colleague, media.Outside, media.Whisperer, media.Joined},
			media.Colleague:  {media.Counsellor, media.Outside, media.Joined},
			media.Outside:    {media.Counsellor, media.Colleague, media.Joined},
			media.Listener:   {media.Counsellor, media.Colleague, media.Outside, media.Joined},
			media.Whisperer:  {media.Counsellor, media.Colleague, media.Outside, media.Joined},
			media.Joined:     {media.Counsellor, media.Colleague, media.Outside},
		},
		"unheard of": {},
	}
	for mode, rows := range want {
		got := media.Plan(mode, everybody())
		for _, listener := range everybody() {
			var hears []media.Part
			for _, id := range got[listener.ID] {
				hears = append(hears, media.Part(id))
			}
			expected := slices.Clone(rows[listener.Part])
			slices.Sort(hears)
			slices.Sort(expected)
			if !slices.Equal(hears, expected) {
				t.Errorf("%s: the %s hears %v, not %v", mode, listener.Part, hears, expected)
			}
		}
	}
}

// Two telephones from outside talk with one another; two supervisors who listen do not.
func TestPlanOfSeveralOfOnePart(t *testing.T) {
	m := media.Plan(media.Talking, []media.Party{{"119", media.Outside}, {"mother", media.Outside}, {"anna", media.Listener}, {"paul", media.Listener}})
	if !slices.Equal(m["119"], []string{"mother"}) || !slices.Equal(m["anna"], []string{"119", "mother"}) {
		t.Errorf("they hear %v", m)
	}
}

// A leg is in a room once, and in no room that is over.
func TestRoomTakesALegOnce(t *testing.T) {
	room := media.NewRoom()
	probe := mediatest.NewProbe("caller", audio.PCMA, 0)
	if err := room.Add(probe); err != nil {
		t.Fatal(err)
	}
	if err := room.Add(probe); !fault.Is(err, fault.Conflict) {
		t.Errorf("the second time: %v", err)
	}
	room.Remove("nobody")
	_ = room.Close()
	_ = room.Close()
	if err := room.Add(probe); !fault.Is(err, fault.Gone) {
		t.Errorf("after the end: %v", err)
	}
}

// spy is a leg that speaks when it is told to and reports whom it hears at once.
type spy struct {
	id    string
	say   func(*media.Packet)
	heard func(speaker string)
}

func (s *spy) ID() string                           { return s.id }
func (s *spy) Speaks(out func(*media.Packet))       { s.say = out }
func (s *spy) Hears([]string)                       {}
func (s *spy) Hear(speaker string, _ *media.Packet) { s.heard(speaker) }
func (s *spy) Quality() media.Quality               { return media.Quality{} }
func (s *spy) Close() error                         { return nil }

// While the setting changes back and forth, each packet goes to all listeners of one setting and to none of
// the other.
func TestSettingChangesAsAWhole(t *testing.T) {
	room := media.NewRoom()
	var got [4]atomic.Int64
	var ears []*spy
	for i := range 4 {
		s := &spy{id: fmt.Sprint("ear", i), heard: func(string) { got[i].Add(1) }}
		ears = append(ears, s)
		if err := room.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	speaker := &spy{id: "speaker"}
	if err := room.Add(speaker); err != nil {
		t.Fatal(err)
	}
	first := media.Matrix{"ear0": {"speaker"}, "ear1": {"speaker"}}
	second := media.Matrix{"ear2": {"speaker"}, "ear3": {"speaker"}}
	room.Set(first)
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				room.Set([]media.Matrix{first, second}[i%2])
			}
		}
	}()
	defer close(stop)
	for range 20000 {
		var before, after [4]int64
		for i := range got {
			before[i] = got[i].Load()
		}
		speaker.say(&media.Packet{Codec: audio.PCMA, Payload: []byte{1}})
		for i := range got {
			after[i] = got[i].Load() - before[i]
		}
		if after != [4]int64{1, 1, 0, 0} && after != [4]int64{0, 0, 1, 1} {
			t.Fatalf("one packet was heard by %v", after)
		}
	}
}

// Handing a packet to two listeners costs no memory.
func TestRoomHandsOnWithoutAllocating(t *testing.T) {
	room := media.NewRoom()
	speaker := &spy{id: "speaker"}
	for _, leg := range []*spy{speaker, {id: "a", heard: func(string) {}}, {id: "b", heard: func(string) {}}} {
		if err := room.Add(leg); err != nil {
			t.Fatal(err)
		}
	}
	room.Set(media.Matrix{"a": {"speaker"}, "b": {"speaker"}})
	p := &media.Packet{Codec: audio.PCMA, Payload: make([]byte, 160)}
	if n := testing.AllocsPerRun(1000, func() { speaker.say(p) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// call is a room with a telephone for each of some parts.
type call struct {
	t       *testing.T
	room    *media.Room
	parties []media.Party
	phones  map[media.Part]*mediatest.Phone
	lines   map[media.Part]*media.Line
	player  *media.Player
}

// ring sets up a call of telephones, and music. A part with a codec of its own has it from codecs, and else
// A-law.
func ring(t *testing.T, codecs map[media.Part]audio.Codec, parts ...media.Part) *call {
	t.Helper()
	c := &call{t: t, room: media.NewRoom(), phones: map[media.Part]*mediatest.Phone{}, lines: map[media.Part]*media.Line{}}
	t.Cleanup(func() { _ = c.room.Close() })
	for _, part := range parts {
		codec, ok := codecs[part]
		if !ok {
			codec = audio.PCMA
		}
		line, phone := connect(t, string(part), codec, cast[part])
		c.lines[part], c.phones[part] = line, phone
		c.add(line, part)
	}
	c.player = media.NewPlayer("music", audio.PCMA)
	c.player.Loop(audio.NewClip(audio.Sine(cast[media.Music], mediatest.Loudness, time.Second)))
	c.add(c.player, media.Music)
	return c
}

func (c *call) add(leg media.Leg, part media.Part) {
	c.t.Helper()
	c.parties = append(c.parties, media.Party{ID: leg.ID(), Part: part})
	if err := c.room.Add(leg); err != nil {
		c.t.Fatal(err)
	}
}

func (c *call) mode(m media.Mode) { c.room.Set(media.Plan(m, c.parties)) }

// connect is a line with a telephone at its other end.
func connect(t testing.TB, id string, codec audio.Codec, freq float64, change ...func(*media.Remote)) (*media.Line, *mediatest.Phone) {
	t.Helper()
	line, err := media.Open(media.Options{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = line.Close() })
	phone := mediatest.Dial(t, codec, freq)
	remote := terms(phone, codec)
	for _, f := range change {
		f(&remote)
	}
	if err := line.Configure(remote); err != nil {
		t.Fatal(err)
	}
	phone.Talk(line.Local())
	return line, phone
}

// terms are what a telephone and its line agree on.
func terms(phone *mediatest.Phone, codec audio.Codec) media.Remote {
	if codec == audio.Opus {
		return media.Remote{
			RTP: phone.Addr(), Codec: audio.PCMA, PayloadType: uint8(audio.PCMA), Opus: uint8(audio.Opus), Events: 101, AcceptsEvents: 101,
			Accepts: map[uint8]audio.Codec{uint8(audio.PCMA): audio.PCMA, uint8(audio.Opus): audio.Opus},
		}
	}
	return media.Remote{
		RTP: phone.Addr(), Codec: codec, PayloadType: uint8(codec),
		Accepts: map[uint8]audio.Codec{uint8(codec): codec}, Events: 101, AcceptsEvents: 101,
	}
}

// Thresholds of the tones: what is heard is within a decibel of the loudness at which it is said;
// what is not heard is less than the distortion that G.711 itself makes of the others.
const (
	loud   = mediatest.Loudness / 1.122
	louder = mediatest.Loudness * 1.122
	quiet  = 0.005
)

// tones checks that of all the cast's tones those of some are in a sound, and no other.
func tones(t *testing.T, who string, sound []int16, want ...media.Part) {
	t.Helper()
	if len(want) > 0 && len(sound) < audio.Rate/4 {
		t.Errorf("%s heard %d samples only", who, len(sound))
		return
	}
	for part, freq := range cast {
		must := slices.Contains(want, part)
		level := audio.Goertzel(sound, freq)
		if must {
			level = usual(sound, freq)
		}
		switch {
		case must && (level < loud || level > louder):
			t.Errorf("%s hears the %s at %.3f, not at %.3f", who, part, level, mediatest.Loudness)
		case !must && level > quiet:
			t.Errorf("%s hears the %s at %.3f and must not", who, part, level)
		}
	}
}

// usual is how loud a tone is in most pieces of 50 ms, in which the tones of the cast are told apart: where a busy
// machine was late the tone is bent, and in the whole of it would seem quieter than anybody hears it.
func usual(sound []int16, freq float64) float64 {
	const piece = audio.Rate / 20
	var levels []float64
	for ; len(sound) >= piece; sound = sound[piece:] {
		levels = append(levels, audio.Goertzel(sound[:piece], freq))
	}
	slices.Sort(levels)
	return levels[len(levels)/2]
}

// settle lets what was under way arrive, and window is how long is listened then: whole periods of every tone.
const (
	settleTime = 300 * time.Millisecond
	window     = 500 * time.Millisecond
)

// Two telephones hear each other and not themselves; while the caller waits or is on hold she hears music, and
// nobody hears her.
func TestTwoTelephonesHearEachOther(t *testing.T) {
	for name, codecs := range map[string]map[media.Part]audio.Codec{
		"passed through": nil,
		"transcoded":     {media.Caller: audio.PCMU},
		"Opus to A-law":  {media.Caller: audio.Opus},
		"Opus to Opus":   {media.Caller: audio.Opus, media.Counsellor: audio.Opus},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := ring(t, codecs, media.Caller, media.Counsellor)
			c.expect(media.Waiting, hearings{media.Caller: {media.Music}})
			c.expect(media.Talking, hearings{media.Caller: {media.Counsellor}, media.Counsellor: {media.Caller}})
			c.expect(media.Holding, hearings{media.Caller: {media.Music}})
			c.expect(media.Talking, hearings{media.Caller: {media.Counsellor}, media.Counsellor: {media.Caller}})
		})
	}
}

type hearings map[media.Part][]media.Part

// expect sets the mode, and checks what everybody hears then.
func (c *call) expect(mode media.Mode, want hearings) {
	c.t.Helper()
	c.mode(mode)
	time.Sleep(settleTime)
	for _, phone := range c.phones {
		phone.Forget()
	}
	time.Sleep(window + 40*time.Millisecond)
	for part, phone := range c.phones {
		sound := phone.Sound()
		tones(c.t, fmt.Sprintf("%s: the %s", mode, part), first(sound), want[part]...)
	}
}

func units(d time.Duration) int { return int(d * audio.Rate / time.Second) }

// first is the beginning of a sound, as long as the window; less on a machine that was too busy to say it all.
func first(sound []int16) []int16 { return sound[:min(len(sound), units(window))] }
