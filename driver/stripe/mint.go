package stripe

import (
	"context"
	"maps"
	"net/http"
	"slices"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const opMint = "make webhook endpoint"

// maxMetadata is the longest text under one key, in bytes here and in
// characters at Stripe ("Metadata").
const maxMetadata = 500

// Mint makes a second endpoint for the same URL. It has a secret of its own,
// which Stripe shows once; events arrive from both until the old one ends.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	if r.Target.Kind != kindEndpoint {
		return driver.Minted{}, unsupported(opMint, r.Target.Kind, "Stripe has no public call that makes these", "make it at "+pageOf(r.Target.Kind)+" and hand it over")
	}
	p, err := c.draft(ctx, r)
	if err != nil {
		return driver.Minted{}, err
	}
	made := &sdk.WebhookEndpoint{}
	err = c.call(ctx, http.MethodPost, pathEndpoints, p, made)
	if made.LastResponse != nil {
		clear(made.LastResponse.RawJSON) // the SDK keeps the answer, and with it the secret
	}
	if err == nil && (made.ID == "" || made.Secret == "") {
		err = malformed(false, "the answer has no id or no secret")
	}
	if err != nil {
		return driver.Minted{}, failed(opMint, r.Name, false, err)
	}
	return driver.Minted{Credential: credential(made), Value: secret.One(secret.NewString(made.Secret))}, nil
}

// draft asks for an endpoint like the one that is there, with what the estate
// declares in its place.
func (c *conn) draft(ctx context.Context, r driver.MintRequest) (*sdk.WebhookEndpointCreateParams, error) {
	s := r.Target.Settings
	here, err := c.endpoints(ctx, opMint, s.String("url"))
	if err != nil {
		return nil, err
	}
	p := &sdk.WebhookEndpointCreateParams{URL: sdk.String(s.String("url")), Metadata: map[string]string{}}
	like(p, pick(here, r.Old))
	declare(p, s)
	p.Metadata[nameKey] = r.Name
	switch {
	case r.Name == "":
		return nil, invalid(opMint, "", "it has no name, without which a lost answer could not be made good", "give the issuer a name")
	case len(r.Name) > maxMetadata:
		return nil, invalid(opMint, "", "the name is too long for Stripe", "give the issuer a shorter name")
	case len(p.EnabledEvents) == 0:
		return nil, invalid(opMint, "", "no endpoint has this url, and the estate names no events", "write events: [customer.subscription.updated, …]")
	}
	return p, c.unrepeatable(&p.Params, opMint)
}

// like has the new endpoint be as another one is.
func like(p *sdk.WebhookEndpointCreateParams, w *sdk.WebhookEndpoint) {
	if w == nil {
		return
	}
	p.EnabledEvents = sdk.StringSlice(w.EnabledEvents)
	p.APIVersion, p.Description = given(w.APIVersion), given(w.Description)
	maps.Copy(p.Metadata, w.Metadata)
}

// declare puts what the estate says in the place of what is there.
func declare(p *sdk.WebhookEndpointCreateParams, s estate.Settings) {
	if events := s.List("events"); len(events) > 0 {
		p.EnabledEvents = sdk.StringSlice(events)
	}
	if version := given(s.String("api_version")); version != nil {
		p.APIVersion = version
	}
	if text := given(s.String("description")); text != nil {
		p.Description = text
	}
	if s.Bool("connect") {
		p.Connect = sdk.Bool(true)
	}
	maps.Copy(p.Metadata, s.Map("metadata"))
}

// given is a text that is sent only if there is one.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// pick gives the endpoint that the new one is to be like: the old one, or the
// newest one that is enabled, or the newest.
func pick(here []*sdk.WebhookEndpoint, old *driver.Credential) *sdk.WebhookEndpoint {
	for _, wanted := range []func(*sdk.WebhookEndpoint) bool{
		func(w *sdk.WebhookEndpoint) bool { return old != nil && w.ID == old.ID },
		func(w *sdk.WebhookEndpoint) bool { return w.Status != statusDisabled },
		func(*sdk.WebhookEndpoint) bool { return true },
	} {
		if i := slices.IndexFunc(here, wanted); i >= 0 {
			return here[i]
		}
	}
	return nil
}
