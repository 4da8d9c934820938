package http

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

func getting(path string, more ...any) driver.Target {
	s := estate.Settings{"path": path, "status": 200}
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return driver.Target{Kind: kindGet, Settings: s}
}

func TestGet(t *testing.T) {
	for _, c := range []struct {
		name   string
		target driver.Target
		want   driver.State
	}{
		{"up", getting("/health"), driver.Passed},
		{"no such page", getting("/nothing"), driver.Failed},
		{"which is expected", getting("/nothing", "status", 404), driver.Passed},
		{"another success", getting("/health", "status", 204), driver.Failed},
		{"text", getting("/health", "contains", `"status":"ok"`), driver.Passed},
		{"missing text", getting("/health", "contains", "degraded"), driver.Failed},
		{"text that must not be there", getting("/health", "lacks", `"status":"ok"`), driver.Failed},
		{"no text that must not be there", getting("/health", "lacks", "degraded"), driver.Passed},
		{"JSON", getting("/health", "json", map[string]string{"status": "ok", "build": "7", "checks.0.up": "true", "checks.[name=db].up": "true"}), driver.Passed},
		{"wrong JSON", getting("/health", "json", map[string]string{"status": "down"}), driver.Failed},
		{"missing JSON", getting("/health", "json", map[string]string{"checks.1.up": "true"}), driver.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, conn := connect(t)
			f, err := conn.Check(t.Context(), driver.CheckRequest{Target: c.target})
			if err != nil || f.State != c.want || f.Detail == "" {
				t.Errorf("%+v, %v; want %s", f, err, c.want)
			}
		})
	}
}

// TestOutageIsNoVerdict tells an answer about the consumer from an outage, and
// from one about pawl's own credential.
func TestOutageIsNoVerdict(t *testing.T) {
	value := secret.One(secret.NewString(canary))
	for _, c := range []struct {
		status   int
		own, any driver.State // with the connection's credential, and with the value; "" is an error
	}{
		{302, "", ""},
		{401, "", driver.Failed},
		{403, "", driver.Failed},
		{400, driver.Failed, driver.Failed},
		{408, "", ""},
		{409, "", ""},
		{422, driver.Failed, driver.Failed},
		{429, "", ""},
		{500, "", ""},
		{503, "", ""},
	} {
		s, conn := connect(t)
		s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(`{"message":"` + canary + `"}`))
			return true
		}
		for kind, want := range map[string]driver.State{kindGet: c.own, kindWith: c.any} {
			f, err := conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: kind, Settings: getting("/v1/me").Settings}, Value: value})
			if f.State != want || (err == nil) != (want != "") || strings.Contains(f.Detail, canary) {
				t.Errorf("%s with status %d is %+v, %v; want %q", kind, c.status, f, err, want)
			}
		}
	}
}

func TestGetWithValue(t *testing.T) {
	parts := secret.Parts{"user": secret.NewString("u"), "password": secret.NewString("p:q")}
	for _, c := range []struct {
		name, header, want string
		value              secret.Parts
		more               []any
	}{
		{"as the connection sends", "Authorization", "Bearer " + canary, secret.One(secret.NewString(canary)), nil},
		{"in another header", "X-Api-Key", canary, secret.One(secret.NewString(canary)), []any{"auth_header", "X-Api-Key", "auth_scheme", "none"}},
		{"of several parts", "Authorization", "Basic dTpwOnE=", parts, []any{"credential", "{{.user}}:{{.password}}", "auth_scheme", "basic"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, conn := connect(t)
			g := driver.Target{Kind: kindWith, Settings: getting("/health", c.more...).Settings}
			f, err := conn.Check(t.Context(), driver.CheckRequest{Target: g, Value: c.value})
			if err != nil || f.State != driver.Passed {
				t.Fatalf("%+v, %v", f, err)
			}
			sent := s.headers[0]
			if sent.Get(c.header) != c.want || strings.Contains(strings.Join(sent.Values("Authorization"), " "), admin) {
				t.Errorf("%s is %q", c.header, sent.Get(c.header))
			}
			if strings.Contains(s.seen[0], canary) {
				t.Error("the value is in the URL")
			}
		})
	}
	s, conn := connect(t)
	_, err := conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: kindWith, Settings: getting("/health").Settings}})
	wantError(t, err, driver.NoValue, pawl.EffectNone, "does not hold it")
	for name, r := range map[string]driver.CheckRequest{
		"a wrong part": {Target: driver.Target{Kind: kindWith, Settings: getting("/health", "credential", "{{.key}}").Settings}, Value: parts},
		"a bad header": {Target: driver.Target{Kind: kindWith, Settings: getting("/health", "credential", "{{.user}}", "auth_header", "X Y").Settings}, Value: parts},
	} {
		_, err := conn.Check(t.Context(), r)
		t.Run(name, func(t *testing.T) { wantError(t, err, driver.Invalid, pawl.EffectNone, "") })
	}
	if len(s.seen) != 0 {
		t.Errorf("%q was sent", s.seen)
	}
}

func TestRequest(t *testing.T) {
	s, conn := connect(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(201)
		_, _ = w.Write([]byte(`{"result":{"state":"green"}}`))
		return true
	}
	g := driver.Target{Kind: kindRequest, Settings: estate.Settings{"path": "/selftest?deep=1", "method": "POST", "body": `{"deep":true}`,
		"json": map[string]string{"result.state": "green"}}}
	f, err := conn.Check(t.Context(), driver.CheckRequest{Target: g, Value: secret.One(secret.NewString(canary))})
	if err != nil || f.State != driver.Passed {
		t.Fatalf("%+v, %v", f, err)
	}
	if s.seen[0] != "POST /selftest?deep=1" || s.bodies[0] != `{"deep":true}` {
		t.Errorf("sent %q with %q", s.seen[0], s.bodies[0])
	}
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }
	_, err = conn.Check(t.Context(), driver.CheckRequest{Target: g})
	wantError(t, err, driver.Unavailable, pawl.EffectUnknown, "")
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte("<html>")); return true }
	_, err = conn.Check(t.Context(), driver.CheckRequest{Target: g})
	wantError(t, err, driver.Malformed, pawl.EffectUnknown, "not JSON")
	_, err = conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "ping"}})
	wantError(t, err, driver.Unsupported, pawl.EffectNone, "")
}

func TestFind(t *testing.T) {
	root, ok := parse([]byte(`{"a":{"b":[1.50,"x",true,null,{"k":"p.q","v":"found"},{"k":"twice"},{"k":"twice"}]},"n":{"":"empty"}}`))
	if !ok {
		t.Fatal("it does not parse")
	}
	for place, want := range map[string]string{
		"a.b.0": "1.50", "a.b.1": "x", "a.b.2": "true", "a.b.[k=p.q].v": "found", "n.": "empty",
		"a": "", "a.b": "", "a.b.3": "", "a.b.9": "", "a.b.-1": "", "a.b.x": "", "a.b.[k=twice].k": "", "a.b.[k=none].v": "",
		"a.b.1.c": "", "a.b.[": "", "a.[k=x]": "", ".": "", "": "",
	} {
		if got, ok := find(root, place); got != want || ok != (want != "") {
			t.Errorf("%q gives %q, %v; want %q", place, got, ok, want)
		}
	}
	for _, text := range []string{"", "{", "{}{}", "nope"} {
		if _, ok := parse([]byte(text)); ok {
			t.Errorf("%q was taken for JSON", text)
		}
	}
}
