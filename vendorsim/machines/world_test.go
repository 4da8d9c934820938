//go:build unix

package machines_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/machines"
)

// within bounds every wait of these tests.
const within = 30 * time.Second

// world is a Fly whose machines are processes, with an app and its address on
// loopback.
type world struct {
	*fly.Fly
	t        *testing.T
	launcher *machines.Launcher
	token    string // a person's
	public   string // where apps are reached
	dir      string
	skew     atomic.Int64
}

func newWorld(t *testing.T, hold time.Duration) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.launcher = machines.New(machines.Config{Dir: w.dir, Env: map[string]string{inside: "1", "GOCOVERDIR": w.dir, "GORACE": "atexit_sleep_ms=0", "ORIGIN": "launcher"},
		Command: func(l fly.Launch) (string, []string, error) {
			if l.Image == "none" {
				return w.dir + "/no-such-program", nil, nil
			}
			return os.Args[0], nil, nil
		}})
	w.Fly = fly.New(fly.Config{Now: w.now, Launcher: w.launcher, Hold: hold})
	w.AddOrg("acme")
	w.AddApp("acme", "web", "")
	w.token = w.AddUserToken("acme", "owner@example.com")
	w.SetSecret("web", "KEY", "one")
	public, err := vendorsim.Listen(w.AppsHandler())
	if err != nil {
		t.Fatal(err)
	}
	w.public = public.URL
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if pids := w.launcher.Running(); len(pids) > 0 {
			t.Errorf("processes %v are left after Close", pids)
		}
		_ = public.Close()
	})
	return w
}

// now is real time and what the driver was told to wait.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }

func (w *world) wait(_ context.Context, d time.Duration) error {
	w.skew.Add(int64(d))
	return nil
}

// api calls the Machines API and gives the decoded answer.
func (w *world) api(method, path string, body any) map[string]any {
	w.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, "https://"+fly.MachinesHost+path, bytes.NewReader(b))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := vendorsim.Transport(map[string]http.Handler{fly.MachinesHost: w.Fly}).RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	var got map[string]any
	if b, err = io.ReadAll(resp.Body); err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &got)
	}
	if err != nil || resp.StatusCode/100 != 2 {
		w.t.Fatalf("%s %s: status %d, %s, %v", method, path, resp.StatusCode, b, err)
	}
	return got
}

// create makes a machine and gives its id.
func (w *world) create(env, more map[string]any) string {
	w.t.Helper()
	config := map[string]any{"image": "registry.fly.io/web:v1", "env": env, "stop_config": map[string]any{"timeout": "2s"}}
	for k, v := range more {
		config[k] = v
	}
	id, _ := w.api("POST", "/v1/apps/web/machines", map[string]any{"config": config})["id"].(string)
	return id
}

func (w *world) machine(id string) map[string]any {
	w.t.Helper()
	return w.api("GET", "/v1/apps/web/machines/"+id, nil)
}

// check gives the status and the output of a machine's check.
func check(m map[string]any) string {
	list, _ := m["checks"].([]any)
	c, _ := list[0].(map[string]any)
	return fmt.Sprint(c["status"], " ", c["output"])
}

// until asks again and again: there is no signal for what processes do.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(within)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			w.t.Fatalf("it has not come to this: %s\nlog:\n%s", what, w.log())
		}
	}
}

func (w *world) healthy() {
	w.t.Helper()
	w.until("all machines are healthy", func() bool { return len(w.Started("web")) == len(w.Machines("web")) && w.Healthy("web") })
}

// log gives the lines of the app's log.
func (w *world) log() string {
	w.t.Helper()
	var text strings.Builder
	data, _ := w.api("GET", "/api/v1/apps/web/logs?next_token=", nil)["data"].([]any)
	for _, l := range data {
		line, _ := l.(map[string]any)
		attributes, _ := line["attributes"].(map[string]any)
		fmt.Fprintln(&text, attributes["message"])
	}
	return text.String()
}

// reach makes a request to the app's public address and gives the answer.
func (w *world) reach(method, path, body string) (int, string, http.Header) {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.public+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error(), nil
	}
	r.Host = "web.fly.dev"
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error(), nil
	}
	return resp.StatusCode, string(b), resp.Header
}
