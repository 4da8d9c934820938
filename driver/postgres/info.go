package postgres

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
)

// The kinds.
const (
	kindRole     = "role"
	kindPassword = "role_password"
	kindLogin    = "login"
	kindQuery    = "query"
	kindRewrite  = "reencrypt"
	kindRewrap   = "rewrap"
)

const (
	sessionsWait      = "wait"
	sessionsTerminate = "terminate"

	defaultQuery  = "SELECT 1"
	defaultExpect = "1"

	checkWithin = 5 * time.Minute
)

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "postgres",
			Title:      "PostgreSQL",
			Credential: estate.NeedsCredential,
			Connection: []estate.Field{
				{Name: "host", Type: estate.String, Required: true, Example: "db.example.com", Doc: "The server's name or address."},
				{Name: "port", Type: estate.Integer, Default: defaultPort, Doc: "The server's port."},
				{Name: "database", Type: estate.String, Required: true, Example: "app", Doc: "The database to log in to. Objects of a role that ends are handed over in this one."},
				{Name: "user", Type: estate.String, Required: true, Example: "pawl", Doc: "The role that pawl logs in as. The connection's credential is its password, and nothing but the password."},
				{Name: "sslmode", Type: estate.String, Default: tcp.VerifyFull, Enum: tcp.Modes(), Doc: "As in libpq. The modes that fall back to no TLS without a word (`allow`, `prefer`) are left out."},
				{Name: "ca", Type: estate.String, Example: "-----BEGIN CERTIFICATE-----…", Doc: "Certificates of the authorities that sign the server's, in PEM form. The machine's own without it."},
			},
			Kinds: []estate.Kind{role(), rolePassword(), login(), query(), rewrite(), rewrap()},
		},
		Since:   "0.1",
		APIDocs: "https://www.postgresql.org/docs/current/sql-createrole.html",
		Calls:   calls(),
		Notes:   notes,
	}
}

// server is psql at the connection's server, and psql the same as its user.
// Both ask for the password. libpq has no authorities of its own: system are
// the machine's, since PostgreSQL 16, and ca.pem is a file of those that the
// estate names.
const (
	server = `PGSSLMODE={{.sslmode}}{{if index .connection "ca"}} PGSSLROOTCERT=ca.pem{{else if eq .sslmode "` + tcp.VerifyFull + `"}} PGSSLROOTCERT=system{{end}} psql -h {{sh .host}} -p {{.port}} -d {{sh .database}}`
	psql   = server + ` -U {{sh .connection.user}}`
)

// manualEnd is one transaction that stops at the first error: DROP OWNED
// would otherwise drop what could not be handed over. Without an owner role it
// is left out, and DROP ROLE refuses while the role owns anything.
const manualEnd = psql + ` -c 'ALTER ROLE "OLD_ROLE" NOLOGIN'   # that is all where it is the owner role or one of grant` + "\n" +
	psql + ` -c "SELECT {{if eq .sessions "` + sessionsTerminate + `"}}pg_terminate_backend(pid){{else}}*{{end}} FROM pg_stat_activity WHERE usename = 'OLD_ROLE'"{{if eq .sessions "` + sessionsWait + `"}}   # none may be left{{end}}` + "\n" +
	psql + ` -1 -v ON_ERROR_STOP=1 -c 'GRANT "OLD_ROLE" TO CURRENT_USER'{{with .owner_role}} -c 'REASSIGN OWNED BY "OLD_ROLE" TO "{{.}}"' -c 'DROP OWNED BY "OLD_ROLE"'{{end}} -c 'DROP ROLE "OLD_ROLE"'`

func role() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindRole,
		Doc: "A login role for each version. The old and the new one live side by side, act as one owner role, and the old one ends when it has no session left.",
		Fields: []estate.Field{
			{Name: "prefix", Type: estate.String, Required: true, Example: "app_login_", Doc: "What the names of this secret's roles begin with, and those of no others. They are found again by it."},
			{Name: "name", Type: estate.String, Required: true, Example: "app_login_v{{.Version}}",
				Doc: "The new role's name, at most 63 bytes. It begins with the prefix, and may use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}} and {{.Version}}."},
			{Name: "owner_role", Type: estate.String, Example: "app",
				Doc: "The role that owns the application's objects. Each login is a member of it and acts as it (`SET role`), and what a login owns when it ends is handed to it. It may be the login that was used so far: that one is not dropped, it only stops to be a login."},
			{Name: "grant", Type: estate.List, Example: "[app_read]", Doc: "Other roles that each login is made a member of."},
			{Name: "connection_limit", Type: estate.Integer, Doc: "How many sessions a login may have at once. No limit without it."},
			{Name: "sessions", Type: estate.String, Default: sessionsWait, Enum: []string{sessionsWait, sessionsTerminate},
				Doc: "What happens to open sessions of a role that is to end: it is not ended before they have, or they are ended."},
		},
		Identity: []string{"prefix"},
		Manual: estate.Manual{
			"mint": "{{.draw}}   # the new password, for which \\password asks\n" + psql + ` -c 'CREATE ROLE "{{.name}}" LOGIN{{with .connection_limit}} CONNECTION LIMIT {{.}}{{end}}'` +
				`{{with .owner_role}} -c 'GRANT "{{.}}" TO "{{$.name}}"' -c 'ALTER ROLE "{{$.name}}" SET role = "{{.}}"'{{end}}` +
				`{{range .grant}} -c 'GRANT "{{.}}" TO "{{$.name}}"'{{end}} -c '\password "{{.name}}"'`,
			"deactivate": psql + ` -c '\du "{{.prefix}}"*'   # which is the old one` + "\n" + psql + ` -c 'ALTER ROLE "OLD_ROLE" NOLOGIN'`,
			"revoke":     manualEnd,
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Deactivates: true,
			LastUsed: true, Verifies: true, Identifies: true, Parts: []string{partUser, partPassword}}}
}

// rolePassword is an issuer whose versions cannot be told apart afterwards:
// the server keeps one verifier for each role and shows it to superusers alone.
func rolePassword() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindPassword,
		Doc: "The password of one role. A role has one, so the old one is refused at once; sessions that are open stay open.",
		Fields: []estate.Field{
			{Name: "role", Type: estate.String, Required: true, Example: "app", Doc: "The role's name."},
		},
		Identity: []string{"role"},
		Manual:   estate.Manual{"mint": "{{.draw}}   # the new password, for which \\password asks\n" + psql + ` -c '\password "{{.role}}"'`},
		Issuer:   &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Resets: true, Verifies: true}}
}

func login() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindLogin,
		Doc: "Passes when a login with the value itself works and a query gives the expected value.",
		Fields: []estate.Field{
			{Name: "user", Type: estate.Template, Example: "app", Doc: "The name to log in with. The part `user` without it."},
			{Name: "password", Type: estate.Template, Example: "{{.password}}", Doc: "The password. The part `password` without it, or the value itself where there is one part."},
			{Name: "url", Type: estate.Template, Example: "{{.value}}", Doc: "A whole URL as the application has it, `postgres://user:password@host:port/database`, instead of user and password. Of its options only `sslmode` counts."},
			{Name: "query", Type: estate.String, Default: defaultQuery, Doc: "One statement that gives one value. It may change nothing."},
			{Name: "expect", Type: estate.String, Default: defaultExpect, Doc: "The value, as text."},
		},
		Manual: estate.Manual{"check": server + " -U {{with .user}}{{sh .}}{{else}}LOGIN_ROLE{{end}} -c {{sh .query}}   # with its own password; it must give {{line .expect}}"},
		Check:  &estate.CheckFacts{TakesValue: true, Within: checkWithin}}
}

func query() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindQuery,
		Doc: "Passes when a query of the connection's own role gives the expected value: none left under the old key, for example.",
		Fields: []estate.Field{
			{Name: "query", Type: estate.String, Required: true, Example: "SELECT count(*) FROM tokens WHERE key_id <> 2", Doc: "One statement that gives one value. It may change nothing."},
			{Name: "expect", Type: estate.String, Default: "0", Doc: "The value, as text."},
		},
		Identity: []string{"query"},
		Manual:   estate.Manual{"check": psql + " -c {{sh .query}}   # it must give {{line .expect}}"},
		Check:    &estate.CheckFacts{Within: checkWithin}}
}

func calls() []driver.Call {
	const admin = "CREATEROLE; since PostgreSQL 16 also ADMIN OPTION on the role"
	return []driver.Call{
		{Method: "SQL", Path: "CREATE ROLE", Permission: "CREATEROLE; since PostgreSQL 16 also ADMIN OPTION on owner_role and the roles of grant", For: "role: mint, with ALTER ROLE … SET role and COMMENT ON ROLE in the same transaction"},
		{Method: "SQL", Path: "ALTER ROLE … PASSWORD", Permission: admin + "; none for the connection's own role", For: "role_password: mint"},
		{Method: "SQL", Path: "ALTER ROLE … NOLOGIN", Permission: admin, For: "role: deactivate, with COMMENT ON ROLE; and revoke where the role is owner_role or one of grant, with PASSWORD NULL"},
		{Method: "SQL", Path: "ALTER ROLE … LOGIN", Permission: admin, For: "role: reactivate"},
		{Method: "SQL", Path: "DROP ROLE", Permission: admin + "; membership in owner_role; pg_signal_backend for sessions: terminate", For: "role: revoke, with GRANT, REASSIGN OWNED, DROP OWNED and pg_terminate_backend in the same transaction"},
		{Method: "SQL", Path: "SELECT … FROM pg_roles", Permission: "none", For: "probe, list, identify, last used (pg_stat_activity)"},
		{Method: "SQL", Path: "BEGIN READ ONLY", Permission: "what the check's own query needs", For: "the checks"},
		{Method: "SQL", Path: "UPDATE ONLY …", Permission: "SELECT and UPDATE on the table, whose row security must not apply to the role; with fence, the table's owner; to see replicas and snapshots of others, pg_monitor", For: "reencrypt"},
		{Method: "SQL", Path: "SELECT pg_logical_emit_message", Permission: "none", For: "reencrypt: makes what was committed durable, here and on synchronous standbys"},
		{Method: "SQL", Path: "UPDATE pawl_keys", Permission: "SELECT and UPDATE on the key table", For: "rewrap"},
	}
}

const notes = `- The password never reaches the server when it is set: pawl computes the SCRAM-SHA-256 verifier that PostgreSQL keeps, and sends that. So no
  server log, ` + "`pg_stat_statements`" + ` or proxy sees it. Servers before PostgreSQL 10 do not know this form.
- ` + "`role`" + ` is the way without a gap. Give it an ` + "`owner_role`" + `, so that migrations made by one version can be changed by the next. For the first rotation
  the login used so far can be the owner role: it keeps everything that it owns and only stops to be a login.
- ` + "`role_password`" + ` has a gap: from the change on, new sessions with the old password are refused. Applications with a pool fail when it opens its next connection.
- Nothing can be read back: the server keeps verifiers. Which password a role has is found out by logging in.
- The death of a login shows as SQLSTATE 28P01 (wrong password, or no such role: the server does not say which) or 28000 (the role may not log in).
  28000 also means that pg_hba.conf has no line for this host; pawl tells the two apart and takes only the first for a refusal.
- A server that lets this host in without a password (` + "`trust`" + `) proves nothing, so verifying is an error there.
- ` + "`old_unused`" + ` sees open sessions, and nothing of those that came and went between two looks. Where the application logs in for each query, or through a
  pooler, deactivate for a while before revoking: that fails loudly and can be taken back.
- A role that owns objects or has privileges in other databases of the server cannot be dropped from this one; PostgreSQL says so and nothing is changed.
- The connection's own role and superusers are never ended.
- ` + "`reencrypt`" + ` works in looks of 20 seconds; each goes on where the last one ended, so a table may be of any size. What is left in the end is counted by the
  server in one statement where a look is long enough for that, and otherwise range by range in the order of the key: slower where rows lie in another order.
- The kinds work with poolers and managed servers that pass logins on. Neon and others keep superuser to themselves; CREATEROLE is enough.
`
