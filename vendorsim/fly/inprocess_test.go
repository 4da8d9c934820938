package fly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
)

// programs notes which programs run in this process, and under what key.
type programs struct {
	mu      sync.Mutex
	running map[string]string // by machine
	volumes []string
	health  http.HandlerFunc // nil is always well
}

type closing func() error

func (c closing) Close() error { return c() }

// boot is a program that refuses one key and answers with any other.
func (p *programs) boot(l fly.Launch) (http.Handler, io.Closer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := l.Env["KEY"]
	if key == "refused" {
		return nil, nil, errors.New("this key is refused")
	}
	if _, runs := p.running[l.Machine]; runs {
		return nil, nil, errors.New("the machine runs two programs")
	}
	p.running[l.Machine] = key
	p.volumes = append(p.volumes, l.Volume)
	l.Log("boots in " + l.Env["FLY_REGION"] + " as " + l.Env["FLY_APP_NAME"])
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		if p.health != nil {
			p.health(w, r)
		}
	})
	mux.HandleFunc("GET /key", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, key, " ", l.Machine) })
	return mux, closing(func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.running, l.Machine)
		return nil
	}), nil
}

func (p *programs) runs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running)
}

func newInProcess(t *testing.T, cfg fly.Config) (*world, *programs) {
	t.Helper()
	p := &programs{running: map[string]string{}}
	cfg.Launcher = fly.InProcess(p.boot)
	return newWorld(t, cfg), p
}

// reach makes a request to a public address.
func (w *world) reach(host, path string) (int, string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+host+path, nil)
	rec := httptest.NewRecorder()
	w.AppsHandler().ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

func TestProgramsFollowTheirMachines(t *testing.T) {
	w, p := newInProcess(t, fly.Config{})
	c, first, second := w.person(), w.Machines("web")[0], w.Machines("web")[1]
	expect := func(when string, want map[string]string) {
		t.Helper()
		for _, id := range []string{first, second} {
			if p.running[id] != want[id] {
				t.Errorf("%s machine %s runs with %q, want %q", when, id, p.running[id], want[id])
			}
		}
	}
	expect("seeded", map[string]string{first: "old", second: "old"})
	version := w.stage()
	expect("after a write alone", map[string]string{first: "old", second: "old"})
	c.call("POST", w.machine(0), map[string]any{"config": config(), "min_secrets_version": version}).want(200)
	expect("updated", map[string]string{first: "new", second: "old"})
	c.call("POST", w.machine(1)+"/stop", nil).want(200)
	expect("stopped", map[string]string{first: "new"})
	c.call("POST", w.machine(1)+"/start", nil).want(200)
	expect("started", map[string]string{first: "new", second: "new"})
	c.call("POST", w.machine(0)+"/suspend", nil).want(200)
	w.SetSecret("web", "KEY", "later")
	c.call("POST", w.machine(0)+"/start", nil).want(200)
	c.call("POST", w.machine(1)+"/restart", nil).want(200)
	expect("gone on and restarted", map[string]string{first: "new", second: "later"})
	c.call("POST", w.machine(0), map[string]any{"config": config(), "skip_launch": true}).want(200)
	expect("updated at rest", map[string]string{second: "later"})
	w.Reboot("web")
	expect("rebooted", map[string]string{first: "later", second: "later"})
	c.call("DELETE", w.machine(0)+"?force=true", nil).want(200)
	expect("destroyed", map[string]string{second: "later"})
	c.call("POST", "/v1/apps/web/machines", map[string]any{"config": program()}).want(200)
	if n := p.runs(); n != 2 || p.volumes[len(p.volumes)-1] != p.volumes[0] || p.volumes[0] == p.volumes[1] {
		t.Errorf("%d programs; the volumes were %v, want the first machine's for the one in its place", n, p.volumes)
	}
	c.call("DELETE", "/v1/apps/web", nil).want(202)
	if n := p.runs(); n != 0 {
		t.Errorf("%d programs have outlived their app", n)
	}
}

func TestCloseEndsProgramsAndBootsNone(t *testing.T) {
	w, p := newInProcess(t, fly.Config{})
	for range 2 {
		if err := w.Close(); err != nil || p.runs() != 0 {
			t.Fatalf("%d programs run, %v", p.runs(), err)
		}
	}
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	if p.runs() != 0 {
		t.Error("a machine has booted after Close")
	}
	if err := fly.New(fly.Config{}).Close(); err != nil {
		t.Error(err)
	}
}

func TestProgramThatRefusesToBoot(t *testing.T) {
	w, p := newInProcess(t, fly.Config{})
	w.SetSecret("web", "KEY", "refused")
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	got := w.person().call("GET", w.machine(0), nil).want(200)
	if got.text("state") != "stopped" || got.text("events", 0, "type") != "exit" || got.number("events", 0, "request", "exit_event", "exit_code") != 1 ||
		got.at("events", 0, "request", "exit_event", "requested_stop") != false {
		t.Errorf("the machine: %v", got.body)
	}
	logs := w.person().call("GET", "/api/v1/apps/web/logs?next_token=", nil).list("data")
	if n := len(logs); n != 3 || !strings.Contains(fmt.Sprint(logs[2]), "this key is refused") || !strings.Contains(fmt.Sprint(logs[0]), "boots in ams as web") {
		t.Errorf("the log has %d lines: %v", n, logs)
	}
	for range 4 {
		if code, body := w.reach("web.fly.dev", "/key"); code != 200 || body != "old "+w.Machines("web")[1] {
			t.Errorf("the other machine answers %d %s", code, body)
		}
	}
	w.SetSecret("web", "KEY", "good")
	w.person().call("POST", w.machine(0)+"/start", nil).want(200)
	if p.running[w.Machines("web")[0]] != "good" || !w.Healthy("web") {
		t.Error("it has not booted with a good key")
	}
}

// A stop that somebody asked for is no crash.
func TestStopIsAnExitThatWasAskedFor(t *testing.T) {
	w, _ := newInProcess(t, fly.Config{})
	w.person().call("POST", w.machine(0)+"/stop", nil).want(200)
	got := w.person().call("GET", w.machine(0), nil)
	if got.text("events", 0, "type") != "exit" || got.at("events", 0, "request", "exit_event", "requested_stop") != true {
		t.Errorf("the newest event is %v", got.at("events", 0))
	}
}

// The program's own health may ask this very Fly.
func TestChecksAskTheProgramWithoutALock(t *testing.T) {
	w, p := newInProcess(t, fly.Config{Starting: time.Second, Checking: 5 * time.Second})
	healthy, asked := true, 0
	p.health = func(rw http.ResponseWriter, r *http.Request) {
		asked++
		w.person().call("GET", "/v1/apps/web", nil).want(200)
		if _, bounded := r.Context().Deadline(); !bounded {
			t.Error("the check has no time limit")
		}
		if !healthy {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	status := func() string { return w.person().call("GET", w.machine(0), nil).want(200).text("checks", 0, "status") }
	if got := status(); got != "passing" {
		t.Errorf("the check is %s", got)
	}
	healthy = false
	if got := status(); got != "critical" {
		t.Errorf("unwell, the check is %s", got)
	}
	if w.Healthy("web") {
		t.Error("the app passes for healthy")
	}
	healthy, asked = true, 0
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	w.pass(3 * time.Second)
	if got := w.person().call("GET", w.machine(0), nil); got.text("state") != "started" || got.text("checks", 0, "status") != "critical" || asked > 0 {
		t.Errorf("before its time it is %s, %s, asked %d times", got.text("state"), got.text("checks", 0, "status"), asked)
	}
	w.pass(3 * time.Second)
	if got := status(); got != "passing" {
		t.Errorf("after its time it is %s", got)
	}
}

func TestChecksFollowTheConfiguration(t *testing.T) {
	w, _ := newInProcess(t, fly.Config{})
	service := map[string]any{"internal_port": 9000, "checks": []any{map[string]any{"type": "http", "path": "/key", "timeout": "3s"}}}
	w.person().call("POST", w.machine(0), map[string]any{"config": map[string]any{"image": "i", "services": []any{service}}}).want(200)
	if got := w.person().call("GET", w.machine(0), nil); got.text("checks", 0, "name") != "servicecheck-00-http-9000" || got.text("checks", 0, "status") != "passing" {
		t.Errorf("the checks are %v", got.at("checks"))
	}
	service["checks"] = []any{map[string]any{"type": "http", "path": "/nowhere"}}
	w.person().call("POST", w.machine(0), map[string]any{"config": map[string]any{"image": "i", "services": []any{service}}}).want(200)
	if got := w.person().call("GET", w.machine(0), nil); got.text("checks", 0, "status") != "critical" || !strings.Contains(got.text("checks", 0, "output"), "404") {
		t.Errorf("the checks are %v", got.at("checks"))
	}
}

func TestProxyGoesRoundTheMachinesThatAreWell(t *testing.T) {
	w, p := newInProcess(t, fly.Config{Starting: 2 * time.Second})
	count := func() map[string]int {
		seen := map[string]int{}
		for range 6 {
			code, body := w.reach("web.fly.dev:443", "/key")
			seen[fmt.Sprint(code, " ", body)]++
		}
		return seen
	}
	first, second := "200 old "+w.Machines("web")[0], "200 old "+w.Machines("web")[1]
	if seen := count(); seen[first] != 3 || seen[second] != 3 {
		t.Errorf("six requests went to %v", seen)
	}
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	if seen := count(); seen[second] != 6 {
		t.Errorf("while one starts, six requests went to %v", seen)
	}
	w.person().call("POST", w.machine(1)+"/stop", nil).want(200)
	if code, _ := w.reach("web.fly.dev", "/key"); code != 503 {
		t.Errorf("without a machine the address answers %d", code)
	}
	w.pass(2 * time.Second)
	if seen := count(); seen[first] != 6 {
		t.Errorf("started, six requests went to %v", seen)
	}
	p.health = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }
	w.pass(time.Minute)
	if code, _ := w.reach("web.fly.dev", "/key"); code != 503 {
		t.Errorf("of an app that is unwell the address answers %d", code)
	}
	for _, host := range []string{"none.fly.dev", "fly.dev", "web.example.com", ""} {
		if code, _ := w.reach(host, "/key"); code != 404 {
			t.Errorf("host %q answers %d", host, code)
		}
	}
}

func TestProxyHoldsARequestUntilAMachineServes(t *testing.T) {
	w, _ := newInProcess(t, fly.Config{Hold: time.Minute, Starting: time.Second})
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	w.person().call("POST", w.machine(1)+"/stop", nil).want(200)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("a caller who has gone: %v", p)
			}
		}()
		w.AppHandler("web").ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, "GET", "http://web.fly.dev/key", nil))
	}()
	w.person().call("POST", w.machine(0)+"/stop", nil).want(200)
	if code, _ := w.reach("web.fly.dev", "/key"); code != 503 {
		t.Errorf("nobody waits for machines that are stopped: %d", code)
	}
}

// Machines are made, changed, asked and destroyed by several at once.
func TestProgramsUnderConcurrentCalls(t *testing.T) {
	w, p := newInProcess(t, fly.Config{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 10 {
				id := w.Machines("web")[i%2]
				w.person().call("POST", "/v1/apps/web/machines/"+id, map[string]any{"config": config()}).want(200)
				w.person().call("GET", "/v1/apps/web/machines", nil).want(200)
				made := w.person().call("POST", "/v1/apps/web/machines", map[string]any{"config": program()}).want(200).text("id")
				if code, _ := w.reach("web.fly.dev", "/key"); code != 200 && code != 503 { // all may boot at this instant
					t.Errorf("the address answers %d", code)
				}
				w.person().call("DELETE", "/v1/apps/web/machines/"+made+"?force=true", nil).want(200)
			}
		})
	}
	all.Wait()
	ids := w.Machines("web")
	if len(ids) != 2 || p.runs() != 2 || !w.Healthy("web") {
		t.Errorf("%d machines, %d programs", len(ids), p.runs())
	}
	for _, m := range w.person().call("GET", "/v1/apps/web/machines", nil).list() {
		machine, _ := m.(map[string]any)
		if !slices.Contains(ids, fmt.Sprint(machine["id"])) || machine["state"] != "started" {
			t.Errorf("machine %v is %v", machine["id"], machine["state"])
		}
	}
}
