//go:build !unix

package exec

import osexec "os/exec"

func apart(*osexec.Cmd)               {}
func tellGroup(cmd *osexec.Cmd) error { return cmd.Process.Kill() }
func endGroup(*osexec.Cmd)            {}
