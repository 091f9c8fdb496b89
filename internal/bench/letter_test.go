package bench

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// The crowd's ids are UUIDs as a browser makes them, and tell which letter or contact they are.
func TestIdsTellWhatTheyAre(t *testing.T) {
	for _, index := range []uint32{0, 1, 255, 4711, 1<<32 - 1} {
		id := newID(letterMark, index)
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.String() != id || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
			t.Errorf("%s is not a UUIDv7: %v", id, err)
		}
		if got, ours := indexOf(letterMark, []byte(id)); !ours || got != index {
			t.Errorf("%s: index %d, ours %v", id, got, ours)
		}
		if _, ours := indexOf(contactMark, []byte(id)); ours {
			t.Errorf("%s: a letter is taken for a contact", id)
		}
	}
	if _, ours := indexOf(letterMark, []byte(uuid.Must(uuid.NewV7()).String())); ours {
		t.Error("somebody else's id is taken for ours")
	}
}

// A bubble on a page is recognised by its id, with its number, and is whole only with its own words in it.
func TestBubblesAreRead(t *testing.T) {
	first, second, other := newID(letterMark, 7), newID(letterMark, 8), uuid.Must(uuid.NewV7()).String()
	html := `<li class="bubble" id="m-` + first + `" data-seq="12" data-from="visitor"><p>` + words(first, false) + `</p></li>` +
		`<li class="bubble" id="m-` + second + `" data-seq="13"><p>words that were lost on the way</p></li>` +
		`<li class="bubble" id="m-` + other + `" data-seq="14"><p>` + other + `</p></li>`
	type seen struct {
		index uint32
		seq   int64
		whole bool
	}
	var all []seen
	bubbles([]byte(html), func(index uint32, seq int64, whole bool) { all = append(all, seen{index, seq, whole}) })
	if want := []seen{{7, 12, true}, {8, 13, false}}; !slices.Equal(all, want) {
		t.Errorf("%v, want %v", all, want)
	}
}

// A letter that is shown under two numbers is doubled; one that is shown again under its own is not.
func TestTwoNumbersAreADouble(t *testing.T) {
	var s letters
	_, l := s.add(0, false, time.Second)
	l.sees(3)
	l.sees(3)
	l.sees(0) // an answer without a number
	if l.doubled.Load() {
		t.Error("shown again under its own number, it counts as doubled")
	}
	if l.sees(4); !l.doubled.Load() {
		t.Error("shown under another number, it does not count as doubled")
	}
}

// Percentiles are by nearest rank: of a hundred times, the 99th is p99.
func TestPercentiles(t *testing.T) {
	var all []time.Duration
	for i := 100; i >= 1; i-- {
		all = append(all, time.Duration(i)*time.Millisecond)
	}
	if got, want := latencyOf(all), (Latency{P50: 50, P95: 95, P99: 99, Max: 100}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := latencyOf([]time.Duration{1500 * time.Microsecond}); got.P50 != 1.5 || got.P99 != 1.5 {
		t.Errorf("of one: %+v", got)
	}
}

// What is noted is on the disk when note returns, and is read back as it was.
func TestLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{
		{contact: "a"},
		{contact: "a", letter: "x", seq: 1},
		{contact: "a", letter: "y", byStaff: true, seq: 2, delivered: true},
	}
	for _, e := range want {
		if err := l.note(e); err != nil {
			t.Fatal(err)
		}
		if read, err := readLedger(path); err != nil || len(read) == 0 || read[len(read)-1] != e {
			t.Fatalf("noted %+v and read %+v: %v", e, read, err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if got, err := readLedger(path); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
