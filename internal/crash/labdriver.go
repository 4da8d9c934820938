package crash

import (
	"context"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// lab is the driver of the made-up vendor, with the facts of one scenario.
type lab struct{ facts estate.IssuerFacts }

// Info declares the driver.
func (l lab) Info() driver.Info {
	facts := l.facts
	place := estate.LocationFacts{Confirm: estate.ByDigest, Removable: true, Activations: []estate.ActivationFact{{Kind: "reload", Doc: "The consumer loads it."}}}
	name := []estate.Field{{Name: "name", Type: estate.String, Required: true, Doc: "The place."}}
	return driver.Info{Spec: estate.Spec{Name: "lab", Title: "Lab", Credential: estate.NeedsCredential, Kinds: []estate.Kind{
		{Role: estate.RoleIssuer, Name: "credential", Doc: "A credential.", Issuer: &facts, Fields: []estate.Field{{Name: "name", Type: estate.String, Doc: "Its name."}}},
		{Role: estate.RoleLocation, Name: "place", Doc: "A place.", Fields: name, Identity: []string{"name"}, Location: &place},
		{Role: estate.RoleCheck, Name: "all_healthy", Doc: "The consumers of all places are served.", Check: &estate.CheckFacts{Within: 10 * time.Minute}},
		{Role: estate.RoleActivation, Name: "restart", Doc: "A consumer loads what its place holds.", Fields: name, Identity: []string{"name"}},
		{Role: estate.RoleCheck, Name: "trial", Doc: "The value is accepted.", Check: &estate.CheckFacts{TakesValue: true, Within: 10 * time.Minute}},
		{Role: estate.RoleCheck, Name: "halt", Doc: "Other automation stands still.", Check: &estate.CheckFacts{}},
		{Role: estate.RoleCheck, Name: "go_on", Doc: "Other automation runs.", Check: &estate.CheckFacts{}},
		{Role: estate.RoleDiscovery, Name: "places", Doc: "Every place."},
		{Role: estate.RoleDiscovery, Name: "overrides", Doc: "Every place that wins over others."},
		{Role: estate.RoleCheck, Name: "health", Doc: "The consumer of a place is served.", Fields: name, Identity: []string{"name"}, Check: &estate.CheckFacts{Within: 10 * time.Minute}},
	}}}
}

// Open opens a connection.
func (l lab) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	return &labConn{facts: l.facts, c: rest.New(rest.Config{Name: "lab", Base: "http://lab.test", Env: env})}, nil
}

type labConn struct {
	facts estate.IssuerFacts
	c     *rest.Client
}

// Close does nothing.
func (l *labConn) Close() error { return nil }

func (l *labConn) call(ctx context.Context, op, method, path string, params map[string]string, body, out any) error {
	_, err := l.c.Do(ctx, rest.Request{Op: op, Method: method, Path: path, Params: params, JSON: body, Safe: method == "GET"}, out)
	return err
}

// Probe lists credentials.
func (l *labConn) Probe(ctx context.Context, _ driver.Target) ([]driver.Grant, error) {
	return nil, l.call(ctx, "probe", "GET", "/credentials", nil, nil, nil)
}

// Mint makes a credential.
func (l *labConn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	var out struct{ ID, Value string }
	if err := l.call(ctx, "mint", "POST", "/credentials", nil, map[string]any{"name": r.Name}, &out); err != nil {
		return driver.Minted{}, err
	}
	return driver.Minted{Credential: driver.Credential{ID: out.ID, Name: r.Name}, Value: secret.One(secret.NewString(out.Value))}, nil
}

// List lists credentials.
func (l *labConn) List(ctx context.Context, _ driver.Target) ([]driver.Credential, error) {
	var out []struct {
		ID, Name string
		Inactive bool
	}
	if err := l.call(ctx, "list", "GET", "/credentials", nil, nil, &out); err != nil {
		return nil, err
	}
	list := make([]driver.Credential, len(out))
	for i, c := range out {
		list[i] = driver.Credential{ID: c.ID, Name: c.Name, Inactive: c.Inactive}
	}
	return list, nil
}

// Revoke ends a credential.
func (l *labConn) Revoke(ctx context.Context, _ driver.Target, c driver.Credential, _ secret.Parts) error {
	err := l.call(ctx, "revoke", "DELETE", "/credentials/{id}", map[string]string{"id": c.ID}, nil, nil)
	if e := driver.AsError("revoke", err); e != nil && e.Kind == driver.NotFound {
		return nil
	}
	return err
}

// Deactivate disables a credential.
func (l *labConn) Deactivate(ctx context.Context, _ driver.Target, c driver.Credential) error {
	return l.call(ctx, "deactivate", "POST", "/credentials/{id}/deactivate", map[string]string{"id": c.ID}, nil, nil)
}

// Reactivate enables a credential.
func (l *labConn) Reactivate(ctx context.Context, _ driver.Target, c driver.Credential) error {
	return l.call(ctx, "activate", "POST", "/credentials/{id}/activate", map[string]string{"id": c.ID}, nil, nil)
}

// Identify finds a credential by its value.
func (l *labConn) Identify(ctx context.Context, _ driver.Target, value secret.Parts) (driver.Credential, error) {
	var out struct{ ID, Name string }
	_, err := l.c.Do(ctx, rest.Request{Op: "whoami", Method: "GET", Path: "/whoami", Safe: true, As: value[secret.Single]}, &out)
	if e := driver.AsError("whoami", err); e != nil {
		if e.Kind == driver.Unauthenticated {
			e.Kind = driver.NotFound
		}
		return driver.Credential{}, e
	}
	return driver.Credential{ID: out.ID, Name: out.Name}, nil
}

// Verify asks whether a value is accepted.
func (l *labConn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	_, err := l.Identify(ctx, t, value)
	if e := driver.AsError("verify", err); e != nil {
		if e.Kind == driver.NotFound {
			return driver.Refused, nil
		}
		return "", e
	}
	return driver.Accepted, nil
}

type labPlace struct {
	Exists    bool      `json:"exists"`
	Revision  int       `json:"revision"`
	Digest    string    `json:"digest"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (p labPlace) receipt() driver.Receipt {
	return driver.Receipt{Exists: p.Exists, Revision: strconv.Itoa(p.Revision), Digest: p.Digest, UpdatedAt: p.UpdatedAt}
}

func at(t driver.Target) map[string]string {
	return map[string]string{"name": t.Settings.String("name")}
}

// Put writes a place.
func (l *labConn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	var out labPlace
	_, err := l.c.Do(ctx, rest.Request{Op: "put", Method: "PUT", Path: "/places/{name}", Params: at(w.Target), Raw: w.Value}, &out)
	return out.receipt(), err
}

// Stat reads about a place.
func (l *labConn) Stat(ctx context.Context, t driver.Target) (driver.Receipt, error) {
	var out labPlace
	err := l.call(ctx, "stat", "GET", "/places/{name}", at(t), nil, &out)
	return out.receipt(), err
}

// Remove removes a copy.
func (l *labConn) Remove(ctx context.Context, t driver.Target) error {
	return l.call(ctx, "remove", "DELETE", "/places/{name}", at(t), nil, nil)
}

// Activate makes the consumer load.
func (l *labConn) Activate(ctx context.Context, a driver.Activation) (driver.Progress, error) {
	err := l.call(ctx, "reload", "POST", "/places/{name}/reload", at(a.Target), nil, nil)
	return driver.Progress{Done: err == nil}, err
}

// Check asks whether the consumer is served.
func (l *labConn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	switch r.Target.Kind {
	case "trial":
		return l.trial(ctx, r)
	case "halt", "go_on":
		err := l.call(ctx, r.Target.Kind, "POST", "/automation/"+r.Target.Kind, nil, nil, nil)
		return driver.Finding{State: driver.Passed}, err
	}
	var out struct{ OK bool }
	path := "/places/{name}/health"
	if r.Target.Kind == "all_healthy" {
		path = "/health"
	}
	if err := l.call(ctx, "health", "GET", path, at(r.Target), nil, &out); err != nil {
		return driver.Finding{}, err
	}
	if !out.OK {
		return driver.Finding{State: driver.Failed, Detail: "the consumer is refused"}, nil
	}
	return driver.Finding{State: driver.Passed}, nil
}

// trial tries the value that it is given.
func (l *labConn) trial(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	if len(r.Value) == 0 {
		return driver.Finding{}, &driver.Error{Op: "trial", Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "there is no value to try"}
	}
	got, err := l.Verify(ctx, r.Target, r.Value)
	switch {
	case err != nil:
		return driver.Finding{}, err
	case got == driver.Refused:
		return driver.Finding{State: driver.Failed, Detail: "the value is refused"}, nil
	}
	return driver.Finding{State: driver.Passed}, nil
}

// Discover lists the places, or those that win over others.
func (l *labConn) Discover(ctx context.Context, t driver.Target) ([]driver.Target, error) {
	var out []struct{ Name string }
	if err := l.call(ctx, "list "+t.Kind, "GET", "/"+t.Kind, nil, nil, &out); err != nil {
		return nil, err
	}
	list := make([]driver.Target, len(out))
	for i, p := range out {
		list[i] = driver.Target{Kind: "place", Settings: estate.Settings{"name": p.Name}}
	}
	return list, nil
}

var _ interface {
	driver.Conn
	driver.Issuer
	driver.Location
	driver.Checker
	driver.Verifier
	driver.Identifier
	driver.Deactivator
	driver.Remover
	driver.Activator
	driver.Discoverer
} = (*labConn)(nil)
