package postgres

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Check logs in, with the value or as the connection's own role, and holds the
// answer to a query to what is expected.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	s := r.Target.Settings
	switch r.Target.Kind {
	case kindLogin:
		return c.checkLogin(ctx, s, r.Value)
	case kindQuery:
		session, err := c.open(ctx, "query", c.at.database)
		if err != nil {
			return driver.Finding{}, err
		}
		defer session.close()
		return session.expect(s.String("query"), s.String("expect"))
	case kindRewrite:
		return c.rewrite(ctx, r)
	case kindRewrap:
		return c.rewrap(ctx, r)
	default:
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
}

func (c *conn) checkLogin(ctx context.Context, s estate.Settings, value secret.Parts) (driver.Finding, error) {
	const op = "log in"
	if len(value) == 0 {
		return driver.Finding{}, &driver.Error{Op: op, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "this check logs in with the value, and pawl does not hold it"}
	}
	if err := ctx.Err(); err != nil {
		return driver.Finding{}, tcp.Failure(ctx, op, "", false, err)
	}
	at, user, password, err := c.account(s, value)
	if err != nil {
		return driver.Finding{}, err
	}
	session, err := c.login(ctx, op, user, at, user, password, "")
	switch {
	case err == nil:
		defer session.close()
		return session.expect(cmp.Or(s.String("query"), defaultQuery), cmp.Or(s.String("expect"), defaultExpect))
	case rejected(err):
		return driver.Finding{State: driver.Failed, Detail: describe(err)}, nil
	default:
		return driver.Finding{}, session.loginFailure(err)
	}
}

// rejected reports whether the server has an answer about this login, rather
// than no time for it: also that its database is not there or not for it.
func rejected(err error) bool {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		return false
	}
	return strings.HasPrefix(told.Code, "28") || told.Code == noDatabase || told.Code == denied
}

// account gives where and as whom a value logs in.
func (c *conn) account(s estate.Settings, value secret.Parts) (place, string, secret.Value, error) {
	const op = "log in"
	var user string
	var password secret.Value
	at := c.at
	fail := func(why string) (place, string, secret.Value, error) {
		return at, "", secret.Value{}, invalid(op, "", why, "")
	}
	if tmpl := s.String("url"); tmpl != "" {
		rendered, err := estate.Render(tmpl, value, nil)
		if err != nil {
			return fail("url: " + err.Error())
		}
		if !at.read(rendered, &user, &password) {
			return fail("url: it is not a URL of PostgreSQL with a user and a password")
		}
		return at, user, password, nil
	}
	_, named := value[partUser]
	if s.String("user") == "" && !named {
		return fail("neither the setting user nor a part user says who logs in")
	}
	name, err := estate.Render(cmp.Or(s.String("user"), "{{.user}}"), value, nil)
	if err != nil {
		return fail("user: " + err.Error())
	}
	_ = name.Use(func(b []byte) error { user = string(b); return nil }) // it was made just now
	tmpl := s.String("password")
	if _, several := value[partPassword]; tmpl == "" && several {
		tmpl = "{{.password}}"
	}
	if password, err = estate.Render(tmpl, value, nil); err != nil {
		return fail("password: " + err.Error())
	}
	if why := nameFault(user); why != "" {
		return fail("user: " + why)
	}
	return at, user, password, nil
}

// read takes what a URL says: what an application is given, and nothing that
// would read a file. Of a list of hosts the first is taken, and of the options
// sslmode where it promises something.
func (p *place) read(rendered secret.Value, user *string, password *secret.Value) bool {
	ok := false
	_ = rendered.Use(func(b []byte) error { // it was made just now
		u, err := url.Parse(string(b))
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.User == nil {
			return nil
		}
		plain, has := u.User.Password()
		*user, *password = u.User.Username(), secret.NewString(plain)
		p.host = cmp.Or(u.Hostname(), p.host)
		if n, err := strconv.Atoi(u.Port()); err == nil {
			p.port = n
		}
		p.database = cmp.Or(strings.TrimPrefix(u.Path, "/"), p.database)
		if mode := u.Query().Get("sslmode"); slices.Contains(tcp.Modes(), mode) {
			p.mode = mode
		}
		ok = has && nameFault(*user) == "" && p.port > 0 && p.port < 1<<16
		return nil
	})
	return ok
}

// expect runs one query in a transaction that may change nothing, and compares
// the first cell of its answer. What was found instead is not told: it could
// be anything.
func (s *session) expect(query, want string) (driver.Finding, error) {
	if _, err := s.ask("BEGIN READ ONLY"); err != nil {
		return driver.Finding{}, err
	}
	result := s.pg.ExecParams(s.ctx, query, nil, nil, nil, nil).Read()
	var told *pgconn.PgError
	switch {
	case errors.As(result.Err, &told) && severity(told) == "ERROR" && told.Code != queryCanceled && !passing(told.Code):
		return driver.Finding{State: driver.Failed, Detail: "the query fails with SQLSTATE " + told.Code}, nil
	case result.Err != nil:
		return driver.Finding{}, s.failure(false, result.Err)
	case len(result.Rows) != 1 || len(result.Rows[0]) != 1:
		return driver.Finding{State: driver.Failed, Detail: "the query does not give one value"}, nil
	case string(result.Rows[0][0]) != want:
		return driver.Finding{State: driver.Failed, Detail: "the query gives another value than is expected"}, nil
	default:
		return driver.Finding{State: driver.Passed, Detail: "the query gives what is expected"}, nil
	}
}

// passing reports whether a condition passes by itself.
func passing(code string) bool {
	kind, _ := class(code)
	return (&driver.Error{Kind: kind}).Passing()
}
