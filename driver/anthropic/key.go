package anthropic

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// The statuses of a key. Nobody sets the last.
const (
	active   = "active"
	inactive = "inactive"
	archived = "archived"
	expired  = "expired"
)

const (
	perPage  = 1000 // the most that is given
	maxPages = 100
)

// key is what the driver reads of a key.
type key struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	Hint      string    `json:"partial_key_hint"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"` // null is never
}

// over reports whether the key has ended for good. A status that is not known
// here may be one of a key that lives.
func (k key) over() bool { return k.Status == archived || k.Status == expired }

func (k key) credential() driver.Credential {
	return driver.Credential{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, Inactive: k.Status == inactive}
}

// Mint is a person's work: Anthropic has no call for it.
func (c *conn) Mint(_ context.Context, r driver.MintRequest) (driver.Minted, error) {
	return driver.Minted{}, failed("mint key", r.Target.Kind, driver.Unsupported, "Anthropic has no call that makes an API key", "make one at "+keysPage+" and hand it over")
}

// List gives the keys that work or are disabled. Archived and expired ones are
// over and stay listed at Anthropic for ever.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	keys, err := c.keys(ctx, "list keys", t)
	if err != nil {
		return nil, err
	}
	list := make([]driver.Credential, 0, len(keys))
	for _, k := range keys {
		list = append(list, k.credential())
	}
	return list, nil
}

// keys reads all pages of the workspace's keys that are not over, or of the whole
// organisation's where no workspace is named.
func (c *conn) keys(ctx context.Context, op string, t driver.Target) ([]key, error) {
	if t.Kind != kindKey {
		return nil, unsupported(op, t.Kind)
	}
	on := place(t)
	query := url.Values{"limit": {strconv.Itoa(perPage)}}
	if id := t.Settings.String("workspace_id"); id != "" {
		query.Set("workspace_id", id)
	}
	var list []key
	for range maxPages {
		var page struct {
			Data    *[]key `json:"data"`
			HasMore bool   `json:"has_more"`
			LastID  string `json:"last_id"`
		}
		if _, err := c.client.Do(ctx, rest.Request{Op: op, On: on, Method: http.MethodGet, Path: pathKeys, Query: query, Safe: true, LimitKey: "admin"}, &page); err != nil {
			return nil, err
		}
		if page.Data == nil || page.HasMore && page.LastID == "" {
			return nil, failed(op, on, driver.Malformed, "the answer is no page of keys", "")
		}
		for _, k := range *page.Data {
			if k.ID == "" || k.Status == "" {
				return nil, failed(op, on, driver.Malformed, "the answer has a key without its id or status", "")
			}
			if !k.over() {
				list = append(list, k)
			}
		}
		if !page.HasMore {
			return list, nil
		}
		query.Set("after_id", page.LastID)
	}
	return nil, failed(op, on, driver.Malformed, "the list of keys does not end", "")
}

// place names what a call is about, for errors.
func place(t driver.Target) string {
	if id := t.Settings.String("workspace_id"); id != "" {
		return "workspace " + id
	}
	return "the organisation"
}

// Identify finds the key whose beginning and end the value has. That is some
// forty bits, so that a key which is not there is not taken for another; of two
// that fit, the one is meant that has the declared name.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	const op = "identify key"
	keys, err := c.keys(ctx, op, t)
	if err != nil {
		return driver.Credential{}, err
	}
	var fit, named []key
	err = value[secret.Single].Use(func(b []byte) error {
		for _, k := range keys {
			if !fits(k.Hint, b) {
				continue
			}
			if fit = append(fit, k); k.Name == t.Settings.String("name") {
				named = append(named, k)
			}
		}
		return nil
	})
	if err != nil {
		return driver.Credential{}, failed(op, place(t), driver.Invalid, "there is no value to look for", "")
	}
	switch {
	case len(fit) == 1:
		return fit[0].credential(), nil
	case len(named) == 1:
		return named[0].credential(), nil
	case len(fit) > 1:
		return driver.Credential{}, failed(op, place(t), driver.NotFound, strconv.Itoa(len(fit))+" keys have the beginning and the end of this one, and their names do not tell them apart", "say which it is")
	default:
		return driver.Credential{}, failed(op, place(t), driver.NotFound, "no key there that works or is disabled has the beginning and the end of this one", "check the workspace and the organisation of the Admin key")
	}
}

// shortest is how many characters a hint must show of the value to mean
// anything, its fixed beginning (sk-ant-api03-) included.
const shortest = 18

// fits reports whether a hint such as "sk-ant-api03-R2D...igAA" is that of a
// value.
func fits(hint string, value []byte) bool {
	head, tail, ok := strings.Cut(hint, "...")
	if !ok {
		head, tail, ok = strings.Cut(hint, "…")
	}
	if !ok || head == "" || tail == "" || len(head)+len(tail) < shortest || len(value) < len(head)+len(tail) {
		return false
	}
	return string(value[:len(head)]) == head && string(value[len(value)-len(tail):]) == tail
}

// Deactivate disables a key.
func (c *conn) Deactivate(ctx context.Context, t driver.Target, k driver.Credential) error {
	return c.set(ctx, "deactivate key", t, k, inactive)
}

// Reactivate enables a key again. One that was archived stays so.
func (c *conn) Reactivate(ctx context.Context, t driver.Target, k driver.Credential) error {
	return c.set(ctx, "reactivate key", t, k, active)
}

// Revoke archives a key, which cannot be taken back. One that is not there is
// gone.
func (c *conn) Revoke(ctx context.Context, t driver.Target, k driver.Credential, _ secret.Parts) error {
	err := c.set(ctx, "archive key", t, k, archived)
	if kindOf(err) == driver.NotFound {
		return nil
	}
	return err
}

// set changes a key's status and believes only the answer that has it. It looks
// first: what Anthropic answers when a key that is over is to be changed is not
// documented, and one that is over need not be ended.
func (c *conn) set(ctx context.Context, op string, t driver.Target, k driver.Credential, status string) error {
	if t.Kind != kindKey {
		return unsupported(op, t.Kind)
	}
	r := rest.Request{Op: op, On: k.ID, Method: http.MethodGet, Path: pathKey, Params: map[string]string{"key": k.ID}, Safe: true, LimitKey: "admin"}
	var now, got key
	if _, err := c.client.Do(ctx, r, &now); err != nil {
		return err
	}
	switch {
	case now.ID != k.ID || now.Status == "":
		return failed(op, k.ID, driver.Malformed, "the answer does not show the key and its status", "")
	case now.over() && status == active:
		return failed(op, k.ID, driver.Invalid, "the key is archived or expired and cannot be enabled again", "make a new key at "+keysPage)
	case now.over():
		return nil
	}
	r.Method, r.Safe, r.JSON = http.MethodPost, false, map[string]any{"status": status}
	if _, err := c.client.Do(ctx, r, &got); err != nil {
		return err
	}
	if got.ID != k.ID || got.Status != status {
		e := failed(op, k.ID, driver.Malformed, "the answer does not show the key with its new status", "look at "+keysPage)
		e.Effect = pawl.EffectUnknown
		return e
	}
	return nil
}

// Verify tries a key at the list of models, which costs nothing. Only what
// Anthropic itself says about the key is a verdict.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	const op = "verify key"
	if t.Kind != kindKey {
		return "", unsupported(op, t.Kind)
	}
	if value[secret.Single].Empty() {
		return "", failed(op, place(t), driver.Invalid, "there is no value to try", "")
	}
	var page struct {
		Data *[]struct{} `json:"data"`
	}
	_, err := c.client.Do(ctx, rest.Request{Op: op, On: place(t), Method: http.MethodGet, Path: pathModels, Query: url.Values{"limit": {"1"}}, As: value[secret.Single], Safe: true}, &page)
	switch {
	case err == nil && page.Data == nil:
		return "", failed(op, place(t), driver.Malformed, "the answer is no list of models", "")
	case err == nil, because(err, permission):
		return driver.Accepted, nil
	case because(err, authentication):
		return driver.Refused, nil
	default:
		return "", err
	}
}

var _ interface {
	driver.Conn
	driver.Issuer
	driver.Verifier
	driver.Identifier
	driver.Deactivator
} = (*conn)(nil)
