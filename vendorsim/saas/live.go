package saas

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// Live is the system with its programs as they are, examples/saas, in the
// machines of Fly's stand-in and in this process. What they keep is in memory
// and outlives them. It is safe for concurrent use.
type Live struct {
	*Vendors

	cfg    Config
	hosts  http.RoundTripper
	client *http.Client // that of the programs
	faults vendorsim.Faults
	rows   controlplane.Memory

	mu      sync.Mutex
	volumes map[string]*volume // by the app of a tenant
}

// Start starts the system, with three tenants of three workspaces each. One
// workspace is paused. The rows are as an older release wrote them.
func Start(c Config) (*Live, error) {
	c = c.withDefaults()
	c.Rand = &shared{r: c.Rand}
	s := &Live{volumes: map[string]*volume{}}
	c.Launcher = fly.InProcess(s.boot)
	s.cfg = c
	s.client = &http.Client{Transport: roundTrip(s.roundTrip)}
	s.Vendors = NewVendors(c, s.client.Transport)
	s.hosts = vendorsim.Transport(s.Hosts())
	for name, value := range map[string]string{
		"CP_ADMIN_TOKEN": s.Admin["cp"], "FLY_ORG": molecule.Org, "NEON_PROJECT": TenantProject, "TENANT_IMAGE": "registry.fly.io/molecule-tenant:latest",
		"PUBLIC_URL": "https://" + Host, "TENANT_APP_PREFIX": TenantPrefix,
	} {
		s.Fly.SetSecret(App, name, value)
	}
	s.Fly.AddMachines(App, molecule.Machines)
	for i, slug := range []string{"acme", "bolt", "cove"} {
		if err := s.seed(slug, i == 1); err != nil {
			return nil, fmt.Errorf("saas: make the tenant %s: %w", slug, err)
		}
	}
	if err := s.age(); err != nil {
		return nil, fmt.Errorf("saas: write the first rows: %w", err)
	}
	return s, nil
}

// Hosts gives the handlers by host, for vendorsim.Transport.
func (s *Live) Hosts() map[string]http.Handler {
	hosts := s.Vendors.Hosts()
	hosts[Host] = s.Fly.AppHandler(App)
	return hosts
}

// Faults gives the lies of tenants' platforms about writes.
func (s *Live) Faults() *vendorsim.Faults { return &s.faults }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// roundTrip takes a request of a program's to a vendor, or to an app.
func (s *Live) roundTrip(r *http.Request) (*http.Response, error) {
	if host := r.URL.Hostname(); strings.HasSuffix(host, ".fly.dev") {
		return vendorsim.Transport(map[string]http.Handler{host: s.Fly.AppsHandler()}).RoundTrip(r)
	}
	return s.hosts.RoundTrip(r)
}

// shared is a source of randomness that programs side by side read.
type shared struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *shared) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(b)
}

// call makes a call, and fails where the status is not 2xx.
func (s *Live) call(method, url, token string, body, into any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, bytes.TrimSpace(answer))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// plane makes a call at the control plane, as its admin.
func (s *Live) plane(method, path string, body, into any) error {
	return s.call(method, "https://"+Host+path, s.Admin["cp"], body, into)
}

// platform makes a call at a tenant's platform.
func (s *Live) platform(slug, method, path string, body any) error {
	token, _ := s.Fly.SecretValue(TenantPrefix+slug, "ADMIN_TOKEN")
	return s.call(method, "https://"+TenantPrefix+slug+".fly.dev"+path, token, body, nil)
}

// AddTenant makes a tenant beside those that are there at first, with three
// workspaces. Its platform has the first key at the language model, as one
// that a person sets up from old notes.
func (s *Live) AddTenant(slug string) error { return s.seed(slug, false) }

func (s *Live) seed(slug string, pauses bool) error {
	err := s.plane(http.MethodPost, "/cp/orgs", map[string]string{"slug": slug, "name": strings.ToUpper(slug[:1]) + slug[1:], "owner": "owner@" + slug + ".example"}, nil)
	if err != nil {
		return err
	}
	s.Neon.Finish()
	s.Fly.Reboot(TenantPrefix + slug) // it has booted
	if err := s.platform(slug, http.MethodPut, "/settings/secrets", map[string]string{"key": AnthropicKey, "value": s.First[AnthropicKey]}); err != nil {
		return err
	}
	var last string
	for i := range 3 {
		last = fmt.Sprintf("ws-%s-%d", slug, i+1)
		if err := s.platform(slug, http.MethodPost, "/workspaces", map[string]string{"id": last}); err != nil {
			return err
		}
	}
	if pauses {
		return s.platform(slug, http.MethodPost, "/workspaces/"+last+"/pause", nil)
	}
	return nil
}

// RemoveTenant erases a tenant, as its owner asks for.
func (s *Live) RemoveTenant(slug string) error {
	defer s.Neon.Finish()
	return s.plane(http.MethodDelete, "/cp/orgs/"+slug, nil, nil)
}

// Override gives a workspace a key of its own, as its owner does.
func (s *Live) Override(slug, workspace, key string) error {
	return s.platform(slug, http.MethodPut, "/workspaces/"+workspace+"/secrets", map[string]string{"key": AnthropicKey, "value": key})
}
