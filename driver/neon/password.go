package neon

import (
	"context"
	"net/http"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// password is the issuer of one role's password. A role has one password at a
// time, so a new one replaces the old.
type password struct {
	c  *conn
	at place
}

// credential names a password by its role and by when Neon last changed the
// role: Neon gives passwords no id. Two resets cannot have one time, because
// Neon takes the second only when the operations of the first have ended.
func (r role) credential() driver.Credential {
	return driver.Credential{ID: r.Name + "@" + r.UpdatedAt.UTC().Format(time.RFC3339Nano), Name: r.Name, CreatedAt: r.UpdatedAt}
}

func (p *password) mint(ctx context.Context, _ string) (driver.Minted, error) {
	const op = "reset password"
	before, err := p.ready(ctx, op)
	if err != nil {
		return driver.Minted{}, err
	}
	r := p.at.request(op, http.MethodPost, pathReset)
	now, err := p.c.change(ctx, r, p.at, func(now role) bool { return now.UpdatedAt.After(before.UpdatedAt) })
	if err != nil {
		return driver.Minted{}, err
	}
	return driver.Minted{Credential: now.credential(), Value: parts(p.at.role, now.Password)}, nil
}

// ready waits for the project to be at rest and reads the role.
func (p *password) ready(ctx context.Context, op string) (role, error) {
	if err := p.c.rest(ctx, op, p.at); err != nil {
		return role{}, err
	}
	r, err := p.c.show(ctx, op, p.at)
	if err == nil && !r.logsIn() {
		return role{}, invalid(op, p.at.on(), "the role has no password: it is protected, or logs in otherwise or not at all", "")
	}
	return r, err
}

// list gives the one password that there is.
func (p *password) list(ctx context.Context, op string) ([]driver.Credential, error) {
	r, err := p.c.show(ctx, op, p.at)
	if err != nil {
		return nil, err
	}
	return []driver.Credential{r.credential()}, nil
}

// revoke ends a password that is still the role's by one that nobody gets to
// know. This is for a leaked one, and for one whose answer was lost.
func (p *password) revoke(ctx context.Context, gone driver.Credential, value secret.Parts) error {
	const op = "end password"
	now, err := p.ready(ctx, op)
	if err != nil {
		return err
	}
	if gone.ID == "" {
		_, old, err := login(op, value)
		if err != nil {
			return err
		}
		if same, _, err := p.c.holds(ctx, op, p.at, old); err != nil || !same {
			return err
		}
	} else if gone.ID != now.credential().ID {
		return nil // another one has replaced it
	}
	return p.c.call(ctx, p.at.request(op, http.MethodPost, pathReset), nil)
}

func (p *password) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify password"
	user, pass, err := login(op, value)
	if err != nil {
		return "", err
	}
	return p.c.verifyAs(ctx, op, p.at.with(user), pass) // also another role's value is one that opens the branch, or not
}

func (p *password) identify(ctx context.Context, value secret.Parts) (driver.Credential, error) {
	const op = "identify password"
	user, pass, err := login(op, value)
	if err != nil {
		return driver.Credential{}, err
	}
	if user != p.at.role {
		return driver.Credential{}, &driver.Error{Op: op, On: p.at.on(), Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "the value is another role's"}
	}
	found, err := p.c.owned(ctx, op, p.at, pass)
	if err != nil {
		return driver.Credential{}, err
	}
	return found.credential(), nil
}
