package vendorsim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/github"
)

func TestTheLogSaysWhatCameAndHowItEnded(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	front := vendorsim.Front{Now: func() time.Time { return at }}
	front.Faults.Add(vendorsim.Rule{Kind: vendorsim.AfterLost, Path: "/lost"}, vendorsim.Rule{Kind: vendorsim.TooMany, Path: "/many"})
	v := &vendor{}
	rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.Serve(w, r, v) })})
	for _, path := range []string{"/good", "/lost", "/many"} {
		send(rt, post("https://api.example.com"+path))
	}
	want := []vendorsim.Entry{{at, "POST", "api.example.com", "POST /good", 200}, {at, "POST", "api.example.com", "POST /lost", 0}, {at, "POST", "api.example.com", "POST /many", 429}}
	if got := front.Requests.Entries(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheLogKeepsTheNewestAndCountsAll(t *testing.T) {
	var front vendorsim.Front
	v := &vendor{}
	rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.Serve(w, r, v) })})
	const calls = vendorsim.LogCap + 10
	for i := range calls {
		send(rt, post(fmt.Sprintf("https://api.example.com/%d", i)))
	}
	kept := front.Requests.Entries()
	if len(kept) < vendorsim.LogCap/2 || len(kept) > vendorsim.LogCap || front.Requests.Total() != calls {
		t.Fatalf("%d are kept of %d", len(kept), front.Requests.Total())
	}
	for i, e := range kept {
		if want := fmt.Sprintf("POST /%d", calls-len(kept)+i); e.Operation != want {
			t.Fatalf("entry %d is %s, want %s", i, e.Operation, want)
		}
	}
	kept[0].Operation = "changed"
	if front.Requests.Entries()[0].Operation == "changed" {
		t.Error("Entries gives the log itself")
	}
}

// TestNoLogHoldsAValue sends a canary in every part of a request in which one
// could be by mistake.
func TestNoLogHoldsAValue(t *testing.T) {
	const value = vendorsim.Canary + "leak"
	f, g := fly.New(fly.Config{}), github.New(github.Config{})
	f.AddOrg("acme")
	f.AddApp("acme", "web", "")
	hosts := map[string]http.Handler{fly.MachinesHost: f, fly.APIHost: f, "web.fly.dev": f.AppHandler("web"), github.Host: g}
	rt := vendorsim.Transport(hosts)
	for host := range hosts {
		for _, path := range []string{"/graphql", "/health", "/" + value, "/v1/apps/" + value + "/secrets/" + value, "/repos/a/b/actions/secrets/" + value, "/credentials/revoke"} {
			for _, in := range []string{value, `{"query":"{ ` + value + ` }"}`, `{"query":"{ app(name:\"` + value + `\") {id} }"}`, `{"credentials":["` + value + `"]}`} {
				r := post("https://" + host + path + "?token=" + value)
				r.Body = &body{Reader: strings.NewReader(in)}
				r.Header.Set("Authorization", "Bearer "+value)
				send(rt, r)
			}
		}
	}
	log := append(f.Log(), g.Log()...)
	if len(log) != len(hosts)*6*4 {
		t.Fatalf("%d requests are logged, want %d", len(log), len(hosts)*6*4)
	}
	for _, e := range log {
		if strings.Contains(fmt.Sprintf("%#v", e), vendorsim.Canary) {
			t.Errorf("the log holds a value: %#v", e)
		}
	}
}
