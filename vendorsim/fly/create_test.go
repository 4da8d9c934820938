package fly_test

import (
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
)

// program is the configuration of a machine that an application makes.
func program() map[string]any {
	return map[string]any{"image": "registry.fly.io/tenant:v1", "env": map[string]any{"ORG_ID": "7"},
		"services": []any{map[string]any{"protocol": "tcp", "internal_port": 8080}}}
}

func TestAppsAreMadeAndTakenAway(t *testing.T) {
	w := newWorld(t, fly.Config{})
	_, token := w.AddOrgToken("acme", "control plane", time.Hour)
	c := w.as(token)
	c.call("POST", "/v1/apps", map[string]any{"app_name": "tenant-a", "org_slug": "acme"}).want(201).has(nil, "id", "created_at")
	c.call("POST", "/v1/apps", map[string]any{"name": "tenant-b", "org_slug": "acme"}).want(201)
	if got := c.call("GET", "/v1/apps/tenant-a", nil).want(200); got.number("machine_count") != 0 || got.text("organization", "slug") != "acme" {
		t.Errorf("the app is %v", got.body)
	}
	if n := c.call("GET", "/v1/apps?org_slug=acme", nil).want(200).number("total_apps"); n != 3 {
		t.Errorf("%d apps, want 3", n)
	}
	c.call("POST", "/v1/apps/tenant-a/secrets", map[string]any{"values": map[string]any{"REDIS_URL": "redis://r"}}).want(200)
	c.call("POST", "/v1/apps/tenant-a/machines", map[string]any{"config": program()}).want(200)
	c.call("DELETE", "/v1/apps/tenant-a", nil).want(202)
	c.call("GET", "/v1/apps/tenant-a", nil).refused(404)
	c.call("DELETE", "/v1/apps/tenant-a", nil).refused(404)
	if v, ok := w.SecretValue("tenant-a", "REDIS_URL"); ok {
		t.Errorf("a secret of %d letters has outlived its app", len(v))
	}
	c.call("POST", "/v1/apps", map[string]any{"app_name": "tenant-a", "org_slug": "acme"}).want(201)
}

func TestWhoMayMakeAppsAndWhich(t *testing.T) {
	w := newWorld(t, fly.Config{})
	w.AddOrg("rival")
	_, rival := w.AddOrgToken("rival", "theirs", time.Hour)
	_, ours := w.AddOrgToken("acme", "ours", time.Hour)
	body := map[string]any{"app_name": "tenant-a", "org_slug": "acme"}
	w.as("").call("POST", "/v1/apps", body).refused(401)
	w.as(w.scoped).call("POST", "/v1/apps", body).refused(403)
	w.as(rival).call("POST", "/v1/apps", body).refused(404)
	w.as(ours).call("POST", "/v1/apps", "{").refused(400)
	w.as(ours).call("POST", "/v1/apps", map[string]any{"app_name": "web", "org_slug": "acme"}).refused(422)
	for _, name := range []string{"", "Upper", "a.b", "-a", "a/b"} {
		w.as(ours).call("POST", "/v1/apps", map[string]any{"app_name": name, "org_slug": "acme"}).refused(422)
	}
	w.as(rival).call("DELETE", "/v1/apps/web", nil).refused(403)
	w.as(rival).call("POST", "/v1/apps/web/machines", map[string]any{"config": program()}).refused(403)
	if n := w.person().call("GET", "/v1/apps?org_slug=acme", nil).number("total_apps"); n != 1 {
		t.Errorf("%d apps after refusals, want 1", n)
	}
}

func TestMachinesAreMade(t *testing.T) {
	w := newWorld(t, fly.Config{Starting: 2 * time.Second, ReplicaLag: time.Minute})
	c, list := w.as(w.scoped), "/v1/apps/web/machines"
	version := w.stage()
	made := c.call("POST", list, map[string]any{"config": program(), "region": "fra", "name": "third", "min_secrets_version": version}).want(200).
		has(nil, "id", "name", "state", "region", "instance_id", "private_ip", "config", "created_at", "events")
	if made.text("region") != "fra" || made.text("name") != "third" || made.text("state") != "starting" || made.text("config", "env", "ORG_ID") != "7" {
		t.Errorf("made: %v", made.body)
	}
	if w.value(2) != "new" {
		t.Error("it has not booted with the version that was asked for")
	}
	w.pass(2 * time.Second)
	path := list + "/" + made.text("id")
	if got := c.call("GET", path, nil).want(200); got.text("state") != "started" || got.text("events", 0, "type") != "start" || got.text("events", 1, "type") != "launch" {
		t.Errorf("after its start: %v", got.body)
	}
	rest := c.call("POST", list, map[string]any{"config": program(), "skip_launch": true}).want(200)
	if rest.text("state") != "stopped" || rest.text("region") == "" || w.value(3) != "old" {
		t.Errorf("with skip_launch, from the replica: %v", rest.body)
	}
	for name, body := range map[string]map[string]any{
		"no config": {"region": "fra"}, "no image": {"config": map[string]any{"env": map[string]any{}}}, "version": {"config": program(), "min_secrets_version": version + 1},
	} {
		if got := c.call("POST", list, body); got.code != 400 {
			t.Errorf("%s: status %d", name, got.code)
		}
	}
	c.call("POST", list, map[string]any{"config": program(), "name": "third"}).refused(409)
	if n := len(w.Machines("web")); n != 4 {
		t.Errorf("%d machines, want 4", n)
	}
}

func TestMachinesAreDestroyed(t *testing.T) {
	w := newWorld(t, fly.Config{})
	c, first, second := w.as(w.scoped), w.machine(0), w.machine(1)
	c.call("DELETE", first, nil).refused(412)
	c.call("DELETE", first+"?force=false", nil).refused(412)
	c.call("DELETE", first+"?force=true", nil).want(200)
	c.call("GET", first, nil).refused(404)
	c.call("DELETE", first+"?force=true", nil).refused(404)
	c.call("POST", second+"/stop", nil).want(200)
	w.person().call("POST", second+"/lease", map[string]any{"ttl": 30}).want(201)
	c.call("DELETE", second, nil).refused(409)
	w.pass(time.Minute)
	c.call("DELETE", second, nil).want(200)
	if n := len(w.Machines("web")); n != 0 {
		t.Errorf("%d machines are left", n)
	}
}
