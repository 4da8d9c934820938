package controlplane

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// stripe makes and deletes customers. The calls are few enough to be written
// out: a reader sees what is sent.
type stripe struct{ vendor }

func newStripe(c Config, client *http.Client) stripe {
	return stripe{newVendor("stripe", c.StripeBase, "Bearer "+c.StripeKey, client)}
}

const customersPath = "/v1/customers"

type customer struct {
	ID       string
	Metadata map[string]string
}

// metaOrg is the entry of a customer's metadata that names its tenant.
const metaOrg = "org"

// create makes the customer of a tenant. Made again it is the same one, for as
// long as Stripe remembers the idempotency key.
func (s *stripe) create(ctx context.Context, o Org) (string, error) {
	form := url.Values{"name": {o.Name}, "metadata[" + metaOrg + "]": {o.ID}, "metadata[slug]": {o.Slug}}
	if o.Owner != "" {
		form.Set("email", o.Owner)
	}
	var out customer
	err := s.do(ctx, order{op: "create customer", method: http.MethodPost, path: customersPath, form: form, once: "customer-" + o.ID, into: &out})
	return out.ID, err
}

// found lists the customers of a tenant whose id was not told, because the
// answer to their making was lost. Stripe's search is not used: it lags.
func (s *stripe) found(ctx context.Context, o Org) ([]string, error) {
	const page = 100
	q := url.Values{"limit": {strconv.Itoa(page)},
		"created[gte]": {strconv.FormatInt(o.CreatedAt.Add(-time.Hour).Unix(), 10)}, // its clock is not ours
		"created[lte]": {strconv.FormatInt(o.CreatedAt.Add(24*time.Hour).Unix(), 10)}}
	var ids []string
	for {
		var out struct {
			Data []customer
			More bool `json:"has_more"`
		}
		if err := s.do(ctx, order{op: "list customers", method: http.MethodGet, path: customersPath + "?" + q.Encode(), into: &out}); err != nil {
			return nil, err
		}
		for _, c := range out.Data {
			if c.Metadata[metaOrg] == o.ID {
				ids = append(ids, c.ID)
			}
		}
		if !out.More || len(out.Data) == 0 {
			return ids, nil
		}
		q.Set("starting_after", out.Data[len(out.Data)-1].ID)
	}
}

// remove deletes a customer. One that is gone is done.
func (s *stripe) remove(ctx context.Context, id string) error {
	return gone(s.do(ctx, order{op: "delete customer", method: http.MethodDelete, path: customersPath + "/" + url.PathEscape(id)}))
}

// checkout makes a session and gives the address of its page.
func (s *stripe) checkout(ctx context.Context, form url.Values) (string, error) {
	var out struct{ URL string }
	err := s.do(ctx, order{op: "create checkout session", method: http.MethodPost, path: "/v1/checkout/sessions", form: form, into: &out})
	return out.URL, err
}
