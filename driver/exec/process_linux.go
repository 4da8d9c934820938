package exec

import "syscall"

// dieWithParent has the kernel end the program when pawl is killed: a program
// that went on alone could act while a new pawl is looking.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
