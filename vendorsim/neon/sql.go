package neon

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Executor runs one SQL statement as a superuser. A pool of pgx, a *sql.DB
// behind two lines, or psql can be one.
type Executor interface {
	Exec(ctx context.Context, sql string) error
}

// SQL makes a Database of a PostgreSQL server: Neon's roles are roles of it.
// Roles belong to a whole server, so two branches that have roles of one name
// need a server each. Statements have verifiers of passwords in them, as the
// server keeps them, and no password.
func SQL(e Executor) Database { return &sqlDatabase{exec: e} }

type sqlDatabase struct {
	exec  Executor
	roles []string // made here, in order
}

// CreateRole makes a role.
func (d *sqlDatabase) CreateRole(ctx context.Context, name, password string, login bool) error {
	may := "NOLOGIN"
	if login {
		may = "LOGIN"
	}
	if err := d.exec.Exec(ctx, fmt.Sprintf("CREATE ROLE %s %s CREATEDB CREATEROLE PASSWORD %s", identifier(name), may, verifier(password))); err != nil {
		return err
	}
	d.roles = append(d.roles, name)
	return nil
}

// SetPassword changes a role's password.
func (d *sqlDatabase) SetPassword(ctx context.Context, name, password string) error {
	return d.exec.Exec(ctx, fmt.Sprintf("ALTER ROLE %s PASSWORD %s", identifier(name), verifier(password)))
}

// DropRole removes a role, with its sessions. What it owns in the database
// that the executor is connected to goes to heir.
func (d *sqlDatabase) DropRole(ctx context.Context, name, heir string) error {
	statements := []string{"ALTER ROLE " + identifier(name) + " NOLOGIN", terminate([]string{name})}
	if heir != "" {
		statements = append(statements, fmt.Sprintf("REASSIGN OWNED BY %s TO %s", identifier(name), identifier(heir)), "DROP OWNED BY "+identifier(name))
	}
	for _, s := range append(statements, "DROP ROLE "+identifier(name)) {
		if err := d.exec.Exec(ctx, s); err != nil {
			return err
		}
	}
	d.roles = slices.DeleteFunc(d.roles, func(r string) bool { return r == name })
	return nil
}

// DropSessions ends the sessions of all roles that were made here.
func (d *sqlDatabase) DropSessions(ctx context.Context) error {
	if len(d.roles) == 0 {
		return nil
	}
	return d.exec.Exec(ctx, terminate(d.roles))
}

// Address is that of the executor, where it has one.
func (d *sqlDatabase) Address() string {
	if a, ok := d.exec.(Addressed); ok {
		return a.Address()
	}
	return ""
}

func terminate(roles []string) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = literal(r)
	}
	return "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN (" + strings.Join(names, ", ") + ")"
}

// iterations is how often a verifier's password is hashed: once, for a
// password that was drawn at random needs no more, and tests make many.
const iterations = 1

// verifier gives a password as the server keeps it, quoted; NULL for none
// (PostgreSQL, "pg_authid"; RFC 5802, 3, with SHA-256).
func verifier(password string) string {
	if password == "" {
		return "NULL"
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		panic("neon: no key can be made of a password: " + err.Error()) // only of lengths that FIPS forbids
	}
	client := sha256.Sum256(mac(salted, "Client Key"))
	return literal(fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, base64.StdEncoding.EncodeToString(salt),
		base64.StdEncoding.EncodeToString(client[:]), base64.StdEncoding.EncodeToString(mac(salted, "Server Key"))))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, text) // a hash takes everything
	return h.Sum(nil)
}

// identifier quotes a name (PostgreSQL, 4.1.1).
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text so that backslashes mean nothing else, whatever
// standard_conforming_strings says (PostgreSQL, 4.1.2).
func literal(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
