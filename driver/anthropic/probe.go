package anthropic

import (
	"context"
	"net/http"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

const opProbe = "probe"

// Probe asks whose the Admin key is, and whether it sees the workspace and its
// keys. An Admin key that can list keys can change them: it has no narrower
// form.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	if t.Kind != "" && t.Kind != kindKey {
		return nil, unsupported(opProbe, t.Kind)
	}
	var org struct{ Name string }
	r := rest.Request{Op: opProbe, On: "the connection's Admin key", Method: http.MethodGet, Path: pathMe, Safe: true, LimitKey: "admin"}
	_, err := c.client.Do(ctx, r, &org)
	own, err := grant("the Admin API accepts the key", org.Name, err)
	if err != nil || t.Kind == "" {
		return []driver.Grant{own}, err
	}
	grants := []driver.Grant{own}
	if id := t.Settings.String("workspace_id"); id != "" {
		g, err := c.probeWorkspace(ctx, id)
		if err != nil {
			return nil, err
		}
		grants = append(grants, g)
	}
	_, err = c.keys(ctx, opProbe, t)
	g, err := grant("list and change the keys of "+place(t), "", err)
	if err != nil {
		return nil, err
	}
	return append(grants, g), nil
}

func (c *conn) probeWorkspace(ctx context.Context, id string) (driver.Grant, error) {
	var got struct {
		Name       string `json:"name"`
		ArchivedAt string `json:"archived_at"`
	}
	r := rest.Request{Op: opProbe, On: "workspace " + id, Method: http.MethodGet, Path: pathWorkspace, Params: map[string]string{"workspace": id}, Safe: true, LimitKey: "admin"}
	_, err := c.client.Do(ctx, r, &got)
	g, err := grant("see the workspace "+id, got.Name, err)
	if err == nil && got.ArchivedAt != "" {
		g.Has, g.Detail = driver.No, "the workspace is archived"
	}
	return g, err
}

// grant turns a refusal into the answer No.
func grant(need, detail string, err error) (driver.Grant, error) {
	switch kindOf(err) {
	case "":
		return driver.Grant{Need: need, Has: driver.Yes, Detail: detail}, nil
	case driver.NotFound:
		return driver.Grant{Need: need, Has: driver.No, Detail: "not found: it is not there, or it is of another organisation"}, nil
	case driver.Denied:
		return driver.Grant{Need: need, Has: driver.No, Detail: driver.AsError(opProbe, err).Why}, nil
	default:
		return driver.Grant{}, err
	}
}
