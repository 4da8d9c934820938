package http

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

func write(c *conn, g driver.Target, value string) (driver.Receipt, error) {
	return c.Put(context.Background(), driver.Write{Target: g, Value: secret.NewString(value)})
}

func TestPutRendersTheBody(t *testing.T) {
	for _, value := range []string{canary, "quote \" and \\ and\nline", `"},{"key":"OTHER","value":"x`, "<&>é"} {
		s, c := connect(t)
		if r, err := write(c, place(kindPut), value); err != nil || !r.Exists {
			t.Fatalf("%+v, %v", r, err)
		}
		if s.held["API_KEY"] != value || len(s.held) != 1 {
			t.Errorf("the service holds %q", s.held)
		}
		if got := s.headers[0]; got.Get("Content-Type") != "application/json" || got.Get("Authorization") != "Bearer "+admin {
			t.Errorf("the headers are %v", got)
		}
		if s.seen[0] != "PUT /settings/secrets" {
			t.Errorf("the request is %q", s.seen[0])
		}
	}
}

func TestPutRefusesBeforeSending(t *testing.T) {
	for name, more := range map[string][]any{
		"not JSON":             {"body", `{"value":"{{json .value}}"}`},
		"JSON by accident":     {"body", `{"value":"{{.value}}"}`},
		"unknown part":         {"body", `{{json .password}}`},
		"path without slash":   {"path", "settings"},
		"path with fragment":   {"path", "/a#b"},
		"path with bad escape": {"path", "/a%zz"},
		"path that climbs":     {"path", "/settings/../admin"},
		"path climbs escaped":  {"path", "/settings/%2e%2e%2fadmin"},
		"line break in path":   {"path", "/settings/%0aX"},
		"bad header":           {"headers", map[string]string{"X": "a\nb"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := connect(t)
			_, err := write(c, place(kindPut, more...), `a"b`)
			wantError(t, err, driver.Invalid, pawl.EffectNone, "")
			if len(s.seen) != 0 {
				t.Errorf("%q was sent", s.seen)
			}
		})
	}
}

func TestPutOtherTypesAndPaths(t *testing.T) {
	s, c := connect(t)
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(200); return true }
	g := place(kindPut, "path", "/a%2Fb/c d/?tenant=x%20y", "method", "POST", "body", "value={{urlquery .value}}",
		"content_type", "application/x-www-form-urlencoded", "headers", map[string]string{"If-Match": "*"})
	if _, err := write(c, g, "a&b"); err != nil {
		t.Fatal(err)
	}
	if s.seen[0] != "POST /a%2Fb/c%20d/?tenant=x+y" || s.bodies[0] != "value=a%26b" ||
		s.headers[0].Get("Content-Type") != "application/x-www-form-urlencoded" || s.headers[0].Get("If-Match") != "*" {
		t.Errorf("sent %q, %q, %v", s.seen[0], s.bodies[0], s.headers[0])
	}
}

func TestFailedPut(t *testing.T) {
	for status, want := range map[int]struct {
		kind   driver.ErrorKind
		effect pawl.Effect
	}{
		302: {driver.Malformed, pawl.EffectUnknown},
		400: {driver.Invalid, pawl.EffectNone},
		401: {driver.Unauthenticated, pawl.EffectNone},
		404: {driver.NotFound, pawl.EffectNone},
		503: {driver.Unavailable, pawl.EffectUnknown},
	} {
		s, c := connect(t)
		s.answer = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", "http://elsewhere.example")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"message":"no, not ` + canary + `"}`))
			return true
		}
		_, err := write(c, place(kindPut), canary)
		wantError(t, err, want.kind, want.effect, "")
	}
}

func TestWatched(t *testing.T) {
	s, c := connect(t)
	g := place(kindWatched)
	if r, err := c.Stat(t.Context(), g); err != nil || r.Exists {
		t.Errorf("before the write there is %+v, %v", r, err)
	}
	var digests []string
	for range 2 {
		if _, err := write(c, g, canary); err != nil {
			t.Fatal(err)
		}
		r, err := c.Stat(t.Context(), g)
		if err != nil || !r.Exists {
			t.Fatalf("%+v, %v", r, err)
		}
		digests = append(digests, r.Digest)
	}
	for text, there := range map[string]bool{digests[1]: true, "another": false} {
		holding := place(kindWatched, "holds", map[string]string{g.Settings.String("watch"): text})
		if r, err := c.Stat(t.Context(), holding); err != nil || r.Exists != there {
			t.Errorf("where %q must stand there is %+v, %v", text, r, err)
		}
	}
	if digests[0] != "1" || digests[1] != "2" {
		t.Errorf("what is watched goes %q, want 1 and 2", digests)
	}
	for range 2 {
		if err := c.Remove(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.held) != 0 {
		t.Error("the copy is still there")
	}
	_, _, err := c.Read(t.Context(), g)
	wantError(t, err, driver.Unsupported, pawl.EffectNone, "")
}

func TestReadable(t *testing.T) {
	s, c := connect(t)
	g := place(kindReadable)
	if _, ok, err := c.Read(t.Context(), g); err != nil || ok {
		t.Errorf("nothing reads as ok=%v, %v", ok, err)
	}
	if _, err := write(c, g, canary); err != nil {
		t.Fatal(err)
	}
	v, ok, err := c.Read(t.Context(), g)
	if err != nil || !ok || !v.Equal(secret.NewString(canary)) {
		t.Errorf("read back ok=%v, %v", ok, err)
	}
	r, err := c.Stat(t.Context(), g)
	if err != nil || !r.Exists || r.Digest != "" {
		t.Errorf("stat is %+v, %v", r, err)
	}
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte(canary)); return true }
	whole := place(kindReadable, "value_at", "")
	if v, ok, err = c.Read(t.Context(), whole); err != nil || !ok || !v.Equal(secret.NewString(canary)) {
		t.Errorf("the whole answer reads as ok=%v, %v", ok, err)
	}
	_, _, err = c.Read(t.Context(), g)
	wantError(t, err, driver.Malformed, pawl.EffectNone, "not JSON")
}

// TestOutageIsNotAbsence must not take a service that is down for a place
// that holds nothing.
func TestOutageIsNotAbsence(t *testing.T) {
	for _, status := range []int{401, 403, 429, 500, 503} {
		s, c := connect(t)
		s.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true }
		for _, kind := range []string{kindWatched, kindReadable} {
			if r, err := c.Stat(t.Context(), place(kind)); err == nil {
				t.Errorf("%s with status %d is %+v", kind, status, r)
			}
		}
	}
}

func TestWriteOnlyIsNeverCalledEmpty(t *testing.T) {
	_, c := connect(t)
	if r, err := c.Stat(t.Context(), place(kindPut)); err != nil || !r.Exists {
		t.Errorf("stat is %+v, %v", r, err)
	}
	wantError(t, c.Remove(t.Context(), place(kindPut)), driver.Unsupported, pawl.EffectNone, "")
	err := c.Remove(t.Context(), place(kindWatched, "remove_path", ""))
	wantError(t, err, driver.Unsupported, pawl.EffectNone, "does not say how")
}

func TestActivate(t *testing.T) {
	s, c := connect(t)
	p, err := c.Activate(t.Context(), driver.Activation{Target: place(kindPut), Kind: "request"})
	if err != nil || !p.Done || s.restarts != 1 || s.bodies[0] != `{"graceful":true}` {
		t.Errorf("%+v, %v, %d restarts, body %q", p, err, s.restarts, s.bodies)
	}
	_, err = c.Activate(t.Context(), driver.Activation{Target: place(kindPut, "activate_path", ""), Kind: "request"})
	wantError(t, err, driver.Invalid, pawl.EffectNone, "activate_path")
	_, err = c.Activate(t.Context(), driver.Activation{Target: place(kindPut), Kind: "rolling"})
	wantError(t, err, driver.Unsupported, pawl.EffectNone, "")
}

func TestCancelledContextSendsNothing(t *testing.T) {
	s, c := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Put(ctx, driver.Write{Target: place(kindPut), Value: secret.NewString(canary)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("put gives %v", err)
	}
	_, err = c.Stat(ctx, place(kindPut))
	if !errors.Is(err, context.Canceled) || len(s.seen) != 0 {
		t.Errorf("stat gives %v after %s", err, strings.Join(s.seen, ", "))
	}
}
