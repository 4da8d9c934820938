package cli

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeMortal starts this process anew without root's power over file modes.
// For any other user they hold anyway.
func becomeMortal() {
	runtime.LockOSThread() // what is dropped here is this thread's alone, and the one that calls exec gives it to the next
	for _, power := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, power, 0, 0, 0); err != nil && os.Geteuid() == 0 {
			fmt.Fprintln(os.Stderr, "drop a capability:", err)
			os.Exit(99)
		}
	}
	if err := os.Unsetenv("PAWL_TEST_MORTAL"); err != nil {
		os.Exit(99)
	}
	err := syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	fmt.Fprintln(os.Stderr, "start anew:", err)
	os.Exit(99)
}
