//go:build script && !linux

package cli

// becomeMortal has nothing to do: elsewhere tests are not run as root.
func becomeMortal() {}
