package controlplane

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// fly makes and deletes tenants' apps.
type fly struct {
	vendor
	org string
}

func newFly(c Config, client *http.Client) fly {
	authorization := c.FlyToken
	switch {
	case strings.HasPrefix(authorization, "FlyV1 "):
	case strings.HasPrefix(authorization, "fm"): // a macaroon without its scheme
		authorization = "FlyV1 " + authorization
	default:
		authorization = "Bearer " + authorization
	}
	return fly{newVendor("fly", c.FlyBase, authorization, client), c.FlyOrg}
}

// machine is a machine with its configuration, which is given back as it came.
type machine struct {
	ID     string         `json:"id"`
	Config map[string]any `json:"config"`
}

func appPath(app string) string { return "/v1/apps/" + url.PathEscape(app) }

// alive reports whether Fly takes the token: for this app, or for the
// organisation where the control plane runs elsewhere.
func (f *fly) alive(ctx context.Context, app string) error {
	path := appPath(app)
	if app == "" {
		path = "/v1/apps?" + url.Values{"org_slug": {f.org}}.Encode()
	}
	return f.do(ctx, order{op: "show app", method: http.MethodGet, path: path})
}

// taken reports whether an app has this name, ours or somebody's.
func (f *fly) taken(ctx context.Context, app string) (bool, error) {
	err := f.do(ctx, order{op: "look for app", method: http.MethodGet, path: appPath(app)})
	switch {
	case err == nil, answered(err, http.StatusForbidden):
		return true, nil
	default:
		return false, gone(err)
	}
}

func (f *fly) create(ctx context.Context, app string) error {
	return f.do(ctx, order{op: "create app", method: http.MethodPost, path: "/v1/apps", json: map[string]string{"app_name": app, "org_slug": f.org}})
}

// store writes secrets, staged, and gives their version: a machine is told
// which it must boot with, because reads of them lag.
func (f *fly) store(ctx context.Context, app string, secrets map[string]string) (int, error) {
	var out struct{ Version int }
	err := f.do(ctx, order{op: "set secrets", method: http.MethodPost, path: appPath(app) + "/secrets", json: map[string]any{"values": secrets}, into: &out})
	return out.Version, err
}

// launch makes a machine.
func (f *fly) launch(ctx context.Context, app string, config map[string]any, version int) error {
	return f.do(ctx, order{op: "create machine", method: http.MethodPost, path: appPath(app) + "/machines",
		json: map[string]any{"config": config, "min_secrets_version": version}})
}

func (f *fly) machines(ctx context.Context, app string) ([]machine, error) {
	var out []machine
	err := f.do(ctx, order{op: "list machines", method: http.MethodGet, path: appPath(app) + "/machines", into: &out})
	return out, err
}

// reboot replaces a machine by one that boots with the secrets of a version.
func (f *fly) reboot(ctx context.Context, app string, m machine, version int) error {
	return f.do(ctx, order{op: "update machine", method: http.MethodPost, path: appPath(app) + "/machines/" + url.PathEscape(m.ID),
		json: map[string]any{"config": m.Config, "min_secrets_version": version}})
}

// remove destroys an app with its machines. What is gone is done.
func (f *fly) remove(ctx context.Context, app string) error {
	list, err := f.machines(ctx, app)
	if gone(err) != nil {
		return err
	}
	for _, m := range list {
		path := appPath(app) + "/machines/" + url.PathEscape(m.ID) + "?force=true"
		if err := gone(f.do(ctx, order{op: "destroy machine", method: http.MethodDelete, path: path})); err != nil {
			return err
		}
	}
	return gone(f.do(ctx, order{op: "destroy app", method: http.MethodDelete, path: appPath(app)}))
}
