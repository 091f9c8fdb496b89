// Package picture opens the pictures that strangers send. One is decoded in a process of its own, which has no files, no
// network, no rights and little memory, and which ends with the picture. It answers with a small grey JPEG that holds nothing
// of the original but its shapes, or with the hash by which the picture is recognised when it comes again (pdq).
//
// The rooms that keep pictures use it; none of them decodes one itself.
package picture

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"vigie/internal/fault"
	"vigie/internal/picture/pdq"
)

const (
	maxAnswer = 1 << 20
	drawFor   = 15 * time.Second
	// hashFor is longer: nobody waits for a hash.
	hashFor = 45 * time.Second
)

// Process starts the process that opens pictures. It is safe for concurrent use: at most two pictures are drawn at a time, and one
// hashed beside them.
type Process struct {
	command []string // nil is this program again, with Argument
	drawing chan struct{}
	hashing chan struct{}
}

// New returns a Process that runs this program again with Argument (see Run).
func New() *Process {
	return &Process{drawing: make(chan struct{}, 2), hashing: make(chan struct{}, 1)}
}

// ErrEnded is what Hash returns when the process ended without an answer: the picture was too much for it, or the machine.
var ErrEnded = errors.New("picture: the process ended without an answer")

// Draw returns a picture as a small grey JPEG without any of its metadata, blurred where it is covered; in colour where it is one of ours (Shown). It returns
// fault.Unsupported "fault.picture.not_drawn" for what is no picture, or cannot be opened within the limits.
func (p *Process) Draw(ctx context.Context, file io.Reader, cover Cover) ([]byte, error) {
	out, err := p.ask(ctx, p.drawing, drawFor, string(cover), file)
	if ctx.Err() != nil { // nobody waits for it any more
		return nil, ctx.Err()
	}
	if err != nil {
		slog.Info("a picture could not be drawn", "error", err)
		return nil, fault.Wrap(err, fault.Unsupported, "fault.picture.not_drawn")
	}
	return out, nil
}

// Hash is the hashes of a picture's eight forms, and its quality (pdq.Dihedral). What is hashed is the picture as it is stored:
// how a camera was held (EXIF) changes only which of the eight forms is which. It returns fault.Unsupported
// "fault.picture.not_hashed" for what will never be opened: no picture, a broken one, one beyond the limits. Any other error
// says nothing of the picture for sure, and it may be tried again; ErrEnded again and again tells of the picture.
func (p *Process) Hash(ctx context.Context, file io.Reader) (pdq.Forms, int, error) {
	var said hashed
	given := &source{r: file}
	out, err := p.ask(ctx, p.hashing, hashFor, hashIt, given)
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if cut := errors.Join(ctx.Err(), given.err()); cut != nil { // what the process says of half a picture is not true of it
		return pdq.Forms{}, 0, cut
	}
	if err != nil {
		return pdq.Forms{}, 0, err
	}
	if said.Refused != "" {
		return pdq.Forms{}, 0, fault.Wrap(errors.New(said.Refused), fault.Unsupported, "fault.picture.not_hashed")
	}
	return said.Forms, said.Quality, nil
}

// source remembers that it could not be read to its end.
type source struct {
	r      io.Reader
	failed atomic.Pointer[error]
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.failed.Store(&err)
	}
	return n, err
}

func (s *source) err() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// ask gives a picture to a process, once one of the hands is free.
func (p *Process) ask(ctx context.Context, hands chan struct{}, within time.Duration, what string, file io.Reader) ([]byte, error) {
	select {
	case hands <- struct{}{}:
		defer func() { <-hands }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	command := p.command
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{self, Argument}
	}
	// The file is opened and checked (age authenticates it) by us; the process only gets its bytes.
	return runConfined(ctx, command, io.MultiReader(strings.NewReader(what+"\n"), file))
}

func runConfined(ctx context.Context, command []string, in io.Reader) ([]byte, error) {
	run := func(confined bool) ([]byte, error, error) {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
		cmd.Dir = "/"
		if confined {
			apart(cmd)
		}
		cmd.WaitDelay = time.Second
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return nil, nil, err
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return nil, nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err, nil
		}
		go func() {
			io.Copy(stdin, in) // the process may end before it has read everything
			stdin.Close()
		}()
		out, err := io.ReadAll(io.LimitReader(stdout, maxAnswer+1))
		if len(out) > maxAnswer {
			cmd.Cancel()
			err = errors.New("picture: an answer that is too long")
		}
		if err = errors.Join(err, cmd.Wait()); err != nil || len(out) == 0 {
			err = errors.Join(ErrEnded, err)
		}
		return out, nil, err
	}
	out, notStarted, err := run(true)
	if notStarted != nil {
		// No namespaces here (a container, an older kernel): the process confines itself all the same.
		if out, notStarted, err = run(false); notStarted != nil {
			return nil, notStarted
		}
	}
	return out, err
}
