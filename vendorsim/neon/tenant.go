package neon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/pawlhq/pawl/vendorsim"
)

// Provision makes a branch with a compute for a tenant, with a key, as a
// service does that keeps a branch for each of its customers. It goes through
// the API, faults and log included, and gives the branch's id. The error says
// how Neon answered.
func (n *Neon) Provision(key, project, name string) (string, error) {
	body := map[string]any{"branch": map[string]any{"name": name}, "endpoints": []any{map[string]any{"type": "read_write"}}}
	var out struct{ Branch struct{ ID string } }
	if err := n.call(key, http.MethodPost, "/projects/"+escape(project)+"/branches", body, &out); err != nil {
		return "", err
	}
	return out.Branch.ID, nil
}

// Deprovision deletes a tenant's branch, with a key.
func (n *Neon) Deprovision(key, project, branch string) error {
	return n.call(key, http.MethodDelete, "/projects/"+escape(project)+"/branches/"+escape(branch), nil, nil)
}

func (n *Neon) call(key, method, path string, body, out any) error {
	sent, err := json.Marshal(body)
	if body == nil {
		sent = nil
	}
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "https://"+Host+"/api/v2"+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := vendorsim.Transport(map[string]http.Handler{Host: n}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("neon answers HTTP %d", resp.StatusCode)
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
