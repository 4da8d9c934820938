package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	goredis "github.com/redis/go-redis/v9"

	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestDoctorTellsWhatAPostgresRoleLacks(t *testing.T) {
	servertest.Needed(t)
	s, err := postgres.Start(t.Context(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	run := func(sql string) string {
		c, err := pgconn.Connect(context.Background(), s.DSN("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(context.Background()) }()
		got, err := c.Exec(context.Background(), sql).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q", got[len(got)-1].Rows)
	}
	const password = "PAWLCANARY-of-this-role-0123456789"
	run(`CREATE ROLE admin LOGIN CREATEROLE PASSWORD '` + password + `'; CREATE ROLE app ADMIN admin; CREATE ROLE weak LOGIN PASSWORD '` + password + `';
		CREATE ROLE over LOGIN CREATEROLE VALID UNTIL '2001-01-01' PASSWORD '` + password + `'; CREATE ROLE makes LOGIN CREATEROLE PASSWORD '` + password + `'`)
	truth := func() string {
		return run(`SELECT string_agg(concat(rolname, rolcanlogin, rolpassword), ' ' ORDER BY rolname) FROM pg_authid`)
	}
	as := func(user string) patient {
		return newPatient(t, fmt.Sprintf("driver: postgres, host: 127.0.0.1, port: %d, database: postgres, user: %s, sslmode: disable, credential: file:credential", s.Port, user),
			"{use: vendor, kind: role, prefix: app-, name: 'app-v{{.Version}}', owner_role: app, sessions: terminate}", "parts: [user, password]")
	}
	diagnose(t, as("admin"), truth, []diagnosisCase{
		{"wrong", wrong, 4, []string{"a credential that is accepted", "check the connection's user and credential"}},
		{"an administrator who may not end sessions", password, 4, []string{"end sessions", `GRANT pg_signal_backend TO "admin"`, "yes\tvendor role app-\tCREATEROLE"}},
	})
	diagnose(t, as("weak"), truth, []diagnosisCase{{"a role that may nothing", password, 4, []string{`ALTER ROLE "weak" CREATEROLE`, `GRANT "app" TO "weak"`}}})
	diagnose(t, as("makes"), truth, []diagnosisCase{{"one that may make roles, not these", password, 4, []string{"administer the role app", `GRANT "app" TO "makes"`}}})
	diagnose(t, as("over"), truth, []diagnosisCase{{"expired", password, 4, []string{"a credential that is accepted", "check the connection's user and credential"}}})
	run(`GRANT pg_signal_backend TO admin`)
	diagnose(t, as("admin"), truth, []diagnosisCase{{"an administrator who may all", password, 0, nil}})
}

func TestDoctorTellsWhatARedisUserLacks(t *testing.T) {
	servertest.Needed(t)
	s, err := redis.Start(t.Context(), redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	admin := goredis.NewClient(&goredis.Options{Addr: s.Addr(), Username: redis.Admin, Password: s.Password, Protocol: 2, DisableIdentity: true, MaxRetries: -1})
	t.Cleanup(func() { _ = admin.Close() })
	run := func(command ...any) string {
		got, err := admin.Do(context.Background(), command...).Result()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got)
	}
	const password = "PAWLCANARY-of-this-user-0123456789"
	user := func(name string, may ...any) {
		run(append([]any{"ACL", "SETUSER", name, "reset", "on", ">" + password}, may...)...)
	}
	user("app", "+get")
	user("blind", "+acl|dryrun")
	user("reads", "+acl|dryrun", "+acl|getuser", "+config|get")
	user("forgets", "+acl|dryrun", "+acl|getuser", "+acl|setuser", "+config|get")
	user("good", "+acl", "+config")
	user("off", "+acl", "+config", "off")
	truth := func() string { return run("ACL", "LIST") }
	for name, tt := range map[string]diagnosisCase{
		"good":    {"all of it", password, 0, nil},
		"nobody":  {"wrong", wrong, 4, nil},
		"off":     {"switched off", password, 4, nil},
		"blind":   {"may read no user", password, 4, []string{"it needs ACL SETUSER blind +acl|getuser"}},
		"reads":   {"may change no user", password, 4, []string{"it needs ACL SETUSER reads +acl|setuser"}},
		"forgets": {"may not keep what it changes", password, 4, []string{"it needs ACL SETUSER forgets +config|rewrite"}},
	} {
		p := newPatient(t, fmt.Sprintf("driver: redis, host: 127.0.0.1, port: %d, user: %s, tls: disable, credential: file:credential", s.Port, name), "{use: vendor, kind: acl_user, user: app}")
		diagnose(t, p, truth, []diagnosisCase{tt})
	}
}

// guarded is a service whose paths want a bearer token: one opens all, one
// opens nothing but is known. It counts what is no reading call.
func guarded(writes *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			writes.Add(1)
		}
		switch r.Header.Get("Authorization") {
		case "Bearer PAWLCANARY-good":
			_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": []any{}}})
		case "Bearer PAWLCANARY-weak":
			http.Error(w, "forbidden", http.StatusForbidden)
		default:
			http.Error(w, "who are you", http.StatusUnauthorized)
		}
	})
}

func TestDoctorTellsWhatAServicesCredentialLacks(t *testing.T) {
	var writes atomic.Int64
	url := serve(t, guarded(&writes))
	truth := func() string { return fmt.Sprint(writes.Load()) }
	cases := []diagnosisCase{
		{"good", "PAWLCANARY-good", 0, nil},
		{"weak", "PAWLCANARY-weak", 4, []string{"403"}},
		{"wrong", wrong, 4, []string{"401"}},
	}
	diagnose(t, newPatient(t, fmt.Sprintf("driver: http, base: %q, probe_path: /me, credential: file:credential", url), "{use: random, kind: value}",
		"locations: [{use: vendor, kind: put, path: /token, body: '{{json .value}}'}]", "checks: [{use: vendor, kind: get, path: /health, status: 200}]"), truth, cases)
	diagnose(t, newPatient(t, fmt.Sprintf("driver: prometheus, base: %q, credential: file:credential", url), "{use: random, kind: value}",
		"checks: [{use: vendor, kind: query, query: up, result: '>= 0'}]"), truth, cases)
}

// A service that nobody serves is no permission that is missing; an address
// that is none is found before anything is reached.
func TestDoctorTellsWhereNobodyAnswers(t *testing.T) {
	truth := func() string { return "" }
	nobody := serve(t, http.NotFoundHandler())
	for base, tt := range map[string]diagnosisCase{
		"http://127.0.0.1:1":        {"unreachable", "PAWLCANARY-good", 1, []string{"to be reached", "the host cannot be reached"}},
		"ftp://example.com":         {"ftp", "PAWLCANARY-good", 2, []string{"it does not begin with https:// or http://"}},
		"https://u:p@example.com":   {"with a password", "PAWLCANARY-good", 2, []string{"it has a user or password in it"}},
		"example.com":               {"without a scheme", "PAWLCANARY-good", 2, []string{"it does not begin with https:// or http://"}},
		"https:///path":             {"without a host", "PAWLCANARY-good", 2, []string{"it has no host"}},
		nobody:                      {"answers, whatever it says", "PAWLCANARY-good", 0, []string{"set probe_path to have it tried"}},
		"https://example.com?a=b#c": {"with a query", "PAWLCANARY-good", 2, []string{"it has something behind the path"}},
	} {
		diagnose(t, newPatient(t, fmt.Sprintf("driver: http, base: %q, credential: file:credential", base), "{use: random, kind: value}",
			"locations: [{use: vendor, kind: put, path: /token, body: '{{json .value}}'}]"), truth, []diagnosisCase{tt})
	}
}

func TestDoctorTellsWhatAProgramSays(t *testing.T) {
	dir := t.TempDir()
	truth := func() string {
		list, err := os.ReadDir(dir)
		return fmt.Sprint(list, err)
	}
	for name, tt := range map[string]struct {
		answer string
		diagnosisCase
	}{
		"well":   {`{"ok":true,"grants":[{"need":"use the vault","has":"yes"}]}`, diagnosisCase{"well", "PAWLCANARY-x", 0, []string{"use the vault"}}},
		"weak":   {`{"ok":true,"grants":[{"need":"write to the vault","has":"no","detail":"ask for the role writer"}]}`, diagnosisCase{"weak", "PAWLCANARY-x", 4, []string{"write to the vault", "ask for the role writer"}}},
		"denied": {`{"ok":false,"error":{"kind":"unauthenticated","effect":"none","why":"the login is refused"}}`, diagnosisCase{"wrong", wrong, 4, []string{"the login is refused"}}},
	} {
		p := newPatient(t, fmt.Sprintf("driver: exec, command: [sh, -c, 'cat >/dev/null; printf %%s \"$0\"', %q], credential: file:credential", tt.answer),
			"{use: vendor, kind: program, target: billing}")
		t.Run(name, func(t *testing.T) { diagnose(t, p, truth, []diagnosisCase{tt.diagnosisCase}) })
	}
}

func TestDoctorTellsWhatAFileLacks(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		diagnosisCase
	}{
		"well":       {"KEY=old\n", 0o600, diagnosisCase{"well", "", 0, []string{"edit "}}},
		"not edited": {"{\"a\": [}\n", 0o600, diagnosisCase{"no document", "", 4, []string{"no\tvendor field", "next: mend that"}}},
	} {
		t.Run(name, func(t *testing.T) {
			path := "app.env"
			if tt.text[0] == '{' {
				path = "app.json"
			}
			p := newPatient(t, "driver: file", "{use: random, kind: value}", fmt.Sprintf("locations: [{use: vendor, kind: field, path: %s, field: KEY}]", path))
			file := filepath.Join(p.dir, path)
			if err := os.WriteFile(file, []byte(tt.text), tt.mode); err != nil {
				t.Fatal(err)
			}
			truth := func() string {
				b, err := os.ReadFile(file)
				return fmt.Sprint(string(b), err)
			}
			diagnose(t, p, truth, []diagnosisCase{tt.diagnosisCase})
		})
	}
}
