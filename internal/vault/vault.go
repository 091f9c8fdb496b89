// Package vault reads the one file as which a young person takes her vault out of her phone, given the passphrase that she chose.
//
// A vault is made and kept by the browser (web/assets/ts/vault-*.ts) and never comes to the house: what she hands to her counsellor she hands
// over item by item, in clear, by the door of proofs. This room is for the other way: a parent, a lawyer or the police got the file from her,
// and want what is in it without a browser and without us. docs/VAULT.md describes the format for whoever writes a program of her own;
// testdata/vectors.json, written by the browser's side, is read by both.
//
// The file may come from anybody. Nothing in it is believed before AES-GCM has opened it, no length is reserved before it was compared with
// what the format allows, and a body is never in memory whole.
package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"vigie/internal/fault"
	"vigie/internal/slowhash"
)

// Version is the one that is read.
const Version = 1

const (
	magic     = "VIGIE-VAULT\n"
	leadSize  = len(magic) + 8
	headSize  = 21
	nonceSize = 12
	overhead  = nonceSize + 16
	chunkSize = 1 << 20

	mostHeader = 4 << 10
	mostItems  = 50_000
)

// The kinds of records, with the most bytes that each may seal.
const (
	recordMeta  = 1
	recordThumb = 2
	recordGiven = 3
	recordChunk = 4
	recordEnd   = 5
)

var most = map[byte]uint32{recordMeta: 64 << 10, recordThumb: 256 << 10, recordGiven: 64 << 10, recordChunk: chunkSize, recordEnd: 4 << 20}

// What Argon2id may cost: OWASP's least, and the most that slowhash pays.
const (
	leastMemoryKiB, mostMemoryKiB = 19 << 10, 256 << 10
	leastPasses, mostPasses       = 2, 16
	leastLanes, mostLanes         = 1, 4
)

// Item is one thing of a vault.
type Item struct {
	ID string `json:"id"`
	// Refused says that it was changed after she put it in, or cannot be read: nothing else of it is known then, or no body is given.
	Refused bool `json:"refused"`
	Meta
	// Given are the handings over to a helpline that the vault remembers.
	Given []Given `json:"given,omitempty"`

	chunks []place
}

// Meta is what was fixed when the item came in.
type Meta struct {
	Kind string `json:"kind"` // picture, video, sound, file, link, note
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
	// SHA256 is that of the untouched body, in hexadecimal.
	SHA256 string `json:"sha256"`
	// At is what the phone's clock said: a statement of hers.
	At time.Time `json:"at"`
}

// Given is one handing over, as the helpline answered it.
type Given struct {
	Proof string `json:"proof"`
	At    string `json:"at"`
	Match bool   `json:"match"`
	Back  string `json:"back,omitempty"`
}

// place is where a sealed chunk lies in the file.
type place struct {
	at     int64
	length uint32
}

// Export is an opened file.
type Export struct {
	ID    string
	Items []Item
	// Whole says that the file's own list of its items holds: none was taken away, added or moved.
	Whole bool

	file io.ReaderAt
	key  cipher.AEAD
}

type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Vault   string `json:"vault"`
	KDF     kdf    `json:"kdf"`
	Key     string `json:"key"`
}

type kdf struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Memory  uint32 `json:"memory"`
	Passes  uint32 `json:"passes"`
	Lanes   uint32 `json:"lanes"`
	Salt    string `json:"salt"`
}

// Open opens an export with its passphrase and reads what is in it, but no body. It returns fault.Invalid "fault.vault.broken" for what is
// no such file, "fault.vault.newer" and "fault.vault.older" for another version, "fault.vault.costs" for costs out of bounds,
// "fault.vault.cut" for a file that ends too early, and fault.Forbidden "fault.vault.wrong" for another passphrase.
func Open(ctx context.Context, file io.ReaderAt, size int64, phrase string) (*Export, error) {
	h, at, err := readHeader(file, size)
	if err != nil {
		return nil, err
	}
	e := &Export{ID: h.Vault, file: file}
	if e.key, err = unwrap(ctx, h, phrase); err != nil {
		return nil, err
	}
	return e, e.read(at, size)
}

func broken(cause string) error {
	return fault.Wrap(errors.New(cause), fault.Invalid, "fault.vault.broken")
}

func readHeader(file io.ReaderAt, size int64) (h header, at int64, err error) {
	lead := make([]byte, leadSize)
	if size < int64(leadSize) {
		return h, 0, broken("shorter than its beginning")
	}
	if err := readAt(file, lead, 0); err != nil {
		return h, 0, err
	}
	if string(lead[:len(magic)]) != magic {
		return h, 0, broken("another beginning")
	}
	if err := readable(int64(binary.BigEndian.Uint32(lead[len(magic):]))); err != nil {
		return h, 0, err
	}
	length := binary.BigEndian.Uint32(lead[len(magic)+4:])
	if length > mostHeader {
		return h, 0, broken("a header out of bounds")
	}
	text := make([]byte, length)
	if err := readAt(file, text, int64(leadSize)); err != nil {
		return h, 0, err
	}
	if err := json.Unmarshal(text, &h); err != nil || h.Format != "vigie-vault" {
		return h, 0, broken("a header that cannot be read")
	}
	if err := readable(int64(h.Version)); err != nil {
		return h, 0, err
	}
	if !isID(h.Vault) || h.KDF.Name != "argon2id" || h.KDF.Version != 19 {
		return h, 0, broken("a header of something else")
	}
	if h.KDF.Memory < leastMemoryKiB || h.KDF.Memory > mostMemoryKiB || h.KDF.Passes < leastPasses || h.KDF.Passes > mostPasses ||
		h.KDF.Lanes < leastLanes || h.KDF.Lanes > mostLanes {
		return h, 0, fault.New(fault.Invalid, "fault.vault.costs")
	}
	return h, int64(leadSize) + int64(length), nil
}

func readable(version int64) error {
	switch {
	case version > Version:
		return fault.New(fault.Invalid, "fault.vault.newer")
	case version < Version:
		return fault.New(fault.Invalid, "fault.vault.older")
	}
	return nil
}

// unwrap makes the passphrase into the key that opens the vault's own.
func unwrap(ctx context.Context, h header, phrase string) (cipher.AEAD, error) {
	salt, err := decode(h.KDF.Salt, 16)
	if err != nil {
		return nil, err
	}
	sealed, err := decode(h.Key, 32+overhead)
	if err != nil {
		return nil, err
	}
	derived, err := slowhash.Key(ctx, Phrase(phrase), salt, slowhash.Params{MemoryKiB: h.KDF.Memory, Passes: h.KDF.Passes, Lanes: uint8(h.KDF.Lanes)}, 32)
	if err != nil {
		return nil, err
	}
	wrap, err := gcm(derived)
	clear(derived)
	if err != nil {
		return nil, err
	}
	bound := strings.Join([]string{"vigie-vault", strconv.Itoa(Version), h.Vault, "key", h.KDF.Name, strconv.Itoa(h.KDF.Version),
		fmt.Sprint(h.KDF.Memory), fmt.Sprint(h.KDF.Passes), fmt.Sprint(h.KDF.Lanes), h.KDF.Salt}, "|")
	raw, err := open(wrap, sealed, bound)
	if err != nil {
		return nil, fault.New(fault.Forbidden, "fault.vault.wrong")
	}
	defer clear(raw)
	return gcm(raw)
}

// Phrase is the passphrase as bytes: the same on every keyboard. NFKC, one space between words, none around.
func Phrase(typed string) []byte {
	return []byte(strings.Join(strings.FieldsFunc(norm.NFKC.String(typed), func(r rune) bool {
		return strings.ContainsRune("\t\n\v\f\r \u0085\u1680\u2028\u2029", r)
	}), " "))
}

// read walks the records. What does not open is noted at its item; what is not framed as it must be ends the reading.
func (e *Export) read(at, size int64) error {
	var item *Item
	seen := map[string]bool{}
	head := make([]byte, headSize)
	for at < size {
		if size-at < int64(headSize) {
			return cut()
		}
		if err := readAt(e.file, head, at); err != nil {
			return err
		}
		kind, id, length := head[0], hex.EncodeToString(head[1:17]), binary.BigEndian.Uint32(head[17:])
		max, known := most[kind]
		if !known || length < overhead || length > max+overhead {
			return broken("a record out of bounds")
		}
		at += int64(headSize)
		if size-at < int64(length) {
			return cut()
		}
		here := place{at: at, length: length}
		at += int64(length)
		switch {
		case kind == recordEnd:
			if at != size {
				return broken("something after the end")
			}
			return e.ends(here)
		case kind == recordMeta:
			if seen[id] || len(e.Items) >= mostItems {
				return broken("an item twice, or too many")
			}
			seen[id] = true
			e.Items = append(e.Items, Item{ID: id})
			item = &e.Items[len(e.Items)-1]
			if err := e.meta(item, here); err != nil {
				return err
			}
		case item == nil || item.ID != id:
			return broken("a piece of no item")
		case kind == recordGiven:
			if err := e.given(item, here); err != nil {
				return err
			}
		case kind == recordChunk:
			item.chunks = append(item.chunks, here)
			if !item.Refused && int64(len(item.chunks)) > chunksOf(item.Size) {
				item.Refused = true
			}
		}
	}
	return cut()
}

func cut() error { return fault.New(fault.Invalid, "fault.vault.cut") }

// meta opens what an item is. Only the reading itself is an error: what does not open is refused.
func (e *Export) meta(item *Item, at place) error {
	var m struct {
		Meta
		At string `json:"at"`
	}
	ok, err := e.json(at, part(e.ID, item.ID, "meta"), &m)
	if err != nil {
		return err
	}
	m.Meta.At, err = time.Parse(time.RFC3339, m.At)
	sum, e2 := hex.DecodeString(m.SHA256)
	if !ok || err != nil || e2 != nil || len(sum) != sha256.Size || m.Size < 0 || m.Size > 1<<40 || !slices.Contains(kinds, m.Kind) {
		item.Refused = true
		return nil
	}
	item.Meta = m.Meta
	return nil
}

var kinds = []string{"picture", "video", "sound", "file", "link", "note"}

func (e *Export) given(item *Item, at place) error {
	ok, err := e.json(at, part(e.ID, item.ID, "given"), &item.Given)
	if !ok {
		item.Given = nil
	}
	return err
}

// ends compares the items with the list that the file ends with.
func (e *Export) ends(at place) error {
	var end struct {
		Items []string `json:"items"`
	}
	ok, err := e.json(at, strings.Join([]string{"vigie-vault", strconv.Itoa(Version), e.ID, "end"}, "|"), &end)
	if err != nil {
		return err
	}
	e.Whole = ok && len(end.Items) == len(e.Items)
	for i := range e.Items {
		if !e.Whole {
			break
		}
		e.Whole = end.Items[i] == e.Items[i].ID
	}
	return nil
}

func (e *Export) json(at place, bound string, into any) (ok bool, err error) {
	sealed := make([]byte, at.length)
	if err := readAt(e.file, sealed, at.at); err != nil {
		return false, err
	}
	plain, err := open(e.key, sealed, bound)
	return err == nil && utf8.Valid(plain) && json.Unmarshal(plain, into) == nil, nil
}

// Item finds an item by its id, or by its place in the list ("1" is the first).
func (e *Export) Item(which string) (Item, bool) {
	if n, err := strconv.Atoi(which); err == nil && len(which) < 8 {
		if n < 1 || n > len(e.Items) {
			return Item{}, false
		}
		return e.Items[n-1], true
	}
	i := slices.IndexFunc(e.Items, func(item Item) bool { return item.ID == which })
	if i < 0 {
		return Item{}, false
	}
	return e.Items[i], true
}

// Extract writes the body of an item as it came in. A fault may come after some of it was written, because it streams: what was written
// is hers up to there, and not whole. It returns fault.Invalid "fault.vault.tampered" for a body that was changed.
func (e *Export) Extract(item Item, to io.Writer) error {
	changed := fault.New(fault.Invalid, "fault.vault.tampered")
	if item.Refused || int64(len(item.chunks)) != chunksOf(item.Size) {
		return changed
	}
	var sum hash.Hash = sha256.New()
	left := item.Size
	for n, at := range item.chunks {
		last := n == len(item.chunks)-1
		sealed := make([]byte, at.length)
		if err := readAt(e.file, sealed, at.at); err != nil {
			return err
		}
		plain, err := open(e.key, sealed, chunk(e.ID, item.ID, item.Kind, n, last))
		if err != nil || int64(len(plain)) != min(left, chunkSize) {
			return changed
		}
		left -= int64(len(plain))
		sum.Write(plain)
		if _, err := to.Write(plain); err != nil {
			return err
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != item.SHA256 {
		return changed
	}
	return nil
}

// Verify says whether the body of an item is what came in.
func (e *Export) Verify(item Item) error { return e.Extract(item, io.Discard) }

func chunksOf(size int64) int64 { return max(1, (size+chunkSize-1)/chunkSize) }

func part(vault, item, name string) string {
	return strings.Join([]string{"vigie-vault", strconv.Itoa(Version), vault, item, name}, "|")
}

func chunk(vault, item, kind string, n int, last bool) string {
	place := "more"
	if last {
		place = "last"
	}
	return strings.Join([]string{"vigie-vault", strconv.Itoa(Version), vault, item, "body", kind, strconv.Itoa(n), place}, "|")
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

var errTampered = errors.New("vault: what is sealed was changed")

func open(key cipher.AEAD, sealed []byte, bound string) ([]byte, error) {
	if len(sealed) < overhead {
		return nil, errTampered
	}
	plain, err := key.Open(nil, sealed[:nonceSize], sealed[nonceSize:], []byte(bound))
	if err != nil {
		return nil, errTampered
	}
	return plain, nil
}

func readAt(file io.ReaderAt, into []byte, at int64) error {
	n, err := file.ReadAt(into, at)
	if n == len(into) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return cut()
	}
	return err
}

func decode(text string, size int) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != size {
		return nil, broken("a header with other lengths")
	}
	return raw, nil
}

func isID(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 16 && strings.ToLower(s) == s
}
