package media

import (
	"bytes"

	"github.com/pion/srtp/v3"

	"vigie/internal/fault"
)

// Keys are what one direction of a line is enciphered with: a suite of SDP security descriptions and its
// master key and salt (RFC 4568 §6.2, RFC 7714 §14.2).
type Keys struct {
	// Suite is its name in SDP, "AES_CM_128_HMAC_SHA1_80".
	Suite string
	// Master is key and salt as one, as SDP's inline carries them after base64.
	Master []byte
}

// suites are those we speak; the last two are RFC 7714's.
var suites = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
	"AEAD_AES_128_GCM":        srtp.ProtectionProfileAeadAes128Gcm,
	"AEAD_AES_256_GCM":        srtp.ProtectionProfileAeadAes256Gcm,
}

// Suites are the names of the suites we speak, best first.
func Suites() []string {
	return []string{"AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}
}

// MasterSize is how many bytes of key and salt a suite takes; 0 for one that we do not speak.
func MasterSize(suite string) int {
	profile, ok := suites[suite]
	if !ok {
		return 0
	}
	key, _ := profile.KeyLen() // neither fails for a profile of the table
	salt, _ := profile.SaltLen()
	return key + salt
}

func (k *Keys) equal(o *Keys) bool {
	if k == nil || o == nil {
		return k == o
	}
	return k.Suite == o.Suite && bytes.Equal(k.Master, o.Master)
}

// context makes these keys ready, for one direction: what comes again is known as a replay, 64 packets back.
// Invalid for a suite we do not speak, or a key of another size.
func (k *Keys) context() (*srtp.Context, error) {
	profile, ok := suites[k.Suite]
	if !ok || len(k.Master) != MasterSize(k.Suite) {
		return nil, fault.New(fault.Invalid, "fault.media.terms", "what", "keys")
	}
	size, err := profile.KeyLen()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "fault.internal")
	}
	c, err := srtp.CreateContext(k.Master[:size], k.Master[size:], profile,
		srtp.SRTPReplayProtection(64), srtp.SRTCPReplayProtection(64))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "fault.internal")
	}
	return c, nil
}
