package platform_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
)

func TestANewKeyReachesAllButThePaused(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		_, first := s.key()
		_, own := s.key()
		_, second := s.key()
		s.start()
		s.put("/settings/secrets", first)
		s.workspaces("ws-1", "ws-2", "ws-3", "ws-4")
		s.must("POST", "/workspaces/ws-3/pause", "")
		s.put("/workspaces/ws-4/secrets", own)
		s.called()

		if out := s.put("/settings/secrets", second); out["restarted"] != 3.0 || out["key"] != platform.Key {
			s.Errorf("answered %v", out)
		}
		if calls := s.called(); len(calls) != 3 || count(calls, second) != 2 || count(calls, own) != 1 {
			s.Errorf("the restarts made %d calls", len(calls))
		}
		s.expect("ws-1", s.uses("ws-1"), second)
		s.expect("ws-4, which has a key of its own", s.uses("ws-4"), own)
		if got, want := s.statuses(), "ws-1 running, ws-2 running, ws-3 paused, ws-4 running"; got != want {
			s.Errorf("got %s, want %s", got, want)
		}
		for _, call := range []string{"ask", "restart"} {
			if code, _ := s.do("POST", "/workspaces/ws-3/"+call, `{"prompt":"hello"}`); code != http.StatusConflict {
				s.Errorf("%s of a paused workspace: HTTP %d", call, code)
			}
		}
		s.must("POST", "/workspaces/ws-3/resume", "")
		s.expect("ws-3 after it was resumed", s.uses("ws-3"), second)
		s.must("DELETE", "/workspaces/ws-4/secrets?key="+platform.Key, "")
		s.expect("ws-4 without a key of its own", s.uses("ws-4"), second)
	})
}

func TestSecretsAreListedWithoutTheirValues(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		time := &clock{at: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
		s.deps.Now = time.now
		_, key := s.key()
		s.start()
		s.put("/settings/secrets", key)
		s.workspaces("ws-1")
		s.put("/workspaces/ws-1/secrets", key)
		global := func() map[string]any {
			return s.must("GET", "/settings/secrets", "")["secrets"].([]any)[0].(map[string]any)
		}
		first := global()
		if first["key"] != platform.Key || first["has_value"] != true || first["updated_at"] != "2026-03-04T09:00:00.000000000Z" {
			s.Errorf("listed as %v", first)
		}
		s.put("/settings/secrets", key)
		if again := global(); again["updated_at"].(string) <= first["updated_at"].(string) {
			s.Errorf("another write at the same instant has the time %v", again["updated_at"])
		}
		own := s.must("GET", "/workspaces/ws-1/secrets", "")["secrets"].([]any)
		if len(own) != 1 || own[0].(map[string]any)["has_value"] != true {
			s.Errorf("the workspace has %v", own)
		}
		ws := s.must("GET", "/workspaces", "")["workspaces"].([]any)[0].(map[string]any)
		if fmt.Sprint(ws["overrides"]) != "["+platform.Key+"]" || ws["paused"] != false {
			s.Errorf("the workspace is listed as %v", ws)
		}
	})
}

func TestARevokedKeyShows(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		time := &clock{at: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
		s.deps.Now = time.now
		id, first := s.key()
		s.start()
		s.put("/settings/secrets", first)
		s.workspaces("ws-1")
		s.model.SetStatus(id, anthropic.Inactive)
		time.pass(5e9)
		code, out := s.do("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`)
		if code != http.StatusBadGateway || !strings.Contains(fmt.Sprint(out["error"]), "401 unauthorized") {
			s.Errorf("an ask: HTTP %d %v", code, out)
		}
		if got := s.statuses(); got != "ws-1 refused" {
			s.Errorf("after an ask: %s", got)
		}
		const line = `{"at":"2026-03-04T09:00:05.000000000Z","message":"ws-1: 401 unauthorized"}` + "\n"
		if _, got := s.as(adminToken, "GET", "/logs?since=2026-03-04T09:00:05Z", ""); got != line {
			s.Errorf("the log has %q", got)
		}
		if !strings.Contains(s.said(), `msg="ws-1: 401 unauthorized"`) {
			s.Error("the program's log does not say it")
		}
		if out := s.must("POST", "/workspaces/ws-1/restart", ""); out["status"] != "refused" {
			s.Errorf("a restart says %v", out)
		}
		_, second := s.key()
		s.put("/settings/secrets", second)
		s.expect("ws-1 with another key", s.uses("ws-1"), second)
		if got := s.statuses(); got != "ws-1 running" {
			s.Errorf("with another key: %s", got)
		}
	})
}

func TestAModelThatFailsIsNoRefusal(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		s.start()
		s.workspaces("ws-1")
		if got := s.statuses(); got != "ws-1 failing" || len(s.called()) != 0 {
			s.Errorf("without a key: %s", got)
		}
		_, key := s.key()
		s.put("/settings/secrets", key)
		s.model.SetOverloaded(true)
		if code, _ := s.do("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`); code != http.StatusBadGateway {
			s.Errorf("an ask: HTTP %d", code)
		}
		if got := s.statuses(); got != "ws-1 failing" {
			s.Errorf("with an overloaded model: %s", got)
		}
		s.model.SetOverloaded(false)
		if out := s.must("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`); out["answer"] != "Hello." {
			s.Errorf("answered %v", out)
		}
		if got := s.statuses(); got != "ws-1 running" {
			s.Errorf("when it answers again: %s", got)
		}
		if _, log := s.as(adminToken, "GET", "/logs", ""); strings.Contains(log, "401 unauthorized") {
			s.Errorf("the log has %q", log)
		}
	})
}

// inBubble runs a test with a platform in memory, with two keys, and with the
// first in force.
func inBubble(t *testing.T, workspaces int, f func(s *site, first, second string)) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.config.Store = platform.NewMemory()
		_, first := s.key()
		_, second := s.key()
		s.start()
		s.put("/settings/secrets", first)
		for i := range workspaces {
			s.workspaces(fmt.Sprintf("ws-%d", i+1))
		}
		s.called()
		f(s, first, second)
	})
}

func (s *site) holds(hold func(first bool, key string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = hold
}

func TestAnAskDuringARestartWaitsForIt(t *testing.T) {
	inBubble(t, 1, func(s *site, _, second string) {
		goOn := make(chan struct{})
		s.holds(func(first bool, _ string) {
			if first {
				<-goOn
			}
		})
		var group sync.WaitGroup
		group.Go(func() { s.put("/settings/secrets", second) })
		synctest.Wait() // the restart's first call is under way
		var code atomic.Int64
		group.Go(func() {
			got, _ := s.do("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`)
			code.Store(int64(got))
		})
		synctest.Wait()
		if calls := s.called(); len(calls) != 1 || code.Load() != 0 {
			s.Errorf("during the restart there were %d calls, and HTTP %d", len(calls), code.Load())
		}
		close(goOn)
		group.Wait()
		if calls := s.called(); len(calls) != 1 || calls[0] != second || code.Load() != http.StatusOK {
			s.Errorf("after the restart there were %d calls, and HTTP %d", len(calls), code.Load())
		}
	})
}

func TestARestartLetsCallsUnderWayEnd(t *testing.T) {
	inBubble(t, 1, func(s *site, first, second string) {
		goOn := make(chan struct{})
		s.holds(func(boot bool, _ string) {
			if !boot {
				<-goOn
			}
		})
		var group sync.WaitGroup
		var code, restarted atomic.Int64
		group.Go(func() {
			got, _ := s.do("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`)
			code.Store(int64(got))
		})
		synctest.Wait()
		group.Go(func() { s.put("/settings/secrets", second); restarted.Store(1) })
		synctest.Wait()
		if restarted.Load() != 0 {
			s.Error("the restart was answered while a call had the old key")
		}
		close(goOn)
		group.Wait()
		if calls := s.called(); !slices.Equal(calls, []string{first, second}) || code.Load() != http.StatusOK {
			s.Errorf("there were %d calls, and HTTP %d", len(calls), code.Load())
		}
	})
}

func TestRestartsAreSideBySideWithABound(t *testing.T) {
	inBubble(t, 20, func(s *site, _, second string) {
		goOn := make(chan struct{})
		s.holds(func(bool, string) { <-goOn })
		var group sync.WaitGroup
		group.Go(func() { s.put("/settings/secrets", second) })
		synctest.Wait()
		if n := len(s.called()); n != 8 {
			s.Errorf("%d restarts are under way", n)
		}
		close(goOn)
		group.Wait()
		if calls := s.called(); len(calls) != 12 || count(calls, second) != 12 {
			s.Errorf("%d more followed", len(calls))
		}
	})
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	inBubble(t, 1, func(s *site, _, _ string) {
		goOn := make(chan struct{})
		s.holds(func(bool, string) { <-goOn })
		var code, closed atomic.Int64
		var group sync.WaitGroup
		group.Go(func() {
			got, _ := s.do("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`)
			code.Store(int64(got))
		})
		synctest.Wait()
		group.Go(func() {
			if err := s.server.Close(); err != nil {
				s.Error(err)
			}
			closed.Store(1)
		})
		synctest.Wait()
		if got, _ := s.do("GET", "/workspaces", ""); got != http.StatusServiceUnavailable || closed.Load() != 0 {
			s.Errorf("while it ends: HTTP %d, ended %d", got, closed.Load())
		}
		close(goOn)
		group.Wait()
		if code.Load() != http.StatusOK {
			s.Errorf("the call under way: HTTP %d", code.Load())
		}
	})
}

func TestACallerThatGoesAwayStopsNoFanOut(t *testing.T) {
	inBubble(t, 12, func(s *site, _, second string) {
		ctx, cancel := context.WithCancel(s.Context())
		s.holds(func(bool, string) { cancel() })
		body := fmt.Sprintf(`{"key":%q,"value":%q}`, platform.Key, second)
		r, err := http.NewRequestWithContext(ctx, "PUT", "/settings/secrets", strings.NewReader(body))
		if err != nil {
			s.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+adminToken)
		s.server.ServeHTTP(nowhere{}, r)
		s.holds(nil)
		for i := range 12 {
			s.expect("a workspace", s.uses(fmt.Sprintf("ws-%d", i+1)), second)
		}
	})
}

func TestACallerThatGoesAwaySaysNothingOfTheWorkspace(t *testing.T) {
	inBubble(t, 1, func(s *site, first, _ string) {
		for _, call := range []string{"ask", "restart"} {
			ctx, cancel := context.WithCancel(s.Context())
			s.holds(func(bool, string) { cancel() })
			r, err := http.NewRequestWithContext(ctx, "POST", "/workspaces/ws-1/"+call, strings.NewReader(`{"prompt":"hello"}`))
			if err != nil {
				s.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+adminToken)
			s.server.ServeHTTP(nowhere{}, r)
			s.holds(nil)
			if got := s.statuses(); got != "ws-1 running" {
				s.Errorf("after %s: %s", call, got)
			}
		}
		s.expect("ws-1", s.uses("ws-1"), first)
	})
}

func TestOneReadsTheRowForAllThatWait(t *testing.T) {
	inBubble(t, 0, func(s *site, _, _ string) {
		goOn := make(chan struct{})
		s.plane.hold = goOn
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { s.must("POST", "/visits", "") })
		}
		synctest.Wait()
		close(goOn)
		group.Wait()
		if n := s.plane.asks(); n != 1 {
			s.Errorf("the row was read %d times", n)
		}
	})
}

// nowhere is an answer to somebody who has gone.
type nowhere struct{}

func (nowhere) Header() http.Header       { return http.Header{} }
func (nowhere) Write([]byte) (int, error) { return 0, errors.New("gone") }
func (nowhere) WriteHeader(int)           {}

func TestTheLastKeyWinsWhateverHappensAtOnce(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		keys := make([]string, 6)
		for i := range keys {
			_, keys[i] = s.key()
		}
		s.start()
		s.put("/settings/secrets", keys[0])
		s.workspaces("ws-1", "ws-2", "ws-3")
		var group sync.WaitGroup
		for _, key := range keys[1:5] {
			group.Go(func() { s.put("/settings/secrets", key) })
		}
		for range 20 {
			group.Go(func() { s.must("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`) })
			group.Go(func() { s.must("POST", "/workspaces/ws-2/resume", "") })
			group.Go(func() { s.must("POST", "/workspaces/ws-3/pause", "") })
			group.Go(func() { s.must("GET", "/workspaces", "") })
		}
		group.Wait()
		s.put("/settings/secrets", keys[5])
		s.expect("ws-1", s.uses("ws-1"), keys[5])
		s.expect("ws-2", s.uses("ws-2"), keys[5])
		if got, want := s.statuses(), "ws-1 running, ws-2 running, ws-3 paused"; got != want {
			s.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestAnEmptySecretIsNone: sealed, it looks like any other.
func TestAnEmptySecretIsNone(t *testing.T) {
	s := newSite(t)
	kept := platform.NewMemory()
	s.config.Store = kept
	_, key := s.key()
	s.start()
	s.put("/settings/secrets", key)
	has := func() any {
		return s.must("GET", "/settings/secrets", "")["secrets"].([]any)[0].(map[string]any)["has_value"]
	}
	if has() != true {
		t.Errorf("with a value it has %v", has())
	}
	sealed, err := platform.SealSecret(t.Context(), kept.Rings(), "", platform.Key, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.PutSecret(t.Context(), platform.Secret{Key: platform.Key, Value: sealed, UpdatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if has() != false {
		t.Errorf("without one it has %v", has())
	}
}
