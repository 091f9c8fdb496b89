package mediatest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/pion/opus/pkg/oggreader"

	"vigie/internal/phone/audio"
)

// OpusOf is a tone of so many hertz, of that length, in packets of Opus, each of so much sound: made by the reference's
// own code, which is in Debian's opus-tools. Without it the test is skipped.
func OpusOf(tb testing.TB, freq, amplitude float64, length, packet time.Duration, bitrate int) [][]byte {
	tb.Helper()
	file := tool(tb, wav(audio.Sine(freq, amplitude, length)), "opusenc", "--quiet", "--hard-cbr", "--bitrate", fmt.Sprint(bitrate/1000),
		"--framesize", fmt.Sprint(packet.Milliseconds()), "-", "-")
	pages, _, err := oggreader.NewWith(bytes.NewReader(file))
	if err != nil {
		tb.Fatal(err)
	}
	var packets [][]byte
	for {
		p, _, err := pages.ParseNextPacket()
		if err != nil {
			return packets
		}
		if !bytes.HasPrefix(p, []byte("OpusTags")) {
			packets = append(packets, p)
		}
	}
}

// opusTone is a second of a tone that can be said over and over: the second one, in which the encoder has settled.
func opusTone(tb testing.TB, freq, amplitude float64) [][]byte {
	return OpusOf(tb, freq, amplitude, 3*time.Second, 20*time.Millisecond, 64000)[50:100]
}

// tool gives bytes to a program and returns what it makes of them.
func tool(tb testing.TB, in []byte, name string, args ...string) []byte {
	tb.Helper()
	if _, err := exec.LookPath(name); err != nil {
		tb.Skip(name + " is not installed (apt-get install opus-tools)")
	}
	c := exec.Command(name, args...)
	c.Stdin = bytes.NewReader(in)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		tb.Fatalf("%s: %v: %s", name, err, &complaint)
	}
	return out
}

// wav is a file of samples at 8 kHz.
func wav(samples []int16) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF")
	for _, field := range []any{
		uint32(36 + 2*len(samples)), []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(audio.Rate), uint32(2 * audio.Rate),
		uint16(2), uint16(16), []byte("data"), uint32(2 * len(samples)), samples,
	} {
		_ = binary.Write(&b, binary.LittleEndian, field) // to memory: never fails
	}
	return b.Bytes()
}
