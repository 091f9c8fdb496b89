package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
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
	Packets  string        `help:"CSV file to keep each packet in: Unix time in microseconds, said or heard, sequence number, timestamp, codec, sound in hexadecimal." placeholder:"FILE"`
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
	if c.Out != "" {
		file, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		defer file.Close()
		heard, err := audio.NewWAVFile(file)
		if err != nil {
			return err
		}
		o.Heard = heard
		defer func() {
			if err := heard.Close(); err != nil {
				slog.Error("what was heard could not be kept whole", "error", err)
			}
		}()
	}
	if c.Packets != "" {
		file, err := os.Create(c.Packets)
		if err != nil {
			return err
		}
		defer file.Close()
		keep, finish := keepPackets(file)
		o.Packets = keep
		defer func() {
			if err := finish(); err != nil {
				slog.Error("the packets could not be kept whole", "error", err)
			}
		}()
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
	return nil
}

// keepPackets writes a line for each packet it is given, until finish.
func keepPackets(to io.Writer) (keep func(caller.Packet), finish func() error) {
	out := bufio.NewWriter(to)
	var mu sync.Mutex
	keep = func(p caller.Packet) {
		way := "heard"
		if p.Said {
			way = "said"
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "%d,%s,%d,%d,%s,%x\n", p.At.UnixMicro(), way, p.Sequence, p.Timestamp, p.Codec, p.Payload)
	}
	return keep, func() error {
		mu.Lock()
		defer mu.Unlock()
		return out.Flush()
	}
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
