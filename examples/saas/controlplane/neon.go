package controlplane

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// neon makes and deletes tenants' branches. A branch has the id of its tenant
// in its name, so that one whose making was not answered is found.
type neon struct {
	vendor
	project string // path of the project
}

func newNeon(c Config, client *http.Client) neon {
	base := strings.TrimSuffix(strings.TrimSuffix(c.NeonBase, "/"), "/api/v2") // the path has it
	return neon{newVendor("neon", base, "Bearer "+c.NeonKey, client), "/api/v2/projects/" + url.PathEscape(c.NeonProject)}
}

type branch struct {
	ID    string
	Name  string
	State string `json:"current_state"`
}

// create makes a branch with a compute, and gives it and the URI of its first
// database.
func (n *neon) create(ctx context.Context, name string) (id, uri string, err error) {
	var out struct {
		Branch branch
		URIs   []struct {
			URI string `json:"connection_uri"`
		} `json:"connection_uris"`
	}
	err = n.do(ctx, order{op: "create branch", method: http.MethodPost, path: n.project + "/branches", into: &out,
		json: map[string]any{"branch": map[string]any{"name": name}, "endpoints": []any{map[string]any{"type": "read_write"}}}})
	if err == nil && len(out.URIs) == 0 {
		err = &vendorError{vendor: n.name, op: "create branch", cause: errors.New("the answer has no connection URI: does the project keep passwords?")}
	}
	if err != nil {
		return out.Branch.ID, "", err
	}
	return out.Branch.ID, out.URIs[0].URI, nil
}

// ready reports whether a branch can be used.
func (n *neon) ready(ctx context.Context, id string) (bool, error) {
	var out struct{ Branch branch }
	err := n.do(ctx, order{op: "show branch", method: http.MethodGet, path: n.project + "/branches/" + url.PathEscape(id), into: &out})
	return out.Branch.State == "ready", err
}

// named lists the branches that have a text in their name.
func (n *neon) named(ctx context.Context, text string) ([]branch, error) {
	var found []branch
	for cursor := ""; ; {
		var out struct {
			Branches   []branch
			Pagination struct{ Next string }
		}
		q := url.Values{"search": {text}, "limit": {"1000"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		if err := n.do(ctx, order{op: "list branches", method: http.MethodGet, path: n.project + "/branches?" + q.Encode(), into: &out}); err != nil {
			return nil, err
		}
		for _, b := range out.Branches {
			if strings.Contains(b.Name, text) { // search looks at ids too
				found = append(found, b)
			}
		}
		if cursor = out.Pagination.Next; cursor == "" {
			return found, nil
		}
	}
}

// remove deletes a branch. One that is gone is done.
func (n *neon) remove(ctx context.Context, id string) error {
	return gone(n.do(ctx, order{op: "delete branch", method: http.MethodDelete, path: n.project + "/branches/" + url.PathEscape(id)}))
}
