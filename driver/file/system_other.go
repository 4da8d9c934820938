//go:build !unix

package file

import (
	"errors"
	"io/fs"
	"os"
)

const openFlags = 0

// lock always fails: without a lock two processes could lose each other's
// writes, so there are none.
func lock(*os.File) error { return errors.ErrUnsupported }

func links(fs.FileInfo) uint64        { return 1 }
func own(*os.File, fs.FileInfo) error { return nil }
func mayGive(fs.FileInfo) bool        { return true }
func mayWrite(string) error           { return errors.ErrUnsupported }
func isFull(error) bool               { return false }
func isReadOnly(error) bool           { return false }
func isMount(error) bool              { return false }
