package neon

import (
	"context"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

const opProbe = "probe"

// orgKeyMethod is how Neon calls the keys of organisations and projects.
const orgKeyMethod = "api_key_org"

// Probe asks with reading calls only.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	switch t.Kind {
	case "", kindAuth:
		_, err := c.whoAmI(ctx, opProbe, secret.Value{})
		return grants(driver.Grant{Need: "a key that Neon takes", Has: driver.Yes}, anyKey, err)
	case kindBranch:
		project, err := id(opProbe, t.Settings, "project")
		if err != nil {
			return nil, err
		}
		_, err = c.branches(ctx, opProbe, project, t.Settings.String("name"))
		return grants(driver.Grant{Need: "read the branches of " + project, Has: driver.Yes}, ofOne, err)
	default:
		i, err := c.issuer(opProbe, t)
		if err != nil {
			return nil, err
		}
		return i.probe(ctx)
	}
}

// grants turns a refusal into the answer No, and says what is needed in Neon's
// words.
func grants(g driver.Grant, needs string, err error) ([]driver.Grant, error) {
	switch kindOf(err) {
	case "":
	case driver.Denied:
		g.Has, g.Detail = driver.No, "Neon refuses it to this key; it needs "+needs
	case driver.NotFound:
		g.Has, g.Detail = driver.No, "Neon does not find it, or does not show it to this key; it needs "+needs
	default:
		return nil, err
	}
	return []driver.Grant{g}, nil
}

// probe asks whose key the connection has: those of organisations and projects
// can make no keys, not even their own successors ("Manage API keys").
func (k *keys) probe(ctx context.Context) ([]driver.Grant, error) {
	makes, lists := personal, personal
	need := driver.Grant{Need: "mint and revoke keys of " + k.on(), Has: driver.Yes}
	if k.org != "" {
		makes, lists = admin, member
		need.Has, need.Detail = driver.Maybe, "only an admin of the organisation may; Neon does not tell without trying"
	}
	who, err := k.c.whoAmI(ctx, opProbe, secret.Value{})
	if err == nil && who.Method == orgKeyMethod {
		need.Has, need.Detail = driver.No, "the connection has the key of an organisation; it needs "+makes
	}
	got, err := grants(need, makes, err)
	if err != nil {
		return nil, err
	}
	_, err = k.all(ctx, opProbe)
	all, err := grants(driver.Grant{Need: "list the keys of " + k.on(), Has: driver.Yes}, lists, err)
	return append(got, all...), err
}

func (r *roles) probe(ctx context.Context) ([]driver.Grant, error) {
	got, err := r.c.probeProject(ctx, r.at)
	if err != nil {
		return nil, err
	}
	_, err = r.c.roles(ctx, opProbe, r.at)
	reads, err := grants(driver.Grant{Need: "read the roles of " + r.at.on(), Has: driver.Yes}, ofOne, err)
	if err != nil {
		return nil, err
	}
	all, err := r.c.databases(ctx, opProbe, r.at)
	var owners []string
	for _, d := range all {
		owners = append(owners, d.Name+" belongs to "+d.Owner)
	}
	deletes, err := grants(driver.Grant{Need: "make and delete roles of " + r.at.on(), Has: driver.Maybe,
		Detail: "Neon does not tell without trying, and deletes no role that owns a database: " + strings.Join(owners, ", ")}, ofOne, err)
	return append(append(got, reads...), deletes...), err
}

func (p *password) probe(ctx context.Context) ([]driver.Grant, error) {
	got, err := p.c.probeProject(ctx, p.at)
	if err != nil {
		return nil, err
	}
	role, err := p.c.show(ctx, opProbe, p.at)
	g := driver.Grant{Need: "reset the password of " + p.at.on(), Has: driver.Maybe, Detail: "Neon does not tell without trying"}
	if err == nil && !role.logsIn() {
		g.Has, g.Detail = driver.No, "the role is protected, or does not log in with a password"
	}
	resets, err := grants(g, ofOne, err)
	return append(got, resets...), err
}

// probeProject asks whether the project stores passwords: without that a role
// can be made, but nothing can be said about its password afterwards.
func (c *conn) probeProject(ctx context.Context, at place) ([]driver.Grant, error) {
	var got struct {
		Project struct {
			Stores *bool `json:"store_passwords"`
		}
	}
	err := c.call(ctx, at.request(opProbe, http.MethodGet, pathProject), &got)
	g := driver.Grant{Need: "read passwords back in " + at.project, Has: driver.Yes}
	if err == nil && (got.Project.Stores == nil || !*got.Project.Stores) {
		g.Has, g.Detail = driver.No, "the project does not store passwords; use the driver postgres"
	}
	return grants(g, ofOne, err)
}
