package vendorsim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
)

// vendor counts what it does and answers "done". Its label is the route.
type vendor struct{ acts atomic.Int32 }

func (v *vendor) Operation(r *http.Request) string { return r.Method + " " + r.URL.Path }

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	v.acts.Add(1)
	_, _ = io.WriteString(w, `{"ok":true}`)
}

// reply is what a caller got of one call.
type reply struct {
	code   int
	header http.Header
	body   string
	err    error
}

func send(rt http.RoundTripper, r *http.Request) reply {
	res, err := rt.RoundTrip(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(b), err}
}

func post(url string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(`{"a":1}`))
	r.RequestURI = ""
	return r
}

// ways are the two ways to a stand-in: without sockets and over loopback.
func ways(t *testing.T, h http.Handler, run func(t *testing.T, rt http.RoundTripper, base string)) {
	t.Helper()
	t.Run("transport", func(t *testing.T) {
		run(t, vendorsim.Transport(map[string]http.Handler{"api.example.com": h}), "https://api.example.com")
	})
	t.Run("loopback", func(t *testing.T) {
		s, err := vendorsim.Listen(h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		run(t, &http.Transport{DisableKeepAlives: true}, s.URL)
	})
}

func TestEachFaultDoesWhatItSays(t *testing.T) {
	for name, tt := range map[string]struct {
		rule  vendorsim.Rule
		acts  int32
		code  int // 0 is a connection that was cut
		body  string
		after string // Retry-After
	}{
		"before":                {vendorsim.Rule{Kind: vendorsim.Before}, 0, 0, "", ""},
		"after, answer lost":    {vendorsim.Rule{Kind: vendorsim.AfterLost}, 1, 0, "", ""},
		"status":                {vendorsim.Rule{Kind: vendorsim.Status}, 0, 500, "", ""},
		"status with body":      {vendorsim.Rule{Kind: vendorsim.Status, Code: 403, Body: `{"error":"no"}`}, 0, 403, `{"error":"no"}`, ""},
		"status after acting":   {vendorsim.Rule{Kind: vendorsim.Status, Code: 502, Acts: true}, 1, 502, "", ""},
		"garbage":               {vendorsim.Rule{Kind: vendorsim.Garbage}, 0, 200, "<html>\x00\xff gateway", ""},
		"garbage after acting":  {vendorsim.Rule{Kind: vendorsim.Garbage, Acts: true}, 1, 200, "<html>\x00\xff gateway", ""},
		"too many":              {vendorsim.Rule{Kind: vendorsim.TooMany, Wait: 7 * time.Second}, 0, 429, "rate limit exceeded", "7"},
		"too many, least wait":  {vendorsim.Rule{Kind: vendorsim.TooMany, Wait: time.Millisecond}, 0, 429, "rate limit exceeded", "1"},
		"an unknown kind":       {vendorsim.Rule{Kind: "mystery"}, 0, 0, "", ""},
		"a lie is not a fault":  {vendorsim.Rule{Kind: vendorsim.OKStoreEmpty}, 1, 200, `{"ok":true}`, ""},
		"a rule for other host": {vendorsim.Rule{Kind: vendorsim.Before, Host: "other.example.com"}, 1, 200, `{"ok":true}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var f vendorsim.Faults
			v := &vendor{}
			ways(t, f.Wrap(v), func(t *testing.T, rt http.RoundTripper, base string) {
				f.Clear()
				f.Add(tt.rule)
				v.acts.Store(0)
				got := send(rt, post(base+"/v1/things"))
				if (got.err != nil) != (tt.code == 0) || got.code != tt.code {
					t.Fatalf("got status %d and error %v, want status %d", got.code, got.err, tt.code)
				}
				if !strings.Contains(got.body, tt.body) || got.header.Get("Retry-After") != tt.after {
					t.Errorf("got body %q and Retry-After %q, want %q and %q", got.body, got.header.Get("Retry-After"), tt.body, tt.after)
				}
				if n := v.acts.Load(); n != tt.acts {
					t.Errorf("the vendor acted %d times, want %d", n, tt.acts)
				}
			})
		})
	}
}

func TestNoAnswerOfTheVendorIsSeenBehindAFault(t *testing.T) {
	var f vendorsim.Faults
	f.Add(vendorsim.Rule{Kind: vendorsim.Status, Code: 503, Acts: true})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Made", "yes")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "made")
	})
	ways(t, f.Wrap(h), func(t *testing.T, rt http.RoundTripper, base string) {
		got := send(rt, post(base+"/"))
		if got.code != 503 || got.body != "" || got.header.Get("X-Made") != "" {
			t.Errorf("the vendor's own answer shows through: %+v", got)
		}
	})
}

func TestRulesChooseTheirCallsByCountAndForm(t *testing.T) {
	five := func(method, path string) []string {
		return []string{method + " " + path, method + " " + path, method + " " + path, method + " " + path, method + " " + path}
	}
	for name, tt := range map[string]struct {
		rule  vendorsim.Rule
		calls []string
		want  string // x is a call that went wrong
	}{
		"all":                {vendorsim.Rule{}, five("POST", "/a"), "xxxxx"},
		"the first":          {vendorsim.Rule{Count: 1}, five("POST", "/a"), "x...."},
		"the third":          {vendorsim.Rule{From: 3, Count: 1}, five("POST", "/a"), "..x.."},
		"from the third":     {vendorsim.Rule{From: 3}, five("POST", "/a"), "..xxx"},
		"second and third":   {vendorsim.Rule{From: 2, Count: 2}, five("POST", "/a"), ".xx.."},
		"a method":           {vendorsim.Rule{Method: "GET"}, []string{"POST /a", "GET /a", "GET /b"}, ".xx"},
		"counts its own":     {vendorsim.Rule{Method: "GET", From: 2}, []string{"GET /a", "POST /a", "GET /a"}, "..x"},
		"a path":             {vendorsim.Rule{Path: "/a/b"}, []string{"GET /a/b", "GET /a", "GET /a/b/c"}, "x.."},
		"a path with a name": {vendorsim.Rule{Path: "/a/{x}/c"}, []string{"GET /a/b/c", "GET /a//c", "GET /a/b/d", "GET /a/b/b/c"}, "x..."},
		"a path with a star": {vendorsim.Rule{Path: "/a/*"}, []string{"GET /a/b", "GET /a/", "GET /a/b/c"}, "x.."},
		"a path with a rest": {vendorsim.Rule{Path: "/a/**"}, []string{"GET /a/b", "GET /a/b/c", "GET /b/a"}, "xx."},
		"an escaped slash":   {vendorsim.Rule{Path: "/a/*"}, []string{"GET /a/b%2Fc"}, "x"},
		"an operation":       {vendorsim.Rule{Operation: "get /A"}, []string{"GET /a", "POST /a"}, "x."},
	} {
		t.Run(name, func(t *testing.T) {
			var f vendorsim.Faults
			tt.rule.Kind = vendorsim.Before
			f.Add(tt.rule)
			rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": f.Wrap(&vendor{})})
			var got strings.Builder
			for _, call := range tt.calls {
				method, path, _ := strings.Cut(call, " ")
				r := post("https://api.example.com" + path)
				r.Method = method
				mark := "."
				if send(rt, r).err != nil {
					mark = "x"
				}
				got.WriteString(mark)
			}
			if got.String() != tt.want {
				t.Errorf("%v went wrong as %s, want %s", tt.calls, got.String(), tt.want)
			}
			if n := strings.Count(tt.want, "x"); f.Fired() != n {
				t.Errorf("Fired is %d, want %d", f.Fired(), n)
			}
		})
	}
}

func TestTheFirstRuleWhoseTurnItIsWins(t *testing.T) {
	var f vendorsim.Faults
	f.Add(vendorsim.Rule{Kind: vendorsim.Status, Code: 501, From: 2, Count: 1}, vendorsim.Rule{Kind: vendorsim.Status, Code: 502, Count: 3})
	rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": f.Wrap(&vendor{})})
	for i, want := range []int{502, 501, 502, 200} { // the second rule counts calls that the first took
		if got := send(rt, post("https://api.example.com/")); got.code != want {
			t.Errorf("call %d: got %d, want %d", i+1, got.code, want)
		}
	}
	f.Add(vendorsim.Rule{Kind: vendorsim.Before})
	f.Clear()
	if got := send(rt, post("https://api.example.com/")); got.code != 200 {
		t.Errorf("after Clear: got %d and %v", got.code, got.err)
	}
}

func TestPlacesLieAboutWrites(t *testing.T) {
	for kind, tt := range map[vendorsim.Kind]struct {
		kept   string
		stores bool
	}{
		vendorsim.OKStoreNothing:   {"", false},
		vendorsim.OKStoreEmpty:     {"", true},
		vendorsim.OKStoreTruncated: {"12345", true},
		vendorsim.Before:           {"123456789a", true},
	} {
		var f vendorsim.Faults
		f.Add(vendorsim.Rule{Kind: kind, Operation: "PUT /s", From: 2, Count: 1})
		for i, want := range []struct {
			kept   string
			stores bool
		}{{"123456789a", true}, {tt.kept, tt.stores}, {"123456789a", true}} {
			if kept, stores := f.Stored(post("https://x.example.com/s"), "put /S", "123456789a"); kept != want.kept || stores != want.stores {
				t.Errorf("%s, write %d: kept %q, %v; want %q, %v", kind, i+1, kept, stores, want.kept, want.stores)
			}
		}
	}
}

func TestARuleForTenCallsFiresTenTimesHoweverManyCallAtOnce(t *testing.T) {
	var front vendorsim.Front
	front.Faults.Add(vendorsim.Rule{Kind: vendorsim.Status, Code: 503, From: 6, Count: 10})
	v := &vendor{}
	rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.Serve(w, r, v) })})
	var group sync.WaitGroup
	var failed atomic.Int32
	for range 40 {
		group.Go(func() {
			if send(rt, post("https://api.example.com/")).code == 503 {
				failed.Add(1)
			}
			_, _ = front.Requests.Entries(), front.Faults.Fired()
		})
	}
	group.Wait()
	if failed.Load() != 10 || front.Faults.Fired() != 10 || v.acts.Load() != 30 || front.Requests.Total() != 40 {
		t.Errorf("%d failed, %d fired, %d acted, %d logged; want 10, 10, 30, 40", failed.Load(), front.Faults.Fired(), v.acts.Load(), front.Requests.Total())
	}
}

func TestAHangEndsWithItsCaller(t *testing.T) {
	t.Run("transport", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var f vendorsim.Faults
			f.Add(vendorsim.Rule{Kind: vendorsim.Hang})
			rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": f.Wrap(&vendor{})})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			got := send(rt, post("https://api.example.com/").WithContext(ctx))
			if !errors.Is(got.err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
				t.Errorf("got %v after %v, want the deadline after a minute", got.err, time.Since(began))
			}
		})
	})
	t.Run("loopback", func(t *testing.T) {
		hung, ended := make(chan struct{}), make(chan struct{})
		var f vendorsim.Faults
		f.Add(vendorsim.Rule{Kind: vendorsim.Hang, Acts: true})
		inner := f.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(hung) }))
		s, err := vendorsim.Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			inner.ServeHTTP(w, r)
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-hung; cancel() }()
		if got := send(&http.Transport{}, post(s.URL+"/").WithContext(ctx)); !errors.Is(got.err, context.Canceled) {
			t.Errorf("got %v, want the caller's cancellation", got.err)
		}
		<-ended // the server's side goes too, while the server lives
	})
}
