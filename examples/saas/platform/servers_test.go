package platform_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/examples/saas/tenant"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// servers are the real servers of a tenant.
type servers struct {
	*site
	sql     *postgres.Server
	console *postgres.Console
	name    string // of the database, and of its role
	redis   *redis.Server
	admin   *goredis.Client
	n       int
}

// withServers makes a site whose tenant has a database and Redis.
func withServers(t *testing.T) *servers {
	t.Helper()
	s := &servers{site: newSite(t), sql: servertest.Postgres(t), redis: servertest.Redis(t)}
	s.config.Store = platform.NewMemory()
	s.name = strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))[:20]
	var err error
	if s.console, err = s.sql.Open(t.Context(), "postgres"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.console.Close() })
	s.exec(fmt.Sprintf(`CREATE ROLE %[1]s LOGIN`, s.name))
	s.exec(fmt.Sprintf(`CREATE DATABASE %[1]s OWNER %[1]s`, s.name))
	t.Cleanup(func() {
		s.exec(fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, s.name))
		s.exec(fmt.Sprintf(`DROP ROLE %s`, s.name))
	})
	s.admin = goredis.NewClient(&goredis.Options{Addr: s.redis.Addr(), Username: redis.Admin, Password: s.redis.Password})
	t.Cleanup(func() { _ = s.admin.Close() })
	if err := s.admin.FlushAll(t.Context()).Err(); err != nil { // the visits of other tests
		t.Fatal(err)
	}
	s.write(tenant.Secrets{DatabaseURL: s.databaseURL(), RedisURL: s.redisURL()})
	return s
}

func (s *servers) exec(sql string) {
	s.Helper()
	if err := s.console.Exec(context.Background(), sql); err != nil {
		s.Fatal(err)
	}
}

func (s *servers) password() string {
	s.n++
	return s.secret(fmt.Sprintf("canary_%s_%d_7d21f0ab", s.name, s.n))
}

// databaseURL gives the role another password, and the URL that has it.
func (s *servers) databaseURL() string {
	s.Helper()
	password := s.password()
	s.exec(fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, s.name, password))
	return (&url.URL{Scheme: "postgresql", User: url.UserPassword(s.name, password), Host: s.sql.Addr(), Path: s.name, RawQuery: "sslmode=disable"}).String()
}

// redisURL gives the user another password, and the URL that has it.
func (s *servers) redisURL() string {
	s.Helper()
	password := s.password()
	if err := s.admin.Do(s.Context(), "ACL", "SETUSER", s.name, "reset", "on", ">"+password, "~*", "+@read", "+@write", "+ping").Err(); err != nil {
		s.Fatal(err)
	}
	return (&url.URL{Scheme: "redis", User: url.UserPassword(s.name, password), Host: s.redis.Addr(), RawQuery: "client_name=" + org}).String()
}

// cut ends all connections of the platform's to its servers.
func (s *servers) cut() {
	s.Helper()
	s.exec(fmt.Sprintf(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'`, s.name))
	if err := s.admin.Do(s.Context(), "CLIENT", "KILL", "USER", s.name).Err(); err != nil && !strings.Contains(err.Error(), "No such user") {
		s.Fatal(err)
	}
}

// visits counts a visit, and holds that it is the one with a number.
func (s *servers) visits(n int) {
	s.Helper()
	if out := s.must("POST", "/visits", ""); out["redis"] != float64(n) || out["database"] != float64(n) {
		s.Errorf("visit %d is counted as %v", n, out)
	}
}

// healthy asks for the platform's health, and gives why it is not well.
func (s *site) health() (int, string) {
	s.Helper()
	code, text := s.as("", "GET", "/health", "")
	return code, strings.TrimSpace(text)
}

func (s *site) healthy(want string) {
	s.Helper()
	if code, text := s.health(); code != http.StatusOK || text != want {
		s.Errorf("health: HTTP %d %s, want %s", code, text, want)
	}
}

func (s *site) unwell(says string) {
	s.Helper()
	if code, text := s.health(); code != http.StatusServiceUnavailable || !strings.Contains(text, says) {
		s.Errorf("health: HTTP %d %s, want %s", code, text, says)
	}
}

const allWell = `{"database":"ok","redis":"ok","status":"ok"}`

func TestVisitsAreCountedInBothServers(t *testing.T) {
	s := withServers(t)
	s.start()
	var group sync.WaitGroup
	for range 20 { // of whom all find no row, and some no table
		group.Go(func() { s.must("POST", "/visits", "") })
	}
	group.Wait()
	if n := s.plane.asks(); n != 1 {
		t.Errorf("the row was read %d times", n)
	}
	s.visits(21)
	s.healthy(allWell)
	s.start()
	s.visits(22)
}

func TestAPasswordThatChangedIsReadFromTheRow(t *testing.T) {
	s := withServers(t)
	s.start()
	s.visits(1)
	database, redis := s.databaseURL(), s.redisURL()
	for i, change := range []func(){
		func() {},
		func() { database = s.databaseURL() },
		func() { redis = s.redisURL() },
		func() { database, redis = s.databaseURL(), s.redisURL() },
	} {
		change()
		s.write(tenant.Secrets{DatabaseURL: database, RedisURL: redis})
		s.cut()
		asked := s.plane.asks()
		s.visits(i + 2)
		if n := s.plane.asks() - asked; n != 1 {
			t.Errorf("change %d: the row was read %d times", i, n)
		}
		s.healthy(allWell)
		s.cut()
	}
}

func TestAPasswordThatTheRowDoesNotHaveShows(t *testing.T) {
	s := withServers(t)
	s.start()
	s.visits(1)
	database, redis := s.databaseURL(), s.redisURL()
	s.cut()
	s.unwell("database: the login is refused (SQLSTATE 28P01)")
	if code, out := s.do("POST", "/visits", ""); code != http.StatusBadGateway || out["error"] != "redis: the login is refused" {
		t.Errorf("a visit: HTTP %d %v", code, out)
	}
	s.write(tenant.Secrets{DatabaseURL: database, RedisURL: s.redisURL()})
	s.healthy(allWell)
	s.redisURL()
	s.unwell("redis: the login is refused")
	s.write(tenant.Secrets{DatabaseURL: database, RedisURL: redis})
	s.unwell("redis: the login is refused")
}

func TestRedisOfTheEnvironmentGoesBeforeTheRows(t *testing.T) {
	s := withServers(t)
	old := s.redisURL()
	s.write(tenant.Secrets{DatabaseURL: s.databaseURL(), RedisURL: old})
	s.config.RedisURL = s.redisURL() // the row's is dead
	s.start()
	s.healthy(allWell)
	s.visits(1)
	if strings.Contains(s.said(), "the row's is tried") {
		t.Error("the row's was tried first")
	}

	row := tenant.Secrets{DatabaseURL: s.databaseURL(), RedisURL: s.redisURL()} // that of the environment is dead
	s.cut()
	s.write(row)
	s.visits(2)
	s.healthy(allWell)
	if !strings.Contains(s.said(), "REDIS_URL: redis: the login is refused; the row's is tried") {
		t.Error("nothing says that the environment's does not open any more")
	}
}

func TestConnectionsThatBreakAreMadeAnew(t *testing.T) {
	s := withServers(t)
	s.start()
	for i := range 5 {
		s.visits(i + 1)
		s.cut()
	}
}

func TestAllConnectionsMayBreakAtOnce(t *testing.T) {
	s := withServers(t)
	s.start()
	s.visits(1)
	conn, err := pgx.Connect(t.Context(), s.sql.DSN(s.name))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE visits"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { s.must("POST", "/visits", "") })
	}
	for waiting := 0; waiting < 4; { // for the table, each on a connection of its own
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'visits'::regclass").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	s.cut()
	s.visits(6)
}

func TestARowThatNoKeyOpensShows(t *testing.T) {
	s := withServers(t)
	s.start()
	s.healthy(allWell)
	s.plane.set(func(p *plane) { p.key = newKey })
	s.write(tenant.Secrets{DatabaseURL: s.databaseURL(), RedisURL: s.redisURL()})
	s.unwell("the row of org_instances does not open with SECRETS_DECRYPTION_KEYS")
	s.cut()
	if code, out := s.do("POST", "/visits", ""); code/100 != 5 || !strings.Contains(fmt.Sprint(out["error"]), "does not open") {
		t.Errorf("a visit that needs the row anew: HTTP %d %v", code, out)
	}
	s.start()
	s.unwell("the row of org_instances does not open with SECRETS_DECRYPTION_KEYS")
	if !strings.Contains(s.said(), "does not open with SECRETS_DECRYPTION_KEYS") {
		t.Error("the log does not say it")
	}
	s.config.Accepts = oldKey + "," + newKey
	s.start()
	s.healthy(allWell)
	s.visits(1)
	s.config.Accepts = newKey
	s.start()
	s.healthy(allWell)
}

func TestAControlPlaneThatIsDownTakesNoPlatformAlong(t *testing.T) {
	s := withServers(t)
	s.start()
	s.plane.set(func(p *plane) { p.down = true })
	s.unwell("read the row from the control plane: it answers HTTP 503")
	if code, _ := s.do("POST", "/visits", ""); code != http.StatusServiceUnavailable {
		t.Errorf("a visit without a row: HTTP %d", code)
	}
	s.plane.set(func(p *plane) { p.down = false })
	s.healthy(allWell)
	s.plane.set(func(p *plane) { p.down = true })
	s.healthy(allWell)
	s.visits(1)
	s.cut()
	s.visits(2)
	s.databaseURL()
	s.cut()
	if code, out := s.do("POST", "/visits", ""); code != http.StatusBadGateway || !strings.Contains(fmt.Sprint(out["error"]), "28P01") {
		t.Errorf("a visit with another password: HTTP %d %v", code, out)
	}
}

func TestAnotherTenantsTokenOpensNoRow(t *testing.T) {
	s := newSite(t)
	s.config.Store, s.config.AdminToken = platform.NewMemory(), s.secret("adm_canary_of_another_tenant")
	s.start()
	s.unwell("HTTP 401")
}

func TestAnotherRowIsNotTaken(t *testing.T) {
	s := newSite(t)
	s.config.Store, s.config.Org = platform.NewMemory(), "4f1c2d3e-0000-4000-8000-000000000002"
	s.start()
	s.unwell("what it answers is not the row 4f1c2d3e-0000-4000-8000-000000000002")
}

func TestWhatIsNotThereIsOff(t *testing.T) {
	s := newSite(t)
	s.config.Store = platform.NewMemory()
	s.start()
	s.healthy(`{"database":"off","redis":"off","status":"ok"}`)
	if out := s.must("POST", "/visits", ""); out["redis"] != nil || out["database"] != nil {
		t.Errorf("a visit is counted as %v", out)
	}
}

// TestAProgramWithoutAClientOfRedis is well where there is no Redis, and nowhere
// else.
func TestAProgramWithoutAClientOfRedis(t *testing.T) {
	s := newSite(t)
	s.config.Store, s.deps.Redis = platform.NewMemory(), nil
	s.start()
	s.healthy(`{"database":"off","redis":"off","status":"ok"}`)
	s.write(tenant.Secrets{RedisURL: s.secret("redis://u:canary-canary-canary@redis.example:6379")})
	s.unwell("redis: this program has no client of it")
	if code, out := s.do("POST", "/visits", ""); code != http.StatusBadGateway || !strings.Contains(fmt.Sprint(out["error"]), "no client") {
		t.Errorf("a visit: HTTP %d %v", code, out)
	}
}

func TestURLsThatAreNoneAreNotShown(t *testing.T) {
	s := newSite(t)
	s.config.Store = platform.NewMemory()
	s.start()
	s.write(tenant.Secrets{DatabaseURL: s.secret("postgresql://u:canary-canary-canary@h:port/d")})
	s.unwell("database_url is no PostgreSQL URL")
	s.do("POST", "/visits", "")
	s.write(tenant.Secrets{RedisURL: s.secret("redis://u:canary-canary-canary@h:port")})
	s.unwell("redis: its URL is none")
	s.do("POST", "/visits", "")
}

// behindTLS is an Upstash whose authority this process trusts. It is state of
// the process, because SSL_CERT_FILE is read once.
var behindTLS = sync.OnceValues(func() (*upstash.Upstash, string) {
	u := upstash.New(upstash.Config{})
	u.AddAccount("ops@example.com")
	authority, err := u.Authority()
	if err != nil {
		panic(err)
	}
	return u, authority
})

func TestRedisBehindTLS(t *testing.T) {
	s := newSite(t)
	s.config.Store = platform.NewMemory()
	u, authority := behindTLS()
	slug := "crane-" + strings.ToLower(rand.Text()) // another, where the test runs twice
	id, err := u.AddDatabase(t.Context(), upstash.Database{Owner: "ops@example.com", Name: "tenants", Slug: slug, Server: servertest.RedisOf(t, "upstash")})
	if err != nil {
		t.Fatal(err)
	}
	token, err := u.AddUser(t.Context(), id, "tenants")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, []byte(authority), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	s.deps.Dial = u.DialTLS
	s.config.RedisURL = "rediss://tenants:" + s.secret(token) + "@" + u.Host(id) + ":6379"
	s.start()
	s.healthy(`{"database":"off","redis":"ok","status":"ok"}`)
	if out := s.must("POST", "/visits", ""); out["redis"] == nil || out["database"] != nil {
		t.Errorf("a visit is counted as %v", out)
	}
	s.config.RedisURL = strings.Replace(s.config.RedisURL, "rediss:", "redis:", 1)
	s.start()
	s.unwell("redis: it does not answer")
}
