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
)

// Call makes a call with a token, gives its answer, and fails where the status
// is not 2xx. It goes the way that the programs' calls go. Nil is no body.
func (s *SaaS) Call(ctx context.Context, method, url, token string, body any) ([]byte, error) {
	sent, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return answer, fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}

// Plane makes a call at the control plane, as its admin.
func (s *SaaS) Plane(ctx context.Context, method, path string, body any) ([]byte, error) {
	return s.Call(ctx, method, "https://"+Host+path, s.Admin["cp"], body)
}

// platform makes a call at a tenant's platform.
func (s *SaaS) platform(slug, method, path string, body any) error {
	token, _ := s.Fly.SecretValue(TenantPrefix+slug, "ADMIN_TOKEN")
	_, err := s.Call(context.Background(), method, "https://"+TenantPrefix+slug+".fly.dev"+path, token, body)
	return err
}

// AddTenant makes a tenant beside those that are there at first, with three
// workspaces. Its platform has the first key at the language model, as one
// that a person sets up from old notes.
func (s *SaaS) AddTenant(slug string) error { return s.seed(slug, false) }

func (s *SaaS) seed(slug string, pauses bool) error {
	_, err := s.Plane(context.Background(), http.MethodPost, "/cp/orgs", map[string]string{"slug": slug, "name": strings.ToUpper(slug[:1]) + slug[1:], "owner": "owner@" + slug + ".example"})
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
func (s *SaaS) RemoveTenant(slug string) error {
	defer s.Neon.Finish()
	_, err := s.Plane(context.Background(), http.MethodDelete, "/cp/orgs/"+slug, nil)
	return err
}

// Override gives a workspace a key of its own, as its owner does.
func (s *SaaS) Override(slug, workspace, key string) error {
	return s.platform(slug, http.MethodPut, "/workspaces/"+workspace+"/secrets", map[string]string{"key": AnthropicKey, "value": key})
}
