package resend_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/resend"
)

// world is a Resend on loopback, seen by a client that knows nothing but HTTP.
type world struct {
	*resend.Resend
	t       *testing.T
	now     time.Time
	url     string
	full    string // a key of full access
	limited string // a key that may only send
	domain  string // the id of acme.example
}

func newWorld(t *testing.T, cfg resend.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 500_000_000, time.UTC)}
	cfg.Now = func() time.Time { return w.now } // calls are made one after the other
	w.Resend = resend.New(cfg)
	w.domain = w.AddDomain("acme.example", resend.Verified)
	_, w.full = w.AddKey("ops", resend.FullAccess, "")
	_, w.limited = w.AddKey("app", resend.SendingAccess, "")
	server, err := vendorsim.Listen(w.Resend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.url = server.URL
	return w
}

// answer is what came back.
type answer struct {
	t      *testing.T
	line   string
	code   int
	header http.Header
	body   map[string]any
}

// call makes a call with a key; "" sends none. header are pairs.
func (w *world) call(key, method, path string, body any, header ...string) answer {
	w.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if body == nil {
		sent = nil
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(string(sent)))
	if err != nil {
		w.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if len(sent) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	got := answer{t: w.t, line: method + " " + path, code: resp.StatusCode, header: resp.Header}
	if json.Unmarshal(raw, &got.body) != nil {
		got.body = map[string]any{"text": string(raw)}
	}
	return got
}

func (a answer) want(code int) answer {
	a.t.Helper()
	if a.code != code {
		a.t.Fatalf("%s: %d, want %d: %v %v", a.line, a.code, code, a.body["name"], a.body["message"])
	}
	return a
}

// refused expects an error in the form of the errors page.
func (a answer) refused(code int, name string) answer {
	a.t.Helper()
	a.want(code)
	if a.body["name"] != name || a.body["statusCode"] != float64(code) || a.text("message") == "" {
		a.t.Errorf("%s: %v, want %s", a.line, a.body, name)
	}
	return a
}

func (a answer) text(name string) string {
	s, _ := a.body[name].(string)
	return s
}

// fields expects exactly these fields.
func fields(t *testing.T, what string, v any, names ...string) map[string]any {
	t.Helper()
	m, _ := v.(map[string]any)
	var got []string
	for name := range m {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("%s has the fields %v, want %v", what, got, names)
	}
	return m
}

func (a answer) list() []map[string]any {
	a.t.Helper()
	fields(a.t, a.line, a.want(200).body, "object", "has_more", "data")
	if a.body["object"] != "list" {
		a.t.Errorf("%s: the object is %v", a.line, a.body["object"])
	}
	data, ok := a.body["data"].([]any)
	if !ok {
		a.t.Fatalf("%s: no list", a.line)
	}
	list := make([]map[string]any, len(data))
	for i, v := range data {
		list[i], _ = v.(map[string]any)
	}
	return list
}

func mail(pairs ...string) map[string]any {
	m := map[string]any{"from": "Acme <noreply@acme.example>", "to": "owner@umbrella.example", "subject": "hello", "text": "hello"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}
