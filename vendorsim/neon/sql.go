package neon

import (
	"context"
	"fmt"
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
// need a server each. Statements have passwords in them, so the server's log
// should not have statements (log_statement = none, which is the default, and
// log_min_error_statement = panic).
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
	if err := d.exec.Exec(ctx, fmt.Sprintf("CREATE ROLE %s %s CREATEDB CREATEROLE PASSWORD %s", identifier(name), may, literal(password))); err != nil {
		return err
	}
	d.roles = append(d.roles, name)
	return nil
}

// SetPassword changes a role's password.
func (d *sqlDatabase) SetPassword(ctx context.Context, name, password string) error {
	return d.exec.Exec(ctx, fmt.Sprintf("ALTER ROLE %s PASSWORD %s", identifier(name), literal(password)))
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

// identifier quotes a name (PostgreSQL, 4.1.1).
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text so that backslashes mean nothing else, whatever
// standard_conforming_strings says (PostgreSQL, 4.1.2).
func literal(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
