package audio

import (
	"math"
	"math/cmplx"
	"time"
)

// The eight frequencies of a telephone's keys (ITU-T Q.23), rows then columns, and the key where they meet.
var (
	keyTones = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}
	keys     = [4][4]byte{{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}}
)

// DTMF is the sound of a key (0 to 9, *, #, A to D) held for d, at the level of a telephone (-9 and -7 dBm0,
// the column louder, since lines dampen it more: ETSI ES 201 235-2 §4.2). Of another key it is nil.
func DTMF(digit byte, d time.Duration) []int16 {
	if digit >= 'a' && digit <= 'd' {
		digit -= 'a' - 'A'
	}
	for row := range keys {
		for column, key := range keys[row] {
			if key == digit {
				samples := Sine(keyTones[row], 0.25, d)
				add(samples, keyTones[4+column], 0.31)
				return samples
			}
		}
	}
	return nil
}

// Detector hears the keys of a telephone in the sound of its line (ITU-T Q.24), for lines that do not send
// them as events (RFC 4733). A key is two tones and nothing else, steady for 40 ms, after a pause of 40 ms
// if it is the same again; a hole of 10 ms does not make two of one. Tones may be 1.8 % off and 8 dB from one
// another.
//
// Speech passes by such pairs of tones too, but not for that long and not without more: what looks like a
// key is laid beside the two tones that it would be, and must be nothing but them (so that a second harmonic,
// by which others tell speech, refuses it too).
//
// The zero Detector is ready. It belongs to one stream and one goroutine.
type Detector struct {
	recent [needed + 1][hop]float64 // the last blocks, the newest last; filled says how much of it is there
	filled int
	last   [8]complex128 // the tones in the block before
	energy float64       // of the block before
	window [8]complex128 // the tones in the two blocks before this one
	run    int           // windows in a row with the same key
	key    byte          // that key
	turn   [2]complex128 // by how much row and column turned from window to window, added up over the run
	said   byte          // the key that is held down
	misses int           // windows in a row without it
	digits [4]byte       // what Write gives back
}

// The sound is looked at in windows of two blocks, which overlap by one: 12.75 ms, for which the eight tones
// are far enough apart, every 6.4 ms.
const (
	hop    = 51
	needed = 4 // windows in a row, 32 ms: 40 ms contain as many wherever they begin
	lifted = 4 // windows in a row without a key, after which it is not held any more

	leastTone = 0.008 // amplitude of either tone: -39 dBm0

	// A window may be a key if, as far as one window tells,
	looseTwist = 11.0 // dB between row and column are no more,
	looseOther = 0.25 // another tone of the same group has no more than this part of the power of the one,
	loosePart  = 0.6  // this part of all energy is in the two tones.

	// And that the windows of a run are one is certain if
	mostOff  = 0.026 // the tones are off by no more (1.8 % must pass, 3.5 % must not),
	mostRest = 0.05  // the energy that is not in them is no more than this part of all.
)

var (
	keyTurn  [8]complex128 // by how much a tone turns in a block
	keyWaves [8]float64    // Goertzel coefficients
)

func init() {
	for i, f := range keyTones {
		w := 2 * math.Pi * f / Rate
		keyTurn[i] = cmplx.Exp(complex(0, w*hop))
		keyWaves[i] = 2 * math.Cos(w)
	}
}

// Write takes in the next samples, as many as come, and gives back the keys that were pressed in them, each
// once, as soon as it is certain. The keys are valid until the next Write.
func (d *Detector) Write(samples []int16) (digits []byte) {
	digits = d.digits[:0]
	for len(samples) > 0 {
		n := min(hop-d.filled, len(samples))
		for i, s := range samples[:n] {
			d.recent[needed][d.filled+i] = float64(s) / full
		}
		samples = samples[n:]
		if d.filled += n; d.filled < hop {
			break
		}
		d.filled = 0
		if key := d.step(); key != 0 {
			digits = append(digits, key)
		}
		copy(d.recent[:needed], d.recent[1:])
	}
	return digits
}

// step looks at the window that the new block ends, and returns a key that has become certain.
func (d *Detector) step() byte {
	var now, window [8]complex128
	energy := 0.0
	block := &d.recent[needed]
	for _, x := range block {
		energy += x * x
	}
	if energy+d.energy > leastTone*leastTone*hop {
		for i := range now {
			now[i] = toneOf(block, i)
			window[i] = d.last[i] + now[i]*cmplx.Conj(keyTurn[i])
		}
	}
	row, column, ok := pairIn(&window, energy+d.energy)
	key := byte(0)
	if ok {
		key = keys[row][column-4]
	}
	switch {
	case key == 0:
		d.run = 0
	case key == d.key && d.run > 0:
		d.run++
		for i, at := range [2]int{row, column} {
			d.turn[i] += window[at] * cmplx.Conj(d.window[at]) * cmplx.Conj(keyTurn[at])
		}
	default:
		d.run, d.turn = 1, [2]complex128{}
	}
	d.key = key
	d.last, d.window, d.energy = now, window, energy
	if key != 0 && key == d.said {
		d.misses = 0
		return 0
	}
	if d.misses++; d.misses >= lifted {
		d.said = 0
	}
	if d.run < needed || !d.certain(row, column) {
		return 0
	}
	d.said, d.misses = key, 0
	return key
}

// toneOf is the part of a block that is the tone i, its phase that of the block's first sample (a Goertzel
// filter, turned back over the block). A tone of amplitude a has a size of a·51/2.
func toneOf(block *[hop]float64, i int) complex128 {
	c := keyWaves[i]
	var s1, s2 float64
	for _, x := range block {
		s1, s2 = x+c*s1-s2, s1
	}
	w := 2 * math.Pi * keyTones[i] / Rate
	sin, cos := math.Sincos(w)
	// s1 - e^(-jw)·s2 is the sum of x[k]·e^(jw(50-k)); conjugated and turned, that of x[k]·e^(-jwk).
	return complex(s1-cos*s2, sin*s2) * cmplx.Conj(keyTurn[i]) * complex(cos, sin)
}

// pairIn says which row and column (4 to 7) a window may hold.
func pairIn(window *[8]complex128, energy float64) (row, column int, ok bool) {
	var power [8]float64 // squares of amplitudes
	for i, w := range window {
		power[i] = (real(w)*real(w) + imag(w)*imag(w)) / (hop * hop)
	}
	row, column = 0, 4
	for i := range 4 {
		if power[i] > power[row] {
			row = i
		}
		if power[4+i] > power[column] {
			column = 4 + i
		}
	}
	r, c := power[row], power[column]
	if min(r, c) < leastTone*leastTone || max(r, c) > min(r, c)*math.Pow(10, looseTwist/10) {
		return 0, 0, false
	}
	for i, p := range power {
		if i != row && i != column && p > looseOther*power[[2]int{row, column}[i/4]] {
			return 0, 0, false
		}
	}
	// A tone of amplitude a has the energy a²/2 in each sample; there are 2·hop.
	return row, column, (r+c)*hop >= loosePart*energy
}

// certain lays the two tones beside all of the last windows. Their frequencies are known from how they
// turned from window to window.
func (d *Detector) certain(row, column int) bool {
	var all [(needed + 1) * hop]float64
	for i := range d.recent {
		copy(all[i*hop:], d.recent[i][:])
	}
	tones := [2]float64{keyTones[row], keyTones[column]}
	for i := range tones {
		tones[i] += cmplx.Phase(d.turn[i]) * Rate / (2 * math.Pi * hop)
	}
	if math.Abs(tones[0]-keyTones[row]) > mostOff*keyTones[row] || math.Abs(tones[1]-keyTones[column]) > mostOff*keyTones[column] {
		return false
	}
	return besideTones(all[:], tones) <= mostRest
}

// besideTones is the part of the energy of samples that two tones, whatever their amplitudes and phases, leave
// over.
func besideTones(samples []float64, freqs [2]float64) float64 {
	// Least squares over the cosine and the sine of each.
	var m [4][5]float64
	var step, wave [2]complex128
	for i, f := range freqs {
		step[i], wave[i] = cmplx.Exp(complex(0, 2*math.Pi*f/Rate)), 1
	}
	energy := 0.0
	for _, x := range samples {
		basis := [4]float64{real(wave[0]), imag(wave[0]), real(wave[1]), imag(wave[1])}
		for i, b := range basis {
			for j := i; j < 4; j++ {
				m[i][j] += b * basis[j]
			}
			m[i][4] += b * x
		}
		energy += x * x
		wave[0] *= step[0]
		wave[1] *= step[1]
	}
	var right [4]float64
	for i := range m {
		right[i] = m[i][4]
		for j := range i {
			m[i][j] = m[j][i]
		}
	}
	// Gauss, without looking for a pivot: the matrix is positive and the tones lie far apart.
	for i := range m {
		for k := i + 1; k < 4; k++ {
			part := m[k][i] / m[i][i]
			for j := i; j < 5; j++ {
				m[k][j] -= part * m[i][j]
			}
		}
	}
	var x [4]float64
	for i := 3; i >= 0; i-- {
		x[i] = m[i][4]
		for j := i + 1; j < 4; j++ {
			x[i] -= m[i][j] * x[j]
		}
		x[i] /= m[i][i]
	}
	explained := 0.0
	for i := range x {
		explained += x[i] * right[i]
	}
	return 1 - explained/energy
}
