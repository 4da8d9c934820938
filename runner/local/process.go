// Package local runs rotations in this process: one after the other where the
// estate says so, side by side where it does not. It also names processes in
// leases, so that a rotation whose process was killed can go on at once
// instead of when its lease runs out.
package local

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Process names this process: host, boot, process id and start time. Where
// the system tells all four, as Linux does, no two processes ever have the
// same name.
func Process() string { return here().name(os.Getpid()) }

// Dead reports whether the process with a name that Process gave is known to
// be gone: it ran on this machine, and either in an earlier boot, or no
// process with its id and start time is there any more. When in doubt it is
// alive: its lease then runs out by itself.
func Dead(holder string) bool { return here().dead(holder) }

// view is where a process looks from: two processes of the same view see each
// other by their ids.
type view struct {
	host  string // host name, and a digest of the machine's id where it has one
	boot  string // "" where it cannot be told
	space string // the namespace of process ids; "" where there are none
}

func here() view {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	v := view{host: strings.ReplaceAll(host, "/", "-"), boot: boot(), space: space()}
	if id := machine(); id != "" {
		v.host += "~" + id
	}
	return v
}

func (v view) name(pid int) string {
	started, _ := startTime(pid) // "" where the system does not tell
	return fmt.Sprintf("%s/%s~%s/%d/%s", v.host, v.boot, v.space, pid, started)
}

// dead compares what a name says with what is seen from here. Containers may
// share a host name and a boot and not see each other's processes, and
// machines may share a host name: neither may take the other's live process
// for a dead one.
func (v view) dead(holder string) bool {
	theirs := strings.Split(holder, "/")
	if len(theirs) != 4 || theirs[0] != v.host || theirs[3] == "" || v.boot == "" {
		return false
	}
	boot, space, _ := strings.Cut(theirs[1], "~")
	if space != v.space || boot == "" {
		return false
	}
	if boot != v.boot {
		return strings.Contains(v.host, "~") // this machine, by its id, was started again since
	}
	pid, err := strconv.Atoi(theirs[2])
	if err != nil || pid < 1 {
		return false
	}
	started, ok := startTime(pid)
	return !ok || started != "" && started != theirs[3]
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

// machine identifies the machine by a keyed digest of its id, which is not
// shown itself, as machine-id(5) asks; "" where it has none.
func machine() string {
	b, err := os.ReadFile("/etc/machine-id")
	id := strings.TrimSpace(string(b))
	if err != nil || id == "" || id == "uninitialized" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte("pawl process name"))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// space identifies the namespace in which this process has its id
// (pid_namespaces(7)); "" where there are none.
func space() string {
	link, err := os.Readlink("/proc/self/ns/pid") // "pid:[4026531836]"
	if err != nil {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}

// startTime gives a process's start in clock ticks since boot (proc(5), field
// 22 of stat), "" when it cannot be told. ok is false when there is no such
// process.
func startTime(pid int) (started string, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", !errors.Is(err, os.ErrNotExist) || exists(pid) // unreadable is not gone
	}
	return parseStat(string(b))
}

// parseStat reads the line in /proc/<pid>/stat. The program's name, in
// brackets, may hold brackets and spaces itself.
func parseStat(s string) (started string, ok bool) {
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 20 {
		return "", true
	}
	if fields[0] == "Z" || fields[0] == "X" { // killed, and not yet waited for by its parent
		return "", false
	}
	return fields[19], true
}
