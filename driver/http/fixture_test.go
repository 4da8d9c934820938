package http

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/vendorsim"
)

// provisioner is a control plane whose organisations take a while.
type provisioner struct {
	now    time.Time
	ready  time.Duration
	made   map[string]time.Time // by id
	fail   func(r *http.Request) int
	posted int
}

func (p *provisioner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.fail != nil {
		if code := p.fail(r); code != 0 {
			w.WriteHeader(code)
			return
		}
	}
	id := strings.TrimPrefix(r.URL.Path, "/cp/orgs/")
	since, there := p.made[id]
	switch {
	case r.Method == http.MethodGet && id == "/cp/orgs": // the list
		list := []map[string]string{{"slug": "acme", "id": "acme"}}
		for slug := range p.made {
			list = append(list, map[string]string{"slug": slug, "id": slug})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"orgs": list}) // the caller may have gone
	case r.Method == http.MethodPost:
		p.posted++
		var in struct{ Slug string }
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if _, taken := p.made[in.Slug]; taken {
			w.WriteHeader(http.StatusConflict)
			return
		}
		p.made[in.Slug] = p.now
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"org":{"id":%q}}`, in.Slug)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(p.made, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		status := "provisioning"
		if p.now.Sub(since) >= p.ready {
			status = "running"
		}
		fmt.Fprintf(w, `{"id":%q,"status":%q}`, id, status)
	}
}

// run checks until there is a finding, at most limit times, moving the time on.
func (p *provisioner) run(t *testing.T, s estate.Settings, limit int, each func(*driver.CheckRequest)) (driver.Finding, error) {
	t.Helper()
	opened, err := New().Open(driver.Env{Transport: vendorsim.Transport(map[string]http.Handler{"cp.example.com": p}), Now: func() time.Time { return p.now }},
		estate.Settings{"base": "https://cp.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	r := driver.CheckRequest{Target: driver.Target{Kind: kindFixture, Settings: s}, Since: p.now}
	var f driver.Finding
	for range limit {
		if each != nil {
			each(&r)
		}
		f, err = opened.(driver.Checker).Check(t.Context(), r)
		if err == nil && f.State != driver.Pending {
			return f, nil
		}
		if err == nil {
			r.Resume = f.Resume
		}
		p.now = p.now.Add(max(f.After, time.Second))
	}
	return f, err
}

func orgs(more ...any) estate.Settings {
	s := estate.Settings{"path": "/cp/orgs", "body": `{"slug":"keytest-{stamp}"}`, "id_at": "org.id", "ready_path": "/cp/orgs/{id}",
		"ready": map[string]string{"status": "running"}, "ready_within": 2 * time.Minute, "delete_path": "/cp/orgs/{id}", "gone_path": "/cp/orgs/{id}"}
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return s
}

func newProvisioner(ready time.Duration) *provisioner {
	return &provisioner{now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), ready: ready, made: map[string]time.Time{}}
}

func TestFixture(t *testing.T) {
	once := func(method string, code int) func(*http.Request) int {
		hit := false
		return func(r *http.Request) int {
			if r.Method == method && !hit {
				hit = true
				return code
			}
			return 0
		}
	}
	for _, c := range []struct {
		name     string
		ready    time.Duration
		fail     func(*http.Request) int
		settings estate.Settings
		want     driver.State
	}{
		{"ready after a while", 30 * time.Second, nil, orgs(), driver.Passed},
		{"never ready", time.Hour, nil, orgs(), driver.Failed},
		{"cannot be made", 0, once(http.MethodPost, http.StatusForbidden), orgs(), driver.Failed},
		{"the service is out for a moment while it is made", 0, once(http.MethodPost, http.StatusServiceUnavailable), orgs(), driver.Passed},
		{"the service is out while it is looked at", 0, once(http.MethodGet, http.StatusServiceUnavailable), orgs(), driver.Passed},
		{"the service is out while it is taken away", 0, once(http.MethodDelete, http.StatusServiceUnavailable), orgs(), driver.Passed},
		{"without a look at it", time.Hour, nil, orgs("ready_path", ""), driver.Passed},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProvisioner(c.ready)
			p.fail = c.fail
			f, err := p.run(t, c.settings, 100, nil)
			if err != nil || f.State != c.want {
				t.Errorf("it is %q (%s), %v, want %q", f.State, f.Detail, err, c.want)
			}
			if len(p.made) != 0 {
				t.Errorf("%d fixtures are left", len(p.made))
			}
			if c.want == driver.Failed && c.fail == nil && !f.Final {
				t.Error("the fixture has gone, so the finding must be final")
			}
		})
	}
}

// TestFixtureWhoseAnswerWasLost makes one and then the same run begins again
// without what the answer told.
func TestFixtureWhoseAnswerWasLost(t *testing.T) {
	p := newProvisioner(0)
	forgot := false
	f, err := p.run(t, orgs("id_at", "", "ready_path", "/cp/orgs/keytest-{stamp}", "delete_path", "/cp/orgs/keytest-{id}", "gone_path", "/cp/orgs/keytest-{id}"), 100, func(r *driver.CheckRequest) {
		if r.Resume != "" && !forgot {
			r.Resume, forgot = "", true
		}
	})
	if err != nil || f.State != driver.Passed || p.posted != 2 || len(p.made) != 0 {
		t.Errorf("it is %q (%s), %v, after %d requests, %d are left", f.State, f.Detail, err, p.posted, len(p.made))
	}
}

// TestFixtureIsFoundByItsStamp loses the answer of a service that gives the
// ids itself.
func TestFixtureIsFoundByItsStamp(t *testing.T) {
	for _, c := range []struct {
		name string
		stop bool
		more []any
		want driver.State
		left int
	}{
		{"and goes on", false, []any{"find_path", "/cp/orgs/keytest-{stamp}", "find_at", "id"}, driver.Passed, 0},
		{"and is stopped", true, []any{"find_path", "/cp/orgs/keytest-{stamp}", "find_at", "id"}, driver.Failed, 0},
		{"is found in a list", false, []any{"find_path", "/cp/orgs", "find_at", "orgs.[slug=keytest-{stamp}].id"}, driver.Passed, 0},
		{"but nothing says where", false, nil, driver.Pending, 1},
	} {
		p := newProvisioner(0)
		forgot := false
		f, err := p.run(t, orgs(c.more...), 50, func(r *driver.CheckRequest) {
			if r.Resume != "" && !forgot {
				r.Resume, forgot, r.Stop = "", true, c.stop
			}
		})
		if f.State != c.want && err == nil || len(p.made) != c.left || (err != nil) != (c.left > 0) {
			t.Errorf("%s: it is %q (%s), %v, and %d are left", c.name, f.State, f.Detail, err, len(p.made))
		}
	}
}

// TestFixtureIsStopped stops a fixture after each number of looks: nothing is
// left whenever it is.
func TestFixtureIsStopped(t *testing.T) {
	for after := range 6 {
		p := newProvisioner(time.Hour)
		looks := 0
		f, err := p.run(t, orgs("id_at", "", "ready_path", "/cp/orgs/keytest-{id}", "delete_path", "/cp/orgs/keytest-{id}", "gone_path", "/cp/orgs/keytest-{id}"), 100, func(r *driver.CheckRequest) {
			r.Stop = looks >= after
			looks++
		})
		if err != nil || f.State == driver.Pending || len(p.made) != 0 {
			t.Errorf("stopped after %d looks it is %q (%s), %v, and %d are left", after, f.State, f.Detail, err, len(p.made))
		}
	}
}

func TestLog(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var asked string
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RawQuery
		fmt.Fprint(w, "consumer started\nGET /v1 200\n")
	})
	opened, err := New().Open(driver.Env{Transport: vendorsim.Transport(map[string]http.Handler{"logs.example.com": service}), Now: func() time.Time { return now }},
		estate.Settings{"base": "https://logs.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		format, asked string
		rule          estate.Settings
		want          driver.State
	}{
		{"rfc3339", "app=cp&since=2026-06-01T11%3A58%3A00Z", estate.Settings{"expect": "started"}, driver.Passed},
		{"unix", "app=cp&since=1780315080", estate.Settings{"expect": "ready"}, driver.Failed},
		{"unix_ns", "app=cp&since=1780315080000000000", estate.Settings{"forbid": "401", "over": time.Minute}, driver.Passed},
		{"unix_ms", "app=cp&since=1780315080000", estate.Settings{"forbid": "200", "over": time.Minute}, driver.Failed},
	} {
		s := estate.Settings{"path": "/logs?app=cp", "since_param": "since", "since_format": c.format, "back": time.Minute}
		for k, v := range c.rule {
			s[k] = v
		}
		f, err := opened.(driver.Checker).Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: kindLog, Settings: s}, Since: now.Add(-time.Minute)})
		if err != nil || f.State != c.want || asked != c.asked {
			t.Errorf("%s: it is %q (%s), %v, asked for %s; want %q, %s", c.format, f.State, f.Detail, err, asked, c.want, c.asked)
		}
	}
}
