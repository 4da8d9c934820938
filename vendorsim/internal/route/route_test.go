package route_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/v1/apps", "/v1/apps", true},
		{"/v1/apps", "/v1/apps/", false},
		{"/v1/apps", "/v1", false},
		{"/v1/apps", "/v1/apps/x", false},
		{"/v1/apps/{app}", "/v1/apps/web", true},
		{"/v1/apps/{app}", "/v1/apps/", false}, // a name is never empty
		{"/v1/apps/{app}", "/v1/apps", false},
		{"/v1/apps/{app}/secrets", "/v1/apps/web/secrets", true},
		{"/v1/apps/{app}/secrets", "/v1/apps/a/b/secrets", false},
		{"/v1/apps/{app}/secrets", "/v1/apps/a%2Fb/secrets", true}, // an escaped slash stays in its segment
		{"/v1/*/secrets", "/v1/x/secrets", true},
		{"/v1/*/secrets", "/v1//secrets", false},
		{"/v1/**", "/v1/a/b/c", true},
		{"/v1/**", "/v1/", true},
		{"/v1/**", "/v1", false},
		{"/v1/**", "/v2/a", false},
		{"/v1/**/x", "/v1/a/b/x", false}, // only a last ** is any rest
		{"/v1/{}", "/v1/a", false},       // no name
		{"/v1/{}", "/v1/{}", true},
		{"/", "/", true},
		{"/", "", false},
	} {
		if got := route.Match(c.pattern, c.path); got != c.want {
			t.Errorf("%s fits %s: %t, want %t", c.path, c.pattern, got, c.want)
		}
	}
}

func table() route.Table[string] {
	answer := func(text string) func(string, *route.Call) {
		return func(vendor string, c *route.Call) {
			c.JSON(200, map[string]string{"did": text, "as": vendor, "app": c.Arg("app")})
		}
	}
	return route.Table[string]{
		{Method: "GET", Path: "/apps/first", Do: answer("first")},
		{Method: "GET", Path: "/apps/{app}", Do: answer("get")},
		{Method: "DELETE", Path: "/apps/{app}", Do: answer("delete")},
	}
}

func TestFindTakesTheFirst(t *testing.T) {
	for _, c := range []struct{ method, path, label string }{
		{"GET", "/apps/first", "GET /apps/first"},
		{"GET", "/apps/web", "GET /apps/{app}"},
		{"GET", "/apps/web?x=/y", "GET /apps/{app}"},
		{"DELETE", "/apps/first", "DELETE /apps/{app}"},
		{"POST", "/apps/web", "unknown"},
		{"GET", "/apps/web/x", "unknown"},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if got := table().Label(r); got != c.label {
			t.Errorf("%s %s is %q, want %q", c.method, c.path, got, c.label)
		}
		if found := table().Find(r); (found == nil) != (c.label == "unknown") {
			t.Errorf("%s %s is found: %t", c.method, c.path, found != nil)
		}
	}
}

func call(pattern, url, body string) *route.Call {
	return &route.Call{W: httptest.NewRecorder(), R: httptest.NewRequest("POST", url, strings.NewReader(body)), Path: pattern}
}

func TestArgAndQuery(t *testing.T) {
	c := call("/apps/{app}/secrets/{name}", "/apps/a%2Fb%20c/secrets/%E4%BD%A0?page=2&page=3&empty=", "")
	for name, want := range map[string]string{"app": "a/b c", "name": "你", "other": "", "": ""} {
		if got := c.Arg(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"page": "2", "empty": "", "other": ""} {
		if got := c.Query(name); got != want {
			t.Errorf("the parameter %q is %q, want %q", name, got, want)
		}
	}
	if got := call("/apps", "/apps", "").Query("page"); got != "" {
		t.Errorf("without a query the page is %q", got)
	}
	if got := call("/{a}/**", "/x/y/z", "").Arg("a"); got != "x" {
		t.Errorf("before any rest a is %q", got)
	}
}

func TestRead(t *testing.T) {
	var v struct{ Name string }
	if err := call("/", "/", `{"name":"web"}`).Read(&v); err != nil || v.Name != "web" {
		t.Errorf("got %+v: %v", v, err)
	}
	if err := call("/", "/", "").Read(&v); err != nil || v.Name != "web" {
		t.Errorf("an empty body changed %+v: %v", v, err)
	}
	for _, body := range []string{"{", `{"name":7}`, "c4n4ry", `{"name":"c4n4ry"} x`, `["c4n4ry"]`} {
		err := call("/", "/", body).Read(&v)
		if !errors.Is(err, route.ErrBody) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("a body of %d bytes: %v", len(body), err)
		}
	}
	if b, err := call("/", "/", strings.Repeat("x", route.MaxBody+9)).Raw(); err != nil || len(b) != route.MaxBody {
		t.Errorf("%d bytes are read: %v", len(b), err)
	}
	broken := call("/", "/", "")
	broken.R.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))
	if err := broken.Read(&v); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken connection: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestAnswers speaks to a table over HTTP.
func TestAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := table().Find(r)
		if found == nil {
			(&route.Call{W: w, R: r}).Empty(http.StatusNotFound)
			return
		}
		found.Do("vendor", &route.Call{W: w, R: r, Path: found.Path})
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/apps/we%2Fb": `200 application/json; charset=utf-8 {"app":"we/b","as":"vendor","did":"get"}`,
		"/none":        "404  ",
	} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join([]string{resp.Status[:3], resp.Header.Get("Content-Type"), string(body)}, " "); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestUnencodableAnswer: a mistake of a stand-in must not look like a vendor's
// empty answer.
func TestUnencodableAnswer(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is answered")
		}
	}()
	call("/", "/", "").JSON(200, func() {})
}
