package neon

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// maxKeyName is how long a key's name may be, in characters
// (ApiKeyCreateRequest).
const maxKeyName = 64

// user is a person's account.
type user struct{ id, name string }

// org is an organisation. members says of each member whether it is an admin.
type org struct {
	id, name string
	members  map[*user]bool
}

func (o *org) has(u *user) bool {
	_, ok := o.members[u]
	return ok && u != nil
}

// key is one API key. It is a person's, an organisation's, or that of an
// organisation for one project alone.
type key struct {
	id        int64
	name      string
	value     string
	user      *user // whose it is; nil for an organisation's
	org       *org
	project   string
	createdBy *user
	createdAt time.Time
	revokedAt time.Time
	uses      []use // the newest that shows, and those that do not show yet
}

type use struct {
	at   time.Time
	from string
}

// reaches reports whether the key may see a project.
func (k *key) reaches(p *project) bool {
	switch {
	case k.org != nil:
		return p.org == k.org && (k.project == "" || k.project == p.id)
	case p.org != nil:
		return p.org.has(k.user)
	default:
		return p.owner == k.user
	}
}

// find gives the key of a value that was accepted at an instant, or nil.
func (n *Neon) find(value string, at time.Time) *key {
	i := slices.IndexFunc(n.keys, func(k *key) bool { return k.value == value })
	if value == "" || i < 0 {
		return nil
	}
	k := n.keys[i]
	if at.Before(k.createdAt) || !k.revokedAt.IsZero() && !at.Before(k.revokedAt) {
		return nil
	}
	return k
}

// caller gives the key that a call came with, and notes its use. Without one
// it answers with the words that Neon's users quote. Revocation is immediate
// ("Manage API keys").
func (n *Neon) caller(c *route.Call) *key {
	value, bearer := strings.CutPrefix(c.R.Header.Get("Authorization"), "Bearer ")
	k := n.find(value, n.now())
	if !bearer || k == nil {
		n.fail(c, http.StatusUnauthorized, "supplied credentials do not pass authentication")
		return nil
	}
	from, _, err := net.SplitHostPort(c.R.RemoteAddr)
	if err != nil {
		from = c.R.RemoteAddr
	}
	shown := k.shown(n.now().Add(-n.cfg.UseLag))
	if shown >= 0 {
		k.uses = k.uses[shown:]
	}
	k.uses = append(k.uses, use{n.now(), from})
	return k
}

// shown gives the newest use that is not younger than an instant, or -1.
func (k *key) shown(until time.Time) int {
	for i, u := range slices.Backward(k.uses) {
		if !u.at.After(until) {
			return i
		}
	}
	return -1
}

// view is the key without its value.
func (n *Neon) view(k *key) map[string]any {
	v := map[string]any{"id": k.id, "name": k.name, "created_at": second(k.createdAt), "last_used_at": nil, "last_used_from_addr": ""}
	if i := k.shown(n.now().Add(-n.cfg.UseLag)); i >= 0 {
		v["last_used_at"], v["last_used_from_addr"] = second(k.uses[i].at), k.uses[i].from
	}
	if k.project != "" {
		v["project_id"] = k.project
	}
	return v
}

func (n *Neon) whoAmI(c *route.Call, k *key) {
	if k.org != nil {
		c.JSON(http.StatusOK, map[string]any{"account_id": k.org.id, "auth_method": "api_key_org"})
		return
	}
	c.JSON(http.StatusOK, map[string]any{"account_id": k.user.id, "auth_method": "api_key_user"})
}

// keep makes a key.
func (n *Neon) keep(k key) *key {
	k.id, k.value, k.createdAt = n.number(), n.credential("napi_", 54), n.now()
	n.keys = append(n.keys, &k)
	return &k
}

// list answers with the living keys that belong to an owner.
func (n *Neon) list(c *route.Call, belongs func(*key) bool) {
	list := []any{}
	for _, k := range n.keys {
		if k.revokedAt.IsZero() && belongs(k) {
			v := n.view(k)
			v["created_by"] = map[string]any{"id": k.createdBy.id, "name": k.createdBy.name, "image": ""}
			list = append(list, v)
		}
	}
	c.JSON(http.StatusOK, list)
}

// order reads what a new key shall be.
func (n *Neon) order(c *route.Call) (name, project string, ok bool) {
	var in struct {
		Name    *string `json:"key_name"`
		Project string  `json:"project_id"`
	}
	switch err := c.Read(&in); {
	case err != nil:
		n.fail(c, http.StatusBadRequest, err.Error())
	case in.Name == nil || *in.Name == "":
		n.fail(c, http.StatusBadRequest, "key_name is required")
	case utf8.RuneCountInString(*in.Name) > maxKeyName:
		n.fail(c, http.StatusBadRequest, "key_name is longer than 64 characters")
	default:
		return *in.Name, in.Project, true
	}
	return "", "", false
}

// made answers with a new key: the only answer that ever has its value.
func (n *Neon) made(c *route.Call, k *key) {
	v := map[string]any{"id": k.id, "key": k.value, "name": k.name, "created_at": second(k.createdAt), "created_by": k.createdBy.id}
	if k.project != "" {
		v["project_id"] = k.project
	}
	c.JSON(http.StatusOK, v)
}

// end revokes a living key that belongs to an owner.
func (n *Neon) end(c *route.Call, belongs func(*key) bool) {
	id, err := strconv.ParseInt(c.Arg("key"), 10, 64)
	if err != nil {
		n.fail(c, http.StatusBadRequest, "key_id is not a number")
		return
	}
	i := slices.IndexFunc(n.keys, func(k *key) bool { return k.id == id && k.revokedAt.IsZero() && belongs(k) })
	if i < 0 {
		n.fail(c, http.StatusNotFound, "API key not found")
		return
	}
	k := n.keys[i]
	k.revokedAt = n.now()
	v := n.view(k)
	v["created_by"], v["revoked"] = k.createdBy.id, true
	c.JSON(http.StatusOK, v)
}

// personal refuses what an organisation's key may not do. The status is a
// guess.
func (n *Neon) personal(c *route.Call, k *key) bool {
	if k.org == nil {
		return true
	}
	n.fail(c, http.StatusForbidden, "this action is not allowed with an organization API key")
	return false
}

func (n *Neon) listKeys(c *route.Call, k *key) {
	if n.personal(c, k) {
		n.list(c, func(other *key) bool { return other.user == k.user && other.org == nil })
	}
}

func (n *Neon) createKey(c *route.Call, k *key) {
	if !n.personal(c, k) {
		return
	}
	if name, _, ok := n.order(c); ok {
		n.made(c, n.keep(key{name: name, user: k.user, createdBy: k.user}))
	}
}

func (n *Neon) revokeKey(c *route.Call, k *key) {
	if n.personal(c, k) {
		n.end(c, func(other *key) bool { return other.user == k.user && other.org == nil })
	}
}

// listOrgKeys answers members and the organisation's own keys, but not keys of
// one project: those cannot do anything to the organisation.
func (n *Neon) listOrgKeys(c *route.Call, k *key, o *org) {
	if k.project != "" {
		n.fail(c, http.StatusForbidden, "a project-scoped API key cannot act on the organization")
		return
	}
	n.list(c, func(other *key) bool { return other.org == o })
}

// admin refuses who is no admin with a personal key: only those make and
// revoke an organisation's keys ("Manage API keys").
func (n *Neon) admin(c *route.Call, k *key, o *org) bool {
	switch {
	case !n.personal(c, k):
		return false
	case !o.members[k.user]:
		n.fail(c, http.StatusForbidden, "only admins of the organization can manage its API keys")
		return false
	default:
		return true
	}
}

func (n *Neon) createOrgKey(c *route.Call, k *key, o *org) {
	if !n.admin(c, k, o) {
		return
	}
	name, project, ok := n.order(c)
	if !ok {
		return
	}
	if p := n.project(project); project != "" && (p == nil || p.org != o) {
		n.fail(c, http.StatusNotFound, "project not found")
		return
	}
	n.made(c, n.keep(key{name: name, org: o, project: project, createdBy: k.user}))
}

func (n *Neon) revokeOrgKey(c *route.Call, k *key, o *org) {
	if n.admin(c, k, o) {
		n.end(c, func(other *key) bool { return other.org == o })
	}
}

func (n *Neon) org(id string) *org {
	i := slices.IndexFunc(n.orgs, func(o *org) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return n.orgs[i]
}
