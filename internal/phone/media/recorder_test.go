package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

// samples reads what a recorder wrote.
func samples(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}

// recording is a room with two who speak and a recorder of both.
func recording(t *testing.T, o media.RecorderOptions) (*media.Room, *media.Recorder, *mediatest.Probe) {
	t.Helper()
	room := media.NewRoom()
	t.Cleanup(func() { _ = room.Close() })
	o.ID = "recording"
	recorder := media.NewRecorder(o)
	caller := mediatest.NewProbe("caller", audio.PCMA, cast[media.Caller])
	for _, leg := range []media.Leg{caller, mediatest.NewProbe("counsellor", audio.PCMU, cast[media.Counsellor]), recorder} {
		if err := room.Add(leg); err != nil {
			t.Fatal(err)
		}
	}
	room.Set(media.Matrix{"recording": {"caller", "counsellor"}})
	return room, recorder, caller
}

// A recording ends when it is as long as it may be, has both voices mixed and each alone, and as many samples as
// it lasted.
func TestRecordingIsWhole(t *testing.T) {
	t.Parallel()
	var mixed bytes.Buffer
	each := map[string]*bytes.Buffer{}
	ended := make(chan media.Ending, 2)
	_, recorder, _ := recording(t, media.RecorderOptions{
		Mixed: &mixed, Max: 2 * time.Second,
		Each: func(speaker string) io.Writer {
			each[speaker] = &bytes.Buffer{}
			return each[speaker]
		},
		Ended: func(why media.Ending, err error) { ended <- why },
	})
	<-recorder.Done()
	if why := <-ended; why != media.Full {
		t.Errorf("it ended because it was %s", why)
	}
	all := samples(mixed.Bytes())
	if len(all) != 2*audio.Rate || recorder.Length() != 2*time.Second {
		t.Errorf("2 s are %d samples and %v", len(all), recorder.Length())
	}
	from, to := audio.Rate/2, audio.Rate/2+units(window)
	tones(t, "the mix", all[from:to], media.Caller, media.Counsellor)
	tones(t, "the caller's track", samples(each["caller"].Bytes())[from:to], media.Caller)
	tones(t, "the counsellor's track", samples(each["counsellor"].Bytes())[from:to], media.Counsellor)
}

// A recording ends when nobody speaks any more. Who leaves and comes back has silence in between.
func TestRecordingEndsInSilence(t *testing.T) {
	t.Parallel()
	each := map[string]*bytes.Buffer{}
	room, recorder, _ := recording(t, media.RecorderOptions{
		Silence: 700 * time.Millisecond,
		Each: func(speaker string) io.Writer {
			each[speaker] = &bytes.Buffer{}
			return each[speaker]
		},
	})
	// A tone counts as background after a second and a half: who speaks changes before.
	time.Sleep(600 * time.Millisecond)
	room.Set(media.Matrix{"recording": {"counsellor"}})
	time.Sleep(400 * time.Millisecond)
	room.Set(media.Matrix{"recording": {"caller"}})
	time.Sleep(300 * time.Millisecond)
	room.Set(media.Matrix{})
	<-recorder.Done()
	if why, err := recorder.Ending(); why != media.Silent || err != nil {
		t.Errorf("it ended because it was %s: %v", why, err)
	}
	sound := samples(each["caller"].Bytes())
	second := func(from, to float64) float64 {
		return audio.Goertzel(sound[int(from*audio.Rate):int(to*audio.Rate)], cast[media.Caller])
	}
	if len(sound) < 1200*8 || second(0.2, 0.5) < loud || second(0.75, 0.9) > quiet || second(1.1, 1.2) < loud {
		t.Errorf("%d samples: %.2f, then %.2f, then %.2f", len(sound), second(0.2, 0.5), second(0.75, 0.9), second(1.1, 1.2))
	}
}

// broken is a disk that is full.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

// A recording that cannot be written ends and says so; one that is stopped, or was never begun, is over.
func TestRecordingThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	_, recorder, _ := recording(t, media.RecorderOptions{Mixed: broken{}})
	<-recorder.Done()
	if why, err := recorder.Ending(); why != media.Failed || err == nil {
		t.Errorf("it ended as %s: %v", why, err)
	}
	_, recorder, _ = recording(t, media.RecorderOptions{Mixed: io.Discard})
	recorder.Stop()
	recorder.Stop()
	<-recorder.Done()
	if why, err := recorder.Ending(); why != media.Stopped || err != nil {
		t.Errorf("stopped, it ended as %s: %v", why, err)
	}
	never := media.NewRecorder(media.RecorderOptions{ID: "never"})
	_ = never.Close()
	<-never.Done()
}

// A test call to oneself: what the caller says comes back after the delay, and not before.
func TestEchoComesBack(t *testing.T) {
	t.Parallel()
	line, phone := connect(t, "caller", audio.PCMU, cast[media.Caller])
	room := media.NewRoom()
	defer room.Close()
	for _, leg := range []media.Leg{line, media.NewEcho("echo", 400*time.Millisecond)} {
		if err := room.Add(leg); err != nil {
			t.Fatal(err)
		}
	}
	room.Set(media.Matrix{"caller": {"echo"}, "echo": {"caller"}})
	begun := time.Now()
	eventually(t, "the echo comes", func() bool { return len(phone.Packets()) > 0 })
	if after := phone.Packets()[0].At.Sub(begun); after < 380*time.Millisecond || after > 600*time.Millisecond+2*phone.Slip() {
		t.Errorf("it came after %v", after)
	}
	time.Sleep(settleTime)
	phone.Forget()
	time.Sleep(window + 60*time.Millisecond)
	tones(t, "the caller", first(phone.Sound()), media.Caller)
}
