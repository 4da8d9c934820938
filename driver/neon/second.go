package neon

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// marks are what is put behind a role's name. Names are unique in a branch,
// and an attempt to mint may be repeated under one name.
const (
	marks      = 8
	markDigits = "abcdefghijklmnopqrstuvwxyz234567"
)

// roles is the issuer of second roles: each version is a role of its own.
type roles struct {
	c  *conn
	at place
}

// mark makes a role's name of a credential's name.
func (r *roles) mark(op, name string) (string, error) {
	if name == "" || len(name) > maxRoleName-marks-1 {
		return "", invalid(op, r.at.on(), "a role's name has 1 to 54 bytes: Neon allows 63, and pawl adds nine", "set a shorter `name` at the issuer")
	}
	b := make([]byte, marks)
	if _, err := io.ReadFull(r.c.env.Rand, b); err != nil {
		return "", &driver.Error{Op: op, On: r.at.on(), Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the source of randomness failed"}
	}
	for i, x := range b {
		b[i] = markDigits[x&31]
	}
	return name + "_" + string(b), nil
}

// unmark takes the mark off a role's name, if there is one.
func unmark(name string) string {
	cut := len(name) - marks - 1
	if cut < 1 || name[cut] != '_' || strings.Trim(name[cut+1:], markDigits) != "" {
		return name
	}
	return name[:cut]
}

func (r role) second() driver.Credential {
	return driver.Credential{ID: r.Name, Name: unmark(r.Name), CreatedAt: r.CreatedAt}
}

// mint makes a role. The answer has its password, which works when Neon's
// operations have ended.
func (r *roles) mint(ctx context.Context, name string) (driver.Minted, error) {
	const op = "mint role"
	full, err := r.mark(op, name)
	if err != nil {
		return driver.Minted{}, err
	}
	at := r.at.with(full)
	if err := r.c.rest(ctx, op, at); err != nil {
		return driver.Minted{}, err
	}
	q := at.request(op, http.MethodPost, pathRoles)
	q.JSON = map[string]any{"role": map[string]any{"name": full}}
	made, err := r.c.change(ctx, q, at, func(role) bool { return true })
	if err != nil {
		return driver.Minted{}, err
	}
	return driver.Minted{Credential: made.second(), Value: parts(full, made.Password)}, nil
}

func (r *roles) list(ctx context.Context, op string) ([]driver.Credential, error) {
	all, err := r.c.roles(ctx, op, r.at)
	if err != nil {
		return nil, err
	}
	list := make([]driver.Credential, len(all))
	for i, one := range all {
		list[i] = one.second()
	}
	return list, nil
}

// revoke deletes a role. Neon answers 204 when there is none, and refuses
// while it owns a database.
func (r *roles) revoke(ctx context.Context, gone driver.Credential, _ secret.Parts) error {
	const op = "delete role"
	name, err := roleName(op, gone.ID)
	if err != nil {
		return err
	}
	at := r.at.with(name)
	if err := r.c.rest(ctx, op, at); err != nil {
		return err
	}
	err = r.c.call(ctx, at.request(op, http.MethodDelete, pathRole), nil)
	e := failure(err)
	switch {
	case e == nil:
		return nil
	case e.Kind == driver.NotFound:
		return r.gone(ctx, op, at, e)
	case e.Kind == driver.Invalid, e.Status == http.StatusConflict:
		return r.owner(ctx, op, at, e)
	default:
		return err
	}
}

// gone tells a role that is not there from a branch that is not.
func (r *roles) gone(ctx context.Context, op string, at place, e *driver.Error) error {
	all, err := r.c.roles(ctx, op, at)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Name == at.role {
			return e
		}
	}
	return nil
}

// owner explains a refusal by the databases that the role owns.
func (r *roles) owner(ctx context.Context, op string, at place, e *driver.Error) error {
	all, err := r.c.databases(ctx, op, at)
	if err != nil {
		return e // the reason is missing, the refusal is not
	}
	var owned []string
	for _, d := range all {
		if d.Owner == at.role {
			owned = append(owned, d.Name)
		}
	}
	if len(owned) > 0 {
		e.Kind, e.Why = driver.Invalid, "the role owns the database "+strings.Join(owned, ", ")
		e.Next = "give the database another owner in Neon's console, then: pawl resume"
	}
	return e
}

// database is Neon's record of a database.
type database struct {
	Name  string `json:"name"`
	Owner string `json:"owner_name"`
}

func (c *conn) databases(ctx context.Context, op string, at place) ([]database, error) {
	var got struct{ Databases []database }
	if err := c.call(ctx, at.request(op, http.MethodGet, pathDatabases), &got); err != nil {
		return nil, err
	}
	if got.Databases == nil {
		return nil, malformed(op, at.on(), pawl.EffectNone, "the answer has no databases in it")
	}
	return got.Databases, nil
}

func (r *roles) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify role"
	user, password, err := login(op, value)
	if err != nil {
		return "", err
	}
	return r.c.verifyAs(ctx, op, r.at.with(user), password)
}

// identify finds a role by the user in its value, if the password is its own.
func (r *roles) identify(ctx context.Context, value secret.Parts) (driver.Credential, error) {
	const op = "identify role"
	user, password, err := login(op, value)
	if err != nil {
		return driver.Credential{}, err
	}
	found, err := r.c.owned(ctx, op, r.at.with(user), password)
	return found.second(), err
}

// owned gives the role whose stored password is the given one.
func (c *conn) owned(ctx context.Context, op string, at place, password secret.Value) (role, error) {
	same, _, err := c.holds(ctx, op, at, password)
	if err != nil {
		return role{}, err
	}
	if !same {
		return role{}, &driver.Error{Op: op, On: at.on(), Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "the password is not the one that Neon has stored for the role"}
	}
	return c.show(ctx, op, at)
}
