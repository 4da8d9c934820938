package neon

import (
	"context"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// maxKeyName is how long a key's name may be, in characters
// (ApiKeyCreateRequest).
const maxKeyName = 64

// keys are those of the person whose key the connection has, or those of an
// organisation: all of it, or one project alone.
type keys struct {
	c            *conn
	org, project string
}

func (c *conn) orgKeys(op string, t driver.Target) (*keys, error) {
	k := &keys{c: c}
	var err error
	if k.org, err = id(op, t.Settings, "org_id"); err != nil {
		return nil, err
	}
	if t.Settings.String("project_id") != "" {
		k.project, err = id(op, t.Settings, "project_id")
	}
	return k, err
}

func (k *keys) on() string {
	switch {
	case k.project != "":
		return k.org + " " + k.project
	case k.org != "":
		return k.org
	default:
		return "the person's account"
	}
}

// request is a call on all keys, or with an id on one of them.
func (k *keys) request(op, method, id string) rest.Request {
	r := rest.Request{Op: op, On: k.on(), Method: method, Path: pathKeys}
	switch {
	case k.org != "" && id != "":
		r.Path, r.Params = pathOrgKey, map[string]string{"org_id": k.org, "key_id": id}
	case k.org != "":
		r.Path, r.Params = pathOrgKeys, map[string]string{"org_id": k.org}
	case id != "":
		r.Path, r.Params = pathKey, map[string]string{"key_id": id}
	}
	return r
}

// apiKey is Neon's record of a key. Its ids are numbers.
type apiKey struct {
	ID        int64      `json:"id"`
	Key       string     `json:"key"` // at minting only
	Name      string     `json:"name"`
	Project   string     `json:"project_id"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"last_used_at"`
	Revoked   bool       `json:"revoked"` // at revocation only
}

func (a apiKey) credential() driver.Credential {
	return driver.Credential{ID: strconv.FormatInt(a.ID, 10), Name: a.Name, CreatedAt: a.CreatedAt}
}

func (k *keys) mint(ctx context.Context, name string) (driver.Minted, error) {
	r := k.request("mint key", http.MethodPost, "")
	if n := utf8.RuneCountInString(name); n == 0 || n > maxKeyName {
		return driver.Minted{}, invalid(r.Op, k.on(), "a key's name has 1 to 64 characters", "set a shorter `name` at the issuer")
	}
	body := map[string]any{"key_name": name}
	if k.project != "" {
		body["project_id"] = k.project
	}
	r.JSON = body
	var made apiKey
	if err := k.c.call(ctx, r, &made); err != nil {
		return driver.Minted{}, err
	}
	if made.ID == 0 || made.Key == "" {
		return driver.Minted{}, malformed(r.Op, k.on(), pawl.EffectUnknown, "the answer has no key in it")
	}
	return driver.Minted{Credential: made.credential(), Value: secret.One(secret.NewString(made.Key))}, nil
}

// all gives the living keys of the same reach: an organisation's list has
// those for one project in it too.
func (k *keys) all(ctx context.Context, op string) ([]apiKey, error) {
	var got []apiKey
	if err := k.c.call(ctx, k.request(op, http.MethodGet, ""), &got); err != nil {
		return nil, err
	}
	if got == nil {
		return nil, malformed(op, k.on(), pawl.EffectNone, "the answer has no list in it")
	}
	list := got[:0]
	for _, a := range got {
		if a.Project == k.project {
			list = append(list, a)
		}
	}
	return list, nil
}

func (k *keys) list(ctx context.Context, op string) ([]driver.Credential, error) {
	all, err := k.all(ctx, op)
	if err != nil {
		return nil, err
	}
	list := make([]driver.Credential, len(all))
	for i, a := range all {
		list[i] = a.credential()
	}
	return list, nil
}

// find gives the key with an id.
func (k *keys) find(ctx context.Context, op, id string) (apiKey, bool, error) {
	all, err := k.all(ctx, op)
	for _, a := range all {
		if a.credential().ID == id {
			return a, true, err
		}
	}
	return apiKey{}, false, err
}

// revoke ends a key, at once and for good ("Manage API keys"). An answer of
// 404 may also mean that it is the organisation that was not found, so the
// list is asked before a key is called gone.
func (k *keys) revoke(ctx context.Context, gone driver.Credential, _ secret.Parts) error {
	if n, err := strconv.ParseInt(gone.ID, 10, 64); err != nil || n <= 0 {
		return invalid("revoke key", k.on(), "the key's id is not a number", "find the id with pawl doctor, or in Neon's console")
	}
	r := k.request("revoke key", http.MethodDelete, gone.ID)
	r.On = k.on() + " " + gone.ID
	var got apiKey
	err := k.c.call(ctx, r, &got)
	switch {
	case kindOf(err) == driver.NotFound:
		_, there, looked := k.find(ctx, r.Op, gone.ID)
		if looked != nil || !there {
			return looked
		}
		return err
	case err != nil:
		return err
	case !got.Revoked:
		return malformed(r.Op, r.On, pawl.EffectUnknown, "the answer does not say that the key is revoked")
	default:
		return nil
	}
}

// account is what Neon says about a key that is used to ask.
type account struct {
	ID     string `json:"account_id"`
	Method string `json:"auth_method"` // api_key_user, api_key_org
}

// whoAmI asks with a key, or with the connection's own where as is empty.
func (c *conn) whoAmI(ctx context.Context, op string, as secret.Value) (account, error) {
	var got account
	if err := c.call(ctx, rest.Request{Op: op, Method: http.MethodGet, Path: pathAuth, As: as}, &got); err != nil {
		return got, err
	}
	if got.Method == "" {
		return got, malformed(op, "", pawl.EffectNone, "the answer does not say whose key it is")
	}
	return got, nil
}

// verify asks with the key itself. Only 401 means that it is dead.
func (k *keys) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify key"
	v, err := part(op, value, secret.Single)
	if err != nil {
		return "", err
	}
	_, err = k.c.whoAmI(ctx, op, v)
	switch {
	case kindOf(err) == driver.Unauthenticated:
		return driver.Refused, nil
	case err != nil:
		return "", err
	default:
		return driver.Accepted, nil
	}
}

func (k *keys) lastUsed(ctx context.Context, op string, of driver.Credential) (time.Time, error) {
	a, there, err := k.find(ctx, op, of.ID)
	switch {
	case err != nil:
		return time.Time{}, err
	case !there:
		return time.Time{}, &driver.Error{Op: op, On: k.on() + " " + of.ID, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "Neon does not list the key"}
	case a.UsedAt == nil:
		return time.Time{}, nil
	default:
		return *a.UsedAt, nil
	}
}
