package chat

import (
	"context"
	"fmt"
	"image"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigie/internal/contact"
)

// Draw draws a picture as a Chats does.
func Draw(ctx context.Context, file io.Reader, cover Cover) ([]byte, error) {
	c := &Chats{pictures: make(chan struct{}, 1), slog: slog.New(slog.DiscardHandler)}
	return c.draw(ctx, file, cover)
}

// Orientation reads how a JPEG was held.
func Orientation(data []byte) int { return orientation(data) }

// ConfinementArgument has the test program report what the picture process can still do.
const ConfinementArgument = "confinement-report"

// ReportConfinement confines this process as the picture process does, and tries what it must not do.
func ReportConfinement(out io.Writer) {
	confine()
	fmt.Fprintf(out, "uid %d\n", os.Getuid())
	path := filepath.Join(os.TempDir(), "vigie-confinement")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		fmt.Fprintln(out, "write refused")
	} else {
		os.Remove(path)
		fmt.Fprintln(out, "write allowed")
	}
	if _, err := os.ReadFile("/etc/passwd"); err != nil {
		fmt.Fprintln(out, "read refused")
	} else {
		fmt.Fprintln(out, "read allowed")
	}
	if interfaces, err := net.Interfaces(); err != nil || len(interfaces) <= 1 {
		fmt.Fprintln(out, "no network")
	} else {
		fmt.Fprintln(out, "network in sight")
	}
}

// Confinement returns that report, made by a process that was started as the picture process is.
func Confinement(ctx context.Context) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := runConfined(ctx, []string{self, ConfinementArgument}, strings.NewReader(""))
	return string(out), err
}

// FlushMarks writes the marks that wait.
func (c *Chats) FlushMarks() { c.marks.flush() }

// Repair compares everything that is followed with the record, once.
func (c *Chats) Repair(ctx context.Context) error {
	if ids := c.feed.ids(); len(ids) > 0 {
		return c.feed.repair(ctx, ids)
	}
	return nil
}

// TypedAgo is how long ago this node heard that a person was typing.
func (c *Chats) TypedAgo(contactID string) time.Duration { return c.typed.ago(contactID, c.now()) }

// SilenceWatch is what one node remembers between two looks.
type SilenceWatch = silenceWatch

// NewSilenceWatch remembers nothing.
func NewSilenceWatch() *SilenceWatch { return &silenceWatch{said: map[string]string{}} }

// LookForSilence is a look of a node that meant to look at due.
func (c *Chats) LookForSilence(ctx context.Context, w *SilenceWatch, due time.Time) error {
	w.from = contact.AwayFrom(w.from, due, c.wall())
	_, err := c.sweepSilence(ctx, w)
	return err
}

// DrawHere draws a picture in this process, which only a test does.
func DrawHere(data []byte, how Cover) (image.Image, error) {
	picture, err := decode(data)
	if err != nil {
		return nil, err
	}
	return cover(picture, orientation(data), how), nil
}
