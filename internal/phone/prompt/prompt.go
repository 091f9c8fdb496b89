// Package prompt holds what the telephone says of itself until somebody records something better: the
// announcements, in French and in English, the callers of the demonstration, and music to wait with.
//
// The announcements are texts (prompts.fr.toml, prompts.en.toml). When the program is built, ./build has
// espeak-ng speak them and plays our own music, and leaves both as A-law in built/, which is embedded here
// and never committed. With an empty built/ the program still compiles; a call then hears tones in their
// place, and the log says so once.
package prompt

import (
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"

	"vigie/internal/phone/audio"
)

//go:embed prompts.*.toml words.*.toml
var texts embed.FS

//go:embed all:built
var built embed.FS

// The languages that are spoken. French is complete by test, and is what is said where English is missing.
const (
	French  = "fr"
	English = "en"
)

// Languages lists them, the fallback first.
var Languages = []string{French, English}

// Ending is that of a built file, music's name that of the music's.
const (
	Ending = ".alaw"
	music  = "music"
)

// Default is our own announcement for code ("greeting", "place_3"), in lang or else in French. false: there
// is no such announcement, or the program was built without them; the clip is a short tone then, so that
// whoever plays it is not silent.
func Default(code, lang string) (*audio.Clip, bool) {
	for _, l := range []string{lang, French} {
		if clip := clips()[l+"/"+code]; clip != nil {
			return clip(), true
		}
	}
	return audio.Beep(), false
}

// Music is a minute and more to wait with, which loops without a seam; a soft tone now and then, if the
// program was built without it.
func Music() *audio.Clip {
	if clip := clips()[music]; clip != nil {
		return clip()
	}
	return signs()
}

// Built says whether the program carries its announcements and its music.
func Built() bool { return len(clips()) > len(said()[French]) }

// Codes are the codes of all announcements, sorted.
func Codes() []string {
	codes := make([]string, 0, len(said()[French]))
	for code := range said()[French] {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// Text is what the announcement says, in lang or else in French; "" if there is no such announcement.
func Text(code, lang string) string {
	words := make([]string, 0, 4)
	for _, part := range Script(code, lang) {
		if part.Words != "" {
			words = append(words, part.Words)
		}
	}
	return strings.Join(words, " ")
}

// Part is a piece of an announcement: words, then a silence.
type Part struct {
	Words string
	Pause time.Duration
}

// Script is the announcement as it is to be spoken, in lang or else in French.
func Script(code, lang string) []Part {
	text, ok := said()[lang][code]
	if !ok {
		text = said()[French][code]
	}
	return parts(text)
}

// Spoken says whether an announcement has words of its own in lang.
func Spoken(code, lang string) bool { return said()[lang][code] != "" }

// silence is "(2 s)" or "(0.4 s)".
var silence = regexp.MustCompile(`\s*\((\d+(?:\.\d+)?) s\)\s*`)

func parts(text string) []Part {
	var all []Part
	for text != "" {
		at := silence.FindStringSubmatchIndex(text)
		if at == nil {
			return append(all, Part{Words: text})
		}
		seconds, _ := strconv.ParseFloat(text[at[2]:at[3]], 64) // digits, by the expression
		all = append(all, Part{Words: text[:at[0]], Pause: time.Duration(seconds * float64(time.Second))})
		text = text[at[1]:]
	}
	return all
}

var said = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range Languages {
		all[lang] = map[string]string{}
		for _, file := range []string{"prompts." + lang + ".toml", "words." + lang + ".toml"} {
			raw, err := texts.ReadFile(file)
			if err != nil {
				panic("prompt: " + err.Error()) // embedded above
			}
			texts := map[string]string{}
			if err := toml.Unmarshal(raw, &texts); err != nil {
				panic(fmt.Sprintf("prompt: %s: %v", file, err)) // read by every test, too
			}
			maps.Copy(all[lang], texts)
		}
	}
	return all
})

// clips are the built files by what they are, "fr/greeting" or "music", each read when it is first played.
var clips = sync.OnceValue(func() map[string]func() *audio.Clip {
	all := map[string]func() *audio.Clip{}
	_ = fs.WalkDir(built, "built", func(file string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(file) != Ending {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "built/"), Ending)
		all[name] = sync.OnceValue(func() *audio.Clip {
			bytes, err := built.ReadFile(file)
			if err != nil {
				panic("prompt: " + err.Error()) // it was there a moment ago, in the program itself
			}
			return audio.FromLaw(audio.PCMA, bytes)
		})
		return nil
	})
	if want := len(said()[French]) + 1; len(all) < want {
		slog.Warn("the telephone's announcements are not in this program: callers hear tones instead (make build makes them, with espeak-ng)",
			"missing", want-len(all))
	}
	return all
})

// signs is what is heard instead of music: two soft notes, so that one knows the line is not dead.
var signs = sync.OnceValue(func() *audio.Clip {
	samples := make([]int16, 0, 6*audio.Rate)
	for _, freq := range []float64{440, 554.37} {
		note := audio.Sine(freq, 0.08, 700*time.Millisecond)
		for i := range note {
			// It swells for 50 ms and dies away.
			gain := min(float64(i)/400, 1) * float64(len(note)-i) / float64(len(note))
			note[i] = int16(float64(note[i]) * gain)
		}
		samples = append(samples, note...)
	}
	return audio.NewClip(samples[:cap(samples)])
})
