package sdp

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Suite is a way to protect RTP, by its name in SDES (RFC 4568 §6.2, RFC 7714 §14.2).
type Suite string

// The suites that we know, all of which pion/srtp does.
const (
	AES128SHA80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128SHA32 Suite = "AES_CM_128_HMAC_SHA1_32"
	AES128GCM   Suite = "AEAD_AES_128_GCM"
	AES256GCM   Suite = "AEAD_AES_256_GCM"
)

// offered are the suites of our offers, in the order of preference.
var offered = []Suite{AES256GCM, AES128GCM, AES128SHA80, AES128SHA32}

// Length is how many bytes key and salt have together: 16+14 (RFC 3711), 16+12 and 32+12 (RFC 7714 §12);
// 0 for a suite that we do not know.
func (s Suite) Length() int {
	switch s {
	case AES128SHA80, AES128SHA32:
		return 30
	case AES128GCM:
		return 28
	case AES256GCM:
		return 44
	}
	return 0
}

// Crypto is an a=crypto line: the key with which the side that writes it sends.
type Crypto struct {
	Tag   int
	Suite Suite
	Key   []byte // master key and salt
}

// String is the line's value.
func (c Crypto) String() string {
	return fmt.Sprintf("%d %s inline:%s", c.Tag, c.Suite, base64.StdEncoding.EncodeToString(c.Key))
}

// newCrypto makes a key for the suite.
func newCrypto(tag int, suite Suite) Crypto {
	key := make([]byte, suite.Length())
	rand.Read(key) // never fails (crypto/rand)
	return Crypto{Tag: tag, Suite: suite, Key: key}
}

// parseCrypto reads an a=crypto value. It says false of a line that we could not follow to the letter: another
// suite, several keys, a master key index, parameters that change the protection (RFC 4568 §6.3). Such a line
// is as if it were not there, and the next one is tried.
func parseCrypto(value string) (Crypto, bool) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Crypto{}, false
	}
	tag, err := strconv.Atoi(fields[0])
	if err != nil || tag < 0 || len(fields[0]) > 9 {
		return Crypto{}, false
	}
	suite := Suite(strings.ToUpper(fields[1]))
	if suite.Length() == 0 {
		return Crypto{}, false
	}
	method, rest, ok := strings.Cut(fields[2], ":")
	if !ok || !strings.EqualFold(method, "inline") || strings.Contains(rest, ";") {
		return Crypto{}, false
	}
	parts := strings.Split(rest, "|")
	key, err := base64.StdEncoding.DecodeString(parts[0])
	if err != nil {
		// Some peers leave the padding out.
		key, err = base64.RawStdEncoding.DecodeString(parts[0])
	}
	if err != nil || len(key) != suite.Length() {
		return Crypto{}, false
	}
	for _, part := range parts[1:] {
		// A lifetime ("2^31") is longer than any call; a master key index ("1:4") would be in each packet.
		if strings.Contains(part, ":") {
			return Crypto{}, false
		}
	}
	for _, parameter := range fields[3:] {
		// A hint of the window's size changes nothing; anything else does.
		if !strings.HasPrefix(strings.ToUpper(parameter), "WSH=") {
			return Crypto{}, false
		}
	}
	return Crypto{Tag: tag, Suite: suite, Key: key}, true
}

// keyFor is our key for a suite: the one the call already has, or a new one.
func (l Local) keyFor(tag int, suite Suite) Crypto {
	for _, k := range l.Keys {
		if k.Suite == suite {
			k.Tag = tag
			return k
		}
	}
	return newCrypto(tag, suite)
}
