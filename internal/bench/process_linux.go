package bench

import "syscall"

// diesWithUs has the kernel end a process of ours when we are gone, however that comes.
func diesWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
