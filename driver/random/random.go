// Package random is the driver for values that nobody issues: pawl draws them
// from the machine's source of randomness, by the format rules of the estate.
package random

import (
	"context"
	"fmt"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const kindValue = "value"

// Driver draws values.
type Driver struct{}

// New gives the driver.
func New() driver.Driver { return Driver{} }

// Info declares the driver.
func (Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "random",
			Title:      "Random values",
			Credential: estate.NoCredential,
			Kinds:      []estate.Kind{value()},
		},
		Since: "0.1",
		Notes: notes,
	}
}

func value() estate.Kind {
	return estate.Kind{
		Role: estate.RoleIssuer,
		Name: kindValue,
		Doc:  "A value that pawl draws itself, by the secret's `format` rules.",
		Fields: []estate.Field{
			{Name: "parts", Type: estate.List, Example: "[signing_key, salt]",
				Doc: "Names of the parts to draw, for a secret with several; the same as the secret's `parts`. Each is drawn by the same rules."},
		},
		Manual: estate.Manual{"mint": "{{.draw}}{{with .parts}}   # once for each of{{range .}} {{.}}{{end}}{{end}}"},
		Issuer: &estate.IssuerFacts{Mint: estate.Locally, Overlap: estate.SideBySide},
	}
}

const notes = `- Without ` + "`format`" + ` rules a value is 32 random bytes as unpadded base64url. Rules that leave less than 64 bits to chance are refused.
- Nobody but the places that hold it knows the value, so there is nothing to list or to revoke: the old value ends when the last place
  that accepts it has the new one. Give the places that check values the role ` + "`accepts`" + `, so that old and new overlap.
`

// Open makes a connection. There are no settings.
func (Driver) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	return conn{env}, nil
}

type conn struct{ env driver.Env }

// Close has nothing to close.
func (conn) Close() error { return nil }

// Probe always finds randomness: it is not a permission.
func (conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	if t.Kind != "" && t.Kind != kindValue {
		return nil, unsupported("probe")
	}
	if err := ctx.Err(); err != nil {
		return nil, stopped("probe", err)
	}
	return nil, nil
}

// Mint draws the parts. Nothing outside this process changes.
func (c conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	if r.Target.Kind != kindValue {
		return driver.Minted{}, unsupported("draw a value")
	}
	if err := ctx.Err(); err != nil {
		return driver.Minted{}, stopped("draw a value", err)
	}
	names, why := parts(r.Target.Settings)
	if why != "" {
		return driver.Minted{}, invalid(why)
	}
	drawn := make(secret.Parts, len(names))
	for _, name := range names {
		v, err := r.Format.Generate(c.env.Rand)
		if err != nil {
			return driver.Minted{}, invalid(err.Error())
		}
		drawn[name] = v
	}
	return driver.Minted{
		Credential: driver.Credential{ID: fmt.Sprintf("v%d", r.Version), Name: r.Name, CreatedAt: c.env.Now().UTC()},
		Value:      drawn,
	}, nil
}

func parts(s estate.Settings) (names []string, why string) {
	names = s.List("parts")
	if len(names) == 0 {
		return []string{secret.Single}, ""
	}
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			return nil, "parts must be different names"
		}
	}
	return names, ""
}

// List says that this issuer keeps no record.
func (conn) List(context.Context, driver.Target) ([]driver.Credential, error) {
	return nil, unsupported("list values")
}

// Revoke says that there is nobody to revoke at.
func (conn) Revoke(context.Context, driver.Target, driver.Credential, secret.Parts) error {
	return unsupported("revoke a value")
}

func unsupported(op string) error {
	return &driver.Error{Op: op, Kind: driver.Unsupported, Effect: pawl.EffectNone,
		Why: "pawl draws this value itself; no issuer knows of it"}
}

func stopped(op string, err error) error {
	return &driver.Error{Op: op, Kind: driver.Unavailable, Effect: pawl.EffectNone, Err: err}
}

func invalid(why string) error {
	return &driver.Error{Op: "draw a value", Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why,
		Next: "change the secret's format rules"}
}
