package main

import (
	"fmt"
	"math"
	"strings"

	"vigie/internal/phone/audio"
)

// The music is our own: four-part chords that swell into one another, and a plucked tune over them, slow and
// without a beat to wait for. A line is a bar of four beats: the notes of the chord, then what is plucked on
// each half beat ("-" is nothing). It lies between D4 and B6, which a telephone carries, and its last bar
// leads into its first.
const score = `
D4 A4 D5 F#5 | A5 - - F#5 - - E5 -
D4 A4 C#5 F#5 | F#5 - - - A5 - B5 -
B4 D5 F#5 A5 | F#5 - - D5 - - - -
B4 D5 E5 A5 | - - E5 - F#5 - A5 -
G4 B4 D5 F#5 | B5 - - A5 - - F#5 -
G4 B4 D5 A5 | D5 - - - E5 - F#5 -
E4 A4 D5 E5 | E5 - - - - - A5 -
E4 A4 C#5 G5 | - - C#6 - B5 - A5 -
F#4 A4 D5 E5 | D6 - - A5 - - F#5 -
F#4 A4 C#5 E5 | E5 - - - F#5 - A5 -
G4 B4 D5 E5 | B5 - - - G5 - - -
G4 B4 C#5 E5 | - - E5 - G5 - B5 -
E4 G4 B4 F#5 | A5 - - F#5 - - D5 -
E4 G4 B4 D5 | B4 - - - D5 - E5 -
A4 D5 E5 G5 | E5 - - - - - - -
A4 C#5 E5 G5 | - - A5 - B5 - C#6 -
B4 D5 F#5 A5 | D6 - - - A5 - F#5 -
G4 B4 D5 F#5 | B5 - - A5 - - D5 -
E4 G4 D5 F#5 | E5 - - - F#5 - - -
E4 A4 D5 E5 | - - E5 - - - A4 -
`

const (
	halfBeat = 60 * audio.Rate / 66 / 2 // samples, at 66 beats a minute
	bar      = 8 * halfBeat
	// musicLevel is how loud it is beside the announcements: whoever waits may want to say something to
	// somebody in the room.
	musicLevel = -7.0 // dB
	highest    = 3300 // Hz: harmonics beyond are left out
)

// play is the music. It is drawn on a circle: what sounds on over the end sounds on at the beginning.
func play() ([]int16, error) {
	bars := strings.Split(strings.TrimSpace(score), "\n")
	circle := make([]float64, len(bars)*bar)
	plucked := make([]float64, len(circle))
	for i, line := range bars {
		chord, tune, ok := strings.Cut(line, "|")
		if !ok {
			return nil, fmt.Errorf("the score, bar %d: no tune", i+1)
		}
		for voice, name := range strings.Fields(chord) {
			freq, err := pitch(name)
			if err != nil {
				return nil, fmt.Errorf("the score, bar %d: %w", i+1, err)
			}
			swell(circle, i*bar, freq, 0.5/float64(3+voice))
		}
		steps := strings.Fields(tune)
		if len(steps) != 8 {
			return nil, fmt.Errorf("the score, bar %d: %d half beats", i+1, len(steps))
		}
		for step, name := range steps {
			if name == "-" {
				continue
			}
			freq, err := pitch(name)
			if err != nil {
				return nil, fmt.Errorf("the score, bar %d: %w", i+1, err)
			}
			// Played by hand: on the beat a little stronger, never quite in time.
			strength := 0.34 - 0.08*float64(step%2) - 0.05*float64((i*5+step*3)%4)/4
			pluck(plucked, i*bar+step*halfBeat+(i*37+step*101)%90, freq, strength)
		}
	}
	// The tune is answered twice from the walls of the room.
	for i := range circle {
		circle[i] += plucked[i]
		circle[i] += 0.28 * plucked[(i-3*halfBeat/2+len(plucked))%len(plucked)]
		circle[i] += 0.14 * plucked[(i-3*halfBeat+len(plucked))%len(plucked)]
	}
	samples := make([]int16, len(circle))
	for i, v := range circle {
		samples[i] = int16(max(-1, min(1, v/4)) * 32767)
	}
	samples = audio.NewClip(samples).Normalised().Samples()
	out := make([]int16, len(samples))
	for i, s := range samples {
		out[i] = int16(math.Round(float64(s) * math.Pow(10, musicLevel/20)))
	}
	return out, nil
}

// swell lays a note of a chord over the circle: it comes in a second, holds for its bar and goes in two,
// while the next comes. A second, quieter string a little beside the first makes it breathe.
func swell(circle []float64, at int, freq, amplitude float64) {
	const attack, release = audio.Rate, 2 * audio.Rate
	length := bar + release
	for _, string := range []struct{ freq, amplitude float64 }{{freq * 0.9992, 0.75 * amplitude}, {freq * 1.0012, 0.25 * amplitude}} {
		for h, part := range []float64{1, 0.28, 0.14, 0.05} {
			f := string.freq * float64(h+1)
			if f > highest {
				break
			}
			step := 2 * math.Pi * f / audio.Rate
			for i := range length {
				gain := 1.0
				if i < attack {
					gain = 0.5 - 0.5*math.Cos(math.Pi*float64(i)/attack)
				}
				if left := length - i; left < release {
					gain *= 0.5 - 0.5*math.Cos(math.Pi*float64(left)/release)
				}
				circle[(at+i)%len(circle)] += string.amplitude * part * gain * math.Sin(step*float64(i))
			}
		}
	}
}

// pluck lays a plucked note over the circle: it is there in 6 ms and dies away, its high harmonics first.
func pluck(circle []float64, at int, freq, amplitude float64) {
	const attack = audio.Rate * 6 / 1000
	for h := 1.0; h*freq < highest && h < 7; h++ {
		step := 2 * math.Pi * h * freq / audio.Rate
		dies := 0.9 / h // seconds to a third
		for i := range int(6 * dies * audio.Rate) {
			gain := math.Exp(-float64(i) / (dies * audio.Rate))
			if i < attack {
				gain *= float64(i) / attack
			}
			circle[(at+i)%len(circle)] += amplitude / math.Pow(h, 1.4) * gain * math.Sin(step*float64(i))
		}
	}
}

// pitch is the frequency of a note, "F#5", tuned to A4 = 440 Hz.
func pitch(name string) (float64, error) {
	if len(name) < 2 {
		return 0, fmt.Errorf("%q is not a note", name)
	}
	semitone := strings.Index("C D EF G A B", name[:1])
	octave := int(name[len(name)-1] - '0')
	if semitone < 0 || octave < 3 || octave > 6 {
		return 0, fmt.Errorf("%q is not a note", name)
	}
	if name[1] == '#' {
		semitone++
	}
	return 440 * math.Pow(2, float64(12*(octave-4)+semitone-9)/12), nil
}
