package picture

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigie/internal/picture/pdq"
)

// Started is a Process that starts another program.
func Started(command ...string) *Process {
	p := New()
	p.command = command
	return p
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

// DrawHere draws a picture in this process, which only a test does.
func DrawHere(data []byte, how Cover) (image.Image, error) {
	picture, err := pdq.Decode(bytes.NewReader(data), pdq.Limits{})
	if err != nil {
		return nil, err
	}
	return cover(picture, orientation(data), how), nil
}
