//go:build !unix

package local

// exists says yes: what cannot be asked is in doubt.
func exists(int) bool { return true }
