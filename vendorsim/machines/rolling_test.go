//go:build unix

package machines_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	flydriver "github.com/pawlhq/pawl/driver/fly"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
)

// port opens the driver's port to the world's Fly.
func (w *world) port() *driver.Port {
	w.t.Helper()
	env := driver.Env{Transport: vendorsim.Transport(map[string]http.Handler{fly.MachinesHost: w.Fly, fly.APIHost: w.Fly}), Now: w.now, Wait: w.wait,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Credential: func(context.Context) (secret.Value, error) { return secret.NewString(w.token), nil }}
	d := flydriver.New()
	conn, err := d.Open(env, estate.Settings{"org": "acme"})
	if err != nil {
		w.t.Fatal(err)
	}
	return driver.NewPort("fly", d.Info(), conn, 0)
}

// rotate writes KEY and rolls until that is done, or for as long as ok says.
func (w *world) rotate(p *driver.Port, value string, ok func(driver.Progress) bool) {
	w.t.Helper()
	place := driver.Target{Kind: "app_secret", Settings: estate.Settings{"app": "web", "name": "KEY"}}
	since := w.now()
	r, err := p.Put(w.t.Context(), driver.Write{Target: place, Value: secret.NewString(value)})
	if err != nil {
		w.t.Fatal(err)
	}
	a := driver.Activation{Target: place, Kind: "rolling", Receipt: r, Since: since}
	w.until("the roll to "+value, func() bool {
		got, err := p.Activate(w.t.Context(), a)
		if err != nil {
			w.t.Fatal(err)
		}
		a.Resume = got.Resume
		return got.Done || ok != nil && ok(got)
	})
}

// load is requests that are made the whole time, and what became of them.
type load struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	failed []string
	seen   map[string]int // requests by the key and the machine that answered
}

// requests begins a load of some clients on the app's public address.
func (w *world) requests(clients int) *load {
	ctx, stop := context.WithCancel(w.t.Context())
	l := &load{stop: stop, seen: map[string]int{}}
	for range clients {
		l.done.Go(func() {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				code, key, h := w.reach("GET", "/key", "")
				l.note(code, key, h.Get("Machine"))
				<-tick.C
			}
		})
	}
	return l
}

func (l *load) note(code int, key, machine string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if code != http.StatusOK {
		l.failed = append(l.failed, fmt.Sprint(code, " ", key))
		return
	}
	l.seen[key+" "+machine]++
}

// count tells how many requests a machine has answered with a key.
func (l *load) count(key, machine string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[key+" "+machine]
}

// ended stops the load: not one request may have failed.
func (l *load) ended(t *testing.T) {
	t.Helper()
	l.stop()
	l.done.Wait()
	if len(l.failed) > 0 || len(l.seen) == 0 {
		t.Errorf("%d requests failed, the first with %v; of the others %v", len(l.failed), l.failed[:min(3, len(l.failed))], l.seen)
	}
}

func (w *world) two() (first, second string) {
	w.t.Helper()
	first, second = w.create(nil, restartTwice()), w.create(nil, restartTwice())
	w.healthy()
	return first, second
}

func restartTwice() map[string]any {
	return map[string]any{"restart": map[string]any{"policy": "on-failure", "max_retries": float64(2)}}
}

func TestRollingUpdateCostsNoRequest(t *testing.T) {
	w := newWorld(t, within)
	first, second := w.two()
	l, p := w.requests(4), w.port()
	w.until("both serve", func() bool { return l.count("one", first) > 0 && l.count("one", second) > 0 })
	for _, value := range []string{"two", "three"} {
		w.rotate(p, value, nil)
		w.until("both serve with "+value, func() bool { return l.count(value, first) > 0 && l.count(value, second) > 0 })
	}
	l.ended(t)
	boots := w.Boots("web")
	if len(boots) != 6 {
		t.Fatalf("two machines that were made and replaced twice have booted %d times", len(boots))
	}
	for i, b := range boots {
		if !b.Well.After(b.Told) || i%3 > 0 && !b.Told.After(boots[i-1].Well) {
			t.Errorf("boot %d of %v is out of order", i, boots)
		}
	}
}

// A program that cannot work with its new secret stops the rollout at its
// machine, whether it ends or goes on unwell. The other machine serves on, and
// the old secret heals the first.
func TestRollStopsAtTheFirstMachineAndTheOldSecretHealsIt(t *testing.T) {
	for value, wants := range map[string]string{"refused": "stopped", "unwell": "critical"} {
		t.Run(value, func(t *testing.T) {
			w := newWorld(t, within)
			first, second := w.two()
			l, p := w.requests(4), w.port()
			var stuck string
			w.rotate(p, value, func(got driver.Progress) bool {
				stuck = got.Detail
				return strings.Contains(got.Detail, first) && strings.Contains(got.Detail, wants)
			})
			before := l.count("one", second)
			w.until("the second serves on", func() bool { return l.count("one", second) > before+50 })
			w.rotate(p, value, func(got driver.Progress) bool { return strings.Contains(got.Detail, wants) })
			if v, _ := w.MachineEnv("web", second, "KEY"); v != "one" {
				t.Fatalf("the second machine was updated: %s", stuck)
			}
			before = l.count("one", first)
			w.rotate(p, "one", nil)
			w.until("the first serves again", func() bool { return l.count("one", first) > before && l.count("one", second) > 0 })
			l.ended(t)
		})
	}
}
