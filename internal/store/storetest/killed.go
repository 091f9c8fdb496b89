package storetest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Kill starts the test binary once more, as the process that its TestDoomed is, and kills it (SIGKILL) a while after it has said a line
// that is far enough. It is told what it is to do as JSON, in the variable of its environment that is named. It returns the last line that
// it said, whether it came so far or ended by itself.
func Kill(t *testing.T, variable string, told any, far func(line string) bool, while time.Duration) (said string) {
	t.Helper()
	text, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestDoomed$")
	child.Env = append(os.Environ(), variable+"="+string(text))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { child.Process.Kill() })
	defer hung.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = lines.Text(); far(said) {
			break
		}
	}
	time.Sleep(while)
	child.Process.Kill()
	_, _ = io.Copy(io.Discard, out)
	_ = child.Wait()
	return said
}
