package bench

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// The cores that a measurement keeps apart: those who ask on the first, who is measured on the last.
const (
	firstCore = iota
	lastCore
)

// startOn starts a process, and all that it starts, on one of the cores we may use; where there is only one, on
// that. A process inherits the cores of the thread that starts it.
func startOn(which int, command *exec.Cmd) error {
	starting.Lock()
	defer starting.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return command.Start()
	}
	chosen := -1
	for core := range 1024 {
		if all.IsSet(core) && (which == lastCore || chosen < 0) {
			chosen = core
		}
	}
	if chosen < 0 {
		return command.Start()
	}
	one.Set(chosen)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return command.Start()
	}
	defer func() { _ = unix.SchedSetaffinity(0, &all) }()
	return command.Start()
}

// allowFiles lets a process open as many files as the system allows us: two sockets a line.
func allowFiles(pid int) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil)
	}
}

// endOrphan ends a process that we saw below one of ours, if it still is that program.
func endOrphan(pid int, program string) {
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err == nil && path == program {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
