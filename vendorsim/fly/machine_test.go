package fly_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
)

// machine is the path of one of the app's machines.
func (w *world) machine(i int) string { return "/v1/apps/web/machines/" + w.Machines("web")[i] }

func (w *world) value(i int) string {
	v, _ := w.MachineEnv("web", w.Machines("web")[i], "KEY")
	return v
}

// stage writes a new value and gives the version of the secrets.
func (w *world) stage() int {
	w.t.Helper()
	return w.person().call("POST", secrets+"/KEY", map[string]any{"value": "new"}).want(201).number("version")
}

func config() map[string]any {
	return map[string]any{"image": "registry.fly.io/web:deployment-2", "env": map[string]any{"A": "b"}, "metadata": map[string]any{"owner": "us"}}
}

func TestMachineShape(t *testing.T) {
	w := newWorld(t, fly.Config{})
	c := w.as(w.scoped)
	list := c.call("GET", "/v1/apps/web/machines", nil).want(200)
	if len(list.list()) != 2 {
		t.Fatalf("%d machines, want 2", len(list.list()))
	}
	fields := []string{"id", "name", "state", "region", "instance_id", "private_ip", "config", "host_status", "created_at", "updated_at", "image_ref", "checks", "events"}
	list.has([]any{1}, fields...)
	one := c.call("GET", w.machine(0), nil).want(200).has(nil, fields...)
	one.has([]any{"events", 0}, "id", "type", "status", "source", "timestamp")
	if one.number("events", 0, "timestamp") < 1_000_000_000_000 {
		t.Error("the events do not count milliseconds")
	}
	one.instant("created_at")
	c.call("GET", w.machine(0)+"x", nil).refused(404)
	w.as("").call("GET", w.machine(0), nil).refused(401)
	if n := len(c.call("GET", w.machine(0)+"/events?limit=1", nil).want(200).list()); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestUpdateBootsWithTheSecretsThatItAsksFor(t *testing.T) {
	w := newWorld(t, fly.Config{ReplicaLag: 20 * time.Second, Replacing: 2 * time.Second, Starting: time.Second})
	w.pass(time.Minute)
	version := w.stage()
	if w.value(0) != "old" {
		t.Fatal("a write alone has changed what a machine runs with")
	}
	before := w.person().call("GET", w.machine(0), nil).text("instance_id")
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	if w.value(0) != "old" {
		t.Error("without min_secrets_version the replica that lags was not taken")
	}
	got := w.person().call("POST", w.machine(0), map[string]any{"config": config(), "min_secrets_version": version}).want(200)
	if w.value(0) != "new" || got.text("instance_id") == before || got.text("config", "metadata", "owner") != "us" {
		t.Error("the update has not made a machine with the new value and the given configuration")
	}
	for _, want := range []string{"replacing", "starting", "started"} {
		if state := w.person().call("GET", w.machine(0), nil).text("state"); state != want {
			t.Errorf("state %q, want %q", state, want)
		}
		w.pass(2 * time.Second)
	}
	w.person().call("POST", w.machine(1), map[string]any{"config": config(), "min_secrets_version": version + 1}).refused(400)
	w.person().call("POST", w.machine(1), map[string]any{"min_secrets_version": version}).refused(400)
	w.person().call("POST", w.machine(1), map[string]any{"config": config(), "current_version": "another"}).refused(409)
	if w.value(1) != "old" {
		t.Error("a refused update has changed the machine")
	}
}

func TestMachinesThatDoNotRun(t *testing.T) {
	w := newWorld(t, fly.Config{})
	c := w.person()
	c.call("POST", w.machine(0)+"/stop", nil).want(200)
	c.call("POST", w.machine(1)+"/suspend", nil).want(200)
	version := w.stage()
	for i, want := range []string{"stopped", "suspended"} {
		if got := c.call("GET", w.machine(i), nil).text("state"); got != want {
			t.Errorf("machine %d is %q, want %q", i, got, want)
		}
	}
	c.call("POST", w.machine(1)+"/suspend", nil).refused(400)
	c.call("POST", w.machine(0)+"/start", nil).want(200).has(nil, "previous_state")
	c.call("POST", w.machine(1)+"/start", nil).want(200)
	for i := range 2 {
		if got := c.call("GET", w.machine(i), nil).text("state"); got != "started" {
			t.Errorf("machine %d is %q after its start", i, got)
		}
	}
	if w.value(0) != "new" || w.value(1) != "old" {
		t.Error("a stopped machine boots with the new value, a suspended one goes on with the old")
	}
	c.call("POST", w.machine(1)+"/stop", nil).want(200)
	got := c.call("POST", w.machine(1), map[string]any{"config": config(), "min_secrets_version": version, "skip_launch": true}).want(200)
	if got.text("state") != "stopped" || w.value(1) != "new" {
		t.Errorf("updated at rest it is %q", got.text("state"))
	}
}

func TestRestartMayKeepTheOldValue(t *testing.T) {
	for keeps, want := range map[bool]string{false: "new", true: "old"} {
		w := newWorld(t, fly.Config{RestartKeepsSecrets: keeps})
		w.stage()
		w.person().call("POST", w.machine(0)+"/restart", nil).want(200)
		if w.value(0) != want {
			t.Errorf("keeps %t: it has %q", keeps, w.value(0))
		}
	}
}

func TestHostThatCannotBeReached(t *testing.T) {
	w := newWorld(t, fly.Config{})
	w.SetHostStatus("web", w.Machines("web")[0], "unreachable")
	got := w.person().call("GET", w.machine(0), nil).want(200).has(nil, "incomplete_config", "host_status")
	if _, there := got.body.(map[string]any)["config"]; there {
		t.Error("it shows a config that it cannot know")
	}
	w.stage()
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).refused(503)
	if w.value(0) != "old" {
		t.Error("it was updated")
	}
}

func TestLeaseKeepsOthersAway(t *testing.T) {
	for _, flat := range []bool{false, true} {
		w := newWorld(t, fly.Config{FlatLeases: flat})
		c, at := w.person(), []any{"data"}
		if flat {
			at = nil
		}
		taken := c.call("POST", w.machine(0)+"/lease", map[string]any{"ttl": 60, "description": "mine"}).want(201).
			has(at, "nonce", "expires_at", "owner", "version")
		holder := c
		holder.nonce = taken.text(append(at, "nonce")...)
		if got := taken.number(append(at, "expires_at")...); int64(got) != w.now.Add(time.Minute).Unix() {
			t.Errorf("it ends at %d", got)
		}
		c.call("POST", w.machine(0)+"/lease", map[string]any{"ttl": 60}).refused(409)
		c.call("POST", w.machine(0), map[string]any{"config": config()}).refused(409)
		c.call("POST", w.machine(0)+"/stop", nil).refused(409)
		c.call("DELETE", w.machine(0)+"/lease", nil).refused(409)
		if shown := c.call("GET", w.machine(0)+"/lease", nil).want(200); shown.text(append(at, "nonce")...) != "" {
			t.Error("everybody sees the nonce")
		}
		holder.call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
		holder.call("DELETE", w.machine(0)+"/lease", nil).want(200)
		c.call("GET", w.machine(0)+"/lease", nil).refused(404)
		c.call("POST", w.machine(0)+"/lease?ttl=5", nil).want(201) // as fly-go asks
		w.pass(5 * time.Second)
		c.call("POST", w.machine(0)+"/lease", map[string]any{}).want(201)
		c.call("POST", w.machine(1)+"/lease?ttl=soon", nil).refused(400)
	}
}

func TestWait(t *testing.T) {
	w := newWorld(t, fly.Config{Replacing: 10 * time.Second})
	c := w.person()
	version := c.call("POST", w.machine(0), map[string]any{"config": config()}).want(200).text("instance_id")
	c.call("GET", w.machine(0)+"/wait?state=started&timeout=1&version="+version, nil).refused(408)
	c.call("GET", w.machine(0)+"/wait?state=started&version=another", nil).refused(400)
	c.call("GET", w.machine(0)+"/wait?timeout=61", nil).refused(400)
	w.pass(10 * time.Second)
	for _, query := range []string{"", "?state=started", "?state=stopped&state=started", "?state=settled", "?instance_id=" + version} {
		c.call("GET", w.machine(0)+"/wait"+query, nil).want(200).has(nil, "ok", "state", "version")
	}
}

// A wait blocks and lets other calls through meanwhile.
func TestWaitBlocks(t *testing.T) {
	asleep, wake := make(chan struct{}), make(chan struct{})
	w := newWorld(t, fly.Config{Replacing: 10 * time.Second, Sleep: func(context.Context, time.Duration) error {
		asleep <- struct{}{}
		<-wake
		return nil
	}})
	w.person().call("POST", w.machine(0), map[string]any{"config": config()}).want(200)
	done := make(chan int)
	go func() { done <- w.person().call("GET", w.machine(0)+"/wait?timeout=60", nil).code }()
	<-asleep
	w.person().call("GET", w.machine(0), nil).want(200)
	w.pass(10 * time.Second)
	close(wake)
	if code := <-done; code != http.StatusOK {
		t.Errorf("status %d", code)
	}
}

func TestRateLimits(t *testing.T) {
	w := newWorld(t, fly.Config{RateLimits: true})
	c := w.person()
	burst := func(path string) (n int) {
		for n < 20 && c.call("GET", path, nil).code == 200 {
			n++
		}
		return n
	}
	if n := burst("/v1/apps/web/machines"); n != 3 {
		t.Errorf("%d lists at once, want 3", n)
	}
	c.call("GET", "/v1/apps/web/machines", nil).refused(429)
	if n := burst(w.machine(0)); n != 10 {
		t.Errorf("one machine was read %d times at once, want 10", n)
	}
	c.call("GET", w.machine(1), nil).want(200) // each machine counts alone
	w.pass(time.Second)
	if lists, reads := burst("/v1/apps/web/machines"), burst(w.machine(0)); lists != 1 || reads != 5 {
		t.Errorf("after a second %d lists and %d reads, want 1 and 5", lists, reads)
	}
}

const lastRelease = `query R($name: String!) { app(name: $name) { currentReleaseUnprocessed { version status configDefinition } } }`

// The answers have the forms in which flyctl reads them.
func TestReleases(t *testing.T) {
	w := newWorld(t, fly.Config{})
	c, at := w.as("Bearer "+strings.TrimPrefix(w.scoped, "FlyV1 ")), []any{"data", "app", "currentReleaseUnprocessed"}
	first := c.graphql(lastRelease, map[string]any{"name": "web"})
	if first.number(append(at, "version")...) != 1 || first.text(append(at, "configDefinition", "app")...) != "web" {
		t.Fatalf("the first release: %v", first.at(at...))
	}
	body := map[string]any{"app_name": "web", "image": "i", "strategy": "ROLLING", "definition": map[string]any{"app": "web", "kept": true}}
	made := c.call("POST", "/api/v1/releases", body).want(201).has([]any{"release"}, "id", "version", "status", "strategy", "created_at", "image_ref")
	if _, ok := made.at("release", "user").(string); !ok || made.number("release", "version") != 2 {
		t.Errorf("the release: %v", made.at("release"))
	}
	path := "/api/v1/releases/" + made.text("release", "id")
	if got := c.call("PATCH", path, map[string]any{"status": "complete"}).want(200); got.text("status") != "complete" || got.at("stable") != true {
		t.Errorf("completed: %v", got.body)
	}
	if got := c.graphql(lastRelease, map[string]any{"name": "web"}); got.at(append(at, "configDefinition", "kept")...) != true {
		t.Error("the release's definition is not the app's configuration")
	}
	if n := len(c.call("GET", "/api/v1/apps/web/releases?limit=1", nil).want(200).list("releases")); n != 1 {
		t.Errorf("%d releases listed, want 1", n)
	}
	c.call("PATCH", path, map[string]any{"status": "fine"}).refused(422)
	c.call("PATCH", path+"x", map[string]any{"status": "complete"}).refused(404)
	body["strategy"] = "rolling"
	c.call("POST", "/api/v1/releases", body).refused(422)
	body["strategy"], body["app_name"] = "ROLLING", "none"
	c.call("POST", "/api/v1/releases", body).refused(404)
	w.as("").call("POST", "/api/v1/releases", body).refused(401)
}

// The app's own address tells what its machines booted with.
func TestAppHealthFollowsItsToken(t *testing.T) {
	w := newWorld(t, fly.Config{})
	w.AddApp("acme", "cp", "FLY_API_TOKEN")
	id, value := w.AddDeployToken("cp", "in use", time.Hour)
	w.SetSecret("cp", "FLY_API_TOKEN", value)
	w.AddMachines("cp", 1)
	health := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://cp.fly.dev/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		w.AppHandler("cp").ServeHTTP(rec, req)
		return rec.Code
	}
	if code := health(); code != 200 {
		t.Fatalf("status %d", code)
	}
	w.SetSecret("cp", "FLY_API_TOKEN", "broken")
	if code := health(); code != 200 {
		t.Errorf("a staged secret has reached the machine: status %d", code)
	}
	w.person().graphql(revoke, map[string]any{"input": map[string]any{"id": id}})
	if code := health(); code != 503 {
		t.Errorf("with a revoked token: status %d", code)
	}
}
