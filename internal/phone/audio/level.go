package audio

import "math"

// Talks tells whether somebody talks in a stream of sound: the energy of each frame against that of the
// background, which it learns, with a hangover over the gaps between words. A steady noise or tone counts as
// background after a second and a half.
//
// The zero Talks is ready. It belongs to one stream and one goroutine, and does not allocate.
type Talks struct {
	floor, newer float64 // lowest power of the last one to two spells, and of the current one; 0: not known
	spell        int     // samples of the current spell
	hang         int     // samples for which talk still counts
}

// Powers are fractions of full scale squared; spans are in samples.
const (
	spell     = 3 * Rate / 4 // the background is the lowest of the last 0.75 to 1.5 s
	hangover  = Rate / 4     // 250 ms
	leastTalk = 1e-5         // -50 dB: quieter is nobody
	overFloor = 8            // 9 dB over the background
)

// Frame takes in a frame and says whether somebody talks in it or has just talked.
func (t *Talks) Frame(frame []int16) bool {
	now, hangs := t.hears(frame)
	return now || hangs
}

// hears tells talk in this very frame from the hangover.
func (t *Talks) hears(frame []int16) (now, hangs bool) {
	level := RMS(frame)
	power := max(level*level, 1e-9)
	if t.newer == 0 || power < t.newer {
		t.newer = power
	}
	floor := t.newer
	if t.floor > 0 {
		floor = min(floor, t.floor)
	}
	if t.spell += len(frame); t.spell >= spell {
		t.floor, t.newer, t.spell = t.newer, power, 0
	}
	if power > leastTalk && power > overFloor*floor {
		t.hang = hangover
		return true, false
	}
	hangs = t.hang > 0
	t.hang = max(t.hang-len(frame), 0)
	return false, hangs
}

// Leveller brings a voice slowly to the level at which everybody is heard well, -19 dB of full scale: a quiet
// one up by 12 dB at most, a loud one down. It learns only while somebody talks; in pauses its gain goes back
// to one, so that a background is not raised. Peaks are bent as by [Mix] and never cut off.
//
// The zero Leveller is ready. It belongs to one stream and one goroutine, and does not allocate.
type Leveller struct {
	talks Talks
	power float64 // of the voice, as learned; 0: not known
	heard int     // samples of talk learned from, up to forgets
	gain  float64 // now; 0: 1
}

const (
	target   = -19.0 // dB of full scale, RMS of talk
	mostUp   = 12.0  // dB
	mostDown = 12.0  // dB
	// How fast the gain moves, in dB per frame of 20 ms: towards the voice when somebody talks, down when it
	// is too loud, back to one in a pause.
	risesBy  = 0.5
	sinksBy  = 1.0
	restsBy  = 0.25
	forgets  = 3 * Rate // samples: how long a voice is remembered while it goes on
	firstFew = Rate / 10
)

// Frame levels a frame in place.
func (l *Leveller) Frame(frame []int16) {
	if len(frame) == 0 {
		return
	}
	now, hangs := l.talks.hears(frame)
	if now {
		l.learn(frame)
	}
	wanted := 0.0
	if (now || hangs) && l.heard >= firstFew {
		wanted = min(max(target-10*math.Log10(l.power), -mostDown), mostUp)
	}
	if l.gain == 0 {
		l.gain = 1
	}
	from := l.gain
	db := decibels(from)
	step := float64(len(frame)) / Frame
	switch {
	case wanted < db && (now || hangs):
		db = max(wanted, db-sinksBy*step)
	case wanted > db && (now || hangs):
		db = min(wanted, db+risesBy*step)
	case wanted < db:
		db = max(wanted, db-restsBy*step)
	default:
		db = min(wanted, db+restsBy*step)
	}
	l.gain = fromDecibels(db)
	if from == 1 && l.gain == 1 {
		return
	}
	// In a straight line from the last gain to this one, and no corner between frames.
	slope := (l.gain - from) / float64(len(frame))
	for i, s := range frame {
		v := int32(float64(s) * (from + slope*float64(i+1)))
		frame[i] = limit(v, knee)
	}
}

// learn takes the power of a frame of talk into that of the voice: the mean of all so far at first, then of
// the last seconds.
func (l *Leveller) learn(frame []int16) {
	level := RMS(frame)
	l.heard = min(l.heard+len(frame), forgets)
	part := float64(len(frame)) / float64(l.heard)
	l.power += (level*level - l.power) * min(part, 1)
}
