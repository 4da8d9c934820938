package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/postgres"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

const adminPassword = "PAWLCANARY-admin-0123456789"

// bench is a connection to a fresh database of the real server. Roles belong
// to the whole server, so each test has names of its own.
type bench struct {
	t        *testing.T
	server   *sim.Server
	database string
	conn     powers
	owner    string
	prefix   string
}

// powers is all that the driver can do.
type powers interface {
	driver.Conn
	driver.Issuer
	driver.Checker
	driver.Verifier
	driver.Identifier
	driver.Deactivator
	driver.UsageTeller
}

func newBench(t *testing.T) *bench {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_"))
	b := &bench{t: t, server: servertest.Postgres(t), database: name, owner: name + "_app", prefix: name + "_v"}
	b.sql("postgres", fmt.Sprintf("CREATE DATABASE %s", name))
	b.sql(name, fmt.Sprintf("CREATE ROLE %[1]s_admin LOGIN CREATEROLE PASSWORD '%[2]s'; CREATE ROLE %[1]s_app ADMIN %[1]s_admin; CREATE SCHEMA app AUTHORIZATION %[1]s_app", name, adminPassword))
	b.conn = open(t, b.server, name, name+"_admin", adminPassword)
	return b
}

func open(t *testing.T, server *sim.Server, database, user, password string) powers {
	t.Helper()
	env := driver.Env{Dial: (&net.Dialer{}).DialContext, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(password), nil }}
	conn, err := postgres.New().Open(env, estate.Settings{"host": "127.0.0.1", "port": server.Port, "database": database, "user": user, "sslmode": "disable"})
	if err != nil {
		t.Fatal(err)
	}
	return conn.(powers)
}

// sql runs statements as the superuser and gives the last answer's first cell.
func (b *bench) sql(database, statements string) string {
	b.t.Helper()
	c := b.session(b.server.DSN(database))
	defer func() { _ = c.Close(context.Background()) }()
	results, err := c.Exec(b.t.Context(), statements).ReadAll()
	if err != nil {
		b.t.Fatalf("%s: %v", statements, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

func (b *bench) session(dsn string) *pgconn.PgConn {
	b.t.Helper()
	c, err := pgconn.Connect(b.t.Context(), dsn)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) target(more ...string) driver.Target {
	s := estate.Settings{"prefix": b.prefix, "owner_role": b.owner, "sessions": "wait"}
	for i := 0; i+1 < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	return driver.Target{Kind: "role", Settings: s}
}

func (b *bench) mint(name string, t driver.Target) driver.Minted {
	b.t.Helper()
	m, err := b.conn.Mint(b.t.Context(), driver.MintRequest{Target: t, Name: name, Version: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

func (b *bench) verdict(t driver.Target, value secret.Parts) driver.Verdict {
	b.t.Helper()
	v, err := b.conn.Verify(b.t.Context(), t, value)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// as logs in with a credential, as an application does.
func (b *bench) as(m driver.Minted) *pgconn.PgConn {
	b.t.Helper()
	u := strings.Replace(b.server.DSN(b.database), sim.Superuser+":"+b.server.Password, text(m.Value["user"])+":"+text(m.Value["password"]), 1)
	c := b.session(u)
	b.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func text(v secret.Value) (s string) {
	_ = v.Use(func(b []byte) error { s = string(b); return nil }) // it is not destroyed
	return s
}

func kindOf(t *testing.T, err error, want driver.ErrorKind) *driver.Error {
	t.Helper()
	e := driver.AsError("", err)
	if e == nil || e.Kind != want {
		t.Fatalf("got %v, want an error of kind %s", err, want)
	}
	return e
}

// TestPasswordNeverReachesTheServer searches the log of a server that logs
// every statement.
func TestPasswordNeverReachesTheServer(t *testing.T) {
	b := newBench(t)
	minted := b.mint(b.prefix+"1", b.target())
	fixed := driver.Target{Kind: "role_password", Settings: estate.Settings{"role": b.prefix + "1"}}
	changed, err := b.conn.Mint(t.Context(), driver.MintRequest{Target: fixed, Version: 2})
	if err != nil {
		t.Fatal(err)
	}
	if b.verdict(b.target(), minted.Value) != driver.Refused || b.verdict(fixed, changed.Value) != driver.Accepted {
		t.Error("the password was not changed")
	}
	log := b.server.Log()
	if !strings.Contains(log, "SCRAM-SHA-256$") {
		t.Fatal("the log does not have the statements, so it proves nothing")
	}
	for _, v := range []secret.Value{minted.Value["password"], changed.Value[secret.Single]} {
		if s := secret.NewScrubber(v); s.Scrub(log) != log {
			t.Error("a password is in the server's log")
		}
	}
}

// TestFirstRotation goes from one login that owns everything to a login for
// each version, without handing over a single table.
func TestFirstRotation(t *testing.T) {
	b := newBench(t)
	old := secret.Parts{"user": secret.NewString(b.owner), "password": secret.NewString("the-old-password-0123")}
	b.sql(b.database, fmt.Sprintf("ALTER ROLE %s LOGIN PASSWORD 'the-old-password-0123'; SET ROLE %s; CREATE TABLE app.first (id int)", b.owner, b.owner))
	target := b.target()
	was, err := b.conn.Identify(t.Context(), target, old)
	if err != nil || was.ID != b.owner {
		t.Fatalf("the old login is %q (%v)", was.ID, err)
	}
	m := b.mint(b.prefix+"1", target)
	app := b.as(m)
	if _, err := app.Exec(t.Context(), "ALTER TABLE app.first ADD name text; CREATE TABLE app.second (id int)").ReadAll(); err != nil {
		t.Fatalf("the new login cannot change what the old one made: %v", err)
	}
	if b.verdict(target, old) != driver.Accepted {
		t.Error("the old login was refused before its end")
	}
	if err := b.conn.Revoke(t.Context(), target, was, old); err != nil {
		t.Fatal(err)
	}
	if b.verdict(target, old) != driver.Refused {
		t.Error("the old login lives on")
	}
	if owners := b.sql(b.database, "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'app'"); owners != b.owner {
		t.Errorf("the tables belong to %s", owners)
	}
	if list, err := b.conn.List(t.Context(), target); err != nil || len(list) != 1 || list[0].ID != m.Credential.ID || list[0].CreatedAt.IsZero() {
		t.Errorf("the list is %+v (%v)", list, err)
	}
}

func TestOpenSessionsHoldTheEndUp(t *testing.T) {
	b := newBench(t)
	m := b.mint(b.prefix+"1", b.target())
	app := b.as(m)
	before := time.Now()
	if last, err := b.conn.LastUsed(t.Context(), b.target(), m.Credential); err != nil || last.Before(before) {
		t.Errorf("with a session open it was last used at %s (%v)", last, err)
	}
	e := kindOf(t, b.conn.Revoke(t.Context(), b.target(), m.Credential, nil), driver.Conflict)
	if e.Effect != pawl.EffectNone || e.RetryAfter == 0 || b.verdict(b.target(), m.Value) != driver.Accepted {
		t.Errorf("a role in use was touched: %v", e)
	}
	if err := b.conn.Deactivate(t.Context(), b.target(), m.Credential); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Exec(t.Context(), "SELECT 1").ReadAll(); err != nil {
		t.Errorf("deactivating has cut a session: %v", err)
	}
	if err := b.conn.Revoke(t.Context(), b.target("sessions", "terminate"), m.Credential, nil); err == nil {
		t.Error("sessions were ended without the permission to")
	}
	b.sql(b.database, "GRANT pg_signal_backend TO "+b.database+"_admin")
	if err := b.conn.Revoke(t.Context(), b.target("sessions", "terminate"), m.Credential, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Exec(t.Context(), "SELECT 1").ReadAll(); err == nil {
		t.Error("the session lives on")
	}
}

// TestNothingOwnedIsLost holds that a role whose objects have no heir stays.
func TestNothingOwnedIsLost(t *testing.T) {
	b := newBench(t)
	target := b.target("owner_role", "")
	m := b.mint(b.prefix+"1", target)
	b.sql(b.database, fmt.Sprintf("GRANT CREATE ON SCHEMA app TO %[1]s; SET ROLE %[1]s; CREATE TABLE app.own (id int)", m.Credential.ID))
	e := kindOf(t, b.conn.Revoke(t.Context(), target, m.Credential, nil), driver.Invalid)
	if !strings.Contains(e.Why, "owns objects") || e.Effect != pawl.EffectNone || b.verdict(target, m.Value) != driver.Accepted {
		t.Errorf("a role that owns a table: %v", e)
	}
	b.sql(b.database, fmt.Sprintf("GRANT %s TO %s_admin", b.owner, b.database))
	if err := b.conn.Revoke(t.Context(), b.target(), m.Credential, nil); err != nil {
		t.Fatal(err)
	}
	if owner := b.sql(b.database, "SELECT tableowner FROM pg_tables WHERE tablename = 'own'"); owner != b.owner {
		t.Errorf("the table belongs to %q", owner)
	}
}

func TestHostileNamesStayNames(t *testing.T) {
	b := newBench(t)
	b.sql(b.database, "CREATE ROLE "+b.database+"_victim")
	for i, evil := range []string{`"; DROP ROLE %s_victim; --`, `'; DROP ROLE %s_victim; --`, `\'; DROP ROLE %s_victim; --`, "$$ $pawl$ `", "\u2028\n\t;"} {
		name := b.prefix[:8] + fmt.Sprint(i) + strings.ReplaceAll(evil, "%s_victim", "v")
		target := b.target("prefix", b.prefix[:8])
		m := b.mint(name, target)
		if b.verdict(target, m.Value) != driver.Accepted {
			t.Errorf("%q cannot log in", name)
		}
		if c, err := b.conn.Identify(t.Context(), target, m.Value); err != nil || c.Name != name {
			t.Errorf("%q is identified as %q (%v)", name, c.Name, err)
		}
		if err := b.conn.Revoke(t.Context(), target, m.Credential, nil); err != nil {
			t.Errorf("%q cannot be ended: %v", name, err)
		}
	}
	if n := b.sql(b.database, fmt.Sprintf("SELECT count(*) FROM pg_roles WHERE rolname = '%s_victim'", b.database)); n != "1" {
		t.Error("a name became a statement")
	}
	for _, name := range []string{"other", b.prefix, b.prefix + strings.Repeat("x", 63), b.prefix + "\x00"} {
		_, err := b.conn.Mint(t.Context(), driver.MintRequest{Target: b.target(), Name: name})
		kindOf(t, err, driver.Invalid)
	}
}

func TestOwnRoleAndSuperusersStay(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{b.database + "_admin", sim.Superuser} {
		c := driver.Credential{ID: name, Name: name}
		kindOf(t, b.conn.Revoke(t.Context(), b.target(), c, nil), driver.Invalid)
		kindOf(t, b.conn.Deactivate(t.Context(), b.target(), c), driver.Invalid)
	}
}

func TestMissingPermissions(t *testing.T) {
	b := newBench(t)
	b.sql(b.database, fmt.Sprintf("CREATE ROLE %s_weak LOGIN PASSWORD '%s'", b.database, adminPassword))
	weak := open(t, b.server, b.database, b.database+"_weak", adminPassword)
	grants, err := weak.Probe(t.Context(), b.target())
	if err != nil || len(grants) == 0 || grants[0].Has != driver.No || grants[0].Detail == "" {
		t.Errorf("a role without CREATEROLE is told %+v (%v)", grants, err)
	}
	_, err = weak.Mint(t.Context(), driver.MintRequest{Target: b.target(), Name: b.prefix + "1"})
	if e := kindOf(t, err, driver.Denied); e.Effect != pawl.EffectNone || !strings.Contains(e.Error(), "42501") {
		t.Errorf("the error is %v", e)
	}
}

// TestVerdicts tells a refusal from a server that trusts everybody and from
// one that does not let this host in.
func TestVerdicts(t *testing.T) {
	servertest.Needed(t)
	dir, err := os.MkdirTemp("", "pawl-hba-") // the server's own account reads it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hba := filepath.Join(dir, "pg_hba.conf")
	lines := "host all trusted 127.0.0.1/32 trust\nhost all postgres,plain,off 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(hba, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := sim.Start(t.Context(), sim.Options{Settings: []string{"hba_file=" + hba}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	b := &bench{t: t, server: server}
	b.sql("postgres", "CREATE ROLE trusted LOGIN; CREATE ROLE plain LOGIN PASSWORD 'right-password-01'; CREATE ROLE off PASSWORD 'right-password-01'; CREATE ROLE far LOGIN PASSWORD 'right-password-01'")
	conn := open(t, server, "postgres", sim.Superuser, server.Password)
	for _, c := range []struct {
		role, password string
		want           driver.Verdict
		kind           driver.ErrorKind
	}{
		{"plain", "right-password-01", driver.Accepted, ""},
		{"plain", "wrong-password-01", driver.Refused, ""},
		{"off", "right-password-01", driver.Refused, ""},
		{"trusted", "any-password-0123", "", driver.Invalid},
		{"far", "right-password-01", "", driver.Denied},
		{"nobody", "right-password-01", "", driver.Denied},
	} {
		got, err := conn.Verify(t.Context(), driver.Target{Kind: "role_password", Settings: estate.Settings{"role": c.role}}, secret.One(secret.NewString(c.password)))
		if c.kind != "" {
			kindOf(t, err, c.kind)
		} else if err != nil || got != c.want {
			t.Errorf("%s with %s: %q (%v), want %q", c.role, c.password[:5], got, err, c.want)
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Verify(t.Context(), driver.Target{Kind: "role_password", Settings: estate.Settings{"role": "plain"}}, secret.One(secret.NewString("right-password-01")))
	kindOf(t, err, driver.Unavailable)
}

func TestChecks(t *testing.T) {
	b := newBench(t)
	m := b.mint(b.prefix+"1", b.target())
	url := fmt.Sprintf("postgres://{{.user}}:{{.password | urlquery}}@127.0.0.1:%d/%s?sslmode=disable&schema=app&pgbouncer=true", b.server.Port, b.database)
	b.sql(b.database, "CREATE TABLE app.keys (id int); GRANT USAGE ON SCHEMA app TO "+b.database+"_admin; GRANT ALL ON app.keys TO "+b.database+"_admin; INSERT INTO app.keys VALUES (1)")
	for _, c := range []struct {
		kind     string
		settings estate.Settings
		want     driver.State
	}{
		{"login", estate.Settings{}, driver.Passed},
		{"login", estate.Settings{"url": url}, driver.Passed},
		{"login", estate.Settings{"query": "SELECT current_user", "expect": b.owner}, driver.Passed},
		{"login", estate.Settings{"user": "nobody-at-all"}, driver.Failed},
		{"login", estate.Settings{"url": strings.Replace(url, b.database+"?", "nowhere?", 1)}, driver.Failed},
		{"query", estate.Settings{"query": "SELECT count(*) FROM app.keys", "expect": "0"}, driver.Failed},
		{"query", estate.Settings{"query": "SELECT count(*) FROM app.keys", "expect": "1"}, driver.Passed},
		{"query", estate.Settings{"query": "SELECT count(*) FROM app.nothing", "expect": "0"}, driver.Failed},
		{"query", estate.Settings{"query": "DELETE FROM app.keys RETURNING 0", "expect": "0"}, driver.Failed},
		{"query", estate.Settings{"query": "COMMIT; DELETE FROM app.keys", "expect": "0"}, driver.Failed},
		{"query", estate.Settings{"query": "SELECT 0, 0", "expect": "0"}, driver.Failed},
	} {
		f, err := b.conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: c.kind, Settings: c.settings}, Value: m.Value})
		if err != nil || f.State != c.want {
			t.Errorf("%s %v: %q %s (%v), want %q", c.kind, c.settings, f.State, f.Detail, err, c.want)
		}
	}
	if n := b.sql(b.database, "SELECT count(*) FROM app.keys"); n != "1" {
		t.Error("a check has changed something")
	}
	_, err := b.conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "login", Settings: estate.Settings{}}})
	kindOf(t, err, driver.NoValue)
}
