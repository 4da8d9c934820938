package drivertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// planted names a mistake that the driver below makes, in a process of its
// own: the suite must fail there.
const planted = "DRIVERTEST_PLANTED"

// mistakes says what the suite must complain of.
func mistakes() map[string]string {
	return map[string]string{
		"another name":          `the driver is called "other"`,
		"undocumented field":    `the field "name" is not a word, or is not documented`,
		"promised power":        "driver.Deactivator: the connection meets it: false; Info promises it: true",
		"undeclared call":       "a call that Info does not declare: GET /keys",
		"unused call":           "Info declares the call PATCH /nothing, which no act has made",
		"value in the URL":      "a credential or value is in the URL",
		"value in the error":    "a credential or value is in the error",
		"value in the log":      "a credential or value is in the error, the log or the result",
		"credential in body":    "the connection's credential is in the body",
		"unescaped name":        "a name left its segment of the path",
		"foreign error":         "not a *driver.Error",
		"no effect":             `the effect is "none", want ["unknown" "applied"]`,
		"certain of nothing":    `the effect is "unknown", want ["none"]`,
		"retry-after forgotten": "the error says to come back after 0s, the vendor said 7s",
		"wrong kind":            "the error's kind is invalid, want unavailable",
		"outage is a verdict":   "the act went on as if nothing had happened",
		"everything is good":    `a value that nobody has issued: the verdict is "accepted", want "refused"`,
		"put forgets":           "the place does not hold the value",
		"revoked twice":         "revocation 2:",
		"ignores the context":   "a context that had ended: ",
		"one id":                "two mints gave one credential",
		"digest stands still":   "the place is said to confirm by digest, but tells",
		"leaves a goroutine":    "blocked goroutines remain",
		"mixes up targets":      "the place 2 does not hold its value",
		"finds less":            "a discovery did not find map[name:b]",
		"finds twice":           "a discovery gave 3 targets and 2 different ones",
		"finds for ever":        "a discovery of the same targets gave",
		"finds anything":        "a discovery by a name that does not exist found 2 targets",
		"missing is none":       "the act went on as if nothing had happened",
		"no case":               `the world has no case for the check "missing"`,
	}
}

func TestGoodDriverPasses(t *testing.T) {
	drivertest.Run(t, sample{os.Getenv(planted)}, world)
}

func TestEveryMistakeIsFound(t *testing.T) {
	if os.Getenv(planted) != "" {
		return // this is the process with the mistake
	}
	all := mistakes()
	maps.Copy(all, lineMistakes())
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGood")
			cmd.Env = append(os.Environ(), planted+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("the suite does not say %q (%v):\n%.2000s", want, err, out)
			}
		})
	}
}

// vendor issues keys and keeps notes.
type vendor struct {
	mu    sync.Mutex
	keys  map[string]string // values by id
	names map[string]string
	notes map[string]string
	n     int
}

const owner = "PAWLCANARY-owner-0123456789"

func world(testing.TB, *drivertest.Clock) drivertest.World {
	v := &vendor{keys: map[string]string{}, names: map[string]string{}, notes: map[string]string{}}
	return drivertest.World{Transport: v, Settings: estate.Settings{}, Credential: secret.NewString(owner), Cases: []drivertest.Case{
		{Role: estate.RoleIssuer, Kind: "key", Settings: estate.Settings{"name": "k"}},
		{Role: estate.RoleLocation, Kind: "note", Settings: estate.Settings{"name": "a"}, Other: estate.Settings{"name": "b"},
			Holds: func(s estate.Settings) (string, bool) {
				v.mu.Lock()
				defer v.mu.Unlock()
				text, ok := v.notes[s.String("name")]
				return text, ok
			}},
		{Role: estate.RoleDiscovery, Kind: "group", Settings: estate.Settings{"name": "all"}, Found: []estate.Settings{{"name": "a"}, {"name": "b"}}},
	}}
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.WroteHeaders()
	}
	w := httptest.NewRecorder()
	v.serve(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func (v *vendor) serve(w *httptest.ResponseRecorder, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	var in struct{ Name, Value string }
	_ = json.Unmarshal(body, &in)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	place, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case place == "me" && slices.Contains(values(v.keys), token):
		fmt.Fprintln(w, `{}`)
	case token != owner:
		w.WriteHeader(401)
	case place == "keys" && r.Method == "POST":
		v.n++
		id := fmt.Sprintf("k%d", v.n)
		v.keys[id], v.names[id] = fmt.Sprintf("PAWLCANARY-key-%d-0123456789", v.n), in.Name
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "value": v.keys[id]})
	case place == "keys" && r.Method == "GET":
		list := []map[string]string{}
		for id := range v.keys {
			list = append(list, map[string]string{"id": id, "name": v.names[id]})
		}
		_ = json.NewEncoder(w).Encode(list)
	case place == "groups" && id != "all":
		w.WriteHeader(404)
	case place == "groups":
		fmt.Fprintln(w, `["a","b"]`)
	case place == "keys" && v.keys[id] == "":
		w.WriteHeader(404)
	case place == "keys":
		delete(v.keys, id)
		w.WriteHeader(204)
	case r.Method == "PUT":
		v.notes[id] = in.Value
		fallthrough
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"exists": v.notes[id] != "", "digest": fmt.Sprint(len(v.notes[id]))})
	}
}

func values(m map[string]string) (list []string) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// sample is a good driver but for one mistake.
type sample struct{ mistake string }

func (d sample) Info() driver.Info {
	name := estate.Field{Name: "name", Type: estate.String, Required: true, Example: "x", Doc: "The name."}
	i := driver.Info{Since: "0.1", APIDocs: "https://vendor.test/docs", Notes: "None.", Spec: estate.Spec{Name: "drivertest_test", Title: "Vendor", Credential: estate.NeedsCredential,
		Kinds: []estate.Kind{
			{Role: estate.RoleIssuer, Name: "key", Doc: "A key.", Fields: []estate.Field{name}, Identity: []string{"name"},
				Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true}},
			{Role: estate.RoleLocation, Name: "note", Doc: "A note.", Fields: []estate.Field{name}, Identity: []string{"name"},
				Location: &estate.LocationFacts{Confirm: estate.ByDigest}},
			{Role: estate.RoleDiscovery, Name: "group", Doc: "The notes of a group.", Fields: []estate.Field{name}, Identity: []string{"name"}},
		}}}
	for _, c := range []string{"POST /keys", "GET /keys", "DELETE /keys/{id}", "PUT /notes/{name}", "GET /notes/{name}", "GET /me", "GET /groups/{name}"} {
		method, path, _ := strings.Cut(c, " ")
		i.Calls = append(i.Calls, driver.Call{Method: method, Path: path, Permission: "any", For: "acts"})
	}
	switch d.mistake {
	case "another name":
		i.Name = "other"
	case "undocumented field":
		i.Kinds[0].Fields[0].Doc = ""
	case "promised power":
		i.Kinds[0].Issuer.Deactivates = true
	case "undeclared call":
		i.Calls = slices.Delete(i.Calls, 1, 2)
	case "unused call":
		i.Calls = append(i.Calls, driver.Call{Method: "PATCH", Path: "/nothing", Permission: "any", For: "nothing"})
	case "no case":
		i.Kinds = append(i.Kinds, estate.Kind{Role: estate.RoleCheck, Name: "missing", Doc: "Nothing.", Check: &estate.CheckFacts{Within: 1}})
	}
	return i
}

func (d sample) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	return &conn{mistake: d.mistake, env: env, client: rest.New(rest.Config{Name: "vendor", Base: "https://vendor.test", Env: env})}, nil
}

type conn struct {
	mistake string
	env     driver.Env
	client  *rest.Client
	found   atomic.Int32 // how often targets were
}

func (c *conn) Close() error { return nil }

// do makes a call, and makes the mistakes that any call can make.
func (c *conn) do(ctx context.Context, method, path, id string, body any, out any) error {
	r := rest.Request{Op: "act", Method: method, Path: path, Params: map[string]string{"id": id}, JSON: body, Safe: method == "GET"}
	switch c.mistake {
	case "ignores the context":
		ctx = context.WithoutCancel(ctx)
	case "leaves a goroutine":
		go func() { <-make(chan int) }()
	case "unescaped name":
		r.Path = strings.ReplaceAll(path, "{id}", id)
	case "credential in body":
		if body, ok := body.(map[string]any); ok {
			body["by"] = owner
		}
	}
	_, err := c.client.Do(ctx, r, out)
	var e *driver.Error
	if !errors.As(err, &e) {
		return err
	}
	switch c.mistake {
	case "foreign error":
		return fmt.Errorf("act: %w", err)
	case "value in the error":
		e.Why = "with " + drivertest.Canary
	case "no effect":
		if e.Status == 500 {
			e.Effect = pawl.EffectNone
		}
	case "certain of nothing":
		if e.Status == 422 {
			e.Effect = pawl.EffectUnknown
		}
	case "retry-after forgotten":
		e.RetryAfter = 0
	case "wrong kind":
		e.Kind = driver.Invalid
	}
	return e
}

func (c *conn) Probe(ctx context.Context, _ driver.Target) ([]driver.Grant, error) {
	err := c.do(ctx, "GET", "/keys", "", nil, &[]any{})
	return []driver.Grant{{Need: "list keys", Has: driver.Yes}}, err
}

func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	var out struct{ ID, Value string }
	if err := c.do(ctx, "POST", "/keys", "", map[string]any{"name": r.Name}, &out); err != nil {
		return driver.Minted{}, err
	}
	if c.mistake == "one id" {
		out.ID = "k1"
	}
	return driver.Minted{Credential: driver.Credential{ID: out.ID, Name: r.Name}, Value: secret.One(secret.NewString(out.Value))}, nil
}

func (c *conn) List(ctx context.Context, _ driver.Target) ([]driver.Credential, error) {
	var list []driver.Credential
	err := c.do(ctx, "GET", "/keys", "", nil, &list)
	return list, err
}

func (c *conn) Revoke(ctx context.Context, _ driver.Target, gone driver.Credential, _ secret.Parts) error {
	err := c.do(ctx, "DELETE", "/keys/{id}", gone.ID, nil, nil)
	if e := driver.AsError("", err); e != nil && e.Kind == driver.NotFound && c.mistake != "revoked twice" {
		return nil
	}
	return err
}

func (c *conn) Verify(ctx context.Context, _ driver.Target, value secret.Parts) (driver.Verdict, error) {
	_, err := c.client.Do(ctx, rest.Request{Op: "verify", Method: "GET", Path: "/me", As: value[secret.Single], Safe: true}, &struct{}{})
	e := driver.AsError("", err)
	switch {
	case c.mistake == "everything is good" && (e == nil || e.Kind == driver.Unauthenticated):
		return driver.Accepted, nil
	case e == nil:
		return driver.Accepted, nil
	case e.Kind == driver.Unauthenticated || c.mistake == "outage is a verdict" && !errors.Is(err, context.Canceled):
		return driver.Refused, nil
	default:
		return "", e
	}
}

func (c *conn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	name := w.Target.Settings.String("name")
	switch c.mistake {
	case "value in the URL":
		_, _ = c.client.Do(ctx, rest.Request{Op: "put", Method: "GET", Path: "/notes/{name}", Params: map[string]string{"name": drivertest.Canary}, Safe: true}, nil)
	case "value in the log":
		c.env.Log.Debug("put", "value", drivertest.Canary)
	case "put forgets":
		return driver.Receipt{}, ctx.Err()
	case "mixes up targets":
		name = strings.ReplaceAll(name, "b", "a")
	}
	var out driver.Receipt
	err := c.do(ctx, "PUT", "/notes/{id}", name, map[string]any{"value": w.Value}, &out)
	return out, err
}

func (c *conn) Stat(ctx context.Context, t driver.Target) (driver.Receipt, error) {
	var out driver.Receipt
	err := c.do(ctx, "GET", "/notes/{id}", t.Settings.String("name"), nil, &out)
	if c.mistake == "digest stands still" {
		out.Digest = "same"
	}
	return out, err
}

func (c *conn) Discover(ctx context.Context, t driver.Target) ([]driver.Target, error) {
	group := t.Settings.String("name")
	if c.mistake == "finds anything" {
		group = "all"
	}
	var names []string
	err := c.do(ctx, "GET", "/groups/{id}", group, nil, &names)
	switch {
	case c.mistake == "missing is none" && err != nil && driver.AsError("", err).Kind == driver.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case c.mistake == "finds less":
		names = names[:1]
	case c.mistake == "finds twice":
		names = append(names, names[0])
	case c.mistake == "finds for ever" && c.found.Add(1)%2 == 0:
		slices.Reverse(names)
	}
	var found []driver.Target
	for _, name := range names {
		found = append(found, driver.Target{Settings: estate.Settings{"name": name}})
	}
	return found, nil
}
