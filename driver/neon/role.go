package neon

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// The parts of a role's value.
const (
	partUser     = "user"
	partPassword = "password"
)

// maxRoleName is how long a role's name may be, in bytes (RoleCreateRequest).
const maxRoleName = 63

// place is a branch, and a role in it where one is meant.
type place struct{ project, branch, role string }

func placeOf(op string, t driver.Target) (at place, err error) {
	if at.project, err = id(op, t.Settings, "project"); err != nil {
		return at, err
	}
	at.branch, err = id(op, t.Settings, "branch")
	return at, err
}

func (p place) on() string {
	return strings.TrimSpace(p.project + " " + p.branch + " " + p.role)
}

func (p place) params() map[string]string {
	return map[string]string{"project_id": p.project, "branch_id": p.branch, "role_name": p.role}
}

func (p place) request(op, method, path string) rest.Request {
	return rest.Request{Op: op, On: p.on(), Method: method, Path: path, Params: p.params()}
}

// with is the place of one role of the branch.
func (p place) with(role string) place {
	p.role = role
	return p
}

func roleName(op, name string) (string, error) {
	if name == "" || len(name) > maxRoleName {
		return "", invalid(op, "", "a role's name has 1 to 63 bytes", "set the role's name as `\\du` shows it")
	}
	return name, nil
}

// role is Neon's record of a role.
type role struct {
	Name      string    `json:"name"`
	Password  string    `json:"password"` // when it is new
	Protected bool      `json:"protected"`
	Method    string    `json:"authentication_method"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// logsIn reports whether the role is a credential.
func (r role) logsIn() bool { return !r.Protected && r.Method != "no_login" && r.Method != "oauth" }

func parts(user, password string) secret.Parts {
	return secret.Parts{partUser: secret.NewString(user), partPassword: secret.NewString(password)}
}

// show reads a role.
func (c *conn) show(ctx context.Context, op string, at place) (role, error) {
	var got struct{ Role role }
	if err := c.call(ctx, at.request(op, http.MethodGet, pathRole), &got); err != nil {
		return role{}, err
	}
	if got.Role.Name != at.role {
		return role{}, malformed(op, at.on(), pawl.EffectNone, "the answer is not about the role")
	}
	return got.Role, nil
}

// roles reads the branch's roles that can log in.
func (c *conn) roles(ctx context.Context, op string, at place) ([]role, error) {
	var got struct{ Roles []role }
	if err := c.call(ctx, at.request(op, http.MethodGet, pathRoles), &got); err != nil {
		return nil, err
	}
	if got.Roles == nil {
		return nil, malformed(op, at.on(), pawl.EffectNone, "the answer has no roles in it")
	}
	list := got.Roles[:0]
	for _, r := range got.Roles {
		if r.logsIn() {
			list = append(list, r)
		}
	}
	return list, nil
}

// reveal reads the password that Neon has stored for a role.
func (c *conn) reveal(ctx context.Context, op string, at place) (string, error) {
	var got struct{ Password string }
	err := c.call(ctx, at.request(op, http.MethodGet, pathReveal), &got)
	if e := failure(err); e != nil && e.Status == http.StatusPreconditionFailed {
		e.Kind, e.Why, e.Next = driver.Unsupported, "the project does not store passwords, so Neon cannot say which is the role's", "use the driver postgres, which tries to log in"
	}
	if err == nil && got.Password == "" {
		return "", malformed(op, at.on(), pawl.EffectNone, "the answer has no password in it")
	}
	return got.Password, err
}

// change sends the one call that makes or changes a role's password. Where its
// answer is lost, what it has done is read back: Neon stores passwords.
// happened tells whether the role is what the call has left.
func (c *conn) change(ctx context.Context, r rest.Request, at place, happened func(role) bool) (role, error) {
	var got struct{ Role role }
	err := c.call(ctx, r, &got)
	e := failure(err)
	switch {
	case e == nil && got.Role.Name == at.role && got.Role.Password != "":
		return got.Role, nil
	case e == nil:
		err = malformed(r.Op, at.on(), pawl.EffectUnknown, "the answer has no password in it")
	case e.Effect == pawl.EffectNone || ctx.Err() != nil:
		return role{}, err
	}
	now, looked := c.show(ctx, r.Op, at)
	if looked != nil || !happened(now) {
		return role{}, err
	}
	if now.Password, looked = c.reveal(ctx, r.Op, at); looked != nil {
		return role{}, err
	}
	return now, nil
}

// holds reports whether a password is the one that Neon has stored for the
// role. there is false when the branch has no such role. A role that is not
// found may also be a project that is not, so the branch's roles are asked.
func (c *conn) holds(ctx context.Context, op string, at place, password secret.Value) (same, there bool, err error) {
	stored, err := c.reveal(ctx, op, at)
	if err == nil {
		return secret.NewString(stored).Equal(password), true, nil
	}
	if kindOf(err) != driver.NotFound {
		return false, false, err
	}
	list, looked := c.roles(ctx, op, at)
	if looked != nil {
		return false, false, looked
	}
	for _, r := range list {
		if r.Name == at.role {
			return false, true, err
		}
	}
	return false, false, nil
}

// verifyAs says whether a role's password works: it is the one that Neon has
// stored, and what Neon has stored has reached the compute.
func (c *conn) verifyAs(ctx context.Context, op string, at place, password secret.Value) (driver.Verdict, error) {
	if err := c.applied(ctx, op, at); err != nil {
		return "", err
	}
	same, _, err := c.holds(ctx, op, at, password)
	switch {
	case err != nil:
		return "", err
	case same:
		return driver.Accepted, nil
	default:
		return driver.Refused, nil
	}
}

// login reads both parts of a value. The user is a role's name, no secret.
func login(op string, value secret.Parts) (user string, password secret.Value, err error) {
	u, err := part(op, value, partUser)
	if err == nil {
		password, err = part(op, value, partPassword)
	}
	if err != nil {
		return "", password, err
	}
	if used := u.Use(func(b []byte) error { user = string(b); return nil }); used != nil {
		return "", password, invalid(op, "", "the part \"user\" cannot be read", "")
	}
	user, err = roleName(op, user)
	return user, password, err
}
