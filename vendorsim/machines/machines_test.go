//go:build unix

package machines_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/internal/child/childtest"
	"github.com/pawlhq/pawl/vendorsim/machines"
)

// alive reports whether there is a process, even one that waits to be reaped.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestProgramGetsItsMachinesEnvironmentAndNoOther(t *testing.T) {
	t.Setenv("OF_THE_PARENT", "must not arrive")
	w := newWorld(t, within)
	id := w.create(map[string]any{"ORG_ID": "7", "KEY": "shadowed", "PORT": "8080"}, nil)
	code, body, _ := w.reach("GET", "/environ", "")
	var env []string
	if err := json.Unmarshal([]byte(body), &env); err != nil || code != 200 {
		t.Fatalf("status %d, %v", code, err)
	}
	for _, want := range []string{"ORG_ID=7", "KEY=one", "FLY_APP_NAME=web", "FLY_MACHINE_ID=" + id, "FLY_REGION=ams", "ORIGIN=launcher"} {
		if !slices.Contains(env, want) {
			t.Errorf("it lacks %s", want)
		}
	}
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if e == "PORT=8080" || !strings.HasPrefix(name, "FLY_") && !slices.Contains([]string{inside, "GOCOVERDIR", "GORACE", "ORIGIN", "ORG_ID", "KEY", "PORT", "DATA_DIR"}, name) {
			t.Errorf("it has %s", e)
		}
	}
}

func TestProgramsLinesAreInTheLog(t *testing.T) {
	w := newWorld(t, 0)
	id := w.create(map[string]any{"MODE": "loud"}, nil)
	w.healthy()
	w.api("POST", "/v1/apps/web/machines/"+id+"/stop", nil)
	w.until("the last line", func() bool { return strings.Contains(w.log(), "ends well, without an end of the line\n") })
	if !strings.Contains(w.log(), "boots in mode loud\n") {
		t.Errorf("the log is\n%s", w.log())
	}
}

func TestVolumeOutlivesUpdatesAndNotItsApp(t *testing.T) {
	w := newWorld(t, within)
	first := w.create(nil, nil)
	w.create(nil, nil)
	w.healthy()
	w.api("POST", "/v1/apps/web/machines/"+first, map[string]any{"config": map[string]any{"image": "v2"}})
	w.healthy()
	seen := map[string]bool{}
	for range 2 {
		_, boots, _ := w.reach("GET", "/boots", "")
		seen[boots] = true
	}
	if !seen["1"] || !seen["2"] {
		t.Errorf("the machines have counted %v boots, want 2 of the updated one and 1 of the other", seen)
	}
	pids := w.launcher.Running()
	w.api("DELETE", "/v1/apps/web", nil)
	w.until("its programs and volumes are gone", func() bool {
		left, err := filepath.Glob(w.dir + "/web-*")
		return err == nil && len(left) == 0 && len(w.launcher.Running()) == 0
	})
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d has outlived its app", pid)
		}
	}
	if code, _, _ := w.reach("GET", "/boots", ""); code != 404 {
		t.Errorf("the app's address answers %d", code)
	}
}

func TestCloseLeavesNoProcess(t *testing.T) {
	w := newWorld(t, 0)
	for _, mode := range []string{"", "deaf", "hangs"} {
		w.create(map[string]any{"MODE": mode}, map[string]any{"stop_config": map[string]any{"timeout": "500ms"}})
	}
	w.until("three processes", func() bool { return len(w.launcher.Running()) == 3 && strings.Count(w.log(), "boots in mode") == 3 })
	pids := w.launcher.Running()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if log := w.log(); strings.Count(log, "was killed") != 1 {
		t.Errorf("one that hangs was to be killed and no other:\n%s", log)
	}
	if pids := w.launcher.Running(); len(pids) > 0 {
		t.Errorf("%v run", pids)
	}
}

// A program that hangs is killed after its time; the one that follows it serves.
func TestUpdateOfAProgramThatHangs(t *testing.T) {
	w := newWorld(t, within)
	id := w.create(map[string]any{"MODE": "hangs"}, map[string]any{"stop_config": map[string]any{"timeout": "300ms"}})
	w.healthy()
	old := w.launcher.Running()
	w.SetSecret("web", "KEY", "two")
	m := w.api("POST", "/v1/apps/web/machines/"+id, map[string]any{"config": map[string]any{"image": "v2"}})
	if m["state"] != "replacing" {
		t.Errorf("the answer tells of a machine that is %v", m["state"])
	}
	if code, body, _ := w.reach("GET", "/key", ""); code != 200 || body != "two" {
		t.Errorf("the request that waited got %d %s", code, body)
	}
	if alive(old[0]) {
		t.Error("the old program lives")
	}
}

func TestMachineThatNeverListens(t *testing.T) {
	w := newWorld(t, 0)
	deaf := w.create(map[string]any{"MODE": "deaf"}, nil)
	w.until("its state", func() bool { return w.machine(deaf)["state"] == "started" })
	if code, _, _ := w.reach("GET", "/key", ""); code != 503 {
		t.Errorf("status %d of an app whose only machine does not listen", code)
	}
	good := w.create(nil, nil)
	w.until("the other machine serves", func() bool { return strings.HasPrefix(check(w.machine(good)), "passing") })
	for range 4 {
		if code, _, h := w.reach("GET", "/key", ""); code != 200 || h.Get("Machine") != good {
			t.Errorf("status %d from machine %s", code, h.Get("Machine"))
		}
	}
	if got := check(w.machine(deaf)); !strings.HasPrefix(got, "critical") {
		t.Errorf("its check is %s", got)
	}
	if w.Healthy("web") {
		t.Error("the app passes for healthy")
	}
}

func TestExitAtBootIsTriedAgainAndThenLeftStopped(t *testing.T) {
	w := newWorld(t, within)
	w.SetSecret("web", "KEY", "refused")
	id := w.create(nil, map[string]any{"restart": map[string]any{"policy": "on-failure", "max_retries": 2}})
	w.until("it is stopped", func() bool { return w.machine(id)["state"] == "stopped" })
	if n := strings.Count(w.log(), "the key is refused"); n != 3 {
		t.Errorf("%d boots, want one and two more", n)
	}
	events, _ := w.machine(id)["events"].([]any)
	last, _ := events[0].(map[string]any)
	if got := fmt.Sprint(last["type"], last["status"], last["request"]); !strings.Contains(got, "exitstopped") || !strings.Contains(got, "exit_code:7") || !strings.Contains(got, "requested_stop:false") {
		t.Errorf("the newest event is %s", got)
	}
	if code, _, _ := w.reach("GET", "/key", ""); code != 503 {
		t.Errorf("a request waits for a machine that is stopped: status %d", code)
	}
	w.SetSecret("web", "KEY", "one")
	w.api("POST", "/v1/apps/web/machines/"+id+"/start", nil)
	if code, body, _ := w.reach("GET", "/key", ""); code != 200 || body != "one" {
		t.Errorf("started again it answers %d %s", code, body)
	}
}

func TestRestartPolicies(t *testing.T) {
	w := newWorld(t, 0)
	never := w.create(map[string]any{"KEY": "x"}, map[string]any{"restart": map[string]any{"policy": "no"}})
	w.healthy()
	w.reach("POST", "/crash", "")
	w.until("it is stopped", func() bool { return w.machine(never)["state"] == "stopped" })
	w.api("DELETE", "/v1/apps/web/machines/"+never, nil)
	w.create(nil, nil)
	w.healthy()
	before := w.launcher.Running()
	w.reach("POST", "/crash", "")
	w.until("another process", func() bool { return w.Healthy("web") && !slices.Equal(w.launcher.Running(), before) })
	none := w.create(nil, map[string]any{"image": "none", "restart": map[string]any{"policy": "no"}})
	w.until("it is stopped", func() bool { return w.machine(none)["state"] == "stopped" })
	if !strings.Contains(w.log(), "launch: start the machine's program") {
		t.Errorf("the log does not say what is missing:\n%s", w.log())
	}
}

// A request under way ends whole although its machine is replaced, stopped or
// destroyed.
func TestRequestsUnderWayEnd(t *testing.T) {
	for what, change := range map[string]func(w *world, id string){
		"update": func(w *world, id string) {
			w.api("POST", "/v1/apps/web/machines/"+id, map[string]any{"config": map[string]any{"image": "v2"}})
		},
		"stop":    func(w *world, id string) { w.api("POST", "/v1/apps/web/machines/"+id+"/stop", nil) },
		"destroy": func(w *world, id string) { w.api("DELETE", "/v1/apps/web/machines/"+id+"?force=true", nil) },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, 0)
			id := w.create(nil, nil)
			w.healthy()
			answer := make(chan string)
			go func() {
				code, body, _ := w.reach("GET", "/slow", "")
				answer <- fmt.Sprint(code, body)
			}()
			w.until("the request is under way", func() bool { return strings.Contains(w.log(), "is slow") })
			change(w, id)
			if got := <-answer; got != "200whole" {
				t.Errorf("it ended as %s", got)
			}
		})
	}
}

// A connection that was made for a request which went by another one does not
// keep a program from stopping: net/http's server waits for it to be used.
func TestUnusedConnectionsDoNotHoldUpAStop(t *testing.T) {
	w := newWorld(t, within)
	id := w.create(nil, nil)
	w.healthy()
	began := time.Now()
	for range 5 {
		var load sync.WaitGroup
		for range 64 {
			load.Go(func() {
				if code, _, _ := w.reach("GET", "/key", ""); code != http.StatusOK {
					t.Errorf("a request ends with status %d", code)
				}
			})
		}
		load.Wait()
		w.api("POST", "/v1/apps/web/machines/"+id, map[string]any{"config": map[string]any{"image": "v2"}})
		w.healthy()
	}
	if took := time.Since(began); took > 4*time.Second { // without it each takes one or two
		t.Errorf("five replacements took %s", took)
	}
}

func TestBodiesGoThroughWhole(t *testing.T) {
	w := newWorld(t, within)
	w.create(nil, nil)
	text := strings.Repeat("0123456789", 100_000)
	if code, body, _ := w.reach("POST", "/echo", text); code != 200 || body != text {
		t.Errorf("status %d, %d of %d bytes came back", code, len(body), len(text))
	}
}

// A program that is gone costs no request from then on, although its machine
// may not know yet; those that it had are lost.
func TestRequestsGoToAnotherMachineWhenAProgramIsGone(t *testing.T) {
	w := newWorld(t, within)
	w.create(nil, map[string]any{"restart": map[string]any{"policy": "no"}})
	w.create(nil, map[string]any{"restart": map[string]any{"policy": "no"}})
	w.healthy()
	victim := w.launcher.Running()[0]
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.until("it is gone", func() bool { return !slices.Contains(w.launcher.Running(), victim) })
	for i := range 20 {
		if code, body, _ := w.reach("GET", "/key", ""); code != 200 || body != "one" {
			t.Errorf("request %d: %d %s", i, code, body)
		}
	}
}

// body tells whether anything of it was read.
type body struct {
	io.Reader
	read bool
}

func (b *body) Read(p []byte) (int, error) { b.read = true; return b.Reader.Read(p) }

func TestForwardTellsWhetherARequestHasLeft(t *testing.T) {
	w := newWorld(t, 0)
	forward := func(mode string) (sent bool, b *body, rec *httptest.ResponseRecorder) {
		i, err := w.launcher.Launch(fly.Launch{Image: "i", Volume: "v/" + mode, Signal: "SIGTERM", Env: map[string]string{"MODE": mode}, Log: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := i.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		rec = httptest.NewRecorder()
		w.until("it listens or does not", func() bool {
			if mode == "deaf" {
				return true
			}
			health := httptest.NewRecorder()
			i.ServeHTTP(health, httptest.NewRequestWithContext(t.Context(), "GET", "/health", nil))
			return health.Code == 200
		})
		b = &body{Reader: strings.NewReader("text")}
		return i.(fly.Forwarder).Forward(rec, httptest.NewRequestWithContext(t.Context(), "POST", "/crash", b)), b, rec
	}
	if sent, b, rec := forward("deaf"); sent || b.read || rec.Body.Len() > 0 {
		t.Errorf("nobody listens: sent %t, read %t, %d bytes answered", sent, b.read, rec.Body.Len())
	}
	if sent, _, rec := forward(""); !sent || rec.Code != 502 {
		t.Errorf("the program has ended in its midst: sent %t, status %d", sent, rec.Code)
	}
}

func TestSuspendedMachineKeepsItsMemory(t *testing.T) {
	w := newWorld(t, within)
	id := w.create(nil, nil)
	w.healthy()
	pids := w.launcher.Running()
	w.api("POST", "/v1/apps/web/machines/"+id+"/suspend", nil)
	if code, _, _ := w.reach("GET", "/key", ""); code != 503 {
		t.Errorf("suspended it answers %d", code)
	}
	w.SetSecret("web", "KEY", "two")
	w.api("POST", "/v1/apps/web/machines/"+id+"/start", nil)
	if code, body, _ := w.reach("GET", "/key", ""); code != 200 || body != "one" || !slices.Equal(pids, w.launcher.Running()) {
		t.Errorf("gone on it answers %d %s", code, body)
	}
}

func TestUnknownHost(t *testing.T) {
	w := newWorld(t, within)
	w.RemoveApp("web")
	began := time.Now()
	if code, _, _ := w.reach("GET", "/key", ""); code != 404 || time.Since(began) > within/2 {
		t.Errorf("status %d", code)
	}
}

// Even a program that hangs ends with the process that has started it.
func TestProgramDiesWithItsParent(t *testing.T) {
	childtest.DiesWithParent(t, func(context.Context) (int, error) {
		dir, err := os.MkdirTemp("", "machines-")
		if err != nil {
			return 0, err
		}
		l := machines.New(machines.Config{Dir: dir, Env: map[string]string{inside: "1"},
			Command: func(fly.Launch) (string, []string, error) { return os.Args[0], nil, nil }})
		booted := make(chan struct{}, 1)
		_, err = l.Launch(fly.Launch{Volume: "v/0", Signal: "SIGTERM", Env: map[string]string{"MODE": "hangs"}, Log: func(line string) {
			if strings.HasPrefix(line, "boots") {
				booted <- struct{}{}
			}
		}})
		if err != nil {
			return 0, err
		}
		<-booted
		return l.Running()[0], nil
	})
}

// The launcher refuses what would leave its folder, or what it does not know.
func TestLaunchRefusals(t *testing.T) {
	w := newWorld(t, 0)
	for what, l := range map[string]fly.Launch{
		"a folder outside": {Volume: "../elsewhere", Signal: "SIGTERM"},
		"no folder":        {Signal: "SIGTERM"},
		"a signal":         {Volume: "v/0", Signal: "SIGUSR1"},
	} {
		var said string
		l.Log = func(line string) { said = line }
		if _, err := w.launcher.Launch(l); err == nil || !strings.Contains(said, "launch: ") {
			t.Errorf("%s: %v, in the log %q", what, err, said)
		}
	}
	if err := w.launcher.Erase("../"); err == nil {
		t.Error("it erases outside of its folder")
	}
	if len(w.launcher.Running()) != 0 {
		t.Error("something runs")
	}
}

// Machines are made, changed and destroyed by several at once, under requests.
func TestProcessesUnderConcurrentCalls(t *testing.T) {
	w := newWorld(t, within)
	first, second := w.two()
	l := w.requests(2)
	var all sync.WaitGroup
	all.Go(func() {
		for range 3 {
			w.api("POST", "/v1/apps/web/machines/"+first, map[string]any{"config": map[string]any{"image": "v2"}})
		}
	})
	all.Go(func() {
		for range 3 {
			id := w.create(nil, nil)
			w.api("DELETE", "/v1/apps/web/machines/"+id+"?force=true", nil)
		}
	})
	all.Wait()
	w.healthy()
	w.until("both serve", func() bool { return l.count("one", first) > 0 && l.count("one", second) > 0 })
	w.until("two processes are left", func() bool { return len(w.launcher.Running()) == 2 })
	l.ended(t)
}
