package all_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
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
	END IF;
END $$;
ALTER ROLE login PASSWORD '%s';
DELETE FROM kept;
`

// postgresWorld is a real server, with one database and what roles a trial
// needs.
func postgresWorld(t testing.TB, _ *drivertest.Clock) drivertest.World {
	server := servertest.Postgres(t)
	run := func(sql string) string { return postgresRun(t, server, sql) }
	run(fmt.Sprintf(postgresScene, postgresAdmin, drivertest.Canary))
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
		},
		Excuses: []drivertest.Excuse{
			{Act: "mint", Fault: drivertest.Twice, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "two roles of one name cannot be"},
		},
	}
}

// postgresRun runs SQL as the superuser and gives the first cell of the last
// answer.
func postgresRun(t testing.TB, server *postgres.Server, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgconn.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	results, err := c.Exec(ctx, sql).ReadAll()
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
		for _, c := range []struct{ name, has string }{
			{"SQL CREATE ROLE", "CREATE ROLE"}, {"SQL DROP ROLE", "DROP ROLE"}, {"SQL ALTER ROLE … NOLOGIN", " NOLOGIN"},
			{"SQL ALTER ROLE … LOGIN", " LOGIN"}, {"SQL ALTER ROLE … PASSWORD", " PASSWORD"},
		} {
			if strings.Contains(sql, c.has) {
				return c.name
			}
		}
		return "SQL " + sql
	case bytes.Contains(sent, []byte("BEGIN READ ONLY")):
		return "SQL BEGIN READ ONLY"
	case bytes.HasPrefix(sent, []byte("P")) && bytes.Contains(sent, []byte("pg_roles")):
		return "SQL SELECT … FROM pg_roles"
	default:
		return "" // greetings, passwords, a check's own query, farewells
	}
}
