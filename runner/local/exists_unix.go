//go:build unix

package local

import "syscall"

// exists asks the kernel for a process that /proc does not show: mounted with
// hidepid it hides those of other users (proc(5)).
func exists(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
