package picture

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nobody has no files and no processes.
const nobody = 65534

// confine takes from this process what a picture does not need. Each step is worth having without the
// others, so that what a kernel or container refuses is left out.
func confine() {
	// What is restricted below is the thread that decodes; it must stay the same.
	runtime.LockOSThread()
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CPU: 10, unix.RLIMIT_AS: 3 << 30, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 16,
	} {
		_ = unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit})
	}
	if os.Geteuid() == 0 {
		_ = syscall.Setgroups(nil)
		_ = syscall.Setgid(nobody)
		_ = syscall.Setuid(nobody)
	}
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	landlock()
}

// landlock forbids this thread every file and every connection (Documentation/userspace-api/landlock).
func landlock() {
	version, _, err := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if err != 0 {
		return
	}
	// What is handled is forbidden where no rule allows it, and we add no rule.
	handled := unix.LandlockRulesetAttr{Handled_access_fs: 1<<13 - 1} // everything that version 1 knows
	size := unsafe.Sizeof(handled.Handled_access_fs)
	if version >= 4 {
		handled.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(handled.Handled_access_net)
	}
	set, _, err := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&handled)), size, 0)
	if err != 0 {
		return
	}
	defer unix.Close(int(set))
	_, _, _ = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0)
}

// apart starts the process without a network and without our other processes in sight.
func apart(cmd *exec.Cmd) {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
}
