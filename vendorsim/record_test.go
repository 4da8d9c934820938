//go:build pawlrecord

package vendorsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim"
)

// echo answers what it was sent.
type echo struct{}

func (echo) Operation(*http.Request) string { return "echo" }

func (echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(b)
}

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(vendorsim.RecordDir, dir)
	var front vendorsim.Front
	front.Faults.Add(vendorsim.Rule{Kind: vendorsim.AfterLost, Path: "/lost"}, vendorsim.Rule{Kind: vendorsim.Status, Path: "/down", Code: 503})
	rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.Serve(w, r, echo{}) })})
	for _, path := range []string{"/said?a=%20b", "/lost", "/down"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.example.com"+path, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := rt.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}
	want := []struct {
		uri, answer string
		status      int
		faulted     bool
	}{{"/said?a=%20b", "hello", 201, false}, {"/lost", "", 0, true}, {"/down", "", 503, true}}
	got := recorded(t, dir)
	if len(got) != len(want) {
		t.Fatalf("%d calls are recorded", len(got))
	}
	for i, w := range want {
		e := got[i]
		if e.URI != w.uri || string(e.Body) != "hello" || string(e.Answer) != w.answer || e.Status != w.status || e.Faulted != w.faulted ||
			e.Simulator != "vendorsim_test" || e.Handler != "echo" || e.Host != "api.example.com" || e.Method != "POST" {
			t.Errorf("recorded is %+v, want %+v", e, w)
		}
	}
}

func recorded(t *testing.T, dir string) []vendorsim.Exchange {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the records are %v: %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var all []vendorsim.Exchange
	for line := range strings.Lines(string(b)) {
		var e vendorsim.Exchange
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}
