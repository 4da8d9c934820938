package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// healthWithin is how long a tenant's platform may take to say how it is.
const healthWithin = 5 * time.Second

// tenantURL gives an address of a tenant's platform.
func (s *Server) tenantURL(o Org, path string) string {
	return strings.TrimSuffix(strings.ReplaceAll(s.cfg.TenantURL, "{app}", o.App), "/") + path
}

// ask makes a call of a tenant's platform with its admin token and gives the
// status and the answer. A platform that does not answer is a *vendorError.
func (s *Server) ask(ctx context.Context, o Org, token, method, path string, body io.Reader) (int, raw, error) {
	where, _, _ := strings.Cut(path, "?")
	fail := func(err error) (int, raw, error) {
		return 0, raw{}, &vendorError{vendor: "the platform of " + o.Slug, op: method + " " + where, cause: bare(err)}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.tenantURL(o, path), body)
	if err != nil {
		return fail(errors.New("TENANT_URL gives no address"))
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.deps.HTTP.Do(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	switch {
	case err != nil:
		return fail(err)
	case resp.StatusCode == http.StatusUnauthorized: // our token, not our caller's
		return 0, raw{}, &vendorError{vendor: "the platform of " + o.Slug, op: method + " " + where, status: resp.StatusCode}
	}
	return resp.StatusCode, raw{resp.Header.Get("Content-Type"), answer}, nil
}

// tenantWorks asks a tenant's platform how it is.
func (s *Server) tenantWorks(ctx context.Context, o Org, token string) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	code, _, err := s.ask(ctx, o, token, http.MethodGet, "/health", nil)
	if err == nil && code != http.StatusOK {
		err = &vendorError{vendor: "the platform of " + o.Slug, op: "GET /health", status: code}
	}
	return err
}

// passOn gives a call on to the tenant's platform. {workspace} in the path is
// that of the call; its query goes along.
func (s *Server) passOn(path string) func(*http.Request, Org) (int, any, error) {
	return func(r *http.Request, o Org) (int, any, error) {
		if o.App == "" || o.Status == making {
			return 0, nil, refuse(http.StatusConflict, "the org is not made yet")
		}
		secrets, err := s.open(r.Context(), o)
		if err != nil {
			return 0, nil, err
		}
		target := strings.ReplaceAll(path, "{workspace}", url.PathEscape(r.PathValue("workspace")))
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		var body io.Reader
		if r.Method != http.MethodGet {
			body = r.Body
		}
		code, answer, err := s.ask(r.Context(), o, secrets.AdminToken, r.Method, target, body)
		if err != nil {
			return 0, nil, err
		}
		return code, answer, nil
	}
}

// allWorkspaces lists the workspaces of every tenant. It fails where a
// tenant's cannot be had: a list with holes would pass for a whole one.
func (s *Server) allWorkspaces(r *http.Request) (int, any, error) {
	all, err := s.store.List(r.Context())
	if err != nil {
		return 0, nil, err
	}
	lists := make([][]map[string]any, len(all))
	err = s.each(all, func(i int, o Org) (err error) {
		lists[i], err = s.workspaces(r.Context(), o)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	whole := []map[string]any{}
	for _, list := range lists {
		whole = append(whole, list...)
	}
	return http.StatusOK, map[string]any{"workspaces": whole}, nil
}

// workspaces lists those of one tenant. A tenant that is coming or going has
// none that could be asked for.
func (s *Server) workspaces(ctx context.Context, o Org) ([]map[string]any, error) {
	if o.Status == making || o.Status == failed || o.Status == erasing {
		return nil, nil
	}
	list, err := s.workspacesOf(ctx, o)
	if err == nil {
		return list, nil
	}
	if now, again := s.store.Find(ctx, o.ID); errors.Is(again, ErrNotFound) || again == nil && now.Status != ready {
		return nil, nil
	}
	return nil, err
}

func (s *Server) workspacesOf(ctx context.Context, o Org) ([]map[string]any, error) {
	secrets, err := s.open(ctx, o)
	if err != nil {
		return nil, err
	}
	code, answer, err := s.ask(ctx, o, secrets.AdminToken, http.MethodGet, "/workspaces", nil)
	if err != nil {
		return nil, err
	}
	var out struct{ Workspaces []map[string]any }
	if code != http.StatusOK || json.Unmarshal(answer.body, &out) != nil {
		return nil, &vendorError{vendor: "the platform of " + o.Slug, op: "GET /workspaces", status: code}
	}
	for _, w := range out.Workspaces {
		w["org"] = o.ID
	}
	return out.Workspaces, nil
}
