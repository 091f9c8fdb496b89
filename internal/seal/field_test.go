package seal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store/storetest"
)

var said = seal.Field{Table: "message", Column: "body_sealed", Row: "0193-a", Version: 1}

func someKeys(t testing.TB) (a, b *seal.Key) {
	k := node(t, storetest.SQLite(t), keyPath(t), newClock())
	return newKey(t, k, seal.KindContact, "contact-a"), newKey(t, k, seal.KindContact, "contact-b")
}

// A sealed text opens in its own place, whatever its length, and two sealings of it look nothing alike.
func TestSealedTextOpensInItsPlace(t *testing.T) {
	key, _ := someKeys(t)
	for _, n := range []int{0, 1, 30, 31, 32, 33, 63, 64, 100, 1000, 65535, 1 << 20} {
		plain := bytes.Repeat([]byte{0x80}, n) // the byte that also marks the end
		one, two := key.Seal(said, plain), key.Seal(said, plain)
		if bytes.Equal(one, two) {
			t.Errorf("%d bytes: sealed twice, the same", n)
		}
		got, err := key.Open(said, one)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
}

// A sealed value that somebody with the database moves to another row, column, table or contact, or
// passes off as another version of itself, does not open.
func TestMovedValueDoesNotOpen(t *testing.T) {
	key, other := someKeys(t)
	sealed := key.SealText(said, "je ne veux plus aller au collège")
	moved := map[string]seal.Field{
		"table":   {Table: "note", Column: said.Column, Row: said.Row, Version: said.Version},
		"column":  {Table: said.Table, Column: "name_sealed", Row: said.Row, Version: said.Version},
		"row":     {Table: said.Table, Column: said.Column, Row: "0193-b", Version: said.Version},
		"version": {Table: said.Table, Column: said.Column, Row: said.Row, Version: 2},
	}
	for what, f := range moved {
		if _, err := key.Open(f, sealed); err == nil {
			t.Errorf("it opens with another %s", what)
		} else {
			wantFault(t, err, fault.Internal, "fault.seal.broken")
		}
	}
	if _, err := other.Open(said, sealed); err == nil {
		t.Error("it opens with another contact's key")
	}
	// The same letters in the same order, cut elsewhere, are another place.
	if _, err := key.Open(seal.Field{Table: "ab", Column: "b", Row: "c"}, key.SealText(seal.Field{Table: "a", Column: "b", Row: "bc"}, "x")); err == nil {
		t.Error("it opens where the names only read alike")
	}
	if text, err := key.OpenText(said, sealed); err != nil || text != "je ne veux plus aller au collège" {
		t.Errorf("in its own place: %q, %v", text, err)
	}
}

// Any byte changed, cut off or added is noticed, and the error does not repeat what was sealed.
func TestAlteredValueDoesNotOpen(t *testing.T) {
	key, _ := someKeys(t)
	sealed := key.SealText(said, "canary")
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := key.Open(said, altered); err == nil {
			t.Errorf("it opens with byte %d altered", i)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error tells the text: %v", err)
		}
		if _, err := key.Open(said, sealed[:i]); err == nil {
			t.Errorf("it opens cut to %d bytes", i)
		}
	}
	if _, err := key.Open(said, append(bytes.Clone(sealed), 0)); err == nil {
		t.Error("it opens with a byte added")
	}
}

// The length of what is stored does not tell one short code from another, and costs little on a long text.
func TestLengthTellsLittle(t *testing.T) {
	key, _ := someKeys(t)
	if a, b := len(key.SealText(said, "other")), len(key.SealText(said, "suicide_attempt_planned")); a != b {
		t.Errorf("two codes have %d and %d bytes", a, b)
	}
	sizes := map[int]bool{}
	for n := range 4000 {
		size := len(key.Seal(said, make([]byte, n)))
		sizes[size] = true
		if n >= 31 && float64(size) > 1.125*float64(n+1)+29 {
			t.Fatalf("%d bytes are stored in %d", n, size)
		}
	}
	if len(sizes) > 90 {
		t.Errorf("%d sizes for 4,000 lengths", len(sizes))
	}
}

// A key that is printed, by a log or a careless error, does not tell its secret.
func TestKeyPrintsItsNameOnly(t *testing.T) {
	key, _ := someKeys(t)
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(form, key); got != "key "+key.ID() {
			t.Errorf("%s prints %q", form, got)
		}
		if got := fmt.Sprintf(form, *key); got != "key "+key.ID() {
			t.Errorf("%s of the value prints %q", form, got)
		}
	}
}

// Whatever is put where a sealed value is expected, opening it fails quietly.
func FuzzOpen(f *testing.F) {
	key, _ := someKeys(f)
	f.Add(key.SealText(said, "bonjour"))
	f.Add(key.Seal(said, nil))
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(make([]byte, 61))
	f.Add(bytes.Repeat([]byte{1}, 200))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := key.Open(said, sealed)
		if err == nil && string(plain) != "bonjour" && len(plain) != 0 {
			t.Errorf("a forged value opened: %q", plain)
		}
		if err != nil && fault.KindOf(err) != fault.Internal {
			t.Errorf("fault %v", err)
		}
	})
}

// FuzzSealOpen seals any text for any place and opens it again.
func FuzzSealOpen(f *testing.F) {
	key, _ := someKeys(f)
	f.Add("message", "body_sealed", "0193-a", 1, []byte("bonjour"))
	f.Add("", "", "", 0, []byte{0x80, 0, 0})
	f.Fuzz(func(t *testing.T, table, column, row string, version int, plain []byte) {
		place := seal.Field{Table: table, Column: column, Row: row, Version: version}
		got, err := key.Open(place, key.Seal(place, plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%q came back as %q, %v", plain, got, err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	key, _ := someKeys(b)
	plain := bytes.Repeat([]byte("a"), 120)
	b.ReportAllocs()
	for b.Loop() {
		key.Seal(said, plain)
	}
}

func BenchmarkOpen(b *testing.B) {
	key, _ := someKeys(b)
	sealed := key.Seal(said, bytes.Repeat([]byte("a"), 120))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Open(said, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewKey(b *testing.B) {
	k := node(b, storetest.SQLite(b), keyPath(b), newClock())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			newKey(b, k, seal.KindContact, "contact")
		}
	})
}
