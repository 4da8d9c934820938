package resend

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The permissions of keys.
const (
	FullAccess    = "full_access"
	SendingAccess = "sending_access"
)

// maxName is the longest name of a key, in characters (API keys page).
const maxName = 50

// key is one API key.
type key struct {
	id, name, permission string
	domain               *domain // the only one it may send from; nil is any
	token                string
	createdAt            time.Time
	usedAt               time.Time // zero is never
	deletedAt            time.Time // zero is not
}

// accepted reports whether the key is taken at an instant.
func (k *key) accepted(at time.Time, lag time.Duration) bool {
	return !at.Before(k.createdAt) && (k.deletedAt.IsZero() || at.Before(k.deletedAt.Add(lag)))
}

// find gives the key of a value that is accepted at an instant, or nil.
func (r *Resend) find(value string, at time.Time) *key {
	i := slices.IndexFunc(r.keys, func(k *key) bool { return value != "" && k.token == value })
	if i < 0 || !r.keys[i].accepted(at, r.cfg.DeletionLag) {
		return nil
	}
	return r.keys[i]
}

// caller gives the key that a call came with, which is then used. Without one
// it answers and gives nil.
func (r *Resend) caller(c *route.Call) *key {
	value, bearer := strings.CutPrefix(c.R.Header.Get("Authorization"), "Bearer ")
	if !bearer || value == "" {
		fail(c, http.StatusUnauthorized, "missing_api_key", "Missing API key in the authorization header.")
		return nil
	}
	k := r.find(value, r.now())
	if k == nil {
		r.unknown(c)
		return nil
	}
	k.usedAt = r.now()
	return k
}

// unknown answers a key that is dead.
func (r *Resend) unknown(c *route.Call) {
	switch {
	case r.cfg.DeadKeys == AsDocumented:
		fail(c, http.StatusForbidden, "invalid_api_key", "API key is invalid")
	case c.R.Method == http.MethodPost && c.Path == "/emails":
		fail(c, http.StatusUnauthorized, "validation_error", "API key is invalid")
	default:
		fail(c, http.StatusBadRequest, "validation_error", "API key is invalid")
	}
}

func (r *Resend) createKey(c *route.Call) {
	var in struct {
		Name       string `json:"name"`
		Permission string `json:"permission"`
		DomainID   string `json:"domain_id"`
	}
	if c.Read(&in) != nil {
		invalid(c, "The request body is not valid JSON.")
		return
	}
	if in.Permission == "" {
		in.Permission = FullAccess // the dashboard's first choice; the description names no default
	}
	var d *domain
	switch {
	case in.Name == "":
		missing(c, "name")
		return
	case utf8.RuneCountInString(in.Name) > maxName:
		invalid(c, "The name must be at most 50 characters.")
		return
	case in.Permission != FullAccess && in.Permission != SendingAccess:
		fail(c, http.StatusUnprocessableEntity, "invalid_access", `Access must be "full_access" | "sending_access".`)
		return
	case in.DomainID != "" && in.Permission == SendingAccess:
		if d = r.domain(in.DomainID); d == nil {
			invalid(c, "The domain does not exist.")
			return
		}
	}
	k := r.mint(in.Name, in.Permission, d)
	c.JSON(http.StatusCreated, map[string]any{"id": k.id, "token": k.token})
}

// mint makes a key. Real ones are "re_", eight letters or digits, "_", and
// twenty-four more (the example of the create page).
func (r *Resend) mint(name, permission string, d *domain) *key {
	token := vendorsim.Credential(r.cfg.Rand, "re_", 8) + "_" + vendorsim.Random(r.cfg.Rand, 24)
	k := &key{id: r.id(), name: name, permission: permission, domain: d, token: token, createdAt: r.now()}
	r.keys, r.issued = append(r.keys, k), append(r.issued, token)
	return k
}

// listKeys tells neither the permission nor the domain (the description).
func (r *Resend) listKeys(c *route.Call) {
	var list []item
	for _, k := range r.keys {
		if k.deletedAt.IsZero() {
			list = append(list, item{k.id, map[string]any{"id": k.id, "name": k.name, "created_at": r.instant(k.createdAt), "last_used_at": r.used(k)}})
		}
	}
	page(c, list)
}

// used is the time of the last use, null where there was none.
func (r *Resend) used(k *key) any {
	if k.usedAt.IsZero() {
		return nil
	}
	return r.instant(k.usedAt)
}

// live gives the key that a call names, or answers that there is none.
func (r *Resend) live(c *route.Call) *key {
	id := c.Arg("api_key_id")
	i := slices.IndexFunc(r.keys, func(k *key) bool { return k.id == id && k.deletedAt.IsZero() })
	switch {
	case i >= 0:
		return r.keys[i]
	case !uuidForm.MatchString(id):
		fail(c, http.StatusUnprocessableEntity, "invalid_parameter", "The parameter must be a valid UUID.")
	default:
		fail(c, http.StatusNotFound, "not_found", "API key not found")
	}
	return nil
}

func (r *Resend) renameKey(c *route.Call) {
	k := r.live(c)
	if k == nil {
		return
	}
	var in struct {
		Name string `json:"name"`
	}
	if c.Read(&in) != nil || in.Name == "" {
		missing(c, "name")
		return
	}
	k.name = in.Name
	c.JSON(http.StatusOK, map[string]any{"object": "api_key", "id": k.id})
}

func (r *Resend) deleteKey(c *route.Call) {
	k := r.live(c)
	if k == nil {
		return
	}
	k.deletedAt = r.now()
	c.JSON(http.StatusOK, map[string]any{"object": "api_key", "id": k.id, "deleted": true})
}
