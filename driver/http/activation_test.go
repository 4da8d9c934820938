package http

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

func consumer(more ...any) driver.Activation {
	s := estate.Settings{"path": "/restart", "method": "POST"}
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return driver.Activation{Target: driver.Target{Kind: kindRequest, Settings: s}, Kind: kindRequest, Consumer: true,
		Since: time.Date(2026, 6, 1, 12, 0, 0, 500, time.UTC)}
}

// load goes on with an activation until it is done, and gives the requests
// that were made; at most so many.
func load(t *testing.T, c *conn, a driver.Activation, looks int) (driver.Progress, error) {
	t.Helper()
	var p driver.Progress
	for range looks {
		var err error
		if p, err = c.Activate(t.Context(), a); err != nil || p.Done {
			return p, err
		}
		if p.After <= 0 || p.Detail == "" {
			t.Errorf("an activation that is not done is %+v", p)
		}
		a.Resume = p.Resume
	}
	return p, nil
}

// The answer to the request is enough where nothing tells more.
func TestConsumerIsTold(t *testing.T) {
	s, c := connect(t)
	p, err := load(t, c, consumer("body", `{"graceful":true}`), 1)
	if err != nil || !p.Done || s.restarts != 1 || s.bodies[0] != `{"graceful":true}` {
		t.Errorf("%+v, %v, %d restarts, sent %q", p, err, s.restarts, s.bodies)
	}
}

// One request, and looks at the status until it is as declared: an answer 4xx
// and another text mean not yet, an outage is an error.
func TestConsumerIsWatchedUntilItHasLoaded(t *testing.T) {
	s, c := connect(t)
	answers := []string{"404", `{"state":"starting","started_at":"2026-06-01T12:00:01Z"}`, `{"state":"running","started_at":"2026-06-01T11:59:59Z"}`, `{"state":"running","started_at":"2026-06-01T12:00:00Z"}`}
	looks := 0
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/status" {
			return false
		}
		if answers[looks] == "404" {
			w.WriteHeader(404)
		} else {
			fmt.Fprint(w, answers[looks])
		}
		looks++
		return true
	}
	a := consumer("status_path", "/status", "loaded", map[string]string{"state": "running"}, "loaded_at", "started_at")
	p, err := load(t, c, a, 20)
	if err != nil || !p.Done || looks != len(answers) || s.restarts != 1 {
		t.Errorf("%+v, %v, after %d looks and %d restarts", p, err, looks, s.restarts)
	}
	s.answer = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(503); return true }
	a.Resume = asked
	_, err = load(t, c, a, 1)
	wantError(t, err, driver.Unavailable, pawl.EffectNone, "")
}

func TestYounger(t *testing.T) {
	since := time.Date(2026, 6, 1, 12, 0, 0, 500, time.UTC)
	for text, want := range map[string]bool{`"2026-06-01T12:00:00Z"`: true, `"2026-06-01T13:59:59+02:00"`: false, fmt.Sprint(since.Unix()): true, fmt.Sprint(since.Unix() - 1): false, `"soon"`: false, "null": false} {
		if got := younger([]byte(`{"at":`+text+`}`), "at", since); got != want {
			t.Errorf("%s is %t, want %t", text, got, want)
		}
	}
	if !younger(nil, "", since) {
		t.Error("without a place nothing is held against it")
	}
}
