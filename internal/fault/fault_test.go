package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"vigie/internal/fault"
)

// A fault keeps its kind and sentence through any number of wraps, and an error that nobody named is ours.
func TestKindSurvivesWrapping(t *testing.T) {
	disk := errors.New("disk full")
	err := fmt.Errorf("sending: %w", fault.Wrap(disk, fault.Unavailable, "fault.store.busy"))
	if got := fault.KindOf(err); got != fault.Unavailable {
		t.Errorf("kind = %q, want %q", got, fault.Unavailable)
	}
	if got := fault.As(err).Key; got != "fault.store.busy" {
		t.Errorf("key = %q", got)
	}
	if !errors.Is(err, disk) {
		t.Error("the cause is lost")
	}
	if got := fault.KindOf(disk); got != fault.Internal {
		t.Errorf("a bare error counts as %q, want internal", got)
	}
	if got := fault.KindOf(nil); got != "" {
		t.Errorf("nil counts as %q", got)
	}
}
