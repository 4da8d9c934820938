package controlplane_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/tenant"
)

func TestATenantComesAndGoes(t *testing.T) {
	s := newSite(t, speed{operation: time.Second, lag: time.Minute})
	cp := s.server(&controlplane.Memory{})
	made := cp.do("POST", "/cp/orgs", `{"slug":"acme","name":"Acme","owner":"owner@acme.example"}`)
	id, _ := made.body["id"].(string)
	if made.code != http.StatusCreated || made.body["status"] != "provisioning" || id == "" {
		t.Fatalf("made: %d %s", made.code, made.text)
	}
	if got := cp.status(id); got != "provisioning" {
		t.Errorf("while Neon works it is %s", got)
	}
	s.pass(nil, time.Minute)
	s.down.Store(true)
	if got := cp.status("acme"); got != "provisioning" {
		t.Errorf("while its platform is down it is %s", got)
	}
	s.down.Store(false)
	if got := cp.status("acme"); got != "ready" {
		t.Errorf("at last it is %s", got)
	}
	s.down.Store(true)
	if got := cp.status("acme"); got != "ready" {
		t.Errorf("ready is not written down: it is %s", got)
	}
	list := cp.do("GET", "/cp/orgs", "")
	if orgs := list.body["orgs"].([]any); len(orgs) != 1 || orgs[0].(map[string]any)["id"] != id {
		t.Errorf("the list is %s", list.text)
	}
	if got := cp.do("POST", "/cp/orgs", `{"slug":"acme","name":"Another"}`); got.code != http.StatusConflict {
		t.Errorf("the slug again: %d", got.code)
	}
	if got := cp.do("DELETE", "/cp/orgs/"+id, ""); got.code != http.StatusNoContent || got.text != "" {
		t.Errorf("erased: %d %s", got.code, got.text)
	}
	if left := s.left(&controlplane.Memory{}); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	if got := cp.do("DELETE", "/cp/orgs/"+id, ""); got.code != http.StatusNotFound || s.mails() != 1 {
		t.Errorf("erased again: %d, and %d mails", got.code, s.mails())
	}
}

func TestWhatATenantsMachineGets(t *testing.T) {
	s := newSite(t, speed{lag: time.Hour})
	s.env["SECRETS_DECRYPTION_KEYS"], s.env["ANTHROPIC_API_BASE"] = keyTwo, "https://model.example"
	cp := s.server(&controlplane.Memory{})
	id := cp.make("acme")
	machine := s.fly.Machines(prefix + "acme")[0]
	for name, want := range map[string]string{"ORG_ID": id, "CONTROL_PLANE_URL": "https://molecule-cp.fly.dev", "ANTHROPIC_API_BASE": "https://model.example",
		"REDIS_URL": redisURL, "SECRETS_DECRYPTION_KEYS": keyOne + "," + keyTwo} {
		if got, _ := s.fly.MachineEnv(prefix+"acme", machine, name); got != want {
			t.Errorf("%s is not what it must be (%d letters)", name, len(got))
		}
	}
}

func TestTenantsWithoutADatabase(t *testing.T) {
	for setting, off := range map[string]bool{"": false, "off": true} {
		s := newSite(t, speed{})
		s.env["TENANT_DATABASE"] = setting
		cp := s.server(&controlplane.Memory{})
		id := cp.make("acme")
		_, secrets, err := cp.instance(prefix + "acme")
		must(t, err)
		if (secrets.DatabaseURL == "") != off || secrets.RedisURL != redisURL || secrets.AdminToken == "" {
			t.Errorf("TENANT_DATABASE=%s: the row has a database: %t", setting, secrets.DatabaseURL != "")
		}
		if got := cp.status(id); got != "ready" {
			t.Errorf("TENANT_DATABASE=%s: the tenant is %s", setting, got)
		}
		if branches := s.neon.Branches(project); len(branches) != 2 { // the project's own, and the tenant's
			t.Errorf("TENANT_DATABASE=%s: there are %d branches", setting, len(branches))
		}
		if got := cp.do("DELETE", "/cp/orgs/"+id, ""); got.code != http.StatusNoContent {
			t.Errorf("TENANT_DATABASE=%s: erased: %d %s", setting, got.code, got.text)
		}
		if left := s.left(&controlplane.Memory{}); len(left) > 0 {
			t.Errorf("TENANT_DATABASE=%s: left over: %v", setting, left)
		}
	}
}

// instance asks for a tenant's row as its platform does.
func (s *server) instance(app string) (reply, tenant.Secrets, error) {
	s.t.Helper()
	token, _ := s.fly.MachineEnv(app, s.fly.Machines(app)[0], "ADMIN_TOKEN")
	got := s.as(token, "GET", "/tenant/instance", "")
	var row struct {
		ID string
		tenant.Sealed
	}
	must(s.t, json.Unmarshal([]byte(got.text), &row))
	box, err := tenant.NewBox(keyOne, keyTwo)
	must(s.t, err)
	secrets, err := box.Open(s.t.Context(), row.ID, row.Sealed)
	return got, secrets, err
}

func TestATenantsRowIsForItsPlatformAlone(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		s := newSite(t, speed{})
		cp := s.server(store)
		cp.make("acme")
		cp.make("bolt")
		got, secrets, err := cp.instance(prefix + "acme")
		if err != nil || !strings.HasPrefix(secrets.DatabaseURL, "postgresql://") || secrets.RedisURL != redisURL || got.body["id"] == "" {
			t.Errorf("its row: %d, %v", got.code, err)
		}
		if _, err := base64.StdEncoding.DecodeString(got.body["database_url"].(string)); err != nil {
			t.Error(err)
		}
		theirs := secrets.AdminToken[strings.LastIndex(secrets.AdminToken, "_"):]
		_, bolt, err := cp.instance(prefix + "bolt")
		must(t, err)
		mixed := bolt.AdminToken[:strings.LastIndex(bolt.AdminToken, "_")] + theirs
		nobody := "mtadm_" + strings.Repeat("0", 32) + "_" + strings.Repeat("0", 64)
		for _, token := range []string{"", adminToken, mixed, nobody, "mtadm_", "mtadm_zz_1", secrets.AdminToken + "0", secrets.AdminToken[:len(secrets.AdminToken)-1]} {
			if got := cp.as(token, "GET", "/tenant/instance", ""); got.code != http.StatusUnauthorized || got.body["id"] != nil {
				t.Errorf("a wrong token: %d", got.code)
			}
		}
		if got := cp.as(secrets.AdminToken, "GET", "/cp/orgs", ""); got.code != http.StatusUnauthorized {
			t.Errorf("a tenant's token at /cp: %d", got.code)
		}
	})
}

func TestWhoMayCall(t *testing.T) {
	cp := newSite(t, speed{}).server(&controlplane.Memory{})
	for _, call := range []string{"GET /cp/orgs", "POST /cp/orgs", "GET /cp/orgs/acme", "DELETE /cp/orgs/acme", "POST /cp/orgs/acme/reprovision", "GET /cp/workspaces",
		"GET /cp/orgs/acme/secrets", "PUT /cp/orgs/acme/secrets", "GET /cp/orgs/acme/logs", "POST /cp/orgs/acme/workspaces/w/ask", "POST /cp/billing/checkout"} {
		method, path, _ := strings.Cut(call, " ")
		for _, token := range []string{"", "x", adminToken + "x"} {
			if got := cp.as(token, method, path, ""); got.code != http.StatusUnauthorized || got.body["error"] == nil {
				t.Errorf("%s with a wrong token: %d %s", call, got.code, got.text)
			}
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := newSite(t, speed{})
	cp := s.server(&controlplane.Memory{})
	s.fly.AddApp(flyOrg, prefix+"bolt", "")
	for body, want := range map[string]int{
		`{"slug":"CANARY"`: 400, `{"slug":"Upper"}`: 400, `{"slug":"a/b"}`: 400, `{"slug":""}`: 400, ``: 400, `{"slug":"-a"}`: 400, `{"slug":"` + strings.Repeat("a", 33) + `"}`: 400,
		`{"slug":"acme","owner":"nobody"}`: 400, `{"slug":"bolt"}`: 409, `{"slug":"` + strings.Repeat("a", 1<<20) + `"}`: 413,
	} {
		if got := cp.do("POST", "/cp/orgs", body); got.code != want || got.body["error"] == nil || strings.Contains(got.text, "CANARY") {
			t.Errorf("%.30s: %d %s, want %d", body, got.code, got.text, want)
		}
	}
	if left := s.left(&controlplane.Memory{}); len(left) != 1 || left[0] != "app of bolt" {
		t.Errorf("there is %v, want the app that was there before", left)
	}
	for _, call := range []string{"GET /cp/orgs/nobody", "DELETE /cp/orgs/nobody", "GET /nowhere", "POST /health"} {
		method, path, _ := strings.Cut(call, " ")
		if got := cp.do(method, path, ""); got.code != http.StatusNotFound || got.body["error"] == nil {
			t.Errorf("%s: %d %s", call, got.code, got.text)
		}
	}
}

func TestCallsForAPlatformArePassedOn(t *testing.T) {
	s := newSite(t, speed{})
	cp := s.server(&controlplane.Memory{})
	id := cp.make("acme")
	cp.make("bolt")
	for call, want := range map[string]string{
		"GET /cp/orgs/acme/secrets":                     "GET /settings/secrets ",
		"PUT /cp/orgs/" + id + "/settings/secrets":      "PUT /settings/secrets {}",
		"PUT /cp/orgs/acme/workspaces/ws-1/secrets":     "PUT /workspaces/ws-1/secrets {}",
		"GET /cp/orgs/acme/workspaces/ws-1/secrets":     "GET /workspaces/ws-1/secrets ",
		"POST /cp/orgs/acme/workspaces/ws-1/restart":    "POST /workspaces/ws-1/restart {}",
		"POST /cp/orgs/acme/workspaces/ws-1/pause":      "POST /workspaces/ws-1/pause {}",
		"POST /cp/orgs/acme/workspaces/ws-1/resume":     "POST /workspaces/ws-1/resume {}",
		"POST /cp/orgs/acme/workspaces/a%2Fb/ask":       "POST /workspaces/a%2Fb/ask {}",
		"GET /cp/orgs/acme/logs?since=2026-03-01T12:00": "GET /logs?since=2026-03-01T12:00 ",
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := cp.do(method, path, "{}"); got.code != http.StatusAccepted || got.text != want {
			t.Errorf("%s: %d %q, want %q", call, got.code, got.text, want)
		}
	}
	list := cp.do("GET", "/cp/workspaces", "")
	if all := list.body["workspaces"].([]any); len(all) != 2 || all[0].(map[string]any)["org"] != id {
		t.Errorf("workspaces: %s", list.text)
	}
}

func TestAListOfWorkspacesIsWholeOrNone(t *testing.T) {
	s := newSite(t, speed{})
	cp := s.server(&controlplane.Memory{})
	cp.make("acme")
	s.down.Store(true)
	if got := cp.do("GET", "/cp/workspaces", ""); got.code != http.StatusOK {
		t.Errorf("a tenant that was never ready: %d", got.code)
	}
	s.down.Store(false)
	if got := cp.status("acme"); got != "ready" {
		t.Fatalf("it is %s", got)
	}
	s.down.Store(true)
	if got := cp.do("GET", "/cp/workspaces", ""); got.code != http.StatusBadGateway {
		t.Errorf("a tenant that is down: %d %s", got.code, got.text)
	}
}

func TestUnreadableRows(t *testing.T) {
	s := newSite(t, speed{})
	store := &controlplane.Memory{}
	cp := s.server(store)
	cp.make("acme")
	other := s.server(store, "SECRETS_ENCRYPTION_KEY", keyTwo, "SECRETS_DECRYPTION_KEYS", "")
	if got := other.status("acme"); got != "unreadable" {
		t.Errorf("without the key it is %s", got)
	}
	if got := other.do("GET", "/health", ""); got.code != http.StatusOK {
		t.Errorf("health is %d", got.code)
	}
	token, _ := s.fly.MachineEnv(prefix+"acme", s.fly.Machines(prefix + "acme")[0], "ADMIN_TOKEN")
	for name, got := range map[string]reply{"secrets": other.do("GET", "/cp/orgs/acme/secrets", ""), "its own row": other.as(token, "GET", "/tenant/instance", "")} {
		if got.code != http.StatusServiceUnavailable || !strings.Contains(got.text, "SECRETS_DECRYPTION_KEYS") {
			t.Errorf("%s: %d %s", name, got.code, got.text)
		}
	}
	before := s.neon.Branches(project)[1].ID
	if got := other.do("POST", "/cp/orgs/acme/reprovision", ""); got.code != http.StatusOK {
		t.Fatalf("provisioned anew: %d %s", got.code, got.text)
	}
	if got := other.status("acme"); got != "ready" {
		t.Errorf("after that it is %s", got)
	}
	if got := cp.status("acme"); got != "unreadable" {
		t.Errorf("with the old key alone it is %s", got)
	}
	branches := s.neon.Branches(project)
	if len(branches) != 2 || branches[1].ID == before {
		t.Errorf("the branches are %+v", branches)
	}
	if got := other.do("GET", "/cp/orgs/acme/secrets", ""); got.code != http.StatusAccepted {
		t.Errorf("its platform takes the new token with %d", got.code)
	}
	if got := other.do("DELETE", "/cp/orgs/acme", ""); got.code != http.StatusNoContent || len(s.left(store)) != 0 {
		t.Errorf("erased: %d, left %v", got.code, s.left(store))
	}
}
