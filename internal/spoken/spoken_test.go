package spoken_test

import (
	"strings"
	"testing"

	"vigie/internal/spoken"
)

// Each sign comes as often as any other: of 36,000, 2,000 of each, give or take eight times the deviation (43).
func TestEachSignIsAsLikelyAsAnyOther(t *testing.T) {
	code := spoken.Code(2000 * len(spoken.Signs))
	if len(code) != 2000*len(spoken.Signs) {
		t.Fatalf("%d signs", len(code))
	}
	all := 0
	for _, sign := range spoken.Signs {
		n := strings.Count(code, string(sign))
		if all += n; n < 1650 || n > 2350 {
			t.Errorf("%c comes %d times", sign, n)
		}
	}
	if all != len(code) {
		t.Errorf("%d signs are none of ours", len(code)-all)
	}
}

// No two signs may be taken for each other, seen or heard.
func TestNoSignIsLikeAnother(t *testing.T) {
	for _, alike := range []string{"0OQ", "1IL", "2Z", "5S", "8B", "BDEGPTV", "MN", "FS"} {
		if n := strings.IndexAny(spoken.Signs, alike); n >= 0 && strings.ContainsAny(spoken.Signs[n+1:], alike) {
			t.Errorf("more than one of %s is used", alike)
		}
	}
}
