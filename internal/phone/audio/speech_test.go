package audio_test

import (
	"bytes"
	"os/exec"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// speech is words spoken in French by espeak-ng, as loud as on the telephone. Without espeak-ng
// (scripts/need.sh installs it) the test is skipped.
func speech(t testing.TB, words string, args ...string) []int16 {
	t.Helper()
	espeak, err := exec.LookPath("espeak-ng")
	if err != nil {
		t.Skip("espeak-ng is not installed")
	}
	wav, err := exec.Command(espeak, append(append([]string{"-v", "fr", "--stdout"}, args...), words)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	clip, err := audio.ReadWAV(bytes.NewReader(wav), 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return clip.Normalised().Samples()
}
