package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/prompt"
)

// What is there is left as it is; what is missing, changed or nobody's any more is made or taken away.
func TestOnlyWhatChangedIsMade(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	made := 0
	pieces := func(text string) []piece {
		var all []piece
		for _, name := range []string{"fr/kept", "fr/changed", "fr/missing"} {
			from := "as ever"
			if name == "fr/changed" {
				from = text
			}
			all = append(all, piece{name: name, from: from, make: func() ([]int16, error) {
				made++
				return []int16{1, 2, 3}, nil
			}})
		}
		return all
	}
	if err := buildAll(dir, pieces("one")); err != nil || made != 3 {
		t.Fatalf("made %d at first: %v", made, err)
	}
	stale := filepath.Join(dir, "fr", "stale"+prompt.Ending)
	if err := os.WriteFile(stale, []byte{1}, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file(dir, "fr/missing")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file(dir, "fr/kept"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := buildAll(dir, pieces("two")); err != nil || made != 5 {
		t.Errorf("made %d, not the changed and the missing one: %v", made-3, err)
	}
	if info, err := os.Stat(file(dir, "fr/kept")); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("what had not changed was written: %v", err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("what nobody wants is still there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, record), []byte("{damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := buildAll(dir, pieces("two")); err != nil || made != 8 {
		t.Errorf("made %d after the record was damaged: %v", made-5, err)
	}
}

// The silence around words is 150 ms, whatever espeak left.
func TestTheSilenceAroundWordsIsTheMargin(t *testing.T) {
	word := audio.Sine(440, 0.5, 100*time.Millisecond)
	first := 1 // of the sine: its first sample is 0, its second is loud
	for _, around := range []int{0, 10, 1200, 5000} {
		silence := make([]int16, around)
		for i := range silence {
			silence[i] = int16(i%3 - 1)
		}
		in := append(append(append([]int16{}, silence...), word...), silence...)
		out := trimmed(in)
		if want := len(word) - first + 2*1200; len(out) < want-1 || len(out) > want+1 {
			t.Errorf("%d samples around %d: %d, not %d", around, len(word), len(out), want)
		}
		if out[1199] > quiet || out[1200] <= quiet {
			t.Errorf("the word begins with %d, %d", out[1199], out[1200])
		}
	}
	if trimmed(make([]int16, 100)) != nil {
		t.Error("there is a word in silence")
	}
}

// The same score gives the same music, and a wrong note is found.
func TestTheMusicIsTheSameEveryTime(t *testing.T) {
	a, err := play()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := play()
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("sample %d differs", i)
		}
	}
	for _, note := range []string{"", "A", "H4", "A9", "A0"} {
		if f, err := pitch(note); err == nil {
			t.Errorf("%q is %.1f Hz", note, f)
		}
	}
	for note, want := range map[string]float64{"A4": 440, "C#5": 554.365, "D4": 293.665, "B5": 987.767} {
		if f, err := pitch(note); err != nil || f < want-0.01 || f > want+0.01 {
			t.Errorf("%s is %.3f Hz: %v", note, f, err)
		}
	}
}
