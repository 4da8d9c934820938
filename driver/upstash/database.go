package upstash

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/redis"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// defaultUser is whose the password of a database is.
const defaultUser = "default"

// database is a Redis database.
type database struct {
	c      *conn
	id     string
	byREST bool // how a value is tried
}

// record is Upstash's of a database. The description's schema has none of the
// credentials, while its parameter `credentials` hides them; Upstash's
// Terraform provider reads them from the answers to both calls.
type record struct {
	ID       string `json:"database_id"`
	Endpoint string `json:"endpoint"`
	Port     int    `json:"port"`
	State    string `json:"state"`

	Password string `json:"password"`
	Token    string `json:"rest_token"`
	ReadOnly string `json:"read_only_rest_token"`
}

func (d *database) on() string { return d.id }

func (*database) name() string { return defaultUser }

func (*database) key() string { return partPassword }

func (d *database) request(op, method, path string) rest.Request {
	return rest.Request{Op: op, On: d.id, Method: method, Path: path, Params: map[string]string{"id": d.id}}
}

// show reads the record, without credentials unless they are needed.
func (d *database) show(ctx context.Context, op string, credentials bool) (record, error) {
	r := d.request(op, http.MethodGet, pathDatabase)
	if !credentials {
		r.Query = url.Values{"credentials": {"hide"}}
	}
	var got record
	if err := d.c.call(ctx, r, &got); err != nil {
		return record{}, err
	}
	switch {
	case got.ID != d.id:
		return record{}, malformed(op, d.id, pawl.EffectNone, "the answer is not about the database")
	case credentials && got.Password == "":
		e := failure(malformed(op, d.id, pawl.EffectNone, "the answer has no password in it"))
		e.Next = "use a key that may read the database's credentials"
		return record{}, e
	}
	return got, nil
}

// parts gives what a reset replaces; not ok where a part is missing.
func (r record) parts() (secret.Parts, bool) {
	return secret.Parts{partUser: secret.NewString(defaultUser), partPassword: secret.NewString(r.Password), partToken: secret.NewString(r.Token), partReadOnly: secret.NewString(r.ReadOnly)},
		r.Password != "" && r.Token != "" && r.ReadOnly != ""
}

func (d *database) read(ctx context.Context, op string) (secret.Parts, error) {
	got, err := d.show(ctx, op, true)
	if err != nil {
		return nil, err
	}
	parts, ok := got.parts()
	if !ok {
		return nil, malformed(op, d.id, pawl.EffectNone, "the answer has no REST tokens in it")
	}
	return parts, nil
}

// reset has Upstash draw a new password and new REST tokens.
func (d *database) reset(ctx context.Context, op string) (secret.Parts, error) {
	var got record
	if err := d.c.call(ctx, d.request(op, http.MethodPost, pathReset), &got); err != nil {
		return nil, err
	}
	if got.ID != d.id {
		return nil, malformed(op, d.id, pawl.EffectUnknown, "the answer is not about the database")
	}
	parts, ok := got.parts()
	if !ok {
		return nil, malformed(op, d.id, pawl.EffectApplied, "the answer has no credentials in it")
	}
	return parts, nil
}

// verify tries a value at the database itself.
func (d *database) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify password"
	if !d.byREST {
		password, err := of(op, defaultUser, value)
		if err != nil {
			return "", err
		}
		return d.login(ctx, op, driver.Target{Kind: "requirepass"}, password)
	}
	token, err := part(op, value, partToken)
	if err != nil {
		return "", err
	}
	at, err := d.show(ctx, op, false)
	if err != nil {
		return "", err
	}
	return d.c.bears(ctx, "Upstash Redis", at.Endpoint, rest.Request{Op: op, On: d.id, Method: http.MethodGet, Path: pathPing}, token)
}

// login tries a password over Redis.
func (d *database) login(ctx context.Context, op string, t driver.Target, password secret.Value) (driver.Verdict, error) {
	at, err := d.show(ctx, op, false)
	if err != nil {
		return "", err
	}
	server, err := d.server(op, at)
	if err != nil {
		return "", err
	}
	return server.Verify(ctx, t, secret.One(password))
}

// server is the database as the driver redis sees it.
type server interface {
	driver.Conn
	driver.Issuer
	driver.Verifier
	driver.Identifier
}

// server opens the database as its user default. No connection stays open.
func (d *database) server(op string, at record) (server, error) {
	if !hostForm.MatchString(at.Endpoint) || at.Port < 1 || at.Port > 65535 {
		return nil, malformed(op, d.id, pawl.EffectNone, "Upstash gives no host and port where the database listens")
	}
	env := d.c.env
	env.Credential = func(ctx context.Context) (secret.Value, error) { return secret.NewString(at.Password), ctx.Err() }
	conn, err := redis.New().Open(env, estate.Settings{"host": at.Endpoint, "port": at.Port, "user": defaultUser, "tls": d.c.mode, "ca": d.c.ca})
	if err != nil {
		return nil, err
	}
	return conn.(server), nil
}
