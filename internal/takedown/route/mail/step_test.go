package mail_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/takedown/route/mail"
)

// What is proposed after a notice says what is known and nothing else, in the notice's language, and never leaves a gap.
func TestWhatIsWrittenAfterANotice(t *testing.T) {
	sent := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for _, lang := range []string{"fr", "en"} {
		for _, kind := range []string{"reminder", "contact", "art20"} {
			s := mail.Step{Kind: kind, Lang: lang, Mark: "7KQ2M-9XW4T", Addresses: []string{"https://reseau.example/p/1"}, Sent: sent, Reminded: true, Statement: "C'est illicite."}
			if kind == "art20" {
				s.Decided = sent.AddDate(0, 0, 2)
			}
			text := s.Text()
			if strings.ContainsAny(text, "{}") || strings.Contains(text, "0001") || !strings.Contains(text, "https://reseau.example/p/1") || strings.Contains(text, "\n\n\n") {
				t.Errorf("%s, %s:\n%s", kind, lang, text)
			}
			if !strings.Contains(s.Subject(), "[Ref. 7KQ2M-9XW4T]") {
				t.Errorf("%s, %s: %s", kind, lang, s.Subject())
			}
			if day := map[string]string{"fr": "28/11/2026", "en": "28 November 2026"}[lang]; !strings.Contains(text, day) {
				t.Errorf("%s, %s does not say when:\n%s", kind, lang, text)
			}
			if strings.Contains(text, "C'est illicite.") != (kind == "art20") {
				t.Errorf("%s, %s, the statement of reasons:\n%s", kind, lang, text)
			}
		}
	}
	s := mail.Step{Kind: "reminder", Lang: "fr", Mark: "7KQ2M-9XW4T", Answers: "Notification [Ref. 7KQ2M-9XW4T]", Acknowledged: sent, Sent: sent}
	if s.Subject() != "Re: Notification [Ref. 7KQ2M-9XW4T]" || !strings.Contains(s.Text(), "accusé réception") || strings.Contains(s.Text(), "ni accusé") {
		t.Errorf("%s\n%s", s.Subject(), s.Text())
	}
}
