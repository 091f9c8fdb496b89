package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is what was measured on, and how busy it was with other things when it began.
type machine struct {
	Processor string  `json:"processor"`
	Cores     int     `json:"cores"`
	System    string  `json:"system"`
	Go        string  `json:"go"`
	Load      float64 `json:"load_before"` // average number of runnable processes in the last minute
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores of %s, %s, %s; load before %.2f", m.Cores, m.Processor, m.System, m.Go, m.Load)
}

func thisMachine() machine {
	m := machine{Processor: runtime.GOARCH, Cores: runtime.NumCPU(), System: runtime.GOOS, Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += " " + strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		m.Load, _ = strconv.ParseFloat(first, 64)
	}
	return m
}

// memory is what a process holds now and held at most, in bytes (VmRSS and VmHWM of proc(5)).
func memory(pid int) (now, most int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "VmRSS:":
			now, _ = strconv.ParseInt(fields[1], 10, 64)
		case "VmHWM:":
			most, _ = strconv.ParseInt(fields[1], 10, 64)
		}
	}
	return now << 10, most << 10, nil
}

// ticks is the kernel's unit of processor time, 1/100 s on every Linux (USER_HZ).
const ticks = time.Second / 100

type processTimes struct {
	parent int
	spent  time.Duration
}

func timesOf(pid int) (processTimes, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processTimes{}, false
	}
	// The name in brackets may hold anything; the fields after it are numbered from 3.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return processTimes{}, false
	}
	parent, _ := strconv.Atoi(fields[1])
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return processTimes{parent, time.Duration(user+system) * ticks}, true
}

// processor is the processor time a process has had, without its children's.
func processor(pid int) time.Duration {
	t, _ := timesOf(pid)
	return t.spent
}

// processorBelow is the processor time that the living processes below pid have had.
func processorBelow(pid int) (spent time.Duration) {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	all := map[int]processTimes{}
	for _, f := range folders {
		if id, err := strconv.Atoi(filepath.Base(f)); err == nil {
			if t, ok := timesOf(id); ok {
				all[id] = t
			}
		}
	}
	for _, t := range all {
		for parent := t.parent; parent > 1; parent = all[parent].parent {
			if parent == pid {
				spent += t.spent
				break
			}
		}
	}
	return spent
}

// mega is bytes in MB of 1,000,000, to a tenth.
func mega(bytes int64) float64 { return float64((bytes+50_000)/100_000) / 10 }

// share is the memory of a process with its part of what it shares with others (Pss of proc_pid_smaps(5)), or all
// that it holds where the system does not say.
func share(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				kb, _ := strconv.ParseInt(fields[1], 10, 64)
				return kb << 10
			}
		}
	}
	now, _, _ := memory(pid)
	return now
}

// busyTime is how long the machine's cores were at work since it started, whoever for: this system's programs, and
// the host's others (steal).
func busyTime() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(text), "\n")
	var spent int64
	for i, field := range fieldsOf([]byte(first)) {
		if i == 4 || i == 5 || i == 9 || i == 10 || i == 0 { // the name, idle, waiting for disks; guests are counted in user
			continue
		}
		n, _ := strconv.ParseInt(field, 10, 64)
		spent += n
	}
	return time.Duration(spent) * ticks
}

func fieldsOf(b []byte) []string { return strings.Fields(string(b)) }
