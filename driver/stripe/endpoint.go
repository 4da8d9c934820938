package stripe

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

const (
	opList       = "list webhook endpoints"
	opRevoke     = "delete webhook endpoint"
	opDeactivate = "disable webhook endpoint"
	opReactivate = "enable webhook endpoint"
)

// nameKey is the metadata under which an endpoint carries its name. The
// description stays as it is: people read it.
const nameKey = "pawl_name"

const (
	pageSize = 100 // the most that Stripe gives
	maxPages = 20  // with more endpoints than any account may have, the pages do not end
)

const (
	pathEndpoints  = "/v1/webhook_endpoints"
	statusDisabled = "disabled"
)

// endpointID is the form of an endpoint's id. Nothing else becomes a path.
var endpointID = regexp.MustCompile(`^we_[A-Za-z0-9_]{1,250}$`)

// List gives the endpoints of the target's URL. Those for connected accounts
// are among them: Stripe does not tell which they are.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	if t.Kind != kindEndpoint {
		return nil, unsupported(opList, t.Kind, "Stripe has no public call that lists these", "look at "+pageOf(t.Kind))
	}
	here, err := c.endpoints(ctx, opList, t.Settings.String("url"))
	if err != nil {
		return nil, err
	}
	list := make([]driver.Credential, len(here))
	for i, w := range here {
		list[i] = credential(w)
	}
	return list, nil
}

func credential(w *sdk.WebhookEndpoint) driver.Credential {
	return driver.Credential{ID: w.ID, Name: w.Metadata[nameKey], CreatedAt: time.Unix(w.Created, 0).UTC(), Inactive: w.Status == statusDisabled}
}

// endpoints gives those of one URL, newest first, as Stripe does.
func (c *conn) endpoints(ctx context.Context, op, where string) ([]*sdk.WebhookEndpoint, error) {
	if _, err := webURL(op, where); err != nil {
		return nil, err
	}
	all, err := c.all(ctx, op)
	return slices.DeleteFunc(all, func(w *sdk.WebhookEndpoint) bool { return w.URL != where }), err
}

// all gives every endpoint of the account. The SDK's own walk over pages would
// never end on an empty page that says that more follow, and panics on a list
// with null in it.
func (c *conn) all(ctx context.Context, op string) ([]*sdk.WebhookEndpoint, error) {
	const on = "of the account"
	var all []*sdk.WebhookEndpoint
	p := &sdk.WebhookEndpointListParams{}
	p.Limit = sdk.Int64(pageSize)
	for range maxPages {
		page, err := c.page(ctx, p)
		if err != nil {
			return nil, failed(op, on, true, err)
		}
		if page.URL == "" || page.HasMore && len(page.Data) == 0 || slices.Contains(page.Data, nil) {
			return nil, failed(op, on, true, malformed(true, "the answer is not a list of Stripe's"))
		}
		if all = append(all, page.Data...); !page.HasMore {
			return all, nil
		}
		p.StartingAfter = &all[len(all)-1].ID
	}
	return nil, failed(op, on, true, malformed(true, "the list does not end"))
}

// Revoke deletes an endpoint; one that is gone already was deleted. The value
// is of no use: Stripe ends endpoints by their id.
func (c *conn) Revoke(ctx context.Context, t driver.Target, cred driver.Credential, _ secret.Parts) error {
	if err := known(ctx, opRevoke, t, cred); err != nil {
		return err
	}
	p := &sdk.WebhookEndpointDeleteParams{}
	if err := c.unrepeatable(&p.Params, opRevoke); err != nil {
		return err
	}
	gone := &sdk.WebhookEndpoint{}
	err := c.call(ctx, http.MethodDelete, pathEndpoints+"/"+cred.ID, p, gone)
	if err == nil && (!gone.Deleted || gone.ID != cred.ID) {
		err = malformed(false, "the answer does not say that it was deleted")
	}
	if err = failed(opRevoke, cred.ID, false, err); isKind(err, driver.NotFound) {
		return nil
	}
	return err
}

// Deactivate disables an endpoint: no event goes to it. Those of that time
// are not sent to it later.
func (c *conn) Deactivate(ctx context.Context, t driver.Target, cred driver.Credential) error {
	return c.disable(ctx, opDeactivate, t, cred, true)
}

// Reactivate enables an endpoint again.
func (c *conn) Reactivate(ctx context.Context, t driver.Target, cred driver.Credential) error {
	return c.disable(ctx, opReactivate, t, cred, false)
}

func (c *conn) disable(ctx context.Context, op string, t driver.Target, cred driver.Credential, disabled bool) error {
	if err := known(ctx, op, t, cred); err != nil {
		return err
	}
	p := &sdk.WebhookEndpointUpdateParams{Disabled: &disabled}
	if err := c.unrepeatable(&p.Params, op); err != nil {
		return err
	}
	now := &sdk.WebhookEndpoint{}
	err := c.call(ctx, http.MethodPost, pathEndpoints+"/"+cred.ID, p, now)
	if err == nil && (now.ID != cred.ID || (now.Status == statusDisabled) != disabled) {
		err = malformed(false, "the answer does not have the state that was asked for")
	}
	return failed(op, cred.ID, false, err)
}

// known holds that the target and the credential are such as can be acted on.
func known(ctx context.Context, op string, t driver.Target, cred driver.Credential) error {
	if t.Kind != kindEndpoint {
		return unsupported(op, t.Kind, "Stripe has no public call that ends these", "it ends by itself, or end it at "+pageOf(t.Kind))
	}
	if _, err := webURL(op, t.Settings.String("url")); err != nil {
		return err
	}
	if !endpointID.MatchString(cred.ID) {
		return invalid(op, "", "that is no id of a webhook endpoint: they begin with we_", "look at "+webhooksPage)
	}
	return stopped(ctx, op, cred.ID)
}

// unrepeatable gives a writing call a key of its own. Stripe answers a second
// arrival of the same key with the first answer, so that a proxy which sends a
// call again makes nothing twice ("Idempotent requests"). Left out, the SDK
// would make one from the machine's clock.
func (c *conn) unrepeatable(p *sdk.Params, op string) error {
	key, err := random(c.env.Rand, op, 32)
	if err == nil {
		p.SetIdempotencyKey("pawl-" + key)
	}
	return err
}
