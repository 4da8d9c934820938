package all_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestMain stops the servers that worlds have started.
func TestMain(m *testing.M) { servertest.Main(m) }

const postgresAdmin = "PAWLCANARY-postgres-admin-0123456789"

// postgresScene makes, or makes again what trials change of: an administrator
// that is no superuser, the role that owns things, and one whose password is
// known. Roles belong to the whole server, so those that the trial before has
// minted are ended.
const postgresScene = `
DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'pawl-drivertest%%' LOOP
		EXECUTE format('DROP ROLE %%I', r);
	END LOOP;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin') THEN
		CREATE ROLE admin LOGIN CREATEROLE PASSWORD '%s';
		CREATE ROLE app ADMIN admin;
		CREATE ROLE app_read ADMIN admin;
		CREATE ROLE login LOGIN ADMIN admin;
		CREATE TABLE kept (id int);
		GRANT SELECT ON kept TO admin;
		CREATE TABLE orgs (id int PRIMARY KEY, url bytea);
		GRANT SELECT, UPDATE ON orgs TO admin;
		CREATE TABLE pawl_keys (scope text, key_id bigint, keeper text, keeper_version text, wrapped bytea, kcv bytea, state text, created_at timestamptz, PRIMARY KEY (scope, key_id));
		GRANT SELECT, UPDATE ON pawl_keys TO admin;
	END IF;
END $$;
ALTER ROLE login PASSWORD '%s';
DELETE FROM kept;
DELETE FROM orgs;
DELETE FROM pawl_keys;
`

// postgresWorlds makes the worlds of all trials at one server. It has one
// session of the superuser's, which ends with the server: a login costs as much
// as all else that it does for a trial.
type postgresWorlds struct {
	mu    sync.Mutex
	super *pgconn.PgConn
}

// world is a real server, with one database and what roles a trial needs.
func (p *postgresWorlds) world(t testing.TB, _ *drivertest.Clock) drivertest.World {
	server := servertest.Postgres(t)
	run := func(sql string) string { return p.run(t, server, sql) }
	run(fmt.Sprintf(postgresScene, postgresAdmin, drivertest.Canary) + encryptedScene(t))
	set := func(name string) estate.Settings {
		return estate.Settings{"prefix": name + "-", "name": name + "-v7", "owner_role": "app", "grant": []string{"app_read"}, "sessions": "wait"}
	}
	query := estate.Settings{"query": "SELECT count(*) FROM kept", "expect": "0"}
	state := func() string {
		return run(`SELECT string_agg(concat(rolname, rolcanlogin, rolpassword, ARRAY(SELECT roleid FROM pg_auth_members WHERE member = a.oid)), ' ' ORDER BY rolname) FROM pg_authid a`)
	}
	return drivertest.World{
		Dial:       (&net.Dialer{}).DialContext,
		Call:       postgresCall,
		Settings:   estate.Settings{"host": "127.0.0.1", "port": server.Port, "database": "postgres", "user": "admin", "sslmode": "disable"},
		Credential: secret.NewString(postgresAdmin),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "role", Settings: set("pawl-drivertest"), Other: set("pawl-drivertest-other"), State: state},
			{Role: estate.RoleIssuer, Kind: "role_password", Settings: estate.Settings{"role": "login"}, State: state},
			{Role: estate.RoleCheck, Kind: "login", Settings: estate.Settings{"user": "login", "query": "SELECT 1", "expect": "1"}, Hostile: []string{"user"},
				Break: func() { run("ALTER ROLE login PASSWORD 'another'") }},
			{Role: estate.RoleCheck, Kind: "query", Settings: query, Break: func() { run("INSERT INTO kept VALUES (1)") }},
			{Role: estate.RoleCheck, Kind: "reencrypt", Settings: estate.Settings{"table": "orgs", "columns": []string{"url"}, "format": "envelope", "value_encoding": "sha256", "backups": "0s"}, Hostile: []string{"table"},
				State: func() string { return run("SELECT string_agg(url::text, ' ' ORDER BY id) FROM orgs") },
				Break: func() { run("INSERT INTO orgs VALUES (4, 'no key opens this')") }},
			{Role: estate.RoleCheck, Kind: "rewrap", Settings: estate.Settings{"table": "pawl_keys", "value_encoding": "sha256", "backups": "0s"}, Hostile: []string{"table"},
				State: func() string { return run("SELECT string_agg(concat(scope, keeper, wrapped), ' ') FROM pawl_keys") },
				Break: func() { run("UPDATE pawl_keys SET wrapped = 'no keeper has wrapped this'") }},
		},
		Excuses: []drivertest.Excuse{
			{Act: "mint", Fault: drivertest.Twice, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "two roles of one name cannot be"},
		},
	}
}

// encryptedScene is what is encrypted under the version before: rows, and a
// data key.
func encryptedScene(t testing.TB) string {
	t.Helper()
	old := sha256.Sum256([]byte(drivertest.Accepted))
	block, err := aes.NewCipher(old[:])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	var sql strings.Builder
	for i := range 3 {
		nonce := make([]byte, aead.NonceSize()) // one key in three tests' rows: this is no example
		nonce[0] = byte(i)
		fmt.Fprintf(&sql, "INSERT INTO orgs VALUES (%d, '\\x%x');", i+1, aead.Seal(nonce, nonce, []byte("an example"), nil))
	}
	keeper, err := envelope.NewKeyKeeper(old[:])
	if err != nil {
		t.Fatal(err)
	}
	k, err := envelope.NewDataKey(t.Context(), keeper, 1, "orgs", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&sql, "INSERT INTO pawl_keys VALUES ('orgs', 1, '%s', '', '\\x%x', '\\x%x', 'primary', now());", k.Keeper, k.Wrapped, k.Check)
	return sql.String()
}

// run runs SQL as the superuser and gives the first cell of the last answer.
func (p *postgresWorlds) run(t testing.TB, server *postgres.Server, sql string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if p.super == nil || p.super.IsClosed() {
		var err error
		if p.super, err = pgconn.Connect(ctx, server.DSN("postgres")); err != nil {
			t.Fatal(err)
		}
	}
	results, err := p.super.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%v", err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

// postgresCall names a request by its first statement.
func postgresCall(sent []byte) string {
	switch {
	case bytes.HasPrefix(sent, []byte("Q")):
		sql := string(sent[5:])
		if strings.HasPrefix(sql, "SET ") || strings.HasPrefix(sql, "-- ping") {
			return "" // of the session alone
		}
		for _, c := range []struct{ name, has string }{
			{"SQL CREATE ROLE", "CREATE ROLE"}, {"SQL DROP ROLE", "DROP ROLE"}, {"SQL ALTER ROLE … NOLOGIN", " NOLOGIN"},
			{"SQL ALTER ROLE … LOGIN", " LOGIN"}, {"SQL ALTER ROLE … PASSWORD", " PASSWORD"}, {"SQL SELECT pg_logical_emit_message", "pg_logical_emit_message"},
		} {
			if strings.Contains(sql, c.has) {
				return c.name
			}
		}
		return "SQL " + sql
	case bytes.Contains(sent, []byte("UPDATE ONLY")):
		return "SQL UPDATE ONLY …"
	case bytes.Contains(sent, []byte(`UPDATE "pawl_keys"`)):
		return "SQL UPDATE pawl_keys"
	case bytes.Contains(sent, []byte("BEGIN READ ONLY")):
		return "SQL BEGIN READ ONLY"
	case bytes.HasPrefix(sent, []byte("P")) && bytes.Contains(sent, []byte("pg_roles")):
		return "SQL SELECT … FROM pg_roles"
	default:
		return "" // greetings, passwords, a check's own query, farewells
	}
}
