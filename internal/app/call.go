package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"vigie/internal/config"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/caller"
)

// callCommand is a telephone on the command line: to try a trunk, to listen to the greeting, to see what a caller sees.
type callCommand struct {
	To       string        `arg:"" help:"Whom to call: sip:3018@192.0.2.1:5060, with ;transport=tcp for TCP." placeholder:"SIP-ADDRESS"`
	From     string        `help:"Number to show; without it the call is anonymous."`
	Says     string        `help:"WAV or MP3 file to say, or - for standard input." placeholder:"FILE"`
	Out      string        `help:"WAV file to keep what is heard in." placeholder:"FILE"`
	Keys     string        `help:"Keys to press, with when after the answer: 3s:9,10s:0." placeholder:"TIME:KEY,…"`
	For      time.Duration `default:"30s" help:"How long to talk; 0 until the other end hangs up."`
	Ring     time.Duration `default:"60s" help:"How long to let it ring."`
	User     string        `help:"User of the digest, where one is asked for."`
	Password string        `env:"VIGIE_CALL_PASSWORD" help:"Password of the digest; better in VIGIE_CALL_PASSWORD."`
}

// longestSaying bounds what a telephone says before it begins anew.
const longestSaying = 10 * time.Minute

func (c callCommand) Run(ctx context.Context, _ config.Config, term Terminal) error {
	o := caller.Options{To: c.To, From: c.From, User: c.User, Password: c.Password, For: c.For, Ring: c.Ring, Log: slog.Default()}
	var err error
	if o.Says, err = saying(c.Says, term.In); err != nil {
		return err
	}
	if o.Keys, err = keysOf(c.Keys); err != nil {
		return err
	}
	var heard bytes.Buffer
	if c.Out != "" {
		o.Heard = &heard
	}
	o.Tell = func(e caller.Event) {
		fmt.Fprintf(term.Out, "%8.3f s  %s %s\n", e.At.Seconds(), e.What, e.Detail)
	}
	r, err := caller.Call(ctx, o)
	if err != nil {
		return err
	}
	if !r.Answered {
		return fmt.Errorf("the call was refused with %d", r.Status)
	}
	q := r.Quality
	fmt.Fprintf(term.Out, "answered after %.2f s, talked %.1f s, %d packets heard, %d lost, jitter %.1f ms, quality %.1f of 4.5\n",
		r.Setup.Seconds(), r.Talked.Seconds(), q.Received, q.Lost, float64(q.Jitter.Microseconds())/1000, q.MOS)
	if c.Out == "" {
		return nil
	}
	return writeHeard(c.Out, heard.Bytes())
}

// saying reads what the telephone says.
func saying(path string, in io.Reader) (*audio.Clip, error) {
	if path == "" {
		return nil, nil
	}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return audio.Read(in, longestSaying)
}

// keysOf reads "3s:9,10s:0".
func keysOf(text string) ([]caller.Key, error) {
	if text == "" {
		return nil, nil
	}
	var all []caller.Key
	for _, part := range strings.Split(text, ",") {
		when, key, ok := strings.Cut(part, ":")
		after, err := time.ParseDuration(when)
		if !ok || err != nil || len(key) != 1 || !strings.Contains("0123456789*#ABCD", key) {
			return nil, fmt.Errorf("keys are written 3s:9,10s:0 (a time after the answer, and one of 0-9 * # A-D), not %q", part)
		}
		all = append(all, caller.Key{Digit: key[0], After: after})
	}
	return all, nil
}

// writeHeard writes samples of two bytes as a WAV file.
func writeHeard(path string, raw []byte) error {
	samples := make([]int16, len(raw)/2)
	for i := range samples {
		samples[i] = int16(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := audio.WriteWAV(f, samples); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
