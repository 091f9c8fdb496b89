package prompt_test

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/prompt"
)

// ofTheStaff are said to people of the team, demo_ by callers of the demonstration; all others are heard
// by whoever calls.
var ofTheStaff = []string{"test_call"}

func isDemo(code string) bool { return strings.HasPrefix(code, "demo_") }

// Everything that the telephone may say is written, in French and in English; the callers of the
// demonstration speak French.
func TestEveryAnnouncementIsWrittenInBothLanguages(t *testing.T) {
	for _, code := range strings.Fields(`greeting greeting_returning listening_refused listening_danger other_language menu not_understood
		queue_first place_2 place_3 place_4 place_5 place_6 place_7 place_8 place_9 place_10 place_more wait_long
		surge no_counsellor hold parked parked_other transfer third_joins third_leaves outside_released outside_lost recorded check goodbye
		closed closed_hours closing_soon closing_now closing_stay closing_119 closing_3114 closing_callback putting_through not_reached voicemail voicemail_saved voicemail_empty voicemail_danger voicemail_danger_noted voicemail_callback callback_ask callback_others callback_when callback_saved
		callback_refused silent_1 silent_2 blocked test_call demo_caller_1 demo_caller_8`) {
		if !slices.Contains(prompt.Codes(), code) {
			t.Errorf("%s is not written", code)
		}
	}
	for _, code := range prompt.Codes() {
		french, english := prompt.Text(code, prompt.French), prompt.Text(code, prompt.English)
		if french == "" || english == "" {
			t.Errorf("%s has no words", code)
		}
		if (french == english) != isDemo(code) {
			t.Errorf("%s is not English: %s", code, english)
		}
	}
	if prompt.Text("nowhere", prompt.French) != "" || len(prompt.Script("nowhere", prompt.English)) != 0 {
		t.Error("there are words that nobody wrote")
	}
}

// We do not know yet who calls: nobody is called tu or vous. The team is vous.
func TestNobodyIsCalledTuOrVousBeforeWeKnowWhoCalls(t *testing.T) {
	word := regexp.MustCompile(`(?i)(^|[^\p{L}])(tu|te|toi|ton|ta|tes|t'|tape|parle|vous|votre|vos)([^\p{L}]|$)`)
	vous := regexp.MustCompile(`(?i)vous|votre|ez `)
	for _, code := range prompt.Codes() {
		if text := prompt.Text(code, prompt.French); word.MatchString(text) && !isDemo(code) && !slices.Contains(ofTheStaff, code) {
			t.Errorf("%s: %s", code, text)
		}
	}
	for _, code := range ofTheStaff {
		if text := prompt.Text(code, prompt.French); !vous.MatchString(text) {
			t.Errorf("%s: %s", code, text)
		}
	}
	if !word.MatchString("Pour répondre, appuie avec ton doigt.") || word.MatchString("La tête, tout le monde, notre site.") {
		t.Error("the test does not hear tu")
	}
}

// Numbers are written as people say them, keys by their name, and no word promises a secret.
func TestTheTextsAreWrittenAsTheyAreSaid(t *testing.T) {
	odd := regexp.MustCompile(`[0-9#*_<>{}/]|secret|confiden`)
	for _, code := range prompt.Codes() {
		for _, lang := range prompt.Languages {
			if text := prompt.Text(code, lang); odd.MatchString(text) || strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
				t.Errorf("%s in %s: %q", code, lang, text)
			}
		}
	}
}

// Whoever hears that we are closed or cannot answer hears who does.
func TestWhoeverWeDoNotAnswerHearsWhoDoes(t *testing.T) {
	for code, numbers := range map[string][][2]string{
		"greeting":      {{"cent-douze", "one one two"}, {"quinze", "one five"}, {"dix-sept", "one seven"}},
		"closed":        {{"dix-sept", "one seven"}, {"cent-douze", "one one two"}, {"quinze", "one five"}, {"cent-dix-neuf", "one one nine"}, {"trente-et-un quatorze", "three one one four"}, {"cent-quatorze", "one one four"}},
		"blocked":       {{"cent-douze", "one one two"}, {"dix-sept", "one seven"}},
		"no_counsellor": {{"cent-douze", "one one two"}},
		"closing_now":   {{"cent-douze", "one one two"}, {"dix-sept", "one seven"}},
		"closing_119":   {{"cent-dix-neuf", "one one nine"}},
		"closing_3114":  {{"trente-et-un quatorze", "three one one four"}},
		"silent_2":      {{"cent-quatorze", "one one four"}},

		"voicemail_danger":       {{"dix-sept", "one seven"}, {"cent-douze", "one one two"}, {"cent-quatorze", "one one four"}},
		"voicemail_danger_noted": {{"dix-sept", "one seven"}, {"cent-douze", "one one two"}},
	} {
		for _, number := range numbers {
			for i, lang := range prompt.Languages {
				if !strings.Contains(prompt.Text(code, lang), number[i]) {
					t.Errorf("%s in %s does not say %q", code, lang, number[i])
				}
			}
		}
	}
}

// A silence is written "(2 s)" and is not among the words.
func TestSilencesAreParts(t *testing.T) {
	script := prompt.Script("demo_caller_6", prompt.French)
	want := []prompt.Part{{Pause: 7 * time.Second}, {Words: "Allô.", Pause: 9 * time.Second}}
	if !slices.Equal(script, want) {
		t.Errorf("%v", script)
	}
	if got := prompt.Text("demo_caller_6", prompt.English); got != "Allô." {
		t.Errorf("%q", got)
	}
}

// What does not exist is a tone, and never nothing.
func TestAnUnknownAnnouncementIsATone(t *testing.T) {
	clip, ok := prompt.Default("nowhere", prompt.French)
	if ok || clip == nil || clip.Length() == 0 || prompt.Music().Length() == 0 {
		t.Error("there is nothing to play")
	}
}

func needBuilt(t *testing.T) {
	if !prompt.Built() {
		t.Skip("the announcements are not built: make build, with espeak-ng")
	}
}

// Every announcement is spoken: as loud as the next, begun and ended with a little silence, not longer than
// anybody listens to, and without a peak that the line cuts off.
func TestEveryAnnouncementIsSpoken(t *testing.T) {
	needBuilt(t)
	for _, code := range prompt.Codes() {
		for _, lang := range prompt.Languages {
			clip, ok := prompt.Default(code, lang)
			if !ok {
				t.Fatalf("%s in %s is not there", code, lang)
			}
			if &clip.Encoded(audio.PCMA)[0] != &clip.Encoded(audio.PCMA)[0] {
				t.Errorf("%s is worked out again and again", code)
			}
			samples := clip.Samples()
			if isDemo(code) {
				if clip.Length() < 10*time.Second || clip.Length() > 25*time.Second {
					t.Errorf("%s lasts %s", code, clip.Length())
				}
				continue
			}
			// About 12 letters a second are spoken.
			letters := float64(len(prompt.Text(code, lang)))
			if s := clip.Length().Seconds(); s < letters/22 || s > letters/8+1.5 || s > 30 {
				t.Errorf("%s in %s says %.0f letters in %.1f s", code, lang, letters, s)
			}
			if prompt.IsWord(code) {
				continue
			}
			for _, end := range [][]int16{samples[:1100], samples[len(samples)-1100:]} {
				if got := audio.RMS(end); got > 0.002 {
					t.Errorf("%s in %s begins or ends with %.4f", code, lang, got)
				}
			}
			if words := samples[1200 : len(samples)-1200]; audio.RMS(words[:400]) < 0.001 || audio.RMS(words[len(words)-400:]) < 0.0003 {
				t.Errorf("%s in %s begins or ends with more than 150 ms of silence", code, lang)
			}
			if got := 20 * math.Log10(audio.RMS(samples)); got < -25.5 || got > -20 {
				t.Errorf("%s in %s has %.1f dB", code, lang, got)
			}
			for _, s := range samples {
				if s > 30000 || s < -30000 {
					t.Errorf("%s in %s has a peak of %d", code, lang, s)
					break
				}
			}
		}
	}
}

// The music is long enough not to tire, softer than the voice, begins where it ends, and lies in the band
// that a telephone carries.
func TestTheMusicLoopsAndFitsATelephone(t *testing.T) {
	needBuilt(t)
	music := prompt.Music()
	if music.Length() < time.Minute || music.Length() > 90*time.Second {
		t.Errorf("it lasts %s", music.Length())
	}
	samples := music.Samples()
	if got := 20 * math.Log10(audio.RMS(samples)); got < -30 || got > -24 {
		t.Errorf("it has %.1f dB", got)
	}
	most := 0
	for i := 1; i < len(samples); i++ {
		most = max(most, step(samples[i-1], samples[i]))
	}
	if seam := step(samples[len(samples)-1], samples[0]); seam > most/2 {
		t.Errorf("it clicks where it begins again: %d, and %d within", seam, most)
	}
	for at := 0; at+audio.Rate <= len(samples); at += audio.Rate {
		second := samples[at : at+audio.Rate]
		if got := 20 * math.Log10(audio.RMS(second)); got < -34 || got > -22 {
			t.Errorf("second %d has %.1f dB", at/audio.Rate, got)
		}
		for f := 50.0; f < 280; f += 10 {
			if got := audio.Goertzel(second, f); got > 0.004 {
				t.Errorf("second %d has %.4f at %.0f Hz, under a telephone's band", at/audio.Rate, got, f)
			}
		}
		for f := 3420.0; f < 4000; f += 20 {
			if got := audio.Goertzel(second, f); got > 0.002 {
				t.Errorf("second %d has %.4f at %.0f Hz, over a telephone's band", at/audio.Rate, got, f)
			}
		}
	}
}

func step(a, b int16) int { return max(int(a)-int(b), int(b)-int(a)) }
