package upstash_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

const (
	owner    = "ops@example.com"
	stranger = "else@example.com"
	slug     = "beloved-stallion-58500"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// site is an Upstash with two accounts.
type site struct {
	*upstash.Upstash
	t    *testing.T
	now  time.Time
	keys map[string]string // by account
	kid  string            // of the owner's key
}

func newSite(t *testing.T, cfg upstash.Config) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), keys: map[string]string{}}
	cfg.Now = func() time.Time { return s.now }
	s.Upstash = upstash.New(cfg)
	for _, email := range []string{stranger, owner} {
		s.AddAccount(email, "team of "+email)
		s.kid, s.keys[email] = s.AddKey(email, "ops")
	}
	return s
}

// database makes a database of the owner's, with a server or without one.
func (s *site) database(server *redis.Server) string {
	s.t.Helper()
	id, err := s.AddDatabase(s.t.Context(), upstash.Database{Owner: owner, Name: "cache", Slug: slug, Server: server})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// ownServer gives a server of the test's own.
func ownServer(t *testing.T) *redis.Server {
	t.Helper()
	servertest.Needed(t)
	s, err := redis.Start(t.Context(), redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// send makes a call and gives the status, the headers and the answer.
func (s *site) send(r *http.Request) (int, http.Header, any) {
	s.t.Helper()
	resp, err := vendorsim.Transport(s.Hosts()).RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		s.t.Fatalf("%s %s: the answer is no JSON", r.Method, r.URL.Path)
	}
	return resp.StatusCode, resp.Header, out
}

func (s *site) request(method, url string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// must makes a call as the owner, which has to go well.
func (s *site) must(method, path string) any {
	s.t.Helper()
	r := s.request(method, "https://"+upstash.Host+path)
	r.SetBasicAuth(owner, s.keys[owner])
	code, _, out := s.send(r)
	if code != http.StatusOK {
		s.t.Fatalf("%s %s: HTTP %d %v", method, path, code, out)
	}
	return out
}

// asked gives the status of a call with a bearer token.
func (s *site) asked(url, token string) int {
	s.t.Helper()
	r := s.request("GET", url)
	r.Header.Set("Authorization", "Bearer "+token)
	code, _, _ := s.send(r)
	return code
}

// client connects as clients of a database do.
func (s *site) client(database, user, password string) *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Addr: net.JoinHostPort(s.Host(database), "6379"), Username: user, Password: password, Dialer: s.Dial,
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// run gives the answer to a command, or the error's text.
func (s *site) run(c *goredis.Client, command ...any) any {
	answer, err := c.Do(s.t.Context(), command...).Result()
	if err != nil {
		return err.Error()
	}
	return answer
}
