//go:build unix && !linux

package child

import "syscall"

// dieWithParent does nothing: this kernel has no such service, and the program
// ends by Close alone.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
