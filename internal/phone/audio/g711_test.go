package audio_test

import (
	"fmt"
	"testing"

	"vigie/internal/phone/audio"
)

func decoded(c audio.Codec, b byte) int16 {
	var s [1]int16
	c.Decode(s[:], []byte{b})
	return s[0]
}

func encoded(c audio.Codec, s int16) byte {
	var b [1]byte
	c.Encode(b[:], []int16{s})
	return b[0]
}

// The values at the ends of the segments are those of the standard: columns 6 to 8 of tables 1 and 2 of
// G.711, in 16 bits (A-law times 8, µ-law times 4).
func TestG711ReadsTheValuesOfTheStandard(t *testing.T) {
	for _, v := range []struct {
		codec audio.Codec
		b     byte
		want  int16
	}{
		{audio.PCMU, 0x80, 8031 * 4}, {audio.PCMU, 0x8F, 4191 * 4}, {audio.PCMU, 0x9F, 2079 * 4},
		{audio.PCMU, 0xAF, 1023 * 4}, {audio.PCMU, 0xBF, 495 * 4}, {audio.PCMU, 0xCF, 231 * 4},
		{audio.PCMU, 0xDF, 99 * 4}, {audio.PCMU, 0xEF, 33 * 4}, {audio.PCMU, 0xFE, 2 * 4}, {audio.PCMU, 0xFF, 0},
		{audio.PCMU, 0x00, -8031 * 4}, {audio.PCMU, 0x7F, 0}, {audio.PCMU, 0x7E, -2 * 4},
		{audio.PCMA, 0xAA, 4032 * 8}, {audio.PCMA, 0xA5, 2112 * 8}, {audio.PCMA, 0xB5, 1056 * 8},
		{audio.PCMA, 0x85, 528 * 8}, {audio.PCMA, 0x95, 264 * 8}, {audio.PCMA, 0xE5, 132 * 8},
		{audio.PCMA, 0xF5, 66 * 8}, {audio.PCMA, 0xC5, 33 * 8}, {audio.PCMA, 0xD5, 1 * 8},
		{audio.PCMA, 0x2A, -4032 * 8}, {audio.PCMA, 0x55, -1 * 8},
	} {
		if got := decoded(v.codec, v.b); got != v.want {
			t.Errorf("%s %#02x is %d, not %d", v.codec, v.b, got, v.want)
		}
	}
}

// Every byte, read and written again, is the same byte; only µ-law's negative 0 becomes the positive one.
func TestG711WritesBackEveryByteItReads(t *testing.T) {
	for _, c := range []audio.Codec{audio.PCMU, audio.PCMA} {
		for b := range 256 {
			want := byte(b)
			if c == audio.PCMU && want == 0x7F {
				want = 0xFF
			}
			if got := encoded(c, decoded(c, byte(b))); got != want {
				t.Errorf("%s %#02x came back as %#02x", c, b, got)
			}
		}
	}
}

// A sample is written as the value between whose decision values it lies (column 5 of tables 1 and 2 of
// G.711): there the byte changes, and nowhere else.
func TestG711DecidesWhereTheStandardDoes(t *testing.T) {
	for _, law := range []struct {
		codec   audio.Codec
		unit    int   // one of the table in 16 bits
		starts  []int // where a segment begins, and the last ends
		steps   []int
		highest int
	}{
		{audio.PCMU, 4, []int{1, 31, 95, 223, 479, 991, 2015, 4063, 7904}, []int{2, 4, 8, 16, 32, 64, 128, 256}, 32124},
		{audio.PCMA, 8, []int{2, 64, 128, 256, 512, 1024, 2048, 4095}, []int{2, 4, 8, 16, 32, 64, 128}, 32256},
	} {
		decisions := map[int]bool{}
		for i, step := range law.steps {
			for x := law.starts[i]; x < law.starts[i+1]; x += step {
				decisions[x*law.unit] = true
			}
		}
		if len(decisions) != 127 {
			t.Fatalf("%s: the test has %d decision values", law.codec, len(decisions))
		}
		for s := 1; s <= 32767; s++ {
			before, now := decoded(law.codec, encoded(law.codec, int16(s-1))), decoded(law.codec, encoded(law.codec, int16(s)))
			if changed := now != before; changed != decisions[s] || now < before {
				t.Fatalf("%s: %d is %d and %d is %d", law.codec, s-1, before, s, now)
			}
			if mirror := decoded(law.codec, encoded(law.codec, int16(-s-1))); mirror != -now {
				t.Fatalf("%s: %d is %d and %d is %d", law.codec, s, now, -s-1, mirror)
			}
		}
		if got := decoded(law.codec, encoded(law.codec, 32767)); int(got) != law.highest {
			t.Errorf("%s: the loudest is %d", law.codec, got)
		}
	}
}

func abs(v int) int { return max(v, -v) }

// A voice that crosses from one law to the other and back is changed on its first crossing at most: the
// asymmetric places of tables 3 and 4 are there for that.
func TestALawThatCrossedOnceCrossesUnchangedFromThenOn(t *testing.T) {
	for _, way := range [][2]audio.Codec{{audio.PCMU, audio.PCMA}, {audio.PCMA, audio.PCMU}} {
		changed := 0
		for b := range 256 {
			cross := func(b byte, from, to audio.Codec) byte {
				var out [1]byte
				audio.Transcode(out[:], []byte{b}, from, to)
				return out[0]
			}
			there := cross(byte(b), way[0], way[1])
			back := cross(there, way[1], way[0])
			if back != byte(b) {
				changed++
			}
			if again := cross(cross(back, way[0], way[1]), way[1], way[0]); again != back {
				t.Errorf("%s %#02x comes back as %#02x, then as %#02x", way[0], b, back, again)
			}
			if a, b := int(decoded(way[0], byte(b))), int(decoded(way[1], there)); abs(a-b) > max(32, abs(a)/14) || a > 8 && b < 0 || a < -8 && b > 0 {
				t.Errorf("%d of %s is %d of %s", a, way[0], b, way[1])
			}
		}
		if changed > 32 {
			t.Errorf("%d of 256 bytes of %s are changed by crossing over and back", changed, way[0])
		}
	}
}

// The places of tables 3 and 4 at which the nearest value is not the one of the standard.
func TestTranscodingFollowsTheTablesWhereTheNearestValueDoesNot(t *testing.T) {
	for _, v := range []struct {
		from, to audio.Codec
		in, want byte
	}{
		{audio.PCMU, audio.PCMA, 0xA0, 0x8A}, {audio.PCMU, audio.PCMA, 0xCE, 0xFA}, {audio.PCMU, audio.PCMA, 0x2B, 0x01},
		{audio.PCMU, audio.PCMA, 0xFF, 0xD5}, {audio.PCMU, audio.PCMA, 0x80, 0xAA}, {audio.PCMU, audio.PCMA, 0x00, 0x2A},
		{audio.PCMA, audio.PCMU, 0x80, 0xAA}, {audio.PCMA, audio.PCMU, 0x0F, 0x25}, {audio.PCMA, audio.PCMU, 0xD5, 0xFE},
		{audio.PCMA, audio.PCMU, 0xAA, 0x80}, {audio.PCMA, audio.PCMU, 0x2A, 0x00},
	} {
		out := []byte{0}
		audio.Transcode(out, []byte{v.in}, v.from, v.to)
		if out[0] != v.want {
			t.Errorf("%s %#02x as %s is %#02x, not %#02x", v.from, v.in, v.to, out[0], v.want)
		}
	}
}

// Of a codec that we only pass through nothing is read or made, and the shorter side decides how much.
func TestOnlyG711IsReadAndMade(t *testing.T) {
	samples, bytes := make([]int16, 4), []byte{1, 2, 3}
	for name, n := range map[string]int{
		"read":        audio.Opus.Decode(samples, bytes),
		"made":        audio.Opus.Encode(bytes, samples),
		"transcoded":  audio.Transcode(make([]byte, 3), bytes, audio.Opus, audio.PCMA),
		"transcoded2": audio.Transcode(make([]byte, 3), bytes, audio.PCMU, audio.Opus),
	} {
		if n != 0 {
			t.Errorf("%d bytes of opus were %s", n, name)
		}
	}
	for _, n := range []int{audio.PCMA.Decode(samples, bytes), audio.PCMU.Encode(bytes, samples),
		audio.Transcode(bytes, make([]byte, 9), audio.PCMA, audio.PCMU), audio.Transcode(bytes, make([]byte, 9), audio.Opus, audio.Opus)} {
		if n != 3 {
			t.Errorf("%d samples went through, not 3", n)
		}
	}
	if decoded(audio.PCMU, audio.PCMU.Silence()) != 0 || decoded(audio.PCMA, audio.PCMA.Silence()) != 8 {
		t.Error("silence is not silent")
	}
}

func BenchmarkG711(b *testing.B) {
	samples, bytes := make([]int16, audio.Frame), make([]byte, audio.Frame)
	copy(samples, audio.Sine(440, 0.5, 20e6))
	for _, c := range []audio.Codec{audio.PCMU, audio.PCMA} {
		b.Run(fmt.Sprint(c, "/encode"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Encode(bytes, samples)
			}
		})
		b.Run(fmt.Sprint(c, "/decode"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Decode(samples, bytes)
			}
		})
	}
	b.Run("transcode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			audio.Transcode(bytes, bytes, audio.PCMU, audio.PCMA)
		}
	})
}
