//go:build unix

package child

import "syscall"

// attributes puts the program in a process group of its own, so that a Ctrl-C
// in a terminal reaches this process first, and under its account.
func attributes(a Account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID}
	}
	return attr
}
