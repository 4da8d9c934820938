package fly

import (
	"context"

	"github.com/pawlhq/pawl/driver"
)

const opProbe = "probe"

// Probe asks with reading calls only.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	switch t.Kind {
	case "":
		_, err := c.current(ctx, opProbe, nil)
		return grants(driver.Grant{Need: "a token that Fly takes", Has: driver.Yes}, anyToken, err)
	case kindDeploy, kindOrg:
		return c.probeTokens(ctx, t)
	case kindSecret:
		return c.probeSecret(ctx, t)
	case kindHealth, nextDeploy:
		app := t.Settings.String("app")
		_, err := c.machines(ctx, opProbe, app)
		return grants(driver.Grant{Need: "read the machines of " + app, Has: driver.Yes}, ofApp, err)
	case rolling:
		app := t.Settings.String("app")
		_, err := c.machines(ctx, opProbe, app)
		got, err := grants(driver.Grant{Need: "read the machines of " + app, Has: driver.Yes}, ofApp, err)
		if err != nil {
			return nil, err
		}
		update := driver.Grant{Need: "update the machines of " + app, Has: driver.Maybe, Detail: "Fly does not tell whether a token only reads"}
		if got[0].Has == driver.No {
			update.Has, update.Detail = driver.No, "it needs "+ofApp
		}
		return append(got, update), nil
	case kindLogs:
		app := t.Settings.String("app")
		_, err := c.logPage(ctx, opProbe, app, "")
		return grants(driver.Grant{Need: "read the logs of " + app, Has: driver.Yes}, ofApp, err)
	case kindApps:
		_, err := c.listApps(ctx, opProbe)
		return grants(driver.Grant{Need: "list the apps of " + c.org, Has: driver.Yes}, ofOrg, err)
	default:
		return nil, unsupported(opProbe, t.Kind)
	}
}

func (c *conn) probeTokens(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	o, err := c.owner(opProbe, t)
	if err != nil {
		return nil, err
	}
	_, err = c.list(ctx, opProbe, o)
	got, err := grants(driver.Grant{Need: "list the tokens of " + o.on, Has: driver.Yes}, session, err)
	if err != nil {
		return nil, err
	}
	mints := driver.Grant{Need: "mint and revoke tokens of " + o.on, Has: driver.Maybe, Detail: "it needs " + session + "; Fly does not tell without trying"}
	if got[0].Has == driver.No { // whoever may not see them may not make them
		mints.Has, mints.Detail = driver.No, "it needs "+session
	}
	return append(got, mints), nil
}

func (c *conn) probeSecret(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	p, err := placeOf(opProbe, t)
	if err != nil {
		return nil, err
	}
	_, err = c.secrets(ctx, opProbe, p.on(), p.app)
	secrets, err := grants(driver.Grant{Need: "read the secrets of " + p.app, Has: driver.Yes}, ofApp, err)
	if err != nil {
		return nil, err
	}
	_, err = c.machines(ctx, opProbe, p.app)
	machines, err := grants(driver.Grant{Need: "read the machines of " + p.app, Has: driver.Yes}, ofApp, err)
	if err != nil {
		return nil, err
	}
	write := driver.Grant{Need: "write the secrets and update the machines of " + p.app, Has: driver.Maybe, Detail: "Fly does not tell whether a token only reads"}
	if secrets[0].Has == driver.No || machines[0].Has == driver.No {
		write.Has, write.Detail = driver.No, "it needs "+ofApp
	}
	return append(append(secrets, machines...), write), nil
}

// grants turns a refusal into the answer No, and says what is needed in Fly's
// words.
func grants(g driver.Grant, needs string, err error) ([]driver.Grant, error) {
	switch kindOf(err) {
	case "":
	case driver.Denied:
		g.Has, g.Detail = driver.No, "Fly refuses it to this token; it needs "+needs
	case driver.NotFound:
		g.Has, g.Detail = driver.No, "Fly does not find it, or does not show it to this token; it needs "+needs
	default:
		return nil, err
	}
	return []driver.Grant{g}, nil
}

var _ interface {
	driver.Conn
	driver.Issuer
	driver.Location
	driver.Checker
	driver.Verifier
	driver.Identifier
	driver.Remover
	driver.Activator
	driver.Discoverer
} = (*conn)(nil)
