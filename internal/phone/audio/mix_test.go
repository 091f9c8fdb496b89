package audio_test

import (
	"fmt"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// As long as nobody is loud, what one hears is the plain sum.
func TestQuietVoicesAreAddedUp(t *testing.T) {
	a, b, c := audio.Sine(440, 0.2, time.Second), audio.Sine(880, 0.2, time.Second), audio.Sine(1320, 0.2, time.Second)
	out := make([]int16, len(a))
	audio.Mix(out, a, b, c)
	for i := range out {
		if int(out[i]) != int(a[i])+int(b[i])+int(c[i]) {
			t.Fatalf("sample %d is %d, not %d + %d + %d", i, out[i], a[i], b[i], c[i])
		}
	}
}

// One who speaks among silent ones is heard exactly as she is, however loud.
func TestOneVoiceComesThroughExactly(t *testing.T) {
	loud := audio.Sine(440, 1, 100*time.Millisecond)
	loud[33], loud[44] = -32768, 32767
	silent := make([]int16, len(loud))
	out := make([]int16, len(loud))
	for name, srcs := range map[string][][]int16{"alone": {loud}, "first": {loud, silent, silent}, "last": {silent, loud}} {
		clear(out)
		audio.Mix(out, srcs...)
		for i := range out {
			// -32768 has no counterpart among the positive numbers, which the limiter works with.
			if abs(int(out[i])-int(loud[i])) > 1 {
				t.Fatalf("%s: sample %d is %d, not %d", name, i, out[i], loud[i])
			}
		}
	}
}

// Two or more loud voices are neither wrapped around nor cut off: the sum is bent, it stays in order, and
// each voice is there.
func TestLoudVoicesAreBentAndNotCut(t *testing.T) {
	a, b := audio.Sine(440, 0.8, time.Second), audio.Sine(880, 0.8, time.Second)
	out := make([]int16, len(a))
	audio.Mix(out, a, b)
	cut := 0
	for i := range out {
		sum := int(a[i]) + int(b[i])
		if sum > 0 && out[i] < 0 || sum < 0 && out[i] > 0 {
			t.Fatalf("sample %d wrapped around: %d for %d", i, out[i], sum)
		}
		if abs(int(out[i])) >= 32767 {
			cut++
		}
	}
	if cut > 0 {
		t.Errorf("%d samples are cut off", cut)
	}
	for _, freq := range []float64{440, 880} {
		if got := audio.Goertzel(out, freq); got < 0.6 || got > 0.8 {
			t.Errorf("%v Hz is heard at %.3f", freq, got)
		}
	}
	one := make([]int16, 1)
	before := int16(-32768)
	for sum := -96000; sum <= 96000; sum += 3 {
		third := int16(sum / 3)
		audio.Mix(one, []int16{third}, []int16{third}, []int16{third})
		if one[0] < before {
			t.Fatalf("a louder sum of %d is heard more quietly", sum)
		}
		before = one[0]
	}
	full := make([]int16, 20)
	audio.Mix(full, fill(20, 32767), fill(20, 32767), fill(20, 32767))
	if full[0] != 32767 {
		t.Errorf("three of full scale give %d", full[0])
	}
}

func fill(n int, v int16) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// Sound of any length may be mixed, into one of its sources too; a short one is silent at the end.
func TestSourcesOfAnyLengthAreMixed(t *testing.T) {
	long, short := fill(500, 100), fill(170, 11)
	audio.Mix(long, long, short, nil)
	if long[0] != 111 || long[169] != 111 || long[170] != 100 || long[499] != 100 {
		t.Errorf("%d %d %d %d", long[0], long[169], long[170], long[499])
	}
	audio.Mix(long, short)
	if long[169] != 11 || long[170] != 0 {
		t.Errorf("one short source leaves %d", long[170])
	}
	audio.Mix(long)
	if audio.RMS(long) != 0 {
		t.Error("nobody is heard")
	}
}

func BenchmarkMix(b *testing.B) {
	dst := make([]int16, audio.Frame)
	for _, level := range []float64{0.2, 0.8} {
		b.Run(fmt.Sprintf("3 at %.1f", level), func(b *testing.B) {
			x, y, z := audio.Sine(440, level, 20e6), audio.Sine(880, level, 20e6), audio.Sine(1320, level, 20e6)
			b.ReportAllocs()
			for b.Loop() {
				audio.Mix(dst, x, y, z)
			}
		})
	}
}
