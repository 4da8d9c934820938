package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/driver"
)

const opProbe = "probe"

// scopes are what a classic token may do. Fine-grained tokens and apps tell
// nothing of the kind.
type scopes struct {
	classic bool
	list    []string
}

func scopesOf(h http.Header) scopes {
	values := h.Values("X-OAuth-Scopes")
	if len(values) == 0 {
		return scopes{}
	}
	s := scopes{classic: true}
	for _, scope := range strings.Split(strings.Join(values, ","), ",") {
		s.list = append(s.list, strings.TrimSpace(scope))
	}
	return s
}

// has answers for a classic token and knows nothing of others.
func (s scopes) has(scope string) driver.Has {
	switch {
	case !s.classic:
		return driver.Maybe
	case slices.Contains(s.list, scope):
		return driver.Yes
	default:
		return driver.No
	}
}

// Probe asks who the credential belongs to, then what the target's kind needs,
// by reading calls only. Whether a fine-grained token or an app may write, only
// a write can tell.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	account, s, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	grants := []driver.Grant{{Need: "GitHub accepts the credential", Has: driver.Yes, Detail: account}}
	var more []driver.Grant
	switch t.Kind {
	case "":
	case kindPAT:
		more = []driver.Grant{{Need: "verify and revoke personal access tokens", Has: driver.Yes, Detail: "needs no permission: the token itself is used"}}
	case kindRun:
		more, err = c.probeRun(ctx, t, s)
	case kindDrain:
		more, err = c.probeDrain(ctx, t)
	default:
		more, err = c.probeSecret(ctx, t, s)
	}
	if err != nil {
		return nil, err
	}
	return append(grants, more...), nil
}

// account tells whose credential the connection has. The token of an app's
// installation belongs to nobody: it is answered with 403 instead of 401.
func (c *conn) account(ctx context.Context) (string, scopes, error) {
	var u user
	a, err := c.call(ctx, route{path: "/user"}.get(opProbe, "the connection's credential", nil), &u)
	if kindOf(err) == driver.Denied && strings.Contains(driver.AsError(opProbe, err).Why, "by integration") {
		return "an app's installation", scopes{}, nil
	}
	return u.Login, scopesOf(a.Header), err
}

// probeSecret takes the right to read the public key as evidence that the
// credential can see the place, and the scope as evidence that it may write.
func (c *conn) probeSecret(ctx context.Context, t driver.Target, s scopes) ([]driver.Grant, error) {
	p, err := placeOf(opProbe, t)
	if err != nil {
		return nil, err
	}
	where := p.where
	scope := "repo"
	var grants []driver.Grant
	if p.org {
		scope = "admin:org"
	} else {
		seen, err := c.probeRepo(ctx, t)
		if err != nil {
			return nil, err
		}
		if grants = append(grants, seen); seen.Has == driver.No {
			return append(grants, driver.Grant{Need: "write secrets of " + where, Has: driver.No, Detail: "it needs the repository, and " + writePermission(t.Kind)}), nil
		}
	}
	_, err = c.fetchKey(ctx, opProbe, p)
	read, err := readable("read the public key for secrets of "+where, writePermission(t.Kind), err)
	if err != nil {
		return nil, err
	}
	write := driver.Grant{Need: "write secrets of " + where, Has: s.has(scope), Detail: "it needs " + writePermission(t.Kind)}
	switch {
	case read.Has == driver.No:
		write.Has, write.Detail = driver.No, "it cannot even read the public key; it needs "+writePermission(t.Kind)
	case write.Has == driver.Maybe:
		write.Detail = "only a write can tell; it needs " + writePermission(t.Kind)
	}
	return append(grants, read, write), nil
}

// writePermission is what a fine-grained token or an app needs to write.
func writePermission(kind string) string {
	switch kind {
	case kindRepo:
		return repoSecretsWrite
	case kindOrg:
		return orgSecretsWrite
	case kindEnvironment:
		return environWrite
	case kindDependabot:
		return depWrite
	default:
		return orgDepWrite
	}
}

// probeRepo asks whether the credential sees the repository.
func (c *conn) probeRepo(ctx context.Context, t driver.Target) (driver.Grant, error) {
	o, err := repository(opProbe, t.Settings.String("repo"))
	if err != nil {
		return driver.Grant{}, err
	}
	var got struct {
		Archived bool `json:"archived"`
	}
	_, err = c.call(ctx, o.get(opProbe, o.name, nil), &got)
	g, err := readable("see the repository "+o.name, metadataRead, err)
	if err == nil && got.Archived {
		g.Has, g.Detail = driver.No, "the repository is archived: nothing in it can be written or run"
	}
	return g, err
}

// readable turns the outcome of a reading call into a grant, which says in
// GitHub's words what is needed. What is neither a yes nor a no stays an error.
func readable(need, permission string, err error) (driver.Grant, error) {
	switch kindOf(err) {
	case "":
		return driver.Grant{Need: need, Has: driver.Yes}, nil
	case driver.NotFound:
		return driver.Grant{Need: need, Has: driver.No, Detail: "not found: it is not there, or this credential may not see it; it needs " + permission}, nil
	case driver.Denied:
		return driver.Grant{Need: need, Has: driver.No, Detail: driver.AsError(opProbe, err).Why + "; it needs " + permission}, nil
	default:
		return driver.Grant{}, err
	}
}

// probeRun asks for the workflow and whether it is enabled.
func (c *conn) probeRun(ctx context.Context, t driver.Target, s scopes) ([]driver.Grant, error) {
	w, err := workflowOf(t)
	if err != nil {
		return nil, err
	}
	seen, err := c.probeRepo(ctx, t)
	if err != nil || seen.Has == driver.No {
		return []driver.Grant{seen}, err
	}
	var got struct {
		State string `json:"state"`
	}
	_, err = c.call(ctx, w.route().get(opProbe, w.on(), nil), &got)
	found, err := readable("see the workflow "+w.on(), actionsRead, err)
	if err != nil {
		return nil, err
	}
	if found.Has == driver.Yes && got.State != "active" {
		found.Has, found.Detail = driver.No, fmt.Sprintf("the workflow is not active but %q", got.State)
	}
	start := driver.Grant{Need: "start the workflow " + w.on(), Has: s.has("repo"), Detail: "it needs " + actionsWrite}
	if start.Has == driver.Maybe {
		start.Detail = "only a start can tell; it needs " + actionsWrite
	}
	return []driver.Grant{seen, found, start}, nil
}

// probeDrain asks for one run. For an organisation it asks who sees the
// secret; whether all of those can be read shows when they are asked.
func (c *conn) probeDrain(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	o, err := ownerOf(opProbe, t)
	if err != nil {
		return nil, err
	}
	if t.Settings.String("repo") == "" {
		repos, err := c.audienceOf(ctx, o, t)
		g, err := readable("list the repositories of "+o.name, metadataRead, err)
		runs := driver.Grant{Need: "read the workflow runs of " + o.name, Has: driver.Maybe,
			Detail: fmt.Sprintf("needs %s on each of %d repositories", actionsRead, len(repos))}
		return []driver.Grant{g, runs}, err
	}
	_, err = c.call(ctx, o.join("/actions/runs").get(opProbe, o.name, url.Values{"per_page": {"1"}}), nil)
	g, err := readable("read the workflow runs of "+o.name, actionsRead, err)
	return []driver.Grant{g}, err
}
