package catalogue

import (
	"slices"
	"strings"
	"testing"

	"vigie/internal/fault"
)

// An answer is kept as it was meant, whatever the browser sends, and refused where it is not one.
func TestAnswers(t *testing.T) {
	form := seedSet(t).Form
	for _, c := range []struct{ field, value, kept string }{
		{"who", "parent", "parent"},
		{"who", " parent ", "parent"},
		{"who", "", ""},
		{"platforms", "tiktok snapchat tiktok", "snapchat tiktok"}, // in the form's order, once
		{"age", "07", "7"},
		{"age", "unknown", "unknown"},
		{"department", "2a", "2a"},
		{"suicide_urgency", "4", "4"},
		{"weapon", "unknown", "unknown"},
		{"summary", "  Elle dit : « ça va ».\n", "Elle dit : « ça va »."},
		{"category_main", "sextortion", "sextortion"},
	} {
		kept, err := form.Check(c.field, c.value)
		if err != nil || kept != c.kept {
			t.Errorf("%s %q is kept as %q, %v; want %q", c.field, c.value, kept, err, c.kept)
		}
	}
	for _, c := range []struct {
		field, value string
		kind         fault.Kind
		key          string
	}{
		{"shoe_size", "38", fault.Invalid, "fault.catalogue.field_unknown"},
		{"who", "martian", fault.Invalid, "fault.catalogue.answer_unknown"},
		{"who", "parent friend", fault.Invalid, "fault.catalogue.answer_unknown"},
		{"platforms", "tiktok myspace", fault.Invalid, "fault.catalogue.answer_unknown"},
		{"age", "-1", fault.Invalid, "fault.catalogue.answer_age"},
		{"age", "treize", fault.Invalid, "fault.catalogue.answer_age"},
		{"age", "121", fault.Invalid, "fault.catalogue.answer_age"},
		{"suicide_urgency", "5", fault.Invalid, "fault.catalogue.answer_unknown"},
		{"called", strings.Repeat("é", 61), fault.TooLarge, "fault.catalogue.answer_long"},
		{"called", "Lina\xff", fault.Invalid, "fault.catalogue.answer_unknown"},
	} {
		kept, err := form.Check(c.field, c.value)
		if fault.KindOf(err) != c.kind || fault.As(err).Key != c.key {
			t.Errorf("%s %q: %q, %v; want %s", c.field, c.value, kept, err, c.key)
		}
	}
	if _, err := form.Check("called", strings.Repeat("é", 60)); err != nil {
		t.Errorf("sixty letters are too many: %v", err)
	}
}

// What is counted is the codes of facts; a free text or a danger is never among them.
func TestFacts(t *testing.T) {
	form := seedSet(t).Form
	answers := map[string]string{}
	form.each(func(s Section, f *Field) {
		switch {
		case len(f.Choices) > 1 && f.Type == Multi:
			answers[f.Code] = f.Choices[0].Code + " " + f.Choices[1].Code
		case len(f.Choices) > 0:
			answers[f.Code] = f.Choices[0].Code
		case f.Type == OfAge:
			answers[f.Code] = "13"
		default:
			answers[f.Code] = "canari un deux"
		}
	})
	sealed := map[string]bool{}
	form.each(func(s Section, f *Field) {
		if s.Danger || f.Type == Short || f.Type == Long {
			sealed[f.Code] = true
		}
	})
	facts := form.Facts(answers)
	for _, f := range facts {
		if sealed[f.Field] || strings.Contains(f.Code, "canari") {
			t.Errorf("%s %s is in clear", f.Field, f.Code)
		}
	}
	if !slices.Contains(facts, FactCode{"age", "13"}) || !slices.Contains(facts, FactCode{"platforms", "tiktok"}) || !slices.Contains(facts, FactCode{"platforms", "snapchat"}) {
		t.Errorf("facts are missing: %v", facts)
	}
}

// A contact closes when the few needed answers are there: more of them where there was a danger, none
// where nobody spoke.
func TestNeededAtClose(t *testing.T) {
	form := seedSet(t).Form
	missing := func(answers map[string]string) string {
		var codes []string
		for _, f := range form.Missing(answers) {
			codes = append(codes, f.Code)
		}
		return strings.Join(codes, " ")
	}
	for _, c := range []struct {
		what    string
		answers map[string]string
		want    string
	}{
		{"nothing yet", map[string]string{}, "who category_main outcome"},
		{"a wrong number", map[string]string{"category_main": "wrong_number"}, ""},
		{"an ordinary talk", map[string]string{"who": "child", "category_main": "friends", "outcome": "heard"}, ""},
		{"a grave reason", map[string]string{"who": "child", "category_main": "sextortion", "outcome": "heard"}, "actions"},
		{"a grave second reason", map[string]string{"who": "child", "category_main": "friends", "categories": "low_mood suicidal", "outcome": "heard"}, "actions"},
		{"a danger", map[string]string{"who": "child", "category_main": "friends", "outcome": "heard", "suicide_urgency": "3"}, "decision actions"},
		{"a danger, answered", map[string]string{"who": "child", "category_main": "friends", "outcome": "mental", "suicide_urgency": "3", "decision": "3114, avec son accord", "actions": "call_3114"}, ""},
	} {
		if got := missing(c.answers); got != c.want {
			t.Errorf("%s: %q is missing, want %q", c.what, got, c.want)
		}
	}
}

// The danger grid rings: urgency decides, not risk.
func TestAlarms(t *testing.T) {
	form := seedSet(t).Form
	rings := func(answers map[string]string) (danger, grave bool, of []string) {
		for _, a := range form.Alarms(answers) {
			danger = danger || a.Raises == RaisesDanger
			grave = grave || a.Raises == RaisesGrave
			of = append(of, a.Danger)
		}
		return
	}
	for _, c := range []struct {
		field, value  string
		danger, grave bool
		of            string
	}{
		{"suicide_risk", "4", false, true, "suicide"},
		{"suicide_urgency", "1", false, false, ""},
		{"suicide_urgency", "2", false, true, "suicide"},
		{"suicide_urgency", "3", true, false, "suicide"},
		{"suicide_means", "4", true, false, "suicide"},
		{"meeting_planned", "yes", true, false, "grooming"},
		{"meeting_planned", "unknown", false, false, ""},
		{"home_danger", "yes", true, false, "home"},
		{"safe_now", "no", true, false, "threat"},
		{"images_spread", "yes", false, true, "images"},
		{"category_main", "sextortion", false, true, "sextortion"},
		{"category_main", "gaming", false, false, ""},
	} {
		danger, grave, of := rings(map[string]string{c.field: c.value})
		if danger != c.danger || grave != c.grave || strings.Join(of, " ") != c.of {
			t.Errorf("%s = %s: danger %v, grave %v, %v; want %v, %v, %q", c.field, c.value, danger, grave, of, c.danger, c.grave, c.of)
		}
	}
}

// A question that makes no sense beside the other answers is not shown, and its answer is not lost.
func TestShown(t *testing.T) {
	form := seedSet(t).Form
	for _, c := range []struct {
		field   string
		answers map[string]string
		want    bool
	}{
		{"relation", map[string]string{"who": "child"}, false},
		{"relation", map[string]string{"who": "parent"}, true},
		{"relation", map[string]string{}, true},
		{"meeting_when", map[string]string{}, false},
		{"meeting_when", map[string]string{"meeting_planned": "yes"}, true},
		{"nothing", map[string]string{}, false},
	} {
		if got := form.Shown(c.field, c.answers); got != c.want {
			t.Errorf("%s beside %v: %v", c.field, c.answers, got)
		}
	}
}

// An answer is said in the reader's language.
func TestSayAnswer(t *testing.T) {
	form := seedSet(t).Form
	for _, c := range []struct{ field, value, lang, want string }{
		{"platforms", "snapchat sms", "fr", "Snapchat, SMS ou appels"},
		{"category_main", "sextortion", "en", "Sextortion, webcam blackmail"},
		{"weapon", "yes", "fr", "Oui"},
		{"age", "13", "fr", "13"},
		{"department", "2a", "fr", "Corse-du-Sud"},
		{"summary", "oui et non", "fr", "oui et non"},
	} {
		if got := form.Say(c.field, c.value, c.lang); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.field, c.value, got, c.want)
		}
	}
}

// Every field of the danger grid that the helpline's practice asks for is there, and all are sealed.
func TestDangerGrid(t *testing.T) {
	form := seedSet(t).Form
	for _, s := range form.Sections {
		if s.Code != "danger" {
			continue
		}
		if !s.Danger {
			t.Fatal("the danger grid is not marked as one")
		}
		for _, f := range s.Fields {
			if f.Keep != Sealed {
				t.Errorf("%s is in clear", f.Code)
			}
		}
		for _, code := range []string{"suicide_risk", "suicide_urgency", "suicide_means", "adult_involved", "meeting_planned", "images_threatened", "images_spread", "home_danger", "physical_threat", "under_15", "decision", "consent", "support", "spread_speed"} {
			if _, ok := form.Field(code); !ok {
				t.Errorf("%s is missing", code)
			}
		}
		return
	}
	t.Fatal("there is no danger grid")
}
