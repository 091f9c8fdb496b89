package catalogue_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
)

// A document that is older than the limit of hard material has one all the same.
func TestHardMaterialAlwaysHasALimit(t *testing.T) {
	for written, want := range map[time.Duration]time.Duration{0: 20 * time.Minute, -time.Minute: 20 * time.Minute, 5 * time.Minute: 5 * time.Minute} {
		if got := (&catalogue.Lines{HardMost: written}).HardLimit(); got != want {
			t.Errorf("where the document says %v the limit is %v; want %v", written, got, want)
		}
	}
}
