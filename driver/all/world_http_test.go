package all_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
)

const (
	httpHost   = "platform.example.com"
	httpSecret = "platform-admin-credential-0123456789"

	// heldValue is the value that checks with a value are tried with.
	heldValue = drivertest.Canary
)

// platform is a service that an estate declares requests for. It holds
// settings, which its workers read when it is told to restart.
type platform struct {
	mu      sync.Mutex
	held    map[string]string
	workers map[string]string
	broken  bool
}

// ServeHTTP answers.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case name == "whoami":
		p.answer(w, bearer == heldValue && !p.broken, map[string]any{"login": "ops"})
	case bearer != httpSecret:
		p.answer(w, false, nil)
	case name == "me":
		p.answer(w, true, map[string]any{"login": "admin"})
	case name == "health" || name == "selftest":
		state := "ok"
		if p.broken {
			state = "degraded"
		}
		p.answer(w, true, map[string]any{"status": state})
	case name == "log":
		line := "consumer started"
		if p.broken {
			line = "401 unauthorized"
		}
		_, _ = io.WriteString(w, line+"\n") // the reader is a recorder
	case name == "tenants":
		p.tenants(w, r.URL.Query().Get("after"))
	case strings.HasPrefix(name, "orgs"):
		p.org(w, r, name)
	case name == "restart":
		for k, v := range p.held {
			p.workers[k] = v
		}
		w.WriteHeader(http.StatusAccepted)
	default:
		p.setting(w, r, name)
	}
}

func (p *platform) answer(w http.ResponseWriter, known bool, v any) {
	if !known {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the reader is a recorder
}

// tenants lists four tenants on two pages; one does not run.
func (p *platform) tenants(w http.ResponseWriter, after string) {
	item := func(id, status string) any { return map[string]any{"id": id, "app": map[string]any{"status": status}} }
	if after == "" {
		p.answer(w, true, map[string]any{"tenants": []any{item("one", "running"), item("two", "stopped")}, "next": "https://" + httpHost + "/tenants?after=two"})
		return
	}
	p.answer(w, true, map[string]any{"tenants": []any{item("three", "running"), item("four/4", "running")}, "next": nil})
}

// org makes, shows and takes away a fixture, which is never ready when the
// platform is broken.
func (p *platform) org(w http.ResponseWriter, r *http.Request, name string) {
	_, there := p.held["orgs-1"]
	switch {
	case r.Method == http.MethodPost && there:
		w.WriteHeader(http.StatusConflict)
	case r.Method == http.MethodPost:
		p.held["orgs-1"] = "made"
		p.answer(w, true, map[string]any{"id": "1"})
	case !there || name != "orgs-1":
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(p.held, "orgs-1")
		w.WriteHeader(http.StatusNoContent)
	default:
		p.answer(w, true, map[string]any{"id": "1", "ready": !p.broken})
	}
}

func (p *platform) setting(w http.ResponseWriter, r *http.Request, name string) {
	value, ok := p.held[name]
	var in struct{ Value string }
	switch {
	case r.Method == http.MethodPut && json.NewDecoder(r.Body).Decode(&in) == nil:
		p.held[name] = in.Value
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		w.WriteHeader(http.StatusBadRequest)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(p.held, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		sum := sha256.Sum256([]byte(value))
		p.answer(w, true, map[string]any{"settings": []any{map[string]any{"name": name, "value": value, "digest": hex.EncodeToString(sum[:8])}}})
	}
}

// httpWorld is a platform with two settings of each kind.
func httpWorld(testing.TB, *drivertest.Clock) drivertest.World {
	p := &platform{held: map[string]string{}, workers: map[string]string{}}
	check := func(path string) estate.Settings {
		return estate.Settings{"path": path, "method": "POST", "json": map[string]string{"status": "ok"}}
	}
	health, whoami := check("/health"), estate.Settings{"path": "/whoami", "status": 200, "json": map[string]string{"login": "ops"}}
	health["status"] = 200
	stop := func() { p.broken = true }
	cases := []drivertest.Case{
		{Role: estate.RoleCheck, Kind: "get", Settings: health, Break: stop},
		{Role: estate.RoleCheck, Kind: "get_with_value", Settings: whoami, Break: stop},
		{Role: estate.RoleCheck, Kind: "request", Settings: check("/selftest"), Break: stop},
		{Role: estate.RoleCheck, Kind: "log", Hostile: []string{}, Break: stop, Settings: estate.Settings{"path": "/log", "since_param": "since", "since_format": "rfc3339",
			"expect": "started", "forbid": "401", "over": time.Minute}},
		{Role: estate.RoleCheck, Kind: "fixture", Hostile: []string{}, Break: stop, Settings: estate.Settings{"path": "/orgs", "method": "POST", "body": `{"slug":"test-{stamp}"}`, "id_at": "id", "find_path": "/orgs-1", "find_at": "id",
			"ready_path": "/orgs-1", "ready": map[string]string{"ready": "true"}, "ready_within": time.Minute, "delete_path": "/orgs-1", "delete_method": "DELETE", "gone_path": "/orgs-1"}},
	}
	cases = append(cases, drivertest.Case{Role: estate.RoleDiscovery, Kind: "list", Hostile: []string{"path", "items"},
		Settings: estate.Settings{"path": "/tenants", "items": "tenants", "where": map[string]string{"app.status": "running"}, "set": map[string]string{"path": "/tenants/{id}/settings"}, "next": "next"},
		Found:    []estate.Settings{{"path": "/tenants/one/settings"}, {"path": "/tenants/three/settings"}, {"path": "/tenants/four%2F4/settings"}}})
	// Strange paths of the request and of the status are tried one at a time.
	load := estate.Settings{"path": "/restart", "method": "POST", "body": `{"graceful":true}`, "status_path": "/health", "loaded": map[string]string{"status": "ok"}}
	cases = append(cases, drivertest.Case{Role: estate.RoleActivation, Kind: "request", Settings: load, Hostile: []string{"path", "status_path"}})
	// Writing, looking and removing each have a path of their own, so that one
	// strange path leaves the others pointing at the real setting.
	hostile := map[string][]string{"put": {"path"}, "put_watched": {}, "put_readable": {}}
	for _, kind := range []string{"put", "put_watched", "put_readable"} {
		cases = append(cases, drivertest.Case{Role: estate.RoleLocation, Kind: kind, Settings: httpSetting("API_KEY"), Other: httpSetting("OTHER_KEY"), Hostile: hostile[kind],
			Holds: func(s estate.Settings) (string, bool) {
				p.mu.Lock()
				defer p.mu.Unlock()
				v, ok := p.held[strings.TrimPrefix(s.String("path"), "/")]
				return v, ok
			},
			Loaded: func(value string) bool { return p.workers["API_KEY"] == value }})
	}
	return drivertest.World{
		Transport:  vendorsim.Transport(map[string]http.Handler{httpHost: p}),
		Settings:   estate.Settings{"base": "https://" + httpHost, "probe_path": "/me"},
		Credential: secret.NewString(httpSecret),
		Cases:      cases,
		Excuses: []drivertest.Excuse{
			{Act: "check", Fault: http.StatusText(http.StatusUnprocessableEntity), Absorbed: true, Why: "the estate says which answer is expected; a refusal is what the check looks for"},
			{Act: "check", Fault: http.StatusText(http.StatusConflict), Absorbed: true, Why: "a fixture that is there already was made by this run; whether it is really there is looked at next"},
			{Act: "check", Fault: http.StatusText(http.StatusNotFound), Absorbed: true, Why: "a fixture that is not there need not be taken away"},
			{Act: "activate", Fault: drivertest.Twice, Why: "the estate declares a request; whether it is needed cannot be told"},
			{Act: "activate request", Fault: drivertest.Twice, Why: "the estate declares a request; whether it is needed cannot be told"},
			{Act: "activate request without the receipt of the write", Fault: drivertest.Twice, Why: "the estate declares a request; whether it is needed cannot be told"},
		},
	}
}

func httpSetting(name string) estate.Settings {
	return estate.Settings{"path": "/" + name, "method": "PUT", "body": `{"value":{{json .value}}}`, "get_path": "/" + name,
		"watch": "settings.[name=" + name + "].digest", "value_at": "settings.0.value", "remove_path": "/" + name,
		"activate_path": "/restart", "activate_body": `{"graceful":true}`}
}
