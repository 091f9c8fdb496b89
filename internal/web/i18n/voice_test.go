package i18n

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"vigie/internal/web/i18n/voicetest"
)

// words is all that a sentence may say, each of its forms.
func (s sentence) words() string {
	var b strings.Builder
	for _, piece := range s {
		switch {
		case piece.other != nil:
			b.WriteString(piece.one.words() + " … " + piece.other.words())
		case piece.name != "":
			b.WriteString("{" + piece.name + "}")
		default:
			b.WriteString(piece.text)
		}
	}
	return b.String()
}

// An adult is told "vous", whatever is said to her: a visitor who said that she is one, and the staff. Every
// sentence that says "tu" has another for adults.
func TestAdultsAreToldVous(t *testing.T) {
	for key, s := range For(French).ToAdults().sentences {
		if word := voicetest.Tu(s.words()); word != "" {
			t.Errorf("%q says %q to an adult: %s", key, word, s.words())
		}
	}
}

// A sentence that has another for adults is for the young alone, and tells them "tu" or nothing at all.
func TestTheYoungAreToldTu(t *testing.T) {
	young := For(French).sentences
	for key := range young {
		plain, ok := strings.CutSuffix(key, toAdults)
		if !ok {
			continue
		}
		if word := voicetest.Vous(young[plain].words()); word != "" {
			t.Errorf("%q says %q to a child: %s", plain, word, young[plain].words())
		}
	}
}

// A sentence for adults stands beside the one for the young, asks for the same, and differs from it.
func TestASentenceForAdultsHasOneForTheYoung(t *testing.T) {
	for _, lang := range Languages {
		texts := For(lang).sentences
		for key, s := range texts {
			plain, ok := strings.CutSuffix(key, toAdults)
			if !ok {
				continue
			}
			young, ok := texts[plain]
			switch {
			case !ok:
				t.Errorf("%s: %q has none for the young", lang, key)
			case young.words() == s.words():
				t.Errorf("%s: %q says nothing else than to the young", lang, key)
			case !maps.Equal(young.placeholders(map[string]bool{}), s.placeholders(map[string]bool{})):
				t.Errorf("%s: %q asks for %v", lang, key, slices.Sorted(maps.Keys(s.placeholders(map[string]bool{}))))
			}
		}
	}
}

// A printer to adults says what is written for them, and the rest as to everybody.
func TestSayingToAdults(t *testing.T) {
	adults := For(French).ToAdults()
	for key, want := range map[string]string{"talk.write": "Votre message", "chat.send": "Envoyer"} {
		if got := adults.T(key); got != want {
			t.Errorf("%q says %q, want %q", key, got, want)
		}
	}
	if again := adults.ToAdults(); again != adults {
		t.Error("who speaks to adults already speaks otherwise")
	}
	if english := For(English).ToAdults(); english.T("talk.write") != "Your message" || english.Lang() != English {
		t.Errorf("in English it says %q", english.T("talk.write"))
	}
}
