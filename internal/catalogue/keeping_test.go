package catalogue

import (
	"strings"
	"testing"
)

// Other numbers of days change their own lines and nothing else; a rule without an end gets one, and a text that is none is left.
func TestWithDays(t *testing.T) {
	text := string(Seed(DocKeeping))
	shorter := WithDays(text, map[string]int{KeepContact: 365, KeepRecording: 30, "unknown": 3})
	if want := strings.Replace(text, "days = 730", "days = 365", 1); shorter != want {
		t.Error("more than one line changed")
	}
	without := strings.Replace(text, "days = 730", "unlimited = true", 1)
	if got := WithDays(without, map[string]int{KeepContact: 400}); !strings.Contains(got, "unlimited = false") {
		t.Error("it is still without an end")
	} else if set, flaws := checked(edited(t, DocKeeping, text, got)); len(flaws) > 0 {
		t.Error(flaws)
	} else if r, _ := set.Keeping.ByCode(KeepContact); r.Days != 400 || r.Unlimited {
		t.Errorf("%+v", r)
	}
	if got := WithDays("notice = [", map[string]int{KeepContact: 1}); got != "notice = [" {
		t.Errorf("%q", got)
	}
}
