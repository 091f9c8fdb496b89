package seal

import (
	"bytes"
	"testing"
	"time"
)

func someKeyring() *keyring {
	r := &keyring{root: bytes.Repeat([]byte{7}, keySize)}
	for n := range int64(2) {
		r.epochs = append(r.epochs, epochSecret{
			Epoch:  Epoch{Number: n + 3, Since: time.Date(2026, 11, 23, 22, 0, 0, int(n)*1e6, time.UTC)},
			secret: bytes.Repeat([]byte{byte(n)}, keySize),
		})
	}
	return r
}

// Each row is sealed with a key of its own, so that no key ever seals so much that its random nonces
// might meet.
func TestEachRowHasItsOwnKey(t *testing.T) {
	key := &Key{secret: bytes.Repeat([]byte{7}, keySize)}
	one := key.record(Field{Table: "message", Column: "body_sealed", Row: "a"})
	for _, other := range []Field{{Table: "message", Row: "b"}, {Table: "note", Row: "a"}, {Table: "messagea"}} {
		if bytes.Equal(one, key.record(other)) {
			t.Errorf("%+v shares a key", other)
		}
	}
	if !bytes.Equal(one, key.record(Field{Table: "message", Column: "name_sealed", Row: "a", Version: 2})) {
		t.Error("two columns of one row have two keys; the key is the row's")
	}
}

// A key file that is read and written again is the same; anything else is refused without a panic.
func FuzzParseKeyring(f *testing.F) {
	good := someKeyring().format()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(bytes.Replace(good, []byte("epoch 4"), []byte("epoch 3"), 1))
	f.Add([]byte("vigie keys 1\nsum \n"))
	f.Add([]byte("\nsum "))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseKeyring(text)
		if err != nil {
			return
		}
		again, err := parseKeyring(r.format())
		if err != nil {
			t.Fatalf("what was read cannot be written and read: %v", err)
		}
		if !bytes.Equal(again.format(), r.format()) || again.newest() != r.newest() {
			t.Error("it changed on the way")
		}
	})
}

// FuzzParseKeyringBody lets the fuzzer reach behind the sum.
func FuzzParseKeyringBody(f *testing.F) {
	good := someKeyring().format()
	body, _, _ := bytes.Cut(good, []byte("sum "))
	f.Add(body)
	f.Add([]byte("vigie keys 1\nroot x\n"))
	f.Add([]byte("#\nvigie keys 1\nepoch 1 2 3\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseKeyring(withSum(bytes.Clone(body)))
		if err != nil {
			return
		}
		if len(r.root) != keySize || len(r.epochs) == 0 {
			t.Errorf("a keyring without keys was taken: %q", body)
		}
		for i, e := range r.epochs {
			if e.Number < 1 || len(e.secret) != keySize || e.wrap == nil || i > 0 && e.Number <= r.epochs[i-1].Number {
				t.Errorf("epoch %d was taken: %q", e.Number, body)
			}
		}
	})
}
