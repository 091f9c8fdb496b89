package media_test

import (
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

func clip(freq float64, d time.Duration) *audio.Clip { return audio.NewClip(audio.Sine(freq, 0.5, d)) }

// An announcement stops the music, is heard whole, and the music goes on where it was.
func TestAnnouncementOverMusic(t *testing.T) {
	t.Parallel()
	room := media.NewRoom()
	defer room.Close()
	player := media.NewPlayer("music", audio.PCMA)
	ear := mediatest.NewProbe("caller", audio.PCMA, 0)
	for _, leg := range []media.Leg{player, ear} {
		if err := room.Add(leg); err != nil {
			t.Fatal(err)
		}
	}
	room.Set(media.Matrix{"caller": {"music"}})
	player.Loop(clip(620, 100*time.Millisecond))
	time.Sleep(250 * time.Millisecond)
	// 250 and 130 ms are no whole number of packets.
	piece := player.Play(clip(440, 250*time.Millisecond), nil, clip(900, 130*time.Millisecond))
	<-piece.Done()
	if !piece.Whole() {
		t.Error("it was not played to its end")
	}
	time.Sleep(250 * time.Millisecond)
	sound := ear.Sound("music")
	var seconds [3]float64
	for i, freq := range []float64{620, 440, 900} {
		for at := 0; at+80 <= len(sound); at += 80 {
			if audio.Goertzel(sound[at:at+80], freq) > 0.35 {
				seconds[i] += 0.01
			}
		}
	}
	if seconds[0] < 0.4 || seconds[1] < 0.23 || seconds[1] > 0.27 || seconds[2] < 0.11 || seconds[2] > 0.15 {
		t.Errorf("music for %.2f s, the announcement for %.2f and %.2f s", seconds[0], seconds[1], seconds[2])
	}
}

// What is stopped is over at once and says that it was not whole; what was asked for after it is played.
func TestStoppedPieceIsOver(t *testing.T) {
	t.Parallel()
	player := media.NewPlayer("music", audio.PCMA)
	defer player.Close()
	first, second := player.Play(clip(440, time.Hour/60)), player.Play(clip(440, 60*time.Millisecond))
	player.Speaks(func(*media.Packet) {})
	first.Stop()
	first.Stop()
	<-first.Done()
	<-second.Done()
	if first.Whole() || !second.Whole() {
		t.Errorf("whole: the first %v, the second %v", first.Whole(), second.Whole())
	}
	third := player.Play(clip(440, time.Minute))
	player.Stop()
	<-third.Done()
	if nothing := player.Play(); !nothing.Whole() {
		t.Error("nothing is not played to its end")
	}
	_ = player.Close()
	<-player.Play(clip(440, time.Second)).Done()
}
