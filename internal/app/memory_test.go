package app

import "testing"

// Two looks in a row that find a collection make it busy, and two that find none make it calm.
func TestRoomFollowsTheWork(t *testing.T) {
	var w workload
	for i, look := range []struct{ collected, busy bool }{
		{false, false}, {true, false}, {false, false}, {true, false}, {true, true},
		{false, true}, {true, true}, {false, true}, {false, false}, {false, false},
	} {
		if w.look(look.collected); w.busy != look.busy {
			t.Fatalf("look %d: busy %v", i, w.busy)
		}
	}
}
