package neon

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// branchPoll is how soon a branch that is being made is looked at again.
const branchPoll = 5 * time.Second

// Check looks at Neon.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	switch r.Target.Kind {
	case kindAuth:
		who, err := c.whoAmI(ctx, "check key", secret.Value{})
		if err != nil {
			return driver.Finding{}, err
		}
		return driver.Finding{State: driver.Passed, Detail: "Neon takes the connection's key as " + word(who.Method)}, nil
	case kindBranch:
		return c.checkBranch(ctx, r)
	default:
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
}

// word keeps what Neon answers to what its description knows.
func word(method string) string {
	switch method {
	case "api_key_user":
		return "a person's"
	case orgKeyMethod:
		return "an organisation's"
	default:
		return "neither a person's nor an organisation's"
	}
}

func (c *conn) checkBranch(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "check branch"
	project, err := id(op, r.Target.Settings, "project")
	if err != nil {
		return driver.Finding{}, err
	}
	name := r.Target.Settings.String("name")
	if name == "" {
		return driver.Finding{}, invalid(op, project, "the branch's name is empty", "set `name`")
	}
	found, err := c.branches(ctx, op, project, name)
	if err != nil {
		return driver.Finding{}, err
	}
	f := driver.Finding{State: driver.Passed, Link: "https://console.neon.tech/app/projects/" + project + "/branches"}
	absent := r.Target.Settings.String("expect") == expectAbsent
	switch {
	case absent && len(found) > 0:
		f.State, f.Detail = driver.Failed, "there is a branch of this name"
	case absent:
		f.Detail = "there is no branch of this name"
	case len(found) == 0:
		f.State, f.Detail = driver.Failed, "there is no branch of this name"
	case found[0].State != "ready":
		f.State, f.After, f.Detail = driver.Pending, branchPoll, "the branch is not ready yet"
	default:
		f.Detail = "the branch is ready"
	}
	return f, nil
}

// branch is Neon's record of a branch.
type branch struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"current_state"`
}

// branches gives the project's branches of a name: one or none, because names
// are unique. Neon's search finds parts of names too.
func (c *conn) branches(ctx context.Context, op, project, name string) ([]branch, error) {
	list, cursor := []branch{}, ""
	for {
		q := url.Values{"search": {name}, "limit": {"100"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var got struct {
			Branches   []branch
			Pagination struct{ Next string }
		}
		r := rest.Request{Op: op, On: project + " " + name, Method: http.MethodGet, Path: pathBranches, Params: map[string]string{"project_id": project}, Query: q}
		if err := c.call(ctx, r, &got); err != nil {
			return nil, err
		}
		if got.Branches == nil {
			return nil, malformed(op, r.On, pawl.EffectNone, "the answer has no branches in it")
		}
		for _, b := range got.Branches {
			if b.Name == name {
				list = append(list, b)
			}
		}
		if next := got.Pagination.Next; next == "" || next == cursor {
			return list, nil
		}
		cursor = got.Pagination.Next
	}
}
