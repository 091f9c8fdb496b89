package sdp

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
)

// Author numbers the descriptions of one call: the same session for its whole life, a version that grows by one
// when, and only when, something changed (RFC 3264 §8).
type Author struct {
	id, version uint64
	last        []byte
}

// NewAuthor begins a session with a number that says nothing of us.
func NewAuthor() *Author {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	// Some peers read these numbers as signed ones, or as 32 bits.
	return &Author{id: uint64(binary.BigEndian.Uint32(b[:]) >> 1), version: 1}
}

// Write asks make for a description with the numbers it gets, and again with the next version when it is not
// the one of last time.
func (a *Author) Write(make func(id, version uint64) ([]byte, error)) ([]byte, error) {
	text, err := make(a.id, a.version)
	if err != nil || a.last == nil || bytes.Equal(text, a.last) {
		if err == nil {
			a.last = text
		}
		return text, err
	}
	next, err := make(a.id, a.version+1)
	if err != nil {
		return nil, err
	}
	a.version++
	a.last = next
	return next, nil
}
