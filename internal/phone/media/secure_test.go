package media_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// Every suite enciphers both ways, and what was not enciphered with the call's keys is not heard.
func TestEnciphered(t *testing.T) {
	t.Parallel()
	profiles := map[string]srtp.ProtectionProfile{
		"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
		"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
		"AEAD_AES_128_GCM":        srtp.ProtectionProfileAeadAes128Gcm,
		"AEAD_AES_256_GCM":        srtp.ProtectionProfileAeadAes256Gcm,
	}
	for _, suite := range media.Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			keys := func() (*media.Keys, *srtp.Context) {
				master := make([]byte, media.MasterSize(suite))
				_, _ = rand.Read(master)
				size, _ := profiles[suite].KeyLen()
				c, err := srtp.CreateContext(master[:size], master[size:], profiles[suite])
				if err != nil {
					t.Fatal(err)
				}
				return &media.Keys{Suite: suite, Master: master}, c
			}
			ours, opens := keys()
			theirs, seals := keys()
			secured := func(r *media.Remote) { r.Sends, r.Receives = ours, theirs }
			line, phone := connect(t, "caller", audio.PCMA, cast[media.Caller], secured)
			probe := hearing(t, line)
			time.Sleep(200 * time.Millisecond)
			if n := len(probe.Sound("caller")); n != 0 {
				t.Fatalf("%d samples of what was not enciphered were heard", n)
			}
			refused := line.Quality().Refused
			if refused == 0 {
				t.Error("nothing was refused")
			}
			phone.Secure(seals, opens)
			time.Sleep(settleTime)
			// A re-INVITE with the same keys, across the wrap of the sequence number, changes nothing.
			remote := terms(phone, audio.PCMA)
			secured(&remote)
			if err := line.Configure(remote); err != nil {
				t.Fatal(err)
			}
			time.Sleep(settleTime)
			probe.Forget()
			phone.Forget()
			time.Sleep(window + 60*time.Millisecond)
			tones(t, "the counsellor", first(probe.Sound("caller")), media.Caller)
			tones(t, "the caller", first(phone.Sound()), media.Counsellor)

			// New keys in mid call: the old ones open nothing any more.
			remote.Sends, _ = keys()
			remote.Receives, seals = keys()
			if err := line.Configure(remote); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			probe.Forget()
			time.Sleep(200 * time.Millisecond)
			if n := len(probe.Sound("caller")); n != 0 {
				t.Errorf("%d samples with the old keys were heard", n)
			}
			phone.Secure(seals, opens)
			eventually(t, "the new keys count", func() bool { return len(probe.Sound("caller")) > 0 })
		})
	}
}
