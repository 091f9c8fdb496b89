package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/slowhash"
)

// vectors is what the browser's side has written (web/assets/test/vault-format.spec.ts).
type vectors struct {
	Phrases []struct {
		Typed string
		Bytes []byte
	}
	Keys []struct {
		Phrase         string
		Salt, Key      []byte
		Memory, Passes uint32
		Lanes          uint8
	}
	Sealed []struct {
		N                         int
		Last                      bool
		Key, Nonce, Plain, Sealed []byte
		Additional                string
	}
	Exports []struct {
		Name, Phrase, Code string
		File               []byte
		Whole              bool
		Items              []struct {
			ID      string
			Refused bool
			Meta    *struct {
				Kind, Name, Type, SHA256, At string
				Size                         int64
			}
			Given []Given
			Body  []byte
		}
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Phrases) < 4 || len(v.Keys) < 2 || len(v.Sealed) < 4 || len(v.Exports) < 15 {
		t.Fatal("testdata/vectors.json is not whole")
	}
	return v
}

// A phrase is the same bytes here as in the browser, and gives the same key.
func TestPhrasesAndKeysAreTheBrowsers(t *testing.T) {
	v := readVectors(t)
	for _, p := range v.Phrases {
		if got := Phrase(p.Typed); !bytes.Equal(got, p.Bytes) {
			t.Errorf("%q is %q, want %q", p.Typed, got, p.Bytes)
		}
	}
	for _, k := range v.Keys {
		got, err := slowhash.Key(t.Context(), Phrase(k.Phrase), k.Salt, slowhash.Params{MemoryKiB: k.Memory, Passes: k.Passes, Lanes: k.Lanes}, 32)
		if err != nil || !bytes.Equal(got, k.Key) {
			t.Errorf("m=%d t=%d p=%d: %x, %v; want %x", k.Memory, k.Passes, k.Lanes, got, err, k.Key)
		}
	}
}

// What the browser sealed opens where it belongs, and nowhere else.
func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	for _, s := range readVectors(t).Sealed {
		key, err := gcm(s.Key)
		if err != nil {
			t.Fatal(err)
		}
		bound := chunk(strings.Repeat("0", 32), strings.Repeat("1", 32), "note", s.N, s.Last)
		if bound != s.Additional {
			t.Errorf("chunk %d is bound to %q, want %q", s.N, bound, s.Additional)
		}
		if plain, err := open(key, s.Sealed, bound); err != nil || !bytes.Equal(plain, s.Plain) {
			t.Errorf("chunk %d: %q, %v", s.N, plain, err)
		}
		if _, err := open(key, s.Sealed, chunk(strings.Repeat("0", 32), strings.Repeat("1", 32), "note", s.N, !s.Last)); err == nil {
			t.Errorf("chunk %d opens as another", s.N)
		}
	}
}

// Every export says what the browser says of it: what is in it, what was changed, and why it does not open.
func TestExportsReadAsInTheBrowser(t *testing.T) {
	for _, x := range readVectors(t).Exports {
		t.Run(x.Name, func(t *testing.T) {
			e, err := Open(t.Context(), bytes.NewReader(x.File), int64(len(x.File)), x.Phrase)
			if x.Code != "" {
				if f := fault.As(err); f == nil || f.Key != "fault.vault."+x.Code {
					t.Fatalf("%v, want %s", err, x.Code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.Whole != x.Whole || len(e.Items) != len(x.Items) {
				t.Fatalf("whole %v, %d items; want %v, %d", e.Whole, len(e.Items), x.Whole, len(x.Items))
			}
			for i, want := range x.Items {
				got := e.Items[i]
				var body bytes.Buffer
				err := e.Extract(got, &body)
				if got.ID != want.ID || (err != nil) != want.Refused {
					t.Errorf("item %d is %s, %v; want %s, refused %v", i, got.ID, err, want.ID, want.Refused)
				}
				if want.Refused {
					continue
				}
				at, err := time.Parse(time.RFC3339, want.Meta.At)
				if err != nil {
					t.Fatal(err)
				}
				m := Meta{Kind: want.Meta.Kind, Name: want.Meta.Name, Type: want.Meta.Type, Size: want.Meta.Size, SHA256: want.Meta.SHA256, At: at}
				if !got.At.Equal(m.At) {
					t.Errorf("item %d came in at %s, want %s", i, got.At, m.At)
				}
				if m.At = got.At; got.Meta != m || len(got.Given) != len(want.Given) || len(want.Given) > 0 && got.Given[0] != want.Given[0] {
					t.Errorf("item %d is %+v %v, want %+v %v", i, got.Meta, got.Given, m, want.Given)
				}
				if !bytes.Equal(body.Bytes(), want.Body) {
					t.Errorf("item %d holds %q, want %q", i, body.Bytes(), want.Body)
				}
			}
		})
	}
}

// writer makes exports as a browser would, for bodies that are too long to stand in a file of vectors.
type writer struct {
	*testing.T
	bytes.Buffer
	vault string
	key   interface {
		Seal(dst, nonce, plaintext, additionalData []byte) []byte
	}
	ids []string
}

const phraseOfTests = "lampe cactus tambour moulin"

func newWriter(t *testing.T) *writer {
	t.Helper()
	w := &writer{T: t, vault: strings.Repeat("ab", 16)}
	salt, raw := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 32)
	derived, err := slowhash.Key(t.Context(), Phrase(phraseOfTests), salt, slowhash.Params{MemoryKiB: leastMemoryKiB, Passes: leastPasses, Lanes: 1}, 32)
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := gcm(derived)
	if err != nil {
		t.Fatal(err)
	}
	w.key = wrap
	encoded := base64.StdEncoding.EncodeToString(salt)
	key := w.seal(raw, "vigie-vault|1|"+w.vault+"|key|argon2id|19|19456|2|1|"+encoded)
	text, err := json.Marshal(header{Format: "vigie-vault", Version: 1, Vault: w.vault, Key: base64.StdEncoding.EncodeToString(key),
		KDF: kdf{Name: "argon2id", Version: 19, Memory: leastMemoryKiB, Passes: leastPasses, Lanes: 1, Salt: encoded}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := gcm(raw)
	if err != nil {
		t.Fatal(err)
	}
	w.key = data
	w.WriteString(magic)
	w.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 1), uint32(len(text))))
	w.Write(text)
	return w
}

func (w *writer) seal(plain []byte, bound string) []byte {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	return w.key.Seal(nonce, nonce, plain, []byte(bound))
}

func (w *writer) record(kind byte, id string, sealed []byte) {
	head := make([]byte, headSize)
	head[0] = kind
	if _, err := hex.Decode(head[1:17], []byte(id)); err != nil {
		w.Fatal(err)
	}
	binary.BigEndian.PutUint32(head[17:], uint32(len(sealed)))
	w.Write(head)
	w.Write(sealed)
}

func (w *writer) item(body []byte) string {
	raw := make([]byte, 16)
	rand.Read(raw)
	id := hex.EncodeToString(raw)
	sum := sha256.Sum256(body)
	meta, err := json.Marshal(map[string]any{"kind": "video", "name": "film", "type": "video/mp4", "size": len(body), "sha256": hex.EncodeToString(sum[:]), "at": "2026-11-23T21:00:00+01:00"})
	if err != nil {
		w.Fatal(err)
	}
	w.record(recordMeta, id, w.seal(meta, part(w.vault, id, "meta")))
	n := int(chunksOf(int64(len(body))))
	for i := range n {
		w.record(recordChunk, id, w.seal(body[i*chunkSize:min(len(body), (i+1)*chunkSize)], chunk(w.vault, id, "video", i, i == n-1)))
	}
	w.ids = append(w.ids, id)
	return id
}

func (w *writer) end() []byte {
	list, err := json.Marshal(map[string]any{"items": w.ids})
	if err != nil {
		w.Fatal(err)
	}
	w.record(recordEnd, strings.Repeat("0", 32), w.seal(list, "vigie-vault|1|"+w.vault+"|end"))
	return w.Bytes()
}

// A body of several chunks comes out as it went in, whatever its length is beside that of a chunk.
func TestLongBodies(t *testing.T) {
	w := newWriter(t)
	lengths := []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 17}
	for _, n := range lengths {
		w.item(bytes.Repeat([]byte("preuve "), n/7+1)[:n])
	}
	file := w.end()
	e, err := Open(t.Context(), bytes.NewReader(file), int64(len(file)), phraseOfTests)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range lengths {
		var body bytes.Buffer
		if err := e.Extract(e.Items[i], &body); err != nil || body.Len() != n {
			t.Errorf("%d bytes: %d, %v", n, body.Len(), err)
		}
	}
	// Two chunks of the last one exchanged, and its last one left out.
	last := e.Items[len(lengths)-1]
	last.chunks[1], last.chunks[2] = last.chunks[2], last.chunks[1]
	if err := e.Verify(last); fault.As(err) == nil {
		t.Errorf("exchanged chunks open: %v", err)
	}
	last.chunks[1], last.chunks[2] = last.chunks[2], last.chunks[1]
	last.chunks = last.chunks[:3]
	if err := e.Verify(last); fault.As(err) == nil {
		t.Errorf("a shortened body opens: %v", err)
	}
}

// endless is a file that says to be as large as a disk, and is asked for little of it.
type endless struct {
	bytes.Reader
	asked int64
}

func (f *endless) ReadAt(p []byte, at int64) (int, error) {
	f.asked += int64(len(p))
	return f.Reader.ReadAt(p, at)
}

// A hostile file reserves no more than the format allows: whatever length it tells, nothing near it is read.
func TestHostileLengthsReserveNothing(t *testing.T) {
	w := newWriter(t)
	w.item([]byte("une note"))
	start := bytes.Clone(w.Bytes())
	for _, length := range []uint32{0, overhead - 1, chunkSize + overhead + 1, 1 << 31, 1<<32 - 1} {
		head := make([]byte, headSize)
		head[0] = recordChunk
		binary.BigEndian.PutUint32(head[17:], length)
		f := &endless{Reader: *bytes.NewReader(append(bytes.Clone(start), head...))}
		_, err := Open(t.Context(), f, 1<<50, phraseOfTests)
		if got := fault.As(err); got == nil || got.Key != "fault.vault.broken" {
			t.Errorf("a record of %d bytes: %v", length, err)
		}
		if f.asked > 1<<20 {
			t.Errorf("a record of %d bytes made us ask for %d", length, f.asked)
		}
	}
}

// Whatever bytes come, there is a fault or a list, and never a panic.
func FuzzOpen(f *testing.F) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		f.Fatal(err)
	}
	key, err := gcm(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range v.Exports {
		f.Add(x.File)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		h, at, err := readHeader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			if fault.As(err) == nil {
				t.Fatalf("no fault: %v", err)
			}
			return
		}
		e := &Export{ID: h.Vault, file: bytes.NewReader(file), key: key}
		if err := e.read(at, int64(len(file))); err != nil && fault.As(err) == nil {
			t.Fatalf("no fault: %v", err)
		}
		for _, item := range e.Items {
			_ = e.Verify(item)
		}
	})
}

// A disk that fails is no fault of hers.
func TestADiskThatFails(t *testing.T) {
	broken := errors.New("the disk")
	if _, err := Open(context.Background(), failing{broken}, 1000, ""); !errors.Is(err, broken) {
		t.Errorf("said %v", err)
	}
}

type failing struct{ error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.error }

var _ io.ReaderAt = failing{}
