// Package local runs rotations in this process: one after the other where the
// estate says so, side by side where it does not. It also names processes in
// leases, so that a rotation whose process was killed can go on at once
// instead of when its lease runs out.
package local

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Process names this process: host, boot, process id and start time. No two
// processes ever have the same name.
func Process() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	pid := os.Getpid()
	started, _ := startTime(pid) // "" where the system does not tell
	return fmt.Sprintf("%s/%s/%d/%s", strings.ReplaceAll(host, "/", "-"), boot(), pid, started)
}

// Dead reports whether the process with a name that Process gave is known to
// be gone: it ran on this machine, in this boot, and no process with its id
// and start time is there any more. When in doubt it is alive.
func Dead(holder string) bool {
	mine, theirs := strings.Split(Process(), "/"), strings.Split(holder, "/")
	if len(theirs) != 4 || theirs[0] != mine[0] || theirs[3] == "" || mine[1] == "" {
		return false
	}
	if theirs[1] != mine[1] {
		return theirs[1] != "" // this machine was started again since
	}
	pid, err := strconv.Atoi(theirs[2])
	if err != nil {
		return false
	}
	started, ok := startTime(pid)
	return !ok || started != theirs[3]
}

// boot identifies the machine's present boot; "" where it cannot be told.
func boot() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(strings.TrimSpace(string(b)), "-")
	return id
}

// startTime gives a process's start in clock ticks since boot (proc(5), field
// 22 of stat). ok is false when there is no such process.
func startTime(pid int) (string, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", !os.IsNotExist(err) // unreadable is not gone
	}
	s := string(b)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 20 {
		return "", true
	}
	if fields[0] == "Z" { // killed, and not yet waited for by its parent
		return "", false
	}
	return fields[19], true
}
