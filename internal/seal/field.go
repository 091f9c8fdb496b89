package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"

	"vigie/internal/fault"
)

// Field says where a sealed value lies. It is not stored: it is known where the value is read, and a
// value that was moved to another table, column, row or key does not open.
type Field struct {
	Table, Column string
	// Row is the id of the row, made before the row is written.
	Row string
	// Version is the form of the plain text (JSON of a certain shape, say), the caller's own count.
	Version int
}

// The form of a sealed value:
//
//	1 byte    form, 1
//	12 bytes  random nonce
//	n bytes   AES-256-GCM of the padded text, with its 16-byte tag
//
// The AES key is made from the owner's key for this table and row (HKDF-SHA256), and the additional data
// are table, column, row, key id and version, each with its length. The text is padded so that its
// length does not tell a code like "suicide" from one like "other": up to 31 bytes look alike, above
// that the size is rounded up by 12 % at most (Padmé, Nikitin et al., PETS 2019).
const (
	fieldForm   = 1
	nonceSize   = 12
	tagSize     = 16
	smallestPad = 32
)

// Seal seals plain for its place. Each call gives other bytes. It needs no I/O and takes about 2 µs.
func (key *Key) Seal(f Field, plain []byte) []byte {
	padded := make([]byte, paddedSize(len(plain)))
	copy(padded, plain)
	padded[len(plain)] = 0x80
	sealed := make([]byte, 1, 1+nonceSize+len(padded)+tagSize)
	sealed[0] = fieldForm
	return newAEAD(key.record(f)).Seal(sealed, nil, padded, f.bind(key.id))
}

// SealText is Seal for a text.
func (key *Key) SealText(f Field, plain string) []byte { return key.Seal(f, []byte(plain)) }

// Open opens what Seal returned for the same field. Anything else, another place included, is
// fault.Internal "fault.seal.broken".
func (key *Key) Open(f Field, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+nonceSize+smallestPad+tagSize {
		return nil, broken("too short")
	}
	if sealed[0] != fieldForm {
		return nil, broken("of another form")
	}
	padded, err := newAEAD(key.record(f)).Open(nil, nil, sealed[1:], f.bind(key.id))
	if err != nil {
		return nil, broken("not sealed for this place with this key")
	}
	return unpad(padded)
}

// OpenText is Open for a text.
func (key *Key) OpenText(f Field, sealed []byte) (string, error) {
	plain, err := key.Open(f, sealed)
	return string(plain), err
}

func broken(why string) error {
	return fault.Wrap(errors.New("seal: the value is "+why), fault.Internal, "fault.seal.broken")
}

// record derives the key of one row. The owner's key is uniform, so HKDF's first step is not needed.
func (key *Key) record(f Field) []byte {
	info := make([]byte, 0, 64)
	info = append(info, "vigie row"...)
	info = appendPart(info, f.Table)
	info = appendPart(info, f.Row)
	k, err := hkdf.Expand(sha256.New, key.secret, string(info), keySize)
	if err != nil {
		panic("seal: hkdf: " + err.Error()) // only for lengths that we do not ask for
	}
	return k
}

// bind writes the additional data. Lengths keep ("ab", "c") from meaning ("a", "bc").
func (f Field) bind(keyID string) []byte {
	b := make([]byte, 0, 160)
	b = append(b, "vigie field"...)
	for _, part := range [...]string{f.Table, f.Column, f.Row, keyID} {
		b = appendPart(b, part)
	}
	return binary.AppendUvarint(b, uint64(f.Version))
}

func appendPart(b []byte, part string) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}

// paddedSize returns the size to which a text of n bytes and the mark of its end are padded.
func paddedSize(n int) int {
	n++ // the mark
	if n <= smallestPad {
		return smallestPad
	}
	e := bits.Len(uint(n)) - 1
	round := 1<<(e-bits.Len(uint(e))) - 1
	return (n + round) &^ round
}

func unpad(padded []byte) ([]byte, error) {
	end := len(padded) - 1
	for end >= 0 && padded[end] == 0 {
		end--
	}
	if end < 0 || padded[end] != 0x80 {
		return nil, broken("not padded as ours are")
	}
	return padded[:end], nil
}
