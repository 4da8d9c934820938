package anthropic

import (
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
)

// The statuses of a key.
const (
	Active   = "active"
	Inactive = "inactive"
	Archived = "archived"
	Expired  = "expired"
)

// key is an API key.
type key struct {
	id, name  string
	value     string
	workspace *workspace // nil is the organisation's default workspace
	createdAt time.Time
	expiresAt time.Time // zero is never
	scoped    bool      // it may not use what it is tried at: 403
	lastUsed  time.Time

	status, before string // as set, and as it was until then
	changedAt      time.Time
}

type workspace struct {
	id, name  string
	createdAt time.Time
}

// shown is the status as lists have it.
func (k *key) shown(now time.Time) string {
	if k.status == Active && k.expired(now) {
		return Expired
	}
	return k.status
}

func (k *key) expired(now time.Time) bool { return !k.expiresAt.IsZero() && !now.Before(k.expiresAt) }

// works reports whether the key opens anything at an instant: a new status is
// not known everywhere at once.
func (k *key) works(at time.Time, lag time.Duration) bool {
	status := k.status
	if at.Before(k.changedAt.Add(lag)) {
		status = k.before
	}
	return status == Active && !at.Before(k.createdAt) && !k.expired(at)
}

func (a *Anthropic) set(k *key, status string) {
	if status != k.status {
		k.before, k.status, k.changedAt = k.status, status, a.now()
	}
}

// view is the key as answers have it.
func (a *Anthropic) view(k *key) map[string]any {
	scope := map[string]any{"type": "organization", "workspace_id": nil}
	v := map[string]any{"id": k.id, "type": "api_key", "name": k.name, "status": k.shown(a.now()), "created_at": instant(k.createdAt),
		"created_by": map[string]any{"id": a.user, "type": "user"}, "expires_at": nil, "partial_key_hint": hint(k.value), "principal": nil,
		"workspace_id": nil}
	if k.workspace != nil {
		scope = map[string]any{"type": "workspace", "workspace_id": k.workspace.id}
		v["workspace_id"] = k.workspace.id
	}
	if !k.expiresAt.IsZero() {
		v["expires_at"] = instant(k.expiresAt)
	}
	v["scope"] = scope
	return v
}

// hint is what the reference shows of a key: its first 16 characters, three
// dots, its last 4 ("sk-ant-api03-R2D...igAA").
func hint(value string) string { return value[:16] + "..." + value[len(value)-4:] }

// instant writes a time as the reference does, to the microsecond.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// mint makes a value as the Console shows it: 108 characters of which the last
// two are AA. What follows the prefix differs from key to key, because the
// hint has three characters of it.
func (a *Anthropic) mint(prefix string) string {
	v := vendorsim.Credential(a.cfg.Rand, prefix+vendorsim.Random(a.cfg.Rand, 3), 80) + "AA"
	a.issued = append(a.issued, v)
	return v
}

func (a *Anthropic) key(id string) *key {
	i := slices.IndexFunc(a.keys, func(k *key) bool { return k.id == id })
	if i < 0 {
		return nil
	}
	return a.keys[i]
}

func (a *Anthropic) workspace(id string) *workspace {
	i := slices.IndexFunc(a.workspaces, func(w *workspace) bool { return w.id == id })
	if i < 0 {
		return nil
	}
	return a.workspaces[i]
}

// find gives the key of a value that works at an instant, or nil.
func (a *Anthropic) find(value string, at time.Time) *key {
	i := slices.IndexFunc(a.keys, func(k *key) bool { return k.value == value })
	if value == "" || i < 0 || !a.keys[i].works(at, a.cfg.StatusLag) {
		return nil
	}
	return a.keys[i]
}

// uuid makes a random UUID (RFC 9562, version 4).
func uuid(r io.Reader) string {
	b := make([]byte, 16)
	if _, err := io.ReadFull(r, b); err != nil {
		panic("anthropic: the source of randomness failed: " + err.Error())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
