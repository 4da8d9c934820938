package child

import "syscall"

// dieWithParent has the kernel stop the program when this process dies.
func dieWithParent(attr *syscall.SysProcAttr, stop syscall.Signal) { attr.Pdeathsig = stop }
