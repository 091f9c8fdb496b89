package prompt_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/prompt"
)

// When we answer again is said as people say it, in the words that were recorded.
func TestWhenWeAnswerAgain(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04", text, paris)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, c := range []struct{ now, opens, french, english string }{
		{"2026-11-27 23:10", "2026-11-28 09:00", "Nous répondrons demain à neuf heures", "We will answer tomorrow at nine in the morning"},
		{"2026-11-28 00:10", "2026-11-28 09:00", "Nous répondrons aujourd'hui à neuf heures", "We will answer today at nine in the morning"},
		{"2026-11-28 14:05", "2026-11-28 15:30", "Nous répondrons aujourd'hui à quinze heures et demie", "We will answer today at half past three in the afternoon"},
		{"2026-11-27 20:00", "2026-11-30 10:15", "Nous répondrons lundi à dix heures et quart", "We will answer on Monday at a quarter past ten in the morning"},
		{"2026-11-27 20:00", "2026-12-03 21:45", "Nous répondrons jeudi à vingt-et-une heures quarante-cinq", "We will answer on Thursday at a quarter to ten at night"},
		{"2026-11-27 20:00", "2026-12-04 09:00", "Nous répondrons dans plus d'une semaine", "We will answer in more than a week"},
		{"2026-12-24 20:00", "2026-12-26 12:00", "Nous répondrons samedi à midi", "We will answer on Saturday at noon"},
		{"2026-11-28 14:05", "2026-11-28 16:38", "Nous répondrons aujourd'hui à seize heures quarante-cinq", "We will answer today at a quarter to five in the afternoon"},
		{"2026-11-28 14:05", "2026-11-28 23:50", "Nous répondrons demain à minuit", "We will answer tomorrow at midnight"},
		{"2026-11-28 22:05", "2026-11-28 23:40", "Nous répondrons aujourd'hui à vingt-trois heures quarante-cinq", "We will answer today at a quarter to midnight"},
		{"2026-10-24 23:30", "2026-10-25 09:00", "Nous répondrons demain à neuf heures", "We will answer tomorrow at nine in the morning"},    // 25 hours
		{"2026-03-27 23:30", "2026-03-29 09:00", "Nous répondrons dimanche à neuf heures", "We will answer on Sunday at nine in the morning"}, // 23
	} {
		for lang, want := range map[string]string{prompt.French: c.french, prompt.English: c.english} {
			var said []string
			for _, code := range prompt.When(lang, at(c.now), at(c.opens)) {
				if !prompt.IsWord(code) || !prompt.Spoken(code, lang) {
					t.Errorf("%s is not a word in %s", code, lang)
				}
				said = append(said, prompt.Text(code, lang))
			}
			if got := strings.Join(said, " "); got != want {
				t.Errorf("at %s, of %s: %q, want %q", c.now, c.opens, got, want)
			}
		}
	}
	if said := prompt.When(prompt.French, at("2026-11-27 20:00"), time.Time{}); said != nil {
		t.Errorf("of never: %v", said)
	}
	// Every quarter of an hour of a day has its words.
	for m := 0; m < 24*60; m += 15 {
		opens := at("2026-11-28 00:00").Add(time.Duration(m) * time.Minute)
		for _, lang := range prompt.Languages {
			for _, code := range prompt.When(lang, at("2026-11-27 23:30"), opens) {
				if prompt.Text(code, lang) == "" {
					t.Errorf("%s has no words", code)
				}
			}
		}
	}
}
