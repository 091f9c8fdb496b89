package audio_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
)

const limit = 10 * time.Minute

// wav is a WAV file as a test writes it: the form of its samples and the bytes of its sound.
type wav struct {
	form                 uint16
	channels, rate, bits int
	extensible           bool
	before               []byte // chunks before the sound
	size                 *uint32
	sound                []byte
}

func (w wav) file() []byte {
	format := binary.LittleEndian.AppendUint16(nil, w.form)
	if w.extensible {
		format = binary.LittleEndian.AppendUint16(nil, 0xFFFE)
	}
	format = binary.LittleEndian.AppendUint16(format, uint16(w.channels))
	format = binary.LittleEndian.AppendUint32(format, uint32(w.rate))
	format = binary.LittleEndian.AppendUint32(format, uint32(w.rate*w.channels*w.bits/8))
	format = binary.LittleEndian.AppendUint16(format, uint16(w.channels*w.bits/8))
	format = binary.LittleEndian.AppendUint16(format, uint16(w.bits))
	if w.extensible {
		format = append(format, 22, 0, byte(w.bits), 0, 4, 0, 0, 0, byte(w.form), 0)
		format = append(format, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"...)
	}
	size := uint32(len(w.sound))
	if w.size != nil {
		size = *w.size
	}
	out := append([]byte("RIFF\xFF\xFF\xFF\xFFWAVE"), chunk("fmt ", format)...)
	out = append(out, w.before...)
	out = binary.LittleEndian.AppendUint32(append(out, "data"...), size)
	return append(out, w.sound...)
}

func chunk(id string, body []byte) []byte {
	out := append(binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body))), body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// sound writes v(second) of each channel in the form of w.
func (w wav) speaking(d time.Duration, channels ...func(second float64) float64) wav {
	w.channels = len(channels)
	for i := range int(d.Seconds() * float64(w.rate)) {
		for _, v := range channels {
			x := v(float64(i) / float64(w.rate))
			switch {
			case w.form == 7 || w.form == 6:
				c := map[uint16]audio.Codec{7: audio.PCMU, 6: audio.PCMA}[w.form]
				w.sound = append(w.sound, encoded(c, int16(x*32767)))
			case w.form == 3:
				w.sound = binary.LittleEndian.AppendUint32(w.sound, math.Float32bits(float32(x)))
			case w.bits == 8:
				w.sound = append(w.sound, byte(128+math.Round(x*127)))
			case w.bits == 16:
				w.sound = binary.LittleEndian.AppendUint16(w.sound, uint16(int16(x*32767)))
			case w.bits == 24:
				v := int32(x * 8388607)
				w.sound = append(w.sound, byte(v), byte(v>>8), byte(v>>16))
			case w.bits == 32:
				w.sound = binary.LittleEndian.AppendUint32(w.sound, uint32(int32(x*2147483647)))
			}
		}
	}
	return w
}

func sine(freq, amplitude float64) func(float64) float64 {
	return func(second float64) float64 { return amplitude * math.Sin(2*math.Pi*freq*second) }
}

func silence(float64) float64 { return 0 }

func read(t *testing.T, file []byte) *audio.Clip {
	t.Helper()
	clip, err := audio.Read(bytes.NewReader(file), limit)
	if err != nil {
		t.Fatal(err)
	}
	return clip
}

// A tone keeps its length, its pitch and its level, in whatever form it comes; of two channels one hears
// the mean.
func TestEveryFormOfWAVIsReadAtItsLevelAndPitch(t *testing.T) {
	for _, w := range []wav{
		{form: 1, bits: 8, rate: 8000}, {form: 1, bits: 16, rate: 8000}, {form: 1, bits: 24, rate: 48000},
		{form: 1, bits: 32, rate: 44100}, {form: 3, bits: 32, rate: 48000}, {form: 7, bits: 8, rate: 8000},
		{form: 6, bits: 8, rate: 16000}, {form: 1, bits: 16, rate: 11025}, {form: 1, bits: 16, rate: 22050},
		{form: 1, bits: 16, rate: 32000}, {form: 1, bits: 16, rate: 96000}, {form: 1, bits: 16, rate: 44101},
		{form: 1, bits: 16, rate: 8001}, {form: 1, bits: 16, rate: 12000},
		{form: 1, bits: 24, rate: 48000, extensible: true}, {form: 3, bits: 32, rate: 48000, extensible: true},
	} {
		for _, channels := range [][]func(float64) float64{{sine(1010, 0.5)}, {sine(1010, 0.5), sine(1010, 0.5)}, {sine(1010, 0.9), sine(1010, 0.1)}} {
			name := fmt.Sprintf("form %d, %d bits, %d Hz, %d channels", w.form, w.bits, w.rate, len(channels))
			clip := read(t, w.speaking(time.Second, channels...).file())
			if got := len(clip.Samples()); abs(got-8000) > 1 {
				t.Errorf("%s: %d samples", name, got)
			}
			middle := clip.Samples()[800:7200]
			if got := audio.Goertzel(middle, 1010); !near(got, 0.5, 0.01) {
				t.Errorf("%s: the tone is %.4f", name, got)
			}
			// What is not the tone is no more than the noise of 8 bits or of a telephone's own law.
			if noise := residue(middle, 1010); noise > 0.5/math.Sqrt2/60 {
				t.Errorf("%s: %.5f of noise", name, noise)
			}
		}
	}
}

// residue is the RMS of what is left of samples when the tone of freq is taken out.
func residue(samples []int16, freq float64) float64 {
	var re, im float64
	for i, s := range samples {
		a := 2 * math.Pi * freq * float64(i) / audio.Rate
		re += float64(s) * math.Cos(a)
		im += float64(s) * math.Sin(a)
	}
	n := float64(len(samples))
	rest := make([]int16, len(samples))
	for i, s := range samples {
		a := 2 * math.Pi * freq * float64(i) / audio.Rate
		rest[i] = int16(math.Round(float64(s) - 2*re/n*math.Cos(a) - 2*im/n*math.Sin(a)))
	}
	return audio.RMS(rest)
}

// What a telephone carries passes at its level, and what it cannot carry is not folded back into the voice.
func TestResamplingKeepsTheTelephonesBandAndNothingElse(t *testing.T) {
	for _, rate := range []int{16000, 22050, 44100, 48000, 96000} {
		for _, freq := range []float64{300, 1000, 2000, 3000, 3400} {
			clip := read(t, wav{form: 1, bits: 16, rate: rate}.speaking(time.Second, sine(freq, 0.5)).file())
			if got := audio.Goertzel(clip.Samples()[800:7200], freq); !near(got, 0.5, 0.03) {
				t.Errorf("%d Hz in a file of %d Hz: %.4f", int(freq), rate, got)
			}
		}
		for freq := 4100.0; freq < float64(rate)/2-100; freq += 1237 {
			clip := read(t, wav{form: 1, bits: 16, rate: rate}.speaking(300*time.Millisecond, sine(freq, 0.9)).file())
			// Without its ends, where the tone is switched on and off.
			if got := audio.RMS(clip.Samples()[400:2000]); got > 0.0002 {
				t.Errorf("%d Hz in a file of %d Hz leaves %.5f", int(freq), rate, got)
			}
		}
	}
}

// Sizes that the writer did not know, strange chunks and a file cut off in the middle of a sample are read
// as far as they go.
func TestUnfinishedAndStrangeFilesAreReadAsFarAsTheyGo(t *testing.T) {
	base := wav{form: 1, bits: 16, rate: 8000}.speaking(time.Second, sine(1000, 0.5))
	zero, unknown, beyond := uint32(0), uint32(math.MaxUint32), uint32(0x7FFFF000)
	junk := append(chunk("JUNK", make([]byte, 27)), chunk("LIST", []byte("INFOISFTxyz"))...)
	for name, file := range map[string][]byte{
		"size 0":            with(base, func(w *wav) { w.size = &zero }).file(),
		"size unknown":      with(base, func(w *wav) { w.size = &unknown }).file(),
		"size of a pipe":    with(base, func(w *wav) { w.size = &beyond }).file(),
		"chunks in between": with(base, func(w *wav) { w.before = junk }).file(),
		"chunks after":      append(base.file(), junk...),
	} {
		if got := len(read(t, file).Samples()); got != 8000 {
			t.Errorf("%s: %d samples", name, got)
		}
	}
	whole := base.file()
	if got := len(read(t, whole[:len(whole)-8001]).Samples()); got != 3999 {
		t.Errorf("cut in a sample: %d samples", got)
	}
}

func with(w wav, change func(*wav)) wav {
	change(&w)
	return w
}

// What cannot be a prompt is refused with the sentence that says why, and none of it is kept in memory.
func TestWhatCannotBeAPromptIsRefused(t *testing.T) {
	sizeOf := func(n int64) *uint32 { v := uint32(min(n, math.MaxUint32)); return &v }
	hours := wav{form: 7, channels: 1, bits: 8, rate: 8000, size: sizeOf(3 * 3600 * 8000)}
	unknown := wav{form: 1, channels: 1, bits: 16, rate: 8000, size: sizeOf(math.MaxUint32)}
	large := wav{form: 1, channels: 2, bits: 32, rate: 96000, size: sizeOf(math.MaxUint32)}
	plain := wav{form: 1, channels: 1, bits: 16, rate: 8000}
	noise := make([]byte, 100<<20)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(noise); i += 8 {
		binary.LittleEndian.PutUint64(noise[i:], r.Uint64())
	}
	for name, c := range map[string]struct {
		file io.Reader
		max  time.Duration
		key  string
	}{
		"no byte":              {strings.NewReader(""), limit, "prompt_empty"},
		"a WAV without sound":  {bytes.NewReader(plain.file()), limit, "prompt_empty"},
		"3 hours, said":        {io.MultiReader(bytes.NewReader(hours.file()), &endless{left: 3 * 3600 * 8000}), limit, "prompt_too_long"},
		"3 hours, not said":    {io.MultiReader(bytes.NewReader(unknown.file()), &endless{left: 3 * 3600 * 16000}), limit, "prompt_too_long"},
		"too long by a bit":    {bytes.NewReader(wav{form: 1, bits: 16, rate: 44100}.speaking(1100*time.Millisecond, silence).file()), time.Second, "prompt_too_long"},
		"100 MB of sound":      {io.MultiReader(bytes.NewReader(large.file()), &endless{left: 100 << 20}), limit, "prompt_too_large"},
		"100 MB of a chunk":    {io.MultiReader(bytes.NewReader(large.file()[:36]), strings.NewReader("JUNK\xFF\xFF\xFF\x7F"), &endless{left: 1 << 31}), limit, "prompt_too_large"},
		"100 MB of zeros":      {&endless{left: 100 << 20}, limit, "prompt_unreadable"},
		"100 MB of noise":      {bytes.NewReader(noise), limit, "prompt_unreadable"},
		"half a GB of a tag":   {io.MultiReader(strings.NewReader("ID3\x04\x00\x00\x7F\x7F\x7F\x7F"), &endless{left: 1 << 30}), limit, "prompt_too_large"},
		"a short tag":          {strings.NewReader("ID3\x04\x00\x00\x7F\x7F\x7F\x7F and no more"), limit, "prompt_unreadable"},
		"a sentence":           {strings.NewReader("This is not a sound at all, it is a sentence."), limit, "prompt_unreadable"},
		"a picture":            {strings.NewReader("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), limit, "prompt_unreadable"},
		"three bytes":          {strings.NewReader("RIF"), limit, "prompt_unreadable"},
		"a page of a form":     {bytes.NewReader(append([]byte("RIFF    WAVE"), chunk("fmt ", make([]byte, 9999))...)), limit, "prompt_unreadable"},
		"sound without a form": {bytes.NewReader(append([]byte("RIFF    WAVE"), chunk("data", make([]byte, 99))...)), limit, "prompt_unreadable"},
		"6 channels":           {bytes.NewReader(wav{form: 1, channels: 6, bits: 16, rate: 8000, sound: make([]byte, 99)}.file()), limit, "prompt_unreadable"},
		"no channel":           {bytes.NewReader(wav{form: 1, channels: 0, bits: 16, rate: 8000, sound: make([]byte, 99)}.file()), limit, "prompt_unreadable"},
		"192 kHz":              {bytes.NewReader(wav{form: 1, channels: 1, bits: 16, rate: 192000, sound: make([]byte, 99)}.file()), limit, "prompt_unreadable"},
		"0 Hz":                 {bytes.NewReader(wav{form: 1, channels: 1, bits: 16, rate: 0, sound: make([]byte, 99)}.file()), limit, "prompt_unreadable"},
		"ADPCM":                {bytes.NewReader(wav{form: 2, channels: 1, bits: 4, rate: 8000, sound: make([]byte, 99)}.file()), limit, "prompt_unreadable"},
		"a broken reader":      {io.MultiReader(bytes.NewReader(plain.file()[:30]), broken{}), limit, "prompt_unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			clip, err := audio.Read(c.file, c.max)
			runtime.ReadMemStats(&after)
			f := fault.As(err)
			if clip != nil || f == nil || f.Kind != fault.Invalid || f.Key != "fault.phone."+c.key {
				t.Errorf("refused with %v, not with %s", err, c.key)
			}
			// Ten minutes are 9.6 MB; growing to them takes a few times that.
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("it took %d MB of memory", used>>20)
			}
		})
	}
}

// endless is left bytes of 0.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	clear(p[:n])
	e.left -= int64(n)
	return n, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, os.ErrClosed }

// The MP3 files of testdata are a second of 1 kHz at half of full scale, written by lame.
func TestMP3IsReadAtItsLevelAndPitch(t *testing.T) {
	for _, name := range []string{"mpeg1-stereo-44100.mp3", "mpeg1-mono-48000-vbr.mp3", "mpeg2-mono-22050.mp3", "mpeg2-stereo-22050.mp3", "mpeg2-mono-16000.mp3"} {
		file, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		tagged := append([]byte("ID3\x04\x00\x00\x00\x00\x08\x00"), append(make([]byte, 1024), file...)...)
		for _, file := range [][]byte{file, tagged} {
			clip := read(t, file)
			if d := clip.Length(); d < time.Second || d > 1200*time.Millisecond {
				t.Errorf("%s lasts %s", name, d)
			}
			middle := clip.Samples()[2400:6400]
			if got := audio.Goertzel(middle, 1000); !near(got, 0.5, 0.03) {
				t.Errorf("%s: the tone is %.4f", name, got)
			}
			if noise := residue(middle, 1000); noise > 0.01 {
				t.Errorf("%s: %.5f of noise", name, noise)
			}
		}
		if d := read(t, file[:len(file)/2]).Length(); d < 400*time.Millisecond || d > 700*time.Millisecond {
			t.Errorf("half of %s lasts %s", name, d)
		}
		if _, err := audio.Read(bytes.NewReader(file), 500*time.Millisecond); fault.As(err) == nil || fault.As(err).Key != "fault.phone.prompt_too_long" {
			t.Errorf("%s, too long, gives %v", name, err)
		}
	}
}

// What is written is read back sample by sample.
func TestAWAVIsReadBackAsItWasWritten(t *testing.T) {
	samples := append(audio.Sine(440, 0.9, 1234*time.Millisecond), 32767, -32767)
	var file bytes.Buffer
	if err := audio.WriteWAV(&file, samples); err != nil {
		t.Fatal(err)
	}
	got := read(t, file.Bytes()).Samples()
	if len(got) != len(samples) {
		t.Fatalf("%d samples of %d", len(got), len(samples))
	}
	for i := range got {
		if abs(int(got[i])-int(samples[i])) > 1 {
			t.Fatalf("sample %d is %d, not %d", i, got[i], samples[i])
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(wav{form: 1, bits: 16, rate: 44100}.speaking(20*time.Millisecond, sine(1000, 0.5), silence).file())
	f.Add(wav{form: 3, bits: 32, rate: 8001, extensible: true}.speaking(5*time.Millisecond, sine(1000, 0.5)).file())
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \xFF\xFF\xFF\xFF"))
	f.Fuzz(func(t *testing.T, file []byte) {
		known(t)(audio.ReadWAV(bytes.NewReader(file), time.Second))
	})
}

func FuzzReadMP3(f *testing.F) {
	for _, name := range []string{"mpeg2-mono-22050.mp3", "mpeg2-mono-16000.mp3", "mpeg1-mono-48000-vbr.mp3"} {
		file, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file[:min(len(file), 1000)])
	}
	f.Add([]byte("ID3\x04\x00\x10\x00\x00\x00\x01 "))
	f.Fuzz(func(t *testing.T, file []byte) {
		known(t)(audio.ReadMP3(bytes.NewReader(file), time.Second))
	})
}

// known accepts a clip that is no longer than a second, or one of the faults that Read names.
func known(t *testing.T) func(*audio.Clip, error) {
	return func(clip *audio.Clip, err error) {
		if err == nil {
			if clip.Length() == 0 || clip.Length() > time.Second {
				t.Errorf("a clip of %s", clip.Length())
			}
			return
		}
		if f := fault.As(err); clip != nil || f == nil || f.Kind != fault.Invalid || !strings.HasPrefix(f.Key, "fault.phone.prompt_") {
			t.Errorf("%v", err)
		}
	}
}

func TestAWAVThatIsStillBeingWrittenIsReadAsFarAsItGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := audio.NewWAVFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := func() []int16 {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		clip, err := audio.ReadWAV(bytes.NewReader(raw), limit)
		if err != nil {
			t.Fatal(err)
		}
		return clip.Samples()
	}
	for n := 1; n <= 3; n++ {
		if _, err := w.Write(make([]byte, 2*audio.Rate)); err != nil {
			t.Fatal(err)
		}
		if got := len(read()); got != n*audio.Rate {
			t.Errorf("after %d s it has %d samples", n, got)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(path); int(binary.LittleEndian.Uint32(raw[40:])) != 2*3*audio.Rate {
		t.Error("closed, it does not say how long it is")
	}
	if got := len(read()); got != 3*audio.Rate {
		t.Errorf("closed, it has %d samples", got)
	}
}
