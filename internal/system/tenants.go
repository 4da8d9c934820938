package system

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Tenant is a tenant with its workspaces.
type Tenant struct {
	ID, Slug   string
	URL        string // of its platform
	Admin      string // opens it
	Workspaces []string
}

// App is the tenant's app at Fly.
func (t Tenant) App() string { return saas.TenantPrefix + t.Slug }

// workspacesEach is how many workspaces a tenant has.
const workspacesEach = 3

// Provision makes a tenant by the control plane's API, as its users do, and
// gives its platform the key of the language model and three workspaces.
func (s *System) Provision(ctx context.Context, slug string) (Tenant, error) {
	t := Tenant{Slug: slug}
	b, err := s.Plane(ctx, http.MethodPost, "/cp/orgs", map[string]string{"slug": slug, "name": slug, "owner": "owner@" + slug + ".example"})
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, err
	}
	if err := s.ready(ctx, t.ID, slug); err != nil {
		return t, err
	}
	t.URL = "https://" + t.App() + ".fly.dev"
	t.Admin, _ = s.Fly.SecretValue(t.App(), "ADMIN_TOKEN")
	if _, err := s.Plane(ctx, http.MethodPut, "/cp/orgs/"+t.ID+"/secrets", map[string]string{"key": saas.AnthropicKey, "value": s.First[saas.AnthropicKey]}); err != nil {
		return t, err
	}
	for i := range workspacesEach {
		id := fmt.Sprintf("ws-%s-%d", slug, i+1)
		if _, err := s.Call(ctx, http.MethodPost, t.URL+"/workspaces", t.Admin, map[string]string{"id": id}); err != nil {
			return t, err
		}
		t.Workspaces = append(t.Workspaces, id)
	}
	return t, nil
}

// Plane makes a call at the control plane, as its admin.
func (s *System) Plane(ctx context.Context, method, path string, body any) ([]byte, error) {
	return s.Call(ctx, method, "https://"+saas.Host+path, s.Admin["cp"], body)
}

// ready waits until a tenant can be used.
func (s *System) ready(ctx context.Context, id, slug string) error {
	for end := time.Now().Add(bootWithin); ; {
		var org struct{ Status string }
		b, err := s.Plane(ctx, http.MethodGet, "/cp/orgs/"+id, nil)
		if err == nil {
			err = json.Unmarshal(b, &org)
		}
		if err != nil || org.Status == "ready" {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the tenant %s is %s for %s: %s", id, org.Status, bootWithin, s.lastLines(saas.App)+s.lastLines(saas.TenantPrefix+slug))
		}
		if err := Sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// Pause pauses a workspace.
func (s *System) Pause(ctx context.Context, t Tenant, workspace string) error {
	_, err := s.Call(ctx, http.MethodPost, t.URL+"/workspaces/"+workspace+"/pause", t.Admin, nil)
	return err
}

// Override gives a workspace a key of its own at the language model.
func (s *System) Override(ctx context.Context, t Tenant, workspace string) error {
	_, own := s.Anthropic.CreateKey(anthropic.Key{Name: workspace + "'s own"})
	_, err := s.Call(ctx, http.MethodPut, t.URL+"/workspaces/"+workspace+"/secrets", t.Admin, map[string]string{"key": saas.AnthropicKey, "value": own})
	return err
}
