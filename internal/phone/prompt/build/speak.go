package main

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/prompt"
)

// voice is how espeak-ng speaks: a voice of its own, pitch (0 to 99), words a minute, and tens of
// milliseconds between words.
type voice struct {
	name              string
	pitch, speed, gap int
	level             float64 // dB beside the loudness of the announcements
}

// Slower than espeak's own 175, since it is heard through a telephone, and by somebody who is upset.
var voices = map[string]voice{
	prompt.French:  {name: "fr", pitch: 45, speed: 145, gap: 1},
	prompt.English: {name: "en-gb", pitch: 45, speed: 145, gap: 1},
}

// callers are those who call in the demonstration, each with a voice of her own: the young higher and quicker.
var callers = map[string]voice{
	"demo_caller_1": {name: "fr+f2", pitch: 88, speed: 155},
	"demo_caller_2": {name: "fr+m3", pitch: 68, speed: 165},
	"demo_caller_3": {name: "fr+f3", pitch: 45, speed: 160},
	"demo_caller_4": {name: "fr+m1", pitch: 35, speed: 155},
	"demo_caller_5": {name: "fr+f1", pitch: 50, speed: 165},
	"demo_caller_6": {name: "fr+whisper", pitch: 50, speed: 130, level: -12},
	"demo_caller_7": {name: "fr+f5", pitch: 65, speed: 170},
	"demo_caller_8": {name: "fr+f4", pitch: 99, speed: 150},
}

const (
	// margin is the silence left before and after an announcement.
	margin = 150 * time.Millisecond
	// wordMargin is that of a word, which another one follows in a sentence.
	wordMargin = 30 * time.Millisecond
	// quiet is where espeak's silence ends and a word begins: -50 dB.
	quiet = 104
)

// announcements are all that is to be spoken.
func announcements(espeak string) []piece {
	var all []piece
	for _, code := range prompt.Codes() {
		for _, lang := range prompt.Languages {
			if !prompt.Spoken(code, lang) {
				continue
			}
			v, calls := callers[code]
			if !calls {
				v = voices[lang]
			}
			script, ends := prompt.Script(code, lang), margin
			if prompt.IsWord(code) {
				ends = wordMargin
			}
			all = append(all, piece{
				name: lang + "/" + code,
				from: fmt.Sprint(v, script, ends),
				make: func() ([]int16, error) { return speak(espeak, v, script, ends, calls) },
			})
		}
	}
	return all
}

// speak has espeak say a script. The silence before the first and after the last word is cut to the margin,
// unless it is a caller's, whose silences are part of what she says.
func speak(espeak string, v voice, script []prompt.Part, ends time.Duration, keepsSilence bool) ([]int16, error) {
	var samples []int16
	for _, part := range script {
		if part.Words != "" {
			words, err := say(espeak, v, part.Words)
			if err != nil {
				return nil, err
			}
			samples = append(samples, words...)
		}
		samples = append(samples, make([]int16, int(part.Pause.Seconds()*audio.Rate))...)
	}
	samples = audio.NewClip(highPassed(samples)).Normalised().Samples()
	if v.level != 0 {
		samples = slices.Clone(samples)
		for i, s := range samples {
			samples[i] = int16(float64(s) * math.Pow(10, v.level/20))
		}
	}
	if !keepsSilence {
		samples = trimmed(samples)
		cut := int((margin - ends).Seconds() * audio.Rate)
		samples = samples[cut : len(samples)-cut]
	}
	return samples, nil
}

// say is words without the silence around them.
func say(espeak string, v voice, words string) ([]int16, error) {
	cmd := exec.Command(espeak, "-v", v.name, "-p", fmt.Sprint(v.pitch), "-s", fmt.Sprint(v.speed),
		"-g", fmt.Sprint(v.gap), "-b", "1", "--stdout")
	cmd.Stdin = strings.NewReader(words + "\n")
	var wav, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &wav, &trouble
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("espeak-ng: %w: %s", err, strings.TrimSpace(trouble.String()))
	}
	clip, err := audio.ReadWAV(&wav, time.Minute)
	if err != nil {
		return nil, err
	}
	return trimmed(clip.Samples()), nil
}

// trimmed is samples with no more than the margin of silence at either end, and no less.
func trimmed(samples []int16) []int16 {
	loud := func(s int16) bool { return s > quiet || s < -quiet }
	first := slices.IndexFunc(samples, loud)
	if first < 0 {
		return nil
	}
	last := len(samples) - 1
	for !loud(samples[last]) {
		last--
	}
	space := int(margin.Seconds() * audio.Rate)
	before, after := samples[max(0, first-space):first], samples[last+1:min(last+1+space, len(samples))]
	return slices.Concat(make([]int16, space-len(before)), before, samples[first:last+1], after, make([]int16, space-len(after)))
}

// highPassed takes away what lies under a telephone's band and would only use up loudness: a Butterworth
// filter of second order at 200 Hz (Audio EQ Cookbook, R. Bristow-Johnson).
func highPassed(samples []int16) []int16 {
	w := 2 * math.Pi * 200 / audio.Rate
	cos, alpha := math.Cos(w), math.Sin(w)/math.Sqrt2
	a0 := 1 + alpha
	b0, b1 := (1+cos)/2/a0, -(1+cos)/a0
	a1, a2 := -2*cos/a0, (1-alpha)/a0
	out := make([]int16, len(samples))
	var x1, x2, y1, y2 float64
	for i, s := range samples {
		x := float64(s)
		y := b0*x + b1*x1 + b0*x2 - a1*y1 - a2*y2
		x1, x2, y1, y2 = x, x1, y, y1
		out[i] = int16(max(-32768, min(32767, math.Round(y))))
	}
	return out
}
