//go:build !unix

package child

import "syscall"

// attributes has nothing to say where there is no unix.
func attributes(Account) *syscall.SysProcAttr { return nil }

// dieWithParent does nothing here: the program ends by Close alone.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
