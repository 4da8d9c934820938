package resend

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// maxName is how long a key's name may be, in characters (the page "API
// Keys").
const maxName = 50

// key is Resend's record of a key. It has neither permission nor domain.
type key struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	CreatedAt string  `json:"created_at"`
	UsedAt    *string `json:"last_used_at"`
}

func (k key) credential() driver.Credential {
	at, _ := instant(k.CreatedAt) // only shown to people
	return driver.Credential{ID: k.ID, Name: k.Name, CreatedAt: at}
}

// Mint makes a key. Resend's idempotency keys are for sending alone.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	const op = "mint key"
	if r.Target.Kind != kindKey {
		return driver.Minted{}, unsupported(op, r.Target.Kind)
	}
	body, err := order(op, r)
	if err != nil {
		return driver.Minted{}, err
	}
	var made struct{ ID, Token string }
	if _, err := c.call(ctx, rest.Request{Op: op, On: r.Name, Method: http.MethodPost, Path: pathKeys, JSON: body}, &made); err != nil {
		return driver.Minted{}, err
	}
	if made.ID == "" || made.Token == "" {
		return driver.Minted{}, malformed(op, r.Name, pawl.EffectUnknown, "the answer has no key in it")
	}
	return driver.Minted{Credential: driver.Credential{ID: made.ID, Name: r.Name, CreatedAt: c.env.Now()}, Value: secret.One(secret.NewString(made.Token))}, nil
}

// order is the body of the minting call. A wish that Resend would pass over in
// silence is refused: the key would do more than the estate says.
func order(op string, r driver.MintRequest) (map[string]any, error) {
	permission, domain := r.Target.Settings.String("permission"), r.Target.Settings.String("domain_id")
	switch n := utf8.RuneCountInString(r.Name); {
	case n == 0 || n > maxName:
		return nil, invalid(op, "", "a key's name has 1 to 50 characters", "set a shorter `name` at the issuer")
	case permission != fullAccess && permission != sendingAccess:
		return nil, invalid(op, r.Name, "the permission is not one of Resend's", "set `permission` to full_access or sending_access")
	case permission == fullAccess && domain != "":
		return nil, invalid(op, r.Name, "a key of full access cannot be kept to one domain", "take `domain_id` away, or set `permission` to sending_access")
	}
	body := map[string]any{"name": r.Name, "permission": permission}
	if domain != "" {
		body["domain_id"] = domain
	}
	return body, nil
}

// keys reads all keys of the team.
func (c *conn) keys(ctx context.Context, op string) ([]key, error) {
	all := []key{}
	err := walk(ctx, c, rest.Request{Op: op, Path: pathKeys}, func(k key) string { return k.ID },
		func(part []key, _ http.Header) bool { all = append(all, part...); return true })
	return all, err
}

// List gives the team's keys, whatever they may do: the list does not say.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	const op = "list keys"
	if t.Kind != kindKey {
		return nil, unsupported(op, t.Kind)
	}
	all, err := c.keys(ctx, op)
	if err != nil {
		return nil, err
	}
	list := make([]driver.Credential, len(all))
	for i, k := range all {
		list[i] = k.credential()
	}
	return list, nil
}

func (c *conn) find(ctx context.Context, op, id string) (key, bool, error) {
	all, err := c.keys(ctx, op)
	for _, k := range all {
		if k.ID == id {
			return k, true, err
		}
	}
	return key{}, false, err
}

// Revoke deletes a key. One that Resend does not find is gone, if the list
// does not have it either.
func (c *conn) Revoke(ctx context.Context, t driver.Target, gone driver.Credential, _ secret.Parts) error {
	const op = "revoke key"
	switch {
	case t.Kind != kindKey:
		return unsupported(op, t.Kind)
	case gone.ID == "":
		return invalid(op, gone.Name, "the key's id is empty", "find the id with pawl doctor, or in Resend's dashboard")
	}
	var got struct{ Deleted *bool }
	_, err := c.call(ctx, rest.Request{Op: op, On: gone.ID, Method: http.MethodDelete, Path: pathKey, Params: map[string]string{"api_key_id": gone.ID}}, &got)
	switch {
	case kindOf(err) == driver.NotFound:
		_, there, looked := c.find(ctx, op, gone.ID)
		if looked != nil || !there {
			return looked
		}
		return err
	case err != nil:
		return err
	case got.Deleted == nil || !*got.Deleted:
		return malformed(op, gone.ID, pawl.EffectUnknown, "the answer does not say that the key is deleted")
	default:
		return nil
	}
}

// LastUsed reads the time of a key's last use. One that cannot be read is an
// error: it must not pass for "never".
func (c *conn) LastUsed(ctx context.Context, t driver.Target, of driver.Credential) (time.Time, error) {
	const op = "tell last use"
	if t.Kind != kindKey {
		return time.Time{}, unsupported(op, t.Kind)
	}
	k, there, err := c.find(ctx, op, of.ID)
	switch {
	case err != nil:
		return time.Time{}, err
	case !there:
		return time.Time{}, &driver.Error{Op: op, On: of.ID, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "Resend does not list the key"}
	case k.UsedAt == nil:
		return time.Time{}, nil
	}
	at, ok := instant(*k.UsedAt)
	if !ok {
		return time.Time{}, malformed(op, of.ID, pawl.EffectNone, "the time of the last use is in no form that is known")
	}
	return at, nil
}

// Verify asks with the key itself. A key that may only send is refused the
// list, in words that only a living key gets.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	const op = "verify key"
	if t.Kind != kindKey {
		return "", unsupported(op, t.Kind)
	}
	v, err := single(op, value)
	if err != nil {
		return "", err
	}
	_, _, err = first[domain](ctx, c, rest.Request{Op: op, Path: pathDomains, As: v}, 1, "")
	switch {
	case err == nil, errors.Is(err, errRestricted):
		return driver.Accepted, nil
	case errors.Is(err, errDead):
		return driver.Refused, nil
	default:
		return "", err
	}
}
