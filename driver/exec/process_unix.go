//go:build unix

package exec

import (
	osexec "os/exec"
	"syscall"
)

// apart puts the program in a process group of its own, so that everything it
// starts can be ended with it.
func apart(cmd *osexec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// tellGroup asks the group to end.
func tellGroup(cmd *osexec.Cmd) error {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
}

// endGroup ends what is left of the group. The group's number stays taken as
// long as it has a member, so this reaches no stranger.
func endGroup(cmd *osexec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nothing left is the usual case
}
